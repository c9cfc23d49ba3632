//! The keys under which this browser's rows are sealed, and how a used one vanishes from its files.
//!
//! A browser's database is a log: what was overwritten or deleted stays in its files until they are compacted. Whoever copies them, with
//! the storage key, could open a ratchet as it was once, and with it ciphertexts that were recorded. So every row that holds keys is
//! sealed under a *row key* of its own, drawn anew at each write. Row keys are rows too (at 0x02 || key of their row), sealed under the
//! *ring key*: HKDF of the storage key and an *erasable secret*, which lies outside of the database, in one of two slots that are
//! overwritten in place ([`crate::io::SlotWrite`]). A renewal seals the row keys that still count, small rows all of them, under another
//! secret. When the old one is overwritten, no row key that was replaced before opens any more, wherever it still lies.
//!
//! Where a browser has no such slots, all rows are sealed under the storage key.

use std::collections::BTreeMap;

use hkdf::Hkdf;
use sha2::Sha256;
use sotto_protocol::ErrorCode;
use zeroize::Zeroizing;

use crate::io::{Batch, Row, Slots, Store};
use crate::random;
use crate::records::key;
use crate::seal::{self, StorageKey};
use crate::storage::{Change, JournaledStorage, MLS, Value};

const LABEL: &[u8] = b"sotto ring key v1";
/// First byte of the rows that hold row keys.
const ROW_KEY: u8 = 0x02;

/// Key and value of a row, open.
pub type PlainRow = (Vec<u8>, Vec<u8>);

/// The keys of all rows. What a batch changes of them counts when it is stored ([`Ring::confirm`]), or never ([`Ring::roll_back`]).
pub struct Ring {
    storage_key: StorageKey,
    /// Highest row counter in use.
    counter: u64,
    /// `None` as long as all rows are sealed under the storage key.
    key: Option<StorageKey>,
    /// In the same kinds of map as rows: the code of others would be a hundredth of the browser's module.
    row_keys: BTreeMap<Vec<u8>, Value>,
    next_key: Option<StorageKey>,
    changed: BTreeMap<Vec<u8>, Option<Value>>,
}

impl core::fmt::Debug for Ring {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Ring(…)")
    }
}

impl Ring {
    /// Of a browser without rows.
    #[must_use]
    pub const fn new(storage_key: StorageKey) -> Self {
        Self { storage_key, counter: 0, key: None, row_keys: BTreeMap::new(), next_key: None, changed: BTreeMap::new() }
    }

