//! The store over one SQLite file: WAL, `synchronous=FULL`, one writing connection, a pool of readers.

mod accounts;
mod archive;
mod blocking;
mod deleting;
mod directory;
mod invites;
mod keys;
mod log;
mod people;
mod retention;
mod rooms;
mod sessions;
mod welcomes;
mod writer;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use sotto_protocol::{AccountId, Bytes, DeviceId, IdempotencyId, InviteId, RoomId, SessionId, UserName};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use crate::error::OpenError;
use crate::store::{BUSY, StoreError, StoreResult};
use writer::Writer;

pub(crate) use writer::BoxFuture;

/// Readers at the same time.
const READERS: u32 = 4;
const PAGE: u64 = 4096;
/// How long a lock of somebody else (a backup, a person with a shell) is waited for.
const BUSY_WITHIN: Duration = Duration::from_secs(5);

/// What the store can be told.
pub(crate) struct StoreOptions<'a> {
    pub(crate) data_dir: &'a Path,
    /// Most bytes of the database file.
    pub(crate) max_bytes: Option<u64>,
}

/// See the module.
#[derive(Clone)]
pub(crate) struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens (or creates, owner-only) the database and brings its tables to this version.
    pub(crate) async fn open(options: StoreOptions<'_>) -> Result<Self, OpenError> {
        let path = options.data_dir.join("sotto.db");
        // Created here, because SQLite would follow the umask; the WAL takes the mode of the database.
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| OpenError::Folder { path: path.clone(), source })?;

        let common = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(false)
            .foreign_keys(true)
            .busy_timeout(BUSY_WITHIN)
            .disable_statement_logging();
        let mut writing = common
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // What is deleted is overwritten: a copied file holds no ciphertext that retention took.
            .pragma("secure_delete", "FAST")
            .pragma("journal_size_limit", (64 * 1024 * 1024_u32).to_string());
        if let Some(bytes) = options.max_bytes {
            writing = writing.pragma("max_page_count", (bytes / PAGE).max(1).to_string());
        }
        let mut connection = writing.connect().await?;
        sqlx::migrate!("./migrations").run(&mut connection).await?;
        let readers =
            SqlitePoolOptions::new().max_connections(READERS).connect_with(common.read_only(true).pragma("query_only", "ON")).await?;
        Ok(Self { writer: Writer::start(writing, connection), readers })
    }

    /// Finishes what is queued, then closes. The writer is the last: whoever is the last folds the WAL into the database and deletes
    /// it, and a reader may not.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// A true round trip: a transaction through the writer and a read.
    pub(crate) async fn health(&self) -> StoreResult<()> {
        self.write(|connection| {
            Box::pin(async move {
                // Rewrites a header field, so that a full or read-only disk is noticed.
                sqlx::query("PRAGMA user_version = 1").execute(connection).await?;
                Ok(())
            })
        })
        .await?;
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Runs `work` in the writer's next transaction and returns when that is durable.
    async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, StoreResult<T>> + Send + 'static,
    {
        self.writer.write(work).await
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                // Extended result codes have the primary one in their low byte.
                let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or(1) & 0xff;
                match code {
                    5 | 6 => Self::Unavailable(BUSY),
                    7 => Self::Unavailable("no memory"),
                    8 => Self::Unavailable("read only"),
                    9 => Self::Unavailable("interrupted"),
                    10 => Self::Unavailable("i/o error"),
                    11 | 26 => Self::Unavailable("damaged database"),
                    13 => Self::Unavailable("disk full"),
                    14 => Self::Unavailable("can't open"),
                    19 => Self::Bug("constraint"),
                    _ => Self::Bug("statement"),
                }
            }
            sqlx::Error::Io(_) => Self::Unavailable("i/o error"),
            sqlx::Error::PoolTimedOut => Self::Unavailable("no reader free"),
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Unavailable("closed"),
            sqlx::Error::RowNotFound => Self::Bug("row not found"),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Bug("column of another type"),
            _ => Self::Bug("sqlx"),
        }
    }
}

/// SQLite's integers are signed. Values here are times, counts and positions: far below the border.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads columns as the domain's types; another shape is a bug, never "absent".
trait Columns {
    fn uint(&self, column: &str) -> StoreResult<u64>;
    fn bytes(&self, column: &str) -> StoreResult<Bytes>;
    fn text(&self, column: &str) -> StoreResult<String>;
    fn account(&self, column: &str) -> StoreResult<AccountId>;
    fn device(&self, column: &str) -> StoreResult<DeviceId>;
    fn find_device(&self, column: &str) -> StoreResult<Option<DeviceId>>;
    fn room(&self, column: &str) -> StoreResult<RoomId>;
    fn session(&self, column: &str) -> StoreResult<SessionId>;
    fn idempotency(&self, column: &str) -> StoreResult<IdempotencyId>;
    fn invite(&self, column: &str) -> StoreResult<InviteId>;
    fn name(&self, column: &str) -> StoreResult<UserName>;
}

fn wrong_length<T>(id: Option<T>) -> StoreResult<T> {
    id.ok_or(StoreError::Bug("an id of the wrong length"))
}

impl Columns for SqliteRow {
    fn uint(&self, column: &str) -> StoreResult<u64> {
        u64::try_from(self.try_get::<i64, _>(column)?).map_err(|_| StoreError::Bug("a negative number"))
    }

    fn bytes(&self, column: &str) -> StoreResult<Bytes> {
        Ok(Bytes(self.try_get(column)?))
    }

    fn text(&self, column: &str) -> StoreResult<String> {
        Ok(self.try_get(column)?)
    }

    fn account(&self, column: &str) -> StoreResult<AccountId> {
        wrong_length(AccountId::from_slice(self.try_get(column)?))
    }

    fn device(&self, column: &str) -> StoreResult<DeviceId> {
        wrong_length(DeviceId::from_slice(self.try_get(column)?))
    }

    fn find_device(&self, column: &str) -> StoreResult<Option<DeviceId>> {
        self.try_get::<Option<&[u8]>, _>(column)?.map(|bytes| wrong_length(DeviceId::from_slice(bytes))).transpose()
    }

    fn room(&self, column: &str) -> StoreResult<RoomId> {
        wrong_length(RoomId::from_slice(self.try_get(column)?))
    }

    fn session(&self, column: &str) -> StoreResult<SessionId> {
        wrong_length(SessionId::from_slice(self.try_get(column)?))
    }

    fn idempotency(&self, column: &str) -> StoreResult<IdempotencyId> {
        wrong_length(IdempotencyId::from_slice(self.try_get(column)?))
    }

    fn invite(&self, column: &str) -> StoreResult<InviteId> {
        wrong_length(InviteId::from_slice(self.try_get(column)?))
    }

    fn name(&self, column: &str) -> StoreResult<UserName> {
        UserName::parse(self.try_get(column)?).map_err(|_| StoreError::Bug("a name that is none"))
    }
}

/// An id as SQLite takes it.
fn blob<const N: usize>(id: &[u8; N]) -> &[u8] {
    id.as_slice()
}

/// Closes a connection whose state is unknown.
async fn discard(connection: SqliteConnection) {
    // Closing rolls back; an error on the way changes nothing about that.
    let _ = connection.close().await;
}
