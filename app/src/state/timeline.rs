//! The open room's entries, keyed, in order; and the lines drawn from them: day separators and grouped messages.

use leptos::prelude::*;
use sotto_client_api::views::{EntryBody, EntryView};
use sotto_protocol::{AccountId, Millis, RoomId, Seq};

/// Messages of one author within this time stand together.
const GROUP_WITHIN_MS: Millis = 5 * 60 * 1000;

/// Rows that are drawn at most while the reader is at the end, and rows that are left then. Older ones come from the disk again.
const MOST: usize = 600;
const LEFT: usize = 300;

/// One entry with its own signal: a message that changes its state redraws itself only.
#[derive(Clone)]
pub(crate) struct EntryRow {
    pub(crate) key: String,
    pub(crate) entry: ArcRwSignal<EntryView>,
}

/// One line of the drawn timeline.
#[derive(Clone)]
pub(crate) enum Line {
    /// A new day, by its day number.
    Day { day: i64, at: Millis },
    /// An entry; `grouped` when the author's message before it stands right above.
    Entry { row: EntryRow, grouped: bool },
}

impl Line {
    /// Key for the list.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Day { day, .. } => format!("day {day}"),
            Self::Entry { row, grouped } => format!("{}{}", row.key, if *grouped { "+" } else { "" }),
        }
    }
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Day { day, .. }, Self::Day { day: other, .. }) => day == other,
            (Self::Entry { row, grouped }, Self::Entry { row: other, grouped: others }) => row.key == other.key && grouped == others,
            _ => false,
        }
    }
}

/// The open room.
#[derive(Clone, Copy)]
pub(crate) struct Timeline {
    /// Which room is open.
    pub(crate) room: RwSignal<Option<RoomId>>,
    /// Ascending; own unsent messages last.
    pub(crate) rows: RwSignal<Vec<EntryRow>>,
    /// Whether the newest page has come.
    pub(crate) loaded: RwSignal<bool>,
    /// Whether older entries exist on this device.
    pub(crate) more: RwSignal<bool>,
    /// Whether the reader is at the end.
    pub(crate) at_end: RwSignal<bool>,
}

impl Timeline {
    pub(super) fn new() -> Self {
        Self {
            room: RwSignal::new(None),
            rows: RwSignal::new(Vec::new()),
            loaded: RwSignal::new(false),
            more: RwSignal::new(false),
            at_end: RwSignal::new(true),
        }
    }

    /// Begins another room, empty until its first page comes.
    pub(crate) fn open(self, room: RoomId) {
        self.rows.set(Vec::new());
        self.loaded.set(false);
        self.more.set(false);
        self.at_end.set(true);
        self.room.set(Some(room));
    }

    /// No room is open any more.
    pub(crate) fn close(self) {
        self.room.set(None);
        self.rows.set(Vec::new());
    }

    /// Takes entries of the open room, new or changed; those of another room are dropped.
    pub(crate) fn put(self, room: RoomId, entries: Vec<EntryView>) {
        if self.room.get_untracked() != Some(room) || entries.is_empty() {
            return;
        }
        let mut rows = self.rows.get_untracked();
        let mut moved = false;
        for entry in entries {
            match rows.iter().find(|row| row.key == entry.key) {
                Some(row) => {
                    moved |= row.entry.with_untracked(|old| old.seq != entry.seq);
                    if row.entry.with_untracked(|old| *old != entry) {
                        row.entry.set(entry);
                    }
                }
                None => {
                    moved = true;
                    rows.push(EntryRow { key: entry.key.clone(), entry: ArcRwSignal::new(entry) });
                }
            }
        }
        if moved {
            rows.sort_by_cached_key(|row| row.entry.with_untracked(position));
            if rows.len() > MOST && self.at_end.get_untracked() {
                rows.drain(..rows.len() - LEFT);
                self.more.set(true);
            }
            self.rows.set(rows);
        }
    }

    /// Smallest position here, for the page before it.
    pub(crate) fn oldest(self) -> Option<Seq> {
        self.rows.with_untracked(|rows| rows.iter().find_map(|row| row.entry.with_untracked(|entry| entry.seq)))
    }

    /// Largest position here (tracked).
    pub(crate) fn newest(self) -> Option<Seq> {
        self.rows.with(|rows| rows.iter().rev().find_map(|row| row.entry.with(|entry| entry.seq)))
    }
}

/// Positioned entries by seq, then own unsent ones by time.
fn position(entry: &EntryView) -> (Seq, Millis) {
    (entry.seq.unwrap_or(Seq::MAX), if entry.seq.is_some() { 0 } else { entry.at })
}

