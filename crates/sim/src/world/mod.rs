//! A seeded world: several browsers with real engines, the real backend, and a network, disks and clocks that fail as one number says.
//!
//! One queue of events in virtual time; whatever waits (a frame, a request, an answer, a timer, a person's wish) is an event in it. The
//! server handles one event at a time, whole: what its writes can be cut into is tested with real processes that are killed.

mod devices;
mod faults;
mod groups;
mod history;
mod oracle;
mod person;
mod place;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use sotto_backend::Backend;
use sotto_client::io::{Effect, Input, Method};
use sotto_client::random;
use sotto_client_api::views::{ConnectionView, Phase};
use sotto_client_api::{Command, FromWorker, Reply, Update};
use sotto_protocol::api::ErrorBody;
use sotto_protocol::{DeviceId, ErrorCode, Millis, RoomId, UserName};

use crate::clock::four_weeks_ago;
use crate::host::context;
use crate::socket::Socket;
use crate::{Host, SimError, api};

pub use faults::Faults;
use oracle::{CommandKey, Oracle};
use person::{Names, Newcomer, Person};
use place::Place;

const PASSWORD: &str = "a quiet evening by the sea";
/// Virtual time in which people act and things go wrong.
const STORM: Millis = 120_000;
/// Virtual time after it in which nothing goes wrong any more: all must be well at its end. Longer than the longest silence that a
/// client takes for a connection.
const CALM: Millis = 240_000;
/// Events of one seed, far above what a healthy one needs.
const EVENTS: usize = 400_000;

/// What a browser says of a server or a person that cheats.
const ALARMS: [ErrorCode; 4] = [ErrorCode::DeviceListRefused, ErrorCode::DirectoryRefused, ErrorCode::GhostDevice, ErrorCode::NotAuthentic];

std::thread_local! {
    /// OpenMLS encrypts the secrets of a path on rayon's threads, where nothing is seeded and nobody knows which comes first. This makes a
    /// pool of the own thread alone, for as long as it lives. `None` where there can't be one: then such bytes don't repeat.
    static POOL: Option<rayon::ThreadPool> = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok();
    static RANDOM: RefCell<Rng> = const { RefCell::new(Rng::with_seed(0)) };
}

/// Makes ids and keys of this thread's engines come from a seed, those of OpenMLS too: a seed repeats itself to the byte.
fn seed_randomness(seed: u64) {
    POOL.with(|_| ());
    RANDOM.set(Rng::with_seed(seed));
    random::replace_source(|out| {
        RANDOM.with_borrow_mut(|rng| rng.fill(out));
        Ok(())
    });
}

/// People who have signed up, to begin many worlds with: deriving passwords takes longer than a whole seed.
pub struct Beginning {
    place: Place,
    people: Vec<Newcomer>,
    now: Millis,
}

impl Beginning {
    /// Signs people up, at a server with its rows in memory. A name that comes again is one more browser of that person.
    ///
    /// # Errors
    /// What refused it.
    pub async fn new(names: &[&str]) -> Result<Self, SimError> {
        Self::at(four_weeks_ago(), Place::memory(), names).await
    }

    /// [`Beginning::new`] at a server with its rows in SQLite.
    ///
    /// # Errors
    /// What refused it.
    pub async fn on_sqlite(names: &[&str]) -> Result<Self, SimError> {
        Self::at(four_weeks_ago(), Place::folder()?, names).await
    }

    /// The same people sign up once more, at the same time: nothing of this beginning is in the other.
    ///
    /// # Errors
    /// What refused it.
    pub async fn again(&self) -> Result<Self, SimError> {
        let names: Vec<&str> = self.people.iter().map(|newcomer| newcomer.name.as_str()).collect();
        Self::at(self.now, Place::memory(), &names).await
    }

