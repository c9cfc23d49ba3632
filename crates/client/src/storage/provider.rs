//! What OpenMLS is given: RustCrypto for cryptography and randomness, the journaled store for state.

use openmls::group::{GroupId, MlsGroup};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;

use super::{JournaledStorage, StorageError};

/// The engine's OpenMLS provider.
#[derive(Debug, Default)]
pub struct Provider {
    crypto: RustCrypto,
    storage: JournaledStorage,
}

impl Provider {
    /// A provider over rows that the host has loaded.
    #[must_use]
    pub fn new(storage: JournaledStorage) -> Self {
        Self { crypto: RustCrypto::default(), storage }
    }

    /// Loads a group.
    ///
    /// `MlsGroup::load` answers `None` as soon as one row of a group is missing. Here `None` means that there is no row of
    /// this group at all; a group of which only a part is there is damaged, not absent (DESIGN.md §5 rule 4).
    ///
    /// # Errors
    /// [`StorageError::Damaged`] where rows do not decode or are not all there.
    pub fn load_group(&self, group_id: &GroupId) -> Result<Option<MlsGroup>, StorageError> {
        let group = MlsGroup::load(&self.storage, group_id)?;
        if group.is_none() && self.storage.has_group(group_id)? {
            return Err(StorageError::Damaged { entity: "group" });
        }
        Ok(group)
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = JournaledStorage;

    fn storage(&self) -> &JournaledStorage {
        &self.storage
    }

    fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
        &self.crypto
    }
}
