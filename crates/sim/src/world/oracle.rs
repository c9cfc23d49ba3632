//! What must be true when the storm is over: nothing accepted is lost, nothing is there twice, one order for all, one epoch for all. Who
//! was started from an older copy, or anew, may lack what the copy lacked, and is told.

use std::collections::{BTreeMap, BTreeSet};

use sotto_client_api::views::{Delivery, EntryBody};
use sotto_client_api::{Command, Reply};
use sotto_protocol::{RoomId, Seq, UserName};

use super::World;
use super::groups::is_inside;
use super::person::{Line, Past, Person};

/// A command of one life of one browser.
pub(super) type CommandKey = (usize, u32, u32);

/// What was written, and what of it was accepted.
#[derive(Default)]
pub(super) struct Oracle {
    written: u32,
    waiting: BTreeMap<CommandKey, (RoomId, String)>,
    /// "Sending" was shown to this person: from then on it must never get lost.
    accepted: BTreeMap<(RoomId, String), usize>,
    /// Of these, those whose browser was lost or went back to before them. They may have left it by then, or not.
    doubtful: BTreeSet<(RoomId, String)>,
    /// Of these, those of which their authors are told that they never left: they had been removed.
    failed: BTreeSet<(RoomId, String)>,
}

impl Oracle {
    pub(super) fn next_text(&mut self) -> String {
        self.written += 1;
        format!("text {}", self.written)
    }

    pub(super) fn wrote(&mut self, key: CommandKey, room: RoomId, text: String) {
        self.waiting.insert(key, (room, text));
    }

    pub(super) fn replied(&mut self, key: CommandKey, accepted: bool) {
        if let Some(text) = self.waiting.remove(&key).filter(|_| accepted) {
            self.accepted.insert(text, key.0);
        }
    }

    pub(super) fn accepted_of(&self, who: usize) -> BTreeSet<(RoomId, String)> {
        self.accepted.iter().filter(|(_, author)| **author == who).map(|(text, _)| text.clone()).collect()
    }

    /// A browser has only these accepted texts left.
    pub(super) fn may_be_lost(&mut self, who: usize, left: &BTreeSet<(RoomId, String)>) {
        let gone = self.accepted_of(who).into_iter().filter(|text| !left.contains(text));
        self.doubtful.extend(gone);
    }

    fn failed(&mut self, room: RoomId, text: String) {
        self.failed.insert((room, text));
    }

    pub(super) fn texts(&self) -> usize {
        self.accepted.len()
    }
}

pub(super) type Timeline = BTreeMap<Seq, Line>;

impl World {
    pub(super) async fn judge(&mut self) -> Result<(), String> {
        // Whoever opens a room sees after a while what other own browsers have archived late.
        for who in self.awake() {
            for room in self.people[who].rooms.keys().copied().collect::<Vec<_>>() {
                self.command(who, Command::OpenRoom { room, before: None });
            }
        }
        self.run_until(self.now + 10_000).await?;
        let mut timelines: BTreeMap<RoomId, Vec<(usize, Timeline)>> = BTreeMap::new();
        for who in self.awake() {
            for room in self.people[who].rooms.keys().copied().collect::<Vec<_>>() {
                let timeline = self.read(who, room).await?;
                timelines.entry(room).or_default().push((who, timeline));
            }
        }
        for (room, readers) in &timelines {
            self.judge_room(*room, readers)?;
            if readers.iter().any(|(who, _)| self.is_group(*who, *room)) {
                self.judge_group(*room, readers)?;
            }
        }
        for ((room, text), author) in self.oracle.accepted.iter().filter(|(text, _)| !self.oracle.doubtful.contains(text)) {
            let readers = timelines.get(room).map(Vec::as_slice).unwrap_or_default();
            let with = |(_, timeline): &&(usize, Timeline)| count(timeline, text) > 0;
            let failed = self.oracle.failed.contains(&(*room, text.clone()));
            let at_author = self.people[*author].past != Past::Whole || failed || readers.iter().filter(with).any(|(who, _)| who == author);
            if !at_author || failed == readers.iter().any(|reader| with(&reader)) {
                return Err(format!("{text} was accepted, and is not there once, or it failed and is there"));
            }
        }
        self.judge_epochs()?;
        self.judge_devices().await
    }

