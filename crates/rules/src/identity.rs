//! Who a device is: the credential in every MLS leaf, verified alike by server and clients.
//!
//! Chain of trust: account id = SHA-256(account key); the account key signs each device and the list of its devices
//! ([`verify_device_list`]); the device key signs each leaf key. Nothing here knows pins or clocks: a caller brings what it remembers.

mod device_list;

pub use device_list::{
    DEVICE_LIST_LABEL, MAX_DEVICES, Succession, VerifiedHead, check_rising, check_successor, credential_in_list, decode_device_list,
    device_key, device_list_hash, device_list_message, verify_device_list,
};

use ed25519_dalek::{Signature, VerifyingKey};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};
use sotto_protocol::{AccountId, DeviceId, ErrorCode, codec};

/// Before what the account key signs to make a device its own: label, device id, device key.
pub const DEVICE_LABEL: &[u8] = b"sotto device v1";
/// Before what the device key signs to make an MLS leaf its own: label, leaf signature key.
pub const LEAF_LABEL: &[u8] = b"sotto leaf v1";
/// Version of [`DeviceCredential`].
pub const CREDENTIAL_VERSION: u32 = 1;
/// Longest encoded credential (a real one has about 270 bytes).
pub const CREDENTIAL_MAX: usize = 512;

/// Why an identity is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not the bytes that belong here, or over a bound.
    #[error("malformed")]
    Malformed,
    /// Another encoding of the same value than the one we would make: two encodings of one identity would be two identities.
    #[error("not the canonical encoding")]
    NotCanonical,
    /// A version that this side does not know.
    #[error("unknown credential version")]
    UnknownVersion,
    /// A signature that does not verify strictly (RFC 8032, no small-order keys).
    #[error("a signature does not verify")]
    BadSignature,
    /// Signed, but by another account than the one expected.
    #[error("of another account")]
    WrongAccount,
    /// The leaf signature key is not an Ed25519 key.
    #[error("not an Ed25519 leaf key")]
    WrongLeafKey,
    /// An older list than the one remembered.
    #[error("device list rolled back from {pinned} to {got}")]
    Rollback {
        /// Version remembered.
        pinned: u64,
        /// Version presented.
        got: u64,
    },
    /// Another list with the remembered version, or a next one that does not continue it.
    #[error("device list forked at {version}")]
    Fork {
        /// Version at which the lists differ.
        version: u64,
    },
    /// Not the list right after the remembered one.
    #[error("device list {expected} expected, got {got}")]
    Gap {
        /// Version that would continue the chain.
        expected: u64,
        /// Version presented.
        got: u64,
    },
}

impl From<IdentityError> for ErrorCode {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Malformed | IdentityError::NotCanonical | IdentityError::UnknownVersion => Self::Malformed,
            IdentityError::BadSignature | IdentityError::WrongAccount | IdentityError::WrongLeafKey => Self::NotAuthentic,
            IdentityError::Rollback { .. } | IdentityError::Fork { .. } | IdentityError::Gap { .. } => Self::DeviceListRefused,
        }
    }
}

/// The account id of an account key.
#[must_use]
pub fn account_id(account_key: &[u8; 32]) -> AccountId {
    AccountId(Sha256::digest(account_key).into())
}

/// Content of the MLS BasicCredential of every leaf. An update may change `leaf_signature` only ([`Self::same_device`]).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DeviceCredential {
    /// [`CREDENTIAL_VERSION`].
    #[n(0)]
    pub version: u32,
    /// Ed25519 public key of the account.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub account_key: [u8; 32],
    /// The device.
    #[n(2)]
    pub device: DeviceId,
    /// Ed25519 public key of the device.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub device_key: [u8; 32],
    /// Account key over [`device_message`].
    #[cbor(n(4), with = "minicbor::bytes")]
    pub account_signature: [u8; 64],
    /// Device key over [`leaf_message`].
    #[cbor(n(5), with = "minicbor::bytes")]
    pub leaf_signature: [u8; 64],
}

impl DeviceCredential {
    /// The canonical encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Decodes without verifying signatures.
    ///
    /// # Errors
    /// [`IdentityError::Malformed`], [`IdentityError::NotCanonical`], [`IdentityError::UnknownVersion`].
    pub fn decode(bytes: &[u8]) -> Result<Self, IdentityError> {
        let credential: Self = codec::decode(bytes, CREDENTIAL_MAX).map_err(|_| IdentityError::Malformed)?;
        // Longer integers, indefinite lengths and extra fields all decode; only one encoding may be an identity.
        if credential.encode() != bytes {
            return Err(IdentityError::NotCanonical);
        }
        if credential.version != CREDENTIAL_VERSION {
            return Err(IdentityError::UnknownVersion);
        }
        Ok(credential)
    }

    /// Verifies that the account signed the device and the device signed this leaf key.
    ///
    /// # Errors
    /// [`IdentityError::BadSignature`], [`IdentityError::WrongLeafKey`].
    pub fn verify(&self, leaf_signature_key: &[u8]) -> Result<(), IdentityError> {
        let leaf_key: &[u8; 32] = leaf_signature_key.try_into().map_err(|_| IdentityError::WrongLeafKey)?;
        verify_strict(&self.account_key, &device_message(self.device, &self.device_key), &self.account_signature)?;
        verify_strict(&self.device_key, &leaf_message(leaf_key), &self.leaf_signature)
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        account_id(&self.account_key)
    }

