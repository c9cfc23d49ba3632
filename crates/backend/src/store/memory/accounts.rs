//! Accounts: sign-up, password and recovery halves, device lists.

use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, SessionId, UserName};

use super::MemoryStore;
use super::tables::{Tables, all_differ, constraint};
use crate::store::{AccountRow, NewSessionRow, NextList, PasswordRow, RecoveryRow, StoreError, StoreResult};

impl MemoryStore {
    pub(crate) fn find_account(&self, name: &UserName) -> StoreResult<Option<AccountRow>> {
        self.read(|tables| tables.living().find(|row| row.name == *name).cloned())
    }

    pub(crate) fn find_account_by_id(&self, id: AccountId) -> StoreResult<Option<AccountRow>> {
        self.read(|tables| tables.accounts.get(&id).filter(|row| row.deleted_at.is_none()).cloned())
    }

    pub(crate) fn device_list(&self, account: AccountId) -> StoreResult<Option<Bytes>> {
        self.read(|tables| tables.accounts.get(&account).map(|row| row.device_list.clone()))
    }

    pub(crate) fn create_account(&self, new: AccountRow, device: DeviceId, session: NewSessionRow) -> StoreResult<()> {
        self.write(|tables| {
            if tables.accounts.values().any(|row| row.name == new.name || row.account == new.account) {
                return Err(ErrorCode::NameTaken.into());
            }
            tables.check_new_session(&session)?;
            constraint(session.account == new.account || tables.accounts.contains_key(&session.account))?;
            let account = new.account;
            tables.accounts.insert(account, new);
            tables.put_devices(account, &[device]);
            tables.insert_session(session);
            Ok(())
        })
    }

    pub(crate) fn renew_password_hash(&self, account: AccountId, before: String, hash: String) -> StoreResult<()> {
        self.write(|tables| {
            // Compared, because the password may have been changed meanwhile.
            if let Some(row) = tables.accounts.get_mut(&account).filter(|row| row.password.hash == before) {
                row.password.hash = hash;
            }
            Ok(())
        })
    }

    pub(crate) fn change_password(
        &self,
        account: AccountId,
        verified: String,
        password: PasswordRow,
        next: NextList,
        session: SessionId,
        token_hash: [u8; 32],
    ) -> StoreResult<Vec<SessionId>> {
        self.write(|tables| {
            tables.account_if(account, |row| row.password.hash == verified)?;
            tables.check_list(account, &next)?;
            tables.check_rotation(session, token_hash)?;
            tables.account_if(account, |_| true)?.password = password;
            tables.put_list(account, next);
            tables.rotate(session, token_hash);
            Ok(tables.end_others(account, session))
        })
    }

    pub(crate) fn change_recovery(
        &self,
        account: AccountId,
        verified: String,
        recovery: RecoveryRow,
        session: SessionId,
        token_hash: [u8; 32],
    ) -> StoreResult<()> {
        self.write(|tables| {
            tables.account_if(account, |row| row.password.hash == verified)?;
            tables.check_rotation(session, token_hash)?;
            tables.account_if(account, |_| true)?.recovery = recovery;
            tables.rotate(session, token_hash);
            Ok(())
        })
    }

    pub(crate) fn finish_recovery(
        &self,
        account: AccountId,
        verified: String,
        password: PasswordRow,
        recovery: RecoveryRow,
        next: NextList,
        session: NewSessionRow,
    ) -> StoreResult<Vec<SessionId>> {
        self.write(|tables| {
            tables.account_if(account, |row| row.recovery.hash == verified)?;
            tables.check_list(account, &next)?;
            tables.check_new_session(&session)?;
            constraint(tables.accounts.contains_key(&session.account))?;
            let row = tables.account_if(account, |_| true)?;
            row.password = password;
            row.recovery = recovery;
            tables.put_list(account, next);
            let kept = session.session;
            tables.insert_session(session);
            Ok(tables.end_others(account, kept))
        })
    }

    pub(crate) fn put_devices(&self, account: AccountId, next: NextList, session: SessionId, device: DeviceId) -> StoreResult<()> {
        self.write(|tables| {
            let same = next.before == next.list;
            tables.session_mut(session)?;
            if !same {
                tables.check_list(account, &next)?;
            }
            tables.session_mut(session)?.device = Some(device);
            if !same {
                let gone = |bound: &DeviceId| !next.devices.contains(bound);
                tables.sessions.retain(|_, row| row.account != account || !row.device.as_ref().is_some_and(gone));
                tables.put_list(account, next);
            }
            Ok(())
        })
    }
}

impl Tables {
    /// The account whose secret was verified outside of the transaction: when it was changed meanwhile, it is the wrong one now.
    fn account_if(&mut self, account: AccountId, unchanged: impl FnOnce(&AccountRow) -> bool) -> StoreResult<&mut AccountRow> {
        let row = self.accounts.get_mut(&account).filter(|row| unchanged(row));
        row.ok_or(StoreError::Refused(ErrorCode::WrongCredentials.into()))
    }

    /// Accounts that were not deleted.
    pub(super) fn living(&self) -> impl Iterator<Item = &AccountRow> {
        self.accounts.values().filter(|row| row.deleted_at.is_none())
    }

    pub(super) fn check_list(&self, account: AccountId, next: &NextList) -> StoreResult<()> {
        if self.accounts.get(&account).is_none_or(|row| row.device_list != next.before) {
            return Err(ErrorCode::DeviceListRefused.into());
        }
        constraint(all_differ(&next.devices))
    }

    /// Drops key packages and Welcomes of the devices that are gone, and unbinds their sessions.
    fn put_list(&mut self, account: AccountId, next: NextList) {
        self.put_devices(account, &next.devices);
        if let Some(row) = self.accounts.get_mut(&account) {
            row.device_list = next.list;
        }
        self.published.remove(&account);
        let gone = |device: &DeviceId| !next.devices.contains(device);
        self.key_packages.retain(|_, package| package.account != account || !gone(&package.device));
        self.welcomes.retain(|_, welcome| welcome.account != account || !gone(&welcome.device));
        for session in self.sessions.values_mut().filter(|session| session.account == account) {
            session.device = session.device.filter(|device| !gone(device));
        }
        self.drop_unused_trees();
    }

    fn put_devices(&mut self, account: AccountId, devices: &[DeviceId]) {
        self.devices.retain(|(owner, _)| *owner != account);
        self.devices.extend(devices.iter().map(|device| (account, *device)));
    }
}
