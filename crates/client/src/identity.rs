//! Secret identities: the account's key (in memory only while it is needed) and this device's key with its certificate.

use core::fmt;

use ed25519_dalek::{Signer, SigningKey};
use minicbor::{Decode, Encode};
use sotto_protocol::device_list::{DeviceEntry, DeviceList, SignedDeviceList};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, Millis, codec};
use sotto_rules::identity::{
    CREDENTIAL_VERSION, DeviceCredential, account_id, device_list_hash, device_list_message, device_message, leaf_message,
};
use zeroize::{Zeroize, Zeroizing};

use crate::random;

/// Longest stored [`DeviceIdentity`].
const STORED_MAX: usize = 512;

/// The account's Ed25519 key. Whoever holds it can make devices, so it lives in the vault and is dropped (which erases it)
/// as soon as a sign-up, sign-in, password or device change is done.
pub struct AccountIdentity(SigningKey);

impl AccountIdentity {
    /// A new account.
    ///
    /// # Errors
    /// [`ErrorCode::Unsupported`] without a random generator.
    pub fn generate() -> Result<Self, ErrorCode> {
        Ok(Self::from_secret(&*random::secret()?))
    }

    /// The account of a secret key, as the vault holds it.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The secret key, for the vault.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The account id.
    #[must_use]
    pub fn account(&self) -> AccountId {
        account_id(&self.public())
    }

    /// Signs that a device is this account's.
    #[must_use]
    pub fn certify_device(&self, device: DeviceId, device_key: &[u8; 32]) -> [u8; 64] {
        self.0.sign(&device_message(device, device_key)).to_bytes()
    }

    /// Signs a device list.
    #[must_use]
    pub fn sign_device_list(&self, list: &DeviceList) -> SignedDeviceList {
        let encoded = codec::encode(list);
        let signature = self.0.sign(&device_list_message(&encoded)).to_bytes();
        SignedDeviceList { list: Bytes(encoded), account_key: Bytes(self.public().to_vec()), signature: Bytes(signature.to_vec()) }
    }

    /// The first list: one device, first vault, first archive root.
    #[must_use]
    pub fn first_list(&self, device: DeviceEntry) -> SignedDeviceList {
        self.sign_device_list(&DeviceList {
            account: self.account(),
            version: 1,
            previous: Bytes(vec![0; 32]),
            devices: vec![device],
            vault_version: 1,
            archive_version: 1,
        })
    }

    /// The list after `current`, chained to it.
    #[must_use]
    pub fn next_list(&self, current: &DeviceList, devices: Vec<DeviceEntry>, vault_version: u64) -> SignedDeviceList {
        self.sign_device_list(&DeviceList {
            account: self.account(),
            version: current.version.saturating_add(1),
            previous: Bytes(device_list_hash(current).to_vec()),
            devices,
            vault_version,
            archive_version: current.archive_version,
        })
    }
}

impl fmt::Debug for AccountIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountIdentity({})", self.account())
    }
}

/// This device's key and the account's signature over it. It can sign leaf keys and nothing else of the account.
pub struct DeviceIdentity {
    device: DeviceId,
    account_key: [u8; 32],
    account_signature: [u8; 64],
    secret: SigningKey,
}

/// How a [`DeviceIdentity`] lies in its sealed row.
#[derive(Encode, Decode)]
struct StoredDevice {
    #[n(0)]
    device: DeviceId,
    #[cbor(n(1), with = "minicbor::bytes")]
    secret: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    account_key: [u8; 32],
    #[cbor(n(3), with = "minicbor::bytes")]
    account_signature: [u8; 64],
}

impl Drop for StoredDevice {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl DeviceIdentity {
    /// A new device of an account.
    ///
    /// # Errors
    /// [`ErrorCode::Unsupported`] without a random generator.
    pub fn generate(account: &AccountIdentity) -> Result<Self, ErrorCode> {
        let device = DeviceId(random::bytes()?);
        let secret = SigningKey::from_bytes(&*random::secret()?);
        let account_signature = account.certify_device(device, &secret.verifying_key().to_bytes());
        Ok(Self { device, account_key: account.public(), account_signature, secret })
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// The account that certified it.
    #[must_use]
    pub fn account(&self) -> AccountId {
        account_id(&self.account_key)
    }

    /// Public key of that account.
    #[must_use]
    pub fn account_key(&self) -> [u8; 32] {
        self.account_key
    }

    /// Public key of the device.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.secret.verifying_key().to_bytes()
    }

