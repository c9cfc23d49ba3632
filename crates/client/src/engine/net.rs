//! The connection: connecting, saying hello, answers to requests, trying again with backoff.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minicbor::Encode;
use sotto_client_api::Update;
use sotto_client_api::views::{ConnectionView, Phase};
use sotto_protocol::api::ErrorBody;
use sotto_protocol::directory::SignedRoot;
use sotto_protocol::frames::{ClientFrame, Cursor, ServerFrame, VERSION, Welcome};
use sotto_protocol::invites::Ask;
use sotto_protocol::{
    AccountId, Bytes, Epoch, ErrorCode, IdempotencyId, InviteId, MessageId, Millis, RoomId, Seq, UserName, codec, limits,
};

use super::archive::Shelves;
use super::healing::Fault;
use super::invites::Door;
use super::stock::Missing;
use super::timeline::ShownPage;
use super::{Engine, Turn, Work};
use crate::archive::Page;
use crate::invite::Invite;
use crate::io::{Effect, Method};
use crate::random;
use crate::records::{ChoicesRecord, RoomRecord, Seat};

/// First wait before trying again; doubles up to [`BACKOFF_MAX_MS`], and is spread so that clients don't come back in step.
const BACKOFF_MS: Millis = 500;
const BACKOFF_MAX_MS: Millis = 30_000;
/// A connection on which nothing came for this long is dead.
const SILENCE_MS: Millis = 2 * limits::PING_EVERY_MS + 10_000;
/// A connection that is not greeted by then was cut on the way, and nobody will say so.
const GREETED_WITHIN_MS: Millis = 30_000;
/// Wait before a refused publish or request is tried again.
const RETRY_MS: Millis = 3_000;

/// State of the connection; nothing of it is stored.
#[derive(Default)]
pub(super) struct Net {
    state: State,
    tries: u32,
    heard_at: Millis,
    ping_at: Option<Millis>,
    /// Publishes sent on this connection and not answered yet.
    pub(super) sent: BTreeSet<IdempotencyId>,
    /// Those of them that the server has taken: the log shows them, none comes back.
    pub(super) taken: BTreeSet<IdempotencyId>,
    /// Rooms in which the server is ahead: nothing is sent there before this epoch is reached.
    pub(super) waits_for: BTreeMap<RoomId, Epoch>,
    /// Rooms whose log this connection was asked for, and from where on.
    pub(super) asked: BTreeMap<RoomId, Seq>,
    /// Rooms in which something is missing between what is here and what came; asked for once more at `retry_at`.
    pub(super) gaps: BTreeSet<RoomId>,
    /// Invitations back into groups of which the log has not shown yet that this device was removed, and those of people who are blocked. The
    /// server keeps them until then.
    pub(super) welcomes_ahead: BTreeMap<RoomId, Box<Welcome>>,
    /// Rooms whose log ended before what was read of it here when the connection began, until their state is here.
    pub(super) older: BTreeSet<RoomId>,
    /// Rooms of the account, as the server said last, and whether those that are not known here are still to be looked at.
    pub(super) heads: BTreeMap<RoomId, Seq>,
    pub(super) rooms_told: bool,
    /// Bytes of entries that the server lets be on their way; 0 where it does not count.
    pub(super) window: u64,
    /// Bytes of entries that were worked off since the server was told.
    pub(super) owed: u64,
    /// When catching up began, and when something of it was drawn last.
    pub(super) since: Millis,
    pub(super) drawn_at: Millis,
    /// How far catching up is, of how many entries, once the page is told.
    pub(super) progress: (u32, u32),
    /// When this device commits what others have said of leaving a room in an epoch, if nobody was faster.
    pub(super) leaves_at: BTreeMap<RoomId, (Epoch, Millis)>,
    /// When refused things are tried again.
    pub(super) retry_at: Option<Millis>,
    /// What the server said of this device's key packages, until it can be acted on: how many one-time ones are left, which are held.
    pub(super) stock: Option<(u32, Vec<Bytes>)>,
    /// What was missing.
    pub(super) missing: Missing,
    /// When the stock is looked after next.
    pub(super) look_at: Option<Millis>,
    /// Whether the own device list is as new as this connection: before that a leaf may be one of a device that it does not name yet.
    pub(super) devices_known: bool,
    /// Accounts of others whose list was told on this connection.
    pub(super) lists_asked: BTreeSet<AccountId>,
    /// Accounts of whose devices something new came while their list was on its way.
    pub(super) overtaken: BTreeSet<AccountId>,
    /// Whether the directory was asked for on this connection, and whether it has to be once more when the answer is here.
    pub(super) directory_asked: bool,
    pub(super) directory_again: bool,
    /// Who asks to be let in.
    pub(super) door: Door,
    /// Rooms in which the server does not let leaves go that are not listed by what is known here.
    pub(super) kept_leaves: BTreeSet<RoomId>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Off,
    Connecting,
    /// Connected; old entries are arriving.
    CatchingUp,
    Online,
    Waiting(Millis),
}

