//! People: search, safety numbers, verification.

use sotto_client_api::Reply;
use sotto_client_api::views::{Comparison, SafetyView, Trust};
use sotto_protocol::api::People;
use sotto_protocol::{AccountId, ErrorCode, UserName, codec, limits};

use super::net::Pending;
use super::{Engine, Turn};
use crate::records::ContactRecord;
use crate::safety::SafetyNumber;

impl Engine {
    pub(super) fn find_people(&mut self, turn: &mut Turn, id: u32, typed: &str) -> Result<(), ErrorCode> {
        // Only what can stand in a name reaches the URL, so nothing has to be escaped.
        let query: String = typed.trim().to_ascii_lowercase().chars().take(UserName::MAX).collect();
        let sane = !query.is_empty() && query.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-');
        if !sane {
            turn.reply(id, Reply::People(Vec::new()));
            return Ok(());
        }
        self.get(turn, format!("/api/v1/people?q={query}"), Pending::People { reply: id });
        Ok(())
    }

    pub(super) fn found_people(&self, turn: &mut Turn, reply: u32, body: &[u8]) -> Result<(), ErrorCode> {
        let found: People = codec::decode(body, limits::API_BODY)?;
        let people = found.people.into_iter().map(|person| self.person_named(person.account, person.name));
        turn.reply(reply, Reply::People(people.collect::<Result<_, _>>()?));
        Ok(())
    }

    pub(super) fn safety_number(&self, turn: &mut Turn, id: u32, account: AccountId) -> Result<(), ErrorCode> {
        let contact = self.contact(account)?;
        turn.reply(id, Reply::Safety(self.safety_view(&contact)?));
        Ok(())
    }

    pub(super) fn set_verified(&mut self, turn: &mut Turn, id: u32, account: AccountId, verified: bool) -> Result<(), ErrorCode> {
        let contact = self.mark_verified(turn, account, verified)?;
        turn.reply(id, Reply::Safety(self.safety_view(&contact)?));
        self.flush_outbox(turn)
    }

    /// Compares what the other side's code says. Where both see the same, that is the comparison.
    pub(super) fn compare_code(&mut self, turn: &mut Turn, id: u32, account: AccountId, code: &str) -> Result<(), ErrorCode> {
        let contact = self.contact(account)?;
        let comparison = self.number_with(&contact)?.compare_qr(code);
        if comparison == Comparison::Same && contact.verified_at.is_none() {
            self.mark_verified(turn, account, true)?;
        }
        turn.reply(id, Reply::Compared(comparison));
        self.flush_outbox(turn)
    }

    fn mark_verified(&mut self, turn: &mut Turn, account: AccountId, verified: bool) -> Result<ContactRecord, ErrorCode> {
        let mut contact = self.contact(account)?;
        contact.verified_at = verified.then_some(turn.now);
        self.data()?.put_contact(&contact)?;
        self.choose_verified(turn, &contact)?;
        let rooms = self.data()?.rooms()?;
        for room in rooms.iter().filter(|room| room.peer == Some(account)) {
            if verified {
                self.accept(turn, room.room)?;
            }
            self.show_room(turn, room)?;
        }
        Ok(contact)
    }

    pub(super) fn contact(&self, account: AccountId) -> Result<ContactRecord, ErrorCode> {
        self.data()?.find_contact(account)?.ok_or(ErrorCode::NotFound)
    }

    fn number_with(&self, contact: &ContactRecord) -> Result<SafetyNumber, ErrorCode> {
        let theirs: &[u8; 32] = contact.account_key.as_slice().try_into().map_err(|_| ErrorCode::StorageDamaged)?;
        SafetyNumber::of(&self.data()?.device.account_key(), theirs)
    }

    fn safety_view(&self, contact: &ContactRecord) -> Result<SafetyView, ErrorCode> {
        let number = self.number_with(contact)?;
        let qr = number.qr()?;
        Ok(SafetyView {
            peer: self.person_named(contact.account, contact.name.clone())?,
            groups: number.groups(),
            qr: qr.modules,
            qr_width: qr.width,
            code: number.qr_text(),
            verified_at: contact.verified_at,
            trust: trust(contact),
        })
    }
}

pub(super) fn trust(contact: &ContactRecord) -> Trust {
    match contact.verified_at {
        _ if contact.has_changed() => Trust::Changed,
        Some(_) => Trust::Verified,
        None => Trust::Pinned,
    }
}
