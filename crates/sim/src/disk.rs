//! A browser's IndexedDB in memory: what was written in one transaction is there, or nothing of it. Beside it the file with the two slots,
//! which are overwritten in place.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use sotto_client::io::{Batch, DeviceWrap, Opened, Row, SlotWrite, Slots, Store};
use sotto_protocol::{Bytes, ErrorCode, codec};
use zeroize::Zeroizing;

/// Longest stored disk.
const MAX: usize = 64 * 1024 * 1024;

/// Rows, the profile, the storage key as the browser's own half of its wrap would give it back, and the slots.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Disk {
    rows: BTreeMap<(Store, Vec<u8>), Vec<u8>>,
    profile: Option<Vec<u8>>,
    wrapped: Option<Zeroizing<[u8; 32]>>,
    slots: Slots,
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
    /// None of a release that had no slots.
    #[n(3)]
    slots: Option<Bytes>,
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
            slots: Some(self.slots.concat().into()),
        })
    }

    /// From a file.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, ErrorCode> {
        let stored: Stored = codec::decode(bytes, MAX)?;
        let rows = stored.rows.into_iter().map(|row| {
            let store = [Store::State, Store::Entries].into_iter().find(|store| store.name() == row.store);
            Ok(((store.ok_or(ErrorCode::Malformed)?, row.key.0), row.sealed.0))
        });
        let mut slots = Slots::default();
        for (slot, bytes) in slots.iter_mut().zip(stored.slots.iter().flat_map(|slots| slots.as_slice().chunks_exact(32))) {
            slot.copy_from_slice(bytes);
        }
        let wrapped = |key: Bytes| key.0.try_into().map(Zeroizing::new).map_err(|_| ErrorCode::Malformed);
        Ok(Self {
            rows: rows.collect::<Result<_, ErrorCode>>()?,
            profile: stored.profile.map(|profile| profile.0),
            wrapped: stored.wrapped.map(wrapped).transpose()?,
            slots,
        })
    }

    /// The profile record's first field is its version, one CBOR byte as long as it is small.
    pub(crate) fn raise_profile_version(&mut self) {
        if let Some(version) = self.profile.as_mut().and_then(|profile| profile.get_mut(1)) {
            // Later than any that is known, and still one byte.
            *version = 23;
        }
    }

    /// What the engine finds at boot.
    pub(crate) fn open(&self) -> Opened {
        let state = self.rows.iter().filter(|((store, _), _)| *store == Store::State).map(row).collect();
        Opened { profile: self.profile.clone(), storage_key: self.wrapped.clone(), state, slots: Some(self.slots.clone()) }
    }

    /// Writes a slot, or only its first half.
    pub(crate) fn write_slot(&mut self, write: &SlotWrite, whole: bool) {
        let length = if whole { 32 } else { 16 };
        if let Some(slot) = self.slots.get_mut(usize::from(write.slot)) {
            slot[..length].copy_from_slice(&write.secret[..length]);
        }
    }

    /// Whether no secret lies in the slots that lies in another's.
    pub(crate) fn slots_differ_in_all(&self, other: &Self) -> bool {
        let secrets = |disk: &Self| disk.slots.iter().filter(|slot| **slot != [0; 32]).copied().collect::<Vec<_>>();
        !secrets(self).iter().any(|secret| secrets(other).contains(secret))
    }

    /// The file of another copy of this browser is in the place of this one's.
    pub(crate) fn take_slots(&mut self, other: &Self) {
        self.slots = other.slots.clone();
    }

    /// One transaction, between the slot that is written before it and the one that is overwritten after it.
    pub(crate) fn write(&mut self, batch: Batch) {
        if let Some(write) = &batch.slot {
            self.write_slot(write, true);
            self.write_slot(&SlotWrite { slot: 1 - write.slot, secret: [0; 32].into() }, true);
        }
        if batch.clear {
            self.rows.clear();
        }
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
