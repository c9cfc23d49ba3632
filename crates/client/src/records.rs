//! The engine's own rows: what a device remembers besides MLS state. Each is one CBOR value, sealed by the host border.

use minicbor::{Decode, Encode};
use sotto_protocol::api::ClaimedKeyPackage;
use sotto_protocol::device_list::DeviceEntry;
use sotto_protocol::directory::SignedRoot;
use sotto_protocol::{AccountId, Bytes, DeviceId, Epoch, ErrorCode, IdempotencyId, InviteId, MessageId, Millis, RoomId, Seq, UserName};
use sotto_rules::roles::Role;

use crate::choices::{Card, Choices, Verified};
use crate::content::{Content, ListHead};
use crate::invite::Invite;

/// Keys of the state table. `0x01` belongs to the MLS storage provider, `0x02` to [`crate::ring`].
pub mod key {
    use sotto_protocol::{AccountId, RoomId, Seq};

    /// [`super::DeviceRecord`], one.
    pub const DEVICE: &[u8] = &[0x10];
    /// Ids of the texts that tabs asked for last, oldest first: `Vec<MessageId>`, one.
    pub const TAKEN: &[u8] = &[0x11];
    /// [`super::ChoicesRecord`], one.
    pub const CHOICES: &[u8] = &[0x12];
    /// [`super::DirectoryRecord`], one.
    pub const DIRECTORY: &[u8] = &[0x13];
    const ROOM: u8 = 0x20;
    const CONTACT: u8 = 0x30;
    const LIST: u8 = 0x31;
    const CARD: u8 = 0x32;
    const OUTBOX: u8 = 0x40;
    const DRAFT: u8 = 0x50;
    /// First byte of the keys of leaf keys' secrets.
    pub const LEAF_KEY: u8 = 0x60;

    const BLOCKED: u8 = 0x70;
    const ASK: u8 = 0x71;

    fn of(prefix: u8, rest: &[u8]) -> Vec<u8> {
        [&[prefix], rest].concat()
    }

    /// [`super::RoomRecord`].
    #[must_use]
    pub fn room(room: RoomId) -> Vec<u8> {
        of(ROOM, room.as_bytes())
    }

    /// [`super::ContactRecord`].
    #[must_use]
    pub fn contact(account: AccountId) -> Vec<u8> {
        of(CONTACT, account.as_bytes())
    }

    /// [`super::ListRecord`].
    #[must_use]
    pub fn list(account: AccountId) -> Vec<u8> {
        of(LIST, account.as_bytes())
    }

    /// [`super::CardRecord`].
    #[must_use]
    pub fn card(account: AccountId) -> Vec<u8> {
        of(CARD, account.as_bytes())
    }

    /// [`super::OutboxRecord`], ordered by creation.
    #[must_use]
    pub fn outbox(order: u64) -> Vec<u8> {
        of(OUTBOX, &order.to_be_bytes())
    }

    /// Draft text of a room.
    #[must_use]
    pub fn draft(room: RoomId) -> Vec<u8> {
        of(DRAFT, room.as_bytes())
    }

    /// Secret of a leaf signature key, by public key.
    #[must_use]
    pub fn leaf_key(public: &[u8]) -> Vec<u8> {
        of(LEAF_KEY, public)
    }

    /// `sotto_protocol::api::Person` whom the account has blocked, as far as this device has heard.
    #[must_use]
    pub fn blocked(account: AccountId) -> Vec<u8> {
        of(BLOCKED, account.as_bytes())
    }

    /// [`super::AskRecord`].
    #[must_use]
    pub fn ask(room: RoomId) -> Vec<u8> {
        of(ASK, room.as_bytes())
    }

    /// Prefix of all asks.
    pub const ASKS: &[u8] = &[ASK];
    /// Prefix of all who are blocked.
    pub const BLOCKEDS: &[u8] = &[BLOCKED];
    /// Prefix of all rooms.
    pub const ROOMS: &[u8] = &[ROOM];
    /// Prefix of all contacts.
    pub const CONTACTS: &[u8] = &[CONTACT];
    /// Prefix of all device lists of others.
    pub const LISTS: &[u8] = &[LIST];
    /// Prefix of the outbox.
    pub const OUTBOXES: &[u8] = &[OUTBOX];

