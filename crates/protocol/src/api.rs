//! Bodies of `/api/v1` (CBOR). Every mutation needs the session cookie and this site's Origin.
//!
//! | method and path | request | answer |
//! |---|---|---|
//! | `POST /api/v1/devices` | [`PutDevices`] | empty: the session is bound to the device; devices that are no longer listed are signed out |
//! | `GET /api/v1/accounts/{account}/devices` | | [`Devices`] |
//! | `GET /api/v1/directory?after=EPOCH` | | [`crate::directory::DirectoryHead`] |
//! | `GET /api/v1/directory/epochs/{epoch}` | | [`crate::directory::SignedRoot`] |
//! | `GET /api/v1/directory/history` | | [`crate::directory::DirectoryHistory`] |
//! | `POST /api/v1/directory/lookup` | [`crate::directory::LookUp`] | [`crate::directory::LookedUp`] |
//! | `POST /api/v1/key-packages` | [`UploadKeyPackages`] | [`KeyPackageCount`] |
//! | `POST /api/v1/key-packages/claim` | [`ClaimKeyPackages`] | [`ClaimedKeyPackages`] |
//! | `GET /api/v1/people?q=PREFIX` | | [`People`] |
//! | `GET /api/v1/rooms` | | [`Rooms`] |
//! | `POST /api/v1/rooms` | [`CreateRoom`] | [`CommitAck`]; 409 `room_exists` with [`ErrorBody::room`] |
//! | `GET /api/v1/rooms/{room}/state` | | [`RoomState`] |
//! | `POST /api/v1/rooms/{room}/commits` | [`UploadCommit`] | [`CommitAck`]; 409 `stale_epoch` |
//! | `POST /api/v1/rooms/{room}/proposals` | [`UploadProposal`] | [`crate::frames::Ack`]; 409 `stale_epoch`, `last_owner` |
//! | `GET /api/v1/rooms/{room}/entries/{seq}` | | [`StoredEntry`]; 410 `gone` |
//! | `POST /api/v1/invites` | [`crate::invites::MakeInvite`] | empty; 413 `too_large` over [`crate::limits::INVITES`] |
//! | `POST /api/v1/invites/delete` | [`crate::invites::NameInvite`] | empty |
//! | `POST /api/v1/invites/ask` | [`crate::invites::AskIn`] | empty; 410 `invite_ended` |
//! | `POST /api/v1/invites/withdraw` | [`crate::invites::NameInvite`] | empty |
//! | `GET /api/v1/invites/asks` | | [`crate::invites::Asks`] |
//! | `POST /api/v1/archive` | [`PutPages`] | [`PagesPut`]; 507 `archive_full` |
//! | `POST /api/v1/archive/read` | [`ReadPages`] | [`ArchivePages`] |
//! | `POST /api/v1/archive/delete` | [`DeleteShelves`] | empty |
//! | `GET /api/v1/blocked` | | [`Blocked`] |
//! | `POST /api/v1/blocked` | [`BlockPerson`] | empty; 413 `too_large` over [`crate::limits::BLOCKED`] |
//! | `POST /api/v1/blocked/delete` | [`BlockPerson`] | empty |
//!
//! An error answer is [`ErrorBody`] with the code's HTTP status (and `Retry-After` in seconds with 429 and 503).

use minicbor::{Decode, Encode};

use crate::frames::{Entry, Welcome};
use crate::{AccountId, Bytes, DeviceId, Epoch, ErrorCode, IdempotencyId, Millis, RoomId, Seq, ShelfId, UserName};

/// Body of an error answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ErrorBody {
    /// Stable code.
    #[n(0)]
    pub code: ErrorCode,
    /// Seconds to wait before another try.
    #[n(1)]
    pub retry_after: Option<u32>,
    /// With `room_exists`: the room that exists.
    #[n(2)]
    pub room: Option<RoomId>,
    /// With `stale_epoch`: the epoch that the room is in.
    #[n(3)]
    pub epoch: Option<Epoch>,
}

/// Puts the account's next device list in the place of the one before, and binds the session to `device`. Whatever device is no longer in
/// it is out: its sessions, sockets, key packages and Welcomes go. Idempotent: the same list again only binds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PutDevices {
    /// This device; must stand in the list.
    #[n(0)]
    pub device: DeviceId,
    /// Encoded [`crate::device_list::SignedDeviceList`]; `version` = stored + 1 (or the stored list itself).
    #[n(1)]
    pub device_list: Bytes,
}

