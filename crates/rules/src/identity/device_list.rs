//! The signed, hash-chained list of an account's devices: what makes it genuine, and how it may follow the one before.

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};
use sotto_protocol::device_list::{DeviceList, SignedDeviceList};
use sotto_protocol::{AccountId, DeviceId, codec, limits};

use super::{DeviceCredential, IdentityError, account_id, verify_strict};

/// Before what the account key signs of a device list: label, encoded list.
pub const DEVICE_LIST_LABEL: &[u8] = b"sotto device list v1";
/// Most devices in one list.
pub const MAX_DEVICES: usize = 10;

/// What the account key signs of an encoded device list.
#[must_use]
pub fn device_list_message(encoded_list: &[u8]) -> Vec<u8> {
    [DEVICE_LIST_LABEL, encoded_list].concat()
}

/// Decodes the bytes of a [`SignedDeviceList`] and verifies it.
///
/// # Errors
/// Everything of [`verify_device_list`].
pub fn decode_device_list(bytes: &[u8], expected: Option<AccountId>) -> Result<DeviceList, IdentityError> {
    let signed: SignedDeviceList = codec::decode(bytes, limits::DEVICE_LIST).map_err(|_| IdentityError::Malformed)?;
    verify_device_list(&signed, expected)
}

/// Verifies signature, account and shape. What it can't know is whether the list is the newest: see [`check_rising`].
///
/// # Errors
/// [`IdentityError::BadSignature`], [`IdentityError::WrongAccount`], [`IdentityError::Malformed`], [`IdentityError::NotCanonical`].
pub fn verify_device_list(signed: &SignedDeviceList, expected: Option<AccountId>) -> Result<DeviceList, IdentityError> {
    if signed.list.as_slice().len() > limits::DEVICE_LIST {
        return Err(IdentityError::Malformed);
    }
    let account_key: &[u8; 32] = signed.account_key.as_slice().try_into().map_err(|_| IdentityError::Malformed)?;
    let signature: &[u8; 64] = signed.signature.as_slice().try_into().map_err(|_| IdentityError::Malformed)?;
    verify_strict(account_key, &device_list_message(signed.list.as_slice()), signature)?;

    let list: DeviceList = codec::decode(signed.list.as_slice(), limits::DEVICE_LIST).map_err(|_| IdentityError::Malformed)?;
    // The chain hashes what we would encode; a second encoding of one list would be a fork that nobody sees.
    if codec::encode(&list) != signed.list.as_slice() {
        return Err(IdentityError::NotCanonical);
    }
    let account = account_id(account_key);
    if list.account != account || expected.is_some_and(|expected| expected != account) {
        return Err(IdentityError::WrongAccount);
    }
    if !well_formed(&list) {
        return Err(IdentityError::Malformed);
    }
    Ok(list)
}

fn well_formed(list: &DeviceList) -> bool {
    let chained = list.previous.as_slice().len() == 32;
    let starts_empty = (list.version == 1) == list.previous.as_slice().iter().all(|byte| *byte == 0);
    let keys = list.devices.iter().all(|entry| entry.device_key.as_slice().len() == 32);
    let unique = list.devices.iter().enumerate().all(|(index, entry)| {
        list.devices[..index].iter().all(|other| other.device != entry.device && other.device_key != entry.device_key)
    });
    list.version > 0 && chained && starts_empty && keys && unique && list.devices.len() <= MAX_DEVICES
}

/// SHA-256 of the list's canonical encoding: `previous` of the list after it, and what clients pin.
#[must_use]
pub fn device_list_hash(list: &DeviceList) -> [u8; 32] {
    Sha256::digest(codec::encode(list)).into()
}

/// The key of a device in a list.
#[must_use]
pub fn device_key(list: &DeviceList, device: DeviceId) -> Option<[u8; 32]> {
    let entry = list.devices.iter().find(|entry| entry.device == device)?;
    entry.device_key.as_slice().try_into().ok()
}

/// Whether the credential's account, device and device key stand in the (verified) list: if not, it is a ghost device.
#[must_use]
pub fn credential_in_list(credential: &DeviceCredential, list: &DeviceList) -> bool {
    credential.account() == list.account && device_key(list, credential.device) == Some(credential.device_key)
}

/// The newest device list that somebody has seen: what a client pins and sends inside messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct VerifiedHead {
    /// Version of the list.
    #[n(0)]
    pub version: u64,
    /// [`device_list_hash`] of the list.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub hash: [u8; 32],
}

impl VerifiedHead {
    /// The head that a verified list makes.
    #[must_use]
    pub fn of(list: &DeviceList) -> Self {
        Self { version: list.version, hash: device_list_hash(list) }
    }
}

/// How a list relates to the one remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// The remembered list.
    Same,
    /// The one right after it, chained by hash.
    Next,
    /// A later one; the lists between were not seen, so the chain can't be checked here.
    Skipped,
}

/// What the server requires of a new list: the stored one again, or the one right after it.
///
/// # Errors
/// [`IdentityError::Rollback`], [`IdentityError::Fork`], [`IdentityError::Gap`].
pub fn check_successor(old: &VerifiedHead, new: &DeviceList) -> Result<Succession, IdentityError> {
    match check_rising(old, new)? {
        Succession::Skipped => Err(IdentityError::Gap { expected: old.version.saturating_add(1), got: new.version }),
        succession => Ok(succession),
    }
}