    async fn at(now: Millis, place: Place, names: &[&str]) -> Result<Self, SimError> {
        seed_randomness(0);
        let backend = place.open().await?;
        let mut people: Vec<Newcomer> = Vec::new();
        for name in names {
            let mut host = Host::new(&backend, now);
            if people.iter().any(|newcomer| newcomer.name.as_str() == *name) {
                host.sign_in(name, PASSWORD).await?;
            } else {
                host.sign_up(name, PASSWORD).await?;
            }
            while host.run().await {}
            let name = UserName::parse(name).map_err(|code| SimError(code, "name"))?;
            let token = host.token.take().ok_or(SimError(ErrorCode::Internal, "no session"))?;
            let Phase::Ready { me, device, .. } = &host.phase else { return Err(SimError(ErrorCode::Internal, "not ready")) };
            people.push(Newcomer { name, account: me.account, device: *device, token, disk: host.disk.clone() });
        }
        backend.close().await;
        Ok(Self { place, people, now })
    }

    /// Lives one seed through to its end, with the faults that it chooses, or with these.
    ///
    /// # Errors
    /// The history and what was wrong in it.
    pub async fn live(&self, seed: u64, faults: Option<Faults>) -> Result<Summary, Failure> {
        let early = |error| Failure::early(seed, &format!("{error:?}"));
        let place = self.place.fork().map_err(early)?;
        let backend = place.open().await.map_err(early)?;
        let mut world = World::new(seed, faults, self, place, backend);
        let wrong = world.run().await.err();
        if let Some(backend) = world.backend.take() {
            backend.close().await;
        }
        if let Some(wrong) = wrong {
            return Err(Failure { seed, faults: world.storm.clone(), history: world.history, wrong });
        }
        let ends = world.ends().map_err(|wrong| Failure::early(seed, &wrong))?;
        Ok(Summary { history: world.history, events: world.handled, kills: world.kills, texts: world.oracle.texts(), ends })
    }
}

/// What a seed that went well amounted to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// What happened, one line each.
    pub history: Vec<String>,
    /// Events handled.
    pub events: usize,
    /// Deaths of browsers and of the server.
    pub kills: usize,
    /// Texts that were accepted and arrived.
    pub texts: usize,
    /// Each room at the end: its epoch, and the authenticator in which all keys of its past are.
    pub ends: Vec<(RoomId, u64, Vec<u8>)>,
}

/// A seed that went wrong. `Display` is the readable history.
#[derive(Debug)]
pub struct Failure {
    /// For playing it again.
    pub seed: u64,
    /// What could go wrong in it.
    pub faults: Faults,
    /// What happened, one line each.
    pub history: Vec<String>,
    /// What must not be.
    pub wrong: String,
}

impl Failure {
    fn early(seed: u64, wrong: &str) -> Self {
        Self { seed, faults: Faults::NONE, history: Vec::new(), wrong: wrong.to_owned() }
    }
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{}", self.history.join("\n"))?;
        writeln!(f, "seed {} with {:?}", self.seed, self.faults)?;
        write!(f, "wrong: {}", self.wrong)
    }
}

/// Something that waits for its time. People are named by their index.
enum Event {
    /// The browser starts.
    Start { who: usize },
    /// The person wants something.
    Act { who: usize },
    /// An input reaches the engine of this life.
    Input { who: usize, life: u32, input: Input },
    /// A frame of the server, or the end of the connection, arrives on this line.
    Down { who: usize, line: u32, input: Input },
    /// A browser's wish for a connection reaches the server.
    Dial { who: usize, life: u32, line: u32 },
    /// A frame reaches the server.
    Up { who: usize, line: u32, bytes: Vec<u8> },
    /// A request reaches the server.
    Request { who: usize, life: u32, id: u64, method: Method, path: String, body: Vec<u8> },
    /// The engine's timer.
    Wake { who: usize, life: u32, wake: u32 },
    /// The server starts again.
    ServerUp,
    /// The server's disk has room again.
    DiskFree,
    /// The person signs in with a browser that was never here.
    SignIn { who: usize },
}

