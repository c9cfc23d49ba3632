//! Who a device is: credentials and device lists.

use std::collections::BTreeSet;

use ed25519_dalek::{Signer as _, SigningKey};
use sotto_protocol::device_list::SignedDeviceList;
use sotto_protocol::{Bytes, codec, limits};
use sotto_rules::identity::{
    CREDENTIAL_MAX, DeviceCredential, MAX_DEVICES, VerifiedHead, account_id, check_rising, check_successor, decode_device_list,
    device_list_hash, device_list_message, verified_credential, verify_device_list,
};

use crate::choose;

/// The account that signs what a target wants signed.
pub(crate) fn signer() -> SigningKey {
    SigningKey::from_bytes(&[0x41; 32])
}

/// A credential (0), one with the leaf key in front of it (1), a signed list (2), a list that its account is made to sign (3).
pub fn identity(data: &[u8]) -> bool {
    match choose(data, 4) {
        Some((0, rest)) => credential(rest),
        Some((1, rest)) => {
            let Some((key, rest)) = rest.split_first_chunk::<32>() else { return false };
            let Ok(believed) = verified_credential(rest, key) else { return false };
            assert_eq!(believed.encode(), rest);
            assert!(believed.verify(&[0x55; 32]).is_err(), "one signature for two leaf keys");
            true
        }
        Some((2, rest)) => decode_device_list(rest, None).is_ok(),
        Some((_, rest)) => list(rest),
        None => false,
    }
}

fn credential(data: &[u8]) -> bool {
    let Ok(credential) = DeviceCredential::decode(data) else { return false };
    assert!(data.len() <= CREDENTIAL_MAX);
    assert_eq!(credential.encode(), data, "a second encoding of one identity");
    true
}

fn list(data: &[u8]) -> bool {
    let key = signer();
    let signed = SignedDeviceList {
        list: data.into(),
        account_key: Bytes(key.verifying_key().to_bytes().to_vec()),
        signature: Bytes(key.sign(&device_list_message(data)).to_bytes().to_vec()),
    };
    let Ok(list) = verify_device_list(&signed, None) else { return false };
    assert!(data.len() <= limits::DEVICE_LIST);
    assert_eq!(codec::encode(&list), data, "a second encoding of one list");
    assert_eq!(list.account, account_id(&key.verifying_key().to_bytes()), "a list of another account");
    assert!(list.version > 0 && list.devices.len() <= MAX_DEVICES);
    let devices: BTreeSet<_> = list.devices.iter().map(|entry| entry.device).collect();
    let keys: BTreeSet<_> = list.devices.iter().map(|entry| entry.device_key.clone()).collect();
    assert_eq!((devices.len(), keys.len()), (list.devices.len(), list.devices.len()), "a device twice");

    // Whoever remembers a list takes only it or a later one.
    let head = VerifiedHead::of(&list);
    assert!(check_rising(&head, &list).is_ok());
    for change in [-1_i64, 0, 1, 2] {
        let Some(version) = list.version.checked_add_signed(change) else { continue };
        let previous = if change == 1 { device_list_hash(&list).to_vec() } else { list.previous.0.clone() };
        let other = sotto_protocol::device_list::DeviceList {
            version,
            previous: Bytes(previous),
            vault_version: !list.vault_version,
            ..list.clone()
        };
        let (rising, successor) = (check_rising(&head, &other), check_successor(&head, &other));
        assert!(change > 0 || rising.is_err(), "an older or another list in the place of {}", list.version);
        assert!(change == 1 || successor.is_err(), "a list that does not follow {}", list.version);
        assert!(change != 1 || successor.is_ok(), "{successor:?}");
    }
    true
}
