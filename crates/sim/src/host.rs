//! One browser profile: an engine, its disk, its cookie, its socket. Effects are carried out at once and in order.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use sotto_backend::{Backend, Caller, RequestContext, SessionToken};
use sotto_client::Engine;
use sotto_client::io::{Batch, Effect, Input, Opened, SlotWrite, Store};
use sotto_client_api::views::{AskView, EntryBody, EntryView, MessageView, Phase, RoomView, SystemLine};
use sotto_client_api::{Command, FromWorker, Reply, Update};
use sotto_protocol::accounts::{SignInRequest, SignedIn};
use sotto_protocol::api::ErrorBody;
use sotto_protocol::frames::{ClientFrame, ServerFrame};
use sotto_protocol::{DeviceId, ErrorCode, Millis, RoomId, UserName, codec, limits};
use unicode_normalization::UnicodeNormalization;

use crate::api;
use crate::disk::Disk;
use crate::hostile::server::Lies;
use crate::socket::Socket;

/// What a scenario stumbles over: the code, and what was being done.
#[derive(Debug, PartialEq, Eq)]
pub struct SimError(pub ErrorCode, pub &'static str);

pub(crate) fn nfkc(text: &str) -> String {
    text.nfkc().collect()
}

/// A request that comes in at `now`.
pub(crate) fn context(now: Millis) -> RequestContext {
    RequestContext { address: IpAddr::V4(Ipv4Addr::LOCALHOST), user_agent: None, now }
}

/// A browser's data as they were once.
#[derive(Clone, PartialEq)]
pub struct ProfileCopy(pub(crate) Disk);

impl ProfileCopy {
    /// For a file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }

    /// From a file.
    ///
    /// # Errors
    /// `malformed`.
    pub fn decode(bytes: &[u8]) -> Result<Self, ErrorCode> {
        Disk::decode(bytes).map(Self)
    }

    /// As a later release would have written it: another version in front, the rest not to be read.
    #[must_use]
    pub fn of_a_later_version(mut self) -> Self {
        self.0.raise_profile_version();
        self
    }

    /// Whether no erasable secret of another copy is left in this one.
    #[must_use]
    pub fn slots_differ_in_all(&self, other: &Self) -> bool {
        self.0.slots_differ_in_all(&other.0)
    }

    /// With the slots of another copy: what is left when a backup has the database only.
    #[must_use]
    pub fn with_slots_of(mut self, other: &Self) -> Self {
        self.0.take_slots(&other.0);
        self
    }

    /// What an engine finds there.
    #[must_use]
    pub fn open(&self) -> Opened {
        self.0.open()
    }
}

/// What was delivered to a browser, and what it did with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogCount {
    /// Entries that the server has delivered.
    pub delivered: usize,
    /// Lines of the log that were stored.
    pub stored: usize,
    /// Most entries at one time that were delivered and not stored, where every entry is a line.
    pub most_between: usize,
    /// Bytes of entries that the server was told to be worked off.
    pub took: u64,
}

/// A person's browser.
pub struct Host {
    /// The server.
    pub backend: Backend,
    /// The time at the server, when a request of this browser reaches it.
    pub now: Millis,
    /// This browser's clock less the server's.
    pub skew: i64,
    /// The next persists that fail: counts down, then fails once.
    pub fail_persist_in: Option<u32>,
    /// The engine dies before it carries out this effect, counted from now on; a slot that is written is an effect of its own.
    pub die_in: Option<u32>,
    /// How long a write takes; one that takes time is answered after everything else that comes.
    pub disk_takes: Millis,
    /// How much of the log has come, and has been worked off.
    pub log: LogCount,
    /// [`Host::run`] stops when so many lines of the log are stored.
    pub stop_at: Option<usize>,
    /// The engine dies when the server has done what it asked for at this path, before it hears of it.
    pub die_after: Option<&'static str>,
    /// Whether the network is there.
    pub online: bool,
    /// What the server does to the truth on its way here.
    pub lies: Lies,
    /// Whether this browser can overwrite slots in place.
    pub has_slots: bool,
    /// The data after each write, oldest first, once this is there: a database's files before they are compacted.
    pub states: Option<Vec<ProfileCopy>>,
    /// Newest views by room.
    pub rooms: BTreeMap<RoomId, RoomView>,
    /// Entries of the open room by key.
    pub timeline: BTreeMap<String, EntryView>,
    /// Newest phase.
    pub phase: Phase,
    /// Notices so far.
    pub notices: Vec<ErrorCode>,
    /// Groups that the account asks to be let into.
    pub asks: Vec<AskView>,
    /// The server shows this browser the directory of another one: a copy that has gone another way.
    pub other_face: Option<Backend>,
    /// The open database is taken away, until everything is wiped.
    pub disk_gone: bool,
    pub(crate) token: Option<SessionToken>,
    pub(crate) disk: Disk,
    /// The room that is open.
    open_room: Option<RoomId>,
    engine: Engine,
    socket: Option<Socket>,
    inputs: VecDeque<Input>,
    /// Answers of a slow disk, with the lines of the log that are stored then.
    written: VecDeque<(Input, usize)>,
    replies: BTreeMap<u32, Result<Reply, ErrorCode>>,
    wake_at: Option<Millis>,
    next_id: u32,
    /// What the engine says, for tests that play the tabs themselves.
    said: Vec<FromWorker>,
    alive: bool,
}