struct World {
    now: Millis,
    start: Millis,
    rng: Rng,
    storm: Faults,
    faults: Faults,
    place: Place,
    /// `None` while it is down.
    backend: Option<Backend>,
    people: Vec<Person>,
    queue: BTreeMap<(Millis, u64), Event>,
    next_event: u64,
    handled: usize,
    kills: usize,
    /// Groups that somebody wanted to make, and names that somebody gave.
    groups: usize,
    names: usize,
    /// Commands by which somebody removes a device, and devices of which the server has said that they are removed.
    removals: BTreeMap<CommandKey, DeviceId>,
    removed: BTreeSet<DeviceId>,
    oracle: Oracle,
    history: Vec<String>,
}

impl World {
    fn new(seed: u64, faults: Option<Faults>, beginning: &Beginning, place: Place, backend: Backend) -> Self {
        seed_randomness(seed);
        let mut rng = Rng::with_seed(seed);
        let chosen = Faults::of(&mut rng);
        let storm = faults.unwrap_or(chosen);
        let names = beginning.people.iter().map(|person| (person.account.to_string().chars().take(8).collect(), person.name.clone()));
        let names: Names = names.collect();
        let mut people: Vec<Person> = Vec::new();
        for newcomer in &beginning.people {
            let before = people.iter().filter(|person| person.account == newcomer.account).count();
            people.push(Person::new(newcomer, &names, before));
        }
        Self {
            now: beginning.now,
            start: beginning.now,
            rng,
            faults: storm.clone(),
            storm,
            place,
            backend: Some(backend),
            people,
            queue: BTreeMap::new(),
            next_event: 0,
            handled: 0,
            kills: 0,
            groups: 0,
            names: 0,
            removals: BTreeMap::new(),
            removed: BTreeSet::new(),
            oracle: Oracle::default(),
            history: Vec::new(),
        }
    }

    async fn run(&mut self) -> Result<(), String> {
        for who in 0..self.people.len() {
            let is_second = self.people[..who].iter().any(|person| person.account == self.people[who].account);
            if is_second && !self.happens(self.faults.seconds) {
                self.people[who].shut = true;
                continue;
            }
            // Half of the second browsers sleep for a while.
            let sleeps = if is_second && self.rng.bool() { self.rng.u64(0..STORM) } else { 0 };
            self.after(sleeps, Event::Start { who });
            for _ in 0..self.rng.usize(5..20) {
                let at = self.rng.u64(0..STORM);
                self.after(at, Event::Act { who });
            }
        }
        self.run_until(self.start + STORM).await?;
        self.calm_down().await;
        self.run_until(self.start + STORM + CALM / 2).await?;
        self.speak_in_groups();
        self.run_until(self.start + STORM + CALM).await?;
        self.judge().await
    }

