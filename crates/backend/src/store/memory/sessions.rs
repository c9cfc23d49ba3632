//! Sessions: the hash of a token, and whose it is.

use sotto_protocol::{AccountId, ErrorCode, Millis, SessionId};

use super::MemoryStore;
use super::tables::{Session, Tables, constraint, push};
use crate::store::{NewSessionRow, SessionRow, StoreError, StoreResult};

impl MemoryStore {
    pub(crate) fn create_session(&self, session: NewSessionRow, verified: String) -> StoreResult<()> {
        self.write(|tables| {
            // Verified outside of the transaction: a password change in between ends all sessions, and this one too.
            if tables.accounts.get(&session.account).is_none_or(|row| row.password.hash != verified) {
                return Err(ErrorCode::WrongCredentials.into());
            }
            tables.check_new_session(&session)?;
            tables.insert_session(session);
            Ok(())
        })
    }

    pub(crate) fn find_session_by_token(&self, token_hash: [u8; 32]) -> StoreResult<Option<SessionRow>> {
        self.read(|tables| tables.sessions.values().find(|row| row.token_hash == token_hash).and_then(|row| tables.session(row)))
    }

    pub(crate) fn find_session(&self, id: SessionId) -> StoreResult<Option<SessionRow>> {
        self.read(|tables| tables.sessions.values().find(|row| row.session == id).and_then(|row| tables.session(row)))
    }

    pub(crate) fn sessions_of(&self, account: AccountId) -> StoreResult<Vec<SessionRow>> {
        self.read(|tables| {
            let own = tables.sessions.values().filter(|row| row.account == account);
            let mut rows: Vec<SessionRow> = own.filter_map(|row| tables.session(row)).collect();
            rows.sort_by_key(|row| std::cmp::Reverse(row.created_at));
            rows
        })
    }

    pub(crate) fn touch_session(&self, id: SessionId, now: Millis) -> StoreResult<()> {
        self.write(|tables| {
            if let Ok(row) = tables.session_mut(id) {
                row.last_seen_at = row.last_seen_at.max(now);
            }
            Ok(())
        })
    }

    pub(crate) fn rotate_session(&self, id: SessionId, token_hash: [u8; 32]) -> StoreResult<()> {
        self.write(|tables| {
            tables.check_rotation(id, token_hash)?;
            tables.rotate(id, token_hash);
            Ok(())
        })
    }

    pub(crate) fn end_session(&self, account: AccountId, id: SessionId) -> StoreResult<()> {
        self.write(|tables| {
            let before = tables.sessions.len();
            tables.sessions.retain(|_, row| row.account != account || row.session != id);
            if tables.sessions.len() == before { Err(ErrorCode::NotFound.into()) } else { Ok(()) }
        })
    }
}

impl Tables {
    fn session(&self, row: &Session) -> Option<SessionRow> {
        Some(SessionRow {
            session: row.session,
            account: row.account,
            name: self.accounts.get(&row.account)?.name.clone(),
            device: row.device,
            label: row.label.clone(),
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
        })
    }

    pub(super) fn session_mut(&mut self, id: SessionId) -> StoreResult<&mut Session> {
        self.sessions.values_mut().find(|row| row.session == id).ok_or(StoreError::Refused(ErrorCode::SignedOut.into()))
    }

    pub(super) fn check_new_session(&self, new: &NewSessionRow) -> StoreResult<()> {
        let mut others = self.sessions.values().filter(|row| Some(row.session) != new.replaces);
        constraint(others.all(|row| row.session != new.session && row.token_hash != new.token_hash))
    }

    /// Stores a session and ends the one that it replaces, which may have ended meanwhile.
    pub(super) fn insert_session(&mut self, new: NewSessionRow) {
        self.sessions.retain(|_, row| Some(row.session) != new.replaces);
        let row = Session {
            session: new.session,
            token_hash: new.token_hash,
            account: new.account,
            device: new.device,
            label: new.label,
            created_at: new.now,
            last_seen_at: new.now,
        };
        push(&mut self.sessions, row);
    }

    pub(super) fn check_rotation(&mut self, id: SessionId, token_hash: [u8; 32]) -> StoreResult<()> {
        self.session_mut(id)?;
        constraint(self.sessions.values().all(|row| row.session == id || row.token_hash != token_hash))
    }

    pub(super) fn rotate(&mut self, id: SessionId, token_hash: [u8; 32]) {
        if let Ok(row) = self.session_mut(id) {
            row.token_hash = token_hash;
        }
    }

    /// Ends all sessions of an account but one; gives the ended ones.
    pub(super) fn end_others(&mut self, account: AccountId, kept: SessionId) -> Vec<SessionId> {
        let others = self.sessions.extract_if(.., |_, row| row.account == account && row.session != kept);
        others.map(|(_, row)| row.session).collect()
    }
}
