//! The signed, versioned, hash-chained list of an account's devices. Signatures are checked in `rules::identity`.

use minicbor::{Decode, Encode};

use crate::{AccountId, Bytes, DeviceId, Millis};

/// One device of an account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DeviceEntry {
    /// The device.
    #[n(0)]
    pub device: DeviceId,
    /// Its Ed25519 public key, 32 bytes.
    #[n(1)]
    pub device_key: Bytes,
    /// When the account key added it, by the clock of the adding device.
    #[n(2)]
    pub added_at: Millis,
}

/// What the account key signs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DeviceList {
    /// Whose devices.
    #[n(0)]
    pub account: AccountId,
    /// 1 for the first list; only rises.
    #[n(1)]
    pub version: u64,
    /// SHA-256 of the encoded list before this one; 32 zero bytes for the first.
    #[n(2)]
    pub previous: Bytes,
    /// The devices. None: the account was deleted, and no list follows.
    #[n(3)]
    pub devices: Vec<DeviceEntry>,
    /// Version of the vault at signing; a lower one later is a rollback.
    #[n(4)]
    pub vault_version: u64,
    /// Version of the archive root in the vault.
    #[n(5)]
    pub archive_version: u64,
}

/// A [`DeviceList`] as signed: the exact bytes, because a signature is over bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedDeviceList {
    /// The encoded [`DeviceList`].
    #[n(0)]
    pub list: Bytes,
    /// The account's Ed25519 public key, 32 bytes; its SHA-256 is the account id.
    #[n(1)]
    pub account_key: Bytes,
    /// Ed25519 over `"sotto device list v1" || list`, 64 bytes.
    #[n(2)]
    pub signature: Bytes,
}