/// What a request was for.
#[derive(Clone)]
pub(super) enum Pending {
    BindSession,
    KeyPackages,
    /// Claimed for opening a room with a person, for these commands.
    Claim {
        name: UserName,
        reply: u32,
    },
    /// Claimed for adding a person to a group; without a command for a wish whose packages were good for nothing, and for the own account's
    /// other devices.
    ClaimFor {
        room: RoomId,
        name: UserName,
        reply: Option<u32>,
    },
    /// The newest device list of an account.
    Devices {
        account: AccountId,
    },
    /// The next list of the own account, for this command.
    PutDevices {
        device_list: Bytes,
        reply: u32,
    },
    People {
        reply: u32,
    },
    /// Whom the account has blocked.
    Blocked {
        reply: Option<u32>,
    },
    /// Blocking somebody, or ending it.
    Block {
        account: AccountId,
        blocked: bool,
        reply: u32,
    },
    /// The person's choices, as they stand on the server.
    ReadChoices,
    /// These choices, as the version named.
    PutChoices {
        version: u64,
        written: Arc<ChoicesRecord>,
    },
    /// The archive of a room, or all of it, goes.
    EmptyShelves {
        room: Option<RoomId>,
    },
    CreateRoom {
        room: RoomId,
        reply: Option<u32>,
    },
    /// State of a room that this device wants a seat in.
    RoomState {
        room: RoomId,
        reply: Option<u32>,
        /// How far the log was read here when it was asked for.
        cursor: Seq,
    },
    TakeSeat {
        room: RoomId,
        reply: Option<u32>,
    },
    Commit {
        room: RoomId,
    },
    /// A SelfRemove of this device.
    Leave {
        room: RoomId,
    },
    ServerRow {
        room: RoomId,
        message: MessageId,
        reply: u32,
    },
    /// The server's entry at the own position.
    SameEntry {
        room: RoomId,
    },
    /// What stands in the archive where a page is to be written.
    ReadShelf {
        room: RoomId,
        number: u64,
    },
    /// A page of the archive, with the room's entries up to a position.
    PutShelf {
        page: Box<Page>,
        version: u64,
        upto: Seq,
    },
    /// A page from before this device, and what is to be shown after it.
    History {
        room: RoomId,
        then: Option<ShownPage>,
    },
    /// The server is told of a link.
    MakeInvite {
        room: RoomId,
        invite: Invite,
        reply: u32,
    },
    /// And of its end.
    EndInvite,
    /// Asking to be let in by one.
    AskIn {
        room: RoomId,
        invite: InviteId,
        reply: u32,
    },
    WithdrawAsk {
        room: RoomId,
        reply: u32,
    },
    /// Who asks; for this command, which wants to know of this room's links.
    Asks {
        wanted: Option<(u32, RoomId)>,
    },
    /// Claimed for letting somebody in who has asked.
    Admit {
        ask: Ask,
    },
    /// What is new in the directory of keys.
    Directory,
    /// What has stood behind the own name.
    OwnHistory {
        version: u64,
    },
    /// What stands behind the names of these contacts.
    LookUp {
        accounts: Vec<(AccountId, u64)>,
    },
    /// The root of an epoch that somebody has named otherwise, perhaps.
    PastRoot {
        named: Box<SignedRoot>,
    },
    /// Asks whether the session lives, after a socket that did not open.
    Probe,
}

