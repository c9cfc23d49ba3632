//! Where a world's server keeps its rows: in memory, which is quick and does nothing by itself, or in a real folder under SQLite.

use sotto_backend::{Backend, BackendConfig, MemoryDisk};
use sotto_protocol::ErrorCode;

use crate::SimError;

pub(super) enum Place {
    Memory(MemoryDisk),
    Folder(tempfile::TempDir),
}

impl Place {
    pub(super) fn memory() -> Self {
        Self::Memory(MemoryDisk::default())
    }

    pub(super) fn folder() -> Result<Self, SimError> {
        Ok(Self::Folder(tempfile::tempdir().map_err(|_| SimError(ErrorCode::Unavailable, "folder"))?))
    }

    /// The server starts with what is here.
    pub(super) async fn open(&self) -> Result<Backend, SimError> {
        let config = match self {
            Self::Memory(disk) => BackendConfig::in_memory(disk.clone()),
            Self::Folder(folder) => BackendConfig::new(folder.path()),
        };
        Backend::open(config).await.map_err(|_| SimError(ErrorCode::Unavailable, "backend"))
    }

    /// The disk of the server is full, or has room again. A real one is not filled.
    pub(super) fn set_full(&self, full: bool) {
        if let Self::Memory(disk) = self {
            disk.set_full(full);
        }
    }

    /// Another place with the same in it. Nothing may be open on this one.
    pub(super) fn fork(&self) -> Result<Self, SimError> {
        match self {
            Self::Memory(disk) => Ok(Self::Memory(disk.fork())),
            Self::Folder(folder) => {
                let to = tempfile::tempdir().and_then(|to| copy(folder.path(), to.path()).map(|()| to));
                Ok(Self::Folder(to.map_err(|_| SimError(ErrorCode::Unavailable, "copy"))?))
            }
        }
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
