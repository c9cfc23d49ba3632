//! Every function of the traits against `openmls_rust_crypto`, the provider that this one replaces: what one makes the other takes,
//! and what one refuses the other refuses for the same reason.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::LazyLock;

use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand as _;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, HashType, HpkeAeadType, HpkeCiphertext, HpkeConfig, HpkeKdfType, HpkeKemType, SignatureScheme,
};
use sotto_crypto::Crypto;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
const HASH: HashType = HashType::Sha2_384;
const AEAD: AeadType = AeadType::Aes256Gcm;
const ED25519: SignatureScheme = SignatureScheme::ED25519;
/// Around the sizes of a hash, of its block and of an AES block.
const LENGTHS: [usize; 14] = [0, 1, 15, 16, 17, 32, 47, 48, 49, 127, 128, 129, 1000, 5000];

static REFERENCE: LazyLock<RustCrypto> = LazyLock::new(RustCrypto::default);

/// Bytes that repeat from run to run, others for each `tag`.
fn bytes(tag: u8, len: usize) -> Vec<u8> {
    (0..len).map(|index| tag.wrapping_add(u8::try_from(index % 251).unwrap()).wrapping_mul(167)).collect()
}

/// One bit changed: in the first byte, in the middle one and in the last.
fn tampered(bytes: &[u8]) -> Vec<Vec<u8>> {
    let places = [0, bytes.len() / 2, bytes.len() - 1];
    let flip = |place: usize| {
        let mut changed = bytes.to_vec();
        changed[place] ^= 0x10;
        changed
    };
    places.into_iter().map(flip).collect()
}

/// Every other length worth trying: none, one less, one more, and far off.
fn resized(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut longer = bytes.to_vec();
    longer.push(0);
    vec![Vec::new(), bytes[..1].to_vec(), bytes[..bytes.len() - 1].to_vec(), bytes[1..].to_vec(), longer, bytes.repeat(2)]
}

// Fails when any function of `symmetric.rs` takes another hash, swaps its arguments or drops one.
#[test]
fn hash_hmac_and_extract_are_equal() {
    for len in LENGTHS {
        let data = bytes(1, len);
        assert_eq!(Crypto.hash(HASH, &data).unwrap(), REFERENCE.hash(HASH, &data).unwrap());
        for key in LENGTHS.map(|len| bytes(2, len)) {
            assert_eq!(Crypto.hmac(HASH, &key, &data).unwrap(), REFERENCE.hmac(HASH, &key, &data).unwrap());
            assert_eq!(Crypto.hkdf_extract(HASH, &key, &data).unwrap(), REFERENCE.hkdf_extract(HASH, &key, &data).unwrap());
        }
    }
}

// Fails without the check of `from_prk`, or when `hkdf_expand` drops the info.
#[test]
fn expand_is_equal_and_refuses_the_same_lengths() {
    for prk in LENGTHS.map(|len| bytes(3, len)) {
        for info in [0, 1, 300].map(|len| bytes(4, len)) {
            for len in [0, 1, 12, 32, 48, 49, 1000, 255 * 48, 255 * 48 + 1, 100_000] {
                let ours = Crypto.hkdf_expand(HASH, &prk, &info, len);
                assert_eq!(ours, REFERENCE.hkdf_expand(HASH, &prk, &info, len), "{} {len}", prk.len());
                assert_eq!(ours.is_ok(), prk.len() >= 48 && len <= 255 * 48);
            }
        }
    }
}

// Fails without `if len > 255 * 48`: the allocation would end the process. (The reference does.)
#[test]
fn an_absurd_length_is_an_error_before_it_is_an_allocation() {
    let refused = Crypto.hkdf_expand(HASH, &bytes(3, 48), b"", usize::MAX / 4);
    assert_eq!(refused, Err(CryptoError::HkdfOutputLengthInvalid));
}

// Fails when `symmetric::seal` or `open` drops the nonce or the additional data.
#[test]
fn aead_is_equal() {
    let (key, nonce) = (bytes(5, 32), bytes(6, 12));
    for plain in LENGTHS.map(|len| bytes(7, len)) {
        for aad in [0, 1, 16, 500].map(|len| bytes(8, len)) {
            let sealed = Crypto.aead_encrypt(AEAD, &key, &plain, &nonce, &aad).unwrap();
            assert_eq!(sealed, REFERENCE.aead_encrypt(AEAD, &key, &plain, &nonce, &aad).unwrap());
            assert_eq!(Crypto.aead_decrypt(AEAD, &key, &sealed, &nonce, &aad).unwrap(), plain);
        }
    }
}

