//! Taking a seat in a room that exists: by Welcome, or by external commit; and the commits that follow.

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::{LeafNodeIndex, MlsGroup};
use sotto_client_api::{Reply, Update};
use sotto_protocol::api::{CommitAck, ErrorBody, Person, RoomState};
use sotto_protocol::frames::{ClientFrame, Cursor, Welcome};
use sotto_protocol::{AccountId, Bytes, ErrorCode, RoomId, Seq, codec, limits};
use sotto_rules::identity::DeviceCredential;
use sotto_rules::roles::Kind;

use super::data::Data;
use super::groups::Due;
use super::healing::Fault;
use super::net::Pending;
use super::{Engine, Turn};
use crate::leaf_key::LeafKey;
use crate::mls::{self, Signing};
use crate::packages;
use crate::random;
use crate::records::{ContactRecord, EntryKindRecord, EntryRecord, PendingCommit, RoomRecord, Seat};

impl Engine {
    pub(super) fn ask_room_state(&mut self, turn: &mut Turn, room: RoomId, reply: Option<u32>) {
        // One at a time, unless a command waits for it.
        let asked = |pending: &Pending| matches!(pending, Pending::RoomState { room: asked, .. } if *asked == room);
        if reply.is_some() || !self.requests.values().any(asked) {
            let known = self.data().and_then(|data| data.find_room(room)).ok().flatten();
            let cursor = known.map_or(0, |known| known.cursor);
            self.get(turn, format!("/api/v1/rooms/{room}/state"), Pending::RoomState { room, reply, cursor });
        }
    }

    /// Begins (again) to receive a room's log.
    pub(super) fn join_log(&mut self, turn: &mut Turn, record: &RoomRecord) {
        if self.net.live() {
            self.net.asked.insert(record.room, record.cursor);
            Self::send(turn, &ClientFrame::Join { cursor: Cursor { room: record.room, seq: record.cursor } });
        }
    }

    pub(super) fn welcomed(&mut self, turn: &mut Turn, welcome: &Welcome) -> Result<(), ErrorCode> {
        let known = self.data()?.find_room(welcome.room)?;
        // The server may have accepted the seat that is being taken; if it has not, its state brings this Welcome again.
        if known.as_ref().is_some_and(|room| matches!(room.seat, Seat::Joining { .. })) {
            return Ok(());
        }
        let done = ClientFrame::WelcomeDone { room: welcome.room, epoch: welcome.epoch };
        if known.as_ref().is_some_and(|room| room.peer.is_none() && room.seat == Seat::Taken && room.cursor < welcome.seq) {
            self.net.welcomes_ahead.insert(welcome.room, Box::new(welcome.clone()));
            return Ok(());
        }
        if is_old(known.as_ref(), welcome) {
            Self::send(turn, &done);
            return Ok(());
        }
        if welcome.ratchet_tree.as_slice().is_empty() {
            return self.out_of_step(turn, welcome.room, Fault::OrphanWelcome);
        }
        match self.accept_welcome(turn, welcome) {
            Ok(()) => {
                Self::send(turn, &done);
                Ok(())
            }
            // Left where it is, with its key package, for the case that they are blocked no more. A true server does not bring it before that.
            Err(ErrorCode::Blocked) => {
                self.undo_turn(turn)?;
                self.net.welcomes_ahead.insert(welcome.room, Box::new(welcome.clone()));
                Ok(())
            }
            // The rollback brings the key package back that OpenMLS deleted; an external commit takes the seat instead.
            Err(ErrorCode::NotAuthentic | ErrorCode::Malformed | ErrorCode::WrongSuite) => {
                self.undo_turn(turn)?;
                self.out_of_step(turn, welcome.room, Fault::OrphanWelcome)
            }
            // The server keeps it for when the person has acknowledged who that is.
            Err(ErrorCode::IdentityChanged) => self.undo_turn(turn),
            Err(code) => Err(code),
        }
    }