    /// Key of a timeline entry in the entries table: ascending by seq within a room.
    #[must_use]
    pub fn entry(room: RoomId, seq: Seq) -> Vec<u8> {
        [room.as_bytes().as_slice(), &seq.to_be_bytes()].concat()
    }
}

/// This device and its account.
#[derive(Clone, Debug, Encode, Decode)]
pub struct DeviceRecord {
    /// The account's name.
    #[n(0)]
    pub name: UserName,
    /// Encoded `client::identity::DeviceIdentity`.
    #[n(1)]
    pub identity: Bytes,
    /// Newest encoded signed device list of the own account.
    #[n(2)]
    pub device_list: Bytes,
    /// Public half of the leaf signature key that new leaves and key packages use.
    #[n(3)]
    pub leaf_key: Bytes,
    /// Whether the server has bound the session to this device and holds its key packages.
    #[n(4)]
    pub registered: bool,
    /// Next [`OutboxRecord::order`].
    #[n(5)]
    pub next_order: u64,
    /// SHA-256 of the last-resort key packages that a Welcome came for and whose keys are still here.
    #[n(6)]
    #[cbor(default)]
    pub last_resorts_used: Vec<Bytes>,
    /// Key of the account's archive; empty on a device that has not seen the vault since there is one.
    #[n(7)]
    #[cbor(default)]
    pub archive: Bytes,
}

