//! The account server functions of `app` as routes: body read within its limit, session and cookie by context, errors with
//! their own status.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Extension, Router};
use leptos::prelude::{provide_context, use_context};
use leptos::server_fn::axum::server_fn_paths;
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use leptos_axum::{ResponseOptions, handle_server_fns_with_context};
use sotto_protocol::accounts::AccountError;
use sotto_protocol::{ErrorCode, limits};

use crate::error::account_answer;
use crate::request::Asking;
use crate::state::AppState;
use crate::{body, cookie};

/// One POST route for each server function.
pub(crate) fn routes() -> Router<AppState> {
    server_fn_paths().fold(Router::new(), |router, (path, _)| router.route(path, post(call)))
}

async fn call(State(app): State<AppState>, Extension(asking): Extension<Asking>, request: Request) -> Response {
    // The codec would take JSON under any content type, so also the text/plain of a cross-site form.
    if !body::declares(request.headers(), "application/json") {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, account_answer(ErrorCode::Malformed.into())).into_response();
    }
    let (mut parts, unread) = request.into_parts();
    let unread = Request::from_parts(parts.clone(), unread);
    let read = match body::read(unread, limits::API_BODY).await {
        Ok(read) => read,
        Err(code) => return account_answer(code.into()),
    };
    // With these two Leptos would answer with a redirect, as to a form without script.
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    parts.headers.remove(header::REFERER);
    let max_age = app.backend.config().session_absolute.as_secs();
    let context = move || {
        provide_context(app.backend.clone());
        provide_context(asking.context.clone());
        provide_context(asking.caller.clone());
        if let Some(answer) = use_context::<ResponseOptions>() {
            provide_context(cookie::of_answer(answer, max_age));
        }
    };
    let answer = handle_server_fns_with_context(context, body::with_body(parts, read)).await.into_response();
    with_own_status(answer).await
}

/// Leptos answers every error with 500; the code knows better.
async fn with_own_status(answer: Response) -> Response {
    if !answer.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return answer;
    }
    let body = axum::body::to_bytes(answer.into_body(), 4_096).await.unwrap_or_default();
    account_answer(serde_json::from_slice(&body).unwrap_or(AccountError::from(ErrorCode::Internal)))
}
