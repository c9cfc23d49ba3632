//! Opening and closing this browser's data: boot, lock, unlock, sign-out.

use sotto_client_api::views::{PersonView, Phase};
use sotto_client_api::{Command, Reply};
use sotto_protocol::ErrorCode;

use super::archive::Shelves;
use super::{Engine, Turn, Work};
use crate::io::{DeviceWrap, Effect, Input, Opened};
use crate::kdf;
use crate::profile::{Lock, Owner, ProfileRecord};
use crate::seal::{self, StorageKey, Wrap};

impl Engine {
    pub(super) fn boot(&mut self, turn: &mut Turn, id: u32, signed_in: bool) -> Result<(), ErrorCode> {
        if self.phase != Phase::Booting {
            self.show_all(turn)?;
            turn.reply(id, Reply::Done);
            return Ok(());
        }
        if self.waiting.is_some() {
            self.early.push_back(Work::Input(Input::Command { id, command: Command::Boot { signed_in } }));
            return Ok(());
        }
        self.signed_in = signed_in;
        self.waiting = Some(id);
        turn.effects.push(Effect::Open);
        Ok(())
    }

    pub(super) fn opened(&mut self, turn: &mut Turn, opened: Result<Opened, ErrorCode>) -> Result<(), ErrorCode> {
        if self.data.is_some() {
            // Signed out: the rows were read again, sealed, and nothing open stays in memory.
            self.close(turn);
        }
        let result = opened.and_then(|opened| self.open_profile(turn, opened));
        if let Err(code) = result {
            self.data = None;
            self.set_phase(turn, Phase::Broken { code });
        }
        if let Some(id) = self.waiting.take() {
            turn.reply(id, Reply::Done);
        }
        Ok(())
    }

    fn open_profile(&mut self, turn: &mut Turn, opened: Opened) -> Result<(), ErrorCode> {
        self.profile = opened.profile.as_deref().map_or_else(|| Ok(ProfileRecord::default()), ProfileRecord::decode)?;
        self.sealed_rows = opened.state;
        self.can_erase = opened.slots.is_some();
        self.slots = opened.slots;
        let Some(owner) = self.profile.owner.clone() else {
            let phase = if self.signed_in { Phase::Evicted } else { Phase::SignedOut { kept: None } };
            self.set_phase(turn, phase);
            return Ok(());
        };
        if owner.signed_out {
            self.set_phase(turn, Phase::SignedOut { kept: Some(owner.name) });
            return Ok(());
        }
        if let Some(storage_key) = opened.storage_key {
            return self.open_data(turn, StorageKey::from_bytes(storage_key));
        }
        if owner.lock.is_some() {
            self.set_phase(turn, Phase::Locked { name: owner.name });
            return Ok(());
        }
        // The browser lost its half of the key (or the profile was copied): the password still opens the data.
        self.set_phase(turn, Phase::SignedOut { kept: Some(owner.name) });
        Ok(())
    }

    /// Opens the sealed rows with the storage key and begins to talk.
    pub(super) fn open_data(&mut self, turn: &mut Turn, storage_key: StorageKey) -> Result<(), ErrorCode> {
        self.open_rows(storage_key)?;
        if self.signed_in {
            self.go_ready(turn)?
        } else {
            self.session_ended(turn)?
        }
        Ok(())
    }

    /// Shows the data and connects.
    pub(super) fn go_ready(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.signed_in = true;
        self.show_ready(turn)?;
        self.show_rooms(turn)?;
        self.connect(turn)
    }

    /// Draws the phase "ready" again (the lock was set or taken away).
    pub(super) fn show_ready(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let me = self.me()?;
        let device = self.data()?.device.device();
        let lock_set = self.owner(turn).is_some_and(|owner| owner.lock.is_some());
        self.set_phase(turn, Phase::Ready { me, device, lock_set });
        Ok(())
    }

    /// The server knows no session any more: everything stays readable, nothing is sent.
    pub(super) fn session_ended(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.signed_in = false;
        self.disconnect(turn);
        let me = self.me()?;
        self.set_phase(turn, Phase::SessionEnded { me });
        self.show_rooms(turn)
    }

    /// Another browser took this account's place.
    pub(super) fn replaced(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.disconnect(turn);
        let name = self.me()?.name;
        self.set_phase(turn, Phase::Replaced { name });
        Ok(())
    }

    pub(super) fn me(&self) -> Result<PersonView, ErrorCode> {
        let data = self.data()?;
        self.person_named(data.account(), data.record()?.name)
    }

    /// The owner as of this turn.
    fn owner<'a>(&'a self, turn: &'a Turn) -> Option<&'a Owner> {
        turn.profile.as_ref().map_or(&self.profile, |(record, _)| record).owner.as_ref()
    }

