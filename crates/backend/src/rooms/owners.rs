//! Whether the groups of an account would keep an owner without it.

use sotto_protocol::AccountId;

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
}
