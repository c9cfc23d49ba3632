//! The one unsealed record of this browser: whose data lies here, how its storage key is wrapped, which derivations were accepted.
//!
//! No key in the clear and nothing private but names. Whoever can write this record can delete it; whoever alters it gains no
//! plaintext, because every wrap in it is bound to its account.

use std::collections::BTreeMap;

use minicbor::{Decode, Decoder, Encode};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, UserName, codec};

use crate::kdf::Pin;

/// Version of [`ProfileRecord`].
pub const VERSION: u32 = 2;
/// Longest encoded record.
const MAX: usize = 64 * 1024;

/// The record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ProfileRecord {
    /// [`VERSION`], or the earlier one that it was written as.
    #[n(0)]
    pub version: u32,
    /// Whose data lies here; `None` after a wipe.
    #[n(1)]
    pub owner: Option<Owner>,
    /// Key derivation parameters by name, as last accepted by the server.
    #[n(2)]
    pub pins: BTreeMap<UserName, Pin>,
    /// Which slot the erasable secret of the rows lies in ([`crate::ring`]); `None` where there is none, as in version 1.
    #[n(3)]
    pub slot: Option<u8>,
}

/// Whose data lies in this browser.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Owner {
    /// The account.
    #[n(0)]
    pub account: AccountId,
    /// Its name.
    #[n(1)]
    pub name: UserName,
    /// This device.
    #[n(2)]
    pub device: DeviceId,
    /// The storage key under the vault key ([`crate::seal::Wrap::Keep`]).
    #[n(3)]
    pub keep_wrap: Bytes,
    /// The lock passphrase's wrap, where one is set.
    #[n(4)]
    pub lock: Option<Lock>,
    /// Signed out with "keep": the rows wait for the password.
    #[n(5)]
    pub signed_out: bool,
}

/// The storage key under a lock passphrase.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Lock {
    /// How the passphrase's key is derived.
    #[n(0)]
    pub kdf: Pin,
    /// The wrap ([`crate::seal::Wrap::Lock`]).
    #[n(1)]
    pub wrap: Bytes,
}

impl Default for ProfileRecord {
    fn default() -> Self {
        Self { version: VERSION, owner: None, pins: BTreeMap::new(), slot: None }
    }
}

impl ProfileRecord {
    /// For [`crate::io::Profile::bytes`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// From what the host found.
    ///
    /// # Errors
    /// [`ErrorCode::Unsupported`] for a record of a newer Sotto (nothing is touched then); [`ErrorCode::StorageDamaged`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ErrorCode> {
        if version_of(bytes).ok_or(ErrorCode::StorageDamaged)? > VERSION {
            return Err(ErrorCode::Unsupported);
        }
        codec::decode(bytes, MAX).map_err(|_| ErrorCode::StorageDamaged)
    }
}

/// The version alone: the rest of a newer record may have another shape.
fn version_of(bytes: &[u8]) -> Option<u32> {
    let mut decoder = Decoder::new(bytes);
    decoder.array().ok()?;
    decoder.u32().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn record() -> ProfileRecord {
        let pin = Pin { memory_kib: 65536, passes: 3, lanes: 1, salt: Bytes(vec![7; 16]) };
        let name = UserName::parse("mira").unwrap();
        let owner = Owner {
            account: AccountId([1; 32]),
            name: name.clone(),
            device: DeviceId([2; 16]),
            keep_wrap: Bytes(vec![3; 125]),
            lock: Some(Lock { kdf: pin.clone(), wrap: Bytes(vec![4; 125]) }),
            signed_out: true,
        };
        ProfileRecord { owner: Some(owner), pins: BTreeMap::from([(name, pin)]), slot: Some(1), ..ProfileRecord::default() }
    }

    #[test]
    fn a_record_comes_back_whole() {
        for record in [record(), ProfileRecord::default()] {
            assert_eq!(ProfileRecord::decode(&record.encode()), Ok(record));
        }
    }

    #[test]
    fn a_newer_record_is_left_alone_and_a_damaged_one_is_said() {
        let newer = ProfileRecord { version: VERSION + 1, ..record() };
        assert_eq!(ProfileRecord::decode(&newer.encode()), Err(ErrorCode::Unsupported));
        assert_eq!(ProfileRecord::decode(&[0x82, 0x03, 0xf6]), Err(ErrorCode::Unsupported));
        let bytes = record().encode();
        for length in 0..bytes.len() {
            assert_eq!(ProfileRecord::decode(&bytes[..length]), Err(ErrorCode::StorageDamaged), "cut at {length}");
        }
        assert_eq!(ProfileRecord::decode(&[0x80]), Err(ErrorCode::StorageDamaged));
    }
}
