//! From the composer to the log: the outbox assigns ids, encrypts for the current epoch, sends, and waits for the log.

use std::collections::BTreeSet;

use sotto_client_api::Reply;
use sotto_client_api::Update;
use sotto_protocol::frames::{Ack, ClientFrame, Entry, Publish, Refusal};
use sotto_protocol::{Bytes, ErrorCode, IdempotencyId, MessageId, RoomId, Seq, limits};
use sotto_rules::identity::VerifiedHead;

use super::healing::Fault;
use super::{Engine, Turn};
use crate::content::{self, Content, ListHead, Receipt};
use crate::mls;
use crate::random;
use crate::records::{EntryKindRecord, OutboxRecord, RoomRecord, SealedMessage, Seat, key};

/// Room that a `Publish` frame keeps for its envelope.
const FRAME_ROOM: usize = limits::SYNC_FRAME - 1024;
/// Texts of which a repeat is known. Answers are lost for the few that were asked in the moment in which a leader died.
const REMEMBERED: usize = 128;
/// Envelope of one message within a frame.
const ENVELOPE: usize = 64;

impl Engine {
    pub(super) fn send_text(
        &mut self,
        turn: &mut Turn,
        id: u32,
        room: RoomId,
        typed: &str,
        given: Option<MessageId>,
    ) -> Result<(), ErrorCode> {
        let text = typed.trim_end();
        if text.is_empty() {
            return Err(ErrorCode::Malformed);
        }
        if text.len() > limits::TEXT {
            return Err(ErrorCode::TooLarge);
        }
        let mut record = self.data()?.room(room)?;
        if record.seat == Seat::Removed {
            return Err(ErrorCode::NotMember);
        }
        if record.leaving.is_some() {
            return Err(ErrorCode::Leaving);
        }
        if self.is_deserted(&record)? {
            return Err(ErrorCode::AccountDeleted);
        }
        if self.is_silenced(&record)? {
            return Err(ErrorCode::Blocked);
        }
        let message = match given {
            Some(given) if self.is_repeated(given)? => {
                turn.reply(id, Reply::Done);
                return Ok(());
            }
            Some(given) => given,
            None => content::message_id(turn.now)?,
        };
        if record.request.is_some() {
            record = self.accept(turn, room)?;
        }
        let content = Content::text(message, room, text.to_owned());
        if record.name_owed && record.seat == Seat::Taken {
            self.repeat_name(turn, &mut record)?;
        }
        let outgoing = self.queue(turn, &content)?;
        let data = self.data()?;
        data.delete(&key::draft(room))?;
        record.preview = Some(preview(text));
        record.preview_mine = true;
        record.active_at = record.active_at.max(turn.now);
        data.put_room(&record)?;
        self.show_outgoing(turn, &outgoing)?;
        self.show_room(turn, &record)?;
        turn.reply(id, Reply::Done);
        self.flush_outbox(turn)
    }

    pub(super) fn resend(&mut self, turn: &mut Turn, id: u32, room: RoomId, message: MessageId) -> Result<(), ErrorCode> {
        let mut outbox = self.data()?.outbox()?;
        let outgoing = outbox.iter_mut().find(|outgoing| outgoing.room == room && outgoing.id == message && outgoing.failed);
        let outgoing = outgoing.ok_or(ErrorCode::NotFound)?;
        outgoing.failed = false;
        self.data()?.put_outbox(outgoing)?;
        self.show_outgoing(turn, outgoing)?;
        turn.reply(id, Reply::Done);
        self.flush_outbox(turn)
    }

    /// Whether a tab asks for this text again, because its leader died before it answered. Otherwise it is remembered, in the batch
    /// that stores the text: by the time of a repeat it may have left the outbox for the log.
    fn is_repeated(&self, message: MessageId) -> Result<bool, ErrorCode> {
        let data = self.data()?;
        let mut taken: Vec<MessageId> = data.find(key::TAKEN)?.unwrap_or_default();
        if taken.contains(&message) {
            return Ok(true);
        }
        taken.push(message);
        let old = taken.len().saturating_sub(REMEMBERED);
        data.put(key::TAKEN, &taken.split_off(old))?;
        Ok(false)
    }

    /// Stores a message on its way out.
    pub(super) fn queue(&self, turn: &Turn, content: &Content) -> Result<OutboxRecord, ErrorCode> {
        let data = self.data()?;
        let mut device = data.record()?;
        let outgoing = OutboxRecord {
            order: device.next_order,
            room: content.room,
            idempotency: IdempotencyId(random::bytes()?),
            content: Bytes(content.encode()),
            id: content.id,
            at: turn.now,
            text: content.text.clone(),
            sealed: None,
            failed: false,
        };
        device.next_order += 1;
        data.put_record(&device)?;
        data.put_outbox(&outgoing)?;
        Ok(outgoing)
    }

