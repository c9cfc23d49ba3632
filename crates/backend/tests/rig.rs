//! The rig of a test: a backend on the store of its program.
#![allow(unreachable_pub, reason = "a module of several test programs")]
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use sotto_backend::{Backend, BackendConfig, Limits, MemoryDisk, Quota, Rows};

use crate::kit::{FAST_ARGON, dump_of};

/// On which store a program's tests run.
#[derive(Clone, Copy)]
pub enum Kind {
    Sqlite,
    Memory,
}

/// A backend whose folder goes with it.
pub struct Rig {
    pub dir: tempfile::TempDir,
    pub backend: Backend,
}

fn config_in(dir: &tempfile::TempDir) -> BackendConfig {
    let plenty = Quota { burst: 1_000_000, per: Duration::from_secs(1) };
    let config = match crate::STORE {
        Kind::Sqlite => BackendConfig::new(dir.path().join("data")),
        Kind::Memory => BackendConfig::in_memory(MemoryDisk::default()),
    };
    BackendConfig {
        password: FAST_ARGON,
        limits: Limits {
            login_address: plenty,
            login_account: plenty,
            sign_up_address: plenty,
            key_claims: plenty,
            people_search: plenty,
            recovery_address: plenty,
            recovery_account: plenty,
        },
        waiting_hashes: 10_000,
        ..config
    }
}

pub async fn rig() -> Rig {
    rig_with(|_| {}).await
}

pub async fn rig_with(change: impl FnOnce(&mut BackendConfig)) -> Rig {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config_in(&dir);
    change(&mut config);
    Rig { backend: Backend::open(config).await.unwrap(), dir }
}

impl Rig {
    /// Closes and opens again, as a restart does.
    pub async fn reopen(self, change: impl FnOnce(&mut BackendConfig)) -> Self {
        let mut config = self.backend.config().clone();
        self.backend.close().await;
        change(&mut config);
        Self { backend: Backend::open(config).await.unwrap(), dir: self.dir }
    }

    /// Every row of every table, to compare before and after.
    pub async fn dump(&self) -> Vec<String> {
        match &self.backend.config().rows {
            Rows::Sqlite => dump_of(&self.dir.path().join("data")).await,
            Rows::Memory(disk) => disk.dump(),
        }
    }
}
