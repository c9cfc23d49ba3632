//! Signatures of the suite: Ed25519 (RFC 8032). A private key is its seed of 32 bytes.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use openmls_traits::types::CryptoError;
use zeroize::Zeroizing;

use crate::random;

/// A fresh key pair: private, then public.
pub(crate) fn generate() -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
    let mut seed = Zeroizing::new([0; 32]);
    random::fill(seed.as_mut_slice()).map_err(|_| CryptoError::InsufficientRandomness)?;
    let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    Ok((seed.to_vec(), public.to_vec()))
}

/// Signs `data` (RFC 8032 §5.1.6).
pub(crate) fn sign(private: &[u8], data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let key = SigningKey::try_from(private).map_err(|_| CryptoError::CryptoLibraryError)?;
    Ok(key.sign(data).to_bytes().to_vec())
}

/// Verifies a signature strictly: keys and commitments of small order are refused, as one signature under them fits many messages.
///
/// No honest signature is lost: a clamped scalar is no multiple of the group's order, so an honest key is never of small order, and an
/// honest commitment is with a probability of 2⁻²⁵². All who judge use this function, so that none can accept what another refuses.
pub(crate) fn verify(public: &[u8], data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    let key = VerifyingKey::try_from(public).map_err(|_| CryptoError::CryptoLibraryError)?;
    let signature = Signature::from_slice(signature).map_err(|_| CryptoError::CryptoLibraryError)?;
    key.verify_strict(data, &signature).map_err(|_| CryptoError::InvalidSignature)
}
