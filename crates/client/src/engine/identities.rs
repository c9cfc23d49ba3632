//! Identities that change: the server shows another account under a name that is known here.
//!
//! It swaps people, or the person began anew; this device can't tell which. The contact keeps the identity that was remembered, and so does
//! the room with it. The other one is remembered as seen until the person acknowledges it, also over a reload; only then may it have a
//! contact and a room of its own. To a contact whose numbers were compared nothing is sent before that.

use openmls::prelude::LeafNodeIndex;
use sotto_client_api::{Reply, Update};
use sotto_protocol::api::Person;
use sotto_protocol::{AccountId, ErrorCode, UserName};
use sotto_rules::identity::DeviceCredential;
use sotto_rules::roles::Kind;

use super::seats::pin_members;
use super::{Engine, Turn};
use crate::records::{ContactRecord, RoomRecord, SeenIdentity};

impl Engine {
    /// Whether a name may stand for an account: not where it stands for another one here. Notes the other one for
    /// [`Engine::remember_seen`], which outlives what is taken back of the turn.
    pub(super) fn check_name(&mut self, name: &UserName, account: AccountId) -> Result<(), ErrorCode> {
        if self.data()?.find_contact_named(name)?.is_none_or(|known| known.account == account) {
            return Ok(());
        }
        self.seen = Some((name.clone(), account));
        Err(ErrorCode::IdentityChanged)
    }

    /// As [`pin_members`], which can't remember what it refuses.
    pub(super) fn pin_people(
        &mut self,
        kind: &Kind,
        members: &[(LeafNodeIndex, DeviceCredential)],
        named: &[Person],
    ) -> Result<Option<AccountId>, ErrorCode> {
        let pinned = pin_members(self.data()?, kind, members, named);
        if pinned == Err(ErrorCode::IdentityChanged) {
            let own = self.data()?.account();
            let peer = members.iter().map(|(_, leaf)| leaf.account()).find(|account| *account != own);
            let named = named.iter().find(|person| Some(person.account) == peer);
            self.seen = named.map(|person| (person.name.clone(), person.account));
        }
        pinned
    }

    /// Keeps which other identity was seen, when everything else of the turn was taken back.
    pub(super) fn remember_seen(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let Some((name, account)) = self.seen.take() else { return Ok(()) };
        let Some(mut contact) = self.data()?.find_contact_named(&name)?.filter(|known| known.account != account) else {
            return Ok(());
        };
        if contact.seen.is_some_and(|seen| seen.account == account) {
            return Ok(());
        }
        contact.seen = Some(SeenIdentity { account, acknowledged: false });
        self.data()?.put_contact(&contact)?;
        let rooms = self.rooms_with(&contact)?;
        turn.emit(Update::Notice { code: ErrorCode::IdentityChanged, room: rooms.first().map(|room| room.room) });
        rooms.iter().try_for_each(|room| self.show_room(turn, room))
    }

    /// The person knows that the name is another identity's now.
    pub(super) fn acknowledge_identity(&mut self, turn: &mut Turn, id: u32, account: AccountId) -> Result<(), ErrorCode> {
        let mut contact = self.contact(account)?;
        let Some(seen) = contact.seen.as_mut().filter(|seen| !seen.acknowledged) else { return Err(ErrorCode::NotFound) };
        seen.acknowledged = true;
        self.data()?.put_contact(&contact)?;
        turn.reply(id, Reply::Done);
        self.rooms_with(&contact)?.iter().try_for_each(|room| self.show_room(turn, room))?;
        // The other one may have made a room that was not joined until now.
        if self.net.caught_up() {
            self.find_missing_rooms(turn)?;
        }
        self.flush_outbox(turn)
    }

    /// Whether texts of a room wait for the person: its peer was compared, and the name is another identity's now.
    pub(super) fn waits_for_person(&self, room: &RoomRecord) -> Result<bool, ErrorCode> {
        let Some(peer) = room.peer else { return Ok(false) };
        Ok(self.data()?.find_contact(peer)?.is_some_and(|contact| contact.has_changed() && contact.verified_at.is_some()))
    }

    fn rooms_with(&self, contact: &ContactRecord) -> Result<Vec<RoomRecord>, ErrorCode> {
        Ok(self.data()?.rooms()?.into_iter().filter(|room| room.peer == Some(contact.account)).collect())
    }
}