/// A room of this device.
#[derive(Clone, Debug, Encode, Decode)]
pub struct RoomRecord {
    /// The room, which is the MLS group id.
    #[n(0)]
    pub room: RoomId,
    /// The other account; the own one for notes; none in a group.
    #[n(1)]
    pub peer: Option<AccountId>,
    /// Where this device stands.
    #[n(2)]
    pub seat: Seat,
    /// Newest seq that was processed and stored.
    #[n(3)]
    pub cursor: Seq,
    /// Seqs of unread messages, ascending.
    #[n(4)]
    pub unread: Vec<Seq>,
    /// The other side has stored up to here.
    #[n(5)]
    pub peer_delivered: Seq,
    /// The other side has seen up to here.
    #[n(6)]
    pub peer_read: Seq,
    /// What the newest own receipt said.
    #[n(7)]
    pub receipt_delivered: Seq,
    /// What the newest own receipt said.
    #[n(8)]
    pub receipt_read: Seq,
    /// Newest text of the other side (delivered here) and the newest that the person saw.
    #[n(9)]
    pub newest_theirs: Seq,
    /// Newest of theirs that the person saw.
    #[n(10)]
    pub newest_seen: Seq,
    /// One line of the newest text.
    #[n(11)]
    pub preview: Option<String>,
    /// Whether the preview is one's own.
    #[n(12)]
    pub preview_mine: bool,
    /// Time of the newest entry.
    #[n(13)]
    pub active_at: Millis,
    /// A commit of this device that waits for its place in the log.
    #[n(14)]
    pub pending: Option<PendingCommit>,
    /// Own messages in the log since this device's keys were renewed.
    #[n(15)]
    #[cbor(default)]
    pub sends: u32,
    /// When they were.
    #[n(16)]
    #[cbor(default)]
    pub updated_at: Millis,
    /// Position of the commit by which this device took its seat (again): it has no key for what came before. 0 for one that came
    /// by Welcome or made the room.
    #[n(17)]
    #[cbor(default)]
    pub joined_at: Seq,
    /// Messages of others before it, after the newest one that was read.
    #[n(18)]
    #[cbor(default)]
    pub missed: u32,
    /// The newest of these.
    #[n(19)]
    #[cbor(default)]
    pub missed_at: Seq,
    /// Public half of the key in this device's leaf, once that is another than [`DeviceRecord::leaf_key`].
    #[n(20)]
    #[cbor(default)]
    pub leaf_key: Bytes,
    /// What a group is called.
    #[n(21)]
    #[cbor(default)]
    pub name: Option<String>,
    /// What the person wants of a group and is not so yet.
    #[n(22)]
    #[cbor(default)]
    pub wanted: Vec<Wanted>,
    /// The one before it: where the renewal stands on one branch of a fork only, the other's tree still bears this one.
    #[n(23)]
    #[cbor(default)]
    pub former_leaf_key: Bytes,
    /// Who came into a group between the state that this device had and the one in which it took its seat again.
    #[n(24)]
    #[cbor(default)]
    pub came: Vec<AccountId>,
    /// Who went.
    #[n(25)]
    #[cbor(default)]
    pub went: Vec<AccountId>,
    /// Position of the message that gave the group its name; 0 for the first name, until the log shows it.
    #[n(26)]
    #[cbor(default)]
    pub named_at: Seq,
    /// A device took a seat by itself, and nobody has told it since what the group is called.
    #[n(27)]
    #[cbor(default)]
    pub name_owed: bool,
    /// Own messages that the log has shown here.
    #[n(28)]
    #[cbor(default)]
    pub said: u64,
    /// Messages of others that it has shown here.
    #[n(29)]
    #[cbor(default)]
    pub heard: Vec<Heard>,
    /// Server time of the newest entry of somebody else that verified, and not later than it came: 0 before any.
    #[n(30)]
    #[cbor(default)]
    pub heard_at: Millis,
    /// SHA-256 of the newest entry that was processed, where that is known.
    #[n(31)]
    #[cbor(default)]
    pub tip: Bytes,
    /// The server shows the room as it was once, and the person has not said yet to go on with that, or it is being done.
    #[n(32)]
    pub behind: Option<Behind>,
    /// Where the log that is read went back to an earlier time, in order.
    #[n(33)]
    #[cbor(default)]
    pub branches: Vec<Branch>,
    /// What was shown here up to this position is in the archive, as far as this device has to care.
    #[n(34)]
    #[cbor(default)]
    pub archived: Seq,
    /// The archive may hold pages below this one that are not here.
    #[n(35)]
    #[cbor(default)]
    pub unfetched: Option<u64>,
    /// This device came into the room at this position, and others of the account were before it: they may not have archived yet what they
    /// have from before. 0 when all of that is here.
    #[n(48)]
    #[cbor(default)]
    pub since: Seq,
    /// Leaves of others that the newest list known of their account does not name. Nothing is sent while there is one.
    #[n(36)]
    #[cbor(default)]
    pub unlisted: Vec<Unlisted>,
    /// Whether the tree was ever held against these lists; changes of it are since.
    #[n(37)]
    #[cbor(default)]
    pub leaves_known: bool,
    /// Version of the own device list that this device has named last in a message that the log has shown; 0 before any, and when somebody
    /// came who has not heard it.
    #[n(38)]
    #[cbor(default)]
    pub list_said: u64,
    /// Who brought this account into it, where that is somebody unknown and the person has not accepted it yet.
    #[n(39)]
    pub request: Option<AccountId>,
    /// A request that was deleted: it is not in the list until somebody writes there again.
    #[n(40)]
    #[cbor(default)]
    pub hidden: bool,
    /// Lines up to this place are being deleted; 0 when that is done.
    #[n(41)]
    #[cbor(default)]
    pub erased_upto: Seq,
    /// When the person chose the card that this device has told last in a message that the log has shown; 0 before any, and when somebody
    /// came who has not heard it.
    #[n(42)]
    #[cbor(default)]
    pub card_said: Millis,
    /// What the group is about.
    #[n(44)]
    #[cbor(default)]
    pub about: String,
    /// The group's picture, a JPEG; empty for none.
    #[n(45)]
    #[cbor(default)]
    pub picture: Bytes,
    /// Epoch of the directory's root that this device has named last in a message that the log has shown.
    #[n(46)]
    #[cbor(default)]
    pub root_said: u64,
    /// Links by which people are let into the group.
    #[n(47)]
    #[cbor(default)]
    pub invites: Vec<Invite>,
    /// The person leaves this group: said again in every epoch until it is so.
    #[n(43)]
    pub leaving: Option<Leaving>,
}