impl Pending {
    /// The command that waits for the answer.
    pub(super) const fn reply(&self) -> Option<u32> {
        match self {
            Self::Claim { reply, .. }
            | Self::People { reply }
            | Self::ServerRow { reply, .. }
            | Self::PutDevices { reply, .. }
            | Self::MakeInvite { reply, .. }
            | Self::AskIn { reply, .. }
            | Self::WithdrawAsk { reply, .. }
            | Self::Block { reply, .. } => Some(*reply),
            Self::ClaimFor { reply, .. }
            | Self::Blocked { reply }
            | Self::CreateRoom { reply, .. }
            | Self::RoomState { reply, .. }
            | Self::TakeSeat { reply, .. } => *reply,
            Self::History { then, .. } => match then {
                Some(page) => Some(page.reply),
                None => None,
            },
            Self::BindSession | Self::KeyPackages | Self::Commit { .. } | Self::Leave { .. } | Self::SameEntry { .. } | Self::Probe => None,
            Self::Devices { .. } | Self::ReadShelf { .. } | Self::PutShelf { .. } => None,
            Self::ReadChoices | Self::PutChoices { .. } | Self::EmptyShelves { .. } => None,
            Self::Directory | Self::OwnHistory { .. } | Self::LookUp { .. } | Self::PastRoot { .. } => None,
            Self::Asks { wanted: Some((reply, _)) } => Some(*reply),
            Self::EndInvite | Self::Asks { wanted: None } | Self::Admit { .. } => None,
        }
    }
}

impl Net {
    pub(super) fn forget_sent(&mut self) {
        self.sent.clear();
    }

    /// Newest position of a room when the connection began; 0 for one that was not there.
    pub(super) fn head(&self, room: RoomId) -> Seq {
        self.heads.get(&room).copied().unwrap_or(0)
    }

    /// Whether everything that the server had when this connection began is here.
    pub(super) fn caught_up(&self) -> bool {
        self.state == State::Online
    }

    pub(super) fn is_catching_up(&self) -> bool {
        self.state == State::CatchingUp
    }

    pub(super) const fn live(&self) -> bool {
        matches!(self.state, State::CatchingUp | State::Online)
    }

    /// Somebody set the clock back: what is due in ten seconds stays due in ten seconds.
    pub(super) fn clock_went_back(&mut self, by: Millis) {
        let waits = if let State::Waiting(at) = &mut self.state { Some(at) } else { None };
        let times = [waits, self.ping_at.as_mut(), self.retry_at.as_mut(), self.look_at.as_mut()];
        let past = [&mut self.heard_at, &mut self.since, &mut self.drawn_at];
        for at in times.into_iter().flatten().chain(past) {
            *at = at.saturating_sub(by);
        }
    }

    pub(super) const fn view(&self) -> ConnectionView {
        match self.state {
            State::Off => ConnectionView::Off,
            State::Connecting => ConnectionView::Connecting,
            State::CatchingUp => ConnectionView::CatchingUp { done: self.progress.0, total: self.progress.1 },
            State::Online => ConnectionView::Online,
            State::Waiting(retry_at) => ConnectionView::Waiting { retry_at },
        }
    }
}

impl Engine {
    fn set_connection(&mut self, turn: &mut Turn, state: State) {
        self.net.state = state;
        turn.emit(Update::Connection(self.net.view()));
    }

    /// Connects, or first does what must come before (binding the session to a new device).
    pub(super) fn connect(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.set_connection(turn, State::Connecting);
        self.net.heard_at = turn.now;
        if !self.data()?.record()?.registered {
            let asked = |pending: &Pending| matches!(pending, Pending::BindSession | Pending::KeyPackages);
            if !self.requests.values().any(asked) {
                self.bind_session(turn)?;
            }
            return Ok(());
        }
        turn.effects.push(Effect::Connect);
        Ok(())
    }

    pub(super) fn disconnect(&mut self, turn: &mut Turn) {
        turn.effects.push(Effect::Disconnect);
        self.net = Net::default();
        turn.emit(Update::Connection(ConnectionView::Off));
    }

    /// Closes a connection that can't be trusted to be complete and tries again.
    pub(super) fn drop_connection(&mut self, out: &mut Vec<Effect>) {
        out.push(Effect::Disconnect);
        self.work.push_back(Work::Input(crate::io::Input::SocketClosed));
    }