    fn accept_welcome(&mut self, turn: &mut Turn, welcome: &Welcome) -> Result<(), ErrorCode> {
        let now = turn.now;
        let data = self.data_mut()?;
        let own = data.account();
        let left = data.epoch(welcome.room);
        if data.has_group(welcome.room)? {
            data.delete_group(welcome.room)?;
        }
        let last_resort = packages::invited(&data.provider, welcome.welcome.as_slice())?.filter(|package| package.last_resort);
        let (group, by) = mls::join_by_welcome(&data.provider, welcome.room, welcome.welcome.as_slice(), welcome.ratchet_tree.as_slice())?;
        // Into an epoch that this device has been in nobody invites it.
        if left.is_some_and(|left| group.epoch().as_u64() <= left) {
            return Err(ErrorCode::NotAuthentic);
        }
        let (members, kind) = (mls::members(&group)?, mls::kind(&group)?);
        data.keep_group(welcome.room, group);
        let peer = self.pin_people(&kind, &members, &welcome.members)?;
        let data = self.data_mut()?;
        let known = data.find_room(welcome.room)?;
        // A stranger's room under the name of one that is known here (and whose seat was lost).
        if known.as_ref().is_some_and(|known| known.peer != peer) {
            return Err(ErrorCode::NotAuthentic);
        }
        let mut record = RoomRecord::new(welcome.room, peer, Seat::Taken, now);
        match known {
            Some(known) => {
                record.branches = known.branches;
                (record.request, record.hidden, record.erased_upto) = (known.request, known.hidden, known.erased_upto);
            }
            None if self.was_asked_for(turn, welcome.room)? => {}
            None if self.is_blocked(by)? => return Err(ErrorCode::Blocked),
            None if self.knows(by)? => {}
            None => record.request = Some(by),
        }
        record.cursor = welcome.seq;
        if peer.is_none() {
            // Of many who came by one commit each renews its keys at a time of its own, or all would race a week later; and the blank nodes
            // that such a commit leaves fill up in the meantime.
            record.updated_at = now.saturating_sub(random::part_of(limits::UPDATE_AFTER_MS)?);
        }
        if welcome.seq == 1 {
            record.hear_from_the_start(&members.iter().map(|(_, leaf)| leaf.device).collect::<Vec<_>>());
        } else {
            self.expect_history(turn, &mut record, welcome.seq)?;
        }
        self.check_leaves(&mut record)?;
        self.bring_own_devices(&mut record)?;
        self.data()?.put_room(&record)?;
        let body = match peer {
            Some(by) => EntryKindRecord::Created { by },
            None => EntryKindRecord::Members { by, came: vec![own], went: Vec::new(), others: Vec::new() },
        };
        self.add_line(turn, &record, EntryRecord { seq: welcome.seq, at: now, body, missing: 0 })?;
        if let Some(package) = last_resort {
            self.last_resort_used(turn, package.hash)?;
        }
        self.join_log(turn, &record);
        self.show_room(turn, &record)
    }

    /// `asked_at`: how far the log was read here when this was asked for.
    pub(super) fn room_state(
        &mut self,
        turn: &mut Turn,
        room: RoomId,
        reply: Option<u32>,
        asked_at: Seq,
        body: &[u8],
    ) -> Result<(), ErrorCode> {
        let mut state: RoomState = codec::decode(body, limits::COMMIT_BODY)?;
        let known = self.data()?.find_room(room)?;
        if let Some(known) = known.clone().filter(|known| !matches!(known.seat, Seat::Creating { .. } | Seat::Joining { .. })) {
            // An answer that was on its way when the seat was lost says nothing.
            if known.seat == Seat::Lost && asked_at < known.cursor {
                self.ask_room_state(turn, room, reply);
                return Ok(());
            }
            let agreed = known.behind.as_ref().is_some_and(|behind| behind.agreed);
            if self.is_older(&known, asked_at, &state)? || agreed && known.seat == Seat::Taken {
                // Who was removed since is not there again by that.
                if known.seat == Seat::Removed {
                    return self.answer_room(turn, room, reply);
                }
                return self.found_older(turn, known, reply, &state);
            }
            // From before this account was removed, as the log says.
            if known.seat == Seat::Removed && state.info.head <= known.cursor {
                return self.answer_room(turn, room, reply);
            }
            self.net.older.remove(&room);
            if known.seat == Seat::Taken && known.behind.is_some() {
                self.ask_whether_same(turn, &known);
                return self.answer_room(turn, room, reply);
            }
        }
        if known.as_ref().is_some_and(|room| room.seat == Seat::Taken) {
            self.compare(turn, room, &state)?;
            self.learn_names(turn, room, &state.info.members)?;
            // What was due had to wait for this answer.
            self.commit_what_is_due(turn, room, true)?;
            return self.answer_room(turn, room, reply);
        }
        if self.waits_for_seat(turn, room, reply) {
            return Ok(());
        }
        if let Some(welcome) = state.welcome.as_mut().filter(|welcome| welcome.epoch == state.info.epoch) {
            welcome.ratchet_tree.clone_from(&state.ratchet_tree);
        }
        if let Some(welcome) = state.welcome.as_ref().filter(|welcome| welcome.room == room && !is_old(known.as_ref(), welcome)) {
            match self.accept_welcome(turn, welcome) {
                Ok(()) => {
                    Self::send(turn, &ClientFrame::WelcomeDone { room, epoch: welcome.epoch });
                    return self.answer_room(turn, room, reply);
                }
                Err(ErrorCode::Blocked) if reply.is_none() => return self.undo_turn(turn),
                Err(_) => {}
            }
        }
        // `stage_seat` finds it again, and says so once.
        self.seen = None;
        self.undo_turn(turn)?;
        self.stage_seat(turn, room, reply, &state)
    }

