//! Invite links of groups, and who asks by them.

use sotto_protocol::api::Person;
use sotto_protocol::invites::Ask;
use sotto_protocol::{AccountId, Bytes, ErrorCode, InviteId, Millis, RoomId};

use super::MemoryStore;
use super::tables::{Tables, constraint};
use crate::store::{InviteRow, StoreResult};

impl MemoryStore {
    pub(crate) fn put_invite(&self, row: InviteRow, now: Millis, most: usize) -> StoreResult<()> {
        self.write(|tables| {
            let (room, invite) = (row.room, row.invite);
            let known = tables.invites.contains_key(&invite);
            constraint(known || tables.rooms.contains_key(&room))?;
            let counted = |link: &&InviteRow| link.room == room && link.expires_at > now && link.uses > 0;
            let living = tables.invites.values().filter(counted).count() + usize::from(!known && counted(&&row));
            if living > most {
                return Err(ErrorCode::TooLarge.into());
            }
            tables.invites.entry(invite).or_insert(row);
            Ok(())
        })
    }

    pub(crate) fn find_invite(&self, invite: InviteId) -> StoreResult<Option<RoomId>> {
        self.read(|tables| tables.invites.get(&invite).map(|link| link.room))
    }

    pub(crate) fn delete_invite(&self, invite: InviteId) -> StoreResult<Vec<AccountId>> {
        self.write(|tables| {
            let askers = tables.asks.keys().filter(|(_, by)| *by == invite).map(|(account, _)| *account).collect();
            tables.end_invites(|link| link.invite == invite);
            Ok(askers)
        })
    }

    pub(crate) fn ask_in(
        &self,
        account: AccountId,
        invite: InviteId,
        proof: Bytes,
        now: Millis,
        most: usize,
    ) -> StoreResult<Vec<AccountId>> {
        self.write(|tables| {
            let link = tables.invites.get(&invite);
            let in_room = |room: RoomId| tables.members.iter().filter(move |((_, of), gone_at)| *of == room && gone_at.is_none());
            let members: Vec<AccountId> = link.into_iter().flat_map(|link| in_room(link.room)).map(|((member, _), _)| *member).collect();
            if members.contains(&account) {
                return Ok(Vec::new());
            }
            let others = tables.asks.keys().filter(|(other, by)| *by == invite && *other != account).count();
            if !link.is_some_and(|link| link.expires_at > now && link.uses as usize > others) {
                return Err(ErrorCode::InviteEnded.into());
            }
            constraint(tables.accounts.contains_key(&account))?;
            let own = tables.asks.keys().filter(|(owner, by)| *owner == account && *by != invite).count();
            if own >= most {
                return Err(ErrorCode::TooLarge.into());
            }
            tables.asks.insert((account, invite), proof);
            Ok(members)
        })
    }

    pub(crate) fn withdraw_ask(&self, account: AccountId, invite: InviteId) -> StoreResult<()> {
        self.write(|tables| {
            tables.asks.remove(&(account, invite));
            Ok(())
        })
    }

    pub(crate) fn asks(&self, account: AccountId, now: Millis) -> StoreResult<(Vec<InviteId>, Vec<InviteRow>, Vec<Ask>)> {
        self.read(|tables| {
            let lives = |invite: &InviteId| tables.invites.get(invite).filter(|link| link.expires_at > now);
            let own = tables.asks.keys().filter(|(owner, invite)| *owner == account && lives(invite).is_some()).map(|(_, invite)| *invite);
            let within = |link: &&InviteRow| link.uses > 0 && tables.room_for(account, link.room).is_some();
            let living: Vec<InviteRow> = tables.invites.keys().filter_map(lives).filter(within).cloned().collect();
            let ask = |((who, invite), proof): (&(AccountId, InviteId), &Bytes)| {
                let (link, row) = (lives(invite).filter(within)?, tables.accounts.get(who)?);
                let person = Person { account: *who, name: row.name.clone() };
                Some(Ask { room: link.room, invite: *invite, person, proof: proof.clone() })
            };
            let mut open: Vec<Ask> = tables.asks.iter().filter_map(ask).collect();
            open.sort_by_key(|ask| (ask.invite, ask.person.account));
            (own.collect(), living, open)
        })
    }

    pub(crate) fn delete_invites(&self, now: Millis) -> StoreResult<u64> {
        self.write(|tables| Ok(tables.end_invites(|link| link.expires_at <= now || link.uses == 0)))
    }
}

impl Tables {
    /// Deletes links with what was asked by them. Gives how many.
    pub(super) fn end_invites(&mut self, ends: impl Fn(&InviteRow) -> bool) -> u64 {
        let before = self.invites.len();
        self.invites.retain(|_, link| !ends(link));
        let invites = &self.invites;
        self.asks.retain(|(_, invite), _| invites.contains_key(invite));
        (before - self.invites.len()) as u64
    }

    /// An account has come into a room: it asks for that no more, and each link by which it did lets one fewer in.
    pub(super) fn asks_no_more(&mut self, account: AccountId, room: RoomId) {
        let asks = &mut self.asks;
        for link in self.invites.values_mut().filter(|link| link.room == room) {
            if asks.remove(&(account, link.invite)).is_some() {
                link.uses = link.uses.saturating_sub(1);
            }
        }
    }
}
