//! Requests: a room that somebody unknown has brought this account into waits for the person to decide. Until then nothing of it leaves by itself, so that
//! nobody learns whether it was seen: no receipts, and no page of the archive.
//!
//! That it was accepted stands in the contact. The account's other devices hear of it in the room: whatever an own device says there says it.

use sotto_client_api::Reply;
use sotto_protocol::{AccountId, DeviceId, ErrorCode, RoomId, Seq};

use super::timeline::Load;
use super::{Engine, Turn};
use crate::io::{Effect, Row, Store};
use crate::mls;
use crate::records::{RoomRecord, Seat, key};

/// Lines that are deleted in one batch.
const ERASED_AT_ONCE: u32 = 200;

impl Engine {
    /// Whether the person has to do with an account: opened a room with it, accepted its request, compared identities, is in a group with it.
    pub(super) fn knows(&mut self, account: AccountId) -> Result<bool, ErrorCode> {
        let data = self.data()?;
        let contact = data.find_contact(account)?;
        if account == data.account() || contact.is_some_and(|contact| contact.accepted || contact.verified_at.is_some()) {
            return Ok(true);
        }
        for room in data.rooms()?.into_iter().filter(|room| room.request.is_none()) {
            let shared = match room.peer {
                Some(peer) => peer == account,
                // One that does not load is healed when it is worked on.
                None if room.seat == Seat::Taken => self
                    .data_mut()?
                    .with_group(room.room, |_, group| mls::members(group))
                    .is_ok_and(|members| members.iter().any(|(_, leaf)| leaf.account() == account)),
                None => false,
            };
            if shared {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The person has to do with an account from now on.
    pub(super) fn remember(&self, account: AccountId) -> Result<(), ErrorCode> {
        let data = self.data()?;
        match data.find_contact(account)?.filter(|contact| !contact.accepted) {
            Some(mut contact) => {
                contact.accepted = true;
                data.put_contact(&contact)
            }
            None => Ok(()),
        }
    }

    pub(super) fn accept_request(&mut self, turn: &mut Turn, id: u32, room: RoomId) -> Result<(), ErrorCode> {
        self.accept(turn, room)?;
        turn.reply(id, Reply::Done);
        self.flush_outbox(turn)
    }

    /// The person takes a request on: what was held back leaves. Answers the room as it is then.
    pub(super) fn accept(&mut self, turn: &mut Turn, room: RoomId) -> Result<RoomRecord, ErrorCode> {
        let mut record = self.data()?.room(room)?;
        if record.request.is_none() {
            return Ok(record);
        }
        self.is_accepted(&mut record)?;
        self.data()?.put_room(&record)?;
        // A receipt is what the own other devices hear of it by, so one goes to them even where it says nothing new.
        if self.own_devices()?.len() > 1 && self.is_with_somebody(&record) && record.seat == Seat::Taken {
            self.say_receipt(turn, &mut record)?;
            self.data()?.put_room(&record)?;
        } else {
            self.queue_receipt(turn, room)?;
        }
        self.archive_soon(turn.now);
        let record = self.data()?.room(room)?;
        self.show_room(turn, &record)?;
        Ok(record)
    }

    /// It was accepted, here or on another own device.
    pub(super) fn is_accepted(&self, record: &mut RoomRecord) -> Result<(), ErrorCode> {
        record.hidden = false;
        record.request.take().map_or(Ok(()), |by| self.remember(by))
    }

    /// Another own device took a seat by itself in a room that is no request. It can't know that, so the first of those who do says something.
    pub(super) fn tell_newcomer(&mut self, turn: &mut Turn, record: &mut RoomRecord, newcomer: DeviceId) -> Result<(), ErrorCode> {
        if record.request.is_some() || !self.is_with_somebody(record) {
            return Ok(());
        }
        let own = self.data()?.account();
        let members = self.data_mut()?.with_group(record.room, |_, group| mls::members(group))?;
        let first = members.iter().find(|(_, leaf)| leaf.account() == own && leaf.device != newcomer);
        let is_first = first.is_some_and(|(_, leaf)| self.data().is_ok_and(|data| data.device.device() == leaf.device));
        if is_first { self.say_receipt(turn, record) } else { Ok(()) }
    }

    /// Whether it is a direct room with somebody else.
    fn is_with_somebody(&self, record: &RoomRecord) -> bool {
        record.peer.is_some_and(|peer| self.data().is_ok_and(|data| data.account() != peer))
    }

    pub(super) fn delete_request(&mut self, turn: &mut Turn, id: u32, room: RoomId) -> Result<(), ErrorCode> {
        let record = self.data()?.room(room)?;
        if record.request.is_none() {
            return Err(ErrorCode::NotFound);
        }
        self.hide(turn, record)?;
        turn.reply(id, Reply::Done);
        Ok(())
    }

    /// Takes a request out of the list until somebody writes there again, and its lines off this device. The seat stays: who gives it up is seen to.
    pub(super) fn hide(&mut self, turn: &mut Turn, mut record: RoomRecord) -> Result<(), ErrorCode> {
        record.hidden = true;
        record.preview = None;
        record.unread.clear();
        record.archived = record.cursor;
        record.erased_upto = record.place(record.cursor);
        let data = self.data()?;
        data.delete(&key::draft(record.room))?;
        data.put_room(&record)?;
        self.open.remove(&record.room);
        self.erase_lines(turn, record.room, record.erased_upto);
        self.show_rooms(turn)
    }

    /// Goes on where a browser was closed.
    pub(super) fn erase_on(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        for record in self.data()?.rooms()?.iter().filter(|record| record.erased_upto > 0) {
            let asked = |load: &Load| matches!(load, Load::Erased(room, _) if *room == record.room);
            if !self.loads.values().any(asked) {
                self.erase_lines(turn, record.room, record.erased_upto);
            }
        }
        Ok(())
    }

    fn erase_lines(&mut self, turn: &mut Turn, room: RoomId, upto: Seq) {
        let id = self.id();
        self.loads.insert(id, Load::Erased(room, upto));
        let (from, to) = (key::entry(room, 0), key::entry(room, upto));
        turn.effects.push(Effect::Load { id, store: Store::Entries, from, to, newest: ERASED_AT_ONCE });
    }

    /// Some lines are here: they go, and then the next ones.
    pub(super) fn erase_loaded(&mut self, turn: &mut Turn, room: RoomId, upto: Seq, rows: Vec<Row>) -> Result<(), ErrorCode> {
        let full = u32::try_from(rows.len()).is_ok_and(|count| count >= ERASED_AT_ONCE);
        turn.erased.extend(rows.into_iter().map(|row| row.key));
        if full {
            self.erase_lines(turn, room, upto);
            return Ok(());
        }
        let data = self.data()?;
        match data.find_room(room)?.filter(|record| record.erased_upto == upto) {
            Some(mut record) => {
                record.erased_upto = 0;
                data.put_room(&record)
            }
            None => Ok(()),
        }
    }
}
