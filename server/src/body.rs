//! Bodies of requests: read whole, within a limit and a time.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use sotto_protocol::ErrorCode;

/// A body must have arrived within this time: a slow sender must not hold a place for ever.
const ARRIVAL: Duration = Duration::from_secs(60);

/// Whether the request declares this media type. A cross-site form can't declare ours without asking first (CORS preflight).
pub(crate) fn declares(headers: &HeaderMap, media_type: &str) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}

/// Reads the body.
///
/// # Errors
/// `too_large` over the limit (before reading where the length is declared), `malformed` where it breaks off or is too slow.
pub(crate) async fn read(request: Request, limit: usize) -> Result<Bytes, ErrorCode> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(ErrorCode::TooLarge);
    }
    let whole = tokio::time::timeout(ARRIVAL, axum::body::to_bytes(request.into_body(), limit)).await;
    // An undeclared body that breaks off and one that is too long look alike here; too long is what happens.
    whole.map_err(|_| ErrorCode::Malformed)?.map_err(|_| ErrorCode::TooLarge)
}

/// The request again, with a body that was read.
pub(crate) fn with_body(parts: axum::http::request::Parts, body: Bytes) -> Request {
    Request::from_parts(parts, Body::from(body))
}
