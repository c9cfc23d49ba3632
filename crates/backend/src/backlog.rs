//! What one device still has to get: a cursor for each room, and rows read in pages as the socket drains.

use std::collections::{HashMap, VecDeque};

use sotto_protocol::frames::{Cursor, Entry, ServerFrame, Welcome};
use sotto_protocol::{Bytes, Epoch, RoomId, Seq, codec, limits};

use crate::backend::Backend;
use crate::context::Caller;
use crate::error::ServiceError;

/// Bytes of entries in one page: what is left of a frame after 64 envelopes (under 192 bytes each).
const PAGE_BYTES: usize = limits::SYNC_FRAME - limits::ENTRIES_PER_FRAME * 192;

/// Cursors and what is due, for one connection.
#[derive(Default)]
pub struct Backlog {
    /// Newest seq that was sent (or that the device said it has).
    cursors: HashMap<RoomId, Seq>,
    /// Rooms with rows to read, each once, in turn.
    due: VecDeque<RoomId>,
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

    /// The device did not ask for anything: it has caught up as soon as it is told.
    pub fn begin(&mut self) {
        self.behind = true;
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
        !self.due.is_empty() || self.behind
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
        if let Some(last) = entries.last() {
            seq = seq.max(last.seq);
            self.due.push_back(room);
        }
        self.cursors.insert(room, seq);
        frames.extend(pack(entries));
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
