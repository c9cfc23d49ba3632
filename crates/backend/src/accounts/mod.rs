//! Accounts: one file for each operation; here what they share.

mod deletion;
mod login;
mod password;
mod recovery;
mod sign_up;

use sotto_protocol::accounts::{KdfParams, PasswordEntry, RecoveryEntry, SignedIn, VaultSlot};
use sotto_protocol::device_list::DeviceList;
use sotto_protocol::{Bytes, ErrorCode, limits};
use sotto_rules::identity::{Succession, VerifiedHead, check_successor, decode_device_list};

use crate::backend::Backend;
use crate::error::ServiceError;
use crate::store::{AccountRow, NextList, PasswordRow, RecoveryRow};
use crate::token::SessionToken;

/// A session that was just made: what the engine needs, and the token for the cookie.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// For the engine.
    pub signed_in: SignedIn,
    /// For `Set-Cookie`.
    pub token: SessionToken,
}

impl Backend {
    async fn hashed_password(&self, entry: PasswordEntry) -> Result<PasswordRow, ServiceError> {
        Ok(PasswordRow { hash: self.0.passwords.hash(&entry.auth_key).await?, kdf: entry.kdf, slot: entry.slot })
    }

    async fn hashed_recovery(&self, entry: RecoveryEntry) -> Result<RecoveryRow, ServiceError> {
        Ok(RecoveryRow { hash: self.0.passwords.hash(&entry.auth_key).await?, slot: entry.slot })
    }
}

/// What the client holds itself to is checked here too: an account with weak parameters could never sign in again.
fn check_password_entry(entry: &PasswordEntry) -> Result<(), ErrorCode> {
    check_kdf(&entry.kdf)?;
    check_slot(&entry.slot)
}

fn check_kdf(kdf: &KdfParams) -> Result<(), ErrorCode> {
    let fits = (limits::KDF_FLOOR_MEMORY_KIB..=limits::KDF_CEILING_MEMORY_KIB).contains(&kdf.memory_kib)
        && (limits::KDF_FLOOR_PASSES..=limits::KDF_CEILING_PASSES).contains(&kdf.passes)
        && (1..=limits::KDF_CEILING_LANES).contains(&kdf.lanes)
        && kdf.salt.0.len() == limits::KDF_SALT;
    if fits { Ok(()) } else { Err(ErrorCode::KdfRefused) }
}

fn check_slot(slot: &VaultSlot) -> Result<(), ErrorCode> {
    match slot.sealed.0.len() {
        0 => Err(ErrorCode::Malformed),
        1..=limits::VAULT_SLOT => Ok(()),
        _ => Err(ErrorCode::TooLarge),
    }
}

/// A device list that stands where the stored one stood.
pub(crate) struct CheckedList {
    pub(crate) list: DeviceList,
    pub(crate) succession: Succession,
    pub(crate) next: NextList,
}

/// Checks the signature of an uploaded list and that it follows the stored one.
pub(crate) fn check_next_list(stored: &AccountRow, uploaded: Bytes) -> Result<CheckedList, ErrorCode> {
    if uploaded.0.len() > limits::DEVICE_LIST {
        return Err(ErrorCode::TooLarge);
    }
    let before = decode_device_list(stored.device_list.as_slice(), Some(stored.account)).map_err(|_| ErrorCode::Internal)?;
    let list = decode_device_list(uploaded.as_slice(), Some(stored.account))?;
    let succession = check_successor(&VerifiedHead::of(&before), &list)?;
    // The stored bytes stay for the same list: one list could carry another encoding of its signature.
    let bytes = if succession == Succession::Same { stored.device_list.clone() } else { uploaded };
    let devices = list.devices.iter().map(|entry| entry.device).collect();
    Ok(CheckedList { next: NextList { before: stored.device_list.clone(), list: bytes, devices }, list, succession })
}

/// The next list of a change that leaves the devices as they are.
fn check_same_devices(stored: &AccountRow, uploaded: Bytes) -> Result<NextList, ErrorCode> {
    let before = decode_device_list(stored.device_list.as_slice(), Some(stored.account)).map_err(|_| ErrorCode::Internal)?;
    let checked = check_next_list(stored, uploaded)?;
    if checked.succession != Succession::Next || checked.list.devices != before.devices {
        return Err(ErrorCode::DeviceListRefused);
    }
    Ok(checked.next)
}
