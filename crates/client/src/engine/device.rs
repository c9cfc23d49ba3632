//! This device: making it, restoring it, binding the session to it.

use sotto_protocol::accounts::{KdfParams, SignedIn};
use sotto_protocol::api::PutDevices;
use sotto_protocol::{Bytes, ErrorCode, UserName};

use super::data::Data;
use super::net::Pending;
use super::{Engine, Turn};
use crate::archive::ArchiveKey;
use crate::identity::DeviceIdentity;
use crate::io::DeviceWrap;
use crate::kdf::{PasswordKeys, Pin};
use crate::leaf_key::LeafKey;
use crate::profile::Owner;
use crate::records::{ContactRecord, DeviceRecord};
use crate::seal::{self, StorageKey, Wrap};

impl Engine {
    /// Makes this browser a device of the account. Whatever an earlier one left here goes in the same batch, also what was said:
    /// it lies under another storage key.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn make_device(
        &mut self,
        turn: &mut Turn,
        name: &UserName,
        device: DeviceIdentity,
        device_list: Bytes,
        bound: bool,
        kdf: &KdfParams,
        keys: &PasswordKeys,
        archive: &ArchiveKey,
    ) -> Result<(), ErrorCode> {
        let storage_key = StorageKey::generate()?;
        let account = device.account();
        let keep_wrap = seal::wrap_key(&keys.vault_key, Wrap::Keep, account, &storage_key)?;
        let leaf_key = LeafKey::generate()?;
        let record = DeviceRecord {
            name: name.clone(),
            identity: Bytes(device.encode().to_vec()),
            device_list: device_list.clone(),
            leaf_key: Bytes(leaf_key.public().to_vec()),
            registered: false,
            next_order: 0,
            last_resorts_used: Vec::new(),
            archive: Bytes(archive.bytes().to_vec()),
        };
        let owner = Owner { account, name: name.clone(), device: device.device(), keep_wrap, lock: None, signed_out: false };
        let contact = ContactRecord {
            account,
            name: name.clone(),
            account_key: Bytes(device.account_key().to_vec()),
            list_version: 0,
            list_hash: Bytes::default(),
            verified_at: None,
            seen: None,
            accepted: false,
            proven: 0,
        };

        self.sealed_rows.clear();
        turn.clear = true;
        let wrap = DeviceWrap::Replace(storage_key.bytes());
        self.change_profile(turn, wrap, |profile| {
            profile.owner = Some(owner);
            profile.pins.insert(name.clone(), Pin::of(kdf));
        });
        let data = Data::create(storage_key, device);
        data.begin()?;
        data.put_leaf_key(&leaf_key)?;
        data.put_record(&record)?;
        data.put_contact(&contact)?;
        self.data = Some(data);
        turn.opened_here = true;
        self.renew_ring(turn)?;
        self.signed_in = true;
        if bound {
            self.publish_key_packages(turn)?
        } else {
            self.bind_session(turn)?
        }
        self.show_ready(turn)?;
        self.show_rooms(turn)
    }

    /// The kept data open again with the vault key.
    pub(super) fn resume_kept(
        &mut self,
        turn: &mut Turn,
        signed: &SignedIn,
        storage_key: StorageKey,
        kdf: &KdfParams,
        keys: &PasswordKeys,
        archive: &ArchiveKey,
    ) -> Result<(), ErrorCode> {
        self.open_rows(storage_key)?;
        self.resume_open(turn, signed, kdf, keys, archive)
    }

    /// Opens the sealed rows, which stay as they are when they don't open.
    pub(super) fn open_rows(&mut self, storage_key: StorageKey) -> Result<(), ErrorCode> {
        let data = Data::open(storage_key, self.slots.as_ref(), self.profile.slot, &self.sealed_rows)?;
        data.begin()?;
        self.sealed_rows.clear();
        self.slots = None;
        self.data = Some(data);
        self.renew_soon();
        Ok(())
    }

    /// The data are open: a new session goes on with the same device.
    pub(super) fn resume_open(
        &mut self,
        turn: &mut Turn,
        signed: &SignedIn,
        kdf: &KdfParams,
        keys: &PasswordKeys,
        archive: &ArchiveKey,
    ) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let keep_wrap = seal::wrap_key(&keys.vault_key, Wrap::Keep, data.account(), data.ring.storage_key())?;
        let wrap = DeviceWrap::Replace(data.ring.storage_key().bytes());
        let mut record = data.record()?;
        record.device_list = signed.device_list.clone();
        record.registered = false;
        record.archive = Bytes(archive.bytes().to_vec());
        data.put_record(&record)?;
        let name = signed.name.clone();
        self.change_profile(turn, wrap, |profile| {
            profile.pins.insert(name, Pin::of(kdf));
            if let Some(owner) = &mut profile.owner {
                owner.signed_out = false;
                owner.lock = None;
                owner.keep_wrap = keep_wrap;
            }
        });
        self.signed_in = true;
        self.bind_session(turn)?;
        self.show_ready(turn)?;
        self.show_rooms(turn)
    }

    /// Binds the server's session to this device (and makes the device the account's, when it is new).
    pub(super) fn bind_session(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let body = PutDevices { device: data.device.device(), device_list: data.record()?.device_list };
        self.post(turn, "/api/v1/devices", &body, Pending::BindSession);
        Ok(())
    }

    pub(super) fn session_bound(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.publish_key_packages(turn)
    }
}