    /// Opens all rows of the state table. `slot`: the one that the profile names, if it names one.
    ///
    /// # Errors
    /// `storage_damaged` where any row does not open, also because the slots are lost or belong to other rows.
    pub fn open(
        storage_key: StorageKey,
        slots: Option<&Slots>,
        slot: Option<u8>,
        rows: &[Row],
    ) -> Result<(Self, Vec<PlainRow>), ErrorCode> {
        let damaged = ErrorCode::StorageDamaged;
        let mut ring = Self::new(storage_key);
        if let Some(slot) = slot {
            let secret = slots.and_then(|slots| slots.get(usize::from(slot))).ok_or(damaged)?;
            ring.key = Some(ring.key_from(secret)?);
        }
        let mut counter = 0;
        let mut open = |key: &StorageKey, row: &Row| {
            let opened = seal::open_row(key, row.store, &row.key, &row.sealed)?;
            counter = counter.max(opened.counter);
            Ok::<_, ErrorCode>(opened.plain)
        };
        if let Some(ring_key) = &ring.key {
            for row in rows {
                if let Some((&ROW_KEY, of)) = row.key.split_first() {
                    ring.row_keys.insert(of.to_vec(), open(ring_key, row)?);
                }
            }
        }
        let mut plain = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| ring.key.is_none() || row.key.first() != Some(&ROW_KEY)) {
            let value = if ring.key.is_some() && holds_keys(&row.key) {
                let own = ring.row_keys.get(&row.key).ok_or(damaged)?;
                open(&key_of(own)?, row)?
            } else {
                open(&ring.storage_key, row)?
            };
            plain.push((row.key.clone(), value.to_vec()));
        }
        ring.counter = counter;
        Ok((ring, plain))
    }

    /// The key of all rows that hold no keys.
    #[must_use]
    pub const fn storage_key(&self) -> &StorageKey {
        &self.storage_key
    }

    /// Whether the batch that was sealed last has changed keys.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// From the next batch on row keys are sealed under another secret. Its first call makes row keys for all rows that need one.
    ///
    /// # Errors
    /// `internal`.
    pub fn renew(&mut self, secret: &[u8; 32]) -> Result<(), ErrorCode> {
        self.next_key = Some(self.key_from(secret)?);
        Ok(())
    }

    /// Seals the changes of a batch, and when the ring was renewed what that asks for beside them; `storage` shows the changes already.
    ///
    /// # Errors
    /// `unsupported` without a random generator.
    pub fn seal_changes(&mut self, batch: &mut Batch, changes: Vec<Change>, storage: &JournaledStorage) -> Result<(), ErrorCode> {
        for (row_key, value) in changes {
            match value {
                Some(value) => self.seal(batch, Store::State, row_key, &value)?,
                None => self.delete(batch, row_key),
            }
        }
        if self.next_key.is_none() {
            return Ok(());
        }
        if self.key.is_none() {
            for (row_key, value) in storage.rows() {
                if holds_keys(&row_key) && !self.changed.contains_key(&row_key) {
                    self.seal(batch, Store::State, row_key, &value)?;
                }
            }
        }
        for (row_key, own) in std::mem::take(&mut self.row_keys) {
            if !self.changed.contains_key(&row_key) {
                self.seal_row_key(batch, &row_key, &own)?;
            }
            self.row_keys.insert(row_key, own);
        }
        Ok(())
    }

    /// Seals a row, under a new row key if it holds keys.
    ///
    /// # Errors
    /// `unsupported` without a random generator.
    pub fn seal(&mut self, batch: &mut Batch, store: Store, row_key: Vec<u8>, value: &[u8]) -> Result<(), ErrorCode> {
        self.counter += 1;
        let has_own = store == Store::State && holds_keys(&row_key) && (self.key.is_some() || self.next_key.is_some());
        let sealed = if has_own {
            let own: Value = Zeroizing::new(random::secret::<32>()?.to_vec());
            let sealed = seal::seal_row(&key_of(&own)?, store, &row_key, self.counter, value)?;
            self.seal_row_key(batch, &row_key, &own)?;
            self.changed.insert(row_key.clone(), Some(own));
            sealed
        } else {
            seal::seal_row(&self.storage_key, store, &row_key, self.counter, value)?
        };
        batch.puts.push(Row { store, key: row_key, sealed });
        Ok(())
    }

    fn seal_row_key(&mut self, batch: &mut Batch, row_key: &[u8], own: &Value) -> Result<(), ErrorCode> {
        let Some(ring_key) = self.next_key.as_ref().or(self.key.as_ref()) else { return Ok(()) };
        self.counter += 1;
        let at = place_of_key(row_key);
        let sealed = seal::seal_row(ring_key, Store::State, &at, self.counter, own)?;
        batch.puts.push(Row { store: Store::State, key: at, sealed });
        Ok(())
    }

    fn delete(&mut self, batch: &mut Batch, row_key: Vec<u8>) {
        if self.row_keys.contains_key(&row_key) {
            batch.deletes.push((Store::State, place_of_key(&row_key)));
            self.changed.insert(row_key.clone(), None);
        }
        batch.deletes.push((Store::State, row_key));
    }

    /// The batch is stored.
    pub fn confirm(&mut self) {
        if let Some(next) = self.next_key.take() {
            self.key = Some(next);
        }
        for (row_key, own) in std::mem::take(&mut self.changed) {
            match own {
                Some(own) => drop(self.row_keys.insert(row_key, own)),
                None => drop(self.row_keys.remove(&row_key)),
            }
        }
    }

    /// The batch is not stored, and never will be.
    pub fn roll_back(&mut self) {
        self.next_key = None;
        self.changed.clear();
    }

    fn key_from(&self, secret: &[u8; 32]) -> Result<StorageKey, ErrorCode> {
        let mut key = Zeroizing::new([0; 32]);
        let mixed = Hkdf::<Sha256>::new(Some(secret), self.storage_key.bytes().as_slice());
        mixed.expand(LABEL, key.as_mut_slice()).map_err(|_| ErrorCode::Internal)?;
        Ok(StorageKey::from_bytes(key))
    }
}

/// Whether a row of the state table holds keys: whatever OpenMLS stores, and the secrets of leaf keys.
fn holds_keys(row_key: &[u8]) -> bool {
    matches!(row_key.first(), Some(&MLS | &key::LEAF_KEY))
}

fn key_of(own: &Value) -> Result<StorageKey, ErrorCode> {
    let bytes = own.as_slice().try_into().map_err(|_| ErrorCode::StorageDamaged)?;
    Ok(StorageKey::from_bytes(Zeroizing::new(bytes)))
}

/// Where a row's key lies.
fn place_of_key(row_key: &[u8]) -> Vec<u8> {
    [&[ROW_KEY], row_key].concat()
}