/// The devices of an account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Devices {
    /// Newest encoded [`crate::device_list::SignedDeviceList`].
    #[n(0)]
    pub device_list: Bytes,
}

/// Publishes key packages of the session's device.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct UploadKeyPackages {
    /// TLS-encoded MLS KeyPackages, one use each.
    #[n(0)]
    pub one_time: Vec<Bytes>,
    /// TLS-encoded last-resort KeyPackage; replaces the one before.
    #[n(1)]
    pub last_resort: Option<Bytes>,
}

/// What the server now holds for the device.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KeyPackageCount {
    /// One-time packages left.
    #[n(0)]
    pub one_time: u32,
    /// Whether a last-resort package is there.
    #[n(1)]
    pub last_resort: bool,
    /// SHA-256 of every package for which a Welcome may still come. The private keys of all others are of no use any more.
    #[n(2)]
    #[cbor(default)]
    pub held: Vec<Bytes>,
}

/// Asks for one key package of every device of an account, to make a room with it or to add it to a group; of the own account's other
/// devices, to add these.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ClaimKeyPackages {
    /// Whose.
    #[n(0)]
    pub name: UserName,
    /// For a room that exists: the pair may have one of its own, which changes nothing then.
    #[n(1)]
    #[cbor(default)]
    pub group: bool,
}

/// One claimed package.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ClaimedKeyPackage {
    /// The device it belongs to.
    #[n(0)]
    pub device: DeviceId,
    /// TLS-encoded MLS KeyPackage.
    #[n(1)]
    pub key_package: Bytes,
}

/// The account and one package a device (a device without any is left out).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ClaimedKeyPackages {
    /// The account.
    #[n(0)]
    pub account: AccountId,
    /// Its name.
    #[n(1)]
    pub name: UserName,
    /// Newest encoded signed device list.
    #[n(2)]
    pub device_list: Bytes,
    /// Packages.
    #[n(3)]
    pub packages: Vec<ClaimedKeyPackage>,
    /// The room of this pair, where one lives already: join or use it instead (no package is consumed then).
    #[n(4)]
    pub room: Option<RoomId>,
}

/// A person, as search shows them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Person {
    /// The account.
    #[n(0)]
    pub account: AccountId,
    /// Its name.
    #[n(1)]
    pub name: UserName,
}

/// Answer to a people search: at most [`crate::limits::SEARCH_RESULTS`], names that begin with the query first.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct People {
    /// Matches.
    #[n(0)]
    pub people: Vec<Person>,
}

/// A room of the account, as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RoomInfo {
    /// The room.
    #[n(0)]
    pub room: RoomId,
    /// The accounts in it, the own one too. One member: notes to oneself.
    #[n(1)]
    pub members: Vec<Person>,
    /// Current epoch.
    #[n(2)]
    pub epoch: Epoch,
    /// Newest seq.
    #[n(3)]
    pub head: Seq,
}

/// All rooms of the account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rooms {
    /// In no order.
    #[n(0)]
    pub rooms: Vec<RoomInfo>,
}

/// Creates a room with its first commit: of a pair, of oneself, or a group.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CreateRoom {
    /// MLS group id; chosen at random by the creator.
    #[n(0)]
    pub room: RoomId,
    /// The other account; the own one for notes; none for a group.
    #[n(1)]
    pub peer: Option<AccountId>,
    /// TLS-encoded GroupInfo (MLSMessage) of epoch 0 with external_pub and without tree.
    #[n(2)]
    pub group_info: Bytes,
    /// TLS-encoded ratchet tree of epoch 0: the creator's leaf alone.
    #[n(3)]
    pub ratchet_tree: Bytes,
    /// The commit that adds the peer (epoch 0 to 1). For notes and groups: a self-update, so that every room begins alike; a group's
    /// may add people.
    #[n(4)]
    pub commit: UploadCommit,
}

/// A commit for the epoch it names.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct UploadCommit {
    /// A repeated id gets the first answer again, before the epoch is looked at.
    #[n(0)]
    pub idempotency: IdempotencyId,
    /// The epoch that the commit ends.
    #[n(1)]
    pub epoch: Epoch,
    /// TLS-encoded MLSMessage with a PublicMessage.
    #[n(2)]
    pub commit: Bytes,
    /// TLS-encoded MLSMessage with the GroupInfo after the commit, external_pub, no tree.
    #[n(3)]
    pub group_info: Bytes,
    /// One Welcome (one EncryptedGroupSecrets) for each added device.
    #[n(4)]
    pub welcomes: Vec<AddressedWelcome>,
}

