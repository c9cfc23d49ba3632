//! A server that shows a room as it was once: it was restored from a backup, or the branch of a fork that is here is the longer one.
//!
//! A seat in the past may be one among people who went since, under keys that somebody may have learned, so it is never taken by
//! itself. The room rests (nothing of it is read, encrypted or committed) until the server shows what is here again, or the person says
//! to go on with what the server has. Then the log's positions begin again where the server's log ends, and mean other entries: what is
//! stored here has a *place*, which only rises. [`RoomRecord::place`] and [`RoomRecord::position`] turn one into the other.

use sha2::{Digest as _, Sha256};
use sotto_protocol::api::{RoomState, StoredEntry};
use sotto_protocol::{AccountId, Bytes, ErrorCode, RoomId, Seq, codec, limits};
use sotto_rules::roles::Kind;

use super::healing::Fault;
use super::net::Pending;
use super::{Engine, Turn};
use crate::mls;
use crate::records::{Behind, Branch, EntryKindRecord, EntryRecord, RoomRecord, Seat};

impl RoomRecord {
    /// Where an entry of the log that is read now stands here.
    pub(super) fn place(&self, position: Seq) -> Seq {
        self.branches.last().map_or(position, |branch| position.saturating_sub(branch.base) + branch.begins)
    }

    /// Which position in the log that is read now a place has; none for what stands on an earlier branch only.
    pub(super) fn position(&self, place: Seq) -> Option<Seq> {
        let mut position = place;
        let mut branches = self.branches.iter().rev().peekable();
        // The newest branch that the place is on.
        while let Some(branch) = branches.peek() {
            if place > branch.begins {
                position = place - branch.begins + branch.base;
                break;
            }
            branches.next();
        }
        let on = branches.count();
        let later = &self.branches[on..];
        later.iter().all(|branch| position <= branch.base).then_some(position)
    }

    /// Whether it is on the branch that is read now: receipts are about this one alone.
    pub(super) fn is_of_now(&self, place: Seq) -> bool {
        self.branches.last().is_none_or(|branch| place > branch.begins)
    }
}

impl Engine {
    /// What the log of a room that rests brings is left for later: it may be another room's than the one here.
    pub(super) fn rests(&self, record: &RoomRecord) -> bool {
        record.behind.is_some() || self.net.older.contains(&record.room)
    }

    /// Rooms whose log ends before what was read of it here.
    pub(super) fn look_for_older_logs(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        for record in self.data()?.rooms()? {
            // No head: the account is in the room no more, or the server does not know it.
            if record.seat == Seat::Taken && (1..record.cursor).contains(&self.net.head(record.room)) {
                self.net.older.insert(record.room);
                self.ask_room_state(turn, record.room, None);
            }
        }
        Ok(())
    }

    /// Whether a state is older than what is here. `asked_at`: how far the log was read when it was asked for.
    pub(super) fn is_older(&mut self, record: &RoomRecord, asked_at: Seq, state: &RoomState) -> Result<bool, ErrorCode> {
        let (_, epoch) = mls::context_of(state.group_info.as_slice())?;
        // What the log has overtaken meanwhile says nothing.
        let current = state.info.head >= record.cursor && record.cursor >= record.joined_at;
        let past = self.data_mut()?.epoch(record.room).is_some_and(|own| epoch < own);
        Ok(state.info.head < asked_at.min(record.cursor) || past && (current || record.seat == Seat::Lost))
    }

    /// The room rests, and the person is asked; or has been, about the same people, and said yes.
    pub(super) fn found_older(
        &mut self,
        turn: &mut Turn,
        mut record: RoomRecord,
        reply: Option<u32>,
        state: &RoomState,
    ) -> Result<(), ErrorCode> {
        let room = record.room;
        self.net.older.remove(&room);
        let same = record.seat == Seat::Taken
            && self.data_mut()?.with_group(room, |_, group| mls::context(group))? == mls::context_of(state.group_info.as_slice())?.0;
        let members = self.members_of(&record, same, state)?;
        let known = record.behind.take();
        let is_new = known.is_none();
        if let Some(mut known) = known.filter(|known| known.agreed && known.members == members) {
            known.head = known.head.min(state.info.head);
            record.behind = Some(known);
            return self.go_back(turn, record, reply, state, same);
        }
        record.behind = Some(Behind { head: state.info.head, members, agreed: false });
        self.data()?.put_room(&record)?;
        self.show_room(turn, &record)?;
        if let Some(reply) = reply {
            turn.refuse(reply, ErrorCode::ServerBehind);
        }
        if is_new { self.out_of_step(turn, room, Fault::Behind) } else { Ok(()) }
    }

    /// Who would be in the room, by a tree that verifies and in which this device gets a seat; `None` where it gets none.
    fn members_of(&mut self, record: &RoomRecord, same: bool, state: &RoomState) -> Result<Option<Vec<AccountId>>, ErrorCode> {
        let room = record.room;
        let data = self.data_mut()?;
        let mut found = None;
        if same {
            found = Some(data.with_group(room, |_, group| Ok((mls::members(group)?, mls::kind(group)?)))?);
        } else {
            let (info, tree) = (state.group_info.as_slice(), state.ratchet_tree.as_slice());
            for leaf_key in data.leaf_keys(Some(record))? {
                data.drop_staging(room)?;
                let joined = data.within_staging(room, || {
                    mls::join_externally(&data.provider, &data.device, &leaf_key, room, info, tree)?;
                    mls::load(&data.provider, room).and_then(|group| Ok((mls::members(&group)?, mls::kind(&group)?)))
                });
                found = joined.ok();
                if found.is_some() {
                    break;
                }
            }
            data.drop_staging(room)?;
        }
        let Some((leaves, kind)) = found else { return Ok(None) };
        let mut members: Vec<AccountId> = leaves.iter().map(|(_, leaf)| leaf.account()).collect();
        members.sort_unstable();
        members.dedup();
        let own = data.account();
        let fits = match record.peer {
            Some(peer) => kind == Kind::Direct && members.iter().all(|account| [own, peer].contains(account)),
            None => kind != Kind::Direct,
        };
        Ok(fits.then_some(members))
    }

