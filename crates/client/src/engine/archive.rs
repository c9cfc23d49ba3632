//! The archive: lines that were shown here go to the account's pages on the server, and a device that came later fetches what was before it.
//!
//! Only the page that is being filled is rewritten. Who writes it has read what stands there first, and writes what both have: two devices that
//! fill one page take turns by its version. Nothing here is urgent: what could not be written is tried again with the next line or connection.
//!
//! Pages stand for positions of one log. A room whose log went back to an earlier time (see `behind`) has lines of several, so what comes
//! after that is not archived.

use std::collections::{BTreeMap, BTreeSet};

use sotto_client_api::Update;
use sotto_protocol::api::{ArchivePage, ArchivePages, ErrorBody, PageWanted, PagesPut, PutPages, ReadPages};
use sotto_protocol::{AccountId, ErrorCode, Millis, RoomId, Seq, ShelfId, codec, limits};
use sotto_rules::identity::account_id;

use super::net::Pending;
use super::outbox::preview;
use super::timeline::{Load, ShownPage};
use super::{Engine, Turn};
use crate::archive::{ArchiveKey, Page, bits_of, is_archived, page_of, seqs_of};
use crate::io::{Effect, Row, Store};
use crate::records::{ContactRecord, EntryKindRecord, EntryRecord, RoomRecord, Seat, key};

/// Lines wait so long for others before their page is written.
const GATHER_MS: Millis = 3_000;
/// Wait after a write that failed, and between two looks at what others may have written meanwhile.
const AGAIN_MS: Millis = 30_000;
/// Rooms whose pages are worked on at a time.
const ROOMS_AT_ONCE: usize = 8;
/// A page with fewer lines is not enough to see where a conversation stands: the one before it is fetched too.
const FEW: usize = 20;

/// What is known of the archive on this connection; nothing of it is stored.
#[derive(Default)]
pub(super) struct Shelves {
    /// The newest page of each room that was worked on, as it stands on the server, and its version (0 for none).
    newest: BTreeMap<RoomId, (Page, u64)>,
    /// When unsettled pages were asked for last.
    looked_at: BTreeMap<RoomId, Millis>,
    /// Rooms that are being worked on.
    busy: BTreeSet<RoomId>,
    /// When there is something to write.
    pub(super) due_at: Option<Millis>,
    /// The server takes no more.
    full: bool,
    /// When the person's choices were read last.
    pub(super) choices_read_at: Millis,
}

impl Engine {
    /// The key of the own archive; none on a device that has not seen the vault since there is one.
    pub(super) fn archive_key(&self) -> Result<Option<ArchiveKey>, ErrorCode> {
        let data = self.data()?;
        let record = data.record()?;
        let key = <&[u8; 32]>::try_from(record.archive.as_slice());
        Ok(key.ok().map(|key| ArchiveKey::from_bytes(key, data.account())))
    }

    /// A line was stored: it goes to the archive with those that come soon after it.
    pub(super) fn archive_soon(&mut self, now: Millis) {
        self.shelves.due_at.get_or_insert(now + GATHER_MS);
    }

    /// Begins to write what the archive does not have yet.
    pub(super) fn archive_what_is_due(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.shelves.due_at = None;
        if !self.net.live() || self.shelves.full || self.archive_key()?.is_none() {
            return Ok(());
        }
        let known = self.data()?.choices()?;
        for record in self.data()?.rooms()? {
            if self.shelves.busy.len() >= ROOMS_AT_ONCE {
                self.archive_soon(turn.now);
                break;
            }
            let fit = matches!(record.seat, Seat::Taken | Seat::Removed) && record.branches.is_empty() && record.request.is_none();
            let due = fit && record.archived < record.cursor && !known.choices.is_unarchived(record.room);
            if due && self.shelves.busy.insert(record.room) {
                let page = page_of(record.archived + 1);
                self.load_page(turn, record.room, page, |page| Load::ToShelf { page, upto: record.cursor });
            }
        }
        Ok(())
    }

