//! Hash, MAC, key derivation and AEAD of the suite: SHA-384, HMAC, HKDF, AES-256-GCM.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use openmls_traits::types::CryptoError;
use sha2::{Digest as _, Sha384};
use zeroize::Zeroize as _;

/// SHA-384 (FIPS 180-4).
pub(crate) fn hash(data: &[u8]) -> Vec<u8> {
    Sha384::digest(data).to_vec()
}

/// HMAC-SHA-384 (RFC 2104), with a key of any length.
pub(crate) fn hmac(key: &[u8], message: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut mac = <Hmac<Sha384>>::new_from_slice(key).map_err(|_| CryptoError::InvalidLength)?;
    mac.update(message);
    let mut tag = mac.finalize().into_bytes();
    let out = tag.to_vec();
    tag.as_mut_slice().zeroize();
    Ok(out)
}

/// HKDF-Extract (RFC 5869 §2.2).
pub(crate) fn hkdf_extract(salt: &[u8], ikm: &[u8]) -> Vec<u8> {
    let (mut prk, _) = Hkdf::<Sha384>::extract(Some(salt), ikm);
    let out = prk.to_vec();
    prk.as_mut_slice().zeroize();
    out
}

/// HKDF-Expand (RFC 5869 §2.3): the key is at least one hash long, the output at most 255 hashes.
pub(crate) fn hkdf_expand(prk: &[u8], info: &[u8], len: usize) -> Result<Vec<u8>, CryptoError> {
    let hkdf = Hkdf::<Sha384>::from_prk(prk).map_err(|_| CryptoError::HkdfOutputLengthInvalid)?;
    // Looked at before the allocation: a length is a caller's number, and OpenMLS exports as many bytes as it is asked for.
    if len > 255 * 48 {
        return Err(CryptoError::HkdfOutputLengthInvalid);
    }
    let mut out = vec![0; len];
    hkdf.expand(info, &mut out).map_err(|_| CryptoError::HkdfOutputLengthInvalid)?;
    Ok(out)
}

/// AES-256-GCM (SP 800-38D) with a nonce of 96 bits: the ciphertext, then the tag of 16 bytes.
pub(crate) fn seal(key: &[u8], nonce: &[u8], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (cipher, nonce) = cipher(key, nonce)?;
    cipher.encrypt(nonce, Payload { msg: plain, aad }).map_err(|_| CryptoError::CryptoLibraryError)
}

/// Opens what [`seal`] made.
pub(crate) fn open(key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (cipher, nonce) = cipher(key, nonce)?;
    cipher.decrypt(nonce, Payload { msg: sealed, aad }).map_err(|_| CryptoError::AeadDecryptionError)
}

type Nonce96<'a> = &'a Nonce<<Aes256Gcm as aes_gcm::aead::AeadCore>::NonceSize>;

fn cipher<'a>(key: &[u8], nonce: &'a [u8]) -> Result<(Aes256Gcm, Nonce96<'a>), CryptoError> {
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| CryptoError::CryptoLibraryError)?;
    let nonce = nonce.try_into().map_err(|_| CryptoError::InvalidLength)?;
    Ok((cipher, nonce))
}
