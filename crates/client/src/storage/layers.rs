//! Committed rows, changes that wait for the host, and the open journal: three kinds of layer, read from the top down.

use std::collections::{BTreeMap, VecDeque};

use zeroize::Zeroizing;

use super::StorageError;

/// A row's value; erased when it is overwritten, deleted or dropped.
pub type Value = Zeroizing<Vec<u8>>;
/// One change to persist: the key, and the new value or `None` for a deletion.
pub type Change = (Vec<u8>, Option<Value>);

type Layer = BTreeMap<Vec<u8>, Option<Value>>;

/// The three kinds of layer. `base` is what the host has confirmed; each layer of `pending` went to the host and is not
/// confirmed yet, oldest first; `journal` is the step that is being worked on.
#[derive(Default)]
pub(super) struct Layers {
    base: BTreeMap<Vec<u8>, Value>,
    pending: VecDeque<Layer>,
    journal: Option<Layer>,
}

impl Layers {
    pub(super) fn from_rows(rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let base = rows.into_iter().map(|(key, value)| (key, Zeroizing::new(value))).collect();
        Self { base, ..Self::default() }
    }

    pub(super) fn begin(&mut self) -> Result<(), StorageError> {
        if self.journal.is_some() {
            return Err(StorageError::JournalOpen);
        }
        self.journal = Some(Layer::new());
        Ok(())
    }

    pub(super) const fn has_journal(&self) -> bool {
        self.journal.is_some()
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Closes the journal. Changes that change nothing are left out of what is returned.
    pub(super) fn take_journal(&mut self) -> Result<Vec<Change>, StorageError> {
        let mut journal = self.journal.take().ok_or(StorageError::NoJournal)?;
        journal.retain(|key, value| self.find(key) != value.as_ref());
        let changes = journal.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.pending.push_back(journal);
        Ok(changes)
    }

    pub(super) fn confirm(&mut self) -> Result<(), StorageError> {
        for (key, value) in self.pending.pop_front().ok_or(StorageError::NothingPending)? {
            match value {
                Some(value) => self.base.insert(key, value),
                None => self.base.remove(&key),
            };
        }
        Ok(())
    }

    pub(super) fn discard_journal(&mut self) {
        self.journal = None;
    }

    pub(super) fn rollback(&mut self) {
        self.journal = None;
        self.pending.clear();
    }

    pub(super) fn find(&self, key: &[u8]) -> Option<&Value> {
        let above = self.journal.iter().chain(self.pending.iter().rev()).find_map(|layer| layer.get(key));
        match above {
            Some(change) => change.as_ref(),
            None => self.base.get(key),
        }
    }

    pub(super) fn write(&mut self, key: Vec<u8>, value: Option<Value>) -> Result<(), StorageError> {
        self.journal.as_mut().ok_or(StorageError::NoJournal)?.insert(key, value);
        Ok(())
    }

    /// Visible rows whose key is in `from..=to`, in key order.
    pub(super) fn range(&self, from: &[u8], to: &[u8]) -> Vec<(Vec<u8>, Value)> {
        self.collect(from, |key| key <= to)
    }

    /// Visible rows whose key begins with `prefix`, in key order.
    pub(super) fn with_prefix(&self, prefix: &[u8]) -> Vec<(Vec<u8>, Value)> {
        self.collect(prefix, |key| key.starts_with(prefix))
    }

    fn collect(&self, from: &[u8], within: impl Fn(&[u8]) -> bool) -> Vec<(Vec<u8>, Value)> {
        let start = || (core::ops::Bound::Included(from), core::ops::Bound::Unbounded);
        let mut rows: BTreeMap<&[u8], &Value> = BTreeMap::new();
        for (key, value) in self.base.range::<[u8], _>(start()).take_while(|(key, _)| within(key)) {
            rows.insert(key, value);
        }
        for layer in self.pending.iter().chain(self.journal.iter()) {
            for (key, value) in layer.range::<[u8], _>(start()).take_while(|(key, _)| within(key)) {
                match value {
                    Some(value) => rows.insert(key, value),
                    None => rows.remove(key.as_slice()),
                };
            }
        }
        rows.into_iter().map(|(key, value)| (key.to_vec(), value.clone())).collect()
    }
}
