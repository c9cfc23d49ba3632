//! What is drawn: plain values, ready to show, no keys.

use serde::{Deserialize, Serialize};
use sotto_protocol::{AccountId, DeviceId, Epoch, ErrorCode, MessageId, Millis, RoomId, Seq, UserName};

/// What is known of the server's directory of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryView {
    /// Its newest epoch.
    pub epoch: u64,
    /// When the own entries were last found whole; 0 for never.
    pub checked_at: Millis,
    /// It has contradicted itself, or what others were shown.
    pub alarm: bool,
}

/// Where the engine stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Opening this browser's data. Both the server's HTML and the first render show this.
    Booting,
    /// Nobody is signed in here. `kept`: a device whose data was kept at sign-out.
    SignedOut {
        /// Whose data waits here.
        kept: Option<UserName>,
    },
    /// The server knows a session of this browser, which has deleted what was kept here: who signs in is a new device.
    Evicted,
    /// The data here is locked by a passphrase.
    Locked {
        /// Whose.
        name: UserName,
    },
    /// The data here is open.
    Ready {
        /// Who.
        me: PersonView,
        /// This device.
        device: DeviceId,
        /// Whether a lock passphrase is set.
        lock_set: bool,
    },
    /// The data here is open and readable, but the server session ended: sign in to go on.
    SessionEnded {
        /// Who.
        me: PersonView,
    },
    /// This browser is no device of the account any more: it was removed, or its data is an older copy that lost its keys.
    Replaced {
        /// Who.
        name: UserName,
    },
    /// Another tab runs Sotto, and this one can't be a view of it.
    OtherTab,
    /// This browser's data can't be opened, with why: `storage_damaged`, `unsupported`, `storage_full`.
    Broken {
        /// Why.
        code: ErrorCode,
    },
}

/// The connection to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionView {
    /// Not connected because nobody is signed in, or stopped.
    Off,
    /// Trying.
    Connecting,
    /// Connected, and old entries are arriving.
    CatchingUp {
        /// Entries that have come.
        done: u32,
        /// Entries in all; 0 until it takes long enough to be told.
        total: u32,
    },
    /// Connected and up to date.
    Online,
    /// Waiting to try again.
    Waiting {
        /// When, by this device's clock.
        retry_at: Millis,
    },
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonView {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: UserName,
    /// What they want to be called.
    pub shown: Option<String>,
    /// Their picture, by a number that changes with it; none where there is none.
    pub picture: Option<u64>,
}

impl PersonView {
    /// Somebody of whom nothing but the account is known.
    #[must_use]
    pub const fn plain(account: AccountId, name: UserName) -> Self {
        Self { account, name, shown: None, picture: None }
    }

    /// What they are called where people read of them. Where it matters who they are, the user name stands beside it.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(self.name.as_str())
    }
}

/// What a person has chosen for all own devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoicesView {
    /// What they are called; empty for the user name alone.
    pub name: String,
    /// Their picture, a JPEG; empty for none.
    pub picture: Vec<u8>,
    /// Whether history is kept for new devices.
    pub archive: bool,
}

/// What somebody may do in a group, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Writes.
    Member,
    /// Adds people, and removes members.
    Admin,
    /// Removes admins too, and says who has which role.
    Owner,
}

/// A link that lets people into a group.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteView {
    /// What stands behind the `#join=` of its address. Whoever has it is let in.
    pub code: String,
    /// When it ends.
    pub expires_at: Millis,
    /// For how many it was made.
    pub uses: u32,
    /// How many it still lets in, as the server says; none while it has not said.
    pub left: Option<u32>,
}

impl core::fmt::Debug for InviteView {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("InviteView(…)")
    }
}

/// A group that the account asks to be let into by a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskView {
    /// Which; nothing else is known of it.
    pub room: RoomId,
    /// Since when.
    pub at: Millis,
}

/// Whether somebody is in a group, or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// In it.
    In,
    /// To be added from here, as soon as that is possible.
    Coming,
    /// To be removed from here, as soon as that is possible.
    Going,
    /// The account was deleted: to be removed by whoever may, as soon as they commit something.
    Deleted,
}

