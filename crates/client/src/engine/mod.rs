//! The engine: `step(now, input) -> effects`, one turn at a time.
//!
//! Invariants, here and nowhere else (DESIGN.md §5):
//! * **Persist before send, persist before show.** What a turn wants to send or show is held in [`Turn::effects`] until the host
//!   says that the turn's one atomic batch is stored ([`Engine::persisted`]).
//! * **All or nothing.** A turn that fails, or whose batch does not persist, rolls the journal back and drops every live MLS
//!   group ([`Data::rollback`]).
//! * **One turn at a time.** While a batch is in flight, inputs wait in [`Engine::work`].

mod archive;
mod auth;
mod behind;
mod blocking;
mod boot;
mod cards;
mod catching_up;
mod choices;
mod contacts;
mod data;
mod deleting;
mod deliver;
mod device;
mod devices;
mod erasing;
mod groups;
mod healing;
mod identities;
mod invites;
mod leaving;
mod members;
mod missing;
mod net;
mod outbox;
mod people;
mod requests;
mod rooms;
mod seats;
mod sharing;
mod show;
mod stock;
mod timeline;
mod transparency;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sotto_client_api::views::Phase;
use sotto_client_api::{Command, FromWorker, Reply, Update};
use sotto_protocol::frames::{Entry, Welcome};
use sotto_protocol::{AccountId, DeviceId, Epoch, ErrorCode, Millis, RoomId, UserName};

use crate::io::{Batch, DeviceWrap, Effect, Input, Profile, Row, SlotWrite, Slots, Store};
use crate::mls;
use crate::password::{self, Nfkc, Password};
use crate::profile::ProfileRecord;
use crate::records::{EntryRecord, Seat, key};
use auth::PendingAuth;
use catching_up::Undrawn;
use data::Data;
use groups::role_of;
use net::Net;
use timeline::OpenRooms;

/// One browser profile's engine.
pub struct Engine {
    nfkc: Nfkc,
    /// The host's clock at the newest step.
    clock: Millis,
    phase: Phase,
    /// Whether the page was rendered for a session.
    signed_in: bool,
    profile: ProfileRecord,
    /// Sealed state rows of a locked or kept device.
    sealed_rows: Vec<Row>,
    /// The slots as they were read, until they have served.
    slots: Option<Slots>,
    /// Whether this browser has slots.
    can_erase: bool,
    /// When the ring is due: see [`erasing`].
    renew_at: Option<Millis>,
    data: Option<Data>,
    auth: Option<PendingAuth>,
    net: Net,
    requests: BTreeMap<u64, net::Pending>,
    loads: BTreeMap<u64, timeline::Load>,
    open: OpenRooms,
    /// What is stored and not drawn yet.
    undrawn: Undrawn,
    shelves: archive::Shelves,
    /// Another identity under a known name, found in this turn: see [`identities`].
    seen: Option<(UserName, AccountId)>,
    /// The command that waits for [`Input::Opened`] or [`Input::Wiped`].
    waiting: Option<u32>,
    in_flight: Option<InFlight>,
    work: VecDeque<Work>,
    /// Work that begins at the next tick, so that the page draws its progress first.
    deferred: VecDeque<Work>,
    /// Commands that came before this browser's data was opened: what they ask is judged by what is there (the pins above all).
    early: VecDeque<Work>,
    next_id: u64,
}

/// Whether a command has to wait until [`Command::Boot`] has opened this browser's data.
fn waits_for_the_data(command: &Command) -> bool {
    !matches!(command, Command::Boot { .. } | Command::CheckPassword { .. })
}

/// A unit that succeeds or fails as a whole.
enum Work {
    Input(Input),
    /// A slow command whose progress was announced, or one that other work had to come before.
    Slow {
        id: u32,
        command: Command,
    },
    /// An invitation.
    Welcome(Box<Welcome>),
    /// Entries of the log, tried together.
    Entries(Vec<Entry>),
    /// The entries of a frame of so many bytes are worked off.
    Took(u64),
    /// One entry, tried alone because its batch failed.
    Entry(Entry),
    /// An entry that can't be applied, and why: [`healing`] knows what to do.
    Misfit(Entry, ErrorCode),
    /// The ring is renewed.
    Renew,
}

