//! Deleting what is too old, a little at a time, so that writers never wait long.

use sotto_protocol::Millis;

use super::{Columns as _, SqliteStore, blob, int, keys, welcomes};
use crate::store::{ENTRIES_DELETED_AT_ONCE, StoreResult};

impl SqliteStore {
    /// Deletes up to [`ENTRIES_DELETED_AT_ONCE`] log entries that were accepted before `before`, oldest first; keeps each room's head and notes how far
    /// it is lost. Gives how many; 0 when there are no more.
    pub(crate) async fn delete_entries(&self, before: Millis) -> StoreResult<u64> {
        self.write(move |connection| {
            Box::pin(async move {
                // The log is in order of acceptance: what is old is its beginning, and the first row tells whether there is any.
                let oldest = sqlx::query("SELECT id, room, seq, at FROM log ORDER BY id LIMIT ?")
                    .bind(ENTRIES_DELETED_AT_ONCE)
                    .fetch_all(&mut *connection)
                    .await?;
                let mut deleted = 0;
                for row in &oldest {
                    if row.uint("at")? >= before {
                        break;
                    }
                    sqlx::query("UPDATE rooms SET lost_upto = max(lost_upto, ?) WHERE room = ?")
                        .bind(int(row.uint("seq")?))
                        .bind(blob(&row.room("room")?.0))
                        .execute(&mut *connection)
                        .await?;
                    sqlx::query("DELETE FROM log WHERE id = ?").bind(int(row.uint("id")?)).execute(&mut *connection).await?;
                    deleted += 1;
                }
                Ok(deleted)
            })
        })
        .await
    }

    /// Deletes Welcomes that were made before `before`.
    pub(crate) async fn delete_welcomes(&self, before: Millis) -> StoreResult<u64> {
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM welcomes WHERE created_at < ?")
                    .bind(int(before))
                    .execute(&mut *connection)
                    .await?
                    .rows_affected();
                welcomes::drop_unused_trees(connection).await?;
                Ok(done)
            })
        })
        .await
    }

    /// Deletes key packages (and the hashes of used ones) that expired before `now`, and burns what can't be used any more.
    pub(crate) async fn delete_key_packages(&self, now: Millis) -> StoreResult<u64> {
        self.write(move |connection| {
            Box::pin(async move {
                keys::burn(connection, None, now).await?;
                let done = sqlx::query("DELETE FROM key_packages WHERE not_after < ?").bind(int(now)).execute(connection).await?;
                Ok(done.rows_affected())
            })
        })
        .await
    }

    /// Deletes sessions that ended by time.
    pub(crate) async fn delete_sessions(&self, created_before: Millis, seen_before: Millis) -> StoreResult<u64> {
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM sessions WHERE created_at < ? OR last_seen_at < ?")
                    .bind(int(created_before))
                    .bind(int(seen_before))
                    .execute(connection)
                    .await?;
                Ok(done.rows_affected())
            })
        })
        .await
    }
}
