//! What the page is told: rooms, entries and states as views.

use sotto_client_api::Update;
use sotto_client_api::views::{self, Delivery, EntryBody, EntryView, MessageView, PersonView, Phase, Preview, RoomView, SystemLine, Trust};
use sotto_protocol::frames::Ack;
use sotto_protocol::{AccountId, ErrorCode, Seq, UserName};

use super::people::trust;
use super::{Engine, Turn};
use crate::records::{Behind, Change, Changed, EntryKindRecord, EntryRecord, OutboxRecord, RoomRecord, Seat, key};

impl Engine {
    pub(super) fn person(&self, account: AccountId) -> Result<PersonView, ErrorCode> {
        let name = match self.data()?.find_contact(account)? {
            Some(contact) => contact.name,
            // Somebody in a group whose name the server has not said yet, or not rightly.
            None => UserName::parse(&account.to_string()[..8])?,
        };
        self.person_named(account, name)
    }

    fn names(&self, accounts: &[AccountId]) -> Result<String, ErrorCode> {
        let names = accounts.iter().map(|account| Ok(self.person(*account)?.shown().to_owned()));
        Ok(names.collect::<Result<Vec<_>, ErrorCode>>()?.join(", "))
    }

    /// Who would be in a room, in its older state: the others, or oneself alone.
    fn people_of(&self, behind: &Behind) -> Result<String, ErrorCode> {
        let own = self.data()?.account();
        let Some(members) = &behind.members else { return Ok(String::new()) };
        let others: Vec<_> = members.iter().copied().filter(|account| *account != own).collect();
        if others.is_empty() { Ok(self.me()?.shown().to_owned()) } else { self.names(&others) }
    }

    /// The lines of an open room again, because people in them have names now.
    pub(super) fn redraw(&self, turn: &mut Turn, room: &RoomRecord) -> Result<(), ErrorCode> {
        let Some(open) = self.open.get(&room.room) else { return Ok(()) };
        let mut entries = Vec::new();
        for record in open.from(0) {
            self.draw_entry(&mut entries, room, record)?;
        }
        turn.emit(Update::Entries { room: room.room, entries });
        Ok(())
    }

    pub(super) fn room_view(&self, room: &RoomRecord) -> Result<RoomView, ErrorCode> {
        let data = self.data()?;
        let contact = room.peer.map(|peer| self.contact(peer)).transpose()?;
        let notes = room.peer == Some(data.account());
        let blocked = self.is_silenced(room)?;
        let known = data.choices()?;
        let mut peer = room.peer.map(|peer| self.person(peer)).transpose()?;
        // Strangers are shown by what the server knows them by, whatever they would like to be called.
        if let Some(stranger) = peer.as_mut().filter(|_| room.request.is_some()) {
            (stranger.shown, stranger.picture) = (None, None);
        }
        let title = peer.as_ref().map(|peer| peer.shown().to_owned()).or_else(|| room.name.clone()).unwrap_or_default();
        Ok(RoomView {
            room: room.room,
            title,
            peer,
            notes,
            trust: contact.as_ref().map_or(Trust::Pinned, trust),
            unread: u32::try_from(room.unread.len()).unwrap_or(u32::MAX),
            preview: room.preview.clone().map(|text| Preview { text, mine: room.preview_mine }),
            active_at: room.active_at,
            can_send: self.may_send(room)?,
            draft: data.find::<String>(&key::draft(room.room))?.is_some(),
            behind: room.behind.as_ref().filter(|behind| !behind.agreed).map(|behind| self.people_of(behind)).transpose()?,
            heard_at: (room.heard_at > 0).then_some(room.heard_at),
            request: room.request.map(|by| self.person(by).map(Box::new)).transpose()?,
            blocked,
            muted: known.choices.is_muted(room.room),
            archived: !known.choices.is_unarchived(room.room),
            about: room.about.clone(),
            picture: (!room.picture.0.is_empty()).then_some(room.named_at),
        })
    }

    /// Whether the person may write. What was written before waits.
    fn may_send(&self, room: &RoomRecord) -> Result<Result<(), ErrorCode>, ErrorCode> {
        Ok(match room.seat {
            Seat::Removed => Err(ErrorCode::NotMember),
            _ if room.leaving.is_some() => Err(ErrorCode::Leaving),
            _ if self.is_deserted(room)? => Err(ErrorCode::AccountDeleted),
            _ if self.is_silenced(room)? => Err(ErrorCode::Blocked),
            _ if room.has_ghost() => Err(ErrorCode::GhostDevice),
            _ if self.waits_for_person(room)? => Err(ErrorCode::IdentityChanged),
            _ => Ok(()),
        })
    }