    pub(super) fn socket_opened(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        if self.net.state != State::Connecting {
            return Ok(());
        }
        let mut rooms = self.data()?.rooms()?;
        rooms.retain(|room| room.seat == Seat::Taken);
        // In this order the server delivers them: first what is on the screen, then the newest in the list.
        rooms.sort_by_key(|room| (!self.open.contains_key(&room.room), std::cmp::Reverse(room.active_at)));
        let cursors: Vec<_> = rooms.iter().map(|room| Cursor { room: room.room, seq: room.cursor }).collect();
        // What was asked for before this connection does not answer for it.
        let lists =
            self.requests.values().filter_map(|pending| if let Pending::Devices { account } = pending { Some(*account) } else { None });
        self.net.overtaken = lists.collect();
        self.net.asked = cursors.iter().map(|cursor| (cursor.room, cursor.seq)).collect();
        let data = self.data()?;
        let hello = ClientFrame::Hello { version: VERSION, device: data.device.device(), cursors, window: limits::DELIVERY_WINDOW as u64 };
        self.net.heard_at = turn.now;
        Self::send(turn, &hello);
        Ok(())
    }

    pub(super) fn socket_closed(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        if self.data.is_none() || matches!(self.net.state, State::Off | State::Waiting(_)) {
            return Ok(());
        }
        let opened = self.net.live();
        self.wait(turn)?;
        // A socket that never opened may mean that the session ended: the browser does not tell, an ordinary request does.
        if !opened && !self.requests.values().any(|pending| matches!(pending, Pending::Probe)) {
            self.get(turn, "/api/v1/rooms".into(), Pending::Probe);
        }
        Ok(())
    }

    /// Closes a connection that is no use any more, and tries again after a while.
    fn hang_up(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        turn.effects.push(Effect::Disconnect);
        self.wait(turn)
    }

    fn wait(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let full = (BACKOFF_MS << self.net.tries.min(6)).min(BACKOFF_MAX_MS);
        let spread = random::part_of(full / 2)?;
        let tries = self.net.tries.saturating_add(1);
        self.net = Net { tries, ..Net::default() };
        self.set_connection(turn, State::Waiting(turn.now + full / 2 + spread));
        Ok(())
    }

    /// The person is back, or the network is: don't wait for the timer.
    pub(super) fn nudge(&mut self, turn: &mut Turn) {
        match self.net.state {
            State::Waiting(_) => self.set_connection(turn, State::Waiting(turn.now)),
            // A laptop that slept has a socket that looks open: find out soon.
            State::CatchingUp | State::Online => self.ping(turn),
            State::Off | State::Connecting => {}
        }
    }

    fn ping(&mut self, turn: &mut Turn) {
        self.net.ping_at = Some(turn.now + limits::PING_EVERY_MS);
        Self::send(turn, &ClientFrame::Ping { nonce: turn.now });
    }

    pub(super) fn next_wake(&self) -> Option<Millis> {
        if !self.deferred.is_empty() {
            return Some(0);
        }
        let connection = match self.net.state {
            State::Waiting(at) => Some(at),
            State::CatchingUp | State::Online => self.net.ping_at,
            State::Connecting => Some(self.net.heard_at + GREETED_WITHIN_MS),
            State::Off => None,
        };
        let times = [connection, self.net.retry_at, self.net.look_at, self.renew_at, self.draws_at(), self.shelves.due_at];
        times.into_iter().flatten().min()
    }

    pub(super) fn tick(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        if let Some(work) = self.deferred.pop_front() {
            self.work.push_front(work);
            return Ok(());
        }
        match self.net.state {
            State::Waiting(at) if at <= turn.now => self.connect(turn)?,
            State::Connecting if turn.now >= self.net.heard_at + GREETED_WITHIN_MS => self.hang_up(turn)?,
            State::CatchingUp | State::Online if turn.now.saturating_sub(self.net.heard_at) > SILENCE_MS => self.hang_up(turn)?,
            State::CatchingUp | State::Online if self.net.ping_at.is_some_and(|at| at <= turn.now) => self.ping(turn),
            _ => {}
        }
        if self.net.look_at.is_some_and(|at| at <= turn.now) {
            self.look_after_stock(turn)?;
        }
        if self.net.retry_at.is_some_and(|at| at <= turn.now) {
            self.net.retry_at = None;
            self.ask_for_gaps(turn)?;
            if std::mem::take(&mut self.net.rooms_told) {
                self.find_missing_rooms(turn)?;
            }
            self.resume_seats(turn)?;
            self.ask_lists(turn)?;
            self.knock_again(turn)?;
            self.flush_outbox(turn)?;
        }
        if self.shelves.due_at.is_some_and(|at| at <= turn.now) {
            self.archive_what_is_due(turn)?;
        }
        self.renew_when_due(turn.now);
        Ok(())
    }

