//! The recovery code: proves itself, opens its slot, and is used up by making a new password and code.

use sotto_protocol::accounts::{RecoveryFinishRequest, RecoveryOpenRequest, RecoveryOpened, SignedIn};
use sotto_protocol::{Bytes, ErrorCode, UserName};

use super::login::device_before;
use super::{NewSession, check_password_entry, check_same_devices, check_slot};
use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::limits::Limit;
use crate::passwords::Verdict;
use crate::store::AccountRow;

impl Backend {
    /// Gives the slot that a code opens. Makes no session.
    ///
    /// # Errors
    /// `wrong_credentials` (for unknown names too), `too_many_tries`, `malformed`, `unavailable`.
    pub async fn recovery_open(&self, ctx: &RequestContext, request: RecoveryOpenRequest) -> Result<RecoveryOpened, ServiceError> {
        let account = self.proven_by_code(ctx, &request.name, &request.auth_key).await?;
        Ok(RecoveryOpened { account: account.account, slot: account.recovery.slot, device_list: account.device_list })
    }

    /// Uses a code up: new password, new code, next device list, in one transaction. Ends all sessions of the account, and the one
    /// `before` that this browser had, and makes one.
    ///
    /// # Errors
    /// `wrong_credentials`, `too_many_tries`, `kdf_refused`, `device_list_refused`, `malformed`, `too_large`, `unavailable`.
    pub async fn recovery_finish(
        &self,
        ctx: &RequestContext,
        before: Option<&Caller>,
        request: RecoveryFinishRequest,
    ) -> Result<NewSession, ServiceError> {
        check_password_entry(&request.password)?;
        check_slot(&request.recovery.slot)?;
        let account = self.proven_by_code(ctx, &request.name, &request.auth_key).await?;
        let next = check_same_devices(&account, request.device_list)?;
        let (token, session) = self.fresh_session(ctx, before, account.account, None)?;
        let signed_in = SignedIn {
            account: account.account,
            name: account.name,
            session: session.session,
            slot: request.password.slot.clone(),
            device_list: next.list.clone(),
            before: device_before(before, account.account),
        };
        let password = self.hashed_password(request.password).await?;
        let recovery = self.hashed_recovery(request.recovery).await?;
        let ended = self.0.store.finish_recovery(account.account, account.recovery.hash, password, recovery, next, session).await?;
        self.0.bus.sessions_ended(account.account, &ended);
        self.replaced(before);
        tracing::info!(account = %self.0.log_salt.hide(account.account.as_bytes()), ended = ended.len(), "recovered");
        Ok(NewSession { signed_in, token })
    }

    async fn proven_by_code(&self, ctx: &RequestContext, name: &UserName, auth_key: &Bytes) -> Result<AccountRow, ServiceError> {
        let tries = [Limit::RecoveryAddress(ctx.address), Limit::RecoveryAccount(name.clone())];
        self.0.limits.take(ctx.now, &tries)?;
        let found = self.0.store.find_account(name).await?;
        let stored = found.as_ref().map(|account| account.recovery.hash.clone());
        // A weaker hash is not renewed here: the code is used up soon, and its successor is hashed as configured.
        match (self.0.passwords.verify(auth_key, stored).await?, found) {
            (Verdict::Right { .. }, Some(account)) => {
                self.0.limits.give_back(&tries);
                Ok(account)
            }
            _ => Err(ErrorCode::WrongCredentials.into()),
        }
    }
}
