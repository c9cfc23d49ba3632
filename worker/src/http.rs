//! Calls of `/api/v1` with the session cookie: a body, or an error body; never anything in between.

use gloo_net::http::{Method as Verb, RequestBuilder, Response};
use js_sys::Uint8Array;
use sotto_client::io::Method;
use sotto_protocol::api::ErrorBody;
use sotto_protocol::{ErrorCode, codec, limits};
use web_sys::{AbortSignal, RequestCache, RequestCredentials, RequestRedirect};

/// An answer that takes longer counts as none.
const TIMEOUT_MS: u32 = 30_000;

/// Calls the API. No answer is `offline`.
pub(crate) async fn call(method: Method, path: &str, body: &[u8]) -> Result<Vec<u8>, ErrorBody> {
    let response = send(method, path, body).await.map_err(|_| plain(ErrorCode::Offline))?;
    let bytes = response.binary().await.map_err(|_| plain(ErrorCode::Offline))?;
    if response.ok() {
        return Ok(bytes);
    }
    Err(codec::decode(&bytes, limits::API_BODY).unwrap_or_else(|_| guess(&response)))
}

async fn send(method: Method, path: &str, body: &[u8]) -> Result<Response, gloo_net::Error> {
    let request = RequestBuilder::new(path)
        .credentials(RequestCredentials::SameOrigin)
        .cache(RequestCache::NoStore)
        // The API never redirects; a captive portal does, and its page is no answer.
        .redirect(RequestRedirect::Error)
        .abort_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT_MS)));
    match method {
        Method::Get => request.method(Verb::GET).send().await,
        Method::Post => {
            let body = Uint8Array::from(body);
            request.method(Verb::POST).header("content-type", "application/cbor").body(body)?.send().await
        }
    }
}

/// An error that some proxy on the way has answered, not the API: its status says enough.
fn guess(response: &Response) -> ErrorBody {
    let code = match response.status() {
        401 => ErrorCode::SignedOut,
        403 => ErrorCode::Forbidden,
        404 => ErrorCode::NotFound,
        413 => ErrorCode::TooLarge,
        429 => ErrorCode::TooManyTries,
        502..=504 => ErrorCode::Unavailable,
        _ => ErrorCode::Internal,
    };
    let retry_after = response.headers().get("retry-after").and_then(|seconds| seconds.parse().ok());
    ErrorBody { retry_after, ..plain(code) }
}

const fn plain(code: ErrorCode) -> ErrorBody {
    ErrorBody { code, retry_after: None, room: None, epoch: None }
}