    /// Whether a seat is being taken already. It is not staged again: the server may have accepted it, and what is promoted then must be
    /// what was uploaded. A command that wants the room waits for that answer.
    fn waits_for_seat(&mut self, turn: &mut Turn, room: RoomId, reply: Option<u32>) -> bool {
        let waiting = self.requests.values_mut().find_map(|pending| match pending {
            Pending::TakeSeat { room: taken, reply } if *taken == room => Some(reply),
            _ => None,
        });
        let Some(waiting) = waiting else { return false };
        match (reply, waiting) {
            (Some(reply), Some(_)) => turn.refuse(reply, ErrorCode::Unavailable),
            (Some(reply), none) => *none = Some(reply),
            (None, _) => {}
        }
        true
    }

    pub(super) fn answer_room(&self, turn: &mut Turn, room: RoomId, reply: Option<u32>) -> Result<(), ErrorCode> {
        if let Some(reply) = reply {
            turn.reply(reply, Reply::Room(self.room_view(&self.data()?.room(room)?)?));
        }
        Ok(())
    }

    /// Builds the external commit in a namespace of its own; what stands in the main one is untouched until acceptance.
    pub(super) fn stage_seat(&mut self, turn: &mut Turn, room: RoomId, reply: Option<u32>, state: &RoomState) -> Result<(), ErrorCode> {
        let now = turn.now;
        let data = self.data()?;
        let known = data.find_room(room)?;
        let is_new = known.is_none();
        // With the leaf key that stands in the tree OpenMLS also removes the old leaf of this device.
        let mut staged = Err(ErrorCode::DeviceUnknown);
        for leaf_key in data.leaf_keys(known.as_ref())? {
            data.drop_staging(room)?;
            let (info, tree) = (state.group_info.as_slice(), state.ratchet_tree.as_slice());
            staged = data
                .within_staging(room, || mls::join_externally(&data.provider, &data.device, &leaf_key, room, info, tree))
                .map(|upload| (upload, Bytes(leaf_key.public().to_vec())));
            if staged.as_ref().err() != Some(&ErrorCode::DeviceUnknown) {
                break;
            }
        }
        let (upload, leaf_key) = match staged {
            // The key in this device's leaf is one that it does not have (an older copy of the profile, from before the key was
            // renewed): a device that lost its keys is a new device.
            Err(ErrorCode::DeviceUnknown) => {
                self.undo_turn(turn)?;
                return self.replaced(turn);
            }
            staged => staged?,
        };
        let data = self.data()?;
        let staged = || mls::load(&data.provider, room).and_then(|group| Ok((mls::members(&group)?, mls::kind(&group)?)));
        let (members, kind) = data.within_staging(room, staged)?;
        let peer = match self.pin_people(&kind, &members, &state.info.members) {
            // A room with an identity that the person has not acknowledged: no seat is taken.
            Err(code @ ErrorCode::IdentityChanged) => {
                self.undo_turn(turn)?;
                if let Some(reply) = reply {
                    turn.refuse(reply, code);
                }
                return Ok(());
            }
            pinned => pinned?,
        };
        if known.as_ref().is_some_and(|known| known.peer != peer) {
            return self.refuse_other_room(turn, room, reply);
        }
        let body = codec::encode(&upload);
        let mut record = known.unwrap_or_else(|| RoomRecord::new(room, peer, Seat::Lost, now));
        if let (true, Some(peer)) = (is_new, peer) {
            if reply.is_none() && self.is_blocked(peer)? {
                return self.undo_turn(turn);
            }
            // Who else brought this account into a group the tree does not say.
            record.request = if self.knows(peer)? { None } else { Some(peer) };
        }
        let data = self.data()?;
        data.change_leaf_key(&mut record, leaf_key)?;
        // By itself a seat is taken only in what is not the past.
        record.behind = record.behind.filter(|behind| behind.agreed);
        record.seat = Seat::Joining { upload: Bytes(body.clone()) };
        data.put_room(&record)?;
        self.post_seat(turn, room, reply, body);
        Ok(())
    }

