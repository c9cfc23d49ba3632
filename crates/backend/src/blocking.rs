//! Blocking: what somebody says to an account that has blocked them does not come to it. Whoever is blocked gets the same answers as everybody
//! else, so nothing here is asked before an answer is made: the store marks rows, and what is marked is left out where the other account reads.

use sotto_protocol::api::{BlockPerson, Blocked};
use sotto_protocol::{ErrorCode, limits};

use crate::backend::Backend;
use crate::context::Caller;
use crate::error::ServiceError;

impl Backend {
    /// Whom the account has blocked.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn blocked(&self, caller: &Caller) -> Result<Blocked, ServiceError> {
        Ok(Blocked { people: self.0.store.blocked(caller.account).await? })
    }

    /// Blocks somebody from now on; what they have said before stays.
    ///
    /// # Errors
    /// `forbidden` for oneself, `not_found`, `too_large` for more than [`limits::BLOCKED`], `unavailable`.
    pub async fn block(&self, caller: &Caller, request: BlockPerson) -> Result<(), ServiceError> {
        if request.account == caller.account {
            return Err(ErrorCode::Forbidden.into());
        }
        Ok(self.0.store.block(caller.account, request.account, limits::BLOCKED).await?)
    }

    /// Blocks somebody no more. What was withheld stays so; rooms that they brought the account into meanwhile are told of.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn unblock(&self, caller: &Caller, request: BlockPerson) -> Result<(), ServiceError> {
        self.0.store.unblock(caller.account, request.account).await?;
        self.0.bus.account_welcomes(caller.account);
        Ok(())
    }
}