    /// Writes a changed profile with this turn.
    pub(super) fn change_profile(&self, turn: &mut Turn, wrap: DeviceWrap, change: impl FnOnce(&mut ProfileRecord)) {
        let (mut record, earlier) = turn.profile.take().unwrap_or_else(|| (self.profile.clone(), DeviceWrap::Keep));
        change(&mut record);
        let wrap = if wrap == DeviceWrap::Keep { earlier } else { wrap };
        turn.profile = Some((record, wrap));
    }

    pub(super) fn set_lock_passphrase(&mut self, turn: &mut Turn, id: u32, passphrase: Option<&str>) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let account = data.account();
        let (lock, wrap) = match passphrase {
            None => (None, DeviceWrap::Replace(data.ring.storage_key().bytes())),
            Some(passphrase) => {
                let passphrase = self.password(passphrase)?;
                if passphrase.is_short() {
                    return Err(ErrorCode::ShortPassword);
                }
                let params = kdf::fresh_params()?;
                let lock_key = kdf::derive_lock_key(&passphrase, &params)?;
                let wrap = seal::wrap_key(&lock_key, Wrap::Lock, account, data.ring.storage_key())?;
                // From here on only passphrase and password open the data: the browser's own half goes.
                (Some(Lock { kdf: kdf::Pin::of(&params), wrap }), DeviceWrap::Remove)
            }
        };
        self.change_profile(turn, wrap, |profile| {
            if let Some(owner) = &mut profile.owner {
                owner.lock = lock;
            }
        });
        self.show_ready(turn)?;
        turn.reply(id, Reply::Done);
        Ok(())
    }

    pub(super) fn unlock(&mut self, turn: &mut Turn, id: u32, passphrase: &str) -> Result<(), ErrorCode> {
        if !matches!(self.phase, Phase::Locked { .. }) {
            return Err(ErrorCode::NotReady);
        }
        let owner = self.profile.owner.clone().ok_or(ErrorCode::NotReady)?;
        let lock = owner.lock.as_ref().ok_or(ErrorCode::NotReady)?;
        let lock_key = kdf::derive_lock_key(&self.password(passphrase)?, &lock.kdf.params())?;
        let storage_key = seal::unwrap_key(&lock_key, Wrap::Lock, owner.account, lock.wrap.as_slice())?;
        self.open_data(turn, storage_key)?;
        turn.reply(id, Reply::Done);
        Ok(())
    }

    pub(super) fn lock(&mut self, turn: &mut Turn, id: u32) -> Result<(), ErrorCode> {
        let locked = self.owner(turn).is_some_and(|owner| owner.lock.is_some());
        if self.data.is_none() || !locked || self.waiting.is_some() {
            return Err(ErrorCode::NotReady);
        }
        self.close(turn);
        // The rows are read again, sealed: nothing open stays in memory.
        self.phase = Phase::Booting;
        self.waiting = Some(id);
        turn.effects.push(Effect::Open);
        Ok(())
    }

    /// Forgets everything open.
    fn close(&mut self, turn: &mut Turn) {
        self.disconnect(turn);
        self.data = None;
        self.renew_at = None;
        self.auth = None;
        self.open.clear();
        self.undrawn.clear();
        self.requests.clear();
        self.loads.clear();
        self.shelves = Shelves::default();
    }

    pub(super) fn sign_out(&mut self, turn: &mut Turn, id: u32, keep: bool) -> Result<(), ErrorCode> {
        if self.waiting.is_some() {
            return Err(ErrorCode::NotReady);
        }
        if keep && matches!(self.phase, Phase::SignedOut { .. }) {
            // Asked again by a tab that did not hear the answer.
            turn.reply(id, Reply::Done);
            return Ok(());
        }
        if !keep {
            self.close(turn);
            self.waiting = Some(id);
            turn.effects.push(Effect::Wipe);
            return Ok(());
        }
        self.data()?;
        self.change_profile(turn, DeviceWrap::Remove, |profile| {
            if let Some(owner) = &mut profile.owner {
                owner.signed_out = true;
                owner.lock = None;
            }
        });
        // Everything is closed when the rows are there again as this batch leaves them: see `opened`.
        self.waiting = Some(id);
        turn.effects.push(Effect::Open);
        Ok(())
    }

    pub(super) fn wiped(&mut self, turn: &mut Turn, result: Result<(), ErrorCode>) -> Result<(), ErrorCode> {
        let id = self.waiting.take();
        match result {
            Ok(()) => {
                self.profile = ProfileRecord::default();
                self.sealed_rows.clear();
                self.set_phase(turn, Phase::SignedOut { kept: None });
                if let Some(id) = id {
                    turn.reply(id, Reply::Done);
                }
            }
            Err(code) => {
                self.set_phase(turn, Phase::Broken { code });
                if let Some(id) = id {
                    turn.refuse(id, code);
                }
            }
        }
        Ok(())
    }
}
