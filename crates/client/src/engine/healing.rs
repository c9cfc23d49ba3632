//! Healing: what the engine does for each way in which a room can be out of step with its log. [`policy`] is the whole table.
//!
//! Nothing here is urgent enough to guess: a fault is what was found after the failed turn was rolled back, on the state that stands
//! in the journal. A seat is taken again one attempt at a time (`Seat::Lost`, `Seat::Joining`), see `seats`.

use sotto_client_api::Update;
use sotto_protocol::api::RoomState;
use sotto_protocol::frames::{Entry, EntryKind};
use sotto_protocol::{Bytes, Epoch, ErrorCode, RoomId};

use super::{Engine, Turn};
use crate::mls;
use crate::records::{EntryKindRecord, EntryRecord, RoomRecord, Seat};

/// A way in which a room here is out of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Entries are missing between what is here and what came.
    Gap,
    /// Retention took entries before they could be fetched; commits may have been among them.
    Deleted,
    /// A commit that ends the own epoch does not open, or breaks a rule: its path was not made for this device, its tags are
    /// wrong, a lifetime in it is over by now.
    Commit,
    /// An entry of an epoch that this device has not reached, without the commit that leads there.
    FutureEpoch,
    /// An entry of an epoch that is over. The log is linear, so somebody repeats.
    PastEpoch,
    /// A message of the own epoch does not open: somebody sent garbage, or is in another state of this epoch (a fork).
    Message,
    /// The server's state of the own epoch is another than the own.
    Forked,
    /// The log shows what this device has published and does not know of: its data is an older copy of itself, or somebody else
    /// has a copy.
    RolledBack,
    /// The room's MLS state does not load.
    State,
    /// A Welcome that does not open here: its key package is gone, or it is not what it says.
    OrphanWelcome,
    /// The server does not know the room: the commit that led here never came to be.
    Phantom,
    /// The server shows the room as it was once.
    Behind,
    /// An own commit was refused for good.
    OwnCommitRefused,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Asks for the log from the own position on.
    AskForLog,
    /// Stays where it is until the person decides, see [`behind`](super::behind).
    AskPerson,
    /// Says so in the timeline, goes on, and compares the own state with the server's.
    SkipAndCompare,
    /// Takes the seat again by external commit (DESIGN.md §5 rule 6).
    TakeSeatAgain,
    /// Forgets a room in which nothing was said yet; of a group that this account was in, that it is not any more.
    Forget,
    /// Clears the staged commit; what it was for is due again later.
    DropCommit,
}

/// The table: what is done, and what the person is told beside the lines of the timeline.
pub(super) const fn policy(fault: Fault) -> (Remedy, Option<ErrorCode>) {
    match fault {
        Fault::Gap => (Remedy::AskForLog, None),
        Fault::PastEpoch | Fault::Message => (Remedy::SkipAndCompare, None),
        Fault::Deleted => (Remedy::TakeSeatAgain, Some(ErrorCode::Gone)),
        Fault::Commit | Fault::FutureEpoch | Fault::State => (Remedy::TakeSeatAgain, Some(ErrorCode::OutOfStep)),
        Fault::OrphanWelcome => (Remedy::TakeSeatAgain, None),
        Fault::Behind => (Remedy::AskPerson, Some(ErrorCode::ServerBehind)),
        Fault::Forked => (Remedy::TakeSeatAgain, Some(ErrorCode::Forked)),
        Fault::RolledBack => (Remedy::TakeSeatAgain, Some(ErrorCode::RolledBack)),
        Fault::Phantom => (Remedy::Forget, None),
        Fault::OwnCommitRefused => (Remedy::DropCommit, Some(ErrorCode::CommitRefused)),
    }
}

impl Engine {
    /// Whether something may be encrypted or committed in a room: the seat is taken, and the log was read up to where it was taken
    /// and up to what the server had when this connection began. A rolled-back state shows itself on that way.
    pub(super) fn in_step(&self, record: &RoomRecord) -> bool {
        let head = self.net.head(record.room);
        record.seat == Seat::Taken && !self.rests(record) && record.cursor > 0 && record.cursor >= record.joined_at.max(head)
    }

    /// An entry that could not be applied alone, with why.
    pub(super) fn misfit(&mut self, turn: &mut Turn, entry: &Entry, code: ErrorCode) -> Result<(), ErrorCode> {
        let Some(room) = self.expected(turn, entry)? else { return Ok(()) };
        let fault = self.diagnose(entry, code)?;
        if policy(fault).0 == Remedy::SkipAndCompare {
            let line = if self.is_silenced(&room)? { None } else { Some(EntryKindRecord::NotReadable) };
            self.advance(turn, room, entry, line)?;
        }
        self.out_of_step(turn, entry.room, fault)
    }

    fn diagnose(&mut self, entry: &Entry, code: ErrorCode) -> Result<Fault, ErrorCode> {
        let epoch: Result<Epoch, ErrorCode> = self.data_mut()?.with_group(entry.room, |_, group| Ok(group.epoch().as_u64()));
        Ok(match (epoch, code, entry.kind) {
            (Err(ErrorCode::StorageDamaged), ..) => Fault::State,
            (Err(code), ..) | (Ok(_), code @ ErrorCode::StorageDamaged, _) => return Err(code),
            (Ok(_), ErrorCode::RolledBack, _) => Fault::RolledBack,
            (Ok(epoch), ..) if entry.epoch > epoch => Fault::FutureEpoch,
            (Ok(epoch), ..) if entry.epoch < epoch => Fault::PastEpoch,
            (Ok(_), _, EntryKind::Commit) => Fault::Commit,
            (Ok(_), _, EntryKind::Message | EntryKind::Proposal | EntryKind::Deleted) => Fault::Message,
        })
    }

