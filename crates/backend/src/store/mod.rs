//! What is kept, in words of the domain: the seam to a database. `sqlite` and `memory` are the implementations behind it.
//!
//! A method of [`Store`] is one transaction, and returns only when that is durable. `contract` holds the implementations against each
//! other. What PostgreSQL needs one day is another variant with these methods.

#[cfg(test)]
mod contract;
mod memory;
mod sqlite;

use sotto_protocol::accounts::{KdfParams, VaultSlot};
use sotto_protocol::api::{ArchivePage, ArchivePages, ClaimedKeyPackage, KeyPackageCount, PageWanted, Person, RoomInfo};
use sotto_protocol::frames::{Cursor, Entry, EntryKind, Welcome};
use sotto_protocol::invites::Ask;
use sotto_protocol::{
    AccountId, Bytes, DeviceId, Epoch, ErrorCode, IdempotencyId, InviteId, Millis, RoomId, Seq, SessionId, ShelfId, UserName,
};

use crate::config::{BackendConfig, Rows};
use crate::error::{OpenError, ServiceError};
use memory::MemoryStore;
use sqlite::{SqliteStore, StoreOptions};

pub use memory::MemoryDisk;

/// Log entries that retention deletes in one transaction.
const ENTRIES_DELETED_AT_ONCE: u16 = 500;

/// A store that is open.
#[derive(Clone)]
pub(crate) enum Store {
    Sqlite(SqliteStore),
    Memory(MemoryStore),
}

impl Store {
    /// Opens what the configuration says.
    pub(crate) async fn open(config: &BackendConfig) -> Result<Self, OpenError> {
        Ok(match &config.rows {
            Rows::Sqlite => {
                let options = StoreOptions { data_dir: &config.data_dir, max_bytes: config.database_max_bytes };
                Self::Sqlite(SqliteStore::open(options).await?)
            }
            Rows::Memory(disk) => Self::Memory(MemoryStore::open(disk.clone())),
        })
    }

    /// Finishes what was taken on, then closes. Later calls are unavailable.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Memory(store) => store.close(),
        }
    }
}

/// Makes each line a method of [`Store`] that hands itself to the store that is open.
macro_rules! transactions {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl Store {
            $(pub(crate) async fn $name(&self, $($argument: $type),*) -> StoreResult<$answer> {
                match self {
                    Self::Sqlite(store) => store.$name($($argument),*).await,
                    Self::Memory(store) => store.$name($($argument),*),
                }
            })*
        }
    };
}

