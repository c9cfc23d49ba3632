//! What all requests share.

use std::sync::Arc;

use sotto_backend::Backend;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{PublicUrl, SocketLimits, TrustedProxies};
use crate::site::Site;
use crate::sync::Slots;

/// Cheap to clone: every part is a handle.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) backend: Backend,
    pub(crate) site: Site,
    pub(crate) public_url: Arc<PublicUrl>,
    pub(crate) trusted_proxies: Arc<TrustedProxies>,
    pub(crate) socket_limits: SocketLimits,
    /// Places for sync connections.
    pub(crate) slots: Slots,
    /// Cancelled when the server stops.
    pub(crate) stopping: CancellationToken,
    /// Sync connections outlive their HTTP request: a stop waits for them here.
    pub(crate) connections: TaskTracker,
}
