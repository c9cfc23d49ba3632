//! Sessions: the hash of a token, and whose it is.

use sotto_protocol::{AccountId, DeviceId, ErrorCode, Millis, SessionId};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::{Columns as _, SqliteStore, blob, int};
use crate::store::{NewSessionRow, SessionRow, StoreResult};

impl SqliteStore {
    /// Stores a session, if the password that was verified for it is still the password.
    pub(crate) async fn create_session(&self, session: NewSessionRow, verified: String) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                let unchanged = sqlx::query("SELECT 1 FROM accounts WHERE account = ? AND password_hash = ?")
                    .bind(blob(&session.account.0))
                    .bind(verified)
                    .fetch_optional(&mut *connection)
                    .await?;
                // Verified outside of the transaction: a password change in between ends all sessions, and this one too.
                if unchanged.is_none() {
                    return Err(ErrorCode::WrongCredentials.into());
                }
                insert(connection, &session).await
            })
        })
        .await
    }

    /// The session of a token.
    pub(crate) async fn find_session_by_token(&self, token_hash: [u8; 32]) -> StoreResult<Option<SessionRow>> {
        let row =
            sqlx::query("SELECT sessions.*, name FROM sessions JOIN accounts ON accounts.account = sessions.account WHERE token_hash = ?")
                .bind(blob(&token_hash))
                .fetch_optional(&self.readers)
                .await?;
        row.as_ref().map(session).transpose()
    }

    /// The session of an id.
    pub(crate) async fn find_session(&self, id: SessionId) -> StoreResult<Option<SessionRow>> {
        let row =
            sqlx::query("SELECT sessions.*, name FROM sessions JOIN accounts ON accounts.account = sessions.account WHERE session = ?")
                .bind(blob(&id.0))
                .fetch_optional(&self.readers)
                .await?;
        row.as_ref().map(session).transpose()
    }

    /// All sessions of an account, newest first.
    pub(crate) async fn sessions_of(&self, account: AccountId) -> StoreResult<Vec<SessionRow>> {
        let rows = sqlx::query(
            "SELECT sessions.*, name FROM sessions JOIN accounts ON accounts.account = sessions.account
             WHERE sessions.account = ? ORDER BY sessions.created_at DESC",
        )
        .bind(blob(&account.0))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(session).collect()
    }

    /// Notes that a session was used.
    pub(crate) async fn touch_session(&self, id: SessionId, now: Millis) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("UPDATE sessions SET last_seen_at = max(last_seen_at, ?) WHERE session = ?")
                    .bind(int(now))
                    .bind(blob(&id.0))
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Gives a session a new token; the old one is worth nothing then.
    pub(crate) async fn rotate_session(&self, id: SessionId, token_hash: [u8; 32]) -> StoreResult<()> {
        self.write(move |connection| Box::pin(async move { rotate(connection, id, token_hash).await })).await
    }

    /// Ends a session of an account; `NotFound` when it has no such session.
    pub(crate) async fn end_session(&self, account: AccountId, id: SessionId) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM sessions WHERE account = ? AND session = ?")
                    .bind(blob(&account.0))
                    .bind(blob(&id.0))
                    .execute(connection)
                    .await?;
                if done.rows_affected() == 0 { Err(ErrorCode::NotFound.into()) } else { Ok(()) }
            })
        })
        .await
    }
}

/// Stores a session and ends the one that it replaces, which may have ended meanwhile.
pub(super) async fn insert(connection: &mut SqliteConnection, session: &NewSessionRow) -> StoreResult<()> {
    if let Some(before) = &session.replaces {
        sqlx::query("DELETE FROM sessions WHERE session = ?").bind(blob(&before.0)).execute(&mut *connection).await?;
    }
    sqlx::query(
        "INSERT INTO sessions (session, token_hash, account, device, label, created_at, last_seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(blob(&session.session.0))
    .bind(blob(&session.token_hash))
    .bind(blob(&session.account.0))
    .bind(session.device.as_ref().map(|device| blob(&device.0)))
    .bind(&session.label)
    .bind(int(session.now))
    .bind(int(session.now))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn rotate(connection: &mut SqliteConnection, id: SessionId, token_hash: [u8; 32]) -> StoreResult<()> {
    let done = sqlx::query("UPDATE sessions SET token_hash = ? WHERE session = ?")
        .bind(blob(&token_hash))
        .bind(blob(&id.0))
        .execute(connection)
        .await?;
    if done.rows_affected() == 0 { Err(ErrorCode::SignedOut.into()) } else { Ok(()) }
}

pub(super) async fn bind(connection: &mut SqliteConnection, id: SessionId, device: DeviceId) -> StoreResult<()> {
    let done =
        sqlx::query("UPDATE sessions SET device = ? WHERE session = ?").bind(blob(&device.0)).bind(blob(&id.0)).execute(connection).await?;
    if done.rows_affected() == 0 { Err(ErrorCode::SignedOut.into()) } else { Ok(()) }
}

/// Ends all sessions of an account. Gives them.
pub(super) async fn end_all(connection: &mut SqliteConnection, account: AccountId) -> StoreResult<Vec<SessionId>> {
    let rows = sqlx::query("DELETE FROM sessions WHERE account = ? RETURNING session").bind(blob(&account.0)).fetch_all(connection).await?;
    rows.iter().map(|row| row.session("session")).collect()
}

/// Ends all sessions of an account but one. Gives the ended ones.
pub(super) async fn end_others(connection: &mut SqliteConnection, account: AccountId, kept: SessionId) -> StoreResult<Vec<SessionId>> {
    let rows = sqlx::query("DELETE FROM sessions WHERE account = ? AND session <> ? RETURNING session")
        .bind(blob(&account.0))
        .bind(blob(&kept.0))
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| row.session("session")).collect()
}

/// Ends the sessions of an account that are bound to other devices than these.
pub(super) async fn end_of_other_devices(connection: &mut SqliteConnection, account: AccountId, devices: &[DeviceId]) -> StoreResult<()> {
    let rows = sqlx::query("SELECT session, device FROM sessions WHERE account = ? AND device IS NOT NULL")
        .bind(blob(&account.0))
        .fetch_all(&mut *connection)
        .await?;
    for row in rows {
        if !devices.contains(&row.device("device")?) {
            let session = row.session("session")?;
            sqlx::query("DELETE FROM sessions WHERE session = ?").bind(blob(&session.0)).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

fn session(row: &SqliteRow) -> StoreResult<SessionRow> {
    Ok(SessionRow {
        session: row.session("session")?,
        account: row.account("account")?,
        name: row.name("name")?,
        device: row.find_device("device")?,
        label: row.text("label")?,
        created_at: row.uint("created_at")?,
        last_seen_at: row.uint("last_seen_at")?,
    })
}
