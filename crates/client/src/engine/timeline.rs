//! Pages of a room's timeline, drafts, and the server's own row of a message.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use sotto_client_api::Reply;
use sotto_client_api::views::ServerRowView;
use sotto_protocol::api::StoredEntry;
use sotto_protocol::{AccountId, ErrorCode, MessageId, RoomId, Seq, codec, limits};

use super::net::Pending;
use super::{Engine, Turn};
use crate::archive::Page;
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

/// Rows on their way from the disk.
pub(super) enum Load {
    /// To be shown.
    Shown(ShownPage),
    /// A page that is to go to the archive, with its entries up to a position.
    ToShelf { page: Page, upto: Seq },
    /// What is here of a page that came from the archive, and what is to be shown after it.
    FromShelf { page: Box<Page>, then: Option<ShownPage> },
    /// To be deleted, up to a place.
    Erased(RoomId, Seq),
    /// To be said again for somebody.
    ToShare { room: RoomId, with: AccountId, reply: u32 },
    /// What is here where somebody has shared lines.
    FromShare { page: Box<Page> },
}

impl Load {
    /// The command that waits for it.
    const fn reply(&self) -> Option<u32> {
        match self {
            Self::Shown(page) | Self::FromShelf { then: Some(page), .. } => Some(page.reply),
            Self::ToShare { reply, .. } => Some(*reply),
            Self::ToShelf { .. } | Self::FromShelf { then: None, .. } | Self::Erased(..) | Self::FromShare { .. } => None,
        }
    }
}

/// A page of a room that a command asked for.
#[derive(Clone, Copy)]
pub(super) struct ShownPage {
    room: RoomId,
    /// Before this position; the newest page for `None`.
    before: Option<Seq>,
    pub(super) reply: u32,
    /// The archive was asked for it.
    fetched: bool,
}

impl Engine {
    pub(super) fn open_room(&mut self, turn: &mut Turn, reply: u32, room: RoomId, before: Option<Seq>) -> Result<(), ErrorCode> {
        self.read_room(turn, reply, room, before)?;
        self.open.entry(room).or_default();
        if before.is_none() { self.fetch_what_came_late(turn, room) } else { Ok(()) }
    }

    pub(super) fn read_room(&mut self, turn: &mut Turn, reply: u32, room: RoomId, before: Option<Seq>) -> Result<(), ErrorCode> {
        self.data()?.room(room)?;
        self.load_shown(turn, ShownPage { room, before, reply, fetched: false })
    }

    fn load_shown(&mut self, turn: &mut Turn, page: ShownPage) -> Result<(), ErrorCode> {
        // What is being deleted is not shown any more.
        let first = self.data()?.find_room(page.room)?.map_or(0, |room| room.erased_upto);
        let first = if first > 0 { first.saturating_add(1) } else { 0 };
        let id = self.id();
        self.loads.insert(id, Load::Shown(page));
        let last = page.before.map_or(Seq::MAX, |before| before.saturating_sub(1));
        let (from, to) = (key::entry(page.room, first), key::entry(page.room, last));
        turn.effects.push(Effect::Load { id, store: Store::Entries, from, to, newest: PAGE });
        Ok(())
    }

    /// The archive has given what it has: shows what is here now.
    pub(super) fn show_again(&mut self, turn: &mut Turn, page: Option<ShownPage>) -> Result<(), ErrorCode> {
        if let Some(page) = page {
            self.load_shown(turn, ShownPage { fetched: true, ..page })?;
        }
        Ok(())
    }

    pub(super) fn loaded(&mut self, turn: &mut Turn, id: u64, result: Result<Vec<Row>, ErrorCode>) -> Result<(), ErrorCode> {
        let Some(load) = self.loads.remove(&id) else { return Ok(()) };
        let reply = load.reply();
        let shown = result.and_then(|rows| match load {
            Load::Shown(page) => self.show_page(turn, page, &rows),
            Load::ToShelf { page, upto } => self.page_to_shelf(turn, page, upto, &rows),
            Load::FromShelf { page, then } => self.page_from_shelf(turn, *page, then, &rows),
            Load::ToShare { room, with, reply } => self.say_history(turn, reply, room, with, &rows),
            Load::FromShare { page } => self.put_shared(turn, *page, &rows),
            Load::Erased(room, upto) => self.erase_loaded(turn, room, upto, rows),
        });
        match (shown, reply) {
            (Err(code), Some(reply)) => {
                self.undo_turn(turn)?;
                turn.effects.clear();
                turn.refuse(reply, code);
                Ok(())
            }
            (shown, _) => shown,
        }
    }

    /// Rows of a timeline, by position.
    pub(super) fn open_entries(&self, rows: &[Row]) -> Result<BTreeMap<Seq, EntryRecord>, ErrorCode> {
        let storage_key = self.data()?.ring.storage_key();
        let open = |row: &Row| {
            let plain = seal::open_row(storage_key, row.store, &row.key, &row.sealed)?.plain;
            let record: EntryRecord = codec::decode(&plain, limits::API_BODY).map_err(|_| ErrorCode::StorageDamaged)?;
            Ok((record.seq, record))
        };
        rows.iter().map(open).collect()
    }

    fn show_page(&mut self, turn: &mut Turn, page: ShownPage, rows: &[Row]) -> Result<(), ErrorCode> {
        let records = self.open_entries(rows)?;
        let data = self.data()?;
        let room = data.room(page.room)?;
        let full = u32::try_from(rows.len()).is_ok_and(|count| count >= PAGE);
        if !full && room.unfetched.is_some() && !page.fetched && self.net.live() {
            return self.fetch_history(turn, &room, Some(page));
        }
        let more = full || room.unfetched.is_some();
        let draft = data.find::<String>(&key::draft(page.room))?.unwrap_or_default();
        let mut entries = Vec::new();
        for record in records.values() {
            self.draw_entry(&mut entries, &room, record)?;
        }
        if page.before.is_none() {
            for outgoing in data.outbox()?.iter().filter(|outgoing| outgoing.room == page.room) {
                entries.extend(self.outgoing_entry(outgoing)?);
            }
        }
        if let Some(open) = self.open.get_mut(&page.room) {
            records.into_values().for_each(|record| open.keep(record));
        }
        turn.reply(page.reply, Reply::Timeline { room: page.room, entries, more, draft });
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
        let record = open.message(message).ok_or(ErrorCode::NotReady)?;
        // It is from before this account came: the server does not show its row.
        if matches!(&record.body, EntryKindRecord::Text { shared: Some(_), .. }) {
            return Err(ErrorCode::Gone);
        }
        let place = record.seq;
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
