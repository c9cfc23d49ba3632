//! The one handle of the services: what they share, opened and closed together.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::bus::Bus;
use crate::config::{BackendConfig, Rows};
use crate::directory::Transparency;
use crate::error::{OpenError, ServiceError};
use crate::limits::RateLimits;
use crate::obfuscate::LogSalt;
use crate::passwords::Passwords;
use crate::secret::ServerSecret;
use crate::store::Store;
use sotto_protocol::ErrorCode;

/// All services of the server. Cheap to clone; every clone is the same backend.
#[derive(Clone)]
pub struct Backend(pub(crate) Arc<Parts>);

/// What the services share; opaque outside this crate.
pub(crate) struct Parts {
    pub(crate) config: BackendConfig,
    pub(crate) store: Store,
    pub(crate) passwords: Passwords,
    pub(crate) limits: RateLimits,
    pub(crate) bus: Bus,
    pub(crate) secret: ServerSecret,
    pub(crate) directory: Transparency,
    pub(crate) log_salt: LogSalt,
    /// Validations of MLS objects at the same time.
    validating: Arc<Semaphore>,
}

impl Backend {
    /// Opens the data folder (or makes it with everything in it, owner-only), or a disk in memory.
    ///
    /// # Errors
    /// [`OpenError`] says what can't be opened and why.
    pub async fn open(config: BackendConfig) -> Result<Self, OpenError> {
        let secret = match &config.rows {
            Rows::Sqlite => ServerSecret::open(&config.data_dir)?,
            Rows::Memory(disk) => ServerSecret::on(disk)?,
        };
        let store = Store::open(&config).await?;
        let parallel = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self(Arc::new(Parts {
            passwords: Passwords::new(&config)?,
            limits: RateLimits::new(config.limits),
            log_salt: LogSalt::new(crate::random::bytes().map_err(|_| OpenError::NoRandom)?),
            validating: Arc::new(Semaphore::new(parallel)),
            bus: Bus::default(),
            directory: Transparency::new(&secret, store.clone()),
            secret,
            store,
            config,
        })))
    }

    /// What it was opened with.
    #[must_use]
    pub fn config(&self) -> &BackendConfig {
        &self.0.config
    }

    /// Whether it can serve: a transaction and a read that truly happen.
    ///
    /// # Errors
    /// `unavailable` when they can't.
    pub async fn health(&self) -> Result<(), ServiceError> {
        Ok(self.0.store.health().await?)
    }

    /// Finishes everything that was taken on (so that every ack of it is given), then closes. Later requests get `unavailable`.
    pub async fn close(&self) {
        self.0.store.close().await;
    }

    /// Slow hashes computed since start, of every kind: for metrics, and for the test that counts them.
    #[must_use]
    pub fn hashes_computed(&self) -> u64 {
        self.0.passwords.computed()
    }

    /// Runs heavy checking beside the async threads, a bounded number at a time.
    pub(crate) async fn heavy<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
        let place = Arc::clone(&self.0.validating).acquire_owned().await.map_err(|_| ErrorCode::Unavailable)?;
        tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        })
        .await
        .map_err(|_| ErrorCode::Internal.into())
    }
}
