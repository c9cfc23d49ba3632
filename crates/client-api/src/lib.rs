//! What the page asks ([`Command`]), what the engine answers ([`Reply`]) and reports ([`Update`]), and what is drawn ([`views`]).
//!
//! The page and the worker exchange [`ToWorker`] and [`FromWorker`] as [`wire`] writes them. Every command gets exactly one reply with its
//! id; updates come whenever something that is drawn has changed. The page holds no key; the auth key alone passes through it.

pub mod views;
pub mod wire;

/// Ids and codes of the wire, for the page's WASM entry, which depends on this crate alone.
pub use sotto_protocol as protocol;

use serde::{Deserialize, Serialize};
use sotto_protocol::accounts::{
    ChangePasswordRequest, DeleteAccountRequest, KdfParams, NewRecoveryRequest, RecoveryFinishRequest, RecoveryOpenRequest, RecoveryOpened,
    SignInRequest, SignUpRequest, SignedIn,
};
use sotto_protocol::{AccountId, DeviceId, ErrorCode, MessageId, Millis, RoomId, Seq, UserName};

use views::{ConnectionView, EntryView, MessageView, Phase, RoomView, SafetyView, ServerRowView};

/// Page to worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToWorker {
    /// Chosen by the page; the reply bears it.
    pub id: u32,
    /// What is asked.
    pub command: Command,
}

/// Worker to page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// The answer to one command.
    Reply {
        /// Id of the command.
        id: u32,
        /// The answer.
        result: Result<Reply, ErrorCode>,
    },
    /// Something that is drawn has changed.
    Update(Update),
}

/// What the page asks of the engine. `Debug` is written by hand where secrets pass: it never prints them.
#[derive(Clone, Serialize, Deserialize)]
pub enum Command {
    /// Opens this browser's data and reports the [`Phase`]. First command of every tab; where another has opened the data already,
    /// everything that is drawn is reported again. `signed_in`: what the server's first page said, so that a dead session is noticed.
    /// Reply: [`Reply::Done`].
    Boot {
        /// Whether the page was rendered for a session.
        signed_in: bool,
    },

    /// Derives keys and makes account, device and vault; nothing is stored yet. Reply: [`Reply::SignUp`]. Progress comes as
    /// [`Update::Progress`].
    PrepareSignUp {
        /// Wanted name.
        name: UserName,
        /// As typed.
        password: String,
    },
    /// Derives the auth key. Reply: [`Reply::SignIn`], or `kdf_refused`, `kdf_weakened`, `kdf_salt_changed`.
    PrepareSignIn {
        /// Whose account.
        name: UserName,
        /// As typed.
        password: String,
        /// From `login_params`.
        kdf: KdfParams,
        /// The person said that the password was changed elsewhere.
        accept_new_salt: bool,
    },
    /// After `sign_up`, `sign_in` or `recovery_finish` succeeded: opens the vault, restores or makes this device, connects.
    /// Reply: [`Reply::Done`] when the engine is ready to talk, or `too_many_devices`: it may be asked once more, to make room.
    SignedIn {
        /// From the server.
        signed_in: SignedIn,
        /// The person agreed that the device that was added first is removed where there are too many.
        make_room: bool,
    },

    /// How good a password is, before anything is derived. Reply: [`Reply::PasswordCheck`].
    CheckPassword {
        /// As typed.
        password: String,
        /// As typed so far; a password that contains it is weak.
        name: String,
    },
    /// First step of "forgot password". Reply: [`Reply::RecoveryOpen`] or `mistyped_recovery_code`.
    PrepareRecovery {
        /// Whose account.
        name: UserName,
        /// As typed: case, spaces and dashes don't matter.
        code: String,
    },
    /// Second step, with what `recovery_open` answered. Reply: [`Reply::RecoveryFinish`].
    FinishRecovery {
        /// From the server.
        opened: RecoveryOpened,
        /// The new password, as typed.
        new_password: String,
    },
    /// After [`Command::PrepareSignIn`] with the current password and `open_vault` with its auth key.
    /// Reply: [`Reply::ChangePassword`]. The page then calls `change_password` and, when that succeeded, [`Command::PasswordChanged`].
    PrepareChangePassword {
        /// As typed.
        new_password: String,
        /// From `open_vault`.
        signed_in: SignedIn,
    },
    /// The prepared password change is in force: re-wrap this browser's "keep" seal. Reply: [`Reply::Done`].
    PasswordChanged,
    /// After [`Command::PrepareSignIn`] with the current password and `open_vault` with its auth key. Reply: [`Reply::NewRecovery`].
    PrepareNewRecovery {
        /// From `open_vault`.
        signed_in: SignedIn,
    },

