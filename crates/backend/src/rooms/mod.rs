//! Rooms: listed, read, created, moved on by commits.

mod commit;
mod create;
mod group_state;
mod owners;
mod propose;
mod validate;

use sotto_protocol::api::{RoomState, Rooms};
use sotto_protocol::{Bytes, ErrorCode, RoomId};

use crate::backend::Backend;
use crate::context::Caller;
use crate::error::ServiceError;

impl Backend {
    /// All rooms of the account.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn rooms(&self, caller: &Caller) -> Result<Rooms, ServiceError> {
        Ok(Rooms { rooms: self.0.store.rooms_of(caller.account).await? })
    }

    /// What an external commit or a Welcome needs, for a member's device.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn room_state(&self, caller: &Caller, room: RoomId) -> Result<RoomState, ServiceError> {
        let (info, state) = self.0.store.room_state(caller.account, room).await?.ok_or(ErrorCode::NotFound)?;
        let mut welcome = match caller.device {
            Some(device) => self.0.store.welcomes(caller.account, device, Some(room)).await?.pop(),
            None => None,
        };
        // Of one epoch there is one tree.
        if let Some(welcome) = welcome.as_mut().filter(|welcome| welcome.epoch == info.epoch) {
            welcome.ratchet_tree = Bytes::default();
        }
        Ok(RoomState { info, group_info: state.group_info, ratchet_tree: state.ratchet_tree, welcome })
    }
}
