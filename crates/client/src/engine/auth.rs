//! Sign-up, sign-in, recovery and password change: what is derived, what the server gets, what stays.
//!
//! The account identity lives in [`PendingAuth`] for the moment between two commands and is erased with it.

use sotto_client_api::Reply;
use sotto_client_api::views::Phase;
use sotto_protocol::accounts::{
    ChangePasswordRequest, KdfParams, NewRecoveryRequest, PasswordEntry, RecoveryEntry, RecoveryFinishRequest, RecoveryOpenRequest,
    RecoveryOpened, SignInRequest, SignUpRequest, SignedIn,
};
use sotto_protocol::device_list::DeviceEntry;
use sotto_protocol::{AccountId, Bytes, ErrorCode, UserName, codec};
use sotto_rules::identity::{MAX_DEVICES, VerifiedHead, check_rising, decode_device_list};
use zeroize::Zeroizing;

use super::{Engine, Turn};
use crate::archive::ArchiveKey;
use crate::identity::{AccountIdentity, DeviceIdentity};
use crate::io::DeviceWrap;
use crate::kdf::{self, PasswordKeys, Pin};
use crate::recovery::{Code, RecoveryKeys};
use crate::seal::{self, Wrap};
use crate::vault::{SlotKind, Vault};
use crate::{password, recovery};

/// What a prepared step waits for the server with. Never stored.
pub(super) enum PendingAuth {
    /// `sign_up` was prepared.
    SignUp { name: UserName, kdf: KdfParams, keys: PasswordKeys, device: Box<DeviceIdentity>, device_list: Bytes, archive: ArchiveKey },
    /// `sign_in` (or `open_vault`) was prepared.
    SignIn { name: UserName, kdf: KdfParams, keys: PasswordKeys },
    /// `recovery_open` was prepared.
    RecoveryOpen { name: UserName, keys: RecoveryKeys },
    /// `recovery_finish` was prepared.
    Recovered { name: UserName, kdf: KdfParams, keys: PasswordKeys, account: AccountId },
    /// `change_password` was prepared.
    NewPassword { name: UserName, kdf: KdfParams, keys: PasswordKeys, device_list: Bytes },
}

fn auth_bytes(key: &Zeroizing<[u8; 32]>) -> Bytes {
    Bytes(key.to_vec())
}

fn password_entry(
    kdf: &KdfParams,
    keys: &PasswordKeys,
    vault: &Vault,
    account: AccountId,
    version: u64,
) -> Result<PasswordEntry, ErrorCode> {
    let slot = vault.seal(&keys.vault_key, account, SlotKind::Password, version)?;
    Ok(PasswordEntry { kdf: kdf.clone(), auth_key: auth_bytes(&keys.auth_key), slot })
}

fn recovery_entry(vault: &Vault, account: AccountId, version: u64) -> Result<(RecoveryEntry, recovery::Code), ErrorCode> {
    let code = Code::generate()?;
    let keys = code.keys()?;
    let slot = vault.seal(&keys.slot_key, account, SlotKind::Recovery, version)?;
    Ok((RecoveryEntry { auth_key: auth_bytes(&keys.auth_key), slot }, code))
}

impl Engine {
    pub(super) fn prepare_sign_up(&mut self, turn: &mut Turn, id: u32, name: UserName, typed: &str) -> Result<(), ErrorCode> {
        let password = self.password(typed)?;
        password::require(&password, name.as_str())?;
        let kdf = kdf::fresh_params()?;
        let keys = kdf::derive(&password, &kdf)?;
        let identity = AccountIdentity::generate()?;
        let account = identity.account();
        let vault = Vault::new(&identity)?;
        let device = DeviceIdentity::generate(&identity)?;
        let device_list = Bytes(codec::encode(&identity.first_list(device.entry(turn.now))));
        let (recovery, code) = recovery_entry(&vault, account, 1)?;
        let request = SignUpRequest {
            name: name.clone(),
            password: password_entry(&kdf, &keys, &vault, account, 1)?,
            recovery,
            device_list: device_list.clone(),
            device: device.device(),
        };
        let archive = ArchiveKey::of(&vault.archive_root, account)?;
        self.auth = Some(PendingAuth::SignUp { name, kdf, keys, device: Box::new(device), device_list, archive });
        turn.reply(id, Reply::SignUp { request, recovery_code: code.to_text() });
        Ok(())
    }

    pub(super) fn prepare_sign_in(
        &mut self,
        turn: &mut Turn,
        id: u32,
        name: UserName,
        typed: &str,
        kdf: &KdfParams,
        accept_new_salt: bool,
    ) -> Result<(), ErrorCode> {
        // Before anything is derived: a lying server must not get a cheaply hashed password (SECURITY_TESTS.md 1 to 3).
        kdf::check(kdf, self.profile.pins.get(&name), accept_new_salt)?;
        let keys = kdf::derive(&self.password(typed)?, kdf)?;
        turn.reply(id, Reply::SignIn(SignInRequest { name: name.clone(), auth_key: auth_bytes(&keys.auth_key) }));
        self.auth = Some(PendingAuth::SignIn { name, kdf: kdf.clone(), keys });
        Ok(())
    }