    pub(super) fn load_page(&mut self, turn: &mut Turn, room: RoomId, number: u64, load: impl FnOnce(Page) -> Load) {
        let (first, last) = seqs_of(number);
        let id = self.id();
        self.loads.insert(id, load(empty(room, number)));
        let (from, to) = (key::entry(room, first), key::entry(room, last));
        let newest = u32::try_from(limits::ARCHIVE_PAGE_SEQS).unwrap_or(u32::MAX);
        turn.effects.push(Effect::Load { id, store: Store::Entries, from, to, newest });
    }

    /// The own lines of a page are here. They are written if the page is known as it stands on the server; otherwise it is read first.
    pub(super) fn page_to_shelf(&mut self, turn: &mut Turn, mut page: Page, upto: Seq, rows: &[Row]) -> Result<(), ErrorCode> {
        let room = page.room;
        let known = self.data()?.choices()?;
        // Chosen while the lines were on their way.
        if known.choices.is_unarchived(room) {
            return self.work_on(turn, room);
        }
        let from = known.choices.unarchived_upto(room) + 1;
        let upto = upto.min(seqs_of(page.number).1);
        let own = self.open_entries(rows)?;
        page.entries = own.into_iter().filter(|(seq, record)| (from..=upto).contains(seq) && is_archived(&record.body)).collect();
        let Some(archive) = self.archive_key()? else { return Ok(()) };
        let known = self.shelves.newest.get(&room).filter(|(known, _)| known.number == page.number);
        let Some((known, version)) = known else {
            if page.entries.is_empty() {
                return self.archived(turn, room, upto);
            }
            let wanted = vec![PageWanted { shelf: archive.shelf(room)?, below: Some(page.number + 1) }];
            self.post(turn, "/api/v1/archive/read", &ReadPages { wanted }, Pending::ReadShelf { room, number: page.number });
            return Ok(());
        };
        let version = version + 1;
        let mut next = known.clone();
        for (seq, record) in page.entries {
            next.entries.entry(seq).or_insert(record);
        }
        next.seen |= bits_of(page.number, self.data()?.room(room)?.since, upto);
        if next.entries == known.entries {
            return self.archived(turn, room, upto);
        }
        self.name_people(&mut next)?;
        let sealed = archive.seal(&next, version)?;
        self.post(turn, "/api/v1/archive", &PutPages { pages: vec![sealed] }, Pending::PutShelf { page: Box::new(next), version, upto });
        Ok(())
    }

    /// What stands on the server of the page that is to be written.
    pub(super) fn shelf_read(&mut self, turn: &mut Turn, room: RoomId, number: u64, body: &[u8]) -> Result<(), ErrorCode> {
        let answer: ArchivePages = codec::decode(body, limits::ARCHIVE_BODY)?;
        let Some(archive) = self.archive_key()? else { return Ok(()) };
        let known = match answer.pages.iter().find(|stored| stored.page == number) {
            // One that does not open is of no use to anybody: it is written anew.
            Some(stored) => (open_or_empty(&archive, room, stored), stored.version),
            None => (empty(room, number), 0),
        };
        let unsettled = self.data()?.find_room(room)?.is_some_and(|record| record.since > 0);
        if unsettled && known.1 > 0 {
            let page = Box::new(known.0.clone());
            self.load_page(turn, room, number, |_| Load::FromShelf { page, then: None });
        }
        self.shelves.newest.insert(room, known);
        self.work_on(turn, room)
    }

    /// The page was written, or another device was first: then it is read anew.
    pub(super) fn shelf_put(&mut self, turn: &mut Turn, page: Page, version: u64, upto: Seq, body: &[u8]) -> Result<(), ErrorCode> {
        let answer: PagesPut = codec::decode(body, limits::API_BODY)?;
        let room = page.room;
        if answer.refused.is_empty() {
            self.shelves.newest.insert(room, (page, version));
            return self.archived(turn, room, upto);
        }
        self.shelves.newest.remove(&room);
        // Another own device may have emptied the shelf because it is not to be filled any more.
        self.read_choices(turn)?;
        self.work_on(turn, room)
    }

    pub(super) fn shelf_failed(&mut self, turn: &mut Turn, room: RoomId, error: &ErrorBody) {
        self.shelves.busy.remove(&room);
        self.shelves.newest.remove(&room);
        if error.code == ErrorCode::ArchiveFull && !self.shelves.full {
            self.shelves.full = true;
            turn.emit(Update::Notice { code: error.code, room: None });
        }
        self.shelves.due_at.get_or_insert(turn.now + AGAIN_MS);
    }