    pub(super) fn show_room(&self, turn: &mut Turn, room: &RoomRecord) -> Result<(), ErrorCode> {
        if !room.hidden {
            turn.emit(Update::Room(self.room_view(room)?));
        }
        Ok(())
    }

    /// Everything that is drawn, for a tab that came later.
    pub(super) fn show_all(&self, turn: &mut Turn) -> Result<(), ErrorCode> {
        turn.emit(Update::Phase(self.phase.clone()));
        turn.emit(Update::Connection(self.net.view()));
        match self.phase {
            Phase::Ready { .. } | Phase::SessionEnded { .. } => self.show_rooms(turn),
            _ => Ok(()),
        }
    }

    pub(super) fn show_rooms(&self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let mut rooms = self.data()?.rooms()?;
        rooms.retain(|room| !room.hidden && !matches!(room.seat, Seat::Creating { .. }));
        rooms.sort_by_key(|room| std::cmp::Reverse(room.active_at));
        let views = rooms.iter().map(|room| self.room_view(room)).collect::<Result<_, _>>()?;
        turn.emit(Update::Rooms(views));
        self.show_asks(turn)
    }

    /// A new line of a room, at its position in the log: stored with this turn at its place, and drawn if the room is open.
    pub(super) fn add_line(&mut self, turn: &mut Turn, room: &RoomRecord, mut record: EntryRecord) -> Result<(), ErrorCode> {
        record.seq = room.place(record.seq);
        let is_open = self.open.get_mut(&room.room).map(|open| open.keep(record.clone())).is_some();
        if is_open {
            let mut entries = Vec::new();
            self.draw_entry(&mut entries, room, &record)?;
            turn.emit(Update::Entries { room: room.room, entries });
        }
        Self::store_entry(turn, room.room, record);
        Ok(())
    }

    /// The line of an entry, and the one before it that tells what is missing there.
    pub(super) fn draw_entry(&self, lines: &mut Vec<EntryView>, room: &RoomRecord, record: &EntryRecord) -> Result<(), ErrorCode> {
        if let (1.., EntryKindRecord::Text { author: who, .. } | EntryKindRecord::Named { by: who, .. }) = (record.missing, &record.body) {
            let body = EntryBody::System(SystemLine::Withheld { who: self.person(*who)?, count: record.missing });
            lines.push(EntryView { key: format!("m{}", record.seq), seq: Some(record.seq), at: record.at, body });
        }
        lines.push(self.entry_view(room, record)?);
        Ok(())
    }

    fn entry_view(&self, room: &RoomRecord, record: &EntryRecord) -> Result<EntryView, ErrorCode> {
        let seq = Some(record.seq);
        let system = |line| EntryView { key: format!("s{}", record.seq), seq, at: record.at, body: EntryBody::System(line) };
        Ok(match &record.body {
            EntryKindRecord::Text { .. } => {
                let message = self.message_view(room, record)?.ok_or(ErrorCode::Internal)?;
                EntryView { key: message.id.to_string(), seq, at: record.at, body: EntryBody::Message(message) }
            }
            EntryKindRecord::Created { by } => system(SystemLine::Created { by: self.person(*by)? }),
            EntryKindRecord::NewDevice { who } => system(SystemLine::NewDevice { who: self.person(*who)? }),
            EntryKindRecord::JoinedHere => system(SystemLine::JoinedHere),
            EntryKindRecord::Missing { count } => system(SystemLine::Missing { count: *count }),
            EntryKindRecord::NotReadable => system(SystemLine::NotReadable),
            EntryKindRecord::WentBack => system(SystemLine::WentBack),
            EntryKindRecord::Members { by, came, went, others } => {
                let others = others.iter().map(|Changed { account, what }| Ok(((*what).into(), self.person(*account)?)));
                let others = others.collect::<Result<_, ErrorCode>>()?;
                system(SystemLine::Members { by: self.person(*by)?, came: self.names(came)?, went: self.names(went)?, others })
            }
            EntryKindRecord::Named { by, name } => system(SystemLine::Named { by: self.person(*by)?, name: name.clone() }),
            EntryKindRecord::Described { by, about } => system(SystemLine::Described { by: self.person(*by)?, about: about.clone() }),
            EntryKindRecord::Pictured { by } => system(SystemLine::Pictured { by: self.person(*by)? }),
            EntryKindRecord::Shared { by, with } => system(SystemLine::Shared { by: self.person(*by)?, with: self.person(*with)? }),
            EntryKindRecord::SeatTakenAgain { who, came, went } => {
                system(SystemLine::SeatTakenAgain { who: self.person(*who)?, came: self.names(came)?, went: self.names(went)? })
            }
            EntryKindRecord::Withheld { who, count } => system(SystemLine::Withheld { who: self.person(*who)?, count: *count }),
            EntryKindRecord::Missed { count } => system(SystemLine::Missed { count: *count }),
        })
    }

