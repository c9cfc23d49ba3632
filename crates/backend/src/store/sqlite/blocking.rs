//! Who has blocked whom, and which rooms are not told of for that.

use sotto_protocol::api::Person;
use sotto_protocol::{AccountId, ErrorCode, RoomId};
use sqlx::SqliteConnection;

use super::{Columns as _, SqliteStore, blob};
use crate::store::StoreResult;

impl SqliteStore {
    /// Whom an account has blocked, by name.
    pub(crate) async fn blocked(&self, account: AccountId) -> StoreResult<Vec<Person>> {
        let rows = sqlx::query(
            "SELECT accounts.account, name FROM blocks JOIN accounts ON accounts.account = blocked WHERE blocks.account = ? ORDER BY name",
        )
        .bind(blob(&account.0))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok(Person { account: row.account("account")?, name: row.name("name")? })).collect()
    }

    /// Blocks an account that there is; refuses when that would make more than `most`.
    pub(crate) async fn block(&self, account: AccountId, blocked: AccountId, most: usize) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                let there = sqlx::query("SELECT 1 FROM accounts WHERE account = ?").bind(blob(&blocked.0));
                if there.fetch_optional(&mut *connection).await?.is_none() {
                    return Err(ErrorCode::NotFound.into());
                }
                sqlx::query("INSERT INTO blocks (account, blocked) VALUES (?, ?) ON CONFLICT DO NOTHING")
                    .bind(blob(&account.0))
                    .bind(blob(&blocked.0))
                    .execute(&mut *connection)
                    .await?;
                let row = sqlx::query("SELECT count(*) AS count FROM blocks WHERE account = ?")
                    .bind(blob(&account.0))
                    .fetch_one(connection)
                    .await?;
                if row.uint("count")? > most as u64 { Err(ErrorCode::TooLarge.into()) } else { Ok(()) }
            })
        })
        .await
    }

    /// Blocks an account no more, and tells of the rooms that it brought the other one into.
    pub(crate) async fn unblock(&self, account: AccountId, blocked: AccountId) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM blocks WHERE account = ? AND blocked = ?")
                    .bind(blob(&account.0))
                    .bind(blob(&blocked.0))
                    .execute(&mut *connection)
                    .await?;
                sqlx::query("DELETE FROM unwanted_rooms WHERE account = ? AND brought_by = ?")
                    .bind(blob(&account.0))
                    .bind(blob(&blocked.0))
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}

/// An account came into a room by somebody's commit: if it has blocked them, it does not hear of it.
pub(super) async fn brought(connection: &mut SqliteConnection, account: AccountId, room: RoomId, by: AccountId) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO unwanted_rooms (account, room, brought_by) SELECT account, ?3, blocked FROM blocks WHERE account = ?1 AND blocked = ?2
         ON CONFLICT DO NOTHING",
    )
    .bind(blob(&account.0))
    .bind(blob(&by.0))
    .bind(blob(&room.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// An account has come into a room by itself, or has left it: it hears of what it is in.
pub(super) async fn wanted(connection: &mut SqliteConnection, account: AccountId, room: RoomId) -> StoreResult<()> {
    sqlx::query("DELETE FROM unwanted_rooms WHERE account = ? AND room = ?")
        .bind(blob(&account.0))
        .bind(blob(&room.0))
        .execute(connection)
        .await?;
    Ok(())
}