    /// The device's entry in a device list.
    #[must_use]
    pub fn entry(&self, added_at: Millis) -> DeviceEntry {
        DeviceEntry { device: self.device, device_key: Bytes(self.public().to_vec()), added_at }
    }

    /// Content of the BasicCredential for a leaf whose signature key is `leaf_signature_key` (32 bytes: a credential for any
    /// other length is refused by everybody who verifies it).
    #[must_use]
    pub fn leaf_credential(&self, leaf_signature_key: &[u8]) -> Vec<u8> {
        let credential = DeviceCredential {
            version: CREDENTIAL_VERSION,
            account_key: self.account_key,
            device: self.device,
            device_key: self.public(),
            account_signature: self.account_signature,
            leaf_signature: self.secret.sign(&leaf_message(leaf_signature_key)).to_bytes(),
        };
        credential.encode()
    }

    /// For a sealed row.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (account_key, account_signature) = (self.account_key, self.account_signature);
        let stored = StoredDevice { device: self.device, secret: self.secret.to_bytes(), account_key, account_signature };
        Zeroizing::new(codec::encode(&stored))
    }

    /// From a sealed row. The certificate is verified again: a row is believed no more than the wire.
    ///
    /// # Errors
    /// [`ErrorCode::StorageDamaged`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ErrorCode> {
        let stored: StoredDevice = codec::decode(bytes, STORED_MAX).map_err(|_| ErrorCode::StorageDamaged)?;
        let device = Self {
            device: stored.device,
            account_key: stored.account_key,
            account_signature: stored.account_signature,
            secret: SigningKey::from_bytes(&stored.secret),
        };
        let probe = [0; 32];
        let credential = DeviceCredential::decode(&device.leaf_credential(&probe)).map_err(|_| ErrorCode::StorageDamaged)?;
        credential.verify(&probe).map_err(|_| ErrorCode::StorageDamaged)?;
        Ok(device)
    }
}

impl fmt::Debug for DeviceIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceIdentity({})", self.device)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sotto_rules::identity::{Succession, VerifiedHead, check_successor, credential_in_list, verified_credential, verify_device_list};

    use super::*;

    #[test]
    fn a_new_device_stands_in_the_first_list_and_its_leaf_verifies() {
        let account = AccountIdentity::generate().unwrap();
        let device = DeviceIdentity::generate(&account).unwrap();
        let list = verify_device_list(&account.first_list(device.entry(7)), Some(account.account())).unwrap();
        let credential = verified_credential(&device.leaf_credential(&[4; 32]), &[4; 32]).unwrap();
        assert!(credential_in_list(&credential, &list));
        assert!(verified_credential(&device.leaf_credential(&[4; 33]), &[4; 33]).is_err());

        let replacing = DeviceIdentity::generate(&account).unwrap();
        let next = verify_device_list(&account.next_list(&list, vec![replacing.entry(8)], 2), Some(account.account())).unwrap();
        assert_eq!(check_successor(&VerifiedHead::of(&list), &next), Ok(Succession::Next));
        assert!(!credential_in_list(&credential, &next));
    }

    // Fails without the `credential.verify` line of `DeviceIdentity::decode`.
    #[test]
    fn a_stored_device_comes_back_or_is_refused() {
        let account = AccountIdentity::generate().unwrap();
        let device = DeviceIdentity::generate(&account).unwrap();
        let stored = device.encode();
        let back = DeviceIdentity::decode(&stored).unwrap();
        assert_eq!((back.device(), back.public(), back.account()), (device.device(), device.public(), account.account()));
        for index in 0..stored.len() {
            let mut bent = stored.to_vec();
            bent[index] ^= 1;
            assert_eq!(DeviceIdentity::decode(&bent).err(), Some(ErrorCode::StorageDamaged), "byte {index}");
        }
    }

    #[test]
    fn secrets_do_not_print_and_are_erased_on_drop() {
        const fn erased_on_drop<T: zeroize::ZeroizeOnDrop>() {}
        // Both identities hold their secret in this type alone.
        erased_on_drop::<SigningKey>();
        let account = AccountIdentity::from_secret(&[0x5a; 32]);
        let device = DeviceIdentity::generate(&account).unwrap();
        assert_eq!(format!("{account:?}"), format!("AccountIdentity({})", account.account()));
        assert_eq!(format!("{device:?}"), format!("DeviceIdentity({})", device.device()));
    }
}
