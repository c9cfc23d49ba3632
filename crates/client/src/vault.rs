//! The account's secrets, sealed for the server to keep: one slot under the password, one under the recovery code.

use minicbor::{Decode, Encode};
use sotto_protocol::accounts::VaultSlot;
use sotto_protocol::{AccountId, Bytes, ErrorCode, codec, limits};
use zeroize::{Zeroize, Zeroizing};

use crate::identity::AccountIdentity;
use crate::{committing, random};

const LABEL: &[u8] = b"sotto vault v1";
const FORMAT: u32 = 1;

/// Which secret opens a slot. Part of the AAD: the server cannot pass one slot off as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// The password's vault key.
    Password,
    /// The recovery code's slot key.
    Recovery,
}

/// The open vault. Keep it only as long as the account key is needed; dropping erases it.
pub struct Vault {
    account_secret: Zeroizing<[u8; 32]>,
    /// Root of the archive's keys.
    pub archive_root: Zeroizing<[u8; 32]>,
    /// Version of the archive root.
    pub archive_version: u64,
}

#[derive(Encode, Decode)]
struct Contents {
    #[n(0)]
    format: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    account_secret: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    archive_root: [u8; 32],
    #[n(3)]
    archive_version: u64,
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.account_secret.zeroize();
        self.archive_root.zeroize();
    }
}

impl Vault {
    /// The vault of a new account, with a new archive root.
    ///
    /// # Errors
    /// [`ErrorCode::Unsupported`] without a random generator.
    pub fn new(identity: &AccountIdentity) -> Result<Self, ErrorCode> {
        Ok(Self { account_secret: identity.secret(), archive_root: random::secret()?, archive_version: 1 })
    }

    /// The account's identity.
    #[must_use]
    pub fn identity(&self) -> AccountIdentity {
        AccountIdentity::from_secret(&self.account_secret)
    }

    /// Seals a slot with a fresh salt. `version` is the vault version that the device list will state.
    ///
    /// # Errors
    /// [`ErrorCode::Unsupported`] without a random generator.
    pub fn seal(&self, slot_key: &[u8; 32], account: AccountId, kind: SlotKind, version: u64) -> Result<VaultSlot, ErrorCode> {
        let contents = Contents {
            format: FORMAT,
            account_secret: *self.account_secret,
            archive_root: *self.archive_root,
            archive_version: self.archive_version,
        };
        let plain = Zeroizing::new(codec::encode(&contents));
        let sealed = committing::seal(slot_key, LABEL, &aad(account, kind, version), &plain)?;
        Ok(VaultSlot { version, sealed: Bytes(sealed) })
    }

    /// Opens a slot. Whether `slot.version` is the newest is for the caller, who knows the device list.
    ///
    /// # Errors
    /// [`ErrorCode::VaultDamaged`]: another key, account, slot or version, altered bytes, or an identity of another account.
    pub fn open(slot: &VaultSlot, slot_key: &[u8; 32], account: AccountId, kind: SlotKind) -> Result<Self, ErrorCode> {
        let sealed = slot.sealed.as_slice();
        if sealed.len() > limits::VAULT_SLOT {
            return Err(ErrorCode::VaultDamaged);
        }
        let plain = committing::open(slot_key, LABEL, &aad(account, kind, slot.version), sealed).ok_or(ErrorCode::VaultDamaged)?;
        let contents: Contents = codec::decode(&plain, limits::VAULT_SLOT).map_err(|_| ErrorCode::VaultDamaged)?;
        if contents.format != FORMAT {
            return Err(ErrorCode::VaultDamaged);
        }
        let vault = Self {
            account_secret: Zeroizing::new(contents.account_secret),
            archive_root: Zeroizing::new(contents.archive_root),
            archive_version: contents.archive_version,
        };
        // The account id is the hash of its key: a server cannot name one account and hand out another's identity.
        if vault.identity().account() != account {
            return Err(ErrorCode::VaultDamaged);
        }
        Ok(vault)
    }
}

impl core::fmt::Debug for Vault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Vault(archive version {})", self.archive_version)
    }
}

fn aad(account: AccountId, kind: SlotKind, version: u64) -> [u8; 41] {
    let mut aad = [0; 41];
    aad[..32].copy_from_slice(account.as_bytes());
    aad[32] = match kind {
        SlotKind::Password => 1,
        SlotKind::Recovery => 2,
    };
    aad[33..].copy_from_slice(&version.to_be_bytes());
    aad
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn sealed() -> (Vault, AccountId, VaultSlot) {
        let identity = AccountIdentity::from_secret(&[3; 32]);
        let vault = Vault::new(&identity).unwrap();
        let slot = vault.seal(&[1; 32], identity.account(), SlotKind::Password, 4).unwrap();
        (vault, identity.account(), slot)
    }

    #[test]
    fn a_vault_comes_back_whole() {
        let (vault, account, slot) = sealed();
        let opened = Vault::open(&slot, &[1; 32], account, SlotKind::Password).unwrap();
        assert_eq!(opened.identity().account(), account);
        assert_eq!((&opened.archive_root, opened.archive_version), (&vault.archive_root, 1));
        assert!(slot.sealed.0.len() <= limits::VAULT_SLOT);
        let again = vault.seal(&[1; 32], account, SlotKind::Password, 4).unwrap();
        assert_ne!(slot.sealed, again.sealed, "salt and nonce are new each time");
    }

    // Fails without any one part of `aad`.
    #[test]
    fn a_slot_opens_only_as_what_it_was_sealed_as() {
        let (_, account, slot) = sealed();
        let refused = Some(ErrorCode::VaultDamaged);
        assert_eq!(Vault::open(&slot, &[2; 32], account, SlotKind::Password).err(), refused);
        assert_eq!(Vault::open(&slot, &[1; 32], AccountId([0; 32]), SlotKind::Password).err(), refused);
        assert_eq!(Vault::open(&slot, &[1; 32], account, SlotKind::Recovery).err(), refused);
        for version in [3, 5] {
            let moved = VaultSlot { version, ..slot.clone() };
            assert_eq!(Vault::open(&moved, &[1; 32], account, SlotKind::Password).err(), refused);
        }
        for index in 0..slot.sealed.0.len() {
            let mut bent = slot.clone();
            bent.sealed.0[index] ^= 0x80;
            assert_eq!(Vault::open(&bent, &[1; 32], account, SlotKind::Password).err(), refused, "byte {index}");
        }
    }

    // Fails without the commitment's comparison in `committing::open` (there, against a ciphertext built for two keys).
    #[test]
    fn swapped_commitments_are_refused() {
        let (vault, account, slot) = sealed();
        let other = vault.seal(&[2; 32], account, SlotKind::Password, 4).unwrap();
        let mut mixed = slot;
        mixed.sealed.0[45..77].copy_from_slice(&other.sealed.0[45..77]);
        for key in [[1; 32], [2; 32]] {
            assert_eq!(Vault::open(&mixed, &key, account, SlotKind::Password).err(), Some(ErrorCode::VaultDamaged));
        }
    }

    // Fails without the `vault.identity().account() != account` lines of `open`.
    #[test]
    fn an_identity_of_another_account_is_refused() {
        let mallory = AccountIdentity::from_secret(&[9; 32]);
        let bob = AccountIdentity::from_secret(&[3; 32]).account();
        let slot = Vault::new(&mallory).unwrap().seal(&[1; 32], bob, SlotKind::Password, 1).unwrap();
        assert_eq!(Vault::open(&slot, &[1; 32], bob, SlotKind::Password).err(), Some(ErrorCode::VaultDamaged));
    }
}