    fn judge_room(&self, room: RoomId, readers: &[(usize, Timeline)]) -> Result<(), String> {
        let (name, label) = (|who: usize| &self.people[who].name, |who: usize| &self.people[who].label);
        for (who, timeline) in readers {
            for ((seen_in, seq), line) in &self.people[*who].seen {
                if *seen_in == room && timeline.get(seq) != Some(line) {
                    return Err(format!("{} saw {line:?} at {seq}, and it is {:?} now", label(*who), timeline.get(seq)));
                }
            }
            let whole = self.people[*who].has_all_of(timeline);
            if let Some((seq, line)) = timeline.iter().find(|(_, line)| whole && is_gap(line)) {
                return Err(format!("{} has {line:?} at {seq}", label(*who)));
            }
            for text in timeline.values().filter_map(|line| if let Line::Text(_, text) = line { Some(text) } else { None }) {
                if count(timeline, text) != 1 {
                    return Err(format!("{} has {text} {} times", label(*who), count(timeline, text)));
                }
            }
        }
        // Who has everything agrees on all of it; who may lack something has nothing else, and is told when something is gone.
        let mut all = Timeline::new();
        for (who, timeline) in readers {
            for (seq, line) in texts(timeline) {
                if let Some(other) = all.insert(seq, line.clone()).filter(|other| *other != line) {
                    return Err(format!("{} has {line:?} at {seq}, where another has {other:?}", label(*who)));
                }
            }
        }
        for (who, timeline) in readers {
            // Before a browser came into a room, what no other whole one of its person has of it can't be had. Other lines may be of the archive.
            let begins = if self.is_only_one(*who) {
                0
            } else {
                timeline.iter().rfind(|(seq, line)| comes(**seq, line, name(*who))).map_or(0, |(seq, _)| *seq)
            };
            let since: Timeline = timeline.range(begins..).map(|(seq, line)| (*seq, line.clone())).collect();
            let inside = |seq: Seq| seq > begins && (!self.is_group(*who, room) || is_inside(&since, name(*who), seq));
            let others = readers.iter().filter(|(other, _)| other != who && name(*other) == name(*who));
            let whole: Vec<&Timeline> =
                others.filter(|(other, _)| self.people[*other].past == Past::Whole).map(|(_, timeline)| timeline).collect();
            let archived = |seq: &Seq| whole.iter().any(|timeline| timeline.contains_key(seq));
            let lacks = all.keys().filter(|seq| !timeline.contains_key(seq) && (inside(**seq) || archived(seq))).count();
            let restored = self.people[*who].restored;
            let excused = restored && timeline.values().any(|line| is_gap(line) || is_beginning(line));
            if lacks > 0 && !excused {
                return Err(format!("{} lacks {lacks} of {all:?}\nand has {timeline:?}", label(*who)));
            }
        }
        Ok(())
    }

    /// This browser has been the person's only one all the time.
    fn is_only_one(&self, who: usize) -> bool {
        let Person { account, past, .. } = &self.people[who];
        *past != Past::New && self.people.iter().filter(|person| person.account == *account).count() == 1
    }

    fn judge_epochs(&mut self) -> Result<(), String> {
        if let Some(who) = self.awake().into_iter().find(|who| self.people[*who].engine.is_at_rest() != Ok(true)) {
            return Err(format!("{} still waits for something", self.people[who].label));
        }
        self.ends().map(|_| ())
    }

    /// Where the rooms are, if all who are in one agree.
    pub(super) fn ends(&mut self) -> Result<Vec<(RoomId, u64, Vec<u8>)>, String> {
        let mut known: BTreeMap<RoomId, (u64, Vec<u8>)> = BTreeMap::new();
        for who in self.awake() {
            let person = &mut self.people[who];
            let rooms = person.engine.epoch_authenticators().map_err(|code| format!("{}: {code:?}", person.label))?;
            for (room, epoch) in rooms {
                let before = known.entry(room).or_insert_with(|| epoch.clone());
                if *before != epoch {
                    return Err(format!("{} is in another state of {room}: epoch {} and not {}", person.label, epoch.0, before.0));
                }
            }
        }
        Ok(known.into_iter().map(|(room, (epoch, authenticator))| (room, epoch, authenticator)).collect())
    }

    /// Everything that a person has of a room, page by page. What has no place in the log yet is wrong by now.
    async fn read(&mut self, who: usize, room: RoomId) -> Result<Timeline, String> {
        let mut timeline = Timeline::new();
        let mut before = None;
        loop {
            let Reply::Timeline { entries, more, .. } = self.ask(who, Command::OpenRoom { room, before }).await? else {
                return Err("no timeline".into());
            };
            for entry in &entries {
                let line = self.people[who].line_of(entry);
                match (entry.seq, &entry.body) {
                    (Some(seq), _) => {
                        timeline.insert(seq, line);
                    }
                    (None, EntryBody::Message(message)) if message.delivery == Delivery::Failed && self.is_group(who, room) => {
                        self.oracle.failed(room, message.text.clone());
                    }
                    (None, _) => {
                        let seat = self.people[who].rooms.get(&room).map(|room| &room.can_send);
                        return Err(format!("{} still has {line:?} unsent in {room}: {seat:?}", self.people[who].label));
                    }
                }
            }
            before = timeline.keys().next().copied();
            if !more || entries.is_empty() {
                return Ok(timeline);
            }
        }
    }

    pub(super) async fn ask(&mut self, who: usize, command: Command) -> Result<Reply, String> {
        let name = command.name();
        let id = self.command(who, command);
        for _ in 0..100 {
            self.run_until(self.now + 100).await?;
            if let Some(reply) = self.people[who].replies.remove(&id) {
                return reply.map_err(|code| format!("{} is refused {name}: {code:?}", self.people[who].label));
            }
        }
        Err(format!("{} gets no answer to {name}", self.people[who].label))
    }
}

fn count(timeline: &Timeline, text: &str) -> usize {
    timeline.values().filter(|line| matches!(line, Line::Text(_, other) if other == text)).count()
}

fn texts(timeline: &Timeline) -> Timeline {
    timeline.iter().filter(|(_, line)| matches!(line, Line::Text(..))).map(|(seq, line)| (*seq, line.clone())).collect()
}

/// A line of somebody's coming into a room.
fn comes(seq: Seq, line: &Line, name: &UserName) -> bool {
    match line {
        Line::Created(_) => seq > 1,
        Line::Members { came, .. } => came.contains(name),
        line => is_beginning(line),
    }
}

/// The room was not in the copy: this browser is new in it.
pub(super) fn is_beginning(line: &Line) -> bool {
    matches!(line, Line::System(what) if what.starts_with("JoinedHere"))
}

/// A hole that is told. Only an older copy of the browser excuses one: nothing is so old that it is deleted.
fn is_gap(line: &Line) -> bool {
    const GAPS: [&str; 3] = ["NotReadable", "Missing", "Missed"];
    matches!(line, Line::System(what) if GAPS.iter().any(|gap| what.starts_with(gap)))
}
