//! Catching up: how many entries may be on their way, how far it is, and how often the page hears of it.
//!
//! A browser's WebSocket hands over everything that comes, so what waits here would be as much as the server can send. The server keeps to a
//! window instead ([`ClientFrame::Took`]): a frame counts until its entries are stored.
//!
//! What the log has changed is drawn after it is stored, together: at once while online, [`DRAW_EVERY_MS`] apart while catching up.

use std::collections::{BTreeMap, BTreeSet};

use sotto_client_api::Update;
use sotto_protocol::frames::{ClientFrame, Entry};
use sotto_protocol::{ErrorCode, Millis, RoomId, Seq, limits};

use super::{Engine, Turn, Work};
use crate::io::Effect;
use crate::records::EntryRecord;

/// Catching up is drawn at most so often.
const DRAW_EVERY_MS: Millis = 100;
/// And counted for the page when it takes longer than this.
const COUNT_AFTER_MS: Millis = 300;

/// What is to be drawn.
#[derive(Default)]
pub(super) struct Undrawn {
    /// Rooms that have changed.
    rooms: BTreeSet<RoomId>,
    /// New lines of rooms that are open.
    lines: BTreeMap<RoomId, Vec<EntryRecord>>,
    /// Rooms with receipts, and the position after which own messages may have changed their state.
    receipts: BTreeMap<RoomId, Seq>,
}

impl Undrawn {
    pub(super) const fn new() -> Self {
        Self { rooms: BTreeSet::new(), lines: BTreeMap::new(), receipts: BTreeMap::new() }
    }

    pub(super) fn room(&mut self, room: RoomId) {
        self.rooms.insert(room);
    }

    pub(super) fn line(&mut self, room: RoomId, record: EntryRecord) {
        self.lines.entry(room).or_default().push(record);
    }

    pub(super) fn receipt(&mut self, room: RoomId, after: Seq) {
        let known = self.receipts.entry(room).or_insert(after);
        *known = after.min(*known);
    }

    pub(super) fn append(&mut self, newer: &mut Self) {
        self.rooms.append(&mut newer.rooms);
        for (room, lines) in std::mem::take(&mut newer.lines) {
            self.lines.entry(room).or_default().extend(lines);
        }
        for (room, after) in std::mem::take(&mut newer.receipts) {
            self.receipt(room, after);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

impl Engine {
    /// Queues the entries of a frame of `length` bytes, few enough to a turn that commands come in between.
    pub(super) fn work_off(&mut self, mut entries: Vec<Entry>, length: usize) {
        self.work.push_front(Work::Took(length as u64));
        while !entries.is_empty() {
            let last = (entries.len() - 1) / limits::ENTRIES_PER_FRAME * limits::ENTRIES_PER_FRAME;
            self.work.push_front(Work::Entries(entries.split_off(last)));
        }
    }

    /// Entries are stored, or can't be: the server may send as many again.
    pub(super) fn took(&mut self, turn: &mut Turn, bytes: u64) {
        self.net.owed += bytes;
        if self.net.window == 0 || !self.net.live() || self.net.owed < self.net.window.min(limits::SYNC_FRAME as u64) {
            return;
        }
        let next = self.open.keys().copied().find(|room| self.is_behind(*room));
        Self::send(turn, &ClientFrame::Took { bytes: std::mem::take(&mut self.net.owed), next });
    }

    fn is_behind(&self, room: RoomId) -> bool {
        let known = self.data().and_then(|data| data.find_room(room));
        known.is_ok_and(|known| known.is_some_and(|known| known.cursor < self.net.head(room)))
    }

    /// When something is drawn that waits for it.
    pub(super) fn draws_at(&self) -> Option<Millis> {
        (!self.undrawn.rooms.is_empty()).then(|| self.net.drawn_at + DRAW_EVERY_MS)
    }

    /// Draws what is stored, unless that was done just now.
    pub(super) fn draw(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if self.data.is_none() {
            self.undrawn.clear();
        }
        if self.undrawn.rooms.is_empty() || self.net.is_catching_up() && now < self.net.drawn_at + DRAW_EVERY_MS {
            return;
        }
        self.net.drawn_at = now;
        let mut turn = Turn::new(now);
        if let Err(code) = self.draw_all(&mut turn) {
            turn.emit(Update::Notice { code, room: None });
        }
        out.append(&mut turn.effects);
    }

    fn draw_all(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let Undrawn { rooms, mut lines, receipts } = std::mem::take(&mut self.undrawn);
        if self.net.is_catching_up() && turn.now >= self.net.since + COUNT_AFTER_MS {
            self.net.progress = self.progress()?;
            turn.emit(Update::Connection(self.net.view()));
        }
        for room in rooms {
            let Some(record) = self.data()?.find_room(room)? else { continue };
            let mut entries = Vec::new();
            if let Some(after) = receipts.get(&room) {
                self.draw_receipt(&mut entries, &record, *after)?;
            }
            for line in lines.remove(&room).unwrap_or_default() {
                self.draw_entry(&mut entries, &record, &line)?;
                self.open.get_mut(&room).into_iter().for_each(|open| open.keep_new(line.clone()));
            }
            if !entries.is_empty() {
                turn.emit(Update::Entries { room, entries });
            }
            self.show_room(turn, &record)?;
        }
        Ok(())
    }

    /// How many entries have come, of how many that lay between what was here and what the server had.
    fn progress(&self) -> Result<(u32, u32), ErrorCode> {
        let (mut done, mut total) = (0, 0);
        for room in self.data()?.rooms()? {
            let Some(from) = self.net.asked.get(&room.room) else { continue };
            let head = self.net.head(room.room).max(*from);
            total += head - from;
            done += room.cursor.clamp(*from, head) - from;
        }
        let short = |count: Seq| u32::try_from(count).unwrap_or(u32::MAX);
        Ok((short(done), short(total)))
    }
}
