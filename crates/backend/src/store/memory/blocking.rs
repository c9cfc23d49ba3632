//! Who has blocked whom, and which rooms are not told of for that.

use sotto_protocol::api::Person;
use sotto_protocol::{AccountId, ErrorCode, RoomId};

use super::MemoryStore;
use super::tables::Tables;
use crate::store::{Pair, StoreResult};

impl MemoryStore {
    pub(crate) fn blocked(&self, account: AccountId) -> StoreResult<Vec<Person>> {
        self.read(|tables| {
            let of_account = tables.blocks.iter().filter(|(owner, _)| *owner == account);
            let rows = of_account.filter_map(|(_, blocked)| tables.accounts.get(blocked));
            let mut people: Vec<Person> = rows.map(|row| Person { account: row.account, name: row.name.clone() }).collect();
            people.sort_by(|one, other| one.name.cmp(&other.name));
            people
        })
    }

    pub(crate) fn block(&self, account: AccountId, blocked: AccountId, most: usize) -> StoreResult<()> {
        self.write(|tables| {
            if !tables.accounts.contains_key(&blocked) {
                return Err(ErrorCode::NotFound.into());
            }
            super::tables::constraint(tables.accounts.contains_key(&account))?;
            let others = tables.blocks.iter().filter(|(owner, other)| *owner == account && *other != blocked).count();
            if others >= most {
                return Err(ErrorCode::TooLarge.into());
            }
            tables.blocks.insert((account, blocked));
            Ok(())
        })
    }

    pub(crate) fn unblock(&self, account: AccountId, blocked: AccountId) -> StoreResult<()> {
        self.write(|tables| {
            tables.blocks.remove(&(account, blocked));
            tables.unwanted_rooms.retain(|(owner, _), by| *owner != account || *by != blocked);
            Ok(())
        })
    }
}

impl Tables {
    /// Whom a message into a room is not for: the one of its pair that has blocked the sender.
    pub(super) fn withheld_from(&self, pair: Option<Pair>, sender: AccountId) -> Option<AccountId> {
        let pair = pair?;
        [pair.low, pair.high].into_iter().find(|account| self.blocks.contains(&(*account, sender)))
    }

    /// An account came into a room by somebody's commit: if it has blocked them, it does not hear of it.
    pub(super) fn brought(&mut self, account: AccountId, room: RoomId, by: AccountId) {
        if self.blocks.contains(&(account, by)) {
            self.unwanted_rooms.entry((account, room)).or_insert(by);
        }
    }
}
