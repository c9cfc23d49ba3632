//! Errors as answers: a stable code in the body's own encoding. Causes stay in the log.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sotto_backend::ServiceError;
use sotto_protocol::accounts::AccountError;
use sotto_protocol::{ErrorCode, codec};

/// Media type of `/api/v1`.
pub(crate) const CBOR: HeaderValue = HeaderValue::from_static("application/cbor");

/// An error of `/api/v1`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApiError(ServiceError);

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self(error)
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self(code.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = codec::encode(&self.0.body());
        let mut answer = (status(self.0.code), [(header::CONTENT_TYPE, CBOR)], body).into_response();
        finish(&mut answer, self.0.code, self.0.retry_after);
        answer
    }
}

/// An error in the JSON of the server functions.
pub(crate) fn account_answer(error: AccountError) -> Response {
    let body = serde_json::to_vec(&error).unwrap_or_default();
    let mut answer = (status(error.code), [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response();
    finish(&mut answer, error.code, error.retry_after);
    answer
}

fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn finish(answer: &mut Response, code: ErrorCode, retry_after: Option<u32>) {
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer.extensions_mut().insert(code);
}
