//! Blocking: what a blocked person says to this account alone is dropped. The server keeps it back; this device does not rely on that.
//!
//! The server's list is how the account's devices hear of each other's decisions, so it is followed, and a person is told when somebody is not on it any more.

use sotto_client_api::views::PersonView;
use sotto_client_api::{Reply, Update};
use sotto_protocol::api::{BlockPerson, Blocked, Person};
use sotto_protocol::frames::{Entry, EntryKind};
use sotto_protocol::{AccountId, ErrorCode, codec, limits};

use super::net::Pending;
use super::{Engine, Turn, Work};
use crate::records::{RoomRecord, key};

impl Engine {
    pub(super) fn is_blocked(&self, account: AccountId) -> Result<bool, ErrorCode> {
        Ok(self.data()?.find::<Person>(&key::blocked(account))?.is_some())
    }

    /// Whether the other side of a direct room is blocked.
    pub(super) fn is_silenced(&self, room: &RoomRecord) -> Result<bool, ErrorCode> {
        room.peer.map_or(Ok(false), |peer| self.is_blocked(peer))
    }

    /// Asks for the server's list.
    pub(super) fn ask_blocked(&mut self, turn: &mut Turn, reply: Option<u32>) {
        if reply.is_some() || !self.asks_for_blocked() {
            self.get(turn, "/api/v1/blocked".into(), Pending::Blocked { reply });
        }
    }

    fn asks_for_blocked(&self) -> bool {
        self.requests.values().any(|pending| matches!(pending, Pending::Blocked { .. }))
    }

    pub(super) fn blocked_told(&mut self, turn: &mut Turn, reply: Option<u32>, body: &[u8]) -> Result<(), ErrorCode> {
        let told: Blocked = codec::decode(body, limits::API_BODY)?;
        // A later answer says more; one that was made before a change that is under way says less.
        let overtaken = self.asks_for_blocked() || self.requests.values().any(|pending| matches!(pending, Pending::Block { .. }));
        if !overtaken {
            let known = self.data()?.blocked()?;
            let listed = |all: &[Person], account| all.iter().any(|person| person.account == account);
            for person in told.people.iter().filter(|person| !listed(&known, person.account)) {
                self.begin_block(turn, person.account, person)?;
            }
            for person in known.iter().filter(|person| !listed(&told.people, person.account)) {
                let room = self.data()?.rooms()?.into_iter().find(|room| room.peer == Some(person.account)).map(|room| room.room);
                turn.emit(Update::Notice { code: ErrorCode::Unblocked, room });
                self.end_block(turn, person.account)?;
            }
        }
        if let Some(reply) = reply {
            let people = self.data()?.blocked()?.into_iter();
            let people = people.map(|person| self.person_named(person.account, person.name));
            turn.reply(reply, Reply::Blocked(people.collect::<Result<_, _>>()?));
        }
        Ok(())
    }

    /// Asks the server to block somebody, or to end that.
    pub(super) fn block(&mut self, turn: &mut Turn, reply: u32, account: AccountId, blocked: bool) -> Result<(), ErrorCode> {
        if account == self.data()?.account() {
            return Err(ErrorCode::Forbidden);
        }
        let path = if blocked { "/api/v1/blocked" } else { "/api/v1/blocked/delete" };
        self.post(turn, path, &BlockPerson { account }, Pending::Block { account, blocked, reply });
        Ok(())
    }

    /// The server has done it.
    pub(super) fn block_done(&mut self, turn: &mut Turn, account: AccountId, blocked: bool, reply: u32) -> Result<(), ErrorCode> {
        if blocked {
            let PersonView { account, name, .. } = self.person(account)?;
            self.begin_block(turn, account, &Person { account, name })?;
        } else {
            self.end_block(turn, account)?;
        }
        turn.reply(reply, Reply::Done);
        if self.asks_for_blocked() {
            self.get(turn, "/api/v1/blocked".into(), Pending::Blocked { reply: None });
        }
        self.flush_outbox(turn)
    }

    fn begin_block(&mut self, turn: &mut Turn, account: AccountId, person: &Person) -> Result<(), ErrorCode> {
        let name = self.data()?.find_contact(account)?.map_or_else(|| person.name.clone(), |contact| contact.name);
        self.data()?.put(&key::blocked(account), &Person { account, name })?;
        for mut room in self.data()?.rooms()? {
            if room.peer == Some(account) {
                self.drop_unsent_receipt(room.room)?;
                self.forget_heard(&mut room)?;
                self.data()?.put_room(&room)?;
            }
            if room.request == Some(account) {
                self.hide(turn, room)?;
            } else if room.peer == Some(account) {
                self.show_room(turn, &room)?;
            }
        }
        Ok(())
    }

    fn end_block(&mut self, turn: &mut Turn, account: AccountId) -> Result<(), ErrorCode> {
        self.data()?.delete(&key::blocked(account))?;
        for room in self.data()?.rooms()?.into_iter().filter(|room| room.peer == Some(account)) {
            self.show_room(turn, &room)?;
        }
        // Invitations that came before this answer.
        for welcome in std::mem::take(&mut self.net.welcomes_ahead).into_values() {
            self.work.push_front(Work::Welcome(welcome));
        }
        Ok(())
    }

    /// Whether an entry is a message of the other side whose bytes the server has kept back. Which of its devices said how much is not known from here
    /// on; of own devices it is, so nothing of theirs can be kept back like this unnoticed.
    pub(super) fn is_withheld(&mut self, turn: &mut Turn, room: &mut RoomRecord, entry: &Entry) -> Result<bool, ErrorCode> {
        let silent = entry.kind == EntryKind::Message && entry.bytes.as_slice().is_empty() && room.peer == Some(entry.account);
        if !silent || entry.account == self.data()?.account() {
            return Ok(false);
        }
        if self.is_silenced(room)? {
            self.forget_heard(room)?;
        } else {
            // Another own device may have blocked them. If none has, the next message that comes tells how many are missing.
            self.ask_blocked(turn, None);
        }
        Ok(true)
    }

    /// Counting what the other side's devices say begins anew with what is heard next.
    pub(super) fn forget_heard(&self, room: &mut RoomRecord) -> Result<(), ErrorCode> {
        let own = self.own_devices()?;
        room.heard.retain(|heard| own.contains(&heard.device));
        Ok(())
    }
}