    pub(super) fn retry_later(&mut self, now: Millis) {
        self.net.retry_at.get_or_insert(now + RETRY_MS);
    }

    pub(super) fn frame(&mut self, turn: &mut Turn, bytes: &[u8]) -> Result<(), ErrorCode> {
        if self.data.is_none() {
            return Ok(());
        }
        self.net.heard_at = turn.now;
        match codec::decode(bytes, limits::SERVER_FRAME)? {
            ServerFrame::Ready { key_packages, heads, held, window, .. } => {
                self.net.tries = 0;
                self.net.welcomes_ahead.clear();
                self.heads_told(heads);
                self.net.ping_at = Some(turn.now + limits::PING_EVERY_MS);
                self.net.stock = Some((key_packages, held));
                (self.net.window, self.net.owed) = (window, 0);
                (self.net.since, self.net.drawn_at, self.net.progress) = (turn.now, turn.now, (0, 0));
                self.set_connection(turn, State::CatchingUp);
                self.look_for_older_logs(turn)?;
                self.ask_blocked(turn, None);
                self.begin_choices(turn)?;
                self.ask_own_devices(turn)
            }
            ServerFrame::Deliver { entries } => {
                self.work_off(entries, bytes.len());
                Ok(())
            }
            ServerFrame::CaughtUp => {
                self.set_connection(turn, State::Online);
                self.fill_stock(turn)?;
                self.find_missing_rooms(turn)?;
                self.join_new_logs(turn)?;
                self.resume_seats(turn)?;
                self.ask_lists(turn)?;
                if !self.net.directory_asked {
                    self.begin_transparency(turn)?;
                }
                self.queue_receipts(turn)?;
                self.ask_who_asks(turn)?;
                self.erase_on(turn)?;
                self.shelves = Shelves::default();
                self.archive_soon(turn.now);
                self.flush_outbox(turn)
            }
            ServerFrame::Acks { acks } => self.acked(turn, &acks),
            ServerFrame::Refusals { refusals } => self.refused(turn, &refusals),
            ServerFrame::Welcomes { welcomes } => {
                for welcome in welcomes.into_iter().rev() {
                    self.work.push_front(Work::Welcome(Box::new(welcome)));
                }
                Ok(())
            }
            ServerFrame::KeyPackages { left } => self.refill_key_packages(turn, left),
            ServerFrame::Devices => self.ask_own_devices(turn),
            ServerFrame::Asks => self.ask_who_asks(turn),
            ServerFrame::Rooms { heads } => {
                // Whoever brought the account in may bring this device in, too: that is quicker than a seat of its own.
                self.heads_told(heads);
                self.net.rooms_told = true;
                self.retry_later(turn.now);
                Ok(())
            }
            ServerFrame::Pong { .. } => Ok(()),
            ServerFrame::Lost { upto } => self.lost(turn, upto),
            ServerFrame::Error { code } => {
                turn.emit(Update::Notice { code, room: None });
                Ok(())
            }
            ServerFrame::Bye { code } => self.bye(turn, code),
        }
    }

    fn bye(&mut self, turn: &mut Turn, code: ErrorCode) -> Result<(), ErrorCode> {
        match code {
            ErrorCode::SignedOut => self.session_ended(turn),
            ErrorCode::DeviceUnknown => self.replaced(turn),
            _ => self.hang_up(turn),
        }
    }

    fn heads_told(&mut self, heads: Vec<Cursor>) {
        self.net.heads = heads.into_iter().map(|head| (head.room, head.seq)).collect();
    }

    /// Rooms that the server knows and this device does not: it takes its seat there.
    pub(super) fn find_missing_rooms(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        for room in self.net.heads.keys().copied().collect::<Vec<_>>() {
            if self.data()?.find_room(room)?.is_none_or(|record| record.seat == Seat::Removed) {
                self.ask_room_state(turn, room, None);
            }
        }
        Ok(())
    }

    /// Seats that were taken while the hello was on its way.
    fn join_new_logs(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        for record in self.data()?.rooms()? {
            if record.seat == Seat::Taken && !self.net.asked.contains_key(&record.room) {
                self.join_log(turn, &record);
            }
        }
        Ok(())
    }

