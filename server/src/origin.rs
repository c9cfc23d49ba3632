//! Cross-site requests: what changes anything, and the socket's upgrade, must come from our own origin.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sotto_protocol::ErrorCode;

use crate::error::{ApiError, account_answer};
use crate::state::AppState;

/// Path of the sync socket. Its upgrade is a GET, and browsers send cookies with it from any site.
pub(crate) const SYNC_PATH: &str = "/api/v1/sync";

/// Middleware: 403 for a mutation or an upgrade without exactly our `Origin`. Browsers always send one there.
pub(crate) async fn check(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) && request.uri().path() != SYNC_PATH;
    if safe || is_ours(request.headers(), app.public_url.origin()) {
        return next.run(request).await;
    }
    if request.uri().path().starts_with("/api/account/") {
        return account_answer(ErrorCode::WrongOrigin.into());
    }
    ApiError::from(ErrorCode::WrongOrigin).into_response()
}

fn is_ours(headers: &HeaderMap, origin: &str) -> bool {
    let mut sent = headers.get_all(header::ORIGIN).iter();
    sent.next().is_some_and(|value| value == origin) && sent.next().is_none()
}
