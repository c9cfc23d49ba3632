//! The person's choices on all own devices: they are read when a connection is made, and when the person comes back; what was chosen here is
//! written over the version that was read, and merged with what another device wrote meanwhile.

use sotto_client_api::views::{ChoicesView, Phase};
use sotto_client_api::{Reply, Update};
use sotto_protocol::api::{ArchivePages, DeleteShelves, ErrorBody, PageWanted, PagesPut, PutPages, ReadPages};
use sotto_protocol::{DeviceId, ErrorCode, Millis, RoomId, codec, limits};

use super::cards::shown_name;
use super::net::Pending;
use super::{Engine, Turn};
use crate::choices::{Choice, Choices, Verified};
use crate::records::{ChoicesRecord, ContactRecord};

/// They are not asked for more often than this when a person comes back.
const READ_AGAIN_MS: Millis = 60_000;

impl Engine {
    pub(super) fn choices(&self, turn: &mut Turn, id: u32) -> Result<(), ErrorCode> {
        let known = self.data()?.choices()?;
        let Choices { card, unarchived, .. } = &known.choices;
        let view = ChoicesView { name: card.value.name.clone(), picture: card.value.picture.0.clone(), archive: !unarchived.value };
        turn.reply(id, Reply::Choices(view));
        Ok(())
    }

    /// Changes a choice: here at once, on the server as soon as that can be.
    pub(super) fn choose(&mut self, turn: &mut Turn, change: impl FnOnce(&mut Choices, Millis)) -> Result<(), ErrorCode> {
        self.change_choices(|record| {
            change(&mut record.choices, turn.now);
            record.unsaved = true;
        })?;
        self.save_choices(turn)
    }

