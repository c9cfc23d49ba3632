//! The archive: pages that an account's devices have sealed for each other. What is in them, and of which room, the server can't tell.

use sotto_protocol::api::{ArchivePages, DeleteShelves, PagesPut, PutPages, ReadPages};
use sotto_protocol::{ErrorCode, limits};

use crate::backend::Backend;
use crate::context::Caller;
use crate::error::ServiceError;

impl Backend {
    /// Writes pages, each only over the version right before it. What another device has written meanwhile is left, and named.
    ///
    /// # Errors
    /// `device_unknown`, `too_large`, `malformed`, `archive_full` (nothing is written then), `unavailable`.
    pub async fn put_pages(&self, caller: &Caller, request: PutPages) -> Result<PagesPut, ServiceError> {
        let device = caller.require_device()?;
        let fits = request.pages.iter().all(|page| page.sealed.0.len() <= limits::ARCHIVE_PAGE);
        if request.pages.len() > limits::ARCHIVE_BATCH || !fits {
            return Err(ErrorCode::TooLarge.into());
        }
        if request.pages.iter().any(|page| page.version == 0) {
            return Err(ErrorCode::Malformed.into());
        }
        let most = self.config().archive_bytes;
        Ok(PagesPut { refused: self.0.store.put_pages(caller.account, device, request.pages, most).await? })
    }

    /// The newest page of each wanted shelf below the named one, as many as fit one answer.
    ///
    /// # Errors
    /// `too_large`, `unavailable`.
    pub async fn read_pages(&self, caller: &Caller, request: ReadPages) -> Result<ArchivePages, ServiceError> {
        if request.wanted.len() > limits::ARCHIVE_BATCH {
            return Err(ErrorCode::TooLarge.into());
        }
        Ok(self.0.store.read_pages(caller.account, request.wanted, limits::ARCHIVE_PAGE).await?)
    }

    /// Deletes shelves of the caller's account, or all.
    ///
    /// # Errors
    /// `too_large`, `unavailable`.
    pub async fn delete_shelves(&self, caller: &Caller, request: DeleteShelves) -> Result<(), ServiceError> {
        if request.shelves.as_ref().is_some_and(|shelves| shelves.len() > limits::ARCHIVE_BATCH) {
            return Err(ErrorCode::TooLarge.into());
        }
        Ok(self.0.store.delete_shelves(caller.account, request.shelves).await?)
    }
}