    /// The person says to go on with what the server has.
    pub(super) fn go_on(&mut self, turn: &mut Turn, id: u32, room: RoomId) -> Result<(), ErrorCode> {
        let mut record = self.data()?.room(room)?;
        match &mut record.behind {
            None => return Err(ErrorCode::NotFound),
            Some(Behind { members: None, .. }) => return Err(ErrorCode::DeviceUnknown),
            Some(behind) => behind.agreed = true,
        }
        self.data()?.put_room(&record)?;
        self.ask_room_state(turn, room, Some(id));
        Ok(())
    }

    fn go_back(
        &mut self,
        turn: &mut Turn,
        mut record: RoomRecord,
        reply: Option<u32>,
        state: &RoomState,
        same: bool,
    ) -> Result<(), ErrorCode> {
        let room = record.room;
        if !same {
            let data = self.data_mut()?;
            data.end_pending(&mut record, false)?;
            data.put_room(&record)?;
            return self.stage_seat(turn, room, reply, state);
        }
        // Messages are lost, and no commit: the keys that are here are those of now.
        self.begin_branch(turn, &mut record)?;
        self.join_log(turn, &record);
        self.show_room(turn, &record)?;
        self.answer_room(turn, room, reply)?;
        self.flush_outbox(turn)
    }

    /// From here on the log is the server's. What stands here stays, and says that it is here only.
    pub(super) fn begin_branch(&mut self, turn: &mut Turn, record: &mut RoomRecord) -> Result<(), ErrorCode> {
        let Some(behind) = record.behind.take() else { return Ok(()) };
        let base = behind.head.min(record.cursor);
        let begins = record.place(record.cursor) + 1;
        record.branches.push(Branch { base, begins, delivered: record.peer_delivered, read: record.peer_read });
        record.cursor = base;
        record.tip = Bytes::default();
        record.joined_at = record.joined_at.min(base);
        record.named_at = record.named_at.min(base);
        (record.missed, record.missed_at) = (0, 0);
        self.data()?.put_room(record)?;
        self.redraw(turn, record)?;
        self.add_line(turn, record, EntryRecord { seq: base, at: turn.now, body: EntryKindRecord::WentBack, missing: 0 })
    }

    /// The server is not behind any more, by its word: is the newest entry here the one that it has at that position?
    pub(super) fn ask_whether_same(&mut self, turn: &mut Turn, record: &RoomRecord) {
        let room = record.room;
        let asked = |pending: &Pending| matches!(pending, Pending::SameEntry { room: asked } if *asked == room);
        if !record.tip.as_slice().is_empty() && !self.requests.values().any(asked) {
            self.get(turn, format!("/api/v1/rooms/{room}/entries/{}", record.cursor), Pending::SameEntry { room });
        }
    }

    pub(super) fn same_entry(&mut self, turn: &mut Turn, room: RoomId, body: &[u8]) -> Result<(), ErrorCode> {
        let stored: StoredEntry = codec::decode(body, limits::COMMIT_BODY)?;
        let mut record = self.data()?.room(room)?;
        let same = record.cursor == stored.entry.seq && record.tip.as_slice() == Sha256::digest(stored.entry.bytes.as_slice()).as_slice();
        if record.seat != Seat::Taken || record.behind.is_none() || !same {
            return Ok(());
        }
        record.behind = None;
        self.data()?.put_room(&record)?;
        self.join_log(turn, &record);
        self.show_room(turn, &record)?;
        self.flush_outbox(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(branches: &[(Seq, Seq)]) -> RoomRecord {
        let branches = branches.iter().map(|(base, begins)| Branch { base: *base, begins: *begins, delivered: 0, read: 0 });
        RoomRecord { branches: branches.collect(), ..RoomRecord::new(RoomId([1; 16]), None, Seat::Taken, 0) }
    }

    // Fails when `position` looks at the newest branch only.
    #[test]
    fn places_rise_over_branches_and_know_what_the_server_lost() {
        let whole = room(&[]);
        assert_eq!((whole.place(7), whole.position(7)), (7, Some(7)));
        // Read up to 10, gone back to 6; read up to 9 there (places 12 to 14), gone back to 8.
        let room = room(&[(6, 11), (8, 15)]);
        assert_eq!([9, 10].map(|position| room.place(position)), [16, 17]);
        let places = [5, 6, 7, 10, 12, 13, 14, 16, 17];
        let positions = places.map(|place| room.position(place));
        assert_eq!(positions, [Some(5), Some(6), None, None, Some(7), Some(8), None, Some(9), Some(10)]);
        assert_eq!([15, 16].map(|place| room.is_of_now(place)), [false, true]);
    }
}
