//! A browser's IndexedDB in memory: what was written in one transaction is there, or nothing of it.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use sotto_client::io::{Batch, DeviceWrap, Opened, Row, Store};
use sotto_protocol::{Bytes, ErrorCode, codec};
use zeroize::Zeroizing;

/// Longest stored disk.
const MAX: usize = 64 * 1024 * 1024;

/// Rows, the profile, and the storage key as the browser's own half of its wrap would give it back.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Disk {
    rows: BTreeMap<(Store, Vec<u8>), Vec<u8>>,
    profile: Option<Vec<u8>>,
    wrapped: Option<Zeroizing<[u8; 32]>>,
}

/// A disk as a file.
#[derive(Encode, Decode)]
struct Stored {
    #[n(0)]
    rows: Vec<StoredRow>,
    #[n(1)]
    profile: Option<Bytes>,
    #[n(2)]
    wrapped: Option<Bytes>,
}

#[derive(Encode, Decode)]
struct StoredRow {
    /// As [`Store::name`].
    #[n(0)]
    store: String,
    #[n(1)]
    key: Bytes,
    #[n(2)]
    sealed: Bytes,
}

impl Disk {
    /// For a file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let row = |((store, key), sealed): (&(Store, Vec<u8>), &Vec<u8>)| StoredRow {
            store: store.name().to_owned(),
            key: key.clone().into(),
            sealed: sealed.clone().into(),
        };
        codec::encode(&Stored {
            rows: self.rows.iter().map(row).collect(),
            profile: self.profile.clone().map(Bytes),
            wrapped: self.wrapped.as_ref().map(|key| key.as_slice().into()),
        })
    }

    /// From a file.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, ErrorCode> {
        let stored: Stored = codec::decode(bytes, MAX)?;
        let rows = stored.rows.into_iter().map(|row| {
            let store = [Store::State, Store::Entries].into_iter().find(|store| store.name() == row.store);
            Ok(((store.ok_or(ErrorCode::Malformed)?, row.key.0), row.sealed.0))
        });
        let wrapped = |key: Bytes| key.0.try_into().map(Zeroizing::new).map_err(|_| ErrorCode::Malformed);
        Ok(Self {
            rows: rows.collect::<Result<_, ErrorCode>>()?,
            profile: stored.profile.map(|profile| profile.0),
            wrapped: stored.wrapped.map(wrapped).transpose()?,
        })
    }

    /// The profile record's first field is its version, one CBOR byte as long as it is small.
    pub(crate) fn raise_profile_version(&mut self) {
        if let Some(version) = self.profile.as_mut().and_then(|profile| profile.get_mut(1)) {
            *version += 1;
        }
    }

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
