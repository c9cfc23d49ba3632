//! Pages: the Leptos app rendered with what the server knows about the visitor. Nothing private is in the HTML.

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header, request::Parts};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{ResponseOptions, render_app_async_with_context};
use sotto_app::{FirstPage, Route, Theme, shell};
use sotto_protocol::ErrorCode;
use sotto_protocol::accounts::WhoAmI;

use crate::error::{ApiError, account_answer};
use crate::headers::content_policy;
use crate::request::Asking;
use crate::state::AppState;

/// A route for each page of the app, and its "not found" page for everything else.
pub(crate) fn routes(app: &AppState) -> Router<AppState> {
    // Rendering spawns; an error says that it was set up before.
    let _already = any_spawner::Executor::init_tokio();
    let page = render_app_async_with_context(page_context(app.clone()), shell);
    let missing = page.clone();
    let router = Route::PATHS.iter().fold(Router::new(), |router, path| router.route(path, get(page.clone())));
    router.fallback(move |request: Request| async move {
        let path = request.uri().path();
        if path.starts_with("/api/account/") {
            return account_answer(ErrorCode::NotFound.into());
        }
        if path.starts_with("/api/") {
            return ApiError::from(ErrorCode::NotFound).into_response();
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        let mut answer: Response = missing(request).await;
        *answer.status_mut() = StatusCode::NOT_FOUND;
        answer
    })
}

/// What the app finds in its context while it renders one page.
fn page_context(app: AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    move || {
        let Some(parts) = use_context::<Parts>() else { return };
        let caller = parts.extensions.get::<Asking>().and_then(|asking| asking.caller.clone());
        let cookies = parts.headers.get(header::COOKIE).and_then(|cookies| cookies.to_str().ok()).unwrap_or_default();
        provide_context(FirstPage { signed_in: caller.is_some(), theme: Theme::from_cookies(cookies), route: Route::of(parts.uri.path()) });
        provide_context(caller.map(|caller| WhoAmI { account: caller.account, name: caller.name }));
        provide_context(app.site.assets());
        let policy = use_nonce().and_then(|nonce| content_policy(&app.public_url, Some(nonce.as_inner())));
        if let (Some(policy), Some(answer)) = (policy, use_context::<ResponseOptions>()) {
            answer.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
}
