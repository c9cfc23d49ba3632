//! A browser's IndexedDB in memory: what was written in one transaction is there, or nothing of it.

use std::collections::BTreeMap;

use sotto_client::io::{Batch, DeviceWrap, Opened, Row, Store};
use zeroize::Zeroizing;

/// Rows, the profile, and the storage key as the browser's own half of its wrap would give it back.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Disk {
    rows: BTreeMap<(Store, Vec<u8>), Vec<u8>>,
    profile: Option<Vec<u8>>,
    wrapped: Option<Zeroizing<[u8; 32]>>,
}

impl Disk {
    /// What the engine finds at boot.
    pub(crate) fn open(&self) -> Opened {
        let state = self.rows.iter().filter(|((store, _), _)| *store == Store::State).map(row).collect();
        Opened { profile: self.profile.clone(), storage_key: self.wrapped.clone(), state }
    }

    /// One transaction.
    pub(crate) fn write(&mut self, batch: Batch) {
        for (store, key) in batch.deletes {
            self.rows.remove(&(store, key));
        }
        for row in batch.puts {
            self.rows.insert((row.store, row.key), row.sealed);
        }
        if let Some(profile) = batch.profile {
            self.profile = Some(profile.bytes);
            match profile.device_wrap {
                DeviceWrap::Keep => {}
                DeviceWrap::Replace(key) => self.wrapped = Some(key),
                DeviceWrap::Remove => self.wrapped = None,
            }
        }
    }

    /// The newest rows of a key range, ascending.
    pub(crate) fn newest(&self, store: Store, from: Vec<u8>, to: Vec<u8>, most: u32) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.range((store, from)..=(store, to)).rev().take(most as usize).map(row).collect();
        rows.reverse();
        rows
    }
}

fn row(((store, key), sealed): (&(Store, Vec<u8>), &Vec<u8>)) -> Row {
    Row { store: *store, key: key.clone(), sealed: sealed.clone() }
}
