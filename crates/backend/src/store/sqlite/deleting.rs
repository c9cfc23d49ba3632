//! The end of an account: what was its own goes, in one transaction, and the rooms of others hear of it.

use sotto_protocol::{AccountId, ErrorCode, Millis, RoomId, SessionId, UserName};
use sqlx::SqliteConnection;

use super::{Columns as _, SqliteStore, blob, int, rooms, sessions};
use crate::store::{Deleted, DeletionRow, StoreResult, former_name};

/// Rooms in which nobody is or was who lives.
const DESERTED: &str = "SELECT room FROM members WHERE account = ?1 AND room NOT IN
    (SELECT room FROM members JOIN accounts ON accounts.account = members.account WHERE deleted_at IS NULL) ORDER BY room";

/// Nobody signs in any more.
const ENDS: &str = "UPDATE accounts SET deleted_at = ?, kdf_memory_kib = 0, kdf_passes = 0, kdf_lanes = 0, kdf_salt = x'',
    password_hash = '', password_slot = x'', password_version = 0, recovery_hash = '', recovery_slot = x'', recovery_version = 0
    WHERE account = ?";

/// What belongs to a room, the room last.
const OF_A_ROOM: [&str; 9] = [
    "DELETE FROM log WHERE room = ?",
    "DELETE FROM welcomes WHERE room = ?",
    "DELETE FROM welcome_trees WHERE room = ?",
    "DELETE FROM unwanted_rooms WHERE room = ?",
    "DELETE FROM invites WHERE room = ?",
    "DELETE FROM room_states WHERE room = ?",
    "DELETE FROM pairs WHERE room = ?",
    "DELETE FROM members WHERE room = ?",
    "DELETE FROM rooms WHERE room = ?",
];

/// What belongs to an account, but for its memberships, which its leaves in the rooms' trees stand for.
const OF_AN_ACCOUNT: [&str; 8] = [
    "DELETE FROM key_packages WHERE account = ?",
    "DELETE FROM welcomes WHERE account = ?",
    "DELETE FROM devices WHERE account = ?",
    "DELETE FROM archive WHERE account = ?",
    "DELETE FROM blocks WHERE account = ?",
    "DELETE FROM unwanted_rooms WHERE account = ?",
    "DELETE FROM asks WHERE account = ?",
    "DELETE FROM members WHERE account = ? AND gone_at IS NOT NULL",
];

impl SqliteStore {
    /// Deletes what the server holds of an account: all but its name, which stays taken, its last list, and its place in rooms of others.
    pub(crate) async fn delete_account(&self, row: DeletionRow) -> StoreResult<Deleted> {
        self.write(move |connection| Box::pin(async move { delete(connection, &row).await })).await
    }

    /// Frees the name of an account that nobody can sign in to any more. What is its own goes; its last list and its places in rooms stay. Gives
    /// it, and the sessions that have ended.
    pub(crate) async fn reset_account(&self, name: UserName, at: Millis) -> StoreResult<(AccountId, Vec<SessionId>)> {
        self.write(move |connection| {
            Box::pin(async move {
                let row = sqlx::query("SELECT account FROM accounts WHERE name = ? AND deleted_at IS NULL").bind(name.as_str());
                let account = row.fetch_optional(&mut *connection).await?.ok_or(ErrorCode::NotFound)?.account("account")?;
                sqlx::query(ENDS).bind(int(at)).bind(blob(&account.0)).execute(&mut *connection).await?;
                sqlx::query("UPDATE accounts SET name = ?, published = 0 WHERE account = ?")
                    .bind(former_name(account)?.as_str())
                    .bind(blob(&account.0))
                    .execute(&mut *connection)
                    .await?;
                Ok((account, empty(connection, account).await?))
            })
        })
        .await
    }

    /// Accounts in a room that were deleted.
    pub(crate) async fn deleted_members(&self, room: RoomId) -> StoreResult<Vec<AccountId>> {
        let rows = sqlx::query(
            "SELECT members.account FROM members JOIN accounts ON accounts.account = members.account
             WHERE room = ? AND gone_at IS NULL AND deleted_at IS NOT NULL ORDER BY members.account",
        )
        .bind(blob(&room.0))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| row.account("account")).collect()
    }
}

async fn delete(connection: &mut SqliteConnection, row: &DeletionRow) -> StoreResult<Deleted> {
    let done =
        sqlx::query("UPDATE accounts SET device_list = ?, published = 0 WHERE account = ? AND device_list = ? AND deleted_at IS NULL")
            .bind(row.next.list.as_slice())
            .bind(blob(&row.account.0))
            .bind(row.next.before.as_slice())
            .execute(&mut *connection)
            .await?;
    if done.rows_affected() != 1 {
        return Err(ErrorCode::DeviceListRefused.into());
    }
    sqlx::query(ENDS).bind(int(row.at)).bind(blob(&row.account.0)).execute(&mut *connection).await?;
    for room in rooms_by(connection, DESERTED, row.account).await? {
        for statement in OF_A_ROOM {
            sqlx::query(statement).bind(blob(&room.0)).execute(&mut *connection).await?;
        }
    }
    let told = rooms_by(connection, "SELECT room FROM members WHERE account = ? AND gone_at IS NULL ORDER BY room", row.account).await?;
    for room in &told {
        rooms::append_deleted(connection, row, *room).await?;
    }
    Ok(Deleted { sessions: empty(connection, row.account).await?, rooms: told })
}

/// Deletes what belongs to an account. Gives the sessions that have ended.
async fn empty(connection: &mut SqliteConnection, account: AccountId) -> StoreResult<Vec<SessionId>> {
    let ended = sessions::end_all(connection, account).await?;
    for statement in OF_AN_ACCOUNT {
        sqlx::query(statement).bind(blob(&account.0)).execute(&mut *connection).await?;
    }
    super::welcomes::drop_unused_trees(connection).await?;
    Ok(ended)
}

async fn rooms_by(connection: &mut SqliteConnection, query: &'static str, account: AccountId) -> StoreResult<Vec<RoomId>> {
    let rows = sqlx::query(query).bind(blob(&account.0)).fetch_all(connection).await?;
    rows.iter().map(|row| row.room("room")).collect()
}