    async fn run_until(&mut self, end: Millis) -> Result<(), String> {
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= end) {
            self.now = entry.key().0;
            let event = entry.remove();
            self.handled += 1;
            if self.handled > EVENTS {
                return Err("it never comes to rest".into());
            }
            self.handle(event).await?;
        }
        self.now = end;
        Ok(())
    }

    /// From here on nothing goes wrong any more.
    async fn calm_down(&mut self) {
        self.note("calm");
        self.faults = Faults::NONE;
        self.fill_disk(false);
        self.server_up().await;
        for who in 0..self.people.len() {
            self.people[who].cut_off_until = 0;
            if self.people[who].running {
                self.command(who, Command::Nudge);
            } else {
                self.after(0, Event::Start { who });
            }
        }
    }

    fn after(&mut self, delay: Millis, event: Event) {
        self.next_event += 1;
        self.queue.insert((self.now + delay, self.next_event), event);
    }

    fn note(&mut self, what: impl core::fmt::Display) {
        let at = self.now - self.start;
        self.history.push(format!("{at:>7} {what}"));
    }

    fn note_of(&mut self, who: usize, what: impl core::fmt::Display) {
        let label = self.people[who].label.clone();
        self.note(format!("{label}: {what}"));
    }

    fn happens(&mut self, chance: u32) -> bool {
        chance > 0 && self.rng.u32(0..10_000) < chance
    }

    fn way(&mut self) -> Millis {
        self.rng.u64(self.faults.delay.0..=self.faults.delay.1)
    }

    fn cut_off(&self, who: usize) -> bool {
        self.people[who].cut_off_until > self.now
    }

    async fn handle(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Start { who } => {
                if !self.people[who].running && !self.people[who].away && !self.people[who].shut {
                    self.note_of(who, "starts");
                    self.people[who].start();
                    self.command(who, Command::Boot { signed_in: true });
                }
            }
            Event::Act { who } => self.act(who).await,
            Event::Input { who, life, input } => {
                if self.people[who].life == life {
                    self.step(who, input)?;
                }
            }
            Event::Down { who, line, input } => {
                if self.people[who].line == line && self.people[who].running {
                    if matches!(input, Input::SocketClosed) {
                        self.people[who].line += 1;
                    }
                    if let Input::Frame(bytes) = &input
                        && let Some(what) = history::heard(bytes)
                    {
                        self.note_of(who, format!("hears {what}"));
                    }
                    self.step(who, input)?;
                }
            }
            Event::Wake { who, life, wake } => {
                if self.people[who].life == life && self.people[who].wakes == wake {
                    self.step(who, Input::Tick)?;
                }
            }
            Event::Dial { who, life, line } => {
                if self.people[who].life == life && self.people[who].line == line {
                    self.dial(who, line).await;
                }
            }
            Event::Up { who, line, bytes } => self.frame_at_server(who, line, &bytes).await,
            Event::Request { who, life, id, method, path, body } => self.request_at_server(who, life, id, method, &path, &body).await,
            Event::ServerUp => self.server_up().await,
            Event::DiskFree => self.fill_disk(false),
            Event::SignIn { who } => self.sign_in(who).await,
        }
        Ok(())
    }

    // People.

    fn command(&mut self, who: usize, command: Command) -> u32 {
        let person = &mut self.people[who];
        person.next_command += 1;
        let id = person.next_command;
        let life = person.life;
        self.after(0, Event::Input { who, life, input: Input::Command { id, command } });
        id
    }

    async fn act(&mut self, who: usize) {
        if self.people[who].shut {
            return;
        }
        if self.happens(self.faults.partition) {
            let until = self.now + self.rng.u64(1_000..60_000);
            self.note_of(who, format!("has no network until {}", until - self.start));
            self.people[who].cut_off_until = until;
            self.cut_line(who);
        }
        if self.happens(self.faults.skew) {
            // A week and a day makes every room's keys old.
            let days = if self.rng.u32(0..3) == 0 { 8 * 24 * 3_600_000 } else { 0 };
            self.people[who].skew += days + self.rng.i64(-120_000..=120_000);
            self.note_of(who, format!("has another clock, {} s off", self.people[who].skew / 1000));
        }
        if self.happens(self.faults.full_disk) {
            self.fill_disk(true);
            let wait = self.rng.u64(500..15_000);
            self.after(wait, Event::DiskFree);
        }
        if self.happens(self.faults.restore) && !self.people[who].away {
            self.back_up_or_restore(who);
        }
        if self.happens(self.faults.replace) && !self.people[who].away {
            self.note_of(who, "loses the browser");
            self.lose_browser(who);
        }
        if self.happens(self.faults.remove) {
            self.remove_device(who).await;
        }
        if !self.people[who].running {
            return;
        }
        if self.happens(self.faults.groups) {
            return self.act_on_groups(who);
        }
        let rooms: Vec<RoomId> = self.people[who].rooms.keys().copied().collect();
        let texts = self.rng.u32(0..10) < 7;
        match self.rng.choice(rooms).filter(|_| texts) {
            Some(room) => {
                for _ in 0..self.rng.u32(1..4) {
                    self.write(who, room);
                }
            }
            None => {
                let whom = self.people[self.rng.usize(0..self.people.len())].name.clone();
                self.note_of(who, format!("opens the room with {whom}"));
                self.command(who, Command::OpenRoomWith { name: whom });
            }
        }
    }

    fn write(&mut self, who: usize, room: RoomId) {
        let text = self.oracle.next_text();
        let id = self.command(who, Command::SendText { room, text: text.clone(), message: None });
        let life = self.people[who].life;
        self.note_of(who, format!("writes {text}"));
        self.oracle.wrote((who, life, id), room, text);
    }

    fn back_up_or_restore(&mut self, who: usize) {
        match self.people[who].backup.take() {
            None => {
                self.note_of(who, "makes a backup");
                let accepted = self.oracle.accepted_of(who);
                self.people[who].back_up(accepted);
            }
            Some(backup) => {
                self.note_of(who, "goes back to the backup");
                if self.people[who].running {
                    self.kill_browser(who);
                }
                self.oracle.may_be_lost(who, &backup.accepted);
                self.people[who].restore(backup);
            }
        }
    }

    fn lose_browser(&mut self, who: usize) {
        self.people[who].die();
        self.people[who].away = true;
        self.oracle.may_be_lost(who, &BTreeSet::new());
        if !self.people[who].shut {
            let wait = self.rng.u64(10..20_000);
            self.after(wait, Event::SignIn { who });
        }
    }

    /// Signing in is a matter of seconds between a person and a page, in which nothing else happens here.
    async fn sign_in(&mut self, who: usize) {
        let name = self.people[who].name.clone();
        let signed_in = match &self.backend {
            Some(backend) if !self.cut_off(who) => {
                // With the world's clock: a host's requests carry its own, and the server has but one.
                let mut host = Host::new(backend, self.now);
                match host.sign_in(name.as_str(), PASSWORD).await {
                    Ok(()) => match (&host.phase, host.token.take()) {
                        (Phase::Ready { device, .. }, Some(token)) => Some((*device, token, host.disk)),
                        _ => None,
                    },
                    Err(error) => {
                        self.note_of(who, format!("can't sign in: {error:?}"));
                        None
                    }
                }
            }
            _ => None,
        };
        if let Some((device, token, disk)) = signed_in {
            self.note_of(who, "has signed in with another browser");
            self.people[who].sign_in(device, token, disk);
            self.after(1, Event::Start { who });
        } else {
            self.after(5_000, Event::SignIn { who });
        }
        self.pump().await;
    }

    /// One step of an engine, and its effects in order.
    fn step(&mut self, who: usize, input: Input) -> Result<(), String> {
        let clock = self.people[who].clock(self.now);
        let effects = self.people[who].engine.step(clock, input);
        for effect in effects {
            if self.happens(self.faults.kill_client) {
                self.kill_browser(who);
                return Ok(());
            }
            self.carry_out(who, effect)?;
        }
        if self.people[who].is_replaced() {
            let Person { restored, unwanted, label, .. } = &self.people[who];
            if !restored && !unwanted {
                return Err(format!("{label} is no device any more, and was neither restored nor removed"));
            }
            // One that was removed may never be used again.
            let shut = *unwanted && self.rng.bool();
            self.note_of(who, "is no device any more");
            self.people[who].shut = shut;
            self.lose_browser(who);
        }
        Ok(())
    }

    fn kill_browser(&mut self, who: usize) {
        self.note_of(who, "dies");
        self.kills += 1;
        self.people[who].die();
        let back = self.rng.u64(10..20_000);
        self.after(back, Event::Start { who });
    }

    fn carry_out(&mut self, who: usize, effect: Effect) -> Result<(), String> {
        let life = self.people[who].life;
        match effect {
            Effect::Open => {
                let opened = self.people[who].disk.open();
                self.after(1, Event::Input { who, life, input: Input::Opened(Ok(opened)) });
            }
            Effect::Persist { id, batch } => {
                let fails = self.happens(self.faults.fail_persist);
                if fails {
                    self.note_of(who, "can't write");
                } else {
                    self.people[who].disk.write(batch);
                }
                let result = if fails { Err(ErrorCode::StorageFull) } else { Ok(()) };
                let takes = self.rng.u64(0..5);
                self.after(takes, Event::Input { who, life, input: Input::Persisted { id, result } });
            }
            Effect::Load { id, store, from, to, newest } => {
                let rows = self.people[who].disk.newest(store, from, to, newest);
                self.after(1, Event::Input { who, life, input: Input::Loaded { id, result: Ok(rows) } });
            }
            Effect::Wipe => return Err(format!("{} wipes its browser", self.people[who].label)),
            Effect::Connect => {
                self.people[who].hang_up();
                let line = self.people[who].line;
                let way = self.way();
                self.after(way, Event::Dial { who, life, line });
            }
            Effect::Disconnect => self.people[who].hang_up(),
            Effect::Send(bytes) => {
                if let Some(what) = history::said(&bytes) {
                    self.note_of(who, format!("says {what}"));
                }
                let way = self.way();
                let at = (self.people[who].up_at + 1).max(self.now + way);
                self.people[who].up_at = at;
                let line = self.people[who].line;
                self.after(at - self.now, Event::Up { who, line, bytes });
            }
            Effect::Request { id, method, path, body } => {
                let way = self.way();
                self.after(way, Event::Request { who, life, id, method, path, body });
            }
            Effect::Emit(FromWorker::Reply { id, result }) => self.replied(who, id, result)?,
            Effect::Emit(FromWorker::Update(update)) => {
                if let Update::Connection(ConnectionView::Online) = update {
                    self.note_of(who, "is online");
                }
                if let Update::Notice { code, .. } = &update {
                    self.note_of(who, format!("is told {code:?}"));
                    if ALARMS.contains(code) {
                        return Err(format!("{} is warned of {code:?}, and nobody lies", self.people[who].label));
                    }
                }
                // People here take every request on as soon as they see it.
                let requests = requests_in(&update);
                if let Some(wrong) = self.people[who].draw(update) {
                    return Err(wrong);
                }
                for room in requests {
                    self.note_of(who, format!("accepts {}", history::short(room)));
                    self.command(who, Command::AcceptRequest { room });
                }
            }
            Effect::WakeAt(at) => {
                let person = &mut self.people[who];
                person.wakes += 1;
                let wake = person.wakes;
                let wait = at.saturating_sub(person.clock(self.now));
                self.after(wait, Event::Wake { who, life, wake });
            }
        }
        Ok(())
    }

    fn replied(&mut self, who: usize, id: u32, result: Result<Reply, ErrorCode>) -> Result<(), String> {
        let life = self.people[who].life;
        self.oracle.replied((who, life, id), result.is_ok());
        if let Some(device) = self.removals.remove(&(who, life, id)).filter(|_| result.is_ok()) {
            self.removed.insert(device);
        }
        match &result {
            Ok(Reply::Room(room)) => {
                self.people[who].rooms.insert(room.room, room.clone());
                self.command(who, Command::OpenRoom { room: room.room, before: None });
            }
            Ok(Reply::Timeline { room, entries, .. }) => {
                if let Some(wrong) = self.people[who].show(*room, entries) {
                    return Err(wrong);
                }
            }
            Ok(_) => {}
            Err(code) => self.note_of(who, format!("is refused {id}: {code:?}")),
        }
        self.people[who].replies.insert(id, result);
        Ok(())
    }

    // The network.

    /// The connection ends. One side in four never hears of it.
    fn cut_line(&mut self, who: usize) {
        if self.people[who].socket.take().is_some() && self.rng.u32(0..4) > 0 {
            let (line, way) = (self.people[who].line, self.way());
            self.after(way, Event::Down { who, line, input: Input::SocketClosed });
        }
    }

    async fn dial(&mut self, who: usize, line: u32) {
        let clear = !self.cut_off(who) && !self.happens(self.faults.break_connection);
        let socket = match &self.backend {
            Some(backend) if clear => Socket::open(backend, &context(self.now), Some(&self.people[who].token)).await,
            _ => None,
        };
        let input = if socket.is_some() { Input::SocketOpened } else { Input::SocketClosed };
        self.people[who].socket = socket;
        let way = self.way();
        self.people[who].up_at = self.now;
        self.people[who].down_at = self.now + way;
        self.after(way, Event::Down { who, line, input });
    }

    async fn frame_at_server(&mut self, who: usize, line: u32, bytes: &[u8]) {
        if self.people[who].line != line || self.people[who].socket.is_none() {
            return;
        }
        if self.cut_off(who) || self.happens(self.faults.break_connection) {
            self.note_of(who, "is cut off");
            self.cut_line(who);
            return;
        }
        let dies = self.happens(self.faults.kill_server);
        let before = dies && self.rng.bool();
        if !before && let (Some(backend), Some(socket)) = (&self.backend, &mut self.people[who].socket) {
            socket.receive(backend, self.now, bytes).await;
        }
        if dies { self.kill_server().await } else { self.pump().await }
    }

    #[allow(clippy::too_many_arguments)]
    async fn request_at_server(&mut self, who: usize, life: u32, id: u64, method: Method, path: &str, body: &[u8]) {
        let offline = || Err(ErrorBody { code: ErrorCode::Offline, retry_after: None, room: None, epoch: None });
        let lost = self.cut_off(who) || self.happens(self.faults.lose_request);
        let dies = self.happens(self.faults.kill_server);
        let before = (lost || dies) && self.rng.bool();
        let mut result = offline();
        if !before && let Some(backend) = &self.backend {
            result = api::call(backend, &context(self.now), Some(&self.people[who].token), method, path, body)
                .await
                .map_err(|error| error.body());
        }
        let refused = result.as_ref().err().map(|error| format!(" refused {:?}", error.code)).unwrap_or_default();
        let what = if before {
            " lost"
        } else if lost || dies {
            " unanswered"
        } else {
            ""
        };
        self.note_of(who, format!("{method:?} {} {} B{refused}{what}", history::path(path), body.len()));
        if lost || dies {
            result = offline();
        }
        let way = self.way();
        self.after(way, Event::Input { who, life, input: Input::Response { id, result } });
        if dies { self.kill_server().await } else { self.pump().await }
    }

    /// What the server has to say to everybody goes on its way.
    async fn pump(&mut self) {
        let Some(backend) = self.backend.clone() else { return };
        for who in 0..self.people.len() {
            let Some(socket) = &mut self.people[who].socket else { continue };
            let mut frames = socket.poll(&backend).await;
            if frames.len() > 1 && self.happens(self.faults.reorder) {
                let at = self.rng.usize(1..frames.len());
                frames.swap(at - 1, at);
                self.note_of(who, "gets two frames in the wrong order");
            }
            for frame in frames {
                let copies = if self.happens(self.faults.duplicate) { 2 } else { 1 };
                for _ in 0..copies {
                    let way = self.way();
                    let at = (self.people[who].down_at + 1).max(self.now + way);
                    self.people[who].down_at = at;
                    let line = self.people[who].line;
                    self.after(at - self.now, Event::Down { who, line, input: Input::Frame(frame.clone()) });
                }
            }
        }
    }

    fn fill_disk(&mut self, full: bool) {
        self.note(if full { "the server's disk is full" } else { "the server's disk has room" });
        self.place.set_full(full);
    }

    async fn kill_server(&mut self) {
        self.note("the server dies");
        self.kills += 1;
        for who in 0..self.people.len() {
            self.cut_line(who);
        }
        if let Some(backend) = self.backend.take() {
            backend.close().await;
        }
        let back = self.rng.u64(10..10_000);
        self.after(back, Event::ServerUp);
    }

    async fn server_up(&mut self) {
        if self.backend.is_none() {
            self.note("the server is back");
            self.backend = self.place.open().await.ok();
        }
    }
}

/// Rooms that wait to be accepted.
fn requests_in(update: &Update) -> Vec<RoomId> {
    let rooms = match update {
        Update::Rooms(rooms) => rooms.as_slice(),
        Update::Room(room) => std::slice::from_ref(room),
        _ => &[],
    };
    rooms.iter().filter(|room| room.request.is_some()).map(|room| room.room).collect()
}