// Fails when a line of `symmetric::open` or `cipher` maps to another error, or `try_into` of the nonce becomes `into` (a panic).
#[test]
fn aead_refuses_the_same() {
    let (key, nonce, aad, plain) = (bytes(5, 32), bytes(6, 12), bytes(8, 20), bytes(7, 100));
    let sealed = Crypto.aead_encrypt(AEAD, &key, &plain, &nonce, &aad).unwrap();
    let both = |key: &[u8], sealed: &[u8], nonce: &[u8], aad: &[u8]| {
        let ours = Crypto.aead_decrypt(AEAD, key, sealed, nonce, aad);
        assert!(ours.is_err());
        assert_eq!(ours, REFERENCE.aead_decrypt(AEAD, key, sealed, nonce, aad));
    };
    tampered(&sealed).iter().chain(&resized(&sealed)).for_each(|sealed| both(&key, sealed, &nonce, &aad));
    tampered(&key).iter().chain(&resized(&key)).for_each(|key| both(key, &sealed, &nonce, &aad));
    tampered(&nonce).iter().for_each(|nonce| both(&key, &sealed, nonce, &aad));
    tampered(&aad).iter().chain(&resized(&aad)).for_each(|aad| both(&key, &sealed, &nonce, aad));
    for key in resized(&key) {
        let ours = Crypto.aead_encrypt(AEAD, &key, &plain, &nonce, &aad);
        assert_eq!(ours, Err(CryptoError::CryptoLibraryError));
        assert_eq!(ours, REFERENCE.aead_encrypt(AEAD, &key, &plain, &nonce, &aad));
    }
    // The reference panics on these.
    for nonce in resized(&nonce) {
        assert_eq!(Crypto.aead_encrypt(AEAD, &key, &plain, &nonce, &aad), Err(CryptoError::InvalidLength));
        assert_eq!(Crypto.aead_decrypt(AEAD, &key, &sealed, &nonce, &aad), Err(CryptoError::InvalidLength));
    }
}

// Fails when `signature::generate` gives another form of key than the seed, or `sign` another form of signature.
#[test]
fn signatures_of_each_verify_with_the_other() {
    let pairs = [Crypto.signature_key_gen(ED25519).unwrap(), REFERENCE.signature_key_gen(ED25519).unwrap()];
    for (private, public) in pairs {
        assert_eq!((private.len(), public.len()), (32, 32));
        for data in LENGTHS.map(|len| bytes(9, len)) {
            let signature = Crypto.sign(ED25519, &data, &private).unwrap();
            assert_eq!(signature, REFERENCE.sign(ED25519, &data, &private).unwrap());
            assert_eq!(Crypto.verify_signature(ED25519, &data, &public, &signature), Ok(()));
            assert_eq!(REFERENCE.verify_signature(ED25519, &data, &public, &signature), Ok(()));
        }
    }
}

// Fails when a line of `signature::verify` or `sign` maps to another error, or `verify_strict` becomes `verify`.
#[test]
fn signatures_are_refused_the_same() {
    let private = bytes(10, 32);
    let data = b"data".to_vec();
    let public = ed25519_public(&private);
    let signature = Crypto.sign(ED25519, &data, &private).unwrap();
    let both = |data: &[u8], public: &[u8], signature: &[u8]| {
        let ours = Crypto.verify_signature(ED25519, data, public, signature);
        assert!(ours.is_err());
        assert_eq!(ours, REFERENCE.verify_signature(ED25519, data, public, signature));
    };
    tampered(&data).iter().chain(&resized(&data)).for_each(|data| both(data, &public, &signature));
    tampered(&public).iter().chain(&resized(&public)).for_each(|public| both(&data, public, &signature));
    tampered(&signature).iter().chain(&resized(&signature)).for_each(|signature| both(&data, &public, signature));
    // Points of small order, canonical or not, as key and as commitment.
    for point in ["0100", "0000", "ecff", "edff", "eeff"] {
        let fill = if point.ends_with("ff") { 0xff } else { 0 };
        let first = u8::from_str_radix(&point[..2], 16).unwrap();
        for last in [0x00, 0x7f, 0x80, 0xff] {
            let mut point = vec![fill; 32];
            (point[0], point[31]) = (first, last);
            both(&data, &point, &[point.clone(), vec![0; 32]].concat());
            both(&data, &public, &[point, vec![0; 32]].concat());
        }
    }
    for private in resized(&private) {
        let ours = Crypto.sign(ED25519, &data, &private);
        assert_eq!(ours, Err(CryptoError::CryptoLibraryError));
        assert_eq!(ours, REFERENCE.sign(ED25519, &data, &private));
    }
}

