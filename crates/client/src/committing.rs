//! Key-committing AES-256-GCM: a sealed text opens under one key only.
//!
//! Plain GCM does not promise that: one can build a ciphertext that opens under many chosen keys, and a server that hands it
//! out learns from one answer whether the key is among them. The remedy: enc || commit = HKDF-Expand(HKDF-Extract(salt, key),
//! label || AAD), with `commit` stored and compared before anything is decrypted.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use sotto_protocol::ErrorCode;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::random;

const FORMAT: u8 = 1;
const SALT: usize = 32;
const NONCE: usize = 12;
const COMMIT: usize = 32;
const HEAD: usize = 1 + SALT + NONCE + COMMIT;

/// Seals as format byte, salt, nonce, commitment, ciphertext with tag. `aad` must have a fixed length under one label.
pub(crate) fn seal(key: &[u8; 32], label: &[u8], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    let (salt, nonce) = (random::bytes::<SALT>()?, random::bytes::<NONCE>()?);
    let keys = DerivedKeys::new(key, &salt, label, aad)?;
    let ciphertext = keys.cipher().encrypt(&Nonce::from(nonce), Payload { msg: plain, aad }).map_err(|_| ErrorCode::TooLarge)?;
    Ok([&[FORMAT], salt.as_slice(), &nonce, keys.commit(), &ciphertext].concat())
}

/// Opens what [`seal`] made with the same key, label and AAD; `None` for everything else.
pub(crate) fn open(key: &[u8; 32], label: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (head, ciphertext) = sealed.split_at_checked(HEAD)?;
    let (format, head) = head.split_first()?;
    if *format != FORMAT {
        return None;
    }
    let (salt, head) = head.split_at_checked(SALT)?;
    let (nonce, commit) = head.split_at_checked(NONCE)?;
    let nonce: [u8; NONCE] = nonce.try_into().ok()?;
    let keys = DerivedKeys::new(key, salt, label, aad).ok()?;
    // Before decrypting, and in constant time: this line is the commitment.
    if !bool::from(keys.commit().ct_eq(commit)) {
        return None;
    }
    keys.cipher().decrypt(&Nonce::from(nonce), Payload { msg: ciphertext, aad }).ok().map(Zeroizing::new)
}

/// enc (32 bytes) || commit (32 bytes).
struct DerivedKeys(Zeroizing<[u8; 32 + COMMIT]>);

impl DerivedKeys {
    fn new(key: &[u8; 32], salt: &[u8], label: &[u8], aad: &[u8]) -> Result<Self, ErrorCode> {
        let mut out = Zeroizing::new([0; 32 + COMMIT]);
        Hkdf::<Sha256>::new(Some(salt), key).expand_multi_info(&[label, aad], out.as_mut_slice()).map_err(|_| ErrorCode::Internal)?;
        Ok(Self(out))
    }

    fn cipher(&self) -> Aes256Gcm {
        let mut enc = Zeroizing::new([0; 32]);
        enc.copy_from_slice(&self.0[..32]);
        Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&*enc))
    }

    fn commit(&self) -> &[u8] {
        &self.0[32..]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use aes_gcm::aes::Aes256;
    use aes_gcm::aes::cipher::BlockCipherEncrypt;

    use super::*;

    const LABEL: &[u8] = b"test v1";
    const AAD: &[u8; 16] = b"sixteen byte aad";

    #[test]
    fn opens_with_its_own_key_label_and_aad_only() {
        let sealed = seal(&[1; 32], LABEL, AAD, b"secret").unwrap();
        assert_eq!(open(&[1; 32], LABEL, AAD, &sealed).unwrap().as_slice(), b"secret");
        assert!(open(&[2; 32], LABEL, AAD, &sealed).is_none());
        assert!(open(&[1; 32], b"test v2", AAD, &sealed).is_none());
        assert!(open(&[1; 32], LABEL, b"sixteen byte aae", &sealed).is_none());
        for index in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[index] ^= 1;
            assert!(open(&[1; 32], LABEL, AAD, &bent).is_none(), "byte {index}");
            assert!(open(&[1; 32], LABEL, AAD, &sealed[..index]).is_none(), "cut at {index}");
        }
    }

    // Fails without the `ct_eq(commit)` lines of `open`: the ciphertext below is valid AES-GCM under both keys.
    #[test]
    fn a_ciphertext_made_for_two_keys_opens_under_one_at_most() {
        let (salt, nonce) = ([5; SALT], [6; NONCE]);
        let keys = [[1; 32], [2; 32]].map(|key| DerivedKeys::new(&key, &salt, LABEL, AAD).unwrap());
        let ciphertext = two_key_ciphertext(&keys, &nonce);
        for derived in &keys {
            let opened = derived.cipher().decrypt(&Nonce::from(nonce), Payload { msg: &ciphertext, aad: AAD });
            assert!(opened.is_ok(), "the attack itself must work, or this test shows nothing");
        }
        let sealed = |commit: &[u8]| [&[FORMAT], salt.as_slice(), &nonce, commit, &ciphertext].concat();
        for (own, other) in [(0, 1), (1, 0)] {
            let sealed = sealed(keys[own].commit());
            assert!(open(&[own as u8 + 1; 32], LABEL, AAD, &sealed).is_some());
            assert!(open(&[other as u8 + 1; 32], LABEL, AAD, &sealed).is_none());
        }
    }

    /// One block and a tag that both keys accept: GHASH is linear in the block, so one equation in GF(2^128) gives it.
    fn two_key_ciphertext(keys: &[DerivedKeys; 2], nonce: &[u8; NONCE]) -> Vec<u8> {
        let block = |keys: &DerivedKeys, input: [u8; 16]| {
            let mut block = input.into();
            Aes256::new_from_slice(&keys.0[..32]).unwrap().encrypt_block(&mut block);
            u128::from_be_bytes(block.into())
        };
        let mut counter = [0; 16];
        counter[..NONCE].copy_from_slice(nonce);
        counter[15] = 1;
        let [h0, h1] = [0, 1].map(|index| block(&keys[index], [0; 16]));
        let [mask0, mask1] = [0, 1].map(|index| block(&keys[index], counter));
        let lengths = (128_u128 << 64) | 128;
        // tag = aad·h³ + block·h² + lengths·h + mask
        let fixed = |h: u128, mask: u128| multiply(u128::from_be_bytes(*AAD), power(h, 3)) ^ multiply(lengths, h) ^ mask;
        let difference = fixed(h0, mask0) ^ fixed(h1, mask1);
        let free = multiply(difference, power(power(h0, 2) ^ power(h1, 2), u128::MAX - 1));
        let tag = fixed(h0, mask0) ^ multiply(free, power(h0, 2));
        [free.to_be_bytes(), tag.to_be_bytes()].concat()
    }

    /// Multiplication of NIST SP 800-38D, section 6.3.
    fn multiply(x: u128, y: u128) -> u128 {
        let (mut product, mut shifted) = (0, y);
        for bit in (0..128).rev() {
            if x >> bit & 1 == 1 {
                product ^= shifted;
            }
            shifted = (shifted >> 1) ^ if shifted & 1 == 1 { 0xe1 << 120 } else { 0 };
        }
        product
    }

    fn power(base: u128, exponent: u128) -> u128 {
        (0..128).rev().fold(1 << 127, |result, bit| {
            let square = multiply(result, result);
            if exponent >> bit & 1 == 1 { multiply(square, base) } else { square }
        })
    }
}
