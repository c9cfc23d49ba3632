//! Deleting an account: for good, by whoever can sign with its key; and freeing its name, when nobody can.

use sha2::{Digest as _, Sha256};
use sotto_protocol::accounts::DeleteAccountRequest;
use sotto_protocol::{ErrorCode, IdempotencyId, UserName};

use super::check_next_list;
use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::store::DeletionRow;

impl Backend {
    /// Deletes the caller's account and what is its own here: sessions, devices, vault, archive, and rooms in which nobody else is. Rooms of
    /// others hear of it, with the signed list as proof. The name stays taken: under it nobody else shall be taken for this one.
    ///
    /// # Errors
    /// `device_list_refused`, `not_authentic`, `malformed`, `too_large`; `last_owner` while others are in a group without another owner;
    /// `device_unknown`, `signed_out`, `unavailable`.
    pub async fn delete_account(&self, ctx: &RequestContext, caller: &Caller, request: DeleteAccountRequest) -> Result<(), ServiceError> {
        let device = caller.require_device()?;
        let account = self.0.store.find_account_by_id(caller.account).await?.ok_or(ErrorCode::SignedOut)?;
        let checked = check_next_list(&account, request.device_list)?;
        if !checked.list.devices.is_empty() {
            return Err(ErrorCode::DeviceListRefused.into());
        }
        self.check_owners(caller.account).await?;
        let digest = Sha256::digest(checked.next.list.as_slice());
        let idempotency = IdempotencyId(std::array::from_fn(|index| digest[index]));
        let row = DeletionRow { account: caller.account, device, at: ctx.now, next: checked.next, idempotency };
        let deleted = self.0.store.delete_account(row).await?;
        self.0.bus.sessions_ended(caller.account, &deleted.sessions);
        deleted.rooms.iter().for_each(|room| self.0.bus.room(*room));
        tracing::info!(account = %self.0.log_salt.hide(caller.account.as_bytes()), rooms = deleted.rooms.len(), "account deleted");
        Ok(())
    }

    /// Frees a name whose person has lost every way to sign in, so that they can begin anew under it: with another identity, of which everybody is
    /// warned. For whoever runs the server, who has to know that it is that person who asks.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn reset_account(&self, ctx: &RequestContext, name: &UserName) -> Result<(), ServiceError> {
        let (account, ended) = self.0.store.reset_account(name.clone(), ctx.now).await?;
        self.0.bus.sessions_ended(account, &ended);
        tracing::info!(account = %self.0.log_salt.hide(account.as_bytes()), "account reset");
        Ok(())
    }
}