/// Day separators and groups. `day_of` tells the local day of a moment.
pub(crate) fn lines(rows: &[EntryRow], day_of: impl Fn(Millis) -> i64) -> Vec<Line> {
    let mut lines = Vec::with_capacity(rows.len() + 4);
    let mut day = None;
    let mut last: Option<(AccountId, Millis)> = None;
    for row in rows {
        let (at, author) = row.entry.with_untracked(|entry| (entry.at, author(entry)));
        let this_day = day_of(at);
        if day != Some(this_day) {
            // Late entries keep the server's order: a day shows once, also when clocks disagree about a neighbour.
            if day.is_none_or(|shown| shown < this_day) {
                lines.push(Line::Day { day: this_day, at });
                last = None;
            }
            day = day.max(Some(this_day));
        }
        let grouped = matches!((last, author), (Some((before, then)), Some(author))
            if before == author && at.saturating_sub(then) < GROUP_WITHIN_MS);
        last = author.map(|author| (author, at));
        lines.push(Line::Entry { row: row.clone(), grouped });
    }
    lines
}

fn author(entry: &EntryView) -> Option<AccountId> {
    match &entry.body {
        EntryBody::Message(message) => Some(message.author.account),
        EntryBody::System(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sotto_client_api::views::{Delivery, MessageView, PersonView};
    use sotto_protocol::{MessageId, UserName};

    const ROOM: RoomId = RoomId([7; 16]);

    fn message(id: u8, author: u8, seq: Option<Seq>, at: Millis) -> EntryView {
        let id = MessageId([id; 16]);
        let author = PersonView::plain(AccountId([author; 32]), UserName::parse("mira-k").unwrap());
        let body = EntryBody::Message(MessageView {
            id,
            seq,
            author,
            mine: false,
            text: String::new(),
            at,
            delivery: Delivery::Sent,
            lost: false,
            shared_by: None,
        });
        EntryView { key: id.to_string(), seq, at, body }
    }

    fn keys(timeline: Timeline) -> Vec<String> {
        timeline.rows.get_untracked().iter().map(|row| row.key[..2].to_owned()).collect()
    }

    #[test]
    fn an_acknowledged_message_moves_to_its_seq_and_is_not_doubled() {
        Owner::new().with(|| {
            let timeline = Timeline::new();
            timeline.open(ROOM);
            timeline.put(ROOM, vec![message(1, 1, Some(1), 10), message(2, 1, None, 20), message(3, 2, Some(3), 30)]);
            assert_eq!(keys(timeline), ["01", "03", "02"]);
            timeline.put(ROOM, vec![message(2, 1, Some(2), 21)]);
            assert_eq!(keys(timeline), ["01", "02", "03"]);
            assert_eq!((timeline.oldest(), timeline.newest()), (Some(1), Some(3)));
        });
    }

    #[test]
    fn entries_of_another_room_are_dropped() {
        Owner::new().with(|| {
            let timeline = Timeline::new();
            timeline.open(ROOM);
            timeline.put(RoomId([8; 16]), vec![message(1, 1, Some(1), 10)]);
            assert!(keys(timeline).is_empty());
        });
    }

    // Fails without the look at `at_end`, and without `drain`.
    #[test]
    fn what_comes_in_by_the_thousand_does_not_pile_up_before_a_reader_at_the_end() {
        Owner::new().with(|| {
            let timeline = Timeline::new();
            timeline.open(ROOM);
            let entries =
                |from: Seq| (from..from + 400).map(|seq| EntryView { key: seq.to_string(), ..message(1, 1, Some(seq), seq) }).collect();
            timeline.put(ROOM, entries(1));
            timeline.at_end.set(false);
            timeline.put(ROOM, entries(401));
            assert_eq!((timeline.rows.with_untracked(Vec::len), timeline.more.get_untracked()), (800, false), "it would move what is read");
            timeline.at_end.set(true);
            timeline.put(ROOM, entries(801));
            assert_eq!((timeline.rows.with_untracked(Vec::len), timeline.more.get_untracked()), (LEFT, true));
            assert_eq!((timeline.oldest(), timeline.newest()), (Some(901), Some(1200)));
        });
    }

    #[test]
    fn days_show_once_and_neighbours_of_one_author_are_grouped() {
        Owner::new().with(|| {
            let timeline = Timeline::new();
            timeline.open(ROOM);
            let day = 86_400_000;
            let entries = [(1, 1, 0), (2, 1, 1000), (3, 2, 2000), (4, 2, day), (5, 2, day - 1), (6, 2, day + 1000)];
            let entries = (1..).zip(entries).map(|(seq, (id, author, at))| message(id, author, Some(seq), at)).collect();
            timeline.put(ROOM, entries);
            let drawn = lines(&timeline.rows.get_untracked(), |at| i64::try_from(at / day).unwrap());
            let shape: String = drawn
                .iter()
                .map(|line| match line {
                    Line::Day { .. } => 'D',
                    Line::Entry { grouped: true, .. } => '+',
                    Line::Entry { .. } => '.',
                })
                .collect();
            assert_eq!(shape, "D.+.D.++");
        });
    }
}