// Everything that a store can do. What each does is said where SQLite does it.
transactions! {
    fn health() -> ();

    // Accounts.
    fn find_account(name: &UserName) -> Option<AccountRow>;
    fn find_account_by_id(id: AccountId) -> Option<AccountRow>;
    fn create_account(new: AccountRow, device: DeviceId, session: NewSessionRow) -> ();
    fn renew_password_hash(account: AccountId, before: String, hash: String) -> ();
    fn change_password(
        account: AccountId, verified: String, password: PasswordRow, next: NextList, session: SessionId, token_hash: [u8; 32]
    ) -> Vec<SessionId>;
    fn change_recovery(account: AccountId, verified: String, recovery: RecoveryRow, session: SessionId, token_hash: [u8; 32]) -> ();
    fn finish_recovery(
        account: AccountId, verified: String, password: PasswordRow, recovery: RecoveryRow, next: NextList, session: NewSessionRow
    ) -> Vec<SessionId>;
    fn put_devices(account: AccountId, next: NextList, session: SessionId, device: DeviceId) -> ();
    fn device_list(account: AccountId) -> Option<Bytes>;
    fn delete_account(row: DeletionRow) -> Deleted;
    fn reset_account(name: UserName, at: Millis) -> (AccountId, Vec<SessionId>);
    fn deleted_members(room: RoomId) -> Vec<AccountId>;
    fn search_people(part: &str, most: u32) -> Vec<Person>;

    // Sessions.
    fn create_session(session: NewSessionRow, verified: String) -> ();
    fn find_session_by_token(token_hash: [u8; 32]) -> Option<SessionRow>;
    fn find_session(id: SessionId) -> Option<SessionRow>;
    fn sessions_of(account: AccountId) -> Vec<SessionRow>;
    fn touch_session(id: SessionId, now: Millis) -> ();
    fn rotate_session(id: SessionId, token_hash: [u8; 32]) -> ();
    fn end_session(account: AccountId, id: SessionId) -> ();

    // Key packages.
    fn add_key_packages(account: AccountId, device: DeviceId, packages: Vec<KeyPackageRow>, now: Millis) -> KeyPackageCount;
    fn count_key_packages(account: AccountId, device: DeviceId, now: Millis) -> KeyPackageCount;
    fn claim_key_packages(account: AccountId, but: Option<DeviceId>, by: AccountId, now: Millis) -> Claimed;

    // Rooms.
    fn find_pair_room(pair: Pair) -> Option<RoomId>;
    fn rooms_of(account: AccountId) -> Vec<RoomInfo>;
    fn room_state(account: AccountId, room: RoomId) -> Option<(RoomInfo, RoomStateRow)>;
    fn room_for_commit(account: AccountId, room: RoomId) -> Option<RoomForCommit>;
    fn find_commit(room: RoomId, device: DeviceId, id: IdempotencyId) -> Option<Standing>;
    fn create_room(pair: Option<Pair>, suite: u16, first: CommitRow) -> (Seq, Millis);
    fn commit(row: CommitRow) -> (Seq, Millis);
    fn propose(row: ProposalRow) -> (Seq, Millis);
    fn welcomes(account: AccountId, device: DeviceId, room: Option<RoomId>) -> Vec<Welcome>;
    fn welcome_done(account: AccountId, device: DeviceId, room: RoomId, epoch: Epoch) -> ();

    // The log.
    fn append(rows: Vec<AppendRow>) -> Vec<Appended>;
    fn read_after(account: AccountId, room: RoomId, after: Seq, most: u32) -> Vec<Entry>;
    fn find_entry(account: AccountId, room: RoomId, seq: Seq) -> Option<(Entry, Option<UserName>)>;
    fn heads(account: AccountId) -> Vec<Cursor>;
    fn lost_upto(account: AccountId, room: RoomId) -> Option<Seq>;

    // The archive.
    fn put_pages(account: AccountId, device: DeviceId, pages: Vec<ArchivePage>, most: u64) -> Vec<u32>;
    fn read_pages(account: AccountId, wanted: Vec<PageWanted>, most: usize) -> ArchivePages;
    fn delete_shelves(account: AccountId, shelves: Option<Vec<ShelfId>>) -> ();

    // The directory.
    fn directory_records(keys: Vec<Bytes>) -> Vec<Bytes>;
    fn directory_under(prefix: Bytes) -> Vec<Bytes>;
    fn put_directory(rows: Vec<(Bytes, Bytes)>) -> ();
    fn unpublished(most: u32) -> Vec<(AccountId, UserName, Bytes)>;
    fn mark_published(entered: Vec<(AccountId, Bytes)>) -> ();
    fn put_epoch(row: EpochRow) -> ();
    fn epochs(from: u64, most: u64) -> Vec<EpochRow>;
    fn newest_epoch() -> Option<EpochRow>;

    // Invite links.
    fn put_invite(row: InviteRow, now: Millis, most: usize) -> ();
    fn find_invite(invite: InviteId) -> Option<RoomId>;
    fn delete_invite(invite: InviteId) -> Vec<AccountId>;
    fn ask_in(account: AccountId, invite: InviteId, proof: Bytes, now: Millis, most: usize) -> Vec<AccountId>;
    fn withdraw_ask(account: AccountId, invite: InviteId) -> ();
    fn asks(account: AccountId, now: Millis) -> (Vec<InviteId>, Vec<InviteRow>, Vec<Ask>);

    // Blocking.
    fn blocked(account: AccountId) -> Vec<Person>;
    fn block(account: AccountId, blocked: AccountId, most: usize) -> ();
    fn unblock(account: AccountId, blocked: AccountId) -> ();

    // Retention.
    fn delete_entries(before: Millis) -> u64;
    fn delete_welcomes(before: Millis) -> u64;
    fn delete_key_packages(now: Millis) -> u64;
    fn delete_invites(now: Millis) -> u64;
    fn delete_sessions(created_before: Millis, seen_before: Millis) -> u64;
}

