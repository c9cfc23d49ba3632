//! Rows of the directory: the tree's records, its epochs, and what is to be entered.

use sotto_protocol::{AccountId, Bytes, UserName};

use super::MemoryStore;
use super::tables::constraint;
use crate::store::{EpochRow, StoreResult};

impl MemoryStore {
    pub(crate) fn directory_records(&self, keys: Vec<Bytes>) -> StoreResult<Vec<Bytes>> {
        self.read(|tables| keys.iter().filter_map(|key| tables.directory.get(key).cloned()).collect())
    }

    pub(crate) fn directory_under(&self, prefix: Bytes) -> StoreResult<Vec<Bytes>> {
        self.read(|tables| {
            let from = tables.directory.range(prefix.clone()..);
            from.take_while(|(key, _)| key.0.starts_with(&prefix.0)).map(|(_, value)| value.clone()).collect()
        })
    }

    pub(crate) fn put_directory(&self, rows: Vec<(Bytes, Bytes)>) -> StoreResult<()> {
        self.write(|tables| {
            tables.directory.extend(rows);
            Ok(())
        })
    }

    pub(crate) fn unpublished(&self, most: u32) -> StoreResult<Vec<(AccountId, UserName, Bytes)>> {
        self.read(|tables| {
            let waiting = tables.accounts.values().filter(|row| !tables.published.contains(&row.account));
            waiting.take(most as usize).map(|row| (row.account, row.name.clone(), row.device_list.clone())).collect()
        })
    }

    pub(crate) fn mark_published(&self, entered: Vec<(AccountId, Bytes)>) -> StoreResult<()> {
        self.write(|tables| {
            for (account, list) in entered {
                if tables.accounts.get(&account).is_some_and(|row| row.device_list == list) {
                    tables.published.insert(account);
                }
            }
            Ok(())
        })
    }

    pub(crate) fn put_epoch(&self, row: EpochRow) -> StoreResult<()> {
        self.write(|tables| {
            constraint(!tables.epochs.contains_key(&row.epoch))?;
            tables.epochs.insert(row.epoch, row);
            Ok(())
        })
    }

    pub(crate) fn epochs(&self, from: u64, most: u64) -> StoreResult<Vec<EpochRow>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        self.read(|tables| tables.epochs.range(from..).take(most).map(|(_, row)| row.clone()).collect())
    }

    pub(crate) fn newest_epoch(&self) -> StoreResult<Option<EpochRow>> {
        self.read(|tables| tables.epochs.last_key_value().map(|(_, row)| row.clone()))
    }
}
