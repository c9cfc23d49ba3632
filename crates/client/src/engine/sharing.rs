//! Sharing what was said before with somebody who came later: an act of an admin that everybody in the group sees.
//!
//! Keys of the past are not given away. The admin's device says the newest texts again, as its own word; the newcomer's devices put those that they
//! don't have at their places, each with the name of who shared it.

use std::collections::BTreeMap;

use sotto_client_api::Reply;
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, RoomId, Seq, codec, limits};
use sotto_rules::roles::Role;

use super::archive::empty;
use super::timeline::Load;
use super::{Engine, Turn};
use crate::archive::{Page, page_of};
use crate::content::{self, Content, History, PastLine};
use crate::io::{Effect, Row, Store};
use crate::mls;
use crate::records::{EntryKindRecord, EntryRecord, RoomRecord, SharedBy, key};

/// Most lines of the log that are looked through for texts.
const LINES: u32 = 500;
/// Bytes of lines in one message: leaves room for what goes with every message.
const PART: usize = limits::MESSAGE - 8 * 1024;

impl Engine {
    /// # Errors
    /// `commit_refused` for who is no admin, `not_found` for who is not in the group.
    pub(super) fn share_history(&mut self, turn: &mut Turn, reply: u32, room: RoomId, with: AccountId) -> Result<(), ErrorCode> {
        let record = self.group(room, Role::Admin)?;
        let members = self.data_mut()?.with_group(room, |_, group| mls::members(group))?;
        if !members.iter().any(|(_, leaf)| leaf.account() == with) || with == self.data()?.account() {
            return Err(ErrorCode::NotFound);
        }
        let id = self.id();
        self.loads.insert(id, Load::ToShare { room, with, reply });
        let (from, to) = (key::entry(room, 0), key::entry(room, record.place(record.cursor)));
        turn.effects.push(Effect::Load { id, store: Store::Entries, from, to, newest: LINES });
        Ok(())
    }

    /// The lines are here: their texts are said again.
    pub(super) fn say_history(
        &mut self,
        turn: &mut Turn,
        reply: u32,
        room: RoomId,
        with: AccountId,
        rows: &[Row],
    ) -> Result<(), ErrorCode> {
        let record = self.group(room, Role::Admin)?;
        let entries = self.open_entries(rows)?;
        let lines = entries.values().map(|entry| self.past_line(&record, entry)).collect::<Result<Vec<_>, _>>()?;
        let mut parts: Vec<Vec<PastLine>> = Vec::new();
        let mut room_left = 0;
        for line in lines.into_iter().flatten() {
            let size = codec::encode(&line).len();
            match parts.last_mut().filter(|_| size <= room_left) {
                Some(part) => part.push(line),
                None => {
                    parts.push(vec![line]);
                    room_left = PART;
                }
            }
            room_left = room_left.saturating_sub(size);
        }
        for (number, lines) in parts.into_iter().enumerate() {
            let history = History { to: with, lines, first: number == 0 };
            self.queue(turn, &Content::history(content::message_id(turn.now)?, room, history))?;
        }
        turn.reply(reply, Reply::Done);
        self.flush_outbox(turn)
    }

    fn past_line(&self, room: &RoomRecord, entry: &EntryRecord) -> Result<Option<PastLine>, ErrorCode> {
        let (EntryKindRecord::Text { id, author, text, shared, .. }, Some(seq)) = (&entry.body, room.position(entry.seq)) else {
            return Ok(None);
        };
        let name = match shared {
            Some(shared) => shared.name.clone(),
            None => self.person(*author)?.name,
        };
        Ok(Some(PastLine { seq, at: entry.at, author: *author, name, id: *id, text: text.clone() }))
    }

    /// A part of the history in the log at a position. Answers the line that tells of it.
    pub(super) fn history_shared(
        &mut self,
        turn: &mut Turn,
        room: &RoomRecord,
        seq: Seq,
        by: AccountId,
        history: History,
    ) -> Result<Option<EntryKindRecord>, ErrorCode> {
        if room.peer.is_some() || !self.admits(room.room, by) {
            return Ok(None);
        }
        if history.to == self.data()?.account() {
            let mut pages: BTreeMap<u64, Page> = BTreeMap::new();
            for line in history.lines.into_iter().filter(|line| (1..seq).contains(&line.seq)) {
                let number = page_of(line.seq);
                let page = pages.entry(number).or_insert_with(|| empty(room.room, number));
                let PastLine { seq, at, author, name, id, text } = line;
                let (device, wire_hash) = (DeviceId([0; 16]), Bytes::default());
                let body = EntryKindRecord::Text { id, author, device, text, wire_hash, shared: Some(SharedBy { by, name }) };
                page.entries.insert(seq, EntryRecord { seq: room.place(seq), at, body, missing: 0 });
            }
            for (number, page) in pages {
                self.load_page(turn, room.room, number, |_| Load::FromShare { page: Box::new(page) });
            }
        }
        Ok(history.first.then_some(EntryKindRecord::Shared { by, with: history.to }))
    }

    /// What is here of these places: what is not is added.
    pub(super) fn put_shared(&mut self, turn: &mut Turn, page: Page, rows: &[Row]) -> Result<(), ErrorCode> {
        let own = self.open_entries(rows)?;
        let Some(record) = self.data()?.find_room(page.room)? else { return Ok(()) };
        for line in page.entries.into_values().filter(|line| !own.contains_key(&line.seq)) {
            self.add_line(turn, &record, line)?;
        }
        Ok(())
    }
}
