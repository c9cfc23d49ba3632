//! HPKE of the suite in base mode (RFC 9180): hpke-rs over our KEM, KDF and AEAD.

use std::convert::Infallible;

use getrandom::SysRng;
use getrandom::rand_core::{TryCryptoRng, TryRng, UnwrapErr};
use hpke_rs::{Hpke, HpkeError, Mode};
use hpke_rs_crypto::error::Error;
use hpke_rs_crypto::types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use hpke_rs_crypto::{HpkeCrypto, HpkeTestRng};
use openmls_traits::types::{CryptoError, ExporterSecret, HpkeCiphertext, KemOutput};
use zeroize::Zeroize;

use crate::{kem, symmetric};

const KEM: KemAlgorithm = KemAlgorithm::XWingDraft06;
const KDF: KdfAlgorithm = KdfAlgorithm::HkdfSha384;
const AEAD: AeadAlgorithm = AeadAlgorithm::Aes256Gcm;

/// `SealBase` (RFC 9180 §6.1).
pub(crate) fn seal(public: &[u8], info: &[u8], aad: &[u8], plain: &[u8]) -> Result<HpkeCiphertext, CryptoError> {
    let (kem_output, ciphertext) = base().seal(&public.into(), info, aad, plain, None, None, None).map_err(|error| match error {
        HpkeError::InvalidInput => CryptoError::InvalidLength,
        HpkeError::InsufficientRandomness => CryptoError::InsufficientRandomness,
        _ => CryptoError::CryptoLibraryError,
    })?;
    Ok(HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() })
}

/// `OpenBase` (RFC 9180 §6.1). Whatever is wrong is one error: a sender learns nothing from which.
pub(crate) fn open(input: &HpkeCiphertext, private: &[u8], info: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> {
    base()
        .open(input.kem_output.as_slice(), &private.into(), info, aad, input.ciphertext.as_slice(), None, None, None)
        .map_err(|_| CryptoError::HpkeDecryptionError)
}

/// `SendExportBase` (RFC 9180 §6.2).
pub(crate) fn send_export(public: &[u8], info: &[u8], context: &[u8], len: usize) -> Result<(KemOutput, ExporterSecret), CryptoError> {
    let (kem_output, sender) = base().setup_sender(&public.into(), info, None, None, None).map_err(|_| CryptoError::SenderSetupError)?;
    let secret = sender.export(context, len).map_err(|_| CryptoError::ExporterError)?;
    Ok((kem_output, secret.into()))
}

/// `ReceiveExportBase` (RFC 9180 §6.2).
pub(crate) fn receive_export(enc: &[u8], private: &[u8], info: &[u8], context: &[u8], len: usize) -> Result<ExporterSecret, CryptoError> {
    let receiver = base().setup_receiver(enc, &private.into(), info, None, None, None).map_err(|_| CryptoError::ReceiverSetupError)?;
    let secret = receiver.export(context, len).map_err(|_| CryptoError::ExporterError)?;
    Ok(secret.into())
}

fn base() -> Hpke<Primitives> {
    Hpke::new(Mode::Base, KEM, KDF, AEAD)
}

/// What hpke-rs calls. It is only ever asked for the three algorithms of [`base`]; all others are refused.
#[derive(Debug)]
struct Primitives;

impl HpkeCrypto for Primitives {
    type HpkePrng = Unread;

    fn name() -> String {
        "sotto-crypto".to_owned()
    }

    fn supports_kdf(alg: KdfAlgorithm) -> Result<(), Error> {
        if alg == KDF { Ok(()) } else { Err(Error::UnknownKdfAlgorithm) }
    }

    fn supports_kem(alg: KemAlgorithm) -> Result<(), Error> {
        if alg == KEM { Ok(()) } else { Err(Error::UnknownKemAlgorithm) }
    }

    fn supports_aead(alg: AeadAlgorithm) -> Result<(), Error> {
        if alg == AEAD { Ok(()) } else { Err(Error::UnknownAeadAlgorithm) }
    }

    fn prng() -> Unread {
        Unread(UnwrapErr(SysRng))
    }

    fn kdf_extract(alg: KdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_kdf(alg)?;
        Ok(symmetric::hkdf_extract(salt, ikm))
    }

    fn kdf_expand(alg: KdfAlgorithm, prk: &[u8], info: &[u8], output_size: usize) -> Result<Vec<u8>, Error> {
        Self::supports_kdf(alg)?;
        symmetric::hkdf_expand(prk, info, output_size).map_err(|_| Error::HpkeInvalidOutputLength)
    }

    fn kem_encaps(alg: KemAlgorithm, pk_r: &[u8], _: &mut Unread) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Self::supports_kem(alg)?;
        kem::encapsulate(pk_r)
    }

    fn kem_decaps(alg: KemAlgorithm, ct: &[u8], sk_r: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_kem(alg)?;
        kem::decapsulate(ct, sk_r)
    }

    fn aead_seal(alg: AeadAlgorithm, key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_aead(alg)?;
        symmetric::seal(key, nonce, aad, msg).map_err(|error| Error::CryptoLibraryError(error.to_string()))
    }

    fn aead_open(alg: AeadAlgorithm, key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_aead(alg)?;
        symmetric::open(key, nonce, aad, msg).map_err(|_| Error::AeadOpenError)
    }

    // Keys are made by `kem::derive_key_pair`, and X-Wing is no Diffie-Hellman KEM: base mode never comes here.

    fn kem_key_gen(_: KemAlgorithm, _: &mut Unread) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Err(Error::UnsupportedKemOperation)
    }

    fn kem_key_gen_derand(_: KemAlgorithm, _: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Err(Error::UnsupportedKemOperation)
    }

    fn dh(_: KemAlgorithm, _: &[u8], _: &[u8]) -> Result<Vec<u8>, Error> {
        Err(Error::UnsupportedKemOperation)
    }

    fn secret_to_public(_: KemAlgorithm, _: &[u8]) -> Result<Vec<u8>, Error> {
        Err(Error::UnsupportedKemOperation)
    }

    fn dh_validate_sk(_: KemAlgorithm, _: &[u8]) -> Result<Vec<u8>, Error> {
        Err(Error::UnsupportedKemOperation)
    }
}

/// The generator that hpke-rs wants for each context. [`kem::encapsulate`] draws for itself, so nothing reads from it; were that to change,
/// it would still be the platform's generator (which panics rather than repeat itself).
struct Unread(UnwrapErr<SysRng>);

impl TryRng for Unread {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(dst)
    }
}

impl TryCryptoRng for Unread {}

impl HpkeTestRng for Unread {
    type Error = Infallible;

    fn try_fill_test_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(dest)
    }

    fn seed(&mut self, _: &[u8]) {}
}

impl Zeroize for Unread {
    /// It has no state.
    fn zeroize(&mut self) {}
}
