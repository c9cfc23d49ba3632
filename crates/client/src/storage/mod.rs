//! The journaled store: all state of the engine, changed in steps that are persisted whole or never happened.
//!
//! # A step
//! [`begin`](JournaledStorage::begin) → load groups, work, write → [`take_journal`](JournaledStorage::take_journal) hands the
//! changes to the host as one atomic batch. They stay visible while they are *pending*; when the host has persisted them,
//! [`confirm`](JournaledStorage::confirm) makes them part of the base. If the step fails, or a rule refuses it,
//! [`discard_journal`](JournaledStorage::discard_journal); if the host could not persist,
//! [`rollback`](JournaledStorage::rollback).
//!
//! # Invariants
//! * A write without an open journal is refused ([`StorageError::NoJournal`]).
//! * **Every live `MlsGroup` is dropped after a discard or a rollback.** OpenMLS caches state in it: a live one has used a
//!   ratchet generation that the store does not know of, and answers differently from one that is loaded again.
//! * A row that does not decode is [`StorageError::Damaged`], never "absent".
//! * Keys that begin with 0x01 are MLS entities ([`keys`] has their layout) and are written through OpenMLS only; every other
//!   first byte belongs to the engine's own rows, which share the journal so that one step is one batch.
//! * Values are erased from memory when they are overwritten, deleted or dropped.
//!
//! # Namespaces
//! A join by external commit is built [`within`](JournaledStorage::within) a [`Namespace`] of its own, beside the state that
//! it will replace, and is [`promote`](JournaledStorage::promote)d in the batch of its acceptance, or dropped.

mod codec;
mod error;
mod keys;
mod layers;
mod mls;
mod provider;

use core::cell::{Cell, RefCell};
use core::fmt;
use std::collections::BTreeSet;

use openmls::group::GroupId;
use zeroize::Zeroizing;

pub use error::StorageError;
pub(crate) use keys::MLS;
pub use layers::{Change, Value};
pub use provider::Provider;

use keys::{KINDS, group_part, group_prefix, namespace_prefix};
use layers::Layers;

/// Where MLS state is built that does not count yet. The room id serves: one staged join for each room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(pub [u8; 16]);

/// The engine's whole state: committed rows in memory under a journal. See the [module](self).
///
/// OpenMLS takes `&self` for writes, hence the cells; the engine is single-threaded.
#[derive(Default)]
pub struct JournaledStorage {
    layers: RefCell<Layers>,
    namespace: Cell<Option<Namespace>>,
}

impl fmt::Debug for JournaledStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JournaledStorage(…)")
    }
}

impl JournaledStorage {
    /// A store whose base is these rows, as the host has loaded and the engine has unsealed them.
    pub fn from_rows(rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        Self { layers: RefCell::new(Layers::from_rows(rows)), namespace: Cell::new(None) }
    }

    /// Opens a journal.
    ///
    /// # Errors
    /// [`StorageError::JournalOpen`]; the open one is untouched.
    pub fn begin(&self) -> Result<(), StorageError> {
        self.layers.borrow_mut().begin()
    }

    /// Whether a journal is open.
    #[must_use]
    pub fn has_journal(&self) -> bool {
        self.layers.borrow().has_journal()
    }

    /// How many batches wait for [`Self::confirm`].
    #[must_use]
    pub fn pending(&self) -> usize {
        self.layers.borrow().pending()
    }

    /// Closes the journal and returns its changes in key order, without those that change nothing (there may be none).
    /// They stay visible as the newest pending batch; each call needs one [`Self::confirm`].
    ///
    /// # Errors
    /// [`StorageError::NoJournal`].
    pub fn take_journal(&self) -> Result<Vec<Change>, StorageError> {
        self.layers.borrow_mut().take_journal()
    }

    /// The host has persisted the oldest pending batch.
    ///
    /// # Errors
    /// [`StorageError::NothingPending`].
    pub fn confirm(&self) -> Result<(), StorageError> {
        self.layers.borrow_mut().confirm()
    }

    /// Drops the open journal, if any: the step failed or was refused. What is pending stays, because the host may have
    /// written it already. Every `MlsGroup` that the step touched must be dropped.
    pub fn discard_journal(&self) {
        self.layers.borrow_mut().discard_journal();
    }

    /// Drops the open journal and everything pending: the host could not persist. Every live `MlsGroup` must be dropped.
    pub fn rollback(&self) {
        self.layers.borrow_mut().rollback();
    }

