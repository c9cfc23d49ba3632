//! The whole router: every route, and the layers that every answer passes.

use std::any::Any;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use sotto_protocol::ErrorCode;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::ApiError;
use crate::state::AppState;
use crate::{account, api, headers, origin, pages, request, site, sync};

/// The router. Layers stand in reverse: the last one sees a request first and its answer last.
pub(crate) fn router(app: AppState) -> Router {
    let with_session = Router::new()
        .merge(api::routes())
        .merge(account::routes())
        .merge(pages::routes(&app))
        .route(origin::SYNC_PATH, get(sync::upgrade))
        .layer(from_fn_with_state(app.clone(), request::identify));
    Router::new()
        .route("/health", get(health))
        .route("/assets/{file}", get(site::serve))
        .merge(with_session)
        .layer(from_fn_with_state(app.clone(), origin::check))
        // A panic is a bug: the client hears a code and no more.
        .layer(CatchPanicLayer::custom(|_: Box<dyn Any + Send>| ApiError::from(ErrorCode::Internal).into_response()))
        .layer(from_fn_with_state(app.clone(), headers::secure))
        .layer(from_fn(log))
        .with_state(app)
}

/// `GET /health`: 200 when a write would be durable.
async fn health(State(app): State<AppState>) -> Result<&'static str, StatusCode> {
    match app.backend.health().await {
        Ok(()) => Ok("ok\n"),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// One line for each request. The route, never the path: paths name rooms.
async fn log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let answer = next.run(request).await;
    let code = answer.extensions().get::<ErrorCode>().map(|code| code.as_str());
    let (status, micros) = (answer.status().as_u16(), started.elapsed().as_micros());
    let route = route.as_deref().unwrap_or("none");
    if answer.status().is_server_error() {
        tracing::error!(%method, route, status, code, micros, "request");
    } else {
        tracing::debug!(%method, route, status, code, micros, "request");
    }
    answer
}