/// A group that this account asks to be let into by a link.
#[derive(Clone, Debug, Encode, Decode)]
pub struct AskRecord {
    /// Which.
    #[n(0)]
    pub room: RoomId,
    /// The server's name for the link.
    #[n(1)]
    pub invite: InviteId,
    /// Since when.
    #[n(2)]
    pub at: Millis,
}

/// Who answers for a line, and what its author was called.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SharedBy {
    /// Who shared it.
    #[n(0)]
    pub by: AccountId,
    /// The author's user name, as that one says.
    #[n(1)]
    pub name: UserName,
}

/// What this device has said of leaving.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Leaving {
    /// In which epoch.
    #[n(0)]
    pub epoch: Epoch,
    /// The encoded `UploadProposal`, for repeating it; empty before there is one.
    #[n(1)]
    pub upload: Bytes,
}

/// A leaf that its account's newest known list does not name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Unlisted {
    /// Whose.
    #[n(0)]
    pub account: AccountId,
    /// Which device.
    #[n(1)]
    pub device: DeviceId,
    /// What that means.
    #[n(2)]
    pub doubt: Doubt,
}

/// What is known of a leaf that is not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Doubt {
    /// There may be a newer list: it is asked for.
    #[n(0)]
    Asked,
    /// Its account has taken it out of its list.
    #[n(1)]
    Gone,
    /// The newest list that the server shows does not name it, nor did the one before.
    #[n(2)]
    Ghost,
}

/// What a server has that shows a room as it was once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Behind {
    /// Newest position of its log when that was found.
    #[n(0)]
    pub head: Seq,
    /// Who would be in the room, ascending; none when this device gets no seat there.
    #[n(1)]
    pub members: Option<Vec<AccountId>>,
    /// The person said to go on among them.
    #[n(2)]
    pub agreed: bool,
}

/// The log went back: what follows `base` now is not what followed it before.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Branch {
    /// Newest position that was before it.
    #[n(0)]
    pub base: Seq,
    /// The place of the line that says so; the next entry's is one more.
    #[n(1)]
    pub begins: Seq,
    /// What the other side had stored by then.
    #[n(2)]
    pub delivered: Seq,
    /// And seen.
    #[n(3)]
    pub read: Seq,
}

/// How many messages of a device the log has shown here: see [`Content::said`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Heard {
    /// Whose.
    #[n(0)]
    pub device: DeviceId,
    /// How many.
    #[n(1)]
    pub count: u64,
    /// It took its seat again since: an older copy of it counts from where that one was.
    #[n(2)]
    pub again: bool,
}

/// A change of a group that a person asked for. It is committed again on every new epoch until it is so.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Wanted {
    /// Somebody is in it, with each of these devices.
    #[n(0)]
    Added {
        /// Who.
        #[n(0)]
        account: AccountId,
        /// Claimed packages of devices that the account has signed; none while they have to be claimed (anew).
        #[n(1)]
        packages: Vec<ClaimedKeyPackage>,
        /// How often packages of this wish were good for nothing.
        #[n(2)]
        #[cbor(default)]
        tries: u8,
    },
    /// Somebody is not in it.
    #[n(1)]
    Removed {
        /// Who.
        #[n(0)]
        account: AccountId,
    },
    /// Somebody has this role in it.
    #[n(2)]
    InRole {
        /// Who.
        #[n(0)]
        account: AccountId,
        /// Which.
        #[n(1)]
        role: Role,
    },
}

/// Where this device stands in a room.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Seat {
    /// The room was made here and waits for the server. Holds the encoded `CreateRoom`.
    #[n(0)]
    Creating {
        /// The upload, for repeating it.
        #[n(0)]
        upload: Bytes,
    },
    /// An external commit, staged in a namespace of its own, waits for the server. Holds the encoded `UploadCommit`.
    #[n(1)]
    Joining {
        /// The upload, for repeating it.
        #[n(0)]
        upload: Bytes,
    },
    /// The seat has to be (re-)taken by external commit: nothing is staged yet.
    #[n(2)]
    Lost,
    /// In the room.
    #[n(3)]
    Taken,
    /// Somebody removed this account from the group.
    #[n(4)]
    Removed,
}