impl Host {
    /// A browser that was never here.
    #[must_use]
    pub fn new(backend: &Backend, now: Millis) -> Self {
        Self {
            backend: backend.clone(),
            now,
            skew: 0,
            fail_persist_in: None,
            die_in: None,
            disk_takes: 0,
            log: LogCount::default(),
            stop_at: None,
            die_after: None,
            online: true,
            lies: Lies::default(),
            has_slots: true,
            states: None,
            rooms: BTreeMap::new(),
            timeline: BTreeMap::new(),
            phase: Phase::Booting,
            notices: Vec::new(),
            asks: Vec::new(),
            token: None,
            open_room: None,
            engine: Engine::new(nfkc),
            disk: Disk::default(),
            other_face: None,
            disk_gone: false,
            socket: None,
            inputs: VecDeque::new(),
            written: VecDeque::new(),
            replies: BTreeMap::new(),
            wake_at: None,
            next_id: 0,
            said: Vec::new(),
            alive: true,
        }
    }

    /// What the transport knows about a request of this browser.
    #[must_use]
    pub fn context(&self) -> RequestContext {
        context(self.now)
    }

    /// What the cookie of this browser lets somebody be at the server.
    ///
    /// # Errors
    /// `signed_out`.
    pub async fn caller(&self) -> Result<Caller, SimError> {
        let token = self.token.as_ref().ok_or(SimError(ErrorCode::SignedOut, "cookie"))?;
        self.backend.authenticate(&self.context(), token).await.map_err(|error| SimError(error.code, "cookie"))
    }

    /// The page goes away and comes back: memory is lost, the disk and the cookie stay.
    ///
    /// # Errors
    /// When booting fails.
    pub async fn reload(&mut self) -> Result<(), SimError> {
        self.restart();
        let signed_in = self.token.is_some();
        self.call(Command::Boot { signed_in }).await.map(|_| ())
    }

    /// A fresh engine that waits for [`Command::Boot`]: memory is lost, the disk and the cookie stay.
    pub fn restart(&mut self) {
        self.engine = Engine::new(nfkc);
        self.socket = None;
        self.inputs.clear();
        self.written.clear();
        self.replies.clear();
        self.wake_at = None;
        self.rooms.clear();
        self.timeline.clear();
        self.open_room = None;
        self.said.clear();
        self.alive = true;
    }

    /// Hands an input to the engine at the next [`Host::run`].
    pub fn give(&mut self, input: Input) {
        self.inputs.push_back(input);
    }

    /// What the engine has said since this was asked last.
    pub fn said(&mut self) -> Vec<FromWorker> {
        std::mem::take(&mut self.said)
    }