    /// A row of the engine.
    ///
    /// # Errors
    /// [`StorageError::ReservedKey`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        engine_key(key)?;
        Ok(self.layers.borrow().find(key).cloned())
    }

    /// Writes a row of the engine.
    ///
    /// # Errors
    /// [`StorageError::ReservedKey`], [`StorageError::NoJournal`].
    pub fn put(&self, key: Vec<u8>, value: Vec<u8>) -> Result<(), StorageError> {
        let value = Zeroizing::new(value);
        engine_key(&key)?;
        self.layers.borrow_mut().write(key, Some(value))
    }

    /// Deletes a row of the engine; one that is not there is fine.
    ///
    /// # Errors
    /// [`StorageError::ReservedKey`], [`StorageError::NoJournal`].
    pub fn delete(&self, key: &[u8]) -> Result<(), StorageError> {
        engine_key(key)?;
        self.layers.borrow_mut().write(key.to_vec(), None)
    }

    /// Rows of the engine whose key is in `from..=to`, in key order.
    ///
    /// # Errors
    /// [`StorageError::ReservedKey`] where either end is one.
    pub fn range(&self, from: &[u8], to: &[u8]) -> Result<Vec<(Vec<u8>, Value)>, StorageError> {
        engine_key(from)?;
        engine_key(to)?;
        let mut rows = self.layers.borrow().range(from, to);
        rows.retain(|(key, _)| engine_key(key).is_ok());
        Ok(rows)
    }

    /// Rows of the engine whose key begins with `prefix`, in key order.
    ///
    /// # Errors
    /// [`StorageError::ReservedKey`].
    pub fn with_prefix(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Value)>, StorageError> {
        engine_key(prefix)?;
        Ok(self.layers.borrow().with_prefix(prefix))
    }

    /// Every row, the engine's and OpenMLS's, in key order.
    #[must_use]
    pub fn rows(&self) -> Vec<(Vec<u8>, Value)> {
        self.layers.borrow().with_prefix(&[])
    }

    /// Runs `work` with all MLS reads and writes of this store inside a namespace, and nothing of the main one visible to
    /// OpenMLS. Engine rows are not concerned.
    pub fn within<T>(&self, namespace: Namespace, work: impl FnOnce() -> T) -> T {
        let _outer = Restore { cell: &self.namespace, to: self.namespace.replace(Some(namespace)) };
        work()
    }

    /// Moves a namespace's rows into the main one. State of the same groups in the main one goes first, all of it: a row of
    /// the old group that has no successor (a queued proposal, an old epoch's keys) must not live on under the new one.
    ///
    /// # Errors
    /// [`StorageError::EmptyNamespace`], [`StorageError::NoJournal`].
    pub fn promote(&self, namespace: Namespace) -> Result<(), StorageError> {
        let staged_prefix = namespace_prefix(Some(namespace));
        let staged = self.layers.borrow().with_prefix(&staged_prefix);
        if staged.is_empty() {
            return Err(StorageError::EmptyNamespace);
        }
        let groups: BTreeSet<&[u8]> = staged.iter().filter_map(|(key, _)| group_part(key.get(staged_prefix.len()..)?)).collect();
        for group in groups {
            self.delete_encoded_group(None, group)?;
        }
        let main_prefix = namespace_prefix(None);
        let mut layers = self.layers.borrow_mut();
        for (key, value) in staged {
            let main_key = [&main_prefix, key.get(staged_prefix.len()..).unwrap_or_default()].concat();
            layers.write(main_key, Some(value))?;
            layers.write(key, None)?;
        }
        Ok(())
    }

    /// Deletes everything in a namespace.
    ///
    /// # Errors
    /// [`StorageError::NoJournal`].
    pub fn drop_namespace(&self, namespace: Namespace) -> Result<(), StorageError> {
        self.delete_prefix(&namespace_prefix(Some(namespace)))
    }

    /// Deletes every row of a group in the current namespace, also of one that does not load.
    ///
    /// # Errors
    /// [`StorageError::NoJournal`].
    pub fn purge_group(&self, group_id: &GroupId) -> Result<(), StorageError> {
        self.delete_encoded_group(self.namespace.get(), &codec::encode("group id", group_id)?)
    }

    /// Whether any row of this group is there, in the current namespace.
    ///
    /// # Errors
    /// [`StorageError::Encode`].
    pub fn has_group(&self, group_id: &GroupId) -> Result<bool, StorageError> {
        let group = codec::encode("group id", group_id)?;
        for &kind in KINDS {
            let prefix = group_prefix(self.namespace.get(), kind, &group)?;
            if !self.layers.borrow().with_prefix(&prefix).is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn delete_encoded_group(&self, namespace: Option<Namespace>, group: &[u8]) -> Result<(), StorageError> {
        KINDS.iter().try_for_each(|&kind| self.delete_prefix(&group_prefix(namespace, kind, group)?))
    }

    fn delete_prefix(&self, prefix: &[u8]) -> Result<(), StorageError> {
        let mut layers = self.layers.borrow_mut();
        let rows = layers.with_prefix(prefix);
        rows.into_iter().try_for_each(|(key, _)| layers.write(key, None))
    }
}

fn engine_key(key: &[u8]) -> Result<(), StorageError> {
    match key.first() {
        None | Some(&keys::MLS) => Err(StorageError::ReservedKey),
        Some(_) => Ok(()),
    }
}

/// Returns to the outer namespace also when the work leaves early.
struct Restore<'a> {
    cell: &'a Cell<Option<Namespace>>,
    to: Option<Namespace>,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.cell.set(self.to);
    }
}
