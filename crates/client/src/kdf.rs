//! From a password to keys: Argon2id, HKDF with distinct labels; floor, ceiling and pin come before any of it.

use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm, Argon2, Error, Params, Version};
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use sha2::Sha256;
use sotto_protocol::accounts::KdfParams;
use sotto_protocol::{Bytes, ErrorCode, limits};
use zeroize::Zeroizing;

use crate::password::Password;
use crate::random;

const AUTH_LABEL: &[u8] = b"sotto auth key v1";
const VAULT_LABEL: &[u8] = b"sotto vault key v1";
const LOCK_LABEL: &[u8] = b"sotto lock key v1";

/// Parameters of a new password.
#[must_use]
pub fn default_params(salt: [u8; limits::KDF_SALT]) -> KdfParams {
    KdfParams { memory_kib: limits::KDF_MEMORY_KIB, passes: limits::KDF_PASSES, lanes: limits::KDF_LANES, salt: Bytes(salt.to_vec()) }
}

/// [`default_params`] with a new salt.
///
/// # Errors
/// [`ErrorCode::Unsupported`] without a random generator.
pub fn fresh_params() -> Result<KdfParams, ErrorCode> {
    Ok(default_params(random::bytes()?))
}

/// The parameters that a name was last seen with, kept in this browser's profile.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Pin {
    /// Memory in KiB.
    #[n(0)]
    pub memory_kib: u32,
    /// Passes over the memory.
    #[n(1)]
    pub passes: u32,
    /// Lanes.
    #[n(2)]
    pub lanes: u32,
    /// The salt.
    #[n(3)]
    pub salt: Bytes,
}

impl Pin {
    /// Remembers parameters. Do so only after the server took a key that was derived with them.
    #[must_use]
    pub fn of(params: &KdfParams) -> Self {
        Self { memory_kib: params.memory_kib, passes: params.passes, lanes: params.lanes, salt: params.salt.clone() }
    }

    /// The remembered parameters.
    #[must_use]
    pub fn params(&self) -> KdfParams {
        KdfParams { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes, salt: self.salt.clone() }
    }
}

/// Judges parameters that the server asks for, before anything is derived with them: a hostile server would otherwise get an
/// auth key that is cheap to guess from (too low), or stop the browser (too high).
///
/// # Errors
/// [`ErrorCode::KdfRefused`] out of bounds; [`ErrorCode::KdfWeakened`] below the pin, whatever the person says;
/// [`ErrorCode::KdfSaltChanged`] until the person said that the password was changed elsewhere.
pub fn check(params: &KdfParams, pin: Option<&Pin>, accept_new_salt: bool) -> Result<(), ErrorCode> {
    check_bounds(params)?;
    let Some(pin) = pin else { return Ok(()) };
    if params.memory_kib < pin.memory_kib || params.passes < pin.passes || params.lanes < pin.lanes {
        return Err(ErrorCode::KdfWeakened);
    }
    if params.salt != pin.salt && !accept_new_salt {
        return Err(ErrorCode::KdfSaltChanged);
    }
    Ok(())
}

fn check_bounds(params: &KdfParams) -> Result<(), ErrorCode> {
    let memory = (limits::KDF_FLOOR_MEMORY_KIB..=limits::KDF_CEILING_MEMORY_KIB).contains(&params.memory_kib);
    let passes = (limits::KDF_FLOOR_PASSES..=limits::KDF_CEILING_PASSES).contains(&params.passes);
    let lanes = (1..=limits::KDF_CEILING_LANES).contains(&params.lanes);
    let salt = params.salt.as_slice().len() == limits::KDF_SALT;
    if memory && passes && lanes && salt { Ok(()) } else { Err(ErrorCode::KdfRefused) }
}

/// What a password gives. The auth key goes to the server; the vault key never leaves this device.
pub struct PasswordKeys {
    /// Proves the password to the server.
    pub auth_key: Zeroizing<[u8; 32]>,
    /// Opens the password slot of the vault and the "keep" wrap of this browser.
    pub vault_key: Zeroizing<[u8; 32]>,
}

impl core::fmt::Debug for PasswordKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PasswordKeys(…)")
    }
}

/// Derives the keys of a password. Call [`check`] first: this knows the bounds but no pin.
///
/// # Errors
/// [`ErrorCode::KdfRefused`] out of bounds; [`ErrorCode::Unsupported`] when this device can't give the memory.
pub fn derive(password: &Password, params: &KdfParams) -> Result<PasswordKeys, ErrorCode> {
    let master = master_key(password, params)?;
    Ok(PasswordKeys { auth_key: expand(&master, AUTH_LABEL)?, vault_key: expand(&master, VAULT_LABEL)? })
}

