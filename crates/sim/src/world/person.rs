//! A person's browser in a world: engine and disk, one connection, and what has been on the screen.

use std::collections::{BTreeMap, BTreeSet};

use sotto_backend::SessionToken;
use sotto_client::Engine;
use sotto_client_api::views::{Change, EntryBody, EntryView, PersonView, Phase, RoomView, SystemLine};
use sotto_client_api::{Reply, Update};
use sotto_protocol::{AccountId, DeviceId, ErrorCode, Millis, RoomId, Seq, UserName};

use crate::disk::Disk;
use crate::host::nfkc;
use crate::socket::Socket;

use super::oracle::{Timeline, is_beginning};

/// A line of a timeline that has its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Author and text.
    Text(UserName, String),
    /// A room begins, by this person.
    Created(UserName),
    /// People came into a group or went.
    Members { came: Vec<UserName>, went: Vec<UserName> },
    /// What else happened.
    System(String),
}

/// Names by the first digits of the account, by which somebody goes whose name is not known yet.
pub(super) type Names = BTreeMap<String, UserName>;

impl Line {
    pub(super) fn of(entry: &EntryView, names: &Names) -> Self {
        let name = |person: &PersonView| names.get(person.name.as_str()).unwrap_or(&person.name).clone();
        let list = |drawn: &str| -> Vec<UserName> {
            drawn.split(", ").filter_map(|one| names.get(one).cloned().or_else(|| UserName::parse(one).ok())).collect()
        };
        match &entry.body {
            EntryBody::Message(message) => Self::Text(name(&message.author), message.text.clone()),
            EntryBody::System(SystemLine::Created { by }) => Self::Created(name(by)),
            EntryBody::System(SystemLine::Members { came, went, others, .. }) => {
                let left = others.iter().filter(|(change, _)| *change == Change::Left).map(|(_, person)| name(person));
                Self::Members { came: list(came), went: list(went).into_iter().chain(left).collect() }
            }
            EntryBody::System(SystemLine::SeatTakenAgain { who, .. }) => Self::System(format!("SeatTakenAgain {}", name(who))),
            EntryBody::System(SystemLine::NewDevice { who }) => Self::System(format!("NewDevice {}", name(who))),
            EntryBody::System(SystemLine::Named { by, name: given }) => Self::System(format!("Named {given} by {}", name(by))),
            EntryBody::System(line) => Self::System(format!("{line:?}")),
        }
    }
}

/// What a person may be without by no fault of the product's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Past {
    /// Nothing.
    Whole,
    /// The browser was started from an older copy of itself: what came after the copy can be lost here, and it is said how much.
    Restored,
    /// The browser is a new one: what was before it can't be here.
    New,
}

/// What was in a browser when its backup was made, and what had been on the screen by then.
pub(super) struct Backup {
    disk: Disk,
    seen: BTreeMap<(RoomId, Seq), Line>,
    /// Texts of this person that had been accepted by then.
    pub(super) accepted: BTreeSet<(RoomId, String)>,
}

/// Somebody who has signed up.
#[derive(Clone)]
pub(super) struct Newcomer {
    pub(super) name: UserName,
    pub(super) account: AccountId,
    pub(super) device: DeviceId,
    pub(super) token: SessionToken,
    pub(super) disk: Disk,
}

/// A browser and whoever sits in front of it. Somebody with two browsers is two of these.
pub(super) struct Person {
    pub(super) name: UserName,
    /// The name in a history: of a second browser with a number.
    pub(super) label: String,
    /// Which device of the account it is now.
    pub(super) device: DeviceId,
    pub(super) account: AccountId,
    /// Everybody's.
    names: Names,
    pub(super) token: SessionToken,
    pub(super) disk: Disk,
    pub(super) engine: Engine,
    /// Grows whenever the browser starts: what was meant for an earlier life comes too late.
    pub(super) life: u32,
    pub(super) running: bool,
    /// Own clock less the world's.
    pub(super) skew: i64,
    /// No network before this time.
    pub(super) cut_off_until: Millis,
    /// The server's end of the connection.
    pub(super) socket: Option<Socket>,
    /// Grows with every connection: what was on an earlier one is gone.
    pub(super) line: u32,
    /// Times at which the newest frames arrive: a connection keeps their order.
    pub(super) up_at: Millis,
    pub(super) down_at: Millis,
    pub(super) wakes: u32,
    pub(super) next_command: u32,
    pub(super) replies: BTreeMap<u32, Result<Reply, ErrorCode>>,
    pub(super) phase: Phase,
    pub(super) rooms: BTreeMap<RoomId, RoomView>,
    pub(super) notices: Vec<ErrorCode>,
    /// Everything that was ever on the screen with its place in the log.
    pub(super) seen: BTreeMap<(RoomId, Seq), Line>,
    pub(super) past: Past,
    pub(super) backup: Option<Backup>,
    /// This browser was started from a backup, so it may turn out to be no device any more.
    pub(super) restored: bool,
    /// Somebody has tried to remove this device from the account.
    pub(super) unwanted: bool,
    /// The browser is lost, and the person is on the way to another.
    pub(super) away: bool,
    /// Nobody ever starts it: it was never used after its signing in, or it is lost for good.
    pub(super) shut: bool,
}