    /// Sends what can be sent: encrypted for the current epoch, in order, as many to a frame as fit.
    pub(super) fn flush_outbox(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        if !self.net.live() {
            return Ok(());
        }
        let mut frame = Vec::new();
        let mut size = 0;
        let mut held = BTreeSet::new();
        let mut doubted = BTreeSet::new();
        let mut own_head = None;
        for mut outgoing in self.data()?.outbox()? {
            if self.net.sent.contains(&outgoing.idempotency) && self.comes_back(&outgoing)? {
                held.insert(outgoing.room);
            }
            if outgoing.failed || self.net.sent.contains(&outgoing.idempotency) || held.contains(&outgoing.room) {
                continue;
            }
            let Some(record) = self.data()?.find_room(outgoing.room)?.filter(|record| self.in_step(record)) else {
                continue;
            };
            // Nothing is said to a device that its account does not vouch for.
            if !record.unlisted.is_empty() {
                doubted.insert(outgoing.room);
                continue;
            }
            if self.waits_for_person(&record)? || self.is_deserted(&record)? {
                continue;
            }
            let own_head = match own_head {
                Some(known) => known,
                None => *own_head.insert(self.own_head()?),
            };
            let waits_for = self.net.waits_for.get(&outgoing.room).copied();
            let sealed = match self.seal_outgoing(&mut outgoing, &record, own_head, waits_for) {
                Err(ErrorCode::StorageDamaged) => {
                    self.out_of_step(turn, outgoing.room, Fault::State)?;
                    continue;
                }
                sealed => sealed?,
            };
            let Some(sealed) = sealed else { continue };
            self.net.sent.insert(outgoing.idempotency);
            let cost = sealed.bytes.as_slice().len() + ENVELOPE;
            if size + cost > FRAME_ROOM && !frame.is_empty() {
                Self::send(turn, &ClientFrame::Publish { messages: std::mem::take(&mut frame) });
                size = 0;
            }
            size += cost;
            let SealedMessage { epoch, bytes, .. } = sealed;
            frame.push(Publish { room: outgoing.room, idempotency: outgoing.idempotency, epoch, bytes });
        }
        if !frame.is_empty() {
            Self::send(turn, &ClientFrame::Publish { messages: frame });
        }
        doubted.into_iter().try_for_each(|room| self.commit_what_is_due(turn, room, false))
    }

    /// Whether the server is about to refuse what is on its way to it: its epoch has passed, and the log did not show it before that. It
    /// is encrypted again when the refusal is here; what was written after it waits, so that people are read in the order they wrote in.
    fn comes_back(&mut self, outgoing: &OutboxRecord) -> Result<bool, ErrorCode> {
        let Some(sealed) = outgoing.sealed.as_ref().filter(|_| !self.net.taken.contains(&outgoing.idempotency)) else { return Ok(false) };
        let data = self.data_mut()?;
        if data.find_room(outgoing.room)?.is_none_or(|record| record.seat != Seat::Taken) {
            return Ok(false);
        }
        match data.with_group(outgoing.room, |_, group| Ok(group.epoch().as_u64())) {
            Ok(epoch) => Ok(sealed.epoch < epoch),
            // Found out where the room is worked on.
            Err(ErrorCode::StorageDamaged) => Ok(false),
            Err(code) => Err(code),
        }
    }

    /// The ciphertext for the room's epoch: the stored one, or a new one when its epoch has passed.
    fn seal_outgoing(
        &mut self,
        outgoing: &mut OutboxRecord,
        record: &RoomRecord,
        own_head: VerifiedHead,
        waits_for: Option<u64>,
    ) -> Result<Option<SealedMessage>, ErrorCode> {
        let data = self.data_mut()?;
        let epoch = data.with_group(outgoing.room, |_, group| Ok(group.epoch().as_u64()))?;
        if waits_for.is_some_and(|wanted| epoch < wanted) {
            return Ok(None);
        }
        if let Some(sealed) = outgoing.sealed.as_ref().filter(|sealed| sealed.epoch == epoch) {
            return Ok(Some(sealed.clone()));
        }
        // Who leaves is to be taken out first (RFC 9420 §12.4): what is said after it is not for them.
        if data.with_group(outgoing.room, |_, group| Ok(group.has_pending_proposals()))? {
            return Ok(None);
        }
        let card = self.card_to_tell(record)?;
        let data = self.data_mut()?;
        let own_leaf = data.own_leaf(outgoing.room)?;
        let leaf_key = data.leaf_key_of(&own_leaf)?;
        let stored = Content::decode(outgoing.content.as_slice(), outgoing.room).map_err(|_| ErrorCode::StorageDamaged)?;
        // Named until the log has shown it: whoever is behind, or is shown another list, finds out.
        let list =
            (record.list_said < own_head.version).then(|| ListHead { version: own_head.version, hash: Bytes(own_head.hash.to_vec()) });
        let named = list.as_ref().map_or(0, |list| list.version);
        let told = card.as_ref().map_or(0, |told| told.at);
        // Whoever is shown another history of the directory finds out by it.
        let directory = data.directory()?;
        let root = directory.as_ref().as_ref().map(|known| &known.newest).filter(|newest| newest.epoch > record.root_said).cloned();
        let root_named = root.as_ref().map_or(0, |root| root.epoch);
        let content = Content { said: Some(record.said), list, card, root, ..stored }.encode();
        let bytes = data.with_group(outgoing.room, |provider, group| mls::encrypt(provider, group, &leaf_key, &content))?;
        let sealed = SealedMessage { epoch, bytes, counts: true, list: named, card: told, root: root_named };
        outgoing.sealed = Some(sealed.clone());
        data.put_outbox(outgoing)?;
        Ok(Some(sealed))
    }