    fn change_choices(&self, change: impl FnOnce(&mut ChoicesRecord)) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let mut record = ChoicesRecord::clone(&*data.choices()?);
        change(&mut record);
        data.put_choices(&record)
    }

    pub(super) fn set_muted(&mut self, turn: &mut Turn, id: u32, room: RoomId, muted: bool) -> Result<(), ErrorCode> {
        let record = self.data()?.room(room)?;
        self.choose(turn, |choices, now| choices.rooms.entry(room).or_default().muted.set(muted, now))?;
        turn.reply(id, Reply::Done);
        self.show_room(turn, &record)
    }

    pub(super) fn name_device(&mut self, turn: &mut Turn, id: u32, device: DeviceId, name: &str) -> Result<(), ErrorCode> {
        let name = shown_name(name)?;
        if !self.own_devices()?.contains(&device) {
            return Err(ErrorCode::DeviceUnknown);
        }
        self.choose(turn, |choices, now| choices.devices.entry(device).or_default().set(name, now))?;
        turn.reply(id, Reply::Done);
        Ok(())
    }

    /// Whether history is kept for new devices: of one room, or of all. What was kept of it goes when it is not to be; what is said
    /// meanwhile does not come into it later.
    pub(super) fn set_archiving(&mut self, turn: &mut Turn, id: u32, room: Option<RoomId>, on: bool) -> Result<(), ErrorCode> {
        let rooms: Vec<_> = match room {
            Some(room) => vec![self.data()?.room(room)?],
            None => self.data()?.rooms()?,
        };
        self.choose(turn, |choices, now| {
            for record in &rooms {
                let of_room = choices.rooms.entry(record.room).or_default();
                of_room.unarchived_upto = of_room.unarchived_upto.max(record.cursor);
            }
            match room {
                Some(room) => choices.rooms.entry(room).or_default().unarchived.set(!on, now),
                None => choices.unarchived.set(!on, now),
            }
        })?;
        turn.reply(id, Reply::Done);
        if !on {
            self.change_choices(|record| record.to_empty.push(room))?;
            self.empty_shelves(turn)?;
        }
        match room {
            Some(room) => self.show_room(turn, &self.data()?.room(room)?),
            None => self.show_rooms(turn),
        }
    }

    /// Deletes what the archive has of rooms that are not to be in it, or everything: the choices too then, so they are written again. Tried
    /// by each connection until the server has done it.
    fn empty_shelves(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let asked = self.requests.values().any(|pending| matches!(pending, Pending::EmptyShelves { .. }));
        let (Some(archive), false, true) = (self.archive_key()?, asked, self.net.live()) else { return Ok(()) };
        let Some(room) = self.data()?.choices()?.to_empty.first().copied() else { return Ok(()) };
        let shelves = room.map(|room| archive.shelf(room)).transpose()?.map(|shelf| vec![shelf]);
        self.post(turn, "/api/v1/archive/delete", &DeleteShelves { shelves }, Pending::EmptyShelves { room });
        Ok(())
    }

    pub(super) fn shelves_emptied(&mut self, turn: &mut Turn, room: Option<RoomId>) -> Result<(), ErrorCode> {
        self.change_choices(|record| {
            record.to_empty.retain(|other| *other != room);
            if room.is_none() {
                (record.version, record.unsaved) = (0, true);
            }
        })?;
        self.empty_shelves(turn)?;
        self.save_choices(turn)
    }

    /// The person is back: another own device may have chosen something.
    pub(super) fn look_at_choices(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let due = turn.now.saturating_sub(self.shelves.choices_read_at) >= READ_AGAIN_MS;
        if due { self.read_choices(turn) } else { Ok(()) }
    }

    /// A connection was made.
    pub(super) fn begin_choices(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.empty_shelves(turn)?;
        self.read_choices(turn)
    }

    /// Asks for them.
    pub(super) fn read_choices(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let asked = self.requests.values().any(|pending| matches!(pending, Pending::ReadChoices));
        if let (Some(archive), true, false) = (self.archive_key()?, self.net.live(), asked) {
            self.shelves.choices_read_at = turn.now;
            let wanted = vec![PageWanted { shelf: archive.choices_shelf()?, below: None }];
            self.post(turn, "/api/v1/archive/read", &ReadPages { wanted }, Pending::ReadChoices);
        }
        Ok(())
    }

    pub(super) fn choices_read(&mut self, turn: &mut Turn, body: &[u8]) -> Result<(), ErrorCode> {
        let answer: ArchivePages = codec::decode(body, limits::ARCHIVE_BODY)?;
        let Some(archive) = self.archive_key()? else { return Ok(()) };
        let stored = answer.pages.first();
        // What does not open is of no use to anybody: it is written anew.
        let theirs = stored.and_then(|page| archive.open_choices(page).ok()).unwrap_or_default();
        let before = self.data()?.choices()?;
        self.change_choices(|record| {
            record.version = stored.map_or(0, |page| page.version);
            record.choices.merge(&theirs);
            record.unsaved = record.choices != theirs;
        })?;
        let now = self.data()?.choices()?;
        if now.choices != before.choices {
            self.choices_changed(turn, &now.choices)?;
        }
        self.save_choices(turn)
    }

    /// Another own device has chosen otherwise.
    fn choices_changed(&mut self, turn: &mut Turn, now: &Choices) -> Result<(), ErrorCode> {
        let data = self.data()?;
        for (account, choice) in &now.verified {
            let known = data.find_contact(*account)?;
            match (known, &choice.value) {
                (Some(mut contact), verified) => {
                    let at = verified.as_ref().map(|_| choice.at);
                    if contact.verified_at != at {
                        contact.verified_at = at;
                        data.put_contact(&contact)?;
                    }
                }
                (None, Some(verified)) if data.find_contact_named(&verified.name)?.is_none() => {
                    let key = <&[u8; 32]>::try_from(verified.account_key.as_slice()).map_err(|_| ErrorCode::NotAuthentic)?;
                    if sotto_rules::identity::account_id(key) == *account {
                        data.put_contact(&ContactRecord::compared(*account, verified, choice.at))?;
                    }
                }
                (None, _) => {}
            }
        }
        self.draw_me(turn)?;
        self.show_rooms(turn)?;
        self.flush_outbox(turn)
    }

    /// Writes them if the server has older ones.
    pub(super) fn save_choices(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let busy = self.requests.values().any(|pending| matches!(pending, Pending::ReadChoices | Pending::PutChoices { .. }));
        let record = self.data()?.choices()?;
        let Some(archive) = self.archive_key()?.filter(|_| record.unsaved && !busy && self.net.live()) else { return Ok(()) };
        let version = record.version + 1;
        let page = archive.seal_choices(&record.choices, version)?;
        self.post(turn, "/api/v1/archive", &PutPages { pages: vec![page] }, Pending::PutChoices { version, written: record });
        Ok(())
    }

    /// Nothing is lost: what is not there yet is written by the next connection, or with the next choice.
    pub(super) fn choices_not_put(&mut self, turn: &mut Turn, error: &ErrorBody) -> Result<(), ErrorCode> {
        if error.code == ErrorCode::ArchiveFull {
            turn.emit(Update::Notice { code: error.code, room: None });
        }
        Ok(())
    }

    /// They were written, or another device was first: then its are read.
    pub(super) fn choices_put(&mut self, turn: &mut Turn, version: u64, written: &ChoicesRecord, body: &[u8]) -> Result<(), ErrorCode> {
        let answer: PagesPut = codec::decode(body, limits::API_BODY)?;
        if !answer.refused.is_empty() {
            return self.read_choices(turn);
        }
        self.change_choices(|record| {
            record.version = version;
            record.unsaved = record.choices != written.choices;
        })?;
        self.save_choices(turn)
    }

    /// The own identity choices for a contact, for all own devices.
    pub(super) fn choose_verified(&mut self, turn: &mut Turn, contact: &ContactRecord) -> Result<(), ErrorCode> {
        let account_key = contact.account_key.clone();
        let verified = contact.verified_at.map(|_| Verified { name: contact.name.clone(), account_key });
        self.choose(turn, |choices, now| {
            choices.verified.entry(contact.account).or_insert_with(|| Choice { at: 0, value: None }).set(verified, now);
        })
    }

    /// The person is shown in another way, maybe.
    pub(super) fn draw_me(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        if matches!(self.phase, Phase::Ready { .. }) { self.show_ready(turn) } else { Ok(()) }
    }
}
