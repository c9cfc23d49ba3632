//! `/api/v1/sync`: the WebSocket of one device (frames are in `protocol::frames`).
//!
//! `mod` admits a connection, `connection` is its loop, `pace` slows a fast sender down, `slots` counts connections.
//! What it still has to get is the backend's `Backlog`.

mod connection;
mod pace;
mod slots;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::response::{IntoResponse as _, Response};
use sotto_protocol::{ErrorCode, limits};

pub(crate) use slots::Slots;

use crate::error::ApiError;
use crate::request::Asking;
use crate::state::AppState;

/// What tungstenite takes in before it gives up on a message. More than a frame may have, because after its error nothing can
/// be read any more: what is just too long is read, answered with 1009 and drained, so that no reset overtakes the answer.
const MAX_READ: usize = 2 * limits::SYNC_FRAME;
const BUFFER: usize = 4 * 1024;
/// One frame and the biggest entry that a room can hold.
const MAX_UNSENT: usize = limits::COMMIT_BODY + limits::SYNC_FRAME;

/// `GET /api/v1/sync`. Origin was checked before (see `origin`); without a session nothing is upgraded.
pub(crate) async fn upgrade(
    State(app): State<AppState>,
    Extension(asking): Extension<Asking>,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let caller = match asking.signed_in() {
        Ok(caller) => caller.clone(),
        Err(error) => return error.into_response(),
    };
    let Ok(socket) = socket else { return ApiError::from(ErrorCode::Malformed).into_response() };
    let Some(slot) = app.slots.take(caller.account) else { return ApiError::from(ErrorCode::TooManyTries).into_response() };
    // tungstenite's own limits are 64 MiB a message and an unlimited write buffer. It has no permessage-deflate, which would
    // show lengths of plaintext (CRIME).
    let socket = socket
        .max_message_size(MAX_READ)
        .max_frame_size(MAX_READ)
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(MAX_UNSENT);
    let connections = app.connections.clone();
    socket.on_upgrade(move |socket| {
        connections.track_future(async move {
            connection::run(app, asking.context, caller, socket).await;
            drop(slot);
        })
    })
}
