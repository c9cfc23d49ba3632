//! Pages of a room's timeline, drafts, and the server's own row of a message.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use sotto_client_api::Reply;
use sotto_client_api::views::ServerRowView;
use sotto_protocol::api::StoredEntry;
use sotto_protocol::{ErrorCode, MessageId, RoomId, Seq, codec, limits};

use super::net::Pending;
use super::{Engine, Turn};
use crate::io::{Effect, Row, Store};
use crate::records::{EntryKindRecord, EntryRecord, key};
use crate::seal;

/// Entries in one page.
const PAGE: u32 = 60;
/// Lines of an open room that are kept when new ones come: more than the page draws of them.
const KEPT: usize = 1_000;
/// Bytes of a server row that are shown.
const SHOWN_BYTES: usize = 512;
/// Longest draft.
const DRAFT: usize = limits::TEXT;

/// The rooms that are drawn, in one tab or another.
pub(super) type OpenRooms = BTreeMap<RoomId, OpenRoom>;

/// What was loaded of a room that is drawn.
#[derive(Default)]
pub(super) struct OpenRoom {
    entries: BTreeMap<Seq, EntryRecord>,
}

impl OpenRoom {
    pub(super) fn keep(&mut self, record: EntryRecord) {
        self.entries.insert(record.seq, record);
    }

    /// Keeps a line that the log has brought. What comes in by the thousand does not pile up.
    pub(super) fn keep_new(&mut self, record: EntryRecord) {
        self.keep(record);
        if self.entries.len() > KEPT {
            self.entries.pop_first();
        }
    }

    pub(super) fn from(&self, seq: Seq) -> impl Iterator<Item = &EntryRecord> {
        self.entries.range(seq..).map(|(_, record)| record)
    }

    fn message(&self, id: MessageId) -> Option<&EntryRecord> {
        self.entries.values().find(|record| matches!(&record.body, EntryKindRecord::Text { id: own, .. } if *own == id))
    }
}

/// A page on its way from the disk.
pub(super) struct Load {
    room: RoomId,
    newest: bool,
    reply: u32,
}

impl Engine {
    pub(super) fn open_room(&mut self, turn: &mut Turn, reply: u32, room: RoomId, before: Option<Seq>) -> Result<(), ErrorCode> {
        self.data()?.room(room)?;
        self.open.entry(room).or_default();
        let id = self.id();
        self.loads.insert(id, Load { room, newest: before.is_none(), reply });
        let last = before.map_or(Seq::MAX, |before| before.saturating_sub(1));
        turn.effects.push(Effect::Load { id, store: Store::Entries, from: key::entry(room, 0), to: key::entry(room, last), newest: PAGE });
        Ok(())
    }

    pub(super) fn loaded(&mut self, turn: &mut Turn, id: u64, result: Result<Vec<Row>, ErrorCode>) -> Result<(), ErrorCode> {
        let Some(load) = self.loads.remove(&id) else { return Ok(()) };
        if let Err(code) = result.and_then(|rows| self.show_page(turn, &load, &rows)) {
            turn.effects.clear();
            turn.refuse(load.reply, code);
        }
        Ok(())
    }

    fn show_page(&mut self, turn: &mut Turn, load: &Load, rows: &[Row]) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let mut records = BTreeMap::new();
        for row in rows {
            let plain = seal::open_row(data.ring.storage_key(), row.store, &row.key, &row.sealed)?.plain;
            let record: EntryRecord = codec::decode(&plain, limits::API_BODY).map_err(|_| ErrorCode::StorageDamaged)?;
            records.insert(record.seq, record);
        }
        let room = data.room(load.room)?;
        let more = u32::try_from(rows.len()).is_ok_and(|count| count >= PAGE);
        let draft = data.find::<String>(&key::draft(load.room))?.unwrap_or_default();
        let mut entries = Vec::new();
        for record in records.values() {
            self.draw_entry(&mut entries, &room, record)?;
        }
        if load.newest {
            for outgoing in data.outbox()?.iter().filter(|outgoing| outgoing.room == load.room) {
                entries.extend(self.outgoing_entry(outgoing)?);
            }
        }
        if let Some(open) = self.open.get_mut(&load.room) {
            records.into_values().for_each(|record| open.keep(record));
        }
        turn.reply(load.reply, Reply::Timeline { room: load.room, entries, more, draft });
        Ok(())
    }

    pub(super) fn save_draft(&mut self, turn: &mut Turn, id: u32, room: RoomId, text: String) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let record = data.room(room)?;
        if text.len() > DRAFT {
            return Err(ErrorCode::TooLarge);
        }
        let before = data.find::<String>(&key::draft(room))?;
        if text.is_empty() {
            data.delete(&key::draft(room))?
        } else {
            data.put(&key::draft(room), &text)?
        }
        if before.is_some() == text.is_empty() {
            self.show_room(turn, &record)?;
        }
        turn.reply(id, Reply::Done);
        Ok(())
    }

    pub(super) fn server_row(&mut self, turn: &mut Turn, reply: u32, room: RoomId, message: MessageId) -> Result<(), ErrorCode> {
        let open = self.open.get(&room).ok_or(ErrorCode::NotFound)?;
        let place = open.message(message).ok_or(ErrorCode::NotReady)?.seq;
        let seq = self.data()?.room(room)?.position(place).ok_or(ErrorCode::Gone)?;
        self.get(turn, format!("/api/v1/rooms/{room}/entries/{seq}"), Pending::ServerRow { room, message, reply });
        Ok(())
    }

    pub(super) fn show_server_row(
        &mut self,
        turn: &mut Turn,
        room: RoomId,
        message: MessageId,
        reply: u32,
        body: &[u8],
    ) -> Result<(), ErrorCode> {
        let stored: StoredEntry = codec::decode(body, limits::API_BODY)?;
        let record = self.open.get(&room).and_then(|open| open.message(message)).ok_or(ErrorCode::NotFound)?;
        let EntryKindRecord::Text { text, wire_hash, .. } = &record.body else { return Err(ErrorCode::NotFound) };
        let bytes = stored.entry.bytes.as_slice();
        let unaltered = Sha256::digest(bytes).as_slice() == wire_hash.as_slice();
        let view = ServerRowView {
            text: text.clone(),
            room,
            seq: stored.entry.seq,
            epoch: stored.entry.epoch,
            sender: stored.sender_name,
            device: stored.entry.device,
            at: stored.entry.at,
            deleted_at: stored.deleted_at,
            hex: bytes[..bytes.len().min(SHOWN_BYTES)].chunks(16).map(hex_line).collect(),
            length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            unaltered: Some(unaltered),
        };
        turn.reply(reply, Reply::ServerRow(view));
        Ok(())
    }
}

fn hex_line(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
