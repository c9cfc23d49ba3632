//! The key packages whose private keys lie here: what they are known by, how long they live, and their end.

use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{KeyPackageBundle, MlsMessageBodyIn, OpenMlsProvider as _};
use openmls_traits::storage::StorageProvider as _;
use sha2::{Digest as _, Sha256};
use sotto_protocol::{Bytes, ErrorCode};

use crate::mls;
use crate::storage::Provider;

/// A key package of this device.
pub struct Package {
    /// SHA-256 of it, as the server knows it by.
    pub hash: Bytes,
    /// Whether it is a last resort.
    pub last_resort: bool,
    /// First second of its life: an hour before it was made.
    pub not_before: u64,
    /// Last second.
    pub not_after: u64,
    bundle: KeyPackageBundle,
}

impl Package {
    fn of(bundle: KeyPackageBundle) -> Result<Self, ErrorCode> {
        let package = bundle.key_package();
        let encoded = package.tls_serialize_detached().map_err(|_| ErrorCode::Internal)?;
        let (life, last_resort) = (package.life_time(), package.last_resort());
        let (not_before, not_after) = (life.not_before(), life.not_after());
        Ok(Self { hash: hash(&encoded), last_resort, not_before, not_after, bundle })
    }

    /// Erases it with its private keys.
    ///
    /// # Errors
    /// `internal` outside of a turn.
    pub fn erase(&self, provider: &Provider) -> Result<(), ErrorCode> {
        let reference = self.bundle.key_package().hash_ref(provider.crypto()).map_err(|_| ErrorCode::Internal)?;
        provider.storage().delete_key_package(&reference).map_err(|_| ErrorCode::Internal)
    }
}

/// What an encoded package is known by.
#[must_use]
pub fn hash(encoded: &[u8]) -> Bytes {
    Bytes(Sha256::digest(encoded).to_vec())
}

/// All of them.
///
/// # Errors
/// `storage_damaged`.
pub fn all(provider: &Provider) -> Result<Vec<Package>, ErrorCode> {
    let bundles: Vec<KeyPackageBundle> = provider.storage().key_packages().map_err(|_| ErrorCode::StorageDamaged)?;
    bundles.into_iter().map(Package::of).collect()
}

/// The one that a Welcome was made for, if it is here.
///
/// # Errors
/// `malformed`; `storage_damaged`.
pub fn invited(provider: &Provider, welcome: &[u8]) -> Result<Option<Package>, ErrorCode> {
    let MlsMessageBodyIn::Welcome(welcome) = mls::message(welcome)?.extract() else { return Err(ErrorCode::Malformed) };
    for secrets in welcome.secrets() {
        let bundle: Option<KeyPackageBundle> =
            provider.storage().key_package(&secrets.new_member()).map_err(|_| ErrorCode::StorageDamaged)?;
        if let Some(bundle) = bundle {
            return Package::of(bundle).map(Some);
        }
    }
    Ok(None)
}
