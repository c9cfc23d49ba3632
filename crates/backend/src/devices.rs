//! The devices of an account: its next signed list, and the newest one for whoever asks.

use sotto_protocol::api::{Devices, PutDevices};
use sotto_protocol::{AccountId, ErrorCode};

use crate::accounts::check_next_list;
use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::limits::Limit;

impl Backend {
    /// Makes the list's devices the account's and binds the session to `device`. The same list again only binds. Devices that are
    /// gone lose their sessions, key packages, Welcomes and sockets.
    ///
    /// # Errors
    /// `device_list_refused`, `not_authentic`, `device_unknown`, `malformed`, `too_large`, `signed_out`, `unavailable`.
    pub async fn put_devices(&self, _ctx: &RequestContext, caller: &Caller, request: PutDevices) -> Result<(), ServiceError> {
        let account = self.0.store.find_account_by_id(caller.account).await?.ok_or(ErrorCode::SignedOut)?;
        let checked = check_next_list(&account, request.device_list)?;
        if !checked.next.devices.contains(&request.device) {
            return Err(ErrorCode::DeviceUnknown.into());
        }
        let devices = checked.next.devices.clone();
        self.0.store.put_devices(caller.account, checked.next, caller.session, request.device).await?;
        self.0.bus.devices_replaced(caller.account, &devices);
        tracing::info!(account = %self.0.log_salt.hide(caller.account.as_bytes()), devices = devices.len(), "devices replaced");
        Ok(())
    }

    /// The newest list of an account, as it was signed.
    ///
    /// # Errors
    /// `not_found`, `too_many_tries`, `unavailable`.
    pub async fn devices(&self, ctx: &RequestContext, caller: &Caller, account: AccountId) -> Result<Devices, ServiceError> {
        self.0.limits.take(ctx.now, &[Limit::DeviceLists(caller.account)])?;
        Ok(Devices { device_list: self.0.store.device_list(account).await?.ok_or(ErrorCode::NotFound)? })
    }
}
