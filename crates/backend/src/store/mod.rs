//! What is kept, in words of the domain: the seam to a database. `sqlite` is the implementation behind it.
//!
//! A method of [`Store`] is one transaction, and returns only when that is durable. What PostgreSQL needs one day is another type
//! with these methods.

mod sqlite;

use sotto_protocol::accounts::{KdfParams, VaultSlot};
use sotto_protocol::frames::EntryKind;
use sotto_protocol::{AccountId, Bytes, DeviceId, Epoch, ErrorCode, IdempotencyId, Millis, RoomId, Seq, SessionId, UserName};

use crate::error::ServiceError;

pub(crate) use sqlite::{SqliteStore as Store, StoreOptions};

/// Why a transaction did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// The rows don't allow it.
    Refused(ServiceError),
    /// The database can't do it now: disk full, I/O error, busy, stopping.
    Unavailable(&'static str),
    /// A statement or row is not what it should be.
    Bug(&'static str),
}

impl From<ErrorCode> for StoreError {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code.into())
    }
}

impl From<ServiceError> for StoreError {
    fn from(refusal: ServiceError) -> Self {
        Self::Refused(refusal)
    }
}

pub(crate) type StoreResult<T> = Result<T, StoreError>;

/// Password half of an account, hashed.
#[derive(Clone)]
pub(crate) struct PasswordRow {
    pub(crate) kdf: KdfParams,
    pub(crate) hash: String,
    pub(crate) slot: VaultSlot,
}

/// Recovery half of an account, hashed.
#[derive(Clone)]
pub(crate) struct RecoveryRow {
    pub(crate) hash: String,
    pub(crate) slot: VaultSlot,
}

/// An account.
#[derive(Clone)]
pub(crate) struct AccountRow {
    pub(crate) account: AccountId,
    pub(crate) name: UserName,
    pub(crate) created_at: Millis,
    pub(crate) password: PasswordRow,
    pub(crate) recovery: RecoveryRow,
    /// Encoded signed device list.
    pub(crate) device_list: Bytes,
}

/// A session to store.
#[derive(Clone)]
pub(crate) struct NewSessionRow {
    pub(crate) session: SessionId,
    pub(crate) token_hash: [u8; 32],
    pub(crate) account: AccountId,
    pub(crate) device: Option<DeviceId>,
    pub(crate) label: String,
    pub(crate) now: Millis,
    /// The session in whose place this one comes.
    pub(crate) replaces: Option<SessionId>,
}

/// A stored session.
#[derive(Clone)]
pub(crate) struct SessionRow {
    pub(crate) session: SessionId,
    pub(crate) account: AccountId,
    pub(crate) name: UserName,
    pub(crate) device: Option<DeviceId>,
    pub(crate) label: String,
    pub(crate) created_at: Millis,
    pub(crate) last_seen_at: Millis,
}

/// A device list that replaces exactly the one that was checked against.
#[derive(Clone)]
pub(crate) struct NextList {
    pub(crate) before: Bytes,
    pub(crate) list: Bytes,
    pub(crate) devices: Vec<DeviceId>,
}

/// A key package to store.
#[derive(Clone)]
pub(crate) struct KeyPackageRow {
    pub(crate) hash: [u8; 32],
    pub(crate) last_resort: bool,
    pub(crate) not_after: Millis,
    pub(crate) package: Bytes,
}

/// A message to append.
#[derive(Clone)]
pub(crate) struct AppendRow {
    pub(crate) room: RoomId,
    pub(crate) epoch: Epoch,
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) at: Millis,
    pub(crate) idempotency: IdempotencyId,
    pub(crate) bytes: Bytes,
    /// Whether the bytes are what belongs there; asked after everything that comes first.
    pub(crate) form: Result<(), ErrorCode>,
}

/// What became of a message: its position and time, or why it was refused.
pub(crate) type Appended = Result<(Seq, Millis), ServiceError>;

/// A Welcome to store.
#[derive(Clone)]
pub(crate) struct WelcomeRow {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) welcome: Bytes,
}

/// A validated commit: what the room becomes if it is still in `epoch`.
#[derive(Clone)]
pub(crate) struct CommitRow {
    pub(crate) room: RoomId,
    /// The epoch that the commit ends.
    pub(crate) epoch: Epoch,
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) at: Millis,
    pub(crate) idempotency: IdempotencyId,
    pub(crate) commit: Bytes,
    pub(crate) state: RoomStateRow,
    pub(crate) members: Vec<AccountId>,
    pub(crate) welcomes: Vec<WelcomeRow>,
}

/// Public state of a room in its epoch.
#[derive(Clone)]
pub(crate) struct RoomStateRow {
    /// `rooms::group_state` knows the format.
    pub(crate) public_group: Bytes,
    pub(crate) group_info: Bytes,
    pub(crate) ratchet_tree: Bytes,
}

/// A room of a pair, in order of the account ids.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) low: AccountId,
    pub(crate) high: AccountId,
}

impl Pair {
    pub(crate) fn of(one: AccountId, other: AccountId) -> Self {
        Self { low: one.min(other), high: one.max(other) }
    }
}

/// What a commit is validated against.
pub(crate) struct RoomForCommit {
    pub(crate) epoch: Epoch,
    /// None for a group.
    pub(crate) pair: Option<Pair>,
    pub(crate) public_group: Bytes,
}

/// Where a commit of an idempotency id stands.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) seq: Seq,
    /// The epoch of the entry: for a commit the one it ended.
    pub(crate) epoch: Epoch,
    pub(crate) at: Millis,
}

/// How an [`EntryKind`] is stored.
pub(crate) const fn kind_number(kind: EntryKind) -> i64 {
    match kind {
        EntryKind::Commit => 0,
        EntryKind::Message => 1,
    }
}
