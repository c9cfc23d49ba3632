//! The log of every room: appended in one order, read after a cursor.

use sotto_protocol::frames::{Cursor, Entry, EntryKind};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, IdempotencyId, RoomId, Seq, UserName};

use super::MemoryStore;
use super::tables::{RowId, Tables, push};
use crate::error::ServiceError;
use crate::store::{AppendRow, Appended, Standing, StoreResult};

impl MemoryStore {
    pub(crate) fn append(&self, rows: Vec<AppendRow>) -> StoreResult<Vec<Appended>> {
        self.write(|tables| Ok(rows.into_iter().map(|row| tables.append(row)).collect()))
    }

    pub(crate) fn read_after(&self, account: AccountId, room: RoomId, after: Seq, most: u32) -> StoreResult<Vec<Entry>> {
        self.read(|tables| {
            let Some(last) = tables.readable(account, room) else { return Vec::new() };
            let from = after.saturating_add(1);
            let rows =
                tables.log_seqs.range((room, from)..=(room, last.max(from))).filter(|((_, seq), _)| *seq <= last).take(most as usize);
            rows.filter_map(|(_, id)| tables.entry_for(account, *id)).collect()
        })
    }

    pub(crate) fn find_entry(&self, account: AccountId, room: RoomId, seq: Seq) -> StoreResult<Option<(Entry, Option<UserName>)>> {
        self.read(|tables| {
            tables.readable(account, room).filter(|last| seq <= *last)?;
            let entry = tables.entry_for(account, *tables.log_seqs.get(&(room, seq))?)?;
            let name = tables.accounts.get(&entry.account).map(|row| row.name.clone());
            Some((entry, name))
        })
    }

    pub(crate) fn heads(&self, account: AccountId) -> StoreResult<Vec<Cursor>> {
        self.read(|tables| tables.wanted_rooms_of(account).map(|(id, room)| Cursor { room: id, seq: room.head }).collect())
    }

    pub(crate) fn lost_upto(&self, account: AccountId, room: RoomId) -> StoreResult<Option<Seq>> {
        self.read(|tables| tables.members.get(&(account, room)).and_then(|_| tables.rooms.get(&room)).map(|room| room.lost_upto))
    }
}

impl Tables {
    /// An entry as an account gets it.
    fn entry_for(&self, account: AccountId, id: RowId) -> Option<Entry> {
        let mut entry = self.log.get(&id)?.clone();
        if self.withheld_from.get(&id) == Some(&account) {
            entry.bytes = Bytes::default();
        }
        Some(entry)
    }

    /// Up to where an account may read a room's log; `None` for one that never was in it.
    fn readable(&self, account: AccountId, room: RoomId) -> Option<Seq> {
        self.members.get(&(account, room)).map(|gone_at| gone_at.unwrap_or(Seq::MAX))
    }

    /// Membership, size, then duplicate id, then epoch: a repeated publish gets its first answer even when the room went on.
    fn append(&mut self, row: AppendRow) -> Appended {
        let current = self.devices.contains(&(row.account, row.device));
        let epoch = self.room_for(row.account, row.room).ok_or(ErrorCode::NotFound)?.epoch;
        if !current {
            return Err(ErrorCode::DeviceUnknown.into());
        }
        if row.form == Err(ErrorCode::TooLarge) {
            return Err(ErrorCode::TooLarge.into());
        }
        if let Some(first) = self.find_standing(row.room, row.device, row.idempotency) {
            return Ok((first.seq, first.at));
        }
        if row.epoch != epoch {
            return Err(ServiceError::stale(epoch));
        }
        row.form?;
        let room = self.rooms.get_mut(&row.room).ok_or(ErrorCode::NotFound)?;
        room.head += 1;
        let (seq, pair) = (room.head, room.pair);
        let withheld_from = self.withheld_from(pair, row.account);
        let id = self.push_entry(Entry {
            room: row.room,
            seq,
            kind: EntryKind::Message,
            epoch,
            account: row.account,
            device: row.device,
            at: row.at,
            idempotency: row.idempotency,
            bytes: row.bytes,
        });
        if let Some(account) = withheld_from {
            self.withheld_from.insert(id, account);
        }
        Ok((seq, row.at))
    }

    pub(super) fn push_entry(&mut self, entry: Entry) -> RowId {
        let (place, id) = ((entry.room, entry.seq), (entry.room, entry.device, entry.idempotency));
        let row = push(&mut self.log, entry);
        self.log_seqs.insert(place, row);
        self.log_ids.insert(id, row);
        row
    }

    /// Where a device's entry of an idempotency id stands in a room.
    pub(super) fn find_standing(&self, room: RoomId, device: DeviceId, id: IdempotencyId) -> Option<Standing> {
        let entry = self.log.get(self.log_ids.get(&(room, device, id))?)?;
        Some(Standing { seq: entry.seq, epoch: entry.epoch, at: entry.at })
    }
}