/// The public key to a seed; the traits have no function for it, but a fresh pair signs alike.
fn ed25519_public(private: &[u8]) -> Vec<u8> {
    ed25519_dalek::SigningKey::try_from(private).unwrap().verifying_key().to_bytes().to_vec()
}

fn pair(tag: u8) -> (Vec<u8>, Vec<u8>) {
    let pair = Crypto.derive_hpke_keypair(SUITE.hpke_config(), &bytes(tag, 48)).unwrap();
    (pair.private.to_vec(), pair.public)
}

// Fails when `kem::derive_key_pair` hashes otherwise than by SHAKE-256, or reads more or less than a seed.
#[test]
fn derived_key_pairs_are_equal() {
    for ikm in LENGTHS.map(|len| bytes(11, len)) {
        let ours = Crypto.derive_hpke_keypair(SUITE.hpke_config(), &ikm).unwrap();
        let theirs = REFERENCE.derive_hpke_keypair(SUITE.hpke_config(), &ikm).unwrap();
        assert_eq!((ours.private.len(), ours.public.len()), (32, 1216));
        assert_eq!((&*ours.private, &ours.public), (&*theirs.private, &theirs.public));
    }
}

fn sealed_and_opened(sealer: &impl OpenMlsCrypto, opener: &impl OpenMlsCrypto) {
    let (private, public) = pair(12);
    for (info, aad, plain) in [(0, 0, 0), (1, 300, 1), (300, 1, 48), (20, 20, 5000)] {
        let (info, aad, plain) = (bytes(13, info), bytes(14, aad), bytes(15, plain));
        let sealed = sealer.hpke_seal(SUITE.hpke_config(), &public, &info, &aad, &plain).unwrap();
        assert_eq!((sealed.kem_output.as_slice().len(), sealed.ciphertext.as_slice().len()), (1120, plain.len() + 16));
        assert_eq!(opener.hpke_open(SUITE.hpke_config(), &sealed, &private, &info, &aad).unwrap(), plain);
    }
}

// Fails when a constant of `hpke.rs` (`KEM`, `KDF`, `AEAD`, the mode) changes, or a function there drops the info or the additional data.
#[test]
fn what_one_seals_the_other_opens() {
    sealed_and_opened(&Crypto, &*REFERENCE);
    sealed_and_opened(&*REFERENCE, &Crypto);
    sealed_and_opened(&Crypto, &Crypto);
}

// Fails when `hpke::open` or `seal` maps to another error, or a length check of `kem.rs` becomes a panic.
#[test]
fn hpke_refuses_the_same() {
    let ((private, public), (other, _)) = (pair(16), pair(17));
    let (info, aad, plain) = (bytes(13, 20), bytes(14, 30), bytes(15, 64));
    let sealed = Crypto.hpke_seal(SUITE.hpke_config(), &public, &info, &aad, &plain).unwrap();
    let (enc, text) = (sealed.kem_output.as_slice(), sealed.ciphertext.as_slice());
    let both = |enc: &[u8], text: &[u8], private: &[u8], info: &[u8], aad: &[u8]| {
        let input = HpkeCiphertext { kem_output: enc.to_vec().into(), ciphertext: text.to_vec().into() };
        let ours = Crypto.hpke_open(SUITE.hpke_config(), &input, private, info, aad);
        assert_eq!(ours, Err(CryptoError::HpkeDecryptionError));
        assert_eq!(ours, REFERENCE.hpke_open(SUITE.hpke_config(), &input, private, info, aad));
    };
    both(enc, text, &other, &info, &aad);
    tampered(enc).iter().chain(&resized(enc)).for_each(|enc| both(enc, text, &private, &info, &aad));
    tampered(text).iter().chain(&resized(text)).for_each(|text| both(enc, text, &private, &info, &aad));
    tampered(&private).iter().chain(&resized(&private)).for_each(|private| both(enc, text, private, &info, &aad));
    tampered(&info).iter().chain(&resized(&info)).for_each(|info| both(enc, text, &private, info, &aad));
    tampered(&aad).iter().chain(&resized(&aad)).for_each(|aad| both(enc, text, &private, &info, aad));
    // Of the right length but no ML-KEM key: its coefficients are not below q (FIPS 203 §7.2).
    let mut keys = resized(&public);
    keys.push(vec![0xff; 1216]);
    for key in keys {
        let ours = Crypto.hpke_seal(SUITE.hpke_config(), &key, &info, &aad, &plain).unwrap_err();
        assert_eq!(ours, CryptoError::CryptoLibraryError);
        assert_eq!(ours, REFERENCE.hpke_seal(SUITE.hpke_config(), &key, &info, &aad, &plain).unwrap_err());
    }
}