    pub(super) fn signed_in(&mut self, turn: &mut Turn, id: u32, signed: &SignedIn, make_room: bool) -> Result<(), ErrorCode> {
        match self.auth.take().ok_or(ErrorCode::NotReady)? {
            PendingAuth::SignUp { name, kdf, keys, device, device_list, archive } => {
                if signed.account != device.account() || signed.name != name {
                    return Err(ErrorCode::NotAuthentic);
                }
                self.make_device(turn, &name, *device, device_list, true, &kdf, &keys, &archive)?;
            }
            PendingAuth::SignIn { name, kdf, keys } => {
                if signed.name != name {
                    return Err(ErrorCode::NotAuthentic);
                }
                self.open_device(turn, signed, make_room, kdf, keys)?;
            }
            PendingAuth::Recovered { name, kdf, keys, account } => {
                if signed.name != name || signed.account != account {
                    return Err(ErrorCode::NotAuthentic);
                }
                self.open_device(turn, signed, make_room, kdf, keys)?;
            }
            other => {
                self.auth = Some(other);
                return Err(ErrorCode::NotReady);
            }
        }
        turn.reply(id, Reply::Done);
        Ok(())
    }

    /// After a sign-in: the device that is kept here goes on when it is still its account's, otherwise this browser becomes a new one.
    fn open_device(
        &mut self,
        turn: &mut Turn,
        signed: &SignedIn,
        make_room: bool,
        kdf: KdfParams,
        keys: PasswordKeys,
    ) -> Result<(), ErrorCode> {
        let vault = Vault::open(&signed.slot, &keys.vault_key, signed.account, SlotKind::Password)?;
        let list = decode_device_list(signed.device_list.as_slice(), Some(signed.account))?;
        // The slot must be as new as the list says: an older one is a rolled-back vault.
        if signed.slot.version < list.vault_version {
            return Err(ErrorCode::VaultDamaged);
        }
        let archive = ArchiveKey::of(&vault.archive_root, signed.account)?;
        let owner = self.profile.owner.clone().filter(|owner| owner.account == signed.account);
        // One that turned out to have no keys for its rooms is listed all the same.
        let fit = !matches!(self.phase, Phase::Replaced { .. });
        if let Some(owner) = owner.as_ref().filter(|owner| fit && list.devices.iter().any(|entry| entry.device == owner.device)) {
            if self.data.is_some() {
                return self.resume_open(turn, signed, &kdf, &keys, &archive);
            }
            if let Ok(storage_key) = seal::unwrap_key(&keys.vault_key, Wrap::Keep, owner.account, owner.keep_wrap.as_slice()) {
                self.signed_in = true;
                return self.resume_kept(turn, signed, storage_key, &kdf, &keys, &archive);
            }
        }
        // What this browser was before goes with its rows. Which device that was the server alone knows where they are gone.
        let before = owner.map(|owner| owner.device).or(signed.before.filter(|_| self.phase == Phase::Evicted));
        let mut devices: Vec<DeviceEntry> = list.devices.iter().filter(|entry| before != Some(entry.device)).cloned().collect();
        if devices.len() >= MAX_DEVICES {
            if !make_room {
                self.auth = Some(PendingAuth::SignIn { name: signed.name.clone(), kdf, keys });
                return Err(ErrorCode::TooManyDevices);
            }
            devices.remove(0);
        }
        let identity = vault.identity();
        let device = DeviceIdentity::generate(&identity)?;
        devices.push(device.entry(turn.now));
        let device_list = Bytes(codec::encode(&identity.next_list(&list, devices, list.vault_version)));
        self.make_device(turn, &signed.name, device, device_list, false, &kdf, &keys, &archive)
    }

    pub(super) fn prepare_recovery(&mut self, turn: &mut Turn, id: u32, name: UserName, typed: &str) -> Result<(), ErrorCode> {
        let keys = Code::parse(typed)?.keys()?;
        turn.reply(id, Reply::RecoveryOpen(RecoveryOpenRequest { name: name.clone(), auth_key: auth_bytes(&keys.auth_key) }));
        self.auth = Some(PendingAuth::RecoveryOpen { name, keys });
        Ok(())
    }