/// What happens when a unit fails.
enum OnFailure {
    Reply(u32),
    OneByOne(Vec<Entry>),
    Alone(Entry),
    Reconnect,
    /// The server's answer is lost with the turn: whoever waits for it is told, and the next connection asks again.
    Answer {
        reply: Option<u32>,
    },
    /// What was due stays due, see [`Engine::roll_back`].
    Nothing,
}

/// A batch on its way to the disk, and what depends on it.
struct InFlight {
    id: u64,
    effects: Vec<Effect>,
    undrawn: Undrawn,
    profile: Option<ProfileRecord>,
    on_failure: OnFailure,
    /// The data were made in this turn, so a failure leaves none.
    opened_here: bool,
}

/// What one turn has gathered so far.
pub(crate) struct Turn {
    now: Millis,
    /// Released when the batch is stored (at once, when there is none).
    effects: Vec<Effect>,
    entries: Vec<(Vec<u8>, EntryRecord)>,
    /// Keys of lines that go.
    erased: Vec<Vec<u8>>,
    /// What the log has changed: drawn some time after it is stored, see [`catching_up`].
    undrawn: Undrawn,
    /// All rows of before go.
    clear: bool,
    profile: Option<(ProfileRecord, DeviceWrap)>,
    slot: Option<SlotWrite>,
    opened_here: bool,
}

impl Turn {
    const fn new(now: Millis) -> Self {
        Self {
            now,
            effects: Vec::new(),
            entries: Vec::new(),
            erased: Vec::new(),
            undrawn: Undrawn::new(),
            clear: false,
            profile: None,
            slot: None,
            opened_here: false,
        }
    }

    fn emit(&mut self, update: Update) {
        self.effects.push(Effect::Emit(FromWorker::Update(update)));
    }

    fn reply(&mut self, id: u32, reply: Reply) {
        self.effects.push(Effect::Emit(FromWorker::Reply { id, result: Ok(reply) }));
    }

    fn refuse(&mut self, id: u32, code: ErrorCode) {
        self.effects.push(Effect::Emit(FromWorker::Reply { id, result: Err(code) }));
    }
}

impl Engine {
    /// An engine that waits for [`Command::Boot`].
    #[must_use]
    pub fn new(nfkc: Nfkc) -> Self {
        Self {
            nfkc,
            clock: 0,
            phase: Phase::Booting,
            signed_in: false,
            profile: ProfileRecord::default(),
            sealed_rows: Vec::new(),
            slots: None,
            can_erase: false,
            renew_at: None,
            data: None,
            auth: None,
            net: Net::default(),
            requests: BTreeMap::new(),
            loads: BTreeMap::new(),
            open: OpenRooms::new(),
            undrawn: Undrawn::new(),
            shelves: archive::Shelves::default(),
            seen: None,
            waiting: None,
            in_flight: None,
            work: VecDeque::new(),
            deferred: VecDeque::new(),
            early: VecDeque::new(),
            next_id: 0,
        }
    }

