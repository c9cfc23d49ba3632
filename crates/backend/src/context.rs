//! What comes with a request: clock, address, and the session that was proven.

use std::net::IpAddr;

use sotto_protocol::{AccountId, DeviceId, ErrorCode, Millis, SessionId, UserName};

/// What the transport knows about one request. The clock comes in with it, so that tests can turn it.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The peer, from the socket or from a trusted proxy's header.
    pub address: IpAddr,
    /// The `User-Agent` header; only a shortened label of it is stored.
    pub user_agent: Option<String>,
    /// Server time.
    pub now: Millis,
}

/// A live session and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: UserName,
    /// The session.
    pub session: SessionId,
    /// The device that the session is bound to, once one is.
    pub device: Option<DeviceId>,
    /// When the session ends at the latest, whatever it does.
    pub expires_at: Millis,
}

impl Caller {
    /// The device, where an operation needs one.
    pub(crate) fn require_device(&self) -> Result<DeviceId, ErrorCode> {
        self.device.ok_or(ErrorCode::DeviceUnknown)
    }
}