/// Somebody in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Who.
    pub person: PersonView,
    /// With which rights.
    pub role: Role,
    /// Whether they are in it by now.
    pub standing: Standing,
    /// What is known about their identity.
    pub trust: Trust,
}

/// What is known about the identity on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    /// Seen and remembered, not compared.
    Pinned,
    /// Numbers were compared.
    Verified,
    /// The server has shown another identity under this name than the one that was remembered: sending is held where that one was
    /// verified, until the person acknowledges it.
    Changed,
}

/// A room in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomView {
    /// The room.
    pub room: RoomId,
    /// What it is called: the other person's name, or the group's (empty until it is known).
    pub title: String,
    /// The other person; oneself for notes; nobody for a group.
    pub peer: Option<PersonView>,
    /// Whether this is the room of notes to oneself.
    pub notes: bool,
    /// Identity of the other side.
    pub trust: Trust,
    /// Unread messages.
    pub unread: u32,
    /// Newest text, shortened to one line, with whether it is one's own.
    pub preview: Option<Preview>,
    /// Time of the newest entry, for the order of the list.
    pub active_at: Millis,
    /// Whether text can be sent now (in the room, no alarm). Otherwise the composer says why.
    pub can_send: Result<(), ErrorCode>,
    /// Text left in the composer, for the list's "Draft:".
    pub draft: bool,
    /// The server shows the room as it was once: who would be there, as it is read, if this browser went on with that; empty when it
    /// can't. Nothing is sent until the person decides.
    pub behind: Option<String>,
    /// Server time of the newest thing of somebody else that came and verified.
    pub heard_at: Option<Millis>,
    /// Somebody unknown has brought the person into it, who has not accepted it yet.
    pub request: Option<Box<PersonView>>,
    /// The other side is blocked.
    pub blocked: bool,
    /// Whether its new messages are neither announced nor counted.
    pub muted: bool,
    /// Whether its history is kept for new devices.
    pub archived: bool,
    /// What a group is about; empty where nobody has said.
    pub about: String,
    /// A group's picture, by a number that changes with it; none where there is none.
    pub picture: Option<u64>,
}

/// Newest message of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// One line.
    pub text: String,
    /// Written by oneself?
    pub mine: bool,
}

/// How far an own message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Delivery {
    /// Stored here; not acknowledged by the server yet.
    Sending,
    /// The server has it, durably.
    Sent,
    /// A device of the other person has stored it.
    Delivered,
    /// The other person has seen it.
    Read,
    /// Given up after refusals; the person can try again.
    Failed,
}

impl Delivery {
    /// Value of `data-status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }
}

/// A text message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// Author's id of it.
    pub id: MessageId,
    /// Position; `None` while sending.
    pub seq: Option<Seq>,
    /// Author, from MLS.
    pub author: PersonView,
    /// Own?
    pub mine: bool,
    /// The text.
    pub text: String,
    /// Server time, or local time while sending.
    pub at: Millis,
    /// State of an own message; `Read` for others.
    pub delivery: Delivery,
    /// The server has gone back to a time before it: it is on devices only.
    pub lost: bool,
    /// It is from before this account came, and this person answers for it.
    pub shared_by: Option<PersonView>,
}

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// Stable key for the list (the message id in hex, or `s` and the seq).
    pub key: String,
    /// Order: seq; own unsent messages come last, ascending by `at`.
    pub seq: Option<Seq>,
    /// Time, for day separators.
    pub at: Millis,
    /// What it is.
    pub body: EntryBody,
}

/// What a line of a timeline is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryBody {
    /// A message.
    Message(MessageView),
    /// Something happened in the room.
    System(SystemLine),
}

/// What a member can change with somebody who was in a room and stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Another device came.
    DeviceCame,
    /// A device went.
    DeviceWent,
    /// No more than a member from now on.
    Member,
    /// An admin from now on.
    Admin,
    /// An owner from now on.
    Owner,
    /// Does not stay: has left by their own wish.
    Left,
    /// Is no more: has deleted the account.
    Deleted,
}