    fn post_seat(&mut self, turn: &mut Turn, room: RoomId, reply: Option<u32>, upload: Vec<u8>) {
        self.post_bytes(turn, format!("/api/v1/rooms/{room}/commits"), upload, Pending::TakeSeat { room, reply });
    }

    /// The server shows another room under this one's name: what is said in it would be for whoever made it. The seat stays lost.
    fn refuse_other_room(&mut self, turn: &mut Turn, room: RoomId, reply: Option<u32>) -> Result<(), ErrorCode> {
        let code = ErrorCode::IdentityChanged;
        self.undo_turn(turn)?;
        turn.emit(Update::Notice { code, room: Some(room) });
        if let Some(reply) = reply {
            turn.refuse(reply, code);
        }
        Ok(())
    }

    pub(super) fn seat_taken(&mut self, turn: &mut Turn, room: RoomId, reply: Option<u32>, body: &[u8]) -> Result<(), ErrorCode> {
        let ack: CommitAck = codec::decode(body, limits::API_BODY)?;
        let data = self.data_mut()?;
        let Some(mut record) = data.find_room(room)?.filter(|room| matches!(room.seat, Seat::Joining { .. })) else {
            return Ok(());
        };
        // Whoever came or went since the state that was left is named; in a direct room nobody can.
        let left = record.peer.is_none() && record.cursor > 0;
        let before = if left { data.with_group(room, |_, group| accounts(group)).ok() } else { None };
        data.promote(room)?;
        if let Some(before) = before {
            let now = data.with_group(room, |_, group| accounts(group))?;
            record.came = now.difference(&before).copied().collect();
            record.went = before.difference(&now).copied().collect();
            if !record.went.is_empty() {
                record.invites.clear();
            }
        }
        record.seat = Seat::Taken;
        if record.behind.is_some() {
            self.begin_branch(turn, &mut record)?;
            self.seal_anew(room)?;
        }
        record.joined_at = ack.seq;
        // What the others have said up to here is told by how many entries can't be read.
        record.heard.clear();
        record.sends = 0;
        record.active_at = record.active_at.max(ack.at);
        // A newcomer begins here. Who was here before goes on reading from where it was: own messages are among what comes. Its leaf
        // key is still the old one, so it is renewed as soon as that is done.
        let newcomer = record.cursor == 0;
        record.updated_at = if newcomer { turn.now } else { 0 };
        if newcomer {
            self.bring_own_devices(&mut record)?;
            record.cursor = ack.seq;
            self.expect_history(turn, &mut record, ack.seq)?;
        }
        self.check_leaves(&mut record)?;
        record.list_said = 0;
        record.card_said = 0;
        // It was made for another state.
        if let Some(leaving) = &mut record.leaving {
            leaving.upload = Bytes::default();
        }
        self.data()?.put_room(&record)?;
        if newcomer {
            let joined = EntryRecord { seq: ack.seq, at: ack.at, body: EntryKindRecord::JoinedHere, missing: 0 };
            self.add_line(turn, &record, joined)?;
        }
        self.net.forget_sent();
        self.join_log(turn, &record);
        self.show_room(turn, &record)?;
        self.answer_room(turn, room, reply)?;
        self.commit_what_is_due(turn, room, true)?;
        self.flush_outbox(turn)
    }