fn exported(sender: &impl OpenMlsCrypto, receiver: &impl OpenMlsCrypto) {
    let (private, public) = pair(18);
    for (info, context, len) in [(0, 0, 0), (1, 300, 1), (300, 1, 48), (20, 20, 255 * 48)] {
        let (info, context) = (bytes(13, info), bytes(14, context));
        let (enc, sent) = sender.hpke_setup_sender_and_export(SUITE.hpke_config(), &public, &info, &context, len).unwrap();
        let received = receiver.hpke_setup_receiver_and_export(SUITE.hpke_config(), &enc, &private, &info, &context, len).unwrap();
        assert_eq!((sent.len(), &*sent), (len, &*received));
    }
}

// Fails when `hpke::send_export` or `receive_export` drops the info or the context.
#[test]
fn what_one_exports_the_other_does() {
    exported(&Crypto, &*REFERENCE);
    exported(&*REFERENCE, &Crypto);
    exported(&Crypto, &Crypto);
}

// Fails when `send_export` or `receive_export` maps to another error.
#[test]
fn exports_are_refused_the_same() {
    let (private, public) = pair(19);
    let config = || SUITE.hpke_config();
    let (enc, secret) = Crypto.hpke_setup_sender_and_export(config(), &public, b"info", b"context", 48).unwrap();
    let sender = |public: &[u8], len| {
        let ours = Crypto.hpke_setup_sender_and_export(config(), public, b"info", b"context", len).unwrap_err();
        assert_eq!(ours, REFERENCE.hpke_setup_sender_and_export(config(), public, b"info", b"context", len).unwrap_err());
        ours
    };
    let receiver = |enc: &[u8], private: &[u8], len| {
        let ours = Crypto.hpke_setup_receiver_and_export(config(), enc, private, b"info", b"context", len).map(|secret| secret.to_vec());
        let theirs = REFERENCE.hpke_setup_receiver_and_export(config(), enc, private, b"info", b"context", len);
        assert_eq!(ours, theirs.map(|secret| secret.to_vec()));
        ours
    };
    resized(&public).iter().for_each(|public| assert_eq!(sender(public, 48), CryptoError::SenderSetupError));
    resized(&enc).iter().for_each(|enc| assert_eq!(receiver(enc, &private, 48), Err(CryptoError::ReceiverSetupError)));
    resized(&private).iter().for_each(|private| assert_eq!(receiver(&enc, private, 48), Err(CryptoError::ReceiverSetupError)));
    for len in [255 * 48 + 1, 65_536, 100_000] {
        assert_eq!(sender(&public, len), CryptoError::ExporterError);
        assert_eq!(receiver(&enc, &private, len), Err(CryptoError::ExporterError));
    }
    // What was changed on its way is no error but another secret: ML-KEM rejects implicitly. Both reject to the same one.
    for enc in tampered(&enc) {
        assert_ne!(receiver(&enc, &private, 48).unwrap(), secret.to_vec());
    }
}

// RFC 7748 §6.1 leaves open whether an all-zero X25519 secret is refused; draft 06 of X-Wing takes it (ML-KEM alone still keeps the secret).
// Fails when `DecapsulationKey` becomes `DecapsulationKeyRejectNonContrib`: then members would judge a commit differently by version.
#[test]
fn a_non_contributory_encapsulation_is_judged_the_same() {
    let (private, public) = pair(20);
    let (mut enc, _) = Crypto.hpke_setup_sender_and_export(SUITE.hpke_config(), &public, b"", b"", 48).unwrap();
    enc[1088..].fill(0);
    let ours = Crypto.hpke_setup_receiver_and_export(SUITE.hpke_config(), &enc, &private, b"", b"", 48).unwrap();
    let theirs = REFERENCE.hpke_setup_receiver_and_export(SUITE.hpke_config(), &enc, &private, b"", b"", 48).unwrap();
    assert_eq!(&*ours, &*theirs);
}

