//! Taking the wish of a device to leave its group, which somebody else's commit carries out.

use sotto_protocol::api::UploadProposal;
use sotto_protocol::frames::Ack;
use sotto_protocol::{ErrorCode, RoomId, limits};

use super::validate::{self, Asking};
use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::store::ProposalRow;

impl Backend {
    /// Appends a SelfRemove to the room's log, and keeps it for a commit that refers to it. Who is alone in the group is out at once: nobody
    /// could commit it.
    ///
    /// # Errors
    /// `not_found`, `too_large`, `stale_epoch` (with the epoch), `commit_refused`, `last_owner`, `malformed`, `wrong_suite`,
    /// `device_unknown`, `unavailable` (also when another proposal came in between).
    pub async fn upload_proposal(
        &self,
        ctx: &RequestContext,
        caller: &Caller,
        room: RoomId,
        upload: UploadProposal,
    ) -> Result<Ack, ServiceError> {
        let device = caller.require_device()?;
        let current = self.0.store.room_for_commit(caller.account, room).await?.ok_or(ErrorCode::NotFound)?;
        if upload.proposal.0.len() > limits::PROPOSAL {
            return Err(ErrorCode::TooLarge.into());
        }
        let idempotency = upload.idempotency;
        if let Some(standing) = self.0.store.find_commit(room, device, idempotency).await? {
            return Ok(Ack { room, idempotency, seq: standing.seq, at: standing.at });
        }
        if upload.epoch != current.epoch {
            return Err(ServiceError::stale(current.epoch));
        }
        let asking = Asking { room, pair: current.pair, account: caller.account, device, now: ctx.now };
        let (before, UploadProposal { epoch, proposal, .. }) = (current.public_group, upload);
        let row = self.heavy(move || {
            let leave = validate::proposal(asking, &before, epoch, &proposal)?;
            let validate::Leave { after, alone } = leave;
            let (account, at) = (asking.account, asking.now);
            Ok::<_, ErrorCode>(ProposalRow { room, epoch, account, device, at, idempotency, proposal, before, after, alone })
        });
        let (seq, at) = self.0.store.propose(row.await??).await?;
        self.0.bus.room(room);
        Ok(Ack { room, idempotency, seq, at })
    }
}