    fn archived(&mut self, turn: &mut Turn, room: RoomId, upto: Seq) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let Some(mut record) = data.find_room(room)? else { return self.work_on(turn, room) };
        record.archived = record.archived.max(upto);
        data.put_room(&record)?;
        if record.request.is_some() {
            self.shelves.busy.remove(&room);
            return Ok(());
        }
        // Whole pages at once; lines of one that is being filled wait for others.
        if page_of(record.cursor) > page_of(record.archived + 1) {
            return self.work_on(turn, room);
        }
        self.shelves.busy.remove(&room);
        if record.archived < record.cursor {
            self.archive_soon(turn.now);
        }
        Ok(())
    }

    /// The room's turn is over; what is left is looked at at once.
    fn work_on(&mut self, turn: &mut Turn, room: RoomId) -> Result<(), ErrorCode> {
        self.shelves.busy.remove(&room);
        self.archive_what_is_due(turn)
    }

    /// The people in a page's lines, so that a device that has never met them can name them.
    fn name_people(&self, page: &mut Page) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let mut accounts = BTreeSet::new();
        page.entries.values().for_each(|record| people_of(&record.body, &mut accounts));
        accounts.remove(&data.account());
        for account in accounts {
            if let (Some(contact), false) = (data.find_contact(account)?, page.people.iter().any(|known| known.account == account)) {
                page.people.push(contact);
            }
        }
        Ok(())
    }

    /// This device came into a room in which the account may have been before it.
    pub(super) fn expect_history(&mut self, turn: &mut Turn, record: &mut RoomRecord, since: Seq) -> Result<(), ErrorCode> {
        (record.archived, record.since) = (since, since);
        record.unfetched = Some(page_of(since) + 1);
        self.fetch_history(turn, record, None)
    }

    /// Asks for the newest page that is not here yet. `then`: what the person waits for.
    pub(super) fn fetch_history(&mut self, turn: &mut Turn, record: &RoomRecord, then: Option<ShownPage>) -> Result<(), ErrorCode> {
        let room = record.room;
        let Some(archive) = self.archive_key()?.filter(|_| record.unfetched.is_some() && record.branches.is_empty()) else {
            return self.history_done(turn, room, then, None);
        };
        self.ask_page(turn, room, archive.shelf(room)?, record.unfetched, then);
        Ok(())
    }

    /// Somebody looks at a room of which others may have archived more by now. Not asked at every look: where this account never was before, nobody
    /// says that this is all.
    pub(super) fn fetch_what_came_late(&mut self, turn: &mut Turn, room: RoomId) -> Result<(), ErrorCode> {
        let record = self.data()?.room(room)?;
        let page = page_before(record.since);
        let may_lack = record.since > 0 && record.unfetched.is_none_or(|below| below <= page) && record.branches.is_empty();
        let asked = self.shelves.looked_at.get(&room).is_some_and(|at| turn.now < at + AGAIN_MS);
        if !may_lack || asked || !self.net.live() {
            return Ok(());
        }
        self.shelves.looked_at.insert(room, turn.now);
        if let Some(archive) = self.archive_key()? {
            self.ask_page(turn, room, archive.shelf(room)?, Some(page + 1), None);
        }
        Ok(())
    }

    fn ask_page(&mut self, turn: &mut Turn, room: RoomId, shelf: ShelfId, below: Option<u64>, then: Option<ShownPage>) {
        let wanted = vec![PageWanted { shelf, below }];
        self.post(turn, "/api/v1/archive/read", &ReadPages { wanted }, Pending::History { room, then });
    }

    pub(super) fn history_read(&mut self, turn: &mut Turn, room: RoomId, then: Option<ShownPage>, body: &[u8]) -> Result<(), ErrorCode> {
        let mut answer: ArchivePages = codec::decode(body, limits::ARCHIVE_BODY)?;
        let Some(archive) = self.archive_key()? else { return Ok(()) };
        let Some(stored) = answer.pages.pop() else {
            return self.history_done(turn, room, then, None);
        };
        let page = open_or_empty(&archive, room, &stored);
        self.load_page(turn, room, page.number, |_| Load::FromShelf { page: Box::new(page), then });
        Ok(())
    }

    /// The own rows of a fetched page are here: what is not among them is added.
    pub(super) fn page_from_shelf(&mut self, turn: &mut Turn, page: Page, then: Option<ShownPage>, rows: &[Row]) -> Result<(), ErrorCode> {
        let own = self.open_entries(rows)?;
        self.meet(&page.people)?;
        let mut record = self.data()?.room(page.room)?;
        // What this device has not come to yet the log brings.
        let is_missing = |line: &EntryRecord| !own.contains_key(&line.seq) && line.seq <= record.cursor;
        let missing: Vec<EntryRecord> = page.entries.into_values().filter(is_missing).collect();
        let again = record.unfetched.is_none_or(|below| page.number >= below);
        let few = missing.len() < FEW && !again;
        let before = bits_of(page.number, 1, record.since.saturating_sub(1));
        if page.number == page_before(record.since) && page.seen & before == before {
            record.since = 0;
        }
        // What is a request is not archived: another own device has accepted it.
        if record.peer.is_some() && !missing.is_empty() {
            self.is_accepted(&mut record)?;
        }
        if !again {
            record.unfetched = Some(page.number).filter(|below| *below > 0);
        }
        let mut texts = missing.iter().rev().filter_map(|record| match &record.body {
            EntryKindRecord::Text { author, text, .. } => Some((*author, text)),
            _ => None,
        });
        if let (None, Some((author, text))) = (&record.preview, texts.next()) {
            record.preview = Some(preview(text));
            record.preview_mine = author == self.data()?.account();
        }
        self.data()?.put_room(&record)?;
        for line in missing {
            self.add_line(turn, &record, line)?;
        }
        self.show_room(turn, &record)?;
        if few && record.unfetched.is_some() { self.fetch_history(turn, &record, then) } else { self.show_again(turn, then) }
    }

    /// Nothing is there, or nothing can be had now.
    pub(super) fn history_done(
        &mut self,
        turn: &mut Turn,
        room: RoomId,
        then: Option<ShownPage>,
        failed: Option<ErrorCode>,
    ) -> Result<(), ErrorCode> {
        if let (None, Some(mut record)) = (failed, self.data()?.find_room(room)?) {
            record.unfetched = None;
            self.data()?.put_room(&record)?;
        }
        self.show_again(turn, then)
    }

    /// People that this device has not met, as another one of the account knows them.
    fn meet(&self, people: &[ContactRecord]) -> Result<(), ErrorCode> {
        let data = self.data()?;
        for person in people {
            let key = <&[u8; 32]>::try_from(person.account_key.as_slice()).map_err(|_| ErrorCode::NotAuthentic)?;
            let known = data.find_contact(person.account)?.is_some() || data.find_contact_named(&person.name)?.is_some();
            if !known && account_id(key) == person.account {
                data.put_contact(person)?;
            }
        }
        Ok(())
    }
}