/// Things that happen in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SystemLine {
    /// The room began.
    Created {
        /// By whom.
        by: PersonView,
    },
    /// A person signed in on a new device.
    NewDevice {
        /// Who.
        who: PersonView,
    },
    /// This device joined here: what came before is on the account's other devices.
    JoinedHere,
    /// Entries that can't be shown: taken by retention, or not readable.
    Missing {
        /// How many.
        count: u32,
    },
    /// A message did not verify or was made for other readers, and was left out.
    NotReadable,
    /// The server went back to an earlier time here, and this browser with it.
    WentBack,
    /// A person's browser was out of step and took its seat again.
    SeatTakenAgain {
        /// Whose.
        who: PersonView,
        /// Names of those who came into a group meanwhile, as they are read. Nobody can say by whom.
        came: String,
        /// Names of those who went.
        went: String,
    },
    /// Messages that came while this browser was out of step.
    Missed {
        /// How many.
        count: u32,
    },
    /// A member changed who is in a room, or what they may do there.
    Members {
        /// Who did it.
        by: PersonView,
        /// Names of those who came, as they are read; empty for nobody.
        came: String,
        /// Names of those who went.
        went: String,
        /// What is another with those who stay.
        others: Vec<(Change, PersonView)>,
    },
    /// A group was given a name.
    Named {
        /// By whom.
        by: PersonView,
        /// Which.
        name: String,
    },
    /// A group was described.
    Described {
        /// By whom.
        by: PersonView,
        /// How; empty where that was taken back.
        about: String,
    },
    /// A group was given a picture, or it was taken away.
    Pictured {
        /// By whom.
        by: PersonView,
    },
    /// An admin shared what was said before with somebody who came later.
    Shared {
        /// Who did.
        by: PersonView,
        /// With whom.
        with: PersonView,
    },
    /// Messages of a person that did not come, though later ones did.
    Withheld {
        /// Whose.
        who: PersonView,
        /// How many.
        count: u32,
    },
    /// The identity of a person is another than before.
    IdentityChanged {
        /// Who.
        who: PersonView,
    },
}

/// What a scanned or pasted code of the other side says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// The other side sees the same two identities.
    Same,
    /// It is about us two, and one side sees another identity: somebody may stand between.
    Different,
    /// The code of two other people.
    OtherPeople,
    /// A code of another version of Sotto: compare the digits.
    OtherVersion,
    /// Not a safety number.
    NotSafetyNumber,
}

/// A safety number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafetyView {
    /// With whom.
    pub peer: PersonView,
    /// 60 digits in 12 groups of 5.
    pub groups: Vec<String>,
    /// Modules of the QR code, row by row, true is dark; `width` squared many.
    pub qr: Vec<bool>,
    /// Modules on a side.
    pub qr_width: u32,
    /// What the code says.
    pub code: String,
    /// When it was marked as verified.
    pub verified_at: Option<Millis>,
    /// Trust now.
    pub trust: Trust,
}

/// The server's row beside the plaintext.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRowView {
    /// The plaintext, from this device.
    pub text: String,
    /// The room.
    pub room: RoomId,
    /// Position.
    pub seq: Seq,
    /// Epoch.
    pub epoch: Epoch,
    /// Sender as the server knows it.
    pub sender: Option<UserName>,
    /// Sending device.
    pub device: DeviceId,
    /// Time of acceptance.
    pub at: Millis,
    /// When retention deletes the row.
    pub deleted_at: Millis,
    /// The stored bytes, hex, 16 a line, at most the first 512.
    pub hex: Vec<String>,
    /// Length of the stored bytes.
    pub length: u32,
    /// Whether the stored bytes equal what this device received or sent (`false`: the server altered its row).
    pub unaltered: Option<bool>,
}

/// A device of the own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    /// The device.
    pub device: DeviceId,
    /// When it was added, by its own clock.
    pub added_at: Millis,
    /// Whether it is this browser.
    pub current: bool,
    /// What the person calls it.
    pub name: Option<String>,
}

/// How good a password is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordCheck {
    /// 0 (guessed at once) to 4 (out of reach).
    pub strength: u8,
    /// Why it is refused, if it is: `short_password`, `common_password`, `too_large`.
    pub problem: Option<ErrorCode>,
}