    /// Whether the engine runs: see [`Host::die_in`].
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.alive
    }

    /// How many lines of a room are in this browser, whoever can open them.
    #[must_use]
    pub fn lines_stored(&self, room: RoomId) -> usize {
        let (from, to) = ([room.as_bytes().as_slice(), &[0; 8]].concat(), [room.as_bytes().as_slice(), &[0xff; 8]].concat());
        self.disk.newest(Store::Entries, from, to, u32::MAX).len()
    }

    /// What a backup of this browser would hold.
    #[must_use]
    pub fn copy_profile(&self) -> ProfileCopy {
        ProfileCopy(self.disk.clone())
    }

    /// The browser is started from such a backup; the cookie is the newest one.
    ///
    /// # Errors
    /// When booting fails.
    pub async fn restore_profile(&mut self, copy: ProfileCopy) -> Result<(), SimError> {
        self.disk = copy.0;
        self.reload().await
    }

    /// The browser deletes what it keeps, but for its cookies, and is started again.
    ///
    /// # Errors
    /// When booting fails.
    pub async fn evict(&mut self) -> Result<(), SimError> {
        self.restore_profile(ProfileCopy(Disk::default())).await
    }

    /// A browser with the cookies of another one.
    pub fn take_cookies(&mut self, other: &Self) {
        self.token = other.token.clone();
    }

    /// A fixture's data, before the first boot.
    pub(crate) fn put_profile(&mut self, copy: ProfileCopy) {
        self.disk = copy.0;
    }

    /// System lines of the open room in order.
    #[must_use]
    pub fn lines(&self) -> Vec<SystemLine> {
        let mut entries: Vec<&EntryView> = self.timeline.values().collect();
        entries.sort_by_key(|entry| entry.seq);
        let line = |entry: &&EntryView| if let EntryBody::System(line) = &entry.body { Some(line.clone()) } else { None };
        entries.iter().filter_map(line).collect()
    }

    /// Asks the engine and does not wait.
    pub fn ask(&mut self, command: Command) -> u32 {
        self.next_id += 1;
        self.inputs.push_back(Input::Command { id: self.next_id, command });
        self.next_id
    }

    /// Asks the engine and runs until it answers.
    ///
    /// # Errors
    /// The engine's code.
    pub async fn call(&mut self, command: Command) -> Result<Reply, SimError> {
        let name = command.name();
        let id = self.ask(command);
        for _ in 0..1_000 {
            self.run().await;
            if let Some(result) = self.replies.remove(&id) {
                return result.map_err(|code| SimError(code, name));
            }
            self.pass_time();
        }
        Err(SimError(ErrorCode::Internal, name))
    }

    /// Runs until nothing is left to do now. Answers whether anything was done.
    pub async fn run(&mut self) -> bool {
        let mut worked = false;
        while self.alive {
            if self.stop_at.take_if(|at| self.log.stored >= *at).is_some() {
                return worked;
            }
            self.poll_socket().await;
            if self.inputs.is_empty() && self.written.is_empty() && self.wake_at.is_some_and(|at| at <= self.clock()) {
                self.wake_at = None;
                self.inputs.push_back(Input::Tick);
            }
            let Some(input) = self.inputs.pop_front().or_else(|| self.next_written()) else { return worked };
            worked = true;
            for effect in self.engine.step(self.clock(), input) {
                if !self.dies() {
                    self.carry_out(effect).await;
                }
                if !self.alive {
                    return true;
                }
            }
        }
        worked
    }

    fn next_written(&mut self) -> Option<Input> {
        let (answer, lines) = self.written.pop_front()?;
        self.log.stored += lines;
        Some(answer)
    }

    fn dies(&mut self) -> bool {
        if is_due(&mut self.die_in) {
            self.alive = false;
            self.socket = None;
        }
        !self.alive
    }

    /// Epochs of the rooms.
    ///
    /// # Errors
    /// Before there are any.
    pub fn epochs(&mut self) -> Result<BTreeMap<RoomId, u64>, ErrorCode> {
        Ok(self.engine.epoch_authenticators()?.into_iter().map(|(room, (epoch, _))| (room, epoch)).collect())
    }

    /// The signature key in the own leaf of a room.
    ///
    /// # Errors
    /// Before there is one.
    pub fn leaf_key(&mut self, room: RoomId) -> Result<Vec<u8>, ErrorCode> {
        self.engine.leaf_key(room)
    }

    /// A frame that a malicious server, or somebody on the way, puts among the others.
    pub fn inject(&mut self, frame: &ServerFrame) {
        self.inputs.push_back(Input::Frame(codec::encode(frame)));
    }

    /// Lets the clock pass to the engine's next appointment, at most a second.
    pub fn pass_time(&mut self) {
        let wait = self.wake_at.map_or(1_000, |at| at.saturating_sub(self.clock()));
        self.now += wait.clamp(1, 1_000);
    }

    fn clock(&self) -> Millis {
        self.now.saturating_add_signed(self.skew)
    }

    /// The same address leads to another server from now on.
    pub fn move_to(&mut self, backend: &Backend) {
        self.backend = backend.clone();
        self.socket = None;
        self.inputs.push_back(Input::SocketClosed);
    }

    /// The network goes or comes back.
    pub fn set_online(&mut self, online: bool) {
        self.online = online;
        if !online && self.socket.take().is_some() {
            self.inputs.push_back(Input::SocketClosed);
        }
    }

    async fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Open => {
                let mut opened = self.disk.open();
                opened.slots = opened.slots.filter(|_| self.has_slots);
                self.inputs.push_back(Input::Opened(Ok(opened)));
            }
            Effect::Persist { id, batch } => {
                let lines = batch.puts.iter().filter(|row| row.store == Store::Entries).count();
                if let Some(result) = self.persist(batch) {
                    let lines = if result.is_ok() { lines } else { 0 };
                    self.written.push_back((Input::Persisted { id, result }, lines));
                    if self.disk_takes == 0 {
                        let answer = self.next_written();
                        self.inputs.extend(answer);
                    }
                    self.now += self.disk_takes;
                }
            }
            Effect::Load { id, store, from, to, newest } => {
                self.inputs.push_back(Input::Loaded { id, result: Ok(self.disk.newest(store, from, to, newest)) });
            }
            Effect::Wipe => {
                self.disk = Disk::default();
                self.disk_gone = false;
                self.inputs.push_back(Input::Wiped { result: Ok(()) });
            }
            Effect::Connect => {
                self.socket = None;
                let socket = if self.online { Socket::open(&self.backend, &self.context(), self.token.as_ref()).await } else { None };
                let opened = socket.is_some();
                self.socket = socket;
                self.inputs.push_back(if opened { Input::SocketOpened } else { Input::SocketClosed });
            }
            Effect::Disconnect => self.socket = None,
            Effect::Send(frame) => {
                if let Ok(ClientFrame::Took { bytes, .. }) = codec::decode(&frame, limits::SYNC_FRAME) {
                    self.log.took += bytes;
                }
                if let Some(socket) = &mut self.socket {
                    socket.receive(&self.backend, self.now, &frame).await;
                }
            }
            Effect::Request { id, method, path, body } => {
                let result = if self.online {
                    let other = self.other_face.as_ref().filter(|_| path.starts_with("/api/v1/directory"));
                    let backend = other.unwrap_or(&self.backend);
                    let answer = api::call(backend, &self.context(), self.token.as_ref(), method, &path, &body).await;
                    self.lies.answer(&path, answer.map_err(|error| error.body()))
                } else {
                    Err(ErrorBody { code: ErrorCode::Offline, retry_after: None, room: None, epoch: None })
                };
                if self.die_after.take_if(|after| *after == path).is_some() {
                    self.alive = false;
                    self.socket = None;
                }
                self.inputs.push_back(Input::Response { id, result });
            }
            Effect::Emit(message) => {
                self.said.push(message.clone());
                self.hear(message);
            }
            Effect::WakeAt(at) => self.wake_at = Some(at),
        }
    }

    /// `None` when the engine dies over it.
    fn persist(&mut self, mut batch: Batch) -> Option<Result<(), ErrorCode>> {
        let slot = batch.slot.take();
        if let Some(write) = &slot {
            let dies = self.dies();
            self.disk.write_slot(write, !dies);
            if dies || self.dies() {
                return None;
            }
        }
        if is_due(&mut self.fail_persist_in) {
            return Some(Err(ErrorCode::StorageFull));
        }
        if self.disk_gone {
            return Some(Err(ErrorCode::StorageDamaged));
        }
        self.disk.write(batch);
        if let Some(states) = &mut self.states {
            states.push(ProfileCopy(self.disk.clone()));
        }
        if let Some(SlotWrite { slot, .. }) = slot {
            let dies = self.dies();
            self.disk.write_slot(&SlotWrite { slot: 1 - slot, secret: [0; 32].into() }, !dies);
            if dies {
                return None;
            }
        }
        Some(Ok(()))
    }

    async fn poll_socket(&mut self) {
        let Some(socket) = &mut self.socket else { return };
        loop {
            let true_frames = socket.frames(&self.backend).await;
            if true_frames.is_empty() {
                return;
            }
            let sent = log_bytes(&true_frames);
            let frames = self.lies.tell(true_frames);
            // Who keeps entries back answers for them, or the window would stay full.
            socket.took(sent.saturating_sub(log_bytes(&frames)));
            let entries = |frame: &ServerFrame| if let ServerFrame::Deliver { entries } = frame { entries.len() } else { 0 };
            self.log.delivered += frames.iter().map(entries).sum::<usize>();
            self.log.most_between = self.log.most_between.max(self.log.delivered.saturating_sub(self.log.stored));
            self.inputs.extend(frames.iter().map(|frame| Input::Frame(codec::encode(frame))));
            if !frames.is_empty() {
                return;
            }
        }
    }

    fn hear(&mut self, message: FromWorker) {
        let update = match message {
            FromWorker::Reply { id, result } => {
                self.replies.insert(id, result);
                return;
            }
            FromWorker::Update(update) => update,
        };
        match update {
            Update::Phase(phase) => self.phase = phase,
            Update::Rooms(rooms) => self.rooms = rooms.into_iter().map(|room| (room.room, room)).collect(),
            Update::Room(room) => {
                self.rooms.insert(room.room, room);
            }
            Update::Entries { room, entries } if self.open_room == Some(room) => {
                self.timeline.extend(entries.into_iter().map(|entry| (entry.key.clone(), entry)))
            }
            Update::Message { message, .. } => self.redraw(message),
            Update::Notice { code, .. } => self.notices.push(code),
            Update::Asks(asks) => self.asks = asks,
            Update::Entries { .. } | Update::Connection(_) | Update::Progress { .. } => {}
        }
    }

    fn redraw(&mut self, message: MessageView) {
        if let Some(entry) = self.timeline.get_mut(&message.id.to_string()) {
            entry.body = EntryBody::Message(message);
        }
    }

    // What a person does.

    /// Signs up and becomes ready.
    ///
    /// # Errors
    /// What refused it.
    pub async fn sign_up(&mut self, name: &str, password: &str) -> Result<String, SimError> {
        let name = UserName::parse(name).map_err(|code| SimError(code, "name"))?;
        if self.phase == Phase::Booting {
            self.call(Command::Boot { signed_in: false }).await?;
        }
        let reply = self.call(Command::PrepareSignUp { name, password: password.into() }).await?;
        let Reply::SignUp { request, recovery_code } = reply else { return Err(SimError(ErrorCode::Internal, "sign-up")) };
        let session = self.backend.sign_up(&self.context(), None, request).await.map_err(|error| SimError(error.code, "sign_up"))?;
        self.token = Some(session.token);
        self.call(Command::SignedIn { signed_in: session.signed_in, make_room: false }).await?;
        Ok(recovery_code.0)
    }

    /// Signs in and becomes ready.
    ///
    /// # Errors
    /// What refused it.
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Result<(), SimError> {
        if self.phase == Phase::Booting {
            self.call(Command::Boot { signed_in: false }).await?;
        }
        let request = self.derive(name, password).await?;
        let before = self.caller().await.ok();
        let session = self.backend.sign_in(&self.context(), before.as_ref(), request).await;
        let session = session.map_err(|error| SimError(error.code, "sign_in"))?;
        self.token = Some(session.token);
        let signed_in = session.signed_in;
        match self.call(Command::SignedIn { signed_in: signed_in.clone(), make_room: false }).await {
            // The person agrees.
            Err(SimError(ErrorCode::TooManyDevices, _)) => self.call(Command::SignedIn { signed_in, make_room: true }).await.map(|_| ()),
            done => done.map(|_| ()),
        }
    }

    /// Removes another device of the signed-in account, with its password.
    ///
    /// # Errors
    /// What refused it.
    pub async fn remove_device(&mut self, name: &str, password: &str, device: DeviceId) -> Result<(), SimError> {
        let signed_in = self.open_vault(name, password).await?;
        self.call(Command::RemoveDevice { signed_in, device }).await.map(|_| ())
    }

    /// Deletes the account, and wipes this browser.
    ///
    /// # Errors
    /// What refused it.
    pub async fn delete_account(&mut self, name: &str, password: &str) -> Result<(), SimError> {
        let signed_in = self.open_vault(name, password).await?;
        let Reply::DeleteAccount(request) = self.call(Command::PrepareDeletion { signed_in }).await? else {
            return Err(SimError(ErrorCode::Internal, "deletion"));
        };
        let caller = self.caller().await?;
        let deleted = self.backend.delete_account(&self.context(), &caller, request).await;
        deleted.map_err(|error| SimError(error.code, "delete_account"))?;
        self.call(Command::SignOut { keep: false }).await.map(|_| ())
    }

    async fn open_vault(&mut self, name: &str, password: &str) -> Result<SignedIn, SimError> {
        let request = self.derive(name, password).await?;
        let caller = self.caller().await?;
        let opened = self.backend.open_vault(&self.context(), &caller, &request.auth_key).await;
        let opened = opened.map_err(|error| SimError(error.code, "open_vault"))?;
        self.token = Some(opened.token);
        Ok(opened.signed_in)
    }

    async fn derive(&mut self, name: &str, password: &str) -> Result<SignInRequest, SimError> {
        let name = UserName::parse(name).map_err(|code| SimError(code, "name"))?;
        let kdf = self.backend.login_params(&self.context(), &name).await.map_err(|error| SimError(error.code, "login_params"))?;
        let prepare = Command::PrepareSignIn { name, password: password.into(), kdf, accept_new_salt: true };
        let Reply::SignIn(request) = self.call(prepare).await? else { return Err(SimError(ErrorCode::Internal, "sign-in")) };
        Ok(request)
    }

    /// Opens the room with a person and draws it.
    ///
    /// # Errors
    /// What refused it.
    pub async fn open_with(&mut self, name: &str) -> Result<RoomId, SimError> {
        let name = UserName::parse(name).map_err(|code| SimError(code, "name"))?;
        let Reply::Room(room) = self.call(Command::OpenRoomWith { name }).await? else {
            return Err(SimError(ErrorCode::Internal, "open"));
        };
        self.open(room.room).await?;
        Ok(room.room)
    }

    /// Draws a room.
    ///
    /// # Errors
    /// What refused it.
    pub async fn open(&mut self, room: RoomId) -> Result<(), SimError> {
        if let Some(left) = self.open_room.replace(room).filter(|left| *left != room) {
            self.call(Command::CloseRoom { room: left }).await?;
        }
        let Reply::Timeline { entries, .. } = self.call(Command::OpenRoom { room, before: None }).await? else {
            return Err(SimError(ErrorCode::Internal, "timeline"));
        };
        self.timeline = entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
        Ok(())
    }

    /// Sends a text.
    ///
    /// # Errors
    /// What refused it.
    pub async fn say(&mut self, room: RoomId, text: &str) -> Result<(), SimError> {
        self.call(Command::SendText { room, text: text.into(), message: None }).await.map(|_| ())
    }

    /// Texts of the open room in order, with their states.
    #[must_use]
    pub fn texts(&self) -> Vec<(String, &'static str)> {
        let mut entries: Vec<&EntryView> = self.timeline.values().collect();
        entries.sort_by_key(|entry| (entry.seq.unwrap_or(u64::MAX), entry.at));
        let message = |entry: &&EntryView| match &entry.body {
            EntryBody::Message(message) => Some((message.text.clone(), message.delivery.as_str())),
            EntryBody::System(_) => None,
        };
        entries.iter().filter_map(message).collect()
    }
}

/// What a window counts of frames.
fn log_bytes(frames: &[ServerFrame]) -> u64 {
    let log = frames.iter().filter(|frame| matches!(frame, ServerFrame::Deliver { .. }));
    log.map(|frame| codec::encode(frame).len() as u64).sum()
}

/// Counts an occasion. Whether it is the one that something was set for.
fn is_due(countdown: &mut Option<u32>) -> bool {
    let due = *countdown == Some(0);
    *countdown = countdown.and_then(|left| left.checked_sub(1));
    due
}