/// A staged commit: sent until the log shows it, or another's commit in its place.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PendingCommit {
    /// Names the upload.
    #[n(0)]
    pub idempotency: IdempotencyId,
    /// Encoded `UploadCommit`.
    #[n(1)]
    pub upload: Bytes,
    /// Public half of the key that stands in this device's leaf afterwards.
    #[n(2)]
    #[cbor(default)]
    pub leaf_key: Bytes,
    /// Accounts that it brings into the room.
    #[n(3)]
    #[cbor(default)]
    pub came: Vec<AccountId>,
    /// Accounts that it takes out of the room.
    #[n(4)]
    #[cbor(default)]
    pub went: Vec<AccountId>,
    /// What it changes of those who stay.
    #[n(5)]
    #[cbor(default)]
    pub others: Vec<Changed>,
}

/// A person whose identity this device remembers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ContactRecord {
    /// The account.
    #[n(0)]
    pub account: AccountId,
    /// Its name at first sight.
    #[n(1)]
    pub name: UserName,
    /// Ed25519 public key, whose hash is the account id.
    #[n(2)]
    pub account_key: Bytes,
    /// Highest device list version that a build from before [`ListRecord`] has seen; 0 for none.
    #[n(3)]
    pub list_version: u64,
    /// Its hash.
    #[n(4)]
    pub list_hash: Bytes,
    /// When the person compared safety numbers.
    #[n(5)]
    pub verified_at: Option<Millis>,
    /// Another identity that the server has shown under this name. This one stays the contact's.
    #[n(6)]
    pub seen: Option<SeenIdentity>,
    /// The person has opened a room with it, or accepted its request.
    #[n(7)]
    #[cbor(default)]
    pub accepted: bool,
    /// Epoch at which the directory has last proven what stands behind the name; 0 for never.
    #[n(8)]
    #[cbor(default)]
    pub proven: u64,
}

/// What this device knows of the server's directory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DirectoryRecord {
    /// The newest root; its keys are remembered from first sight on.
    #[n(0)]
    pub newest: SignedRoot,
    /// The epochs up to it, as far as they are remembered, ascending.
    #[n(1)]
    pub past: Vec<PastRoot>,
    /// A newer one that somebody was shown, until the server shows it here.
    #[n(2)]
    pub heard: Option<SignedRoot>,
    /// A signed root that does not go together with what is remembered: the evidence of an alarm.
    #[n(3)]
    pub alarm: Option<SignedRoot>,
    /// When the own history was last found whole; 0 for never.
    #[n(4)]
    pub checked_at: Millis,
    /// At which epoch.
    #[n(5)]
    pub checked: u64,
}

/// One epoch of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PastRoot {
    /// Which.
    #[n(0)]
    pub epoch: u64,
    /// Hash of all roots up to it.
    #[n(1)]
    pub chain: Bytes,
}

impl DirectoryRecord {
    /// At first sight.
    #[must_use]
    pub const fn new(newest: SignedRoot) -> Self {
        Self { newest, past: Vec::new(), heard: None, alarm: None, checked_at: 0, checked: 0 }
    }
}

/// An identity that is not the one that was remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SeenIdentity {
    /// The account, which is the hash of its key.
    #[n(0)]
    pub account: AccountId,
    /// The person has been told, and goes on: the name is the other one's from now on.
    #[n(1)]
    pub acknowledged: bool,
}

impl ContactRecord {
    /// Somebody whose identity was compared on another own device, at this time.
    #[must_use]
    pub fn compared(account: AccountId, verified: &Verified, at: Millis) -> Self {
        Self {
            account,
            name: verified.name.clone(),
            account_key: verified.account_key.clone(),
            list_version: 0,
            list_hash: Bytes::default(),
            verified_at: Some(at),
            seen: None,
            accepted: true,
            proven: 0,
        }
    }