    /// The server has them durably. They leave the outbox when the log shows them.
    pub(super) fn acked(&mut self, turn: &mut Turn, acks: &[Ack]) -> Result<(), ErrorCode> {
        for ack in acks {
            let Some(outgoing) = self.data()?.find_outgoing(ack.idempotency)? else { continue };
            self.net.waits_for.remove(&ack.room);
            self.net.taken.insert(ack.idempotency);
            self.show_acked(turn, &outgoing, ack)?;
        }
        Ok(())
    }

    pub(super) fn refused(&mut self, turn: &mut Turn, refusals: &[Refusal]) -> Result<(), ErrorCode> {
        for refusal in refusals {
            let Some(mut outgoing) = self.data()?.find_outgoing(refusal.idempotency)? else { continue };
            self.net.sent.remove(&refusal.idempotency);
            match (refusal.code, refusal.epoch) {
                // The commit that ended the epoch is on its way; then the message is encrypted again under the same ids.
                (ErrorCode::StaleEpoch, Some(epoch)) if outgoing.sealed.as_ref().is_some_and(|sealed| sealed.epoch < epoch) => {
                    self.net.waits_for.insert(refusal.room, epoch);
                }
                // The server is not ahead, so waiting does not help: one of the two is in a state that never came to be. Sent again
                // when the seat is taken again, or by the next connection.
                (ErrorCode::StaleEpoch, _) => {
                    self.net.sent.insert(refusal.idempotency);
                    self.ask_room_state(turn, refusal.room, None);
                }
                (ErrorCode::Unavailable | ErrorCode::TooManyTries, _) => self.retry_later(turn.now),
                (code, _) => {
                    // To who is not in a room there is none: the commit that removed this account is on its way.
                    let code = if code == ErrorCode::NotFound { ErrorCode::NotMember } else { code };
                    self.fail_outgoing(turn, &mut outgoing)?;
                    if outgoing.text.is_some() {
                        turn.emit(Update::Notice { code, room: Some(refusal.room) });
                    }
                }
            }
        }
        self.flush_outbox(turn)
    }

    /// A message is refused for good: a text waits for the person, whatever else goes.
    pub(super) fn fail_outgoing(&self, turn: &mut Turn, outgoing: &mut OutboxRecord) -> Result<(), ErrorCode> {
        if outgoing.text.is_none() {
            return self.data()?.delete_outbox(outgoing);
        }
        outgoing.failed = true;
        self.data()?.put_outbox(outgoing)?;
        self.show_outgoing(turn, outgoing)
    }

    /// An own message stands in the log: it becomes a timeline entry. `made_here`: its ciphertext is one that this state must have made.
    ///
    /// # Errors
    /// `rolled_back` for one that is not known here: everything that was sent is in the outbox until the log shows it, as it was
    /// sent. Another ciphertext is of a later life of this profile, with keys that this state would use again.
    pub(super) fn own_in_log(
        &mut self,
        room: &mut RoomRecord,
        entry: &Entry,
        device: sotto_protocol::DeviceId,
        wire_hash: Bytes,
        made_here: bool,
    ) -> Result<Option<EntryKindRecord>, ErrorCode> {
        let data = self.data()?;
        let outgoing = data.find_outgoing(entry.idempotency)?.ok_or(ErrorCode::RolledBack)?;
        if made_here && outgoing.sealed.as_ref().is_none_or(|own| own.bytes != entry.bytes) {
            return Err(ErrorCode::RolledBack);
        }
        data.delete_outbox(&outgoing)?;
        let author = data.account();
        if let Some(sealed) = &outgoing.sealed {
            room.said += u64::from(sealed.counts);
            room.list_said = room.list_said.max(sealed.list);
            room.root_said = room.root_said.max(sealed.root);
            room.card_said = room.card_said.max(sealed.card);
        }
        self.net.sent.remove(&outgoing.idempotency);
        self.net.taken.remove(&outgoing.idempotency);
        let Some(text) = outgoing.text else {
            let content = Content::decode(outgoing.content.as_slice(), room.room)?;
            if let Some(change) = content.invite {
                self.change_invites(room, author, change);
            }
            if let Some(history) = content.history.filter(|history| history.first) {
                return Ok(Some(EntryKindRecord::Shared { by: author, with: history.to }));
            }
            return Ok(content.settings.and_then(|settings| Self::named(room, author, settings, entry.seq)));
        };
        room.preview = Some(preview(&text));
        room.preview_mine = true;
        Ok(Some(EntryKindRecord::Text { id: outgoing.id, author, device, text, wire_hash, shared: None }))
    }