/// A device says that its account leaves a group.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct UploadProposal {
    /// A repeated id gets the first answer again, before the epoch is looked at.
    #[n(0)]
    pub idempotency: IdempotencyId,
    /// The epoch that it was made in.
    #[n(1)]
    pub epoch: Epoch,
    /// TLS-encoded MLSMessage with a PublicMessage: a SelfRemove of the sender's own leaf.
    #[n(2)]
    pub proposal: Bytes,
}

/// A Welcome and whom it is for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AddressedWelcome {
    /// The joining account.
    #[n(0)]
    pub account: AccountId,
    /// The joining device.
    #[n(1)]
    pub device: DeviceId,
    /// TLS-encoded MLSMessage with a Welcome, without tree.
    #[n(2)]
    pub welcome: Bytes,
}

/// The commit stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CommitAck {
    /// The room.
    #[n(0)]
    pub room: RoomId,
    /// Its position.
    #[n(1)]
    pub seq: Seq,
    /// The epoch that began with it.
    #[n(2)]
    pub epoch: Epoch,
    /// Server time.
    #[n(3)]
    pub at: Millis,
}

/// What an external commit or a Welcome needs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RoomState {
    /// The room and its members.
    #[n(0)]
    pub info: RoomInfo,
    /// TLS-encoded MLSMessage with the newest GroupInfo, external_pub, no tree.
    #[n(1)]
    pub group_info: Bytes,
    /// TLS-encoded ratchet tree of the same epoch.
    #[n(2)]
    pub ratchet_tree: Bytes,
    /// A Welcome that waits for this device, if any; with the tree of its epoch when that is another one.
    #[n(3)]
    pub welcome: Option<Welcome>,
}

/// The server's own row of a message, for "what the server sees".
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredEntry {
    /// The row.
    #[n(0)]
    pub entry: Entry,
    /// Name of the sender's account, as the server would print it.
    #[n(1)]
    pub sender_name: Option<UserName>,
    /// When retention will delete it.
    #[n(2)]
    pub deleted_at: Millis,
}

/// One page of the archive: a stretch of a room's log, sealed by the account's devices (`client::archive`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ArchivePage {
    /// Which room's, for who has the key.
    #[n(0)]
    pub shelf: ShelfId,
    /// Which stretch: [`crate::limits::ARCHIVE_PAGE_SEQS`] positions each, from 0 on.
    #[n(1)]
    pub page: u64,
    /// How often it was written: 1 for a new page.
    #[n(2)]
    pub version: u64,
    /// Sealed and padded.
    #[n(3)]
    pub sealed: Bytes,
}

/// Writes pages: each only where it is the version right after the one that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PutPages {
    /// At most [`crate::limits::ARCHIVE_BATCH`].
    #[n(0)]
    pub pages: Vec<ArchivePage>,
}

/// Which pages were not written, because another device was first.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PagesPut {
    /// Places in the request's list.
    #[n(0)]
    pub refused: Vec<u32>,
}

/// One shelf's newest page below a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PageWanted {
    /// Of which shelf.
    #[n(0)]
    pub shelf: ShelfId,
    /// Below which page; the newest of all where none is named.
    #[n(1)]
    pub below: Option<u64>,
}

/// Asks for pages.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReadPages {
    /// At most [`crate::limits::ARCHIVE_BATCH`].
    #[n(0)]
    pub wanted: Vec<PageWanted>,
}

/// Pages in the order in which they were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ArchivePages {
    /// Those that there are.
    #[n(0)]
    pub pages: Vec<ArchivePage>,
    /// How many of the wanted ones were looked for: the rest did not fit and is to be asked for again.
    #[n(1)]
    pub looked: u32,
}

/// Deletes shelves, or everything that the account has archived.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DeleteShelves {
    /// Which; all of the account's for `None`.
    #[n(0)]
    pub shelves: Option<Vec<ShelfId>>,
}

/// Whom an account has blocked: what they say to it alone does not come to it, and neither do rooms that they bring it into. Nothing that they are
/// told depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Blocked {
    /// By name.
    #[n(0)]
    pub people: Vec<Person>,
}

/// Names an account that is to be blocked, or not any more. Both may be asked twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BlockPerson {
    /// Which.
    #[n(0)]
    pub account: AccountId,
}