    /// Whether the name stands for another identity, and the person does not know yet.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.seen.is_some_and(|seen| !seen.acknowledged)
    }
}

/// The person's choices, as they are here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct ChoicesRecord {
    /// What holds.
    #[n(0)]
    pub choices: Choices,
    /// How often they were written on the server, as far as is known here; 0 for never.
    #[n(1)]
    pub version: u64,
    /// Something of them is not on the server.
    #[n(2)]
    pub unsaved: bool,
    /// Rooms whose archive is to go; none for all of it.
    #[n(3)]
    pub to_empty: Vec<Option<RoomId>>,
}

/// How somebody wants to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct CardRecord {
    /// When they chose it, by their clock.
    #[n(0)]
    pub at: Millis,
    /// As they chose it; checked.
    #[n(1)]
    pub card: Card,
}

/// The devices of another account, as far as it has vouched for them here.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ListRecord {
    /// Whose.
    #[n(0)]
    pub account: AccountId,
    /// Version of the newest list that was seen; 0 before any. It only rises.
    #[n(1)]
    pub version: u64,
    /// Its hash.
    #[n(2)]
    pub hash: Bytes,
    /// What it names; none where it was seen by a build that kept version and hash alone.
    #[n(3)]
    pub devices: Option<Vec<DeviceEntry>>,
    /// A newer list that the account has named in a message, and that nobody has shown yet.
    #[n(4)]
    pub named: Option<ListHead>,
}

/// A message on its way out.
#[derive(Clone, Debug, Encode, Decode)]
pub struct OutboxRecord {
    /// Place in the queue.
    #[n(0)]
    pub order: u64,
    /// Where to.
    #[n(1)]
    pub room: RoomId,
    /// Same over all tries.
    #[n(2)]
    pub idempotency: IdempotencyId,
    /// Encoded `content::Content`: encrypted again under the same ids when its epoch has passed.
    #[n(3)]
    pub content: Bytes,
    /// The content's id.
    #[n(4)]
    pub id: MessageId,
    /// Local time of writing.
    #[n(5)]
    pub at: Millis,
    /// The text, for drawing; `None` for receipts and settings.
    #[n(6)]
    pub text: Option<String>,
    /// Encrypted for an epoch.
    #[n(7)]
    pub sealed: Option<SealedMessage>,
    /// Refused for good; waits for the person.
    #[n(8)]
    pub failed: bool,
}

impl OutboxRecord {
    /// Whether it is a receipt.
    ///
    /// # Errors
    /// `storage_damaged` for content that does not decode.
    pub fn is_receipt(&self) -> Result<bool, ErrorCode> {
        let content = Content::decode(self.content.as_slice(), self.room).map_err(|_| ErrorCode::StorageDamaged)?;
        Ok(content.receipt.is_some())
    }
}

/// A ciphertext and the epoch that it is good for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SealedMessage {
    /// The epoch.
    #[n(0)]
    pub epoch: Epoch,
    /// TLS-encoded MLSMessage.
    #[n(1)]
    pub bytes: Bytes,
    /// Whether it says how many came before it, so that it counts among them (those of version 0.1.0 don't).
    #[n(2)]
    #[cbor(default)]
    pub counts: bool,
    /// Version of the own device list that it names; 0 for none.
    #[n(3)]
    #[cbor(default)]
    pub list: u64,
    /// When the own card that it tells was chosen; 0 for none.
    #[n(4)]
    #[cbor(default)]
    pub card: Millis,
    /// Epoch of the directory's root that it names; 0 for none.
    #[n(5)]
    #[cbor(default)]
    pub root: u64,
}

/// One line of a timeline, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EntryRecord {
    /// Its place: its position in the log, unless that went back once ([`RoomRecord::branches`]).
    #[n(0)]
    pub seq: Seq,
    /// Server time.
    #[n(1)]
    pub at: Millis,
    /// What it is.
    #[n(2)]
    pub body: EntryKindRecord,
    /// Messages of a text's author that are missing before it.
    #[n(3)]
    #[cbor(default)]
    pub missing: u32,
}

