//! Making an account.

use sotto_protocol::accounts::{SignUpRequest, SignedIn};
use sotto_protocol::{ErrorCode, limits};
use sotto_rules::identity::decode_device_list;

use super::{NewSession, check_password_entry, check_slot};
use crate::backend::Backend;
use crate::config::Registration;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::limits::Limit;
use crate::store::AccountRow;

impl Backend {
    /// Makes an account with its first device, and a session bound to that. The session `before` that this browser had ends with it.
    ///
    /// # Errors
    /// `registration_closed`, `name_taken`, `too_many_tries`, `kdf_refused`, `device_list_refused`, `not_authentic`, `malformed`,
    /// `too_large`, `unavailable`.
    pub async fn sign_up(&self, ctx: &RequestContext, before: Option<&Caller>, request: SignUpRequest) -> Result<NewSession, ServiceError> {
        if self.config().registration == Registration::Closed {
            return Err(ErrorCode::RegistrationClosed.into());
        }
        // Counted even when the name is taken: this answer tells that a name exists, and that can't be hidden, only slowed.
        self.0.limits.take(ctx.now, &[Limit::SignUpAddress(ctx.address)])?;
        check_password_entry(&request.password)?;
        check_slot(&request.recovery.slot)?;
        if request.device_list.0.len() > limits::DEVICE_LIST {
            return Err(ErrorCode::TooLarge.into());
        }
        let list = decode_device_list(request.device_list.as_slice(), None).map_err(ErrorCode::from)?;
        let first = list.version == 1 && list.previous.as_slice() == [0; 32];
        if !first || list.devices.len() != 1 || list.devices.iter().any(|entry| entry.device != request.device) {
            return Err(ErrorCode::DeviceListRefused.into());
        }
        // Before the hashes, which are dear; the transaction decides again.
        if self.0.store.find_account(&request.name).await?.is_some() {
            return Err(ErrorCode::NameTaken.into());
        }
        let slot = request.password.slot.clone();
        let account = AccountRow {
            account: list.account,
            name: request.name,
            created_at: ctx.now,
            password: self.hashed_password(request.password).await?,
            recovery: self.hashed_recovery(request.recovery).await?,
            device_list: request.device_list,
            deleted_at: None,
        };
        let (token, session) = self.fresh_session(ctx, before, account.account, Some(request.device))?;
        let signed_in = SignedIn {
            account: account.account,
            name: account.name.clone(),
            session: session.session,
            slot,
            device_list: account.device_list.clone(),
            before: None,
        };
        self.0.store.create_account(account, request.device, session).await?;
        self.replaced(before);
        tracing::info!(account = %self.0.log_salt.hide(signed_in.account.as_bytes()), "signed up");
        Ok(NewSession { signed_in, token })
    }
}