    pub(super) fn finish_recovery(
        &mut self,
        turn: &mut Turn,
        id: u32,
        opened: &RecoveryOpened,
        new_password: &str,
    ) -> Result<(), ErrorCode> {
        let Some(PendingAuth::RecoveryOpen { name, keys: recovery_keys }) = &self.auth else {
            return Err(ErrorCode::NotReady);
        };
        let new_password = self.password(new_password)?;
        password::require(&new_password, name.as_str())?;
        let vault = Vault::open(&opened.slot, &recovery_keys.slot_key, opened.account, SlotKind::Recovery)?;
        let list = decode_device_list(opened.device_list.as_slice(), Some(opened.account))?;
        let version = list.vault_version.saturating_add(1);
        let kdf = kdf::fresh_params()?;
        let keys = kdf::derive(&new_password, &kdf)?;
        let (recovery, code) = recovery_entry(&vault, opened.account, version)?;
        let next = vault.identity().next_list(&list, list.devices.clone(), version);
        let request = RecoveryFinishRequest {
            name: name.clone(),
            auth_key: auth_bytes(&recovery_keys.auth_key),
            password: password_entry(&kdf, &keys, &vault, opened.account, version)?,
            recovery,
            device_list: Bytes(codec::encode(&next)),
        };
        let name = name.clone();
        self.auth = Some(PendingAuth::Recovered { name, kdf, keys, account: opened.account });
        turn.reply(id, Reply::RecoveryFinish { request, recovery_code: code.to_text() });
        Ok(())
    }

    /// The vault of the signed-in account, by the password that [`Engine::prepare_sign_in`] just derived.
    pub(super) fn vault_by_password(&mut self, signed: &SignedIn) -> Result<(UserName, PasswordKeys, Vault), ErrorCode> {
        let Some(PendingAuth::SignIn { name, keys, .. }) = self.auth.take() else {
            return Err(ErrorCode::NotReady);
        };
        if signed.account != self.data()?.account() || signed.name != name {
            return Err(ErrorCode::NotAuthentic);
        }
        let vault = Vault::open(&signed.slot, &keys.vault_key, signed.account, SlotKind::Password)?;
        Ok((name, keys, vault))
    }

    pub(super) fn prepare_change_password(
        &mut self,
        turn: &mut Turn,
        id: u32,
        new_password: &str,
        signed: &SignedIn,
    ) -> Result<(), ErrorCode> {
        let new_password = self.password(new_password)?;
        password::require(&new_password, signed.name.as_str())?;
        let (name, current, vault) = self.vault_by_password(signed)?;
        let list = decode_device_list(signed.device_list.as_slice(), Some(signed.account))?;
        let own = decode_device_list(self.data()?.record()?.device_list.as_slice(), Some(signed.account))?;
        check_rising(&VerifiedHead::of(&own), &list)?;
        let version = list.vault_version.saturating_add(1);
        let kdf = kdf::fresh_params()?;
        let keys = kdf::derive(&new_password, &kdf)?;
        let next = vault.identity().next_list(&list, list.devices.clone(), version);
        let device_list = Bytes(codec::encode(&next));
        let request = ChangePasswordRequest {
            current_auth_key: auth_bytes(&current.auth_key),
            password: password_entry(&kdf, &keys, &vault, signed.account, version)?,
            device_list: device_list.clone(),
        };
        self.auth = Some(PendingAuth::NewPassword { name, kdf, keys, device_list });
        turn.reply(id, Reply::ChangePassword(request));
        Ok(())
    }

    pub(super) fn password_changed(&mut self, turn: &mut Turn, id: u32) -> Result<(), ErrorCode> {
        let Some(PendingAuth::NewPassword { name, kdf, keys, device_list }) = self.auth.take() else {
            return Err(ErrorCode::NotReady);
        };
        let data = self.data()?;
        let mut record = data.record()?;
        record.device_list = device_list;
        data.put_record(&record)?;
        let keep_wrap = seal::wrap_key(&keys.vault_key, Wrap::Keep, data.account(), data.ring.storage_key())?;
        self.change_profile(turn, DeviceWrap::Keep, |profile| {
            profile.pins.insert(name, Pin::of(&kdf));
            if let Some(owner) = &mut profile.owner {
                owner.keep_wrap = keep_wrap;
            }
        });
        turn.reply(id, Reply::Done);
        Ok(())
    }

    pub(super) fn prepare_new_recovery(&mut self, turn: &mut Turn, id: u32, signed: &SignedIn) -> Result<(), ErrorCode> {
        let (_, current, vault) = self.vault_by_password(signed)?;
        let list = decode_device_list(signed.device_list.as_slice(), Some(signed.account))?;
        let (recovery, code) = recovery_entry(&vault, signed.account, list.vault_version)?;
        let request = NewRecoveryRequest { current_auth_key: auth_bytes(&current.auth_key), recovery };
        turn.reply(id, Reply::NewRecovery { request, recovery_code: code.to_text() });
        Ok(())
    }
}