    fn message_view(&self, room: &RoomRecord, record: &EntryRecord) -> Result<Option<MessageView>, ErrorCode> {
        let EntryKindRecord::Text { id, author, text, shared, .. } = &record.body else { return Ok(None) };
        let mine = *author == self.data()?.account();
        let delivery = if mine && shared.is_none() { delivery(room, record.seq) } else { Delivery::Read };
        let author = match shared {
            // Somebody who had left by then: known by what the one who shared it says.
            Some(shared) if self.data()?.find_contact(*author)?.is_none() && !mine => PersonView::plain(*author, shared.name.clone()),
            _ => self.person(*author)?,
        };
        let shared_by = shared.as_ref().map(|shared| self.person(shared.by)).transpose()?;
        let lost = room.position(record.seq).is_none();
        let (id, seq, text, at) = (*id, Some(record.seq), text.clone(), record.at);
        Ok(Some(MessageView { id, seq, author, mine, text, at, delivery, lost, shared_by }))
    }

    fn outgoing_view(&self, outgoing: &OutboxRecord, delivery: Delivery) -> Result<Option<MessageView>, ErrorCode> {
        let Some(text) = outgoing.text.clone() else { return Ok(None) };
        let (id, at, author) = (outgoing.id, outgoing.at, self.me()?);
        Ok(Some(MessageView { id, seq: None, author, mine: true, text, at, delivery, lost: false, shared_by: None }))
    }

    pub(super) fn outgoing_entry(&self, outgoing: &OutboxRecord) -> Result<Option<EntryView>, ErrorCode> {
        let delivery = if outgoing.failed { Delivery::Failed } else { Delivery::Sending };
        Ok(self.outgoing_view(outgoing, delivery)?.map(|message| EntryView {
            key: message.id.to_string(),
            seq: None,
            at: message.at,
            body: EntryBody::Message(message),
        }))
    }

    /// A message on its way out is new or changed.
    pub(super) fn show_outgoing(&self, turn: &mut Turn, outgoing: &OutboxRecord) -> Result<(), ErrorCode> {
        let is_open = self.open.contains_key(&outgoing.room);
        if let (true, Some(entry)) = (is_open, self.outgoing_entry(outgoing)?) {
            turn.emit(Update::Entries { room: outgoing.room, entries: vec![entry] });
        }
        Ok(())
    }

    /// The server has it: "sent", before the log comes round.
    pub(super) fn show_acked(&self, turn: &mut Turn, outgoing: &OutboxRecord, ack: &Ack) -> Result<(), ErrorCode> {
        if let Some(mut message) = self.outgoing_view(outgoing, Delivery::Sent)? {
            message.at = ack.at;
            turn.emit(Update::Message { room: outgoing.room, message });
        }
        Ok(())
    }

    /// Draws own messages after `seq`, whose state a receipt has changed.
    pub(super) fn draw_receipt(&self, lines: &mut Vec<EntryView>, room: &RoomRecord, seq: Seq) -> Result<(), ErrorCode> {
        let Some(open) = self.open.get(&room.room) else { return Ok(()) };
        let own = self.data()?.account();
        for record in open.from(seq.saturating_add(1)) {
            if matches!(&record.body, EntryKindRecord::Text { author, .. } if *author == own) {
                lines.push(self.entry_view(room, record)?);
            }
        }
        Ok(())
    }
}

impl From<Change> for views::Change {
    fn from(change: Change) -> Self {
        match change {
            Change::DeviceCame => Self::DeviceCame,
            Change::DeviceWent => Self::DeviceWent,
            Change::Left => Self::Left,
            Change::Deleted => Self::Deleted,
            Change::Member => Self::Member,
            Change::Admin => Self::Admin,
            Change::Owner => Self::Owner,
        }
    }
}

fn delivery(room: &RoomRecord, seq: Seq) -> Delivery {
    // Receipts that came after the log went back say nothing of what it held before.
    let before = room.branches.iter().find(|branch| seq < branch.begins);
    let (delivered, read) = before.map_or((room.peer_delivered, room.peer_read), |branch| (branch.delivered, branch.read));
    if seq <= read {
        Delivery::Read
    } else if seq <= delivered {
        Delivery::Delivered
    } else {
        Delivery::Sent
    }
}
