//! What accounts are in groups: their roles, and whether a group would keep an owner without one.

use sotto_protocol::{AccountId, Bytes, RoomId};
use sotto_rules::roles::Role;

use super::validate;
use crate::backend::Backend;
use crate::error::ServiceError;

impl Backend {
    /// # Errors
    /// `last_owner` when others are in a group that has no other owner; `unavailable`.
    pub(crate) async fn check_owners(&self, account: AccountId) -> Result<(), ServiceError> {
        for info in self.0.store.rooms_of(account).await? {
            let Some(room) = self.0.store.room_for_commit(account, info.room).await?.filter(|room| room.pair.is_none()) else { continue };
            let deleted = self.0.store.deleted_members(info.room).await?.into_iter().collect();
            self.heavy(move || validate::keeps_an_owner(info.room, &room.public_group, account, &deleted)).await??;
        }
        Ok(())
    }

    /// The role of an account by the public state of a room.
    pub(crate) async fn role_in(&self, room: RoomId, public_group: Bytes, account: AccountId) -> Result<Role, ServiceError> {
        Ok(self.heavy(move || validate::role(room, &public_group, account)).await??)
    }
}