    /// Whether both name the same device of the same account by the same keys: what an MLS update must keep.
    #[must_use]
    pub fn same_device(&self, other: &Self) -> bool {
        self.version == other.version
            && self.account_key == other.account_key
            && self.device == other.device
            && self.device_key == other.device_key
            && self.account_signature == other.account_signature
    }
}

/// Decodes a leaf's credential and verifies it against the leaf's signature key.
///
/// # Errors
/// Everything of [`DeviceCredential::decode`] and [`DeviceCredential::verify`].
pub fn verified_credential(bytes: &[u8], leaf_signature_key: &[u8]) -> Result<DeviceCredential, IdentityError> {
    let credential = DeviceCredential::decode(bytes)?;
    credential.verify(leaf_signature_key)?;
    Ok(credential)
}

/// What the account key signs of a device. All parts have fixed lengths, so no two devices share a message.
#[must_use]
pub fn device_message(device: DeviceId, device_key: &[u8; 32]) -> Vec<u8> {
    [DEVICE_LABEL, device.as_bytes(), device_key].concat()
}

/// What the device key signs of a leaf.
#[must_use]
pub fn leaf_message(leaf_signature_key: &[u8]) -> Vec<u8> {
    [LEAF_LABEL, leaf_signature_key].concat()
}

/// `verify_strict` refuses small-order keys and non-canonical points, under which one signature fits many messages.
fn verify_strict(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), IdentityError> {
    let key = VerifyingKey::from_bytes(key).map_err(|_| IdentityError::BadSignature)?;
    key.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| IdentityError::BadSignature)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    const LEAF: [u8; 32] = [9; 32];

    pub(super) fn account() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    pub(super) fn credential() -> DeviceCredential {
        let (account, device_secret, device) = (account(), SigningKey::from_bytes(&[2; 32]), DeviceId([3; 16]));
        let device_key = device_secret.verifying_key().to_bytes();
        DeviceCredential {
            version: CREDENTIAL_VERSION,
            account_key: account.verifying_key().to_bytes(),
            device,
            device_key,
            account_signature: account.sign(&device_message(device, &device_key)).to_bytes(),
            leaf_signature: device_secret.sign(&leaf_message(&LEAF)).to_bytes(),
        }
    }

    #[test]
    fn a_genuine_credential_verifies_for_its_leaf_only() {
        let bytes = credential().encode();
        assert!(bytes.len() <= CREDENTIAL_MAX);
        assert_eq!(verified_credential(&bytes, &LEAF), Ok(credential()));
        assert_eq!(verified_credential(&bytes, &[8; 32]), Err(IdentityError::BadSignature));
        assert_eq!(verified_credential(&bytes, &[9; 31]), Err(IdentityError::WrongLeafKey));
    }

    // Fails without either `verify_strict(...)` line of `DeviceCredential::verify`.
    #[test]
    fn r27_every_flipped_bit_of_a_credential_is_refused() {
        let bytes = credential().encode();
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut bent = bytes.clone();
                bent[index] ^= 1 << bit;
                assert!(verified_credential(&bent, &LEAF).is_err(), "byte {index} bit {bit}");
            }
            assert!(verified_credential(&bytes[..index], &LEAF).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn a_device_of_another_account_does_not_pass_as_ours() {
        let mallory = SigningKey::from_bytes(&[7; 32]);
        let mut forged = credential();
        forged.account_signature = mallory.sign(&device_message(forged.device, &forged.device_key)).to_bytes();
        assert_eq!(forged.verify(&LEAF), Err(IdentityError::BadSignature));
        forged.account_key = mallory.verifying_key().to_bytes();
        assert_eq!(forged.verify(&LEAF), Ok(()));
        assert_ne!(forged.account(), credential().account());
        assert!(!forged.same_device(&credential()));
    }

    // Fails without the `credential.encode() != bytes` line of `DeviceCredential::decode`.
    #[test]
    fn other_encodings_of_a_credential_are_refused() {
        let bytes = credential().encode();
        assert_eq!(&bytes[..2], &[0x86, 0x01]);
        let long_integer = [&[0x86, 0x18, 0x01], &bytes[2..]].concat();
        let indefinite = [&[0x9f], &bytes[1..], &[0xff]].concat();
        let extra_field = [&[0x87], &bytes[1..], &[0x00]].concat();
        for other in [long_integer, indefinite, extra_field] {
            assert_eq!(DeviceCredential::decode(&other), Err(IdentityError::NotCanonical));
        }
        assert_eq!(DeviceCredential::decode(&[&bytes[..], &[0]].concat()), Err(IdentityError::Malformed));
        assert_eq!(DeviceCredential::decode(&vec![0; CREDENTIAL_MAX + 1]), Err(IdentityError::Malformed));
        let future = DeviceCredential { version: 2, ..credential() };
        assert_eq!(DeviceCredential::decode(&future.encode()), Err(IdentityError::UnknownVersion));
    }

    // Fails when `verify_strict` calls `verify` instead: the key is the point of order one, whose signature fits all messages.
    #[test]
    fn a_small_order_key_signs_nothing() {
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert_eq!(verify_strict(&identity_point, b"anything", &signature), Err(IdentityError::BadSignature));
    }
}