    /// The devices of the own account. Reply: [`Reply::Devices`].
    Devices,
    /// After [`Command::PrepareSignIn`] with the current password and `open_vault` with its auth key: signs another device out for good.
    /// Reply: [`Reply::Done`] when the server has taken the list without it.
    RemoveDevice {
        /// From `open_vault`.
        signed_in: SignedIn,
        /// Which; not this one.
        device: DeviceId,
    },

    /// Groups that keep no owner without this account: before it is deleted somebody else has to own them. Reply: [`Reply::Rooms`].
    GroupsToHandOver,
    /// After [`Command::PrepareSignIn`] with the current password and `open_vault` with its auth key: signs the end of the account.
    /// Reply: [`Reply::DeleteAccount`]. The page then calls `delete_account` and, when that succeeded, [`Command::SignOut`].
    PrepareDeletion {
        /// From `open_vault`.
        signed_in: SignedIn,
    },

    /// Seals this browser's data under a passphrase, or (`None`) takes the passphrase away. Reply: [`Reply::Done`].
    SetLockPassphrase {
        /// As typed.
        passphrase: Option<String>,
    },
    /// Opens locked data. Reply: [`Reply::Done`] or `wrong_passphrase`.
    Unlock {
        /// As typed.
        passphrase: String,
    },
    /// Closes the data until the passphrase is given again. Reply: [`Reply::Done`].
    Lock,
    /// Before the server's `sign_out`: `keep` leaves the rows with their key only under the vault key, otherwise keys and rows
    /// go. The engine stops. Reply: [`Reply::Done`].
    SignOut {
        /// Keep this device?
        keep: bool,
    },