/// Kind of [`StoreError::Unavailable`] when somebody else held the lock for longer than is waited.
pub(crate) const BUSY: &str = "busy";

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
    pub(crate) deleted_at: Option<Millis>,
}

/// The end of an account.
#[derive(Clone)]
pub(crate) struct DeletionRow {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) at: Millis,
    /// Names no device.
    pub(crate) next: NextList,
    /// Names its entry in every room.
    pub(crate) idempotency: IdempotencyId,
}

impl DeletionRow {
    /// The entry that tells a room of it.
    fn entry(&self, room: RoomId, epoch: Epoch, seq: Seq) -> Entry {
        let Self { account, device, at, idempotency, .. } = *self;
        Entry { room, seq, kind: EntryKind::Deleted, epoch, account, device, at, idempotency, bytes: self.next.list.clone() }
    }
}

/// What an account is called whose name was freed.
fn former_name(account: AccountId) -> Result<UserName, ErrorCode> {
    let id = account.to_string();
    UserName::parse(&format!("was-{}", id.get(..16).unwrap_or_default()))
}

/// What a deleted account leaves.
#[derive(Debug, Default)]
pub(crate) struct Deleted {
    /// Its sessions, which have ended.
    pub(crate) sessions: Vec<SessionId>,
    /// Rooms of others that have heard of it.
    pub(crate) rooms: Vec<RoomId>,
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

/// One epoch of the directory.
#[derive(Clone, Debug)]
pub(crate) struct EpochRow {
    pub(crate) epoch: u64,
    pub(crate) root: Bytes,
    pub(crate) chain: Bytes,
    /// That nothing was taken out since the one before; `rules::directory` has its form.
    pub(crate) proof: Bytes,
}

/// An invite link of a group.
#[derive(Clone)]
pub(crate) struct InviteRow {
    pub(crate) invite: InviteId,
    pub(crate) room: RoomId,
    pub(crate) expires_at: Millis,
    /// How many it still lets in.
    pub(crate) uses: u32,
}

/// A key package to store.
#[derive(Clone)]
pub(crate) struct KeyPackageRow {
    pub(crate) hash: [u8; 32],
    pub(crate) last_resort: bool,
    pub(crate) not_after: Millis,
    pub(crate) package: Bytes,
}

/// A key package that a commit adds.
#[derive(Clone)]
pub(crate) struct AddedRow {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) hash: [u8; 32],
    pub(crate) last_resort: bool,
    pub(crate) not_after: Millis,
}

/// What a claim gave, and what it left of each device that gave one out of its stock.
pub(crate) struct Claimed {
    pub(crate) packages: Vec<ClaimedKeyPackage>,
    pub(crate) left: Vec<(DeviceId, u32)>,
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
    /// Spent in the transaction of the commit.
    pub(crate) added: Vec<AddedRow>,
    /// Devices that it removes though the committer has no right to, which none of their accounts may list.
    pub(crate) unlisted: Vec<(AccountId, DeviceId)>,
}

/// A validated SelfRemove, if the room's public state is still the one that it was validated against.
#[derive(Clone)]
pub(crate) struct ProposalRow {
    pub(crate) room: RoomId,
    pub(crate) epoch: Epoch,
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) at: Millis,
    pub(crate) idempotency: IdempotencyId,
    pub(crate) proposal: Bytes,
    /// Public group before it.
    pub(crate) before: Bytes,
    /// And with it.
    pub(crate) after: Bytes,
    /// Nobody is left who could commit it: the account is out of the room at once.
    pub(crate) alone: bool,
}

impl ProposalRow {
    /// The entry at its position.
    fn entry(self, seq: Seq) -> Entry {
        let Self { room, epoch, account, device, at, idempotency, proposal: bytes, .. } = self;
        Entry { room, seq, kind: EntryKind::Proposal, epoch, account, device, at, idempotency, bytes }
    }
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
        EntryKind::Proposal => 2,
        EntryKind::Deleted => 3,
    }
}
