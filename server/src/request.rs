//! Who asks: address, time and session of a request, found out once and handed on as an extension.

use std::net::{IpAddr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sotto_backend::{Caller, RequestContext};
use sotto_protocol::{ErrorCode, Millis};

use crate::config::TrustedProxies;
use crate::cookie;
use crate::error::ApiError;
use crate::state::AppState;

/// The asking side of one request.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) context: RequestContext,
    pub(crate) caller: Option<Caller>,
}

impl Asking {
    /// The session, for what needs one.
    pub(crate) fn signed_in(&self) -> Result<&Caller, ApiError> {
        self.caller.as_ref().ok_or_else(|| ErrorCode::SignedOut.into())
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(Millis::MAX))
}

/// Middleware: adds [`Asking`] to the request. An ended session is no session; a database that can't say is an error, never
/// "signed out", because the page would then forget who is here.
pub(crate) async fn identify(
    State(app): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let context = RequestContext {
        address: client_address(peer.ip(), headers, &app.trusted_proxies),
        user_agent: headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned),
        now: now(),
    };
    let caller = match cookie::token(headers) {
        None => None,
        Some(token) => match app.backend.authenticate(&context, &token).await {
            Ok(caller) => Some(caller),
            Err(error) if error.code == ErrorCode::SignedOut => None,
            Err(error) => return ApiError::from(error).into_response(),
        },
    };
    request.extensions_mut().insert(Asking { context, caller });
    next.run(request).await
}

/// The peer, or what trusted proxies say about it. From the right: every hop that is ours vouches for the one before it; what
/// stands further left was written by the client.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let mut address = peer.to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().rev().filter_map(|line| line.to_str().ok());
    for hop in lines.flat_map(|line| line.rsplit(',')) {
        if !trusted.contain(address) {
            return address;
        }
        let Ok(before) = hop.trim().parse::<IpAddr>() else { return address };
        address = before.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn forwarded_addresses_are_believed_behind_trusted_proxies_only() {
        let trusted: TrustedProxies = "10.0.0.0/8".parse().unwrap();
        let seen = |peer: &str, lines: &[&str]| {
            let headers = lines.iter().map(|line| ("x-forwarded-for".parse().unwrap(), line.parse().unwrap())).collect();
            client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
        };
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "a stranger says nothing about himself");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"]), "198.51.100.7", "what the client wrote is left of it");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["garbage"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
    }
}
