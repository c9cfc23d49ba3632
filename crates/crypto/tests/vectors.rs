//! Published test vectors, through the traits that OpenMLS calls. X-Wing's is beside its code, in `src/kem.rs`.
#![allow(clippy::unwrap_used)]

use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::{AeadType, CryptoError, HashType, SignatureScheme};
use sotto_crypto::Crypto;

fn hex(digits: &str) -> Vec<u8> {
    digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

// FIPS 180-4's example "abc" and RFC 4231, test case 2. Fails when `symmetric.rs` names another hash than `Sha384`.
#[test]
fn sha384_and_its_hmac() {
    let digest = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7";
    assert_eq!(Crypto.hash(HashType::Sha2_384, b"abc").unwrap(), hex(digest));
    let tag = "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649";
    assert_eq!(Crypto.hmac(HashType::Sha2_384, b"Jefe", b"what do ya want for nothing?").unwrap().as_slice(), hex(tag));
}

// RFC 5869 has no vectors for SHA-384: the inputs of its A.1, the outputs from Python's hmac and hashlib.
// Fails when `hkdf_extract` drops the salt or `hkdf_expand` the info.
#[test]
fn hkdf_sha384() {
    let (ikm, salt, info) = (hex(&"0b".repeat(22)), hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"));
    let prk = Crypto.hkdf_extract(HashType::Sha2_384, &salt, &ikm).unwrap();
    assert_eq!(prk.as_slice(), hex("704b39990779ce1dc548052c7dc39f303570dd13fb39f7acc564680bef80e8dec70ee9a7e1f3e293ef68eceb072a5ade"));
    let okm = Crypto.hkdf_expand(HashType::Sha2_384, prk.as_slice(), &info, 42).unwrap();
    assert_eq!(okm.as_slice(), hex("9b5097a86038b805309076a44b3a9f38063e25b516dcbf369f394cfab43685f748b6457763e4f0204fc5"));
}

// Test case 16 of the GCM proposal (McGrew and Viega). Fails when `symmetric::seal` drops the additional data or puts the tag first.
#[test]
fn aes_256_gcm() {
    let key = hex(&"feffe9928665731c6d6a8f9467308308".repeat(2));
    let (nonce, aad) = (hex("cafebabefacedbaddecaf888"), hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
    let plain = hex(concat!(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    ));
    let sealed = hex(concat!(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ));
    assert_eq!(Crypto.aead_encrypt(AeadType::Aes256Gcm, &key, &plain, &nonce, &aad).unwrap(), sealed);
    assert_eq!(Crypto.aead_decrypt(AeadType::Aes256Gcm, &key, &sealed, &nonce, &aad).unwrap(), plain);
}

// RFC 8032 §7.1, test 3. Fails when `signature::sign` prehashes or takes the key for an expanded one.
#[test]
fn ed25519() {
    let private = hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    let public = hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    let signature = hex(concat!(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ));
    let message = hex("af82");
    assert_eq!(Crypto.sign(SignatureScheme::ED25519, &message, &private).unwrap(), signature);
    assert_eq!(Crypto.verify_signature(SignatureScheme::ED25519, &message, &public, &signature), Ok(()));
}

// Under the point of order one, R = order one and S = 0 "sign" every message. Fails when `verify_strict` becomes `verify`.
#[test]
fn a_key_of_small_order_verifies_nothing() {
    let mut point = vec![0; 32];
    point[0] = 1;
    let signature = [point.clone(), vec![0; 32]].concat();
    let verified = Crypto.verify_signature(SignatureScheme::ED25519, b"anything", &point, &signature);
    assert_eq!(verified, Err(CryptoError::InvalidSignature));
}
