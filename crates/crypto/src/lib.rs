//! The cryptography of the one MLS suite (`MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519`, 0x004E), put together from libraries.
//!
//! OpenMLS's own provider, `openmls_rust_crypto`, knows every suite, and a browser would load all their curves. This crate answers the
//! same traits for one suite and refuses the rest. Nothing here is cryptography of our own: each function hands its bytes to one library.
//!
//! | module | standard | library |
//! |---|---|---|
//! | `symmetric` | SHA-384 (FIPS 180-4), HMAC (RFC 2104), HKDF (RFC 5869), AES-256-GCM (SP 800-38D) | sha2, hmac, hkdf, aes-gcm |
//! | `signature` | Ed25519 (RFC 8032) | ed25519-dalek |
//! | `kem` | X-Wing (draft-connolly-cfrg-xwing-kem-06): ML-KEM-768 with X25519 | x-wing |
//! | `hpke` | HPKE in base mode (RFC 9180) | hpke-rs, over the three above |
//!
//! Invariants: malformed input is an error and never a panic; randomness comes from the platform's generator, call by call (`random`), and a
//! platform without one is an error; keys held here are erased on drop.

mod hpke;
mod kem;
pub mod random;
mod signature;
mod symmetric;

use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig, HpkeKeyPair, KemOutput, SignatureScheme,
};
use tls_codec::SecretVLBytes;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

/// What OpenMLS is given for cryptography and randomness. It holds nothing: server and clients judge alike because they call the same code.
#[derive(Debug, Default, Clone, Copy)]
pub struct Crypto;

/// The platform has no source of randomness; nothing may go on without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no source of randomness")]
pub struct NoRandomness;

impl OpenMlsRand for Crypto {
    type Error = NoRandomness;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut out = [0; N];
        random::fill(&mut out)?;
        Ok(out)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, NoRandomness> {
        let mut out = vec![0; len];
        random::fill(&mut out)?;
        Ok(out)
    }
}

impl OpenMlsCrypto for Crypto {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        if ciphersuite == SUITE { Ok(()) } else { Err(CryptoError::UnsupportedCiphersuite) }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        vec![SUITE]
    }

    fn hash(&self, hash_type: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        only_sha384(hash_type)?;
        Ok(symmetric::hash(data))
    }

    fn hmac(&self, hash_type: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        only_sha384(hash_type)?;
        Ok(symmetric::hmac(key, message)?.into())
    }

    fn hkdf_extract(&self, hash_type: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        only_sha384(hash_type)?;
        Ok(symmetric::hkdf_extract(salt, ikm).into())
    }

    fn hkdf_expand(&self, hash_type: HashType, prk: &[u8], info: &[u8], okm_len: usize) -> Result<SecretVLBytes, CryptoError> {
        only_sha384(hash_type)?;
        Ok(symmetric::hkdf_expand(prk, info, okm_len)?.into())
    }

    fn aead_encrypt(&self, alg: AeadType, key: &[u8], data: &[u8], nonce: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> {
        only_aes256(alg)?;
        symmetric::seal(key, nonce, aad, data)
    }

    fn aead_decrypt(&self, alg: AeadType, key: &[u8], ct_tag: &[u8], nonce: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> {
        only_aes256(alg)?;
        symmetric::open(key, nonce, aad, ct_tag)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        only_ed25519(alg)?;
        signature::generate()
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        only_ed25519(alg)?;
        signature::sign(key, data)
    }

    fn verify_signature(&self, alg: SignatureScheme, data: &[u8], pk: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        only_ed25519(alg)?;
        signature::verify(pk, data, signature)
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        only_suite(&config)?;
        let (private, public) = kem::derive_key_pair(ikm);
        Ok(HpkeKeyPair { private: private.as_slice().into(), public })
    }

    fn hpke_seal(&self, config: HpkeConfig, pk_r: &[u8], info: &[u8], aad: &[u8], ptxt: &[u8]) -> Result<HpkeCiphertext, CryptoError> {
        only_suite(&config)?;
        hpke::seal(pk_r, info, aad, ptxt)
    }

    fn hpke_open(&self, config: HpkeConfig, input: &HpkeCiphertext, sk_r: &[u8], info: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> {
        only_suite(&config)?;
        hpke::open(input, sk_r, info, aad)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        only_suite(&config)?;
        hpke::send_export(pk_r, info, exporter_context, exporter_length)
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        only_suite(&config)?;
        hpke::receive_export(enc, sk_r, info, exporter_context, exporter_length)
    }
}

fn only_sha384(hash_type: HashType) -> Result<(), CryptoError> {
    if hash_type == SUITE.hash_algorithm() { Ok(()) } else { Err(CryptoError::UnsupportedHashAlgorithm) }
}

fn only_aes256(alg: AeadType) -> Result<(), CryptoError> {
    if alg == SUITE.aead_algorithm() { Ok(()) } else { Err(CryptoError::UnsupportedAeadAlgorithm) }
}

fn only_ed25519(alg: SignatureScheme) -> Result<(), CryptoError> {
    if alg == SUITE.signature_algorithm() { Ok(()) } else { Err(CryptoError::UnsupportedSignatureScheme) }
}

fn only_suite(config: &HpkeConfig) -> Result<(), CryptoError> {
    let HpkeConfig(kem, kdf, aead) = SUITE.hpke_config();
    if (config.0, config.1, config.2) == (kem, kdf, aead) { Ok(()) } else { Err(CryptoError::UnsupportedCiphersuite) }
}