/// Derives the key of this browser's lock passphrase, with a label of its own: the same words as password and passphrase
/// still make unrelated keys.
///
/// # Errors
/// As [`derive`].
pub fn derive_lock_key(passphrase: &Password, params: &KdfParams) -> Result<Zeroizing<[u8; 32]>, ErrorCode> {
    expand(&*master_key(passphrase, params)?, LOCK_LABEL)
}

fn master_key(password: &Password, params: &KdfParams) -> Result<Zeroizing<[u8; 32]>, ErrorCode> {
    check_bounds(params)?;
    let mut master = Zeroizing::new([0; 32]);
    let settings = Params::builder()
        .memory(Memory::kib(params.memory_kib.into()))
        .passes(params.passes)
        .lanes(params.lanes)
        .tag_len(TagLen::bytes(32))
        .build()
        .map_err(|_| ErrorCode::KdfRefused)?;
    // It erases its memory, whose last blocks give the master key away (feature `zeroize-memory`).
    Argon2::new(Algorithm::Argon2id, Version::V0x13, settings)
        .hash_into(password.as_str().as_bytes(), params.salt.as_slice(), master.as_mut_slice())
        .map_err(|error| if error == Error::MemoryAllocationError { ErrorCode::Unsupported } else { ErrorCode::KdfRefused })?;
    Ok(master)
}

