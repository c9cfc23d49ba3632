//! Changing the password, and making another recovery code. Both need the current password.

use sotto_protocol::accounts::{ChangePasswordRequest, NewRecoveryRequest};

use super::{check_password_entry, check_same_devices, check_slot};
use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::token::SessionToken;

impl Backend {
    /// Replaces the password half and the device list in one transaction, ends all other sessions, rotates this one's token.
    ///
    /// # Errors
    /// `wrong_credentials`, `too_many_tries`, `kdf_refused`, `device_list_refused`, `malformed`, `too_large`, `unavailable`.
    pub async fn change_password(
        &self,
        ctx: &RequestContext,
        caller: &Caller,
        request: ChangePasswordRequest,
    ) -> Result<SessionToken, ServiceError> {
        check_password_entry(&request.password)?;
        let account = self.reauthenticated(ctx, caller, &request.current_auth_key).await?;
        let next = check_same_devices(&account, request.device_list)?;
        let password = self.hashed_password(request.password).await?;
        let token = SessionToken::generate()?;
        let ended =
            self.0.store.change_password(account.account, account.password.hash, password, next, caller.session, token.hash()).await?;
        self.0.bus.sessions_ended(account.account, &ended);
        tracing::info!(account = %self.0.log_salt.hide(account.account.as_bytes()), ended = ended.len(), "password changed");
        Ok(token)
    }

    /// Replaces the recovery half; the token is rotated.
    ///
    /// # Errors
    /// `wrong_credentials`, `too_many_tries`, `malformed`, `too_large`, `unavailable`.
    pub async fn new_recovery_code(
        &self,
        ctx: &RequestContext,
        caller: &Caller,
        request: NewRecoveryRequest,
    ) -> Result<SessionToken, ServiceError> {
        check_slot(&request.recovery.slot)?;
        let account = self.reauthenticated(ctx, caller, &request.current_auth_key).await?;
        let recovery = self.hashed_recovery(request.recovery).await?;
        let token = SessionToken::generate()?;
        self.0.store.change_recovery(account.account, account.password.hash, recovery, caller.session, token.hash()).await?;
        Ok(token)
    }
}
