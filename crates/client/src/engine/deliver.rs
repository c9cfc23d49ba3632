//! From the log to the timeline: every entry in order, once, verified, with its cursor in the same batch.

use std::collections::BTreeSet;
use std::mem::take;

use sha2::{Digest as _, Sha256};
use sotto_protocol::frames::{Cursor, Entry, EntryKind};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, Seq};
use sotto_rules::roles::Role;

use super::healing::Fault;
use super::outbox::preview;
use super::{Engine, Turn, Work};
use crate::content::{Content, Receipt};
use crate::mls::{self, Processed};
use crate::records::{Change, Changed, EntryKindRecord, EntryRecord, PendingCommit, RoomRecord, Seat};

impl Engine {
    /// Applies entries in order. Any fault fails them all; the caller then tries them one by one.
    pub(super) fn apply_entries(&mut self, turn: &mut Turn, entries: &[Entry]) -> Result<(), ErrorCode> {
        let mut touched = BTreeSet::new();
        for entry in entries {
            let Some(mut room) = self.expected(turn, entry)? else { continue };
            touched.insert(entry.room);
            if self.is_withheld(turn, &mut room, entry)? {
                self.advance(turn, room, entry, None)?;
                continue;
            }
            if entry.kind == EntryKind::Deleted {
                let line = self.account_deleted(turn, &mut room, entry)?;
                self.advance(turn, room, entry, line)?;
                continue;
            }
            let hash = Bytes(Sha256::digest(entry.bytes.as_slice()).to_vec());
            if entry.seq <= room.joined_at {
                self.before_seat(turn, room, entry, hash)?;
                continue;
            }
            let (line, missing) = self.apply_entry(turn, &mut room, entry, hash)?;
            self.advance_past(turn, room, entry, line, missing)?;
        }
        // Nothing leaves a room before it is read up to where the log stood at the beginning.
        let data = self.data()?;
        let read = touched.into_iter().filter_map(|room| data.find_room(room).transpose());
        let read = read.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|room| self.net.live() && self.in_step(room));
        let read: Vec<_> = read.collect();
        if read.is_empty() {
            return Ok(());
        }
        for room in read {
            self.commit_what_is_due(turn, room.room, false)?;
            self.queue_receipt(turn, room.room)?;
        }
        self.flush_outbox(turn)
    }

    /// The room, if this entry is the next one there. A repeated entry is nothing; a gap asks for the missing part.
    pub(super) fn expected(&mut self, turn: &mut Turn, entry: &Entry) -> Result<Option<RoomRecord>, ErrorCode> {
        let Some(room) = self.data()?.find_room(entry.room)?.filter(|room| room.seat == Seat::Taken && !self.rests(room)) else {
            return Ok(None);
        };
        if entry.seq <= room.cursor {
            return Ok(None);
        }
        if entry.seq > room.cursor + 1 {
            self.out_of_step(turn, entry.room, Fault::Gap)?;
            return Ok(None);
        }
        Ok(Some(room))
    }

    /// What is drawn of an entry, and how many messages of its author are missing before it.
    fn apply_entry(
        &mut self,
        turn: &mut Turn,
        room: &mut RoomRecord,
        entry: &Entry,
        hash: Bytes,
    ) -> Result<(Option<EntryKindRecord>, u32), ErrorCode> {
        let own = self.data()?.device.device();
        let bytes = entry.bytes.as_slice();
        let own_account = self.data()?.account();
        let pair = room.peer.map(|peer| [own_account, peer]);
        let processed =
            self.data_mut()?.with_group(entry.room, |provider, group| mls::process(provider, group, bytes, entry.kind, pair))?;
        room.hear_others(&processed);
        let somebody = match &processed {
            Processed::Message { author, .. } => Some(author.account()),
            Processed::Commit { by, .. } => Some(*by),
            Processed::OwnMessage | Processed::OwnCommit | Processed::Leaving { .. } => None,
        };
        if somebody.is_some_and(|account| account != own_account) {
            // The server says when. It can't make what verifies look newer than its coming.
            room.heard_at = room.heard_at.max(entry.at.min(turn.now));
        }
        let line = match processed {
            Processed::OwnMessage => {
                room.sends = room.sends.saturating_add(1);
                self.own_in_log(room, entry, own, hash, true)?
            }
            Processed::Message { author, .. } if room.peer == Some(author.account()) && self.is_silenced(room)? => {
                self.forget_heard(room)?;
                None
            }
            Processed::Message { author, content } => {
                let mut content = Content::decode(&content, entry.room)?;
                if let Some(named) = &content.list {
                    self.list_named(turn, author.account(), named)?;
                }
                if let Some(named) = content.root.take() {
                    self.root_named(turn, named)?;
                }
                if let Some(told) = content.card.take() {
                    self.card_told(turn, author.account(), told)?;
                }
                let missing = room.hear(author.device, content.said);
                let line = self.apply_content(turn, room, entry.seq, (author.account(), author.device), content, hash)?;
                let missing_alone = line.is_none() && missing > 0;
                return Ok(match missing_alone {
                    true => (Some(EntryKindRecord::Withheld { who: author.account(), count: missing }), 0),
                    false => (line, missing),
                });
            }
            Processed::OwnCommit => {
                let of = |pending: &mut PendingCommit| (take(&mut pending.came), take(&mut pending.went), take(&mut pending.others));
                let (came, went, others) = room.pending.as_mut().map(of).unwrap_or_default();
                self.data()?.end_pending(room, true)?;
                room.sends = 0;
                room.updated_at = turn.now;
                if !went.is_empty() {
                    self.end_invites(turn, room, true)?;
                }
                self.net.waits_for.remove(&entry.room);
                if !came.is_empty() || others.iter().any(|other| other.what == Change::DeviceCame) {
                    self.repeat_name(turn, room)?;
                }
                if !came.is_empty() || !others.is_empty() || !room.unlisted.is_empty() {
                    self.check_leaves(room)?;
                    room.list_said = 0;
                    room.card_said = 0;
                }
                if entry.seq == 1 {
                    let members = self.data_mut()?.with_group(entry.room, |_, group| mls::members(group))?;
                    let others: Vec<DeviceId> = members.iter().map(|(_, leaf)| leaf.device).filter(|device| *device != own).collect();
                    room.hear_from_the_start(&others);
                    Some(EntryKindRecord::Created { by: own_account })
                } else {
                    members_line(own_account, came, went, others)
                }
            }
            Processed::Leaving { account } => self.leaves(turn, room, account)?,
            Processed::Commit { by, device, came, went, left, joined, removed, roles } => {
                // Merging another's commit cleared the pending one; what it was for is still due, and is found again.
                self.data()?.end_pending(room, false)?;
                self.net.waits_for.remove(&entry.room);
                let active = self.data_mut()?.with_group(entry.room, |_, group| Ok(group.is_active()))?;
                if !active {
                    if by == own_account {
                        self.replaced(turn)?;
                    } else {
                        self.removed_from(turn, room)?;
                        if let Some(welcome) = self.net.welcomes_ahead.remove(&entry.room) {
                            self.work.push_front(Work::Welcome(welcome));
                        }
                    }
                } else if came.iter().any(|account| matches!(self.contact(*account), Err(ErrorCode::NotFound))) {
                    self.ask_room_state(turn, entry.room, None);
                }
                if room.seat == Seat::Taken && !(joined.is_empty() && removed.is_empty()) && active {
                    self.leaves_changed(turn, room, &joined)?;
                }
                if !went.is_empty() {
                    self.end_invites(turn, room, false)?;
                }
                let by_itself = joined.contains(&(by, device));
                // A device of this account that the known list does not name: there is a newer one.
                for (_, device) in joined.iter().filter(|(account, _)| *account == own_account) {
                    if !self.own_devices()?.contains(device) {
                        self.ask_own_devices(turn)?;
                    }
                }
                if room.peer.is_none() && room.seat == Seat::Taken && by_itself {
                    self.owe_name(turn, room, by)?;
                }
                if by_itself && by == own_account && !removed.contains(&(by, device)) {
                    self.tell_newcomer(turn, room, device)?;
                }
                match by_itself {
                    true if removed.contains(&(by, device)) => {
                        Some(EntryKindRecord::SeatTakenAgain { who: by, came: Vec::new(), went: Vec::new() })
                    }
                    true => Some(EntryKindRecord::NewDevice { who: by }),
                    false => {
                        let devices = |all: &[(AccountId, DeviceId)], whole: &[AccountId], what| -> Vec<Changed> {
                            let of_who_stays = all.iter().filter(|(account, _)| !whole.contains(account));
                            of_who_stays.map(|(account, _)| Changed { account: *account, what }).collect()
                        };
                        let mut others = devices(&joined, &came, Change::DeviceCame);
                        let whole: Vec<AccountId> = went.iter().chain(&left).copied().collect();
                        // That somebody was deleted was said already.
                        let went = went.into_iter().map(|account| Ok((account, self.is_deleted(account)?)));
                        let went = went.collect::<Result<Vec<_>, ErrorCode>>()?;
                        let went = went.into_iter().filter(|(_, deleted)| !deleted).map(|(account, _)| account).collect();
                        others.extend(devices(&removed, &whole, Change::DeviceWent));
                        others.extend(left.iter().map(|account| Changed { account: *account, what: Change::Left }));
                        others.extend(roles.iter().map(|(account, role)| Changed { account: *account, what: (*role).into() }));
                        members_line(by, came, went, others)
                    }
                }
            }
        };
        Ok((line, 0))
    }

    fn apply_content(
        &mut self,
        turn: &mut Turn,
        room: &mut RoomRecord,
        seq: Seq,
        (author, device): (AccountId, DeviceId),
        content: Content,
        wire_hash: Bytes,
    ) -> Result<Option<EntryKindRecord>, ErrorCode> {
        let mine = author == self.data()?.account();
        if mine {
            // Another own device talks there.
            self.is_accepted(room)?;
        }
        match content.receipt {
            Some(receipt) if Some(author) == room.peer => {
                self.apply_receipt(turn, room, receipt)?;
                return Ok(None);
            }
            Some(receipt) if mine => {
                seen_elsewhere(room, receipt);
                return Ok(None);
            }
            _ => {}
        }
        if let Some(history) = content.history {
            return self.history_shared(turn, room, seq, author, history);
        }
        if let Some(change) = content.invite {
            self.change_invites(room, author, change);
            return Ok(None);
        }
        if let Some(settings) = content.settings {
            let settings = self.by_right(room.room, author, settings);
            return Ok(Self::named(room, author, settings, seq));
        }
        let Some(text) = content.text else { return Ok(None) };
        if !mine {
            let place = room.place(seq);
            room.unread.push(place);
            room.newest_theirs = place;
            room.hidden = false;
        }
        room.preview = Some(preview(&text));
        room.preview_mine = mine;
        Ok(Some(EntryKindRecord::Text { id: content.id, author, device, text, wire_hash, shared: None }))
    }

    fn apply_receipt(&mut self, turn: &mut Turn, room: &mut RoomRecord, receipt: Receipt) -> Result<(), ErrorCode> {
        // Nobody can have stored or seen what the log does not hold yet. Where the log went back, what it held before is not meant.
        let base = room.branches.last().map_or(0, |branch| branch.base);
        let place = |position: Seq| if position > base { room.place(position.min(room.cursor)) } else { 0 };
        let (delivered, read) = (place(receipt.delivered.max(receipt.read)), place(receipt.read));
        let before = (room.peer_delivered, room.peer_read);
        room.peer_delivered = room.peer_delivered.max(delivered);
        room.peer_read = room.peer_read.max(read);
        turn.undrawn.receipt(room.room, before.0.min(before.1));
        Ok(())
    }

    /// The cursor, the timeline line and the room move together.
    pub(super) fn advance(
        &mut self,
        turn: &mut Turn,
        room: RoomRecord,
        entry: &Entry,
        line: Option<EntryKindRecord>,
    ) -> Result<(), ErrorCode> {
        self.advance_past(turn, room, entry, line, 0)
    }

    fn advance_past(
        &mut self,
        turn: &mut Turn,
        mut room: RoomRecord,
        entry: &Entry,
        line: Option<EntryKindRecord>,
        missing: u32,
    ) -> Result<(), ErrorCode> {
        room.cursor = entry.seq;
        room.tip = Bytes(Sha256::digest(entry.bytes.as_slice()).to_vec());
        let shown = line.map(|body| EntryRecord { seq: entry.seq, at: entry.at, body, missing });
        if shown.is_some() {
            room.active_at = room.active_at.max(entry.at);
        }
        self.data()?.put_room(&room)?;
        turn.undrawn.room(entry.room);
        if let Some(mut record) = shown {
            record.seq = room.place(record.seq);
            if self.open.contains_key(&entry.room) {
                turn.undrawn.line(entry.room, record.clone());
            }
            Self::store_entry(turn, entry.room, record);
            self.archive_soon(turn.now);
        }
        Ok(())
    }

    /// Retention took everything up to a position before it could be fetched: say how much.
    pub(super) fn lost(&mut self, turn: &mut Turn, upto: Cursor) -> Result<(), ErrorCode> {
        let Some(mut room) = self.data()?.find_room(upto.room)?.filter(|room| room.seat == Seat::Taken && !self.rests(room)) else {
            return Ok(());
        };
        if upto.seq <= room.cursor {
            return Ok(());
        }
        let count = u32::try_from(upto.seq - room.cursor).unwrap_or(u32::MAX);
        let record = EntryRecord { seq: upto.seq, at: turn.now, body: EntryKindRecord::Missing { count }, missing: 0 };
        room.cursor = upto.seq;
        room.tip = Bytes::default();
        self.data()?.put_room(&room)?;
        // Among what is gone may be what was kept back anyway.
        if !self.is_silenced(&room)? {
            self.add_line(turn, &room, record)?;
        }
        // Commits may be among them: without them the next message does not open. Before the own seat none matters.
        if upto.seq < room.joined_at { Ok(()) } else { self.out_of_step(turn, upto.room, Fault::Deleted) }
    }
}

/// Another device of this account has told the others what it stored and what the person saw on it.
fn seen_elsewhere(room: &mut RoomRecord, receipt: Receipt) {
    let (delivered, read) = (room.place(receipt.delivered), room.place(receipt.read));
    room.unread.retain(|unread| *unread > read);
    room.newest_seen = room.newest_seen.max(read.min(room.newest_theirs));
    room.receipt_read = room.receipt_read.max(read);
    room.receipt_delivered = room.receipt_delivered.max(delivered);
}

/// The line of a commit that changed who is in a room, with which devices, or in which role.
fn members_line(by: AccountId, came: Vec<AccountId>, went: Vec<AccountId>, others: Vec<Changed>) -> Option<EntryKindRecord> {
    let changed = !came.is_empty() || !went.is_empty() || !others.is_empty();
    changed.then_some(EntryKindRecord::Members { by, came, went, others })
}

impl From<Role> for Change {
    fn from(role: Role) -> Self {
        match role {
            Role::Member => Self::Member,
            Role::Admin => Self::Admin,
            Role::Owner => Self::Owner,
        }
    }
}