    /// An entry came whose forerunner is not here. What is on its way already is not asked for again: every entry behind the gap
    /// would multiply what comes.
    pub(super) fn found_gap(&mut self, turn: &mut Turn, room: &RoomRecord) {
        if self.net.asked.get(&room.room) != Some(&room.cursor) {
            self.join_log(turn, room);
        }
        self.net.gaps.insert(room.room);
        self.retry_later(turn.now);
    }

    fn ask_for_gaps(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        for room in std::mem::take(&mut self.net.gaps) {
            if let Some(record) = self.data()?.find_room(room)?.filter(|record| record.seat == Seat::Taken) {
                self.join_log(turn, &record);
            }
        }
        Ok(())
    }

    pub(super) fn send(turn: &mut Turn, frame: &ClientFrame) {
        turn.effects.push(Effect::Send(codec::encode(frame)));
    }

    pub(super) fn post<T: Encode<()>>(&mut self, turn: &mut Turn, path: &str, body: &T, pending: Pending) {
        self.post_bytes(turn, path.into(), codec::encode(body), pending);
    }

    pub(super) fn post_bytes(&mut self, turn: &mut Turn, path: String, body: Vec<u8>, pending: Pending) {
        let id = self.id();
        self.requests.insert(id, pending);
        turn.effects.push(Effect::Request { id, method: Method::Post, path, body });
    }

    pub(super) fn get(&mut self, turn: &mut Turn, path: String, pending: Pending) {
        let id = self.id();
        self.requests.insert(id, pending);
        turn.effects.push(Effect::Request { id, method: Method::Get, path, body: Vec::new() });
    }

    pub(super) fn response(&mut self, turn: &mut Turn, id: u64, result: Result<Vec<u8>, ErrorBody>) -> Result<(), ErrorCode> {
        let Some(pending) = self.requests.remove(&id) else { return Ok(()) };
        if self.data.is_none() {
            return Ok(());
        }
        let reply = pending.reply();
        let outcome = match result {
            Ok(body) => self.answered(turn, pending, &body),
            Err(error) => self.request_failed(turn, pending, &error),
        };
        match (outcome, reply) {
            // What the server answered does not hold: the command that asked for it says so, nothing else changes.
            (Err(code), Some(reply)) => {
                turn.refuse(reply, code);
                self.undo_turn(turn)
            }
            (outcome, _) => outcome,
        }
    }

    /// Takes back what a refused answer has changed, and keeps only what the page is told.
    pub(super) fn undo_turn(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.forget_requests(&turn.effects);
        turn.effects.retain(|effect| matches!(effect, Effect::Emit(_)));
        turn.entries.clear();
        turn.erased.clear();
        turn.undrawn.clear();
        if let Some(data) = &mut self.data {
            data.rollback();
            data.begin()?;
        }
        if self.data.is_some() { self.remember_seen(turn) } else { Ok(()) }
    }

    fn answered(&mut self, turn: &mut Turn, pending: Pending, body: &[u8]) -> Result<(), ErrorCode> {
        match pending {
            Pending::BindSession => self.session_bound(turn),
            Pending::KeyPackages => self.key_packages_published(turn, body),
            Pending::Claim { name, reply } => self.claimed(turn, &name, reply, body),
            Pending::ClaimFor { room, name, reply: Some(reply) } => self.claimed_for(turn, room, &name, Some(reply), body),
            Pending::ClaimFor { room, name, reply: None } => self.claimed_anew(turn, room, &name, body),
            Pending::ReadShelf { room, number } => self.shelf_read(turn, room, number, body),
            Pending::PutShelf { page, version, upto } => self.shelf_put(turn, *page, version, upto, body),
            Pending::History { room, then } => self.history_read(turn, room, then, body),
            Pending::Devices { account } => self.devices_told(turn, account, body),
            Pending::PutDevices { device_list, reply } => self.devices_put(turn, device_list, reply),
            Pending::People { reply } => self.found_people(turn, reply, body),
            Pending::Blocked { reply } => self.blocked_told(turn, reply, body),
            Pending::Block { account, blocked, reply } => self.block_done(turn, account, blocked, reply),
            Pending::ReadChoices => self.choices_read(turn, body),
            Pending::PutChoices { version, written } => self.choices_put(turn, version, &written, body),
            Pending::EmptyShelves { room } => self.shelves_emptied(turn, room),
            Pending::CreateRoom { room, reply } => self.room_created(turn, room, reply, body),
            Pending::RoomState { room, reply, cursor } => self.room_state(turn, room, reply, cursor, body),
            Pending::TakeSeat { room, reply } => self.seat_taken(turn, room, reply, body),
            // The log shows the commit; its answer says nothing that the log does not.
            Pending::Commit { .. } | Pending::Leave { .. } | Pending::EndInvite | Pending::Probe => Ok(()),
            Pending::MakeInvite { room, invite, reply } => self.invite_made(turn, room, invite, reply),
            Pending::AskIn { room, invite, reply } => self.asked_in(turn, room, invite, reply),
            Pending::WithdrawAsk { room, reply } => self.ask_withdrawn(turn, room, reply),
            Pending::Asks { wanted } => self.asks_told(turn, wanted, body),
            Pending::Admit { ask } => self.admit(turn, &ask, body),
            Pending::Directory => self.directory_told(turn, body),
            Pending::OwnHistory { version } => self.own_history_told(turn, version, body),
            Pending::LookUp { accounts } => self.looked_up(turn, &accounts, body),
            Pending::PastRoot { named } => self.past_root_told(turn, *named, body),
            Pending::SameEntry { room } => self.same_entry(turn, room, body),
            Pending::ServerRow { room, message, reply } => self.show_server_row(turn, room, message, reply, body),
        }
    }