    /// Names that begin with what was typed. Reply: [`Reply::People`].
    FindPeople {
        /// As typed.
        typed: String,
    },
    /// Opens (creates, joins) the room with a person; the own name is "notes". Reply: [`Reply::Room`].
    OpenRoomWith {
        /// Who.
        name: UserName,
    },
    /// The person takes a request on ([`RoomView::request`]); writing there does so too. Reply: [`Reply::Done`].
    AcceptRequest {
        /// Which room.
        room: RoomId,
    },
    /// Takes a request out of the list, and what was said in it off this device, until somebody writes there again. Reply: [`Reply::Done`].
    DeleteRequest {
        /// Which room.
        room: RoomId,
    },
    /// Whom the account has blocked. Reply: [`Reply::Blocked`].
    Blocked,
    /// Blocks somebody; their request is deleted. Reply: [`Reply::Done`] when the server has taken it.
    Block {
        /// Whom.
        account: AccountId,
    },
    /// Blocks somebody no more. Reply: as with [`Command::Block`].
    Unblock {
        /// Whom.
        account: AccountId,
    },
    /// Makes a group that this account owns. Reply: [`Reply::Room`].
    CreateGroup {
        /// What it is called; only its members learn it.
        name: String,
        /// Its id, which the tab's worker gives it, as with [`Command::SendText`].
        room: Option<RoomId>,
    },
    /// Adds a person to a group. Reply: [`Reply::Done`] as soon as the wish is stored here; it is carried out when it can be.
    AddPerson {
        /// Which group.
        room: RoomId,
        /// Who.
        name: UserName,
    },
    /// Removes a person from a group. Reply: as with [`Command::AddPerson`].
    RemovePerson {
        /// Which group.
        room: RoomId,
        /// Who.
        account: AccountId,
    },
    /// Leaves a group. Reply: as with [`Command::AddPerson`]; somebody else who is in it has to be online before it is so.
    LeaveGroup {
        /// Which.
        room: RoomId,
    },
    /// Gives a member of a group another role. Reply: as with [`Command::AddPerson`].
    SetRole {
        /// Which group.
        room: RoomId,
        /// Whose.
        account: AccountId,
        /// Which.
        role: views::Role,
    },
    /// Who is in a group, is coming or going. Reply: [`Reply::Members`].
    Members {
        /// Which group.
        room: RoomId,
    },
    /// Whether new messages of a room are announced and counted. Reply: [`Reply::Done`].
    SetMuted {
        /// Which room.
        room: RoomId,
        /// Not any more?
        muted: bool,
    },
    /// Gives a group another name. Reply: as with [`Command::SendText`].
    RenameGroup {
        /// Which.
        room: RoomId,
        /// Its new name.
        name: String,
    },
    /// Describes a group. Reply: as with [`Command::SendText`].
    DescribeGroup {
        /// Which.
        room: RoomId,
        /// How; empty takes the description away.
        about: String,
    },
    /// Gives a group a picture. Reply: as with [`Command::SendText`].
    PictureGroup {
        /// Which.
        room: RoomId,
        /// A small JPEG; empty takes the picture away.
        picture: Vec<u8>,
    },
    /// Says the newest texts of a group again for somebody who came later; everybody in it is told. Reply: as with [`Command::SendText`].
    ShareHistory {
        /// Which group.
        room: RoomId,
        /// With whom.
        account: AccountId,
    },
    /// Makes a link that lets people into a group, as an admin of it. Reply: [`Reply::Done`] when the server has it.
    MakeInvite {
        /// Which group.
        room: RoomId,
        /// For how long it is good; at most [`sotto_protocol::limits::INVITE_LIFETIME_MS`].
        lifetime: Millis,
        /// For how many; at most [`sotto_protocol::limits::INVITE_USES`].
        uses: u32,
    },
    /// Takes a link back. Reply: [`Reply::Done`] as soon as it is stored here.
    EndInvite {
        /// Which group.
        room: RoomId,
        /// [`views::InviteView::code`].
        code: String,
    },
    /// The living links of a group. Reply: [`Reply::Invites`].
    Invites {
        /// Which group.
        room: RoomId,
    },
    /// Asks to be let into a group. Reply: [`Reply::Done`] when the server has it, [`Reply::Room`] for a group that this account is in, `malformed` for
    /// what is no link, `invite_ended`.
    AskIn {
        /// What stands behind the `#join=` of a link, or all of it.
        code: String,
    },
    /// Asks no more. Reply: [`Reply::Done`] when the server has taken it.
    WithdrawAsk {
        /// Which group.
        room: RoomId,
    },
    /// What the person has chosen for all own devices. Reply: [`Reply::Choices`].
    Choices,
    /// How the person is shown to those they write with. Reply: [`Reply::Done`] as soon as it is stored here.
    SetCard {
        /// What they are called; empty for the user name alone.
        name: String,
        /// A small JPEG; empty for none.
        picture: Vec<u8>,
    },
    /// Whether history is kept for new devices. Reply: [`Reply::Done`] as soon as it is stored here.
    SetArchiving {
        /// Of which room; of all for `None`.
        room: Option<RoomId>,
        /// Kept?
        on: bool,
    },
    /// How far the server's directory of keys was checked. Reply: [`Reply::Directory`].
    Directory,
    /// The person goes on with the directory as the server shows it now, after an alarm. Reply: [`Reply::Done`].
    BeginDirectoryAnew,
    /// What an own device is called. Reply: [`Reply::Done`] as soon as it is stored here.
    NameDevice {
        /// Which.
        device: DeviceId,
        /// Empty for what it is called by itself.
        name: String,
    },
    /// The picture of a person. Reply: [`Reply::Picture`].
    Picture {
        /// Whose.
        account: AccountId,
    },
    /// The picture of a group. Reply: [`Reply::Picture`].
    RoomPicture {
        /// Of which.
        room: RoomId,
    },
    /// Newest page of a room (`before: None`) or the page before a seq. Reply: [`Reply::Timeline`]. The room counts as
    /// open in this tab until it opens another: its new entries come as [`Update::Entries`], and so may those of rooms that are open
    /// in other tabs.
    OpenRoom {
        /// Which.
        room: RoomId,
        /// Entries before this position.
        before: Option<Seq>,
    },
    /// As [`Command::OpenRoom`], and nothing is open by it.
    ReadRoom {
        /// Which.
        room: RoomId,
        /// Entries before this position.
        before: Option<Seq>,
    },
    /// The room is not open any more. Reply: [`Reply::Done`].
    CloseRoom {
        /// Which.
        room: RoomId,
    },
    /// Everything up to `seq` was seen by the person (page visible, row on screen). Reply: [`Reply::Done`].
    MarkRead {
        /// Which room.
        room: RoomId,
        /// Newest seq seen.
        seq: Seq,
    },
    /// Sends a text. Reply: [`Reply::Done`] as soon as it is stored here (state "sending").
    SendText {
        /// Where.
        room: RoomId,
        /// What, as typed.
        text: String,
        /// Its id, which the tab's worker gives it: a tab whose leader died before it answered asks the next one again, and the text
        /// must not be there twice. `None` for a text that is never asked twice.
        message: Option<MessageId>,
    },
    /// Tries a failed message again. Reply: [`Reply::Done`].
    Resend {
        /// Where.
        room: RoomId,
        /// Which.
        message: MessageId,
    },
    /// Stores what stands in the composer. Reply: [`Reply::Done`].
    SaveDraft {
        /// Which room.
        room: RoomId,
        /// Empty takes the draft away.
        text: String,
    },
    /// Reply: [`Reply::Safety`].
    SafetyNumber {
        /// With whom.
        account: AccountId,
    },
    /// The person compared the numbers (or takes it back). Reply: [`Reply::Safety`].
    SetVerified {
        /// With whom.
        account: AccountId,
        /// Compared and equal?
        verified: bool,
    },
    /// What the other side's code says, as it was scanned or pasted. Where it is the same, the contact is verified. Reply: [`Reply::Compared`].
    CompareCode {
        /// With whom.
        account: AccountId,
        /// Its text.
        code: String,
    },
    /// The person knows that the name of this contact is another identity's now ([`views::Trust::Changed`]): the contact stays who it
    /// was, what waits for it is sent, and the other one may have a room. Reply: [`Reply::Done`].
    AcknowledgeIdentity {
        /// The contact as it was remembered.
        account: AccountId,
    },
    /// The server's own row of a message. Reply: [`Reply::ServerRow`], or `gone`.
    ServerRow {
        /// Where.
        room: RoomId,
        /// Which.
        message: MessageId,
    },
    /// The server shows a room as it was once ([`RoomView::behind`]), and the person says to go on with what it has. Reply:
    /// [`Reply::Room`], or `server_behind` when other people would be there by now: then the person is asked again.
    GoOn {
        /// Which room.
        room: RoomId,
    },
    /// Waits until [`Command::Boot`] has looked at what this browser keeps: from then on [`Update::Phase`] says whose it is.
    /// Changes nothing. Reply: [`Reply::Done`].
    Ready,
    /// The browser went online or offline, or the tab came to the front: reconnect now. Reply: [`Reply::Done`].
    Nudge,
    /// From [`Phase::OtherTab`]: the engine runs in this tab from now on, and the other tab's stops. Reply: [`Reply::Done`].
    TakeOver,
}