impl Person {
    /// `before`: how many browsers of the same person there are already.
    pub(super) fn new(newcomer: &Newcomer, names: &Names, before: usize) -> Self {
        let Newcomer { name, account, device, token, disk } = newcomer.clone();
        Self {
            label: if before == 0 { name.to_string() } else { format!("{name} {}", before + 1) },
            name,
            device,
            account,
            names: names.clone(),
            token,
            disk,
            engine: Engine::new(nfkc),
            life: 0,
            running: false,
            skew: 0,
            cut_off_until: 0,
            socket: None,
            line: 0,
            up_at: 0,
            down_at: 0,
            wakes: 0,
            next_command: 0,
            replies: BTreeMap::new(),
            phase: Phase::Booting,
            rooms: BTreeMap::new(),
            notices: Vec::new(),
            seen: BTreeMap::new(),
            past: Past::Whole,
            backup: None,
            restored: false,
            unwanted: false,
            away: false,
            shut: false,
        }
    }

    pub(super) fn back_up(&mut self, accepted: BTreeSet<(RoomId, String)>) {
        self.backup = Some(Backup { disk: self.disk.clone(), seen: self.seen.clone(), accepted });
    }

    /// What is in the browser is what was in it then.
    pub(super) fn restore(&mut self, backup: Backup) {
        self.disk = backup.disk;
        self.seen = backup.seen;
        self.restored = true;
        if self.past == Past::Whole {
            self.past = Past::Restored;
        }
    }

    /// Another browser, in which this person has just signed in.
    pub(super) fn sign_in(&mut self, device: DeviceId, token: SessionToken, disk: Disk) {
        (self.device, self.token, self.disk) = (device, token, disk);
        self.seen.clear();
        self.backup = None;
        self.past = Past::New;
        (self.restored, self.unwanted, self.away) = (false, false, false);
    }

    /// Nothing may be missing in it. A browser that came into the room after its own account did has what was before from the archive,
    /// or not at all.
    pub(super) fn has_all_of(&self, timeline: &Timeline) -> bool {
        self.past == Past::Whole && !timeline.values().any(is_beginning)
    }

    /// The browser was restored from before its newest key update, or removed, or the account has gone to another one.
    pub(super) fn is_replaced(&self) -> bool {
        matches!(self.phase, Phase::Replaced { .. })
    }

    /// The browser starts with nothing but its disk.
    pub(super) fn start(&mut self) {
        self.engine = Engine::new(nfkc);
        self.life += 1;
        self.running = true;
        self.phase = Phase::Booting;
        self.rooms.clear();
        self.replies.clear();
    }

    /// The browser is gone, with its connection and all that it knew.
    pub(super) fn die(&mut self) {
        self.running = false;
        self.life += 1;
        self.hang_up();
    }

    pub(super) fn hang_up(&mut self) {
        self.socket = None;
        self.line += 1;
    }

    pub(super) fn clock(&self, now: Millis) -> Millis {
        now.saturating_add_signed(self.skew)
    }

    /// Draws an update. Answers what must never be: another line at a place where one was.
    pub(super) fn draw(&mut self, update: Update) -> Option<String> {
        match update {
            Update::Phase(phase) => self.phase = phase,
            Update::Rooms(rooms) => self.rooms = rooms.into_iter().map(|room| (room.room, room)).collect(),
            Update::Room(room) => {
                self.rooms.insert(room.room, room);
            }
            Update::Entries { room, entries, .. } => return self.show(room, &entries),
            Update::Notice { code, .. } => self.notices.push(code),
            Update::Message { .. } | Update::Connection(_) | Update::Progress { .. } | Update::Asks(_) => {}
        }
        None
    }

    pub(super) fn line_of(&self, entry: &EntryView) -> Line {
        Line::of(entry, &self.names)
    }

    pub(super) fn show(&mut self, room: RoomId, entries: &[EntryView]) -> Option<String> {
        for entry in entries {
            // This server leaves nothing out.
            if matches!(entry.body, EntryBody::System(SystemLine::Withheld { .. })) {
                return Some(format!("{} is told that messages are missing: {entry:?}", self.label));
            }
            let (Some(seq), line) = (entry.seq, self.line_of(entry)) else { continue };
            if let Some(before) = self.seen.insert((room, seq), line.clone())
                && before != line
            {
                return Some(format!("{} saw {before:?} at {seq}, and then {line:?}", self.label));
            }
        }
        None
    }
}
