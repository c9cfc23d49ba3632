//! The KEM of the suite: X-Wing (draft-connolly-cfrg-xwing-kem-06), which is ML-KEM-768 and X25519 together.
//!
//! A private key is its seed of 32 bytes, a public key 1,216 bytes, an encapsulation 1,120.

use hpke_rs_crypto::error::Error;
use shake::digest::{ExtendableOutput as _, Update as _, XofReader as _};
use x_wing::{
    Ciphertext, Decapsulate as _, DecapsulationKey, Decapsulator as _, ENCAPSULATION_RANDOMNESS_SIZE, EncapsulationKey, KeyExport as _,
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::random;

/// `DeriveKeyPair` (draft, "Use in HPKE"): the seed is SHAKE-256 of the key material. Private, then public.
///
/// hpke-rs offers the same, but gives the private key out only under `hazmat`, which also makes keys printable.
pub(crate) fn derive_key_pair(ikm: &[u8]) -> (Zeroizing<[u8; 32]>, Vec<u8>) {
    let mut seed = Zeroizing::new([0; 32]);
    let mut shake = shake::Shake256::default();
    shake.update(ikm);
    shake.finalize_xof().read(seed.as_mut_slice());
    let public = public_key(&seed);
    (seed, public)
}

/// The public key to a seed (draft, "Key generation").
pub(crate) fn public_key(seed: &[u8; 32]) -> Vec<u8> {
    DecapsulationKey::from(*seed).encapsulation_key().to_bytes().to_vec()
}

/// A fresh shared secret and its encapsulation to a public key (draft, "Encapsulation").
pub(crate) fn encapsulate(public: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
    // Drawn here and not by x-wing, which takes only generators that can't fail: those panic instead.
    let mut randomness = Zeroizing::new([0; ENCAPSULATION_RANDOMNESS_SIZE]);
    random::fill(randomness.as_mut_slice()).map_err(|_| Error::InsufficientRandomness)?;
    encapsulate_with(public, &randomness)
}

fn encapsulate_with(public: &[u8], randomness: &[u8; ENCAPSULATION_RANDOMNESS_SIZE]) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let key = EncapsulationKey::try_from(public).map_err(|_| Error::KemInvalidPublicKey)?;
    let (encapsulation, mut shared) = key.encapsulate_deterministic(randomness.into());
    let out = (shared.to_vec(), encapsulation.to_vec());
    shared.as_mut_slice().zeroize();
    Ok(out)
}

/// The shared secret of an encapsulation (draft, "Decapsulation"). One that was made for another key gives another secret (implicit rejection).
pub(crate) fn decapsulate(encapsulation: &[u8], private: &[u8]) -> Result<Vec<u8>, Error> {
    let seed: &[u8; 32] = private.try_into().map_err(|_| Error::KemInvalidSecretKey)?;
    let encapsulation = Ciphertext::try_from(encapsulation).map_err(|_| Error::KemInvalidCiphertext)?;
    let mut shared = DecapsulationKey::from(*seed).decapsulate(&encapsulation);
    let out = shared.to_vec();
    shared.as_mut_slice().zeroize();
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    // The first test vector of the draft (its spec/test-vectors.json, as x-wing ships it).
    // Fails when `encapsulate_with` or `decapsulate` takes another KEM, or `public_key` another expansion of the seed.
    #[test]
    fn the_vector_of_the_draft_holds() {
        let vector = |name: &str| {
            let line = include_str!("../tests/x_wing_draft_06.txt").lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let digits = line.unwrap().as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
            digits.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect::<Vec<u8>>()
        };
        let seed: [u8; 32] = vector("seed").try_into().unwrap();
        assert_eq!(public_key(&seed), vector("pk"));
        let (shared, encapsulation) = encapsulate_with(&vector("pk"), &vector("eseed").try_into().unwrap()).unwrap();
        assert_eq!(encapsulation, vector("ct"));
        assert_eq!(shared, vector("ss"));
        assert_eq!(decapsulate(&encapsulation, &seed).unwrap(), vector("ss"));
    }

    // Fails when `getrandom::fill` in `encapsulate` goes: the encapsulations would be the same.
    #[test]
    fn two_encapsulations_share_nothing() {
        let (_, public) = derive_key_pair(b"key material");
        let (first, second) = (encapsulate(&public).unwrap(), encapsulate(&public).unwrap());
        assert_ne!(first.0, second.0);
        assert_ne!(first.1[..1088], second.1[..1088]);
        assert_ne!(first.1[1088..], second.1[1088..]);
    }
}
