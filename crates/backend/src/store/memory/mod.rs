//! The store without a file: the same answers as SQLite's from ordered tables in memory, for simulations and tests.
//!
//! One mutex makes each method one transaction. A method asks everything that can refuse before it changes the first row, so that a
//! refusal changes nothing. All tables are ordered, so that the same calls give the same answers in the same order, in every run.

mod accounts;
mod archive;
mod blocking;
mod deleting;
mod directory;
mod dump;
mod invites;
mod keys;
mod log;
mod people;
mod retention;
mod rooms;
mod sessions;
mod tables;
mod welcomes;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::store::{StoreError, StoreResult};
use tables::Tables;

/// Rows and the server's secret, kept in memory: what a data folder is to SQLite. Clones are the same disk, and it outlives the
/// backends that are opened on it.
#[derive(Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Contents>>);

#[derive(Clone, Default)]
struct Contents {
    secret: Option<Zeroizing<[u8; 32]>>,
    tables: Tables,
    full: bool,
}

impl MemoryDisk {
    /// A disk of its own with what is on this one now.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// Whether the disk is full: nothing can be written then, and what is there can be read.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// Every row, a line each: the table, then its columns as hexadecimal digits or a number. What a thief of the database would read.
    #[must_use]
    pub fn dump(&self) -> Vec<String> {
        dump::lines(&self.lock().tables)
    }

    /// The server's secret, `made` when there is none yet.
    pub(crate) fn secret<E>(&self, made: impl FnOnce() -> Result<[u8; 32], E>) -> Result<Zeroizing<[u8; 32]>, E> {
        let mut contents = self.lock();
        if let Some(secret) = &contents.secret {
            return Ok(secret.clone());
        }
        let secret = Zeroizing::new(made()?);
        contents.secret = Some(secret.clone());
        Ok(secret)
    }

    /// A poisoned lock guards what a panic may have left half changed; only a test can panic here, and it has failed by then.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rows hold hashes of secrets.
        f.write_str("MemoryDisk")
    }
}

/// See the module.
#[derive(Clone)]
pub(crate) struct MemoryStore {
    disk: MemoryDisk,
    closed: Arc<AtomicBool>,
}

impl MemoryStore {
    pub(crate) fn open(disk: MemoryDisk) -> Self {
        Self { disk, closed: Arc::default() }
    }

    /// Refuses all from now on, as a closed database does.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn health(&self) -> StoreResult<()> {
        self.write(|_| Ok(()))
    }

    fn read<T>(&self, work: impl FnOnce(&Tables) -> T) -> StoreResult<T> {
        Ok(work(&self.contents()?.tables))
    }

    fn write<T>(&self, work: impl FnOnce(&mut Tables) -> StoreResult<T>) -> StoreResult<T> {
        let mut contents = self.contents()?;
        if contents.full { Err(StoreError::Unavailable("disk full")) } else { work(&mut contents.tables) }
    }

    fn contents(&self) -> StoreResult<MutexGuard<'_, Contents>> {
        if self.closed.load(Ordering::Relaxed) { Err(StoreError::Unavailable("closed")) } else { Ok(self.disk.lock()) }
    }
}