/// Answers to commands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It is done.
    Done,
    /// For `sign_up`, and the code to show once.
    SignUp {
        /// Body for the server function.
        request: SignUpRequest,
        /// Grouped text with check digits.
        recovery_code: RecoveryCode,
    },
    /// For `sign_in`.
    SignIn(SignInRequest),
    /// How good a password is.
    PasswordCheck(views::PasswordCheck),
    /// For `recovery_open`.
    RecoveryOpen(RecoveryOpenRequest),
    /// For `recovery_finish`, and the new code.
    RecoveryFinish {
        /// Body for the server function.
        request: RecoveryFinishRequest,
        /// The code that replaces the used one.
        recovery_code: RecoveryCode,
    },
    /// For `change_password`.
    ChangePassword(ChangePasswordRequest),
    /// For `new_recovery_code`, and the code.
    NewRecovery {
        /// Body for the server function.
        request: NewRecoveryRequest,
        /// To show once.
        recovery_code: RecoveryCode,
    },
    /// How far it was checked; none before the first answer.
    Directory(Option<views::DirectoryView>),
    /// What came of a comparison.
    Compared(views::Comparison),
    /// For `delete_account`.
    DeleteAccount(DeleteAccountRequest),
    /// Rooms, in no order.
    Rooms(Vec<RoomId>),
    /// Devices of the own account, in the order of their adding.
    Devices(Vec<views::DeviceView>),
    /// Blocked people, in no order.
    Blocked(Vec<views::PersonView>),
    /// What was chosen.
    Choices(views::ChoicesView),
    /// A JPEG; empty for none.
    Picture(Vec<u8>),
    /// Found people.
    People(Vec<views::PersonView>),
    /// People of a group: owners, admins, members, each by name; empty for a group that this account is not in.
    Members(Vec<views::MemberView>),
    /// Links of a group, the oldest first.
    Invites(Vec<views::InviteView>),
    /// The room.
    Room(RoomView),
    /// A page of a room, ascending.
    Timeline {
        /// The room.
        room: RoomId,
        /// Ascending.
        entries: Vec<EntryView>,
        /// Whether older entries exist on this device.
        more: bool,
        /// What stood in the composer.
        draft: String,
    },
    /// Safety number and verification.
    Safety(SafetyView),
    /// The server's row beside what it says.
    ServerRow(ServerRowView),
}

/// A recovery code for people. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCode(pub String);