    /// Takes one input in and returns what must happen outside, in order. `now` is the host's clock.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        if now < self.clock {
            self.net.clock_went_back(self.clock - now);
            for at in [&mut self.renew_at, &mut self.shelves.due_at] {
                *at = at.map(|at| at.saturating_sub(self.clock - now));
            }
        }
        self.clock = now;
        let mut out = Vec::new();
        match input {
            Input::Persisted { id, result } => self.persisted(id, result, &mut out),
            Input::Command { ref command, .. } if self.phase == Phase::Booting && waits_for_the_data(command) => {
                self.early.push_back(Work::Input(input));
            }
            // Before the frames that wait: what a person does must not take as long as what came before it.
            Input::Command { .. } => {
                let place = self.work.iter().position(|work| matches!(work, Work::Input(Input::Frame(_))));
                self.work.insert(place.unwrap_or(self.work.len()), Work::Input(input));
            }
            other => self.work.push_back(Work::Input(other)),
        }
        // One turn at a time: nothing runs on state whose batch may still be refused.
        while self.in_flight.is_none() {
            self.draw(now, &mut out);
            let Some(work) = self.work.pop_front() else { break };
            self.perform(now, work, &mut out);
        }
        // A tick could do nothing while a batch is in flight; the step that hears of it asks for the next one.
        if self.in_flight.is_none()
            && let Some(at) = self.next_wake()
        {
            out.push(Effect::WakeAt(at));
        }
        out
    }

    /// Epoch and epoch authenticator (RFC 9420 §8.7) of every room that this device has its seat in: equal on all devices that have
    /// come equally far.
    ///
    /// # Errors
    /// `not_ready`; `storage_damaged`.
    pub fn epoch_authenticators(&mut self) -> Result<BTreeMap<RoomId, (Epoch, Vec<u8>)>, ErrorCode> {
        let data = self.data_mut()?;
        let seated = data.rooms()?.into_iter().filter(|record| record.seat == Seat::Taken);
        let rooms: Vec<_> = seated.map(|record| record.room).collect();
        let of = |data: &mut Data, room| {
            data.with_group(room, |_, group| Ok((group.epoch().as_u64(), group.epoch_authenticator().as_slice().to_vec())))
        };
        rooms.into_iter().map(|room| Ok((room, of(data, room)?))).collect()
    }

    /// Public half of the signature key in the own leaf of a room.
    ///
    /// # Errors
    /// As [`Engine::epoch_authenticators`].
    pub fn leaf_key(&mut self, room: RoomId) -> Result<Vec<u8>, ErrorCode> {
        self.data_mut()?.own_leaf(room)
    }

    /// The devices that have a leaf in a room, by this device's own state of it.
    ///
    /// # Errors
    /// As [`Engine::epoch_authenticators`].
    pub fn devices_in(&mut self, room: RoomId) -> Result<BTreeSet<(AccountId, DeviceId)>, ErrorCode> {
        let leaves = self.data_mut()?.with_group(room, |_, group| mls::leaves(group))?;
        Ok(leaves.into_iter().map(|leaf| (leaf.account(), leaf.device)).collect())
    }

    /// Whether nothing waits for the server: no message, no commit, no seat.
    ///
    /// # Errors
    /// As [`Engine::epoch_authenticators`].
    pub fn is_at_rest(&self) -> Result<bool, ErrorCode> {
        let data = self.data()?;
        let settled = data.rooms()?.iter().all(|record| match record.seat {
            Seat::Taken => record.pending.is_none() && record.wanted.is_empty() && record.leaving.is_none(),
            Seat::Removed => true,
            _ => false,
        });
        Ok(settled && data.outbox()?.iter().all(|outgoing| outgoing.failed))
    }

    fn perform(&mut self, now: Millis, work: Work, out: &mut Vec<Effect>) {
        let on_failure = self.on_failure(&work);
        let mut turn = Turn::new(now);
        let begun = self.data.as_ref().map_or(Ok(()), Data::begin);
        match begun.and_then(|()| self.run(&mut turn, work)).and_then(|()| self.batch(&mut turn)) {
            Ok(None) => {
                self.settle(&mut turn.undrawn);
                out.append(&mut turn.effects);
            }
            Ok(Some(batch)) => {
                let id = self.id();
                self.in_flight = Some(InFlight {
                    id,
                    effects: turn.effects,
                    undrawn: turn.undrawn,
                    profile: turn.profile.map(|(record, _)| record),
                    on_failure,
                    opened_here: turn.opened_here,
                });
                out.push(Effect::Persist { id, batch });
            }
            Err(code) => {
                self.roll_back(turn.opened_here, &turn.effects);
                self.fail(on_failure, code, out);
            }
        }
    }

    fn persisted(&mut self, id: u64, result: Result<(), ErrorCode>, out: &mut Vec<Effect>) {
        let Some(mut in_flight) = self.in_flight.take_if(|in_flight| in_flight.id == id) else { return };
        match result {
            Ok(()) => {
                self.settle(&mut in_flight.undrawn);
                if let Some(profile) = in_flight.profile {
                    self.profile_stored(profile);
                }
                out.extend(in_flight.effects);
            }
            Err(code) => {
                self.roll_back(in_flight.opened_here, &in_flight.effects);
                self.fail(in_flight.on_failure, code, out);
                if code == ErrorCode::StorageDamaged {
                    // The rows are gone, and nothing can be stored any more.
                    self.work.push_front(Work::Input(Input::Opened(Err(code))));
                }
            }
        }
    }

    /// The turn's changes are durable (or there were none).
    fn settle(&mut self, undrawn: &mut Undrawn) {
        self.undrawn.append(undrawn);
        if let Some(data) = &mut self.data {
            data.confirm();
        }
    }

    fn roll_back(&mut self, opened_here: bool, held: &[Effect]) {
        self.forget_requests(held);
        if opened_here {
            self.data = None;
        } else if let Some(data) = &mut self.data {
            data.rollback();
        }
        // What was sent is forgotten with the rest: the outbox and the rooms are the truth, and are looked at again.
        self.net.forget_sent();
        self.retry_later(self.clock);
    }

    /// Requests of a turn that is taken back never leave, so no answer will come: who waits for one has to ask again.
    fn forget_requests(&mut self, held: &[Effect]) {
        for effect in held {
            if let Effect::Request { id, .. } = effect {
                self.requests.remove(id);
            }
        }
    }

    fn fail(&mut self, on_failure: OnFailure, code: ErrorCode, out: &mut Vec<Effect>) {
        match on_failure {
            OnFailure::Reply(id) => {
                // It waits for nothing any more.
                self.waiting = self.waiting.filter(|waiting| *waiting != id);
                out.push(Effect::Emit(FromWorker::Reply { id, result: Err(code) }));
            }
            OnFailure::OneByOne(entries) if is_content_fault(code) => {
                for entry in entries.into_iter().rev() {
                    self.work.push_front(Work::Entry(entry));
                }
            }
            OnFailure::Alone(entry) if is_content_fault(code) => self.work.push_front(Work::Misfit(entry, code)),
            // The fault is this browser's (disk full, damaged row): nothing was acknowledged, so the entries come again.
            OnFailure::OneByOne(_) | OnFailure::Alone(_) | OnFailure::Reconnect => self.start_over(code, out),
            OnFailure::Answer { reply: Some(reply) } => out.push(Effect::Emit(FromWorker::Reply { id: reply, result: Err(code) })),
            OnFailure::Answer { reply: None } if !is_content_fault(code) => self.start_over(code, out),
            OnFailure::Answer { reply: None } | OnFailure::Nothing => {}
        }
    }

    fn on_failure(&self, work: &Work) -> OnFailure {
        match work {
            Work::Slow { id, .. } | Work::Input(Input::Command { id, .. }) => OnFailure::Reply(*id),
            Work::Entries(entries) => OnFailure::OneByOne(entries.clone()),
            Work::Entry(entry) => OnFailure::Alone(entry.clone()),
            Work::Welcome(_) | Work::Misfit(..) | Work::Input(Input::Frame(_)) => OnFailure::Reconnect,
            Work::Input(Input::Response { id, .. }) => OnFailure::Answer { reply: self.requests.get(id).and_then(net::Pending::reply) },
            Work::Took(_) | Work::Renew | Work::Input(_) => OnFailure::Nothing,
        }
    }

    fn start_over(&mut self, code: ErrorCode, out: &mut Vec<Effect>) {
        out.push(Effect::Emit(FromWorker::Update(Update::Notice { code, room: None })));
        self.drop_connection(out);
    }

    fn run(&mut self, turn: &mut Turn, work: Work) -> Result<(), ErrorCode> {
        match work {
            Work::Slow { id, command } => self.slow_command(turn, id, command),
            Work::Welcome(welcome) => self.welcomed(turn, &welcome),
            Work::Entries(entries) => self.apply_entries(turn, &entries),
            Work::Took(bytes) => {
                self.took(turn, bytes);
                Ok(())
            }
            Work::Entry(entry) => self.apply_entries(turn, std::slice::from_ref(&entry)),
            Work::Misfit(entry, code) => self.misfit(turn, &entry, code),
            Work::Renew => self.renew_ring(turn),
            Work::Input(input) => match input {
                Input::Command { id, command } => self.command(turn, id, command),
                Input::Opened(opened) => self.opened(turn, opened),
                Input::Loaded { id, result } => self.loaded(turn, id, result),
                Input::Wiped { result } => self.wiped(turn, result),
                Input::SocketOpened => self.socket_opened(turn),
                Input::SocketClosed => self.socket_closed(turn),
                Input::Frame(bytes) => self.frame(turn, &bytes),
                Input::Response { id, result } => self.response(turn, id, result),
                Input::Tick => self.tick(turn),
                Input::Persisted { .. } => Ok(()),
            },
        }
    }

    fn command(&mut self, turn: &mut Turn, id: u32, command: Command) -> Result<(), ErrorCode> {
        match command {
            Command::Boot { signed_in } => self.boot(turn, id, signed_in),
            Command::PrepareSignUp { .. }
            | Command::PrepareSignIn { .. }
            | Command::FinishRecovery { .. }
            | Command::PrepareChangePassword { .. }
            | Command::SetLockPassphrase { .. }
            | Command::Unlock { .. } => {
                turn.emit(Update::Progress { step: "deriving".into(), permille: None });
                self.deferred.push_back(Work::Slow { id, command });
                Ok(())
            }
            Command::SignedIn { signed_in, make_room } => self.signed_in(turn, id, &signed_in, make_room),
            Command::CheckPassword { password, name } => {
                let password = self.password(&password);
                turn.reply(id, Reply::PasswordCheck(password::check(password.as_ref().map_err(|code| *code), &name)));
                Ok(())
            }
            Command::PrepareRecovery { name, code } => self.prepare_recovery(turn, id, name, &code),
            Command::PasswordChanged => self.password_changed(turn, id),
            Command::PrepareNewRecovery { signed_in } => self.prepare_new_recovery(turn, id, &signed_in),
            Command::Devices => self.devices(turn, id),
            Command::PrepareDeletion { signed_in } => self.prepare_deletion(turn, id, &signed_in),
            Command::GroupsToHandOver => self.groups_to_hand_over(turn, id),
            Command::RemoveDevice { signed_in, device } => self.remove_device(turn, id, &signed_in, device),
            // What was used until now is erased before everything closes. Where that fails it still closes.
            Command::Lock | Command::SignOut { keep: true } => {
                self.work.push_front(Work::Slow { id, command });
                self.work.push_front(Work::Renew);
                Ok(())
            }
            Command::SignOut { keep: false } => self.sign_out(turn, id, false),
            Command::FindPeople { typed } => self.find_people(turn, id, &typed),
            Command::AcceptRequest { room } => self.accept_request(turn, id, room),
            Command::DeleteRequest { room } => self.delete_request(turn, id, room),
            Command::Blocked => {
                self.ask_blocked(turn, Some(id));
                Ok(())
            }
            Command::Block { account } => self.block(turn, id, account, true),
            Command::Unblock { account } => self.block(turn, id, account, false),
            Command::OpenRoomWith { name } => self.open_room_with(turn, id, name),
            Command::CreateGroup { name, room } => self.create_group(turn, id, &name, room),
            Command::AddPerson { room, name } => self.add_person(turn, id, room, name),
            Command::RemovePerson { room, account } => self.remove_person(turn, id, room, account),
            Command::LeaveGroup { room } => self.leave_group(turn, id, room),
            Command::SetRole { room, account, role } => self.set_role(turn, id, room, account, role_of(role)),
            Command::RenameGroup { room, name } => self.rename_group(turn, id, room, &name),
            Command::Members { room } => self.members(turn, id, room),
            Command::SetMuted { room, muted } => self.set_muted(turn, id, room, muted),
            Command::DescribeGroup { room, about } => self.describe_group(turn, id, room, &about),
            Command::PictureGroup { room, picture } => self.picture_group(turn, id, room, picture),
            Command::ShareHistory { room, account } => self.share_history(turn, id, room, account),
            Command::MakeInvite { room, lifetime, uses } => self.make_invite(turn, id, room, lifetime, uses),
            Command::EndInvite { room, code } => self.end_invite(turn, id, room, &code),
            Command::Invites { room } => self.invites(turn, id, room),
            Command::AskIn { code } => self.ask_in(turn, id, &code),
            Command::WithdrawAsk { room } => self.withdraw_ask(turn, id, room),
            Command::Choices => self.choices(turn, id),
            Command::SetCard { name, picture } => self.set_card(turn, id, &name, picture),
            Command::SetArchiving { room, on } => self.set_archiving(turn, id, room, on),
            Command::NameDevice { device, name } => self.name_device(turn, id, device, &name),
            Command::Directory => self.directory(turn, id),
            Command::BeginDirectoryAnew => self.begin_directory_anew(turn, id),
            Command::Picture { account } => self.picture(turn, id, account),
            Command::RoomPicture { room } => self.room_picture(turn, id, room),
            Command::OpenRoom { room, before } => self.open_room(turn, id, room, before),
            Command::ReadRoom { room, before } => self.read_room(turn, id, room, before),
            Command::CloseRoom { room } => {
                self.open.remove(&room);
                turn.reply(id, Reply::Done);
                Ok(())
            }
            Command::MarkRead { room, seq } => self.mark_read(turn, id, room, seq),
            Command::SendText { room, text, message } => self.send_text(turn, id, room, &text, message),
            Command::Resend { room, message } => self.resend(turn, id, room, message),
            Command::SaveDraft { room, text } => self.save_draft(turn, id, room, text),
            Command::SafetyNumber { account } => self.safety_number(turn, id, account),
            Command::AcknowledgeIdentity { account } => self.acknowledge_identity(turn, id, account),
            Command::CompareCode { account, code } => self.compare_code(turn, id, account, &code),
            Command::SetVerified { account, verified } => self.set_verified(turn, id, account, verified),
            Command::GoOn { room } => self.go_on(turn, id, room),
            Command::ServerRow { room, message } => self.server_row(turn, id, room, message),
            // It has waited among the early commands until now, if it had to. What `TakeOver` asks for is the host's to do.
            Command::Ready | Command::TakeOver => {
                turn.reply(id, Reply::Done);
                Ok(())
            }
            Command::Nudge => {
                self.nudge(turn);
                if self.data.is_some() {
                    self.look_at_choices(turn)?;
                }
                turn.reply(id, Reply::Done);
                Ok(())
            }
        }
    }

    /// A typed password in its one form.
    fn password(&self, typed: &str) -> Result<Password, ErrorCode> {
        Password::new(typed, self.nfkc)
    }

    fn slow_command(&mut self, turn: &mut Turn, id: u32, command: Command) -> Result<(), ErrorCode> {
        match command {
            Command::PrepareSignUp { name, password } => self.prepare_sign_up(turn, id, name, &password),
            Command::PrepareSignIn { name, password, kdf, accept_new_salt } => {
                self.prepare_sign_in(turn, id, name, &password, &kdf, accept_new_salt)
            }
            Command::FinishRecovery { opened, new_password } => self.finish_recovery(turn, id, &opened, &new_password),
            Command::PrepareChangePassword { new_password, signed_in } => self.prepare_change_password(turn, id, &new_password, &signed_in),
            Command::SetLockPassphrase { passphrase } => self.set_lock_passphrase(turn, id, passphrase.as_deref()),
            Command::Unlock { passphrase } => self.unlock(turn, id, &passphrase),
            Command::Lock => self.lock(turn, id),
            Command::SignOut { keep } => self.sign_out(turn, id, keep),
            other => self.command(turn, id, other),
        }
    }

    /// Everything that the turn changed, sealed; `None` when nothing was.
    fn batch(&mut self, turn: &mut Turn) -> Result<Option<Batch>, ErrorCode> {
        let mut batch = Batch { clear: turn.clear, ..Batch::default() };
        batch.deletes.extend(turn.erased.drain(..).map(|row_key| (Store::Entries, row_key)));
        if let Some(data) = &mut self.data {
            data.seal_changes(&mut batch)?;
            for (row_key, record) in turn.entries.drain(..) {
                let value = sotto_protocol::codec::encode(&record);
                data.ring.seal(&mut batch, Store::Entries, row_key, &value)?;
            }
            if self.can_erase && data.ring.is_changed() {
                self.renew_at.get_or_insert(turn.now + erasing::WINDOW_MS);
            }
        }
        if let Some((record, device_wrap)) = &turn.profile {
            batch.profile = Some(Profile { bytes: record.encode(), device_wrap: device_wrap.clone() });
        }
        batch.slot = turn.slot.take();
        let empty = batch.puts.is_empty() && batch.deletes.is_empty() && batch.profile.is_none();
        Ok((!empty).then_some(batch))
    }

    const fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn set_phase(&mut self, turn: &mut Turn, phase: Phase) {
        self.phase = phase.clone();
        turn.emit(Update::Phase(phase));
        // Not before: see `early`.
        self.work.append(&mut self.early);
    }

    fn data(&self) -> Result<&Data, ErrorCode> {
        self.data.as_ref().ok_or(ErrorCode::NotReady)
    }

    fn data_mut(&mut self) -> Result<&mut Data, ErrorCode> {
        self.data.as_mut().ok_or(ErrorCode::NotReady)
    }

    fn store_entry(turn: &mut Turn, room: sotto_protocol::RoomId, record: EntryRecord) {
        turn.entries.push((key::entry(room, record.seq), record));
    }
}

