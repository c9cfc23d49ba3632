//! The archive's pages.

use sotto_protocol::api::{ArchivePage, ArchivePages, PageWanted};
use sotto_protocol::{AccountId, DeviceId, ErrorCode, ShelfId};
use sqlx::SqliteConnection;

use super::{Columns as _, SqliteStore, blob, int, keys};
use crate::store::{StoreError, StoreResult};

impl SqliteStore {
    /// Writes pages of a current device's account, each over the version right before it; gives the places of those that are not. Refuses
    /// all when the account would have more than `most` bytes.
    pub(crate) async fn put_pages(
        &self,
        account: AccountId,
        device: DeviceId,
        pages: Vec<ArchivePage>,
        most: u64,
    ) -> StoreResult<Vec<u32>> {
        self.write(move |connection| {
            Box::pin(async move {
                keys::require_device(connection, account, device).await?;
                let mut refused = Vec::new();
                for (place, page) in (0..).zip(&pages) {
                    if !put(connection, account, page).await? {
                        refused.push(place);
                    }
                }
                let row = sqlx::query("SELECT coalesce(sum(length(sealed)), 0) AS bytes FROM archive WHERE account = ?")
                    .bind(blob(&account.0))
                    .fetch_one(connection)
                    .await?;
                if row.uint("bytes")? > most { Err(ErrorCode::ArchiveFull.into()) } else { Ok(refused) }
            })
        })
        .await
    }

    /// The newest page of each shelf below the named one. Stops before `most` bytes are exceeded, but for the first page.
    pub(crate) async fn read_pages(&self, account: AccountId, wanted: Vec<PageWanted>, most: usize) -> StoreResult<ArchivePages> {
        let mut reader = self.readers.acquire().await?;
        let mut found = ArchivePages { pages: Vec::new(), looked: 0 };
        let mut bytes = 0;
        for one in wanted {
            let row = sqlx::query(
                "SELECT page, version, sealed FROM archive WHERE account = ? AND shelf = ? AND page < ? ORDER BY page DESC LIMIT 1",
            )
            .bind(blob(&account.0))
            .bind(blob(&one.shelf.0))
            .bind(int(one.below.unwrap_or(u64::MAX)))
            .fetch_optional(&mut *reader)
            .await?;
            if let Some(row) = row {
                let sealed = row.bytes("sealed")?;
                bytes += sealed.0.len();
                if bytes > most && !found.pages.is_empty() {
                    break;
                }
                found.pages.push(ArchivePage { shelf: one.shelf, page: row.uint("page")?, version: row.uint("version")?, sealed });
            }
            found.looked += 1;
        }
        Ok(found)
    }

    /// Deletes shelves, or everything of an account.
    pub(crate) async fn delete_shelves(&self, account: AccountId, shelves: Option<Vec<ShelfId>>) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                let Some(shelves) = shelves else {
                    sqlx::query("DELETE FROM archive WHERE account = ?").bind(blob(&account.0)).execute(connection).await?;
                    return Ok(());
                };
                for shelf in shelves {
                    sqlx::query("DELETE FROM archive WHERE account = ? AND shelf = ?")
                        .bind(blob(&account.0))
                        .bind(blob(&shelf.0))
                        .execute(&mut *connection)
                        .await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// Whether the page was written.
async fn put(connection: &mut SqliteConnection, account: AccountId, page: &ArchivePage) -> Result<bool, StoreError> {
    let written = if page.version == 1 {
        sqlx::query("INSERT INTO archive (version, sealed, account, shelf, page) VALUES (1, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(page.sealed.as_slice())
            .bind(blob(&account.0))
            .bind(blob(&page.shelf.0))
            .bind(int(page.page))
            .execute(connection)
            .await?
    } else {
        sqlx::query("UPDATE archive SET version = version + 1, sealed = ? WHERE account = ? AND shelf = ? AND page = ? AND version = ?")
            .bind(page.sealed.as_slice())
            .bind(blob(&account.0))
            .bind(blob(&page.shelf.0))
            .bind(int(page.page))
            .bind(int(page.version - 1))
            .execute(connection)
            .await?
    };
    Ok(written.rows_affected() > 0)
}
