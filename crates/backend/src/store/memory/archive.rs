//! The archive's pages.

use sotto_protocol::api::{ArchivePage, ArchivePages, PageWanted};
use sotto_protocol::{AccountId, DeviceId, ErrorCode, ShelfId};

use super::MemoryStore;
use crate::store::StoreResult;

impl MemoryStore {
    pub(crate) fn put_pages(&self, account: AccountId, device: DeviceId, pages: Vec<ArchivePage>, most: u64) -> StoreResult<Vec<u32>> {
        self.write(|tables| {
            tables.require_device(account, device)?;
            let mut archive = tables.archive.clone();
            let mut refused = Vec::new();
            for (place, page) in (0..).zip(pages) {
                let key = (account, page.shelf, page.page);
                let version = archive.get(&key).map_or(0, |(version, _)| *version);
                if page.version == version + 1 {
                    archive.insert(key, (page.version, page.sealed));
                } else {
                    refused.push(place);
                }
            }
            let of_account = archive.iter().filter(|((owner, ..), _)| *owner == account);
            let bytes: usize = of_account.map(|(_, (_, sealed))| sealed.0.len()).sum();
            if u64::try_from(bytes).unwrap_or(u64::MAX) > most {
                return Err(ErrorCode::ArchiveFull.into());
            }
            tables.archive = archive;
            Ok(refused)
        })
    }

    pub(crate) fn read_pages(&self, account: AccountId, wanted: Vec<PageWanted>, most: usize) -> StoreResult<ArchivePages> {
        self.read(|tables| {
            let mut found = ArchivePages { pages: Vec::new(), looked: 0 };
            let mut bytes = 0;
            for PageWanted { shelf, below } in wanted {
                let below = below.unwrap_or(u64::MAX);
                if let Some(((.., page), (version, sealed))) =
                    tables.archive.range((account, shelf, 0)..(account, shelf, below)).next_back()
                {
                    bytes += sealed.0.len();
                    if bytes > most && !found.pages.is_empty() {
                        break;
                    }
                    found.pages.push(ArchivePage { shelf, page: *page, version: *version, sealed: sealed.clone() });
                }
                found.looked += 1;
            }
            found
        })
    }

    pub(crate) fn delete_shelves(&self, account: AccountId, shelves: Option<Vec<ShelfId>>) -> StoreResult<()> {
        self.write(|tables| {
            tables
                .archive
                .retain(|(owner, shelf, _), _| *owner != account || shelves.as_ref().is_some_and(|shelves| !shelves.contains(shelf)));
            Ok(())
        })
    }
}
