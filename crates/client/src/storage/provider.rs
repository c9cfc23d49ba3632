//! What OpenMLS is given: our one suite for cryptography and randomness, the journaled store for state.

use openmls::group::{GroupId, MlsGroup};
use openmls_traits::OpenMlsProvider;
use sotto_crypto::Crypto;

use super::{JournaledStorage, StorageError};

/// The engine's OpenMLS provider.
#[derive(Debug, Default)]
pub struct Provider {
    crypto: Crypto,
    storage: JournaledStorage,
}

impl Provider {
    /// A provider over rows that the host has loaded.
    #[must_use]
    pub fn new(storage: JournaledStorage) -> Self {
        Self { crypto: Crypto, storage }
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
    type CryptoProvider = Crypto;
    type RandProvider = Crypto;
    type StorageProvider = JournaledStorage;

    fn storage(&self) -> &JournaledStorage {
        &self.storage
    }

    fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    fn rand(&self) -> &Crypto {
        &self.crypto
    }
}

#[cfg(test)]
mod tests {
    use openmls_traits::crypto::OpenMlsCrypto as _;
    use sotto_rules::config::SUITE;

    use super::*;

    // Fails when the suite of sotto-rules or that of sotto-crypto, which knows nothing of ours, changes alone.
    #[test]
    fn the_provider_knows_the_suite_of_the_rooms_and_no_other() {
        assert_eq!(Provider::default().crypto().supported_ciphersuites(), [SUITE]);
    }
}
