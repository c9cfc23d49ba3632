//! What an operator can choose about the backend, with the defaults.

use core::str::FromStr;
use std::path::PathBuf;
use std::time::Duration;

use crate::store::MemoryDisk;

/// How new hashes of auth keys are made. Hashes of the other scheme keep verifying and are renewed at the next sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordScheme {
    /// Argon2id as a PHC string.
    Argon2id {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over the memory.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// bcrypt (`$2b$`) over the base64 text of the key.
    Bcrypt {
        /// Logarithm of the work.
        cost: u32,
    },
}

impl PasswordScheme {
    /// OWASP's minimum; the real cost of a guess is in the client's derivation, which comes before this.
    pub const ARGON2ID: Self = Self::Argon2id { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
    /// OWASP's advice for bcrypt is 10 or more.
    pub const BCRYPT: Self = Self::Bcrypt { cost: 11 };
}

/// A configuration word that is not one of those that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of: {0}")]
pub struct UnknownWord(pub &'static str);

impl FromStr for PasswordScheme {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "argon2id" => Ok(Self::ARGON2ID),
            "bcrypt" => Ok(Self::BCRYPT),
            _ => Err(UnknownWord("argon2id, bcrypt")),
        }
    }
}

/// Whether strangers may make accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anybody may sign up.
    Open,
    /// Nobody may.
    Closed,
}

impl FromStr for Registration {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "open" => Ok(Self::Open),
            "closed" => Ok(Self::Closed),
            _ => Err(UnknownWord("open, closed")),
        }
    }
}

/// `burst` tries at once, refilled evenly over `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Tries that may come at once.
    pub burst: u32,
    /// Time in which all of them come back.
    pub per: Duration,
}

impl Quota {
    /// A quota of `burst` tries in `minutes` minutes.
    #[must_use]
    pub const fn per_minutes(burst: u32, minutes: u64) -> Self {
        Self { burst, per: Duration::from_secs(minutes * 60) }
    }
}

/// Limits against guessing and draining. None of them touches a session that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Failed sign-ins from one address.
    pub login_address: Quota,
    /// Failed sign-ins to one account, from anywhere.
    pub login_account: Quota,
    /// New accounts from one address.
    pub sign_up_address: Quota,
    /// Key packages that one account may claim.
    pub key_claims: Quota,
    /// People searches of one account.
    pub people_search: Quota,
    /// Failed recovery codes from one address.
    pub recovery_address: Quota,
    /// Failed recovery codes for one account.
    pub recovery_account: Quota,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            login_address: Quota::per_minutes(30, 15),
            login_account: Quota::per_minutes(10, 15),
            sign_up_address: Quota::per_minutes(30, 60),
            key_claims: Quota::per_minutes(600, 10),
            people_search: Quota::per_minutes(120, 1),
            recovery_address: Quota::per_minutes(10, 60),
            recovery_account: Quota::per_minutes(10, 60),
        }
    }
}

/// Where rows are.
#[derive(Clone, Debug)]
pub enum Rows {
    /// In a SQLite file in the data folder.
    Sqlite,
    /// In this memory, and gone with the process: for simulations and tests. No file is made or read.
    Memory(MemoryDisk),
}

/// Everything that [`crate::Backend::open`] needs to know.
#[derive(Clone, Debug)]
pub struct BackendConfig {
    /// Folder of all files; created with owner-only permissions.
    pub data_dir: PathBuf,
    /// Where rows are.
    pub rows: Rows,
    /// How new hashes of auth keys are made.
    pub password: PasswordScheme,
    /// Whether strangers may make accounts.
    pub registration: Registration,
    /// Days after which ciphertexts and Welcomes are deleted.
    pub retention_days: u32,
    /// A session ends when it was not used for this long.
    pub session_idle: Duration,
    /// A session ends this long after the sign-in, used or not.
    pub session_absolute: Duration,
    /// Rate limits.
    pub limits: Limits,
    /// Slow hashes computed at the same time.
    pub parallel_hashes: usize,
    /// Slow hashes that may wait for their turn; more are refused.
    pub waiting_hashes: usize,
    /// Most bytes of the database file; over it writes are refused as on a full disk. `None`: as large as the disk.
    pub database_max_bytes: Option<u64>,
    /// Most bytes that one account may keep in its archive.
    pub archive_bytes: u64,
}

impl BackendConfig {
    /// The defaults, with all files in `data_dir`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        const DAY: u64 = 24 * 3600;
        Self {
            data_dir: data_dir.into(),
            rows: Rows::Sqlite,
            password: PasswordScheme::ARGON2ID,
            registration: Registration::Open,
            retention_days: 30,
            session_idle: Duration::from_secs(30 * DAY),
            session_absolute: Duration::from_secs(180 * DAY),
            limits: Limits::default(),
            parallel_hashes: 2,
            waiting_hashes: 64,
            database_max_bytes: None,
            archive_bytes: 1024 * 1024 * 1024,
        }
    }

    /// The defaults, with everything on a disk in memory. A backend that is opened on the same disk later goes on from there.
    #[must_use]
    pub fn in_memory(disk: MemoryDisk) -> Self {
        Self { rows: Rows::Memory(disk), ..Self::new(PathBuf::new()) }
    }
}