    /// Queues a receipt for every room that is owed one.
    pub(super) fn queue_receipts(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.data()?.rooms()?.iter().try_for_each(|room| self.queue_receipt(turn, room.room))
    }

    /// Queues a receipt for a direct room that is owed one; one that has not left yet is replaced. In a group each would go to
    /// everybody: none are sent there. Neither are there for a request, nor for somebody who is blocked.
    pub(super) fn queue_receipt(&self, turn: &Turn, room: RoomId) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let mut room = data.room(room)?;
        let (delivered, read) = room.due_receipt();
        let news = |newest: Seq, said: Seq| newest > said && room.is_of_now(newest);
        let owed = news(delivered, room.receipt_delivered) || news(read, room.receipt_read);
        if room.peer.is_none_or(|peer| peer == data.account()) || room.seat != Seat::Taken || !owed {
            return Ok(());
        }
        if room.request.is_some() || self.is_silenced(&room)? {
            return Ok(());
        }
        self.say_receipt(turn, &mut room)?;
        data.put_room(&room)
    }

    /// Queues a receipt, whatever was said before. The room is the caller's to store.
    pub(super) fn say_receipt(&self, turn: &Turn, room: &mut RoomRecord) -> Result<(), ErrorCode> {
        let (delivered, read) = room.due_receipt();
        self.drop_unsent_receipt(room.room)?;
        let position = |place: Seq| if room.is_of_now(place) { room.position(place).unwrap_or(0) } else { 0 };
        let receipt = Receipt { delivered: position(delivered), read: position(read) };
        let content = Content::receipt(content::message_id(turn.now)?, room.room, receipt);
        self.queue(turn, &content)?;
        room.receipt_delivered = delivered;
        room.receipt_read = read;
        Ok(())
    }

    /// The group's state is another's than the one that waiting messages were encrypted for, even where the epoch has the same number.
    pub(super) fn seal_anew(&self, room: RoomId) -> Result<(), ErrorCode> {
        let data = self.data()?;
        for mut outgoing in data.outbox()?.into_iter().filter(|outgoing| outgoing.room == room && outgoing.sealed.is_some()) {
            outgoing.sealed = None;
            data.put_outbox(&outgoing)?;
        }
        Ok(())
    }

    pub(super) fn drop_unsent_receipt(&self, room: RoomId) -> Result<(), ErrorCode> {
        let data = self.data()?;
        for outgoing in data.outbox()? {
            // One that was encrypted may be on its way: it must keep its ids.
            if outgoing.room == room && outgoing.is_receipt()? && outgoing.sealed.is_none() {
                data.delete_outbox(&outgoing)?;
            }
        }
        Ok(())
    }

    pub(super) fn mark_read(&mut self, turn: &mut Turn, id: u32, room: RoomId, seq: Seq) -> Result<(), ErrorCode> {
        let mut record = self.data()?.room(room)?;
        let seen = seq.min(record.newest_theirs);
        let unread = record.unread.len();
        record.unread.retain(|unread| *unread > seq);
        if seen > record.newest_seen || record.unread.len() != unread {
            record.newest_seen = record.newest_seen.max(seen);
            self.data()?.put_room(&record)?;
            self.show_room(turn, &record)?;
            self.queue_receipts(turn)?;
            self.flush_outbox(turn)?;
        }
        turn.reply(id, Reply::Done);
        Ok(())
    }
}

impl RoomRecord {
    /// How far what the other side said is stored here, and how far the person has seen it.
    fn due_receipt(&self) -> (Seq, Seq) {
        (self.newest_theirs.max(self.receipt_delivered), self.newest_seen.max(self.receipt_read))
    }
}

/// One line, shortened on a character boundary.
pub(super) fn preview(text: &str) -> String {
    const CHARS: usize = 80;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= CHARS { line } else { line.chars().take(CHARS - 1).chain(['…']).collect() }
}