    pub(super) fn seat_not_taken(&mut self, turn: &mut Turn, room: RoomId, reply: Option<u32>, error: &ErrorBody) -> Result<(), ErrorCode> {
        // Somebody else has brought this device in meanwhile.
        if !self.data()?.find_room(room)?.is_some_and(|record| matches!(record.seat, Seat::Joining { .. })) {
            return self.answer_room(turn, room, reply);
        }
        match error.code {
            // Somebody committed in between: build it again on the new state. Or the account is not in it any more.
            ErrorCode::StaleEpoch | ErrorCode::NotFound => {
                self.set_seat(room, Seat::Lost)?;
                self.ask_room_state(turn, room, reply);
                Ok(())
            }
            ErrorCode::Offline | ErrorCode::Unavailable | ErrorCode::TooManyTries => {
                self.retry_later(turn.now);
                if let Some(reply) = reply {
                    turn.refuse(reply, error.code);
                }
                Ok(())
            }
            code => {
                self.set_seat(room, Seat::Lost)?;
                turn.emit(Update::Notice { code, room: Some(room) });
                if let Some(reply) = reply {
                    turn.refuse(reply, code);
                }
                Ok(())
            }
        }
    }

    fn set_seat(&self, room: RoomId, seat: Seat) -> Result<(), ErrorCode> {
        let data = self.data()?;
        if let Some(mut record) = data.find_room(room)? {
            record.seat = seat;
            data.put_room(&record)?;
        }
        Ok(())
    }