fn expand(master: &[u8; 32], label: &[u8]) -> Result<Zeroizing<[u8; 32]>, ErrorCode> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, master).expand(label, key.as_mut_slice()).map_err(|_| ErrorCode::Internal)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::identity::AccountIdentity;
    use crate::kdf_vectors::{self, Vector};
    use crate::password::tests::typed;
    use crate::vault::{SlotKind, Vault};

    fn floor() -> KdfParams {
        KdfParams { memory_kib: 19 * 1024, passes: 2, lanes: 1, salt: Bytes(vec![7; 16]) }
    }

    // Fails without the `check_bounds(params)?` line of `check` (and of `master_key`).
    #[test]
    fn r01_kdf_floor_is_checked_before_anything_is_derived() {
        let refused = [
            KdfParams { memory_kib: 8, passes: 1, ..floor() },
            KdfParams { memory_kib: 19 * 1024 - 1, ..floor() },
            KdfParams { passes: 1, ..floor() },
            KdfParams { lanes: 0, ..floor() },
            KdfParams { salt: Bytes(vec![7; 15]), ..floor() },
            KdfParams { salt: Bytes(Vec::new()), ..floor() },
        ];
        for params in refused {
            assert_eq!(check(&params, None, true), Err(ErrorCode::KdfRefused), "{params:?}");
            assert_eq!(derive(&typed("correct horse"), &params).err(), Some(ErrorCode::KdfRefused), "{params:?}");
            assert_eq!(derive_lock_key(&typed("correct horse"), &params).err(), Some(ErrorCode::KdfRefused), "{params:?}");
        }
        assert_eq!(check(&floor(), None, false), Ok(()));
        let default = default_params([7; 16]);
        assert_eq!((default.memory_kib, default.passes, default.lanes), (64 * 1024, 3, 1));
    }

    // Fails (by hanging or by running out of memory) without the `check_bounds(params)?` line of `master_key`.
    #[test]
    fn r02_kdf_ceiling_is_refused_at_once() {
        let refused = [
            KdfParams { memory_kib: 4 * 1024 * 1024, ..floor() },
            KdfParams { memory_kib: u32::MAX, ..floor() },
            KdfParams { passes: 11, ..floor() },
            KdfParams { passes: u32::MAX, ..floor() },
            KdfParams { lanes: 5, ..floor() },
            KdfParams { salt: Bytes(vec![7; 1 << 20]), ..floor() },
        ];
        for params in refused {
            assert_eq!(check(&params, None, true), Err(ErrorCode::KdfRefused), "{params:?}");
            assert_eq!(derive(&typed("correct horse"), &params).err(), Some(ErrorCode::KdfRefused), "{params:?}");
        }
    }

    // Fails without the two `if`s of `check`.
    #[test]
    fn r03_kdf_pinning() {
        let pinned = default_params([7; 16]);
        let pin = Pin::of(&pinned);
        assert_eq!(pin.params(), pinned);
        assert_eq!(check(&pinned, Some(&pin), false), Ok(()));

        for weaker in [KdfParams { memory_kib: 64 * 1024 - 1, ..pinned.clone() }, KdfParams { passes: 2, ..pinned.clone() }] {
            assert_eq!(check(&weaker, None, false), Ok(()));
            assert_eq!(check(&weaker, Some(&pin), false), Err(ErrorCode::KdfWeakened));
            // A new salt that the person accepts does not excuse weaker parameters.
            let moved = KdfParams { salt: Bytes(vec![8; 16]), ..weaker };
            assert_eq!(check(&moved, Some(&pin), true), Err(ErrorCode::KdfWeakened));
        }

        let moved = default_params([8; 16]);
        assert_eq!(check(&moved, Some(&pin), false), Err(ErrorCode::KdfSaltChanged));
        assert_eq!(check(&moved, Some(&pin), true), Ok(()));
        let stronger = KdfParams { passes: 4, ..pinned };
        assert_eq!(check(&stronger, Some(&pin), false), Ok(()));
    }

    // Fails when two labels of this file are made equal, or when an output of the derivation changes.
    #[test]
    fn r04_key_separation_by_fixed_vectors() {
        for vector in kdf_vectors::VECTORS {
            let Vector { password, auth_key, vault_key, lock_key, .. } = vector;
            let keys = derive(&typed(password), &vector.params()).unwrap();
            assert_eq!((*keys.auth_key, *keys.vault_key), (*auth_key, *vault_key), "{password}");
            assert_eq!(*derive_lock_key(&typed(password), &vector.params()).unwrap(), *lock_key, "{password}");
            assert_ne!(auth_key, vault_key);
            assert_ne!(lock_key, vault_key);
        }
    }

    // Fails when the vault is sealed under the auth key (or under what it leads to).
    #[test]
    fn r04_key_separation_the_auth_key_does_not_open_the_vault() {
        let identity = AccountIdentity::generate().unwrap();
        let keys = derive(&typed("correct horse"), &floor()).unwrap();
        let slot = Vault::new(&identity).unwrap().seal(&keys.vault_key, identity.account(), SlotKind::Password, 1).unwrap();
        let tries = [keys.auth_key.clone(), expand(&keys.auth_key, VAULT_LABEL).unwrap(), expand(&keys.auth_key, AUTH_LABEL).unwrap()];
        for key in tries {
            let opened = Vault::open(&slot, &key, identity.account(), SlotKind::Password);
            assert_eq!(opened.err(), Some(ErrorCode::VaultDamaged));
        }
        assert!(Vault::open(&slot, &keys.vault_key, identity.account(), SlotKind::Password).is_ok());
    }

    // Fails when `master_key` uses other parameters than those of the account (say, a constant for speed).
    #[test]
    fn r05_offline_cost_of_a_guess_is_the_full_kdf() {
        let identity = AccountIdentity::generate().unwrap();
        let params = default_params([7; 16]);
        assert_eq!((params.memory_kib, params.passes, params.lanes), (64 * 1024, 3, 1));
        let keys = derive(&typed("correct horse"), &params).unwrap();
        let slot = Vault::new(&identity).unwrap().seal(&keys.vault_key, identity.account(), SlotKind::Password, 1).unwrap();

        // What a thief of the database has: slot and parameters. The right guess opens at the full cost and at no lower one.
        let guess = |params: &KdfParams| {
            Vault::open(&slot, &derive(&typed("correct horse"), params).unwrap().vault_key, identity.account(), SlotKind::Password).is_ok()
        };
        assert!(guess(&params));
        assert!(!guess(&KdfParams { memory_kib: limits::KDF_FLOOR_MEMORY_KIB, ..params.clone() }));
        assert!(!guess(&KdfParams { passes: 2, ..params.clone() }));
        assert!(!guess(&KdfParams { salt: Bytes(vec![8; 16]), ..params }));
    }

    // Fails without the call of `nfkc` in `Password::new`, or when a password is cut.
    #[test]
    fn r08_passwords_are_normalized_and_never_cut() {
        let auth = |password: &str| *derive(&typed(password), &floor()).unwrap().auth_key;
        assert_eq!(auth("caf\u{e9} \u{fb01}sh"), auth("cafe\u{301} fish"));
        let long = "ünï ☃ 🦀 ".repeat(12);
        assert!(long.len() > 72 && long.chars().count() > 64);
        assert_ne!(auth(&long), auth(&format!("{long}x")));
        assert_ne!(auth("with space"), auth("with space "));
        assert_ne!(auth(&"x".repeat(1024)), auth(&"x".repeat(1023)));
    }
}