impl core::fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// What changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Update {
    /// Where the engine stands.
    Phase(Phase),
    /// The connection.
    Connection(ConnectionView),
    /// A long step of a command goes on: permille done, or `None` for "unknown".
    Progress {
        /// Stable name of the step ("deriving", "opening", "joining", "catching_up").
        step: String,
        /// 0 to 1000.
        permille: Option<u16>,
    },
    /// All rooms, newest first: sent after boot.
    Rooms(Vec<RoomView>),
    /// Groups that the account asks to be let into, all of them.
    Asks(Vec<views::AskView>),
    /// One room is new or changed.
    Room(RoomView),
    /// Entries of the open room, new or changed (replace by `key`).
    Entries {
        /// The room.
        room: RoomId,
        /// Entries.
        entries: Vec<EntryView>,
    },
    /// States of own messages changed.
    Message {
        /// The room.
        room: RoomId,
        /// The whole message again.
        message: MessageView,
    },
    /// Something the person should know and that no command asked for.
    Notice {
        /// Stable code.
        code: ErrorCode,
        /// The room it is about.
        room: Option<RoomId>,
    },
}

impl core::fmt::Debug for Command {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

impl Command {
    /// Variant name, for logs: the only thing that is ever printed of a command.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Boot { .. } => "Boot",
            Self::PrepareSignUp { .. } => "PrepareSignUp",
            Self::PrepareSignIn { .. } => "PrepareSignIn",
            Self::SignedIn { .. } => "SignedIn",
            Self::CheckPassword { .. } => "CheckPassword",
            Self::PrepareRecovery { .. } => "PrepareRecovery",
            Self::FinishRecovery { .. } => "FinishRecovery",
            Self::PrepareChangePassword { .. } => "PrepareChangePassword",
            Self::PasswordChanged => "PasswordChanged",
            Self::PrepareNewRecovery { .. } => "PrepareNewRecovery",
            Self::Devices => "Devices",
            Self::RemoveDevice { .. } => "RemoveDevice",
            Self::GroupsToHandOver => "GroupsToHandOver",
            Self::PrepareDeletion { .. } => "PrepareDeletion",
            Self::SetLockPassphrase { .. } => "SetLockPassphrase",
            Self::Unlock { .. } => "Unlock",
            Self::Lock => "Lock",
            Self::SignOut { .. } => "SignOut",
            Self::FindPeople { .. } => "FindPeople",
            Self::OpenRoomWith { .. } => "OpenRoomWith",
            Self::AcceptRequest { .. } => "AcceptRequest",
            Self::DeleteRequest { .. } => "DeleteRequest",
            Self::Blocked => "Blocked",
            Self::Block { .. } => "Block",
            Self::Unblock { .. } => "Unblock",
            Self::CreateGroup { .. } => "CreateGroup",
            Self::AddPerson { .. } => "AddPerson",
            Self::RemovePerson { .. } => "RemovePerson",
            Self::LeaveGroup { .. } => "LeaveGroup",
            Self::SetRole { .. } => "SetRole",
            Self::Members { .. } => "Members",
            Self::SetMuted { .. } => "SetMuted",
            Self::RenameGroup { .. } => "RenameGroup",
            Self::DescribeGroup { .. } => "DescribeGroup",
            Self::PictureGroup { .. } => "PictureGroup",
            Self::ShareHistory { .. } => "ShareHistory",
            Self::MakeInvite { .. } => "MakeInvite",
            Self::EndInvite { .. } => "EndInvite",
            Self::Invites { .. } => "Invites",
            Self::AskIn { .. } => "AskIn",
            Self::WithdrawAsk { .. } => "WithdrawAsk",
            Self::Choices => "Choices",
            Self::SetCard { .. } => "SetCard",
            Self::SetArchiving { .. } => "SetArchiving",
            Self::Directory => "Directory",
            Self::BeginDirectoryAnew => "BeginDirectoryAnew",
            Self::NameDevice { .. } => "NameDevice",
            Self::Picture { .. } => "Picture",
            Self::RoomPicture { .. } => "RoomPicture",
            Self::OpenRoom { .. } => "OpenRoom",
            Self::ReadRoom { .. } => "ReadRoom",
            Self::CloseRoom { .. } => "CloseRoom",
            Self::MarkRead { .. } => "MarkRead",
            Self::SendText { .. } => "SendText",
            Self::Resend { .. } => "Resend",
            Self::SaveDraft { .. } => "SaveDraft",
            Self::SafetyNumber { .. } => "SafetyNumber",
            Self::CompareCode { .. } => "CompareCode",
            Self::SetVerified { .. } => "SetVerified",
            Self::AcknowledgeIdentity { .. } => "AcknowledgeIdentity",
            Self::ServerRow { .. } => "ServerRow",
            Self::GoOn { .. } => "GoOn",
            Self::Ready => "Ready",
            Self::Nudge => "Nudge",
            Self::TakeOver => "TakeOver",
        }
    }
}
