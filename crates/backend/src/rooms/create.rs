//! Creating a room with its first commit, in one transaction; that of a pair once.

use sotto_protocol::ErrorCode;
use sotto_protocol::api::{CommitAck, CreateRoom};
use sotto_rules::config::SUITE;

use super::commit::{ack_again, check_size, invited, row};
use super::validate::{self, Asking};
use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::store::Pair;

impl Backend {
    /// Makes the room of the caller and `peer` (or of the caller alone): of two that come at once, one wins. Or a group.
    ///
    /// # Errors
    /// `room_exists` (with the room), `not_found` (no such peer), and those of [`Backend::upload_commit`].
    pub async fn create_room(&self, ctx: &RequestContext, caller: &Caller, create: CreateRoom) -> Result<CommitAck, ServiceError> {
        let device = caller.require_device()?;
        check_size(&create.commit, create.group_info.0.len().saturating_add(create.ratchet_tree.0.len()))?;
        let room = create.room;
        if let Some(standing) = self.0.store.find_commit(room, device, create.commit.idempotency).await? {
            return Ok(ack_again(room, standing));
        }
        let pair = create.peer.map(|peer| Pair::of(caller.account, peer));
        if let Some(pair) = pair
            && let Some(exists) = self.0.store.find_pair_room(pair).await?
        {
            return Err(ServiceError::room_exists(exists));
        }
        if create.commit.epoch != 0 {
            return Err(ServiceError::stale(0));
        }
        if let Some(peer) = create.peer {
            self.0.store.find_account_by_id(peer).await?.ok_or(ErrorCode::NotFound)?;
        }
        let asking = Asking { room, pair, account: caller.account, device, now: ctx.now };
        let (validated, create) = self.heavy(move || validate::creation(asking, &create).map(|validated| (validated, create))).await??;
        let row = row(asking, create.commit, validated);
        let (epoch, invited) = (validate::next(row.epoch), invited(&row));
        let (seq, at) = self.0.store.create_room(pair, SUITE as u16, row).await?;
        self.announce_commit(room, &invited);
        self.0.bus.heads(caller.account, &[(caller.account, device)]);
        Ok(CommitAck { room, seq, epoch, at })
    }
}
