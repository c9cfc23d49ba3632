//! One server for one data folder: two would each think that they are the only writer.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Why the data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    #[error("SOTTO_DATA_DIR: another sotto uses {0}")]
    Taken(PathBuf),
    #[error("SOTTO_DATA_DIR: {0}: {1}")]
    Folder(PathBuf, io::Error),
}

/// Held as long as the server runs; the system releases it with the process, however that ends.
pub(crate) struct DataLock {
    _file: File,
}

/// Makes the folder if it is not there, and locks it.
pub(crate) fn take(folder: &Path) -> Result<DataLock, LockError> {
    let failed = |error| LockError::Folder(folder.to_owned(), error);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("sotto.lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(DataLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(LockError::Taken(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
