//! The end of an account: what was its own goes, and the rooms of others hear of it.

use std::collections::BTreeSet;

use sotto_protocol::accounts::{KdfParams, VaultSlot};
use sotto_protocol::{AccountId, Bytes, ErrorCode, Millis, RoomId, SessionId, UserName};

use super::MemoryStore;
use super::tables::{Tables, constraint};
use crate::store::{AccountRow, Deleted, DeletionRow, PasswordRow, RecoveryRow, StoreResult, former_name};

impl MemoryStore {
    pub(crate) fn delete_account(&self, row: DeletionRow) -> StoreResult<Deleted> {
        self.write(|tables| {
            tables.check_list(row.account, &row.next)?;
            let Some(known) = tables.accounts.get_mut(&row.account).filter(|known| known.deleted_at.is_none()) else {
                return Err(ErrorCode::DeviceListRefused.into());
            };
            known.device_list = row.next.list.clone();
            tables.published.remove(&row.account);
            end(known, row.at);
            for room in tables.deserted_by(row.account) {
                tables.drop_room(room);
            }
            let told = tables.rooms_of(row.account).map(|(room, _)| room).collect::<Vec<_>>();
            for id in &told {
                if let Some(room) = tables.rooms.get_mut(id) {
                    room.head += 1;
                    let entry = row.entry(*id, room.epoch, room.head);
                    tables.push_entry(entry);
                }
            }
            Ok(Deleted { sessions: tables.empty(row.account), rooms: told })
        })
    }

    pub(crate) fn reset_account(&self, name: UserName, at: Millis) -> StoreResult<(AccountId, Vec<SessionId>)> {
        self.write(|tables| {
            let account = tables.living().find(|row| row.name == name).map(|row| row.account).ok_or(ErrorCode::NotFound)?;
            let former = former_name(account)?;
            constraint(!tables.accounts.values().any(|row| row.name == former))?;
            if let Some(known) = tables.accounts.get_mut(&account) {
                end(known, at);
                known.name = former;
            }
            tables.published.remove(&account);
            Ok((account, tables.empty(account)))
        })
    }

    pub(crate) fn deleted_members(&self, room: RoomId) -> StoreResult<Vec<AccountId>> {
        self.read(|tables| {
            let people = tables.members.iter().filter(|((_, of), gone_at)| *of == room && gone_at.is_none());
            let deleted = |account: &AccountId| tables.accounts.get(account).is_some_and(|row| row.deleted_at.is_some());
            people.map(|((account, _), _)| *account).filter(deleted).collect()
        })
    }
}

/// Nobody signs in any more.
fn end(row: &mut AccountRow, at: Millis) {
    let (slot, kdf) = (VaultSlot { version: 0, sealed: Bytes::default() }, KdfParams::default());
    row.deleted_at = Some(at);
    row.password = PasswordRow { kdf, hash: String::new(), slot: slot.clone() };
    row.recovery = RecoveryRow { hash: String::new(), slot };
}

impl Tables {
    /// Deletes what belongs to an account. Gives the sessions that have ended.
    fn empty(&mut self, account: AccountId) -> Vec<SessionId> {
        let of_it = |owner: &AccountId| *owner == account;
        let sessions = self.sessions.values().filter(|session| of_it(&session.account)).map(|session| session.session).collect();
        self.sessions.retain(|_, session| !of_it(&session.account));
        self.key_packages.retain(|_, package| !of_it(&package.account));
        self.welcomes.retain(|_, welcome| !of_it(&welcome.account));
        self.devices.retain(|(owner, _)| !of_it(owner));
        self.archive.retain(|(owner, ..), _| !of_it(owner));
        self.blocks.retain(|(owner, _)| !of_it(owner));
        self.unwanted_rooms.retain(|(owner, _), _| !of_it(owner));
        self.asks.retain(|(owner, _), _| !of_it(owner));
        self.members.retain(|(owner, _), gone_at| !of_it(owner) || gone_at.is_none());
        self.drop_unused_trees();
        sessions
    }

    /// Rooms of an account in which nobody is or was who lives.
    fn deserted_by(&self, account: AccountId) -> Vec<RoomId> {
        let lives = |account: &AccountId| self.accounts.get(account).is_some_and(|row| row.deleted_at.is_none());
        let peopled: BTreeSet<RoomId> = self.members.keys().filter(|(member, _)| lives(member)).map(|(_, room)| *room).collect();
        self.members.keys().filter(|(member, room)| *member == account && !peopled.contains(room)).map(|(_, room)| *room).collect()
    }

    fn drop_room(&mut self, room: RoomId) {
        let entries: Vec<_> = self.log.iter().filter(|(_, entry)| entry.room == room).map(|(id, _)| *id).collect();
        for id in entries {
            self.log.remove(&id);
            self.withheld_from.remove(&id);
        }
        self.log_seqs.retain(|(of, _), _| *of != room);
        self.log_ids.retain(|(of, ..), _| *of != room);
        self.welcomes.retain(|_, welcome| welcome.room != room);
        self.welcome_trees.retain(|(of, _), _| *of != room);
        self.unwanted_rooms.retain(|(_, of), _| *of != room);
        self.end_invites(|link| link.room == room);
        self.members.retain(|(_, of), _| *of != room);
        self.rooms.remove(&room);
    }
}
