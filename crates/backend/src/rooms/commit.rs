//! Taking a commit: the order of the checks is the contract.

use std::collections::BTreeSet;

use sotto_protocol::api::{CommitAck, UploadCommit};
use sotto_protocol::{AccountId, DeviceId, ErrorCode, Millis, RoomId, limits};

use super::validate::{self, Asking, Validated};
use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::store::{CommitRow, Standing};

impl Backend {
    /// Appends a commit to the room's log and moves the room into the next epoch.
    ///
    /// Membership, size, duplicate id (the first answer again), epoch, then everything that takes work; whether the packages that it
    /// adds are the caller's to use is asked in the transaction.
    ///
    /// # Errors
    /// `not_found`, `too_large`, `stale_epoch` (with the epoch), `commit_refused`, `not_authentic`, `wrong_suite`, `wrong_clock`,
    /// `no_key_package`, `malformed`, `device_unknown`, `unavailable`.
    pub async fn upload_commit(
        &self,
        ctx: &RequestContext,
        caller: &Caller,
        room: RoomId,
        upload: UploadCommit,
    ) -> Result<CommitAck, ServiceError> {
        let device = caller.require_device()?;
        let current = self.0.store.room_for_commit(caller.account, room).await?.ok_or(ErrorCode::NotFound)?;
        check_size(&upload, 0)?;
        if let Some(standing) = self.0.store.find_commit(room, device, upload.idempotency).await? {
            return Ok(ack_again(room, standing));
        }
        if upload.epoch != current.epoch {
            return Err(ServiceError::stale(current.epoch));
        }
        let asking = Asking { room, pair: current.pair, account: caller.account, device, now: ctx.now };
        let (validated, upload) =
            self.heavy(move || validate::commit(asking, &current.public_group, &upload).map(|validated| (validated, upload))).await??;
        let row = row(asking, upload, validated);
        let (epoch, invited) = (validate::next(row.epoch), invited(&row));
        let (seq, at) = self.0.store.commit(row).await?;
        self.announce_commit(room, &invited);
        Ok(CommitAck { room, seq, epoch, at })
    }

    pub(super) fn announce_commit(&self, room: RoomId, invited: &[(AccountId, DeviceId)]) {
        tracing::debug!(room = %self.0.log_salt.hide(room.as_bytes()), welcomes = invited.len(), "commit taken");
        self.0.bus.room(room);
        for (account, device) in invited {
            self.0.bus.welcomes(*account, *device);
        }
        for account in invited.iter().map(|(account, _)| *account).collect::<BTreeSet<_>>() {
            self.0.bus.heads(account, invited);
        }
    }
}

/// The parts together keep to the limit of the body that brought them.
pub(super) fn check_size(upload: &UploadCommit, rest: usize) -> Result<(), ErrorCode> {
    let welcomes: usize = upload.welcomes.iter().map(|welcome| welcome.welcome.0.len()).sum();
    let all = rest.saturating_add(upload.commit.0.len()).saturating_add(upload.group_info.0.len()).saturating_add(welcomes);
    if all > limits::COMMIT_BODY { Err(ErrorCode::TooLarge) } else { Ok(()) }
}

/// The answer that the first upload of this id got.
pub(super) fn ack_again(room: RoomId, standing: Standing) -> CommitAck {
    CommitAck { room, seq: standing.seq, epoch: validate::next(standing.epoch), at: standing.at }
}

pub(super) fn row(asking: Asking, upload: UploadCommit, validated: Validated) -> CommitRow {
    let at: Millis = asking.now;
    CommitRow {
        room: asking.room,
        epoch: upload.epoch,
        account: asking.account,
        device: asking.device,
        at,
        idempotency: upload.idempotency,
        commit: upload.commit,
        state: validated.state,
        members: validated.members,
        welcomes: validated.welcomes,
        added: validated.added,
        unlisted: validated.unlisted,
    }
}

pub(super) fn invited(row: &CommitRow) -> Vec<(AccountId, DeviceId)> {
    row.welcomes.iter().map(|welcome| (welcome.account, welcome.device)).collect()
}