    /// Repeats every upload that may not have arrived: idempotency makes that safe.
    pub(super) fn resume_seats(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        if !self.net.live() {
            return Ok(());
        }
        for record in self.data()?.rooms()? {
            let room = record.room;
            let asked = self.requests.values().any(|pending| match pending {
                Pending::CreateRoom { room: asked, .. }
                | Pending::RoomState { room: asked, .. }
                | Pending::TakeSeat { room: asked, .. }
                | Pending::Leave { room: asked }
                | Pending::Commit { room: asked } => *asked == room,
                _ => false,
            });
            if asked {
                continue;
            }
            if self.rests(&record) && matches!(record.seat, Seat::Taken | Seat::Lost) {
                self.ask_room_state(turn, room, None);
                continue;
            }
            match (record.seat, record.pending) {
                (Seat::Creating { upload }, _) => {
                    self.post_bytes(turn, "/api/v1/rooms".into(), upload.0, Pending::CreateRoom { room, reply: None });
                }
                (Seat::Joining { upload }, _) => self.post_seat(turn, room, None, upload.0),
                (Seat::Lost, _) => self.ask_room_state(turn, room, None),
                (Seat::Taken, Some(pending)) => self.post_commit(turn, room, pending.upload),
                (Seat::Removed, _) => {}
                (Seat::Taken, None) => {
                    self.commit_what_is_due(turn, room, true)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn commit(&mut self, turn: &mut Turn, mut record: RoomRecord, due: Due) -> Result<(), ErrorCode> {
        let data = self.data_mut()?;
        let room = record.room;
        let (old, new) = (data.room_leaf_key(&record)?, LeafKey::generate()?);
        data.put_leaf_key(&new)?;
        let credential = mls::credential(&data.device, &new);
        let staged = data.with_group(room, |provider, group| {
            let signing = Signing::Renewing { old: &old, new: &new, credential };
            mls::stage_commit(provider, group, signing, &due.joiners, &due.removed, &due.leaving, due.roles)
        });
        let upload = match staged {
            // OpenMLS does not take a package that somebody made to fit badly (an encryption key that stands in the tree already, say).
            Err(code @ ErrorCode::Internal) if !due.joiners.is_empty() => {
                data.drop_group(room);
                data.delete_leaf_key(&Bytes(new.public().to_vec()))?;
                Self::give_up_wishes(turn, &mut record, code);
                return data.put_room(&record);
            }
            staged => staged?,
        };
        let body = Bytes(codec::encode(&upload));
        let leaf_key = Bytes(new.public().to_vec());
        record.pending = Some(PendingCommit {
            came: due.came,
            went: due.went,
            others: due.others,
            idempotency: upload.idempotency,
            upload: body.clone(),
            leaf_key,
        });
        data.put_room(&record)?;
        self.post_commit(turn, room, body);
        Ok(())
    }

    fn post_commit(&mut self, turn: &mut Turn, room: RoomId, upload: Bytes) {
        self.post_bytes(turn, format!("/api/v1/rooms/{room}/commits"), upload.0, Pending::Commit { room });
    }

    pub(super) fn commit_refused(&mut self, turn: &mut Turn, room: RoomId, error: &ErrorBody) -> Result<(), ErrorCode> {
        match error.code {
            // Another's commit is on its way here; merged, it clears the pending one, and the intent is tried again.
            ErrorCode::StaleEpoch => Ok(()),
            // This account is not in the room any more. The log says whether the commit was taken before that.
            ErrorCode::NotFound if !self.net.caught_up() => Ok(()),
            ErrorCode::Offline | ErrorCode::Unavailable | ErrorCode::TooManyTries => {
                self.retry_later(turn.now);
                Ok(())
            }
            // The server gives a claimed package to nobody else for ten minutes, and burns it then.
            ErrorCode::NoKeyPackage if self.claim_anew(turn, room)? => self.commit_what_is_due(turn, room, true),
            // By the lists that the server has, a leaf may stay that is not listed by those that are known here.
            ErrorCode::CommitRefused if self.keep_leaves(room)? => self.commit_what_is_due(turn, room, true),
            _ => self.out_of_step(turn, room, Fault::OwnCommitRefused),
        }
    }

    /// One commit at a time.
    pub(super) fn may_commit(&self, record: &RoomRecord) -> bool {
        record.pending.is_none() && self.in_step(record)
    }
}

/// Whether a Welcome leads to where this device has been: accepting it would go back in the log.
fn is_old(known: Option<&RoomRecord>, welcome: &Welcome) -> bool {
    known.is_some_and(|room| room.seat == Seat::Taken || welcome.seq <= room.cursor)
}

impl Engine {
    /// Names of people who came into a group after this device, as the server says them.
    fn learn_names(&mut self, turn: &mut Turn, room: RoomId, named: &[Person]) -> Result<(), ErrorCode> {
        let record = self.data()?.room(room)?;
        let strangers = named.iter().filter(|person| matches!(self.data().and_then(|data| data.find_contact(person.account)), Ok(None)));
        if record.peer.is_some() || strangers.count() == 0 {
            return Ok(());
        }
        let (members, kind) = self.data_mut()?.with_group(room, |_, group| Ok((mls::members(group)?, mls::kind(group)?)))?;
        pin_members(self.data()?, &kind, &members, named)?;
        self.redraw(turn, &record)?;
        self.show_room(turn, &record)
    }
}

fn accounts(group: &MlsGroup) -> Result<BTreeSet<AccountId>, ErrorCode> {
    Ok(mls::members(group)?.iter().map(|(_, leaf)| leaf.account()).collect())
}

impl Data {
    pub(super) fn within_staging<T>(&self, room: RoomId, operation: impl FnOnce() -> T) -> T {
        use openmls::prelude::OpenMlsProvider as _;
        self.provider.storage().within(Self::staging(room), operation)
    }
}

/// Remembers a room's people at first sight. Answers the other account of a direct room, from the tree (the own account and one more
/// at most); none for a group.
///
/// # Errors
/// `not_authentic`, `identity_changed` for the other side of a direct room. In a group whoever is not rightly named goes by the id.
pub(super) fn pin_members(
    data: &Data,
    kind: &Kind,
    members: &[(LeafNodeIndex, DeviceCredential)],
    named: &[Person],
) -> Result<Option<AccountId>, ErrorCode> {
    let own = data.account();
    let others: BTreeMap<AccountId, &DeviceCredential> =
        members.iter().map(|(_, leaf)| (leaf.account(), leaf)).filter(|(account, _)| *account != own).collect();
    if *kind == Kind::Direct {
        let mut others = others.into_iter();
        return match (others.next(), others.next()) {
            (None, _) => Ok(Some(own)),
            (Some((peer, leaf)), None) => pin(data, peer, leaf, named).map(|()| Some(peer)),
            _ => Err(ErrorCode::NotAuthentic),
        };
    }
    for (account, leaf) in others {
        match pin(data, account, leaf, named) {
            Err(ErrorCode::NotAuthentic | ErrorCode::IdentityChanged) => {}
            pinned => pinned?,
        }
    }
    Ok(None)
}

fn pin(data: &Data, account: AccountId, leaf: &DeviceCredential, named: &[Person]) -> Result<(), ErrorCode> {
    if data.find_contact(account)?.is_some() {
        return Ok(());
    }
    let name = named.iter().find(|person| person.account == account).ok_or(ErrorCode::NotAuthentic)?.name.clone();
    if data.find_contact_named(&name)?.is_some() {
        return Err(ErrorCode::IdentityChanged);
    }
    data.put_contact(&ContactRecord {
        account,
        name,
        account_key: Bytes(leaf.account_key.to_vec()),
        list_version: 0,
        list_hash: Bytes::default(),
        verified_at: None,
        seen: None,
        accepted: false,
        proven: 0,
    })
}