    fn request_failed(&mut self, turn: &mut Turn, pending: Pending, error: &ErrorBody) -> Result<(), ErrorCode> {
        match (error.code, &pending) {
            (ErrorCode::SignedOut, _) if self.phase_is_live() => {
                if let Some(reply) = pending.reply() {
                    turn.refuse(reply, error.code);
                }
                return self.session_ended(turn);
            }
            (ErrorCode::DeviceUnknown | ErrorCode::DeviceListRefused, Pending::BindSession | Pending::KeyPackages) => {
                return self.replaced(turn);
            }
            _ => {}
        }
        match pending {
            Pending::BindSession | Pending::KeyPackages => {
                // Without these nothing works: wait and try the connection again, which begins with them.
                if !self.data()?.record()?.registered {
                    self.wait(turn)?;
                }
                Ok(())
            }
            Pending::ClaimFor { room, name, reply: None } => self.not_claimed_anew(turn, room, &name, error.code),
            Pending::CreateRoom { room, reply } => self.room_not_created(turn, room, reply, error),
            Pending::TakeSeat { room, reply } => self.seat_not_taken(turn, room, reply, error),
            Pending::Commit { room } => self.commit_refused(turn, room, error),
            Pending::Leave { room } => self.leave_refused(turn, room, error.code),
            Pending::RoomState { room, reply: None, .. } if error.code == ErrorCode::NotFound => {
                self.out_of_step(turn, room, Fault::Phantom)
            }
            // With or without somebody who waits: the room may be one without a seat.
            Pending::RoomState { reply, .. } => {
                if let Some(reply) = reply {
                    turn.refuse(reply, error.code);
                }
                self.retry_later(turn.now);
                Ok(())
            }
            Pending::ReadShelf { room, .. } => {
                self.shelf_failed(turn, room, error);
                Ok(())
            }
            Pending::PutShelf { page, .. } => {
                self.shelf_failed(turn, page.room, error);
                Ok(())
            }
            Pending::History { room, then } => self.history_done(turn, room, then, Some(error.code)),
            Pending::Devices { account } => self.list_not_told(turn, account, error),
            Pending::Asks { wanted: Some((reply, room)) } => self.show_invites(turn, reply, room, false),
            Pending::Asks { wanted: None } | Pending::Admit { .. } => {
                self.door_stays_shut(turn, error);
                Ok(())
            }
            // They are read again by the next connection.
            Pending::Probe | Pending::ReadChoices => Ok(()),
            Pending::PutChoices { .. } | Pending::EmptyShelves { .. } => self.choices_not_put(turn, error),
            // A root that somebody was shown is one that the server has.
            Pending::PastRoot { named } if error.code == ErrorCode::NotFound => self.not_in_directory(turn, Some(*named)),
            Pending::OwnHistory { .. } if error.code == ErrorCode::NotFound => self.not_in_directory(turn, None),
            Pending::Directory | Pending::OwnHistory { .. } | Pending::LookUp { .. } | Pending::PastRoot { .. } => Ok(()),
            other => {
                if let Some(reply) = other.reply() {
                    turn.refuse(reply, error.code);
                }
                Ok(())
            }
        }
    }

    const fn phase_is_live(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. })
    }
}