/// What a client requires of a list: never an older one, never another one of the same version, and a next one that is chained.
/// A client that was away sees a later list only and must take it.
///
/// # Errors
/// [`IdentityError::Rollback`], [`IdentityError::Fork`].
pub fn check_rising(old: &VerifiedHead, new: &DeviceList) -> Result<Succession, IdentityError> {
    if new.version < old.version {
        return Err(IdentityError::Rollback { pinned: old.version, got: new.version });
    }
    if new.version == old.version {
        let same = device_list_hash(new) == old.hash;
        return if same { Ok(Succession::Same) } else { Err(IdentityError::Fork { version: new.version }) };
    }
    if new.version - old.version > 1 {
        return Ok(Succession::Skipped);
    }
    if new.previous.as_slice() != old.hash {
        return Err(IdentityError::Fork { version: new.version });
    }
    Ok(Succession::Next)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use ed25519_dalek::{Signer, SigningKey};
    use sotto_protocol::Bytes;
    use sotto_protocol::device_list::DeviceEntry;

    use super::super::tests::{account, credential};
    use super::*;

    fn list(version: u64, previous: [u8; 32]) -> DeviceList {
        let credential = credential();
        DeviceList {
            account: credential.account(),
            version,
            previous: Bytes(previous.to_vec()),
            devices: vec![DeviceEntry { device: credential.device, device_key: Bytes(credential.device_key.to_vec()), added_at: 5 }],
            vault_version: version,
            archive_version: 1,
        }
    }

    fn sign(encoded: Vec<u8>) -> SignedDeviceList {
        let signature = account().sign(&device_list_message(&encoded)).to_bytes().to_vec();
        let account_key = account().verifying_key().to_bytes().to_vec();
        SignedDeviceList { list: Bytes(encoded), account_key: Bytes(account_key), signature: Bytes(signature) }
    }

    #[test]
    fn a_signed_list_verifies_for_its_account_only() {
        let list = list(1, [0; 32]);
        let signed = sign(codec::encode(&list));
        assert_eq!(verify_device_list(&signed, Some(list.account)), Ok(list.clone()));
        assert_eq!(decode_device_list(&codec::encode(&signed), None), Ok(list.clone()));
        assert_eq!(verify_device_list(&signed, Some(AccountId([0; 32]))), Err(IdentityError::WrongAccount));
        assert!(credential_in_list(&credential(), &list));
        let ghost = DeviceCredential { device_key: [5; 32], ..credential() };
        assert!(!credential_in_list(&ghost, &list));

        for index in 0..signed.list.0.len() {
            let mut bent = signed.clone();
            bent.list.0[index] ^= 1;
            assert_eq!(verify_device_list(&bent, None), Err(IdentityError::BadSignature), "byte {index}");
        }
        let mut stolen = signed.clone();
        stolen.account_key = Bytes(SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes().to_vec());
        assert_eq!(verify_device_list(&stolen, None), Err(IdentityError::BadSignature));
    }

    #[test]
    fn misshapen_lists_are_refused_though_signed() {
        let good = list(1, [0; 32]);
        let encoded = codec::encode(&good);
        let non_canonical = [&[0x9f], &encoded[1..], &[0xff]].concat();
        assert_eq!(verify_device_list(&sign(non_canonical), None), Err(IdentityError::NotCanonical));

        let twice = DeviceList { devices: vec![good.devices[0].clone(), good.devices[0].clone()], ..good.clone() };
        let no_version = DeviceList { version: 0, ..good.clone() };
        let no_history = DeviceList { version: 2, ..good.clone() };
        let false_start = DeviceList { previous: Bytes(vec![1; 32]), ..good.clone() };
        let short_chain = DeviceList { previous: Bytes(vec![0; 31]), ..good.clone() };
        let mut short_key = good.clone();
        short_key.devices[0].device_key = Bytes(vec![0; 31]);
        for bad in [twice, no_version, no_history, false_start, short_chain, short_key] {
            assert_eq!(verify_device_list(&sign(codec::encode(&bad)), None), Err(IdentityError::Malformed), "{bad:?}");
        }
        let foreign = DeviceList { account: AccountId([4; 32]), ..good };
        assert_eq!(verify_device_list(&sign(codec::encode(&foreign)), None), Err(IdentityError::WrongAccount));
    }

    // Fails without the first `if` of `check_rising`.
    #[test]
    fn device_lists_only_rise_and_never_fork() {
        let first = list(1, [0; 32]);
        let second = list(2, device_list_hash(&first));
        let third = list(3, device_list_hash(&second));
        let head = VerifiedHead::of(&second);
        assert_eq!(check_successor(&head, &second), Ok(Succession::Same));
        assert_eq!(check_successor(&head, &third), Ok(Succession::Next));
        assert_eq!(check_successor(&head, &first), Err(IdentityError::Rollback { pinned: 2, got: 1 }));
        let other_second = DeviceList { vault_version: 9, ..second.clone() };
        assert_eq!(check_successor(&head, &other_second), Err(IdentityError::Fork { version: 2 }));
        let other_third = list(3, device_list_hash(&other_second));
        assert_eq!(check_successor(&head, &other_third), Err(IdentityError::Fork { version: 3 }));
        let fourth = list(4, device_list_hash(&third));
        assert_eq!(check_successor(&head, &fourth), Err(IdentityError::Gap { expected: 3, got: 4 }));
        assert_eq!(check_rising(&head, &fourth), Ok(Succession::Skipped));
        assert_eq!(check_rising(&head, &other_third), Err(IdentityError::Fork { version: 3 }));
    }
}