/// Whether the fault lies in what was received (and not in this browser), so that going on is right.
const fn is_content_fault(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Malformed
            | ErrorCode::TooLarge
            | ErrorCode::UnknownKind
            | ErrorCode::NotAuthentic
            | ErrorCode::WrongSuite
            | ErrorCode::CommitRefused
            | ErrorCode::WrongClock
            | ErrorCode::RolledBack
            // Of a room: `healing` finds out whether it is the room's state that does not load.
            | ErrorCode::StorageDamaged
            | ErrorCode::Internal
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Opened;

    /// Ids of the commands that are answered.
    fn answered(effects: &[Effect]) -> Vec<u32> {
        let id = |effect: &Effect| match effect {
            Effect::Emit(FromWorker::Reply { id, .. }) => Some(*id),
            _ => None,
        };
        effects.iter().filter_map(id).collect()
    }

    // Fails when `waits_for_the_data` lets `Command::Ready` through.
    #[test]
    fn ready_is_answered_when_this_browsers_data_is_open_and_not_before() {
        let mut engine = Engine::new(str::to_owned);
        assert!(answered(&engine.step(1, Input::Command { id: 1, command: Command::Ready })).is_empty());
        assert!(answered(&engine.step(2, Input::Command { id: 2, command: Command::Boot { signed_in: false } })).is_empty());
        let opened = Opened { profile: None, storage_key: None, state: Vec::new(), slots: None };
        assert_eq!(answered(&engine.step(3, Input::Opened(Ok(opened)))), [2, 1]);
        assert_eq!(answered(&engine.step(4, Input::Command { id: 3, command: Command::Ready })), [3]);
    }
}
