//! Errors of the services: a stable code for the client, the cause for the log.

use std::path::PathBuf;

use sotto_protocol::accounts::AccountError;
use sotto_protocol::api::ErrorBody;
use sotto_protocol::{Epoch, ErrorCode, RoomId};

use crate::store::StoreError;

/// Why a request was refused. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct ServiceError {
    /// Stable code.
    pub code: ErrorCode,
    /// Seconds to wait before another try.
    pub retry_after: Option<u32>,
    /// With `room_exists`: the room that exists.
    pub room: Option<RoomId>,
    /// With `stale_epoch`: the epoch that the room is in.
    pub epoch: Option<Epoch>,
}

impl ServiceError {
    /// A refusal that gets better by waiting.
    pub(crate) fn retry(code: ErrorCode, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..code.into() }
    }

    /// The pair has a room already.
    pub(crate) fn room_exists(room: RoomId) -> Self {
        Self { room: Some(room), ..ErrorCode::RoomExists.into() }
    }

    /// The room is in another epoch.
    pub(crate) fn stale(epoch: Epoch) -> Self {
        Self { epoch: Some(epoch), ..ErrorCode::StaleEpoch.into() }
    }

    /// The body of an `/api/v1` error answer.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        ErrorBody { code: self.code, retry_after: self.retry_after, room: self.room, epoch: self.epoch }
    }

    /// The error of an account server function.
    #[must_use]
    pub fn account_error(&self) -> AccountError {
        AccountError { code: self.code, retry_after: self.retry_after }
    }
}

impl From<ErrorCode> for ServiceError {
    fn from(code: ErrorCode) -> Self {
        Self { code, retry_after: None, room: None, epoch: None }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => refusal,
            StoreError::Unavailable(kind) => {
                tracing::warn!(kind, "the database can't do it now");
                Self::retry(ErrorCode::Unavailable, 2)
            }
            StoreError::Bug(kind) => {
                tracing::error!(kind, "a statement or row is not what it should be");
                ErrorCode::Internal.into()
            }
        }
    }
}

/// Why the backend could not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder or a file in it can't be made or read.
    #[error("data folder: {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The secret file is there but is not 32 bytes.
    #[error("{0} is damaged: expected 32 bytes")]
    SecretDamaged(PathBuf),
    /// The database can't be opened.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The tables can't be brought to this version (or are of a newer one).
    #[error("database tables: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The configured hash parameters are impossible.
    #[error("password hash parameters: {0}")]
    PasswordScheme(&'static str),
    /// The system gives no random numbers.
    #[error("no random numbers")]
    NoRandom,
}
