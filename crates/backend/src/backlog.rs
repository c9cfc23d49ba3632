//! What one device still has to get: a cursor for each room, and rows read in pages as the socket drains and the device works them off.

use std::collections::{HashMap, VecDeque};

use sotto_protocol::frames::{Cursor, Entry, ServerFrame, Welcome};
use sotto_protocol::{Bytes, Epoch, RoomId, Seq, codec, limits};

use crate::backend::Backend;
use crate::context::Caller;
use crate::error::ServiceError;

/// Bytes of entries in one page: what is left of a frame after 64 envelopes (under 192 bytes each).
const PAGE_BYTES: usize = limits::SYNC_FRAME - limits::ENTRIES_PER_FRAME * 192;

/// Pages that a room gets in a row. A room that others fill faster than a device reads must not keep the rest from it.
const TURN: u32 = 32;

/// Cursors and what is due, for one connection.
#[derive(Default)]
pub struct Backlog {
    /// Newest seq that was sent (or that the device said it has).
    cursors: HashMap<RoomId, Seq>,
    /// Rooms with rows to read, each once, in the order in which the device wants them.
    due: VecDeque<RoomId>,
    /// Pages that the first of them has had in a row.
    turn: u32,
    /// Bytes of entries that may be on their way; 0: any.
    window: u64,
    /// Bytes of entries that the device has not worked off.
    on_its_way: u64,
    /// Welcomes that this connection was sent already.
    welcomes: Vec<(RoomId, Epoch)>,
    /// Whether `CaughtUp` is still to be said.
    behind: bool,
}

impl Backlog {
    /// Starts (again) after a cursor.
    pub fn join(&mut self, cursor: Cursor) {
        self.cursors.insert(cursor.room, cursor.seq);
        self.mark(cursor.room);
        self.behind = true;
    }

    /// The device said hello. One that did not ask for anything has caught up as soon as it is told.
    pub fn begin(&mut self, window: u64) {
        self.behind = true;
        self.window = window;
    }

    /// The device has worked entries off, and may want another room first.
    pub fn took(&mut self, bytes: u64, next: Option<RoomId>) {
        self.on_its_way = self.on_its_way.saturating_sub(bytes);
        if let Some(place) = next.and_then(|next| self.due.iter().position(|room| *room == next)).filter(|place| *place > 0) {
            let room = self.due.remove(place);
            room.into_iter().for_each(|room| self.due.push_front(room));
            self.turn = 0;
        }
    }

    /// A room has news. Rooms that were not asked for have none.
    pub fn mark(&mut self, room: RoomId) {
        if self.cursors.contains_key(&room) && !self.due.contains(&room) {
            self.due.push_back(room);
        }
    }

    /// Whether [`Self::next`] has something to do.
    #[must_use]
    pub fn is_due(&self) -> bool {
        if self.due.is_empty() { self.behind } else { self.window == 0 || self.on_its_way < self.window }
    }

    /// The next frames: one page of one room. Never more than that is in memory.
    ///
    /// # Errors
    /// The room can't be read by this account (it is then forgotten), or not now.
    pub async fn next(&mut self, backend: &Backend, caller: &Caller) -> Result<Vec<ServerFrame>, ServiceError> {
        let Some(room) = self.due.pop_front() else {
            self.behind = false;
            return Ok(vec![ServerFrame::CaughtUp]);
        };
        let Some(cursor) = self.cursors.get(&room).copied() else { return Ok(Vec::new()) };
        let read = self.page(backend, caller, Cursor { room, seq: cursor }).await;
        if let Err(error) = &read {
            self.turn = 0;
            if error.retry_after.is_some() {
                self.due.push_back(room);
            } else {
                self.cursors.remove(&room);
            }
        }
        read
    }

