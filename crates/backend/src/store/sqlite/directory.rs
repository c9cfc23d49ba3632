//! Rows of the directory: the tree's records, its epochs, and what is to be entered.

use sotto_protocol::{AccountId, Bytes, UserName};
use sqlx::sqlite::SqliteRow;

use super::{Columns as _, SqliteStore, blob, int};
use crate::store::{EpochRow, StoreResult};

impl SqliteStore {
    /// The records under these keys that there are, in the order of the keys.
    pub(crate) async fn directory_records(&self, keys: Vec<Bytes>) -> StoreResult<Vec<Bytes>> {
        let mut reader = self.readers.acquire().await?;
        let mut found = Vec::new();
        for key in keys {
            let row = sqlx::query("SELECT value FROM directory WHERE key = ?").bind(key.0).fetch_optional(&mut *reader).await?;
            found.extend(row.map(|row| row.bytes("value")).transpose()?);
        }
        Ok(found)
    }

    /// The records whose keys begin so, ascending.
    pub(crate) async fn directory_under(&self, prefix: Bytes) -> StoreResult<Vec<Bytes>> {
        // What lies between the two begins with the prefix; an epoch is eight bytes.
        let rows = sqlx::query("SELECT value FROM directory WHERE key >= ? AND key < ? ORDER BY key")
            .bind(prefix.as_slice())
            .bind([prefix.as_slice(), &[0xff; 9]].concat())
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| row.bytes("value")).collect()
    }

    /// Writes records.
    pub(crate) async fn put_directory(&self, rows: Vec<(Bytes, Bytes)>) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                for (key, value) in rows {
                    sqlx::query("INSERT OR REPLACE INTO directory (key, value) VALUES (?, ?)")
                        .bind(key.0)
                        .bind(value.0)
                        .execute(&mut *connection)
                        .await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Accounts whose newest list is not in the directory, with name and list.
    pub(crate) async fn unpublished(&self, most: u32) -> StoreResult<Vec<(AccountId, UserName, Bytes)>> {
        let rows = sqlx::query("SELECT account, name, device_list FROM accounts WHERE published = 0 ORDER BY account LIMIT ?")
            .bind(most)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| Ok((row.account("account")?, row.name("name")?, row.bytes("device_list")?))).collect()
    }

    /// These lists are in the directory now, where they are the newest still.
    pub(crate) async fn mark_published(&self, entered: Vec<(AccountId, Bytes)>) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                for (account, list) in entered {
                    sqlx::query("UPDATE accounts SET published = 1 WHERE account = ? AND device_list = ?")
                        .bind(blob(&account.0))
                        .bind(list.0)
                        .execute(&mut *connection)
                        .await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Stores an epoch.
    pub(crate) async fn put_epoch(&self, row: EpochRow) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO directory_epochs (epoch, root, chain, proof) VALUES (?, ?, ?, ?)")
                    .bind(int(row.epoch))
                    .bind(row.root.0)
                    .bind(row.chain.0)
                    .bind(row.proof.0)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Epochs from one on, ascending.
    pub(crate) async fn epochs(&self, from: u64, most: u64) -> StoreResult<Vec<EpochRow>> {
        let rows = sqlx::query("SELECT * FROM directory_epochs WHERE epoch >= ? ORDER BY epoch LIMIT ?")
            .bind(int(from))
            .bind(int(most))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(epoch).collect()
    }

    /// The newest epoch.
    pub(crate) async fn newest_epoch(&self) -> StoreResult<Option<EpochRow>> {
        let row = sqlx::query("SELECT * FROM directory_epochs ORDER BY epoch DESC LIMIT 1").fetch_optional(&self.readers).await?;
        row.as_ref().map(epoch).transpose()
    }
}

fn epoch(row: &SqliteRow) -> StoreResult<EpochRow> {
    Ok(EpochRow { epoch: row.uint("epoch")?, root: row.bytes("root")?, chain: row.bytes("chain")?, proof: row.bytes("proof")? })
}
