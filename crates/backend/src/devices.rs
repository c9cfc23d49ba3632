//! Replacing an account's devices by its next signed list.

use sotto_protocol::ErrorCode;
use sotto_protocol::api::ReplaceDevice;

use crate::accounts::check_next_list;
use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;

impl Backend {
    /// Makes the list's devices the account's and binds the session to `device`. The same list again only binds. Devices that are
    /// gone lose their key packages, Welcomes and sockets.
    ///
    /// # Errors
    /// `device_list_refused`, `not_authentic`, `device_unknown`, `malformed`, `too_large`, `signed_out`, `unavailable`.
    pub async fn replace_device(&self, _ctx: &RequestContext, caller: &Caller, request: ReplaceDevice) -> Result<(), ServiceError> {
        let account = self.0.store.find_account_by_id(caller.account).await?.ok_or(ErrorCode::SignedOut)?;
        let checked = check_next_list(&account, request.device_list)?;
        if !checked.next.devices.contains(&request.device) {
            return Err(ErrorCode::DeviceUnknown.into());
        }
        let devices = checked.next.devices.clone();
        self.0.store.replace_devices(caller.account, checked.next, caller.session, request.device).await?;
        self.0.bus.devices_replaced(caller.account, &devices);
        tracing::info!(account = %self.0.log_salt.hide(caller.account.as_bytes()), devices = devices.len(), "devices replaced");
        Ok(())
    }
}