/// A change with somebody who was in a room and stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Changed {
    /// Who.
    #[n(0)]
    pub account: AccountId,
    /// What.
    #[n(1)]
    pub what: Change,
}

/// What can change with somebody who stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Change {
    /// Another device came.
    #[n(0)]
    DeviceCame,
    /// A device went.
    #[n(1)]
    DeviceWent,
    /// No more than a member from now on.
    #[n(2)]
    Member,
    /// An admin from now on.
    #[n(3)]
    Admin,
    /// An owner from now on.
    #[n(4)]
    Owner,
    /// Does not stay: has left.
    #[n(5)]
    Left,
    /// Is no more: the account was deleted.
    #[n(6)]
    Deleted,
}

/// What a stored line is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum EntryKindRecord {
    /// A text.
    #[n(0)]
    Text {
        /// Author's id of it.
        #[n(0)]
        id: MessageId,
        /// Author's account, from MLS.
        #[n(1)]
        author: AccountId,
        /// Author's device, from MLS.
        #[n(2)]
        device: DeviceId,
        /// The text.
        #[n(3)]
        text: String,
        /// SHA-256 of the bytes that the server stores; empty for what was shared.
        #[n(4)]
        wire_hash: Bytes,
        /// It is from before this device, and somebody else says that it was said.
        #[n(5)]
        shared: Option<SharedBy>,
    },
    /// The room began.
    #[n(1)]
    Created {
        /// By whom.
        #[n(0)]
        by: AccountId,
    },
    /// A person came on a new device.
    #[n(2)]
    NewDevice {
        /// Who.
        #[n(0)]
        who: AccountId,
    },
    /// This device joined here.
    #[n(3)]
    JoinedHere,
    /// Retention took entries before this one.
    #[n(4)]
    Missing {
        /// How many.
        #[n(0)]
        count: u32,
    },
    /// Did not verify or was not made for this device.
    #[n(5)]
    NotReadable,
    /// A device was out of step and took its seat again.
    #[n(6)]
    SeatTakenAgain {
        /// Whose.
        #[n(0)]
        who: AccountId,
        /// Who came into a group meanwhile.
        #[n(1)]
        #[cbor(default)]
        came: Vec<AccountId>,
        /// Who went.
        #[n(2)]
        #[cbor(default)]
        went: Vec<AccountId>,
    },
    /// Messages that came while this device was out of step.
    #[n(7)]
    Missed {
        /// How many.
        #[n(0)]
        count: u32,
    },
    /// A member changed who is in a room, or what they may do there.
    #[n(8)]
    Members {
        /// Who did it.
        #[n(0)]
        by: AccountId,
        /// Who came.
        #[n(1)]
        came: Vec<AccountId>,
        /// Who went.
        #[n(2)]
        went: Vec<AccountId>,
        /// What is another with those who stay.
        #[n(3)]
        #[cbor(default)]
        others: Vec<Changed>,
    },
    /// A group was given a name.
    #[n(9)]
    Named {
        /// By whom.
        #[n(0)]
        by: AccountId,
        /// Which.
        #[n(1)]
        name: String,
    },
    /// An admin shared what was said before with somebody who came later.
    #[n(14)]
    Shared {
        /// Who did.
        #[n(0)]
        by: AccountId,
        /// With whom.
        #[n(1)]
        with: AccountId,
    },
    /// The server went back to an earlier time here.
    #[n(11)]
    WentBack,
    /// A group was described.
    #[n(12)]
    Described {
        /// By whom.
        #[n(0)]
        by: AccountId,
        /// How; empty where that was taken back.
        #[n(1)]
        about: String,
    },
    /// A group was given a picture, or it was taken away.
    #[n(13)]
    Pictured {
        /// By whom.
        #[n(0)]
        by: AccountId,
    },
    /// Messages of a person that did not come, found by something that is not drawn.
    #[n(10)]
    Withheld {
        /// Whose.
        #[n(0)]
        who: AccountId,
        /// How many.
        #[n(1)]
        count: u32,
    },
}