    async fn page(&mut self, backend: &Backend, caller: &Caller, cursor: Cursor) -> Result<Vec<ServerFrame>, ServiceError> {
        let Cursor { room, mut seq } = cursor;
        let mut frames = Vec::new();
        let entries = backend.read_after(caller, room, seq, limits::ENTRIES_PER_FRAME, PAGE_BYTES).await?;
        let gap = entries.first().is_none_or(|first| first.seq > seq + 1);
        if gap {
            let lost = backend.lost_upto(caller, room).await?;
            if lost > seq {
                frames.push(ServerFrame::Lost { upto: Cursor { room, seq: lost } });
                seq = lost;
            }
        }
        self.turn += 1;
        let ends = entries.is_empty() || self.turn >= TURN;
        if let Some(last) = entries.last() {
            seq = seq.max(last.seq);
            if ends { self.due.push_back(room) } else { self.due.push_front(room) }
        }
        if ends {
            self.turn = 0;
        }
        self.cursors.insert(room, seq);
        let lost = frames.len();
        frames.extend(pack(entries));
        self.on_its_way += frames[lost..].iter().map(|frame| codec::encode(frame).len() as u64).sum::<u64>();
        Ok(frames)
    }

    /// Welcomes that were not sent on this connection yet, each in its own frame.
    pub fn new_welcomes(&mut self, welcomes: Vec<Welcome>) -> Vec<ServerFrame> {
        let mut frames = Vec::new();
        for mut welcome in welcomes {
            let name = (welcome.room, welcome.epoch);
            if self.welcomes.contains(&name) {
                continue;
            }
            self.welcomes.push(name);
            // A tree that does not fit is fetched by `GET …/state`.
            if welcome.welcome.0.len() + welcome.ratchet_tree.0.len() > PAGE_BYTES {
                welcome.ratchet_tree = Bytes::default();
            }
            frames.push(ServerFrame::Welcomes { welcomes: vec![welcome] });
        }
        frames
    }

    /// A Welcome that was used is not remembered for ever.
    pub fn welcome_done(&mut self, room: RoomId, epoch: Epoch) {
        self.welcomes.retain(|name| *name != (room, epoch));
    }
}

/// Entries in frames within the limit. An entry that is too long for any frame (a commit of a big room) goes alone.
fn pack(entries: Vec<Entry>) -> Vec<ServerFrame> {
    let mut frames = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        let length = codec::encode(&entry).len();
        if bytes + length > limits::SYNC_FRAME - 16 && !batch.is_empty() {
            frames.push(ServerFrame::Deliver { entries: std::mem::take(&mut batch) });
            bytes = 0;
        }
        bytes += length;
        batch.push(entry);
    }
    if !batch.is_empty() {
        frames.push(ServerFrame::Deliver { entries: batch });
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_protocol::frames::EntryKind;
    use sotto_protocol::{AccountId, DeviceId, IdempotencyId};

    fn entry(seq: Seq, length: usize) -> Entry {
        Entry {
            room: RoomId([1; 16]),
            seq,
            kind: EntryKind::Message,
            epoch: u64::MAX,
            account: AccountId([1; 32]),
            device: DeviceId([1; 16]),
            at: u64::MAX,
            idempotency: IdempotencyId([1; 16]),
            bytes: vec![0; length].into(),
        }
    }

    #[test]
    fn entries_are_packed_in_order_into_frames_that_fit() {
        let lengths = [1, limits::MESSAGE, limits::MESSAGE, 20_000, 20_000, 200_000, 5];
        let entries = lengths.iter().zip(1..).map(|(length, seq)| entry(seq, *length)).collect();
        let frames = pack(entries);
        let mut seqs = Vec::new();
        for frame in &frames {
            let ServerFrame::Deliver { entries } = frame else { continue };
            assert!(entries.len() == 1 || codec::encode(frame).len() <= limits::SYNC_FRAME);
            seqs.extend(entries.iter().map(|entry| entry.seq));
        }
        assert_eq!(seqs, (1..=7).collect::<Vec<_>>());
        let full = (1..=64).map(|seq| entry(seq, PAGE_BYTES / 64)).collect();
        assert_eq!(pack(full).len(), 1, "a full page is one frame");
    }
}
