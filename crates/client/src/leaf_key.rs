//! Leaf signature keys: the Ed25519 key that stands in an MLS leaf. Kept apart from the device key so that it can rotate.

use ed25519_dalek::{Signer as _, SigningKey};
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use sotto_protocol::ErrorCode;
use zeroize::Zeroizing;

use crate::random;

/// One leaf signature key. Erased on drop (ed25519-dalek, feature `zeroize`).
pub struct LeafKey(SigningKey);

impl LeafKey {
    /// A fresh key.
    ///
    /// # Errors
    /// `unsupported` without a source of randomness.
    pub fn generate() -> Result<Self, ErrorCode> {
        Ok(Self(SigningKey::from_bytes(&*random::secret::<32>()?)))
    }

    /// From the 32 bytes of [`Self::secret`].
    ///
    /// # Errors
    /// `storage_damaged` for another length.
    pub fn from_secret(secret: &[u8]) -> Result<Self, ErrorCode> {
        let secret: &[u8; 32] = secret.try_into().map_err(|_| ErrorCode::StorageDamaged)?;
        Ok(Self(SigningKey::from_bytes(secret)))
    }

    /// The secret, for a sealed row.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key, as it stands in the leaf.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

impl Signer for LeafKey {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