/// A page that does not open holds nothing that can be shown; those before it may.
fn open_or_empty(archive: &ArchiveKey, room: RoomId, stored: &ArchivePage) -> Page {
    archive.open(room, stored).unwrap_or_else(|_| empty(room, stored.page))
}

/// A page with nothing on it.
pub(super) const fn empty(room: RoomId, number: u64) -> Page {
    Page { room, number, entries: BTreeMap::new(), people: Vec::new(), seen: 0 }
}

/// The page of the newest position before one.
const fn page_before(seq: Seq) -> u64 {
    page_of(seq.saturating_sub(1))
}

fn people_of(line: &EntryKindRecord, accounts: &mut BTreeSet<AccountId>) {
    match line {
        EntryKindRecord::Text { author, .. } => _ = accounts.insert(*author),
        EntryKindRecord::Created { by }
        | EntryKindRecord::Named { by, .. }
        | EntryKindRecord::Shared { by, .. }
        | EntryKindRecord::Described { by, .. }
        | EntryKindRecord::Pictured { by } => _ = accounts.insert(*by),
        EntryKindRecord::NewDevice { who } => _ = accounts.insert(*who),
        EntryKindRecord::Members { by, came, went, others } => {
            accounts.insert(*by);
            accounts.extend(came.iter().chain(went).chain(others.iter().map(|other| &other.account)));
        }
        _ => {}
    }
}