// Fails without any of the `only_…` lines of `lib.rs`.
#[test]
fn everything_but_the_suite_is_refused() {
    assert_eq!(Crypto.supported_ciphersuites(), [SUITE]);
    assert_eq!(Crypto.supports(SUITE), Ok(()));
    assert_eq!(REFERENCE.supports(SUITE), Ok(()));
    for suite in REFERENCE.supported_ciphersuites().into_iter().filter(|suite| *suite != SUITE) {
        assert_eq!(Crypto.supports(suite), Err(CryptoError::UnsupportedCiphersuite));
    }
    for hash in [HashType::Sha2_256, HashType::Sha2_512] {
        assert_eq!(Crypto.hash(hash, b"").unwrap_err(), CryptoError::UnsupportedHashAlgorithm);
        assert_eq!(Crypto.hmac(hash, b"", b"").unwrap_err(), CryptoError::UnsupportedHashAlgorithm);
        assert_eq!(Crypto.hkdf_extract(hash, b"", b"").unwrap_err(), CryptoError::UnsupportedHashAlgorithm);
        assert_eq!(Crypto.hkdf_expand(hash, &[0; 64], b"", 1).unwrap_err(), CryptoError::UnsupportedHashAlgorithm);
    }
    for aead in [AeadType::Aes128Gcm, AeadType::ChaCha20Poly1305] {
        let key = vec![0; aead.key_size()];
        assert_eq!(Crypto.aead_encrypt(aead, &key, b"", &[0; 12], b""), Err(CryptoError::UnsupportedAeadAlgorithm));
        assert_eq!(Crypto.aead_decrypt(aead, &key, &[0; 16], &[0; 12], b""), Err(CryptoError::UnsupportedAeadAlgorithm));
    }
    for scheme in [SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::ED448, SignatureScheme::MLDSA44] {
        assert_eq!(Crypto.signature_key_gen(scheme), Err(CryptoError::UnsupportedSignatureScheme));
        assert_eq!(Crypto.sign(scheme, b"", &[1; 32]), Err(CryptoError::UnsupportedSignatureScheme));
        assert_eq!(Crypto.verify_signature(scheme, b"", &[1; 32], &[0; 64]), Err(CryptoError::UnsupportedSignatureScheme));
    }
    let (kem, kdf, aead) = (HpkeKemType::XWingKemDraft6, HpkeKdfType::HkdfSha384, HpkeAeadType::AesGcm256);
    let foreign = [(HpkeKemType::DhKem25519, kdf, aead), (kem, HpkeKdfType::HkdfSha256, aead), (kem, kdf, HpkeAeadType::AesGcm128)];
    let (private, public) = pair(21);
    for (kem, kdf, aead) in foreign {
        let config = || HpkeConfig(kem, kdf, aead);
        let sealed = HpkeCiphertext { kem_output: vec![0; 1120].into(), ciphertext: vec![0; 16].into() };
        let refusals = [
            Crypto.derive_hpke_keypair(config(), b"").err(),
            Crypto.hpke_seal(config(), &public, b"", b"", b"").err(),
            Crypto.hpke_open(config(), &sealed, &private, b"", b"").err(),
            Crypto.hpke_setup_sender_and_export(config(), &public, b"", b"", 48).err(),
            Crypto.hpke_setup_receiver_and_export(config(), &[0; 1120], &private, b"", b"", 48).err(),
        ];
        assert_eq!(refusals, std::array::from_fn(|_| Some(CryptoError::UnsupportedCiphersuite)));
    }
}

// Fails without either `getrandom::fill` of `lib.rs` or that of `signature::generate`.
#[test]
fn random_bytes_come_anew_each_time() {
    assert_ne!(Crypto.random_array::<32>().unwrap(), Crypto.random_array::<32>().unwrap());
    assert_ne!(Crypto.random_vec(32).unwrap(), Crypto.random_vec(32).unwrap());
    assert_eq!(Crypto.random_vec(77).unwrap().len(), 77);
    assert_eq!(Crypto.random_vec(0).unwrap(), [0_u8; 0]);
    assert_ne!(Crypto.signature_key_gen(ED25519).unwrap(), Crypto.signature_key_gen(ED25519).unwrap());
}