    /// Does what the table says.
    pub(super) fn out_of_step(&mut self, turn: &mut Turn, room: RoomId, fault: Fault) -> Result<(), ErrorCode> {
        let (remedy, told) = policy(fault);
        let Some(record) = self.data()?.find_room(room)? else {
            if remedy == Remedy::TakeSeatAgain {
                self.ask_room_state(turn, room, None);
            }
            return Ok(());
        };
        if let Some(code) = told {
            turn.emit(Update::Notice { code, room: Some(room) });
        }
        match remedy {
            Remedy::AskForLog => self.found_gap(turn, &record),
            Remedy::AskPerson => {}
            Remedy::SkipAndCompare => self.ask_room_state(turn, room, None),
            Remedy::TakeSeatAgain => self.lose_seat(turn, record)?,
            Remedy::Forget => self.forget_phantom(turn, record)?,
            Remedy::DropCommit => self.drop_commit(turn, record)?,
        }
        Ok(())
    }

    fn lose_seat(&mut self, turn: &mut Turn, mut record: RoomRecord) -> Result<(), ErrorCode> {
        let data = self.data_mut()?;
        data.drop_group(record.room);
        data.end_pending(&mut record, false)?;
        record.seat = Seat::Lost;
        data.put_room(&record)?;
        self.ask_room_state(turn, record.room, None);
        Ok(())
    }

    fn forget_phantom(&mut self, turn: &mut Turn, mut record: RoomRecord) -> Result<(), ErrorCode> {
        match (&record.seat, record.cursor, record.peer) {
            (Seat::Lost, 0, peer) if peer.is_some() || !self.data()?.outbox()?.iter().any(|outgoing| outgoing.room == record.room) => {
                self.forget_room(record.room)?;
                self.show_rooms(turn)
            }
            // A group that this device has been in, or has something to say in. What was said there until it was removed can't be read by a seat that was lost, and
            // nobody gives it another one.
            (Seat::Lost, _, None) => {
                self.removed_from(turn, &mut record)?;
                if record.cursor > 0 {
                    record.cursor += 1;
                    let line = EntryRecord { seq: record.cursor, at: turn.now, body: EntryKindRecord::NotReadable, missing: 0 };
                    self.add_line(turn, &record, line)?;
                }
                self.data()?.put_room(&record)?;
                self.show_room(turn, &record)
            }
            _ => Ok(()),
        }
    }

    /// The server keeps the order, so a commit that it refuses never stands in the log; if it lies, the log shows a commit that
    /// nothing here waits for ([`Fault::RolledBack`]).
    fn drop_commit(&mut self, turn: &Turn, mut record: RoomRecord) -> Result<(), ErrorCode> {
        if record.pending.is_none() {
            return Ok(());
        }
        // New keys are due again in their time: at once would ask the same server the same thing with every message.
        record.sends = 0;
        record.updated_at = turn.now;
        record.wanted.clear();
        self.clear_commit(record)
    }

    /// The staged commit is no more.
    pub(super) fn clear_commit(&mut self, mut record: RoomRecord) -> Result<(), ErrorCode> {
        let data = self.data_mut()?;
        data.with_group(record.room, mls::clear_commit)?;
        data.end_pending(&mut record, false)?;
        data.put_room(&record)
    }

    /// Compares the own state of a room with the server's: of the same epoch they must be equal.
    pub(super) fn compare(&mut self, turn: &mut Turn, room: RoomId, state: &RoomState) -> Result<(), ErrorCode> {
        let record = self.data()?.room(room)?;
        // An answer that the log has overtaken says nothing.
        if state.info.head < record.cursor || record.cursor < record.joined_at {
            return Ok(());
        }
        let (epoch, own) = self.data_mut()?.with_group(room, |_, group| Ok((group.epoch().as_u64(), mls::context(group)?)))?;
        let (theirs, their_epoch) = mls::context_of(state.group_info.as_slice())?;
        if their_epoch == epoch && own != theirs { self.out_of_step(turn, room, Fault::Forked) } else { Ok(()) }
    }

    /// An entry from before this device took its seat again: it has no key for it. Own messages are known all the same, and what
    /// others said is counted.
    pub(super) fn before_seat(&mut self, turn: &mut Turn, mut room: RoomRecord, entry: &Entry, wire_hash: Bytes) -> Result<(), ErrorCode> {
        if entry.seq == room.joined_at {
            self.say_what_is_missing(turn, &mut room)?;
            // Others may have come by themselves in what can't be read here: perhaps nobody else knows the name.
            self.repeat_name(turn, &mut room)?;
            let who = self.data()?.account();
            let (came, went) = (std::mem::take(&mut room.came), std::mem::take(&mut room.went));
            return self.advance(turn, room, entry, Some(EntryKindRecord::SeatTakenAgain { who, came, went }));
        }
        let mut line = None;
        if entry.kind == EntryKind::Message {
            let device = self.data()?.device.device();
            match self.own_in_log(&mut room, entry, device, wire_hash, false) {
                Ok(own) => line = own,
                Err(ErrorCode::RolledBack) => {
                    room.missed += 1;
                    room.missed_at = entry.seq;
                }
                Err(code) => return Err(code),
            }
        }
        self.advance(turn, room, entry, line)
    }

    fn say_what_is_missing(&mut self, turn: &mut Turn, room: &mut RoomRecord) -> Result<(), ErrorCode> {
        let count = std::mem::take(&mut room.missed);
        if count == 0 || self.is_silenced(room)? {
            return Ok(());
        }
        let line = EntryRecord { seq: room.missed_at, at: turn.now, body: EntryKindRecord::Missed { count }, missing: 0 };
        self.add_line(turn, room, line)
    }
}
