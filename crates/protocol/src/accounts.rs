//! Bodies of the account server functions (JSON). Secrets are [`Bytes`], whose `Debug` shows a length only.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Bytes, DeviceId, Millis, SessionId, UserName};

/// Parameters of the client-side Argon2id (version 0x13, 32 bytes out).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KdfParams {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// 16 random bytes.
    pub salt: Bytes,
}

/// One sealed copy of the vault (`client::vault` says what is inside and how it is sealed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultSlot {
    /// Version of the vault when this slot was sealed; part of the AAD.
    pub version: u64,
    /// salt, nonce, commitment and ciphertext as `client::vault` encodes them.
    pub sealed: Bytes,
}

/// How an account authenticates and what it can open with that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordEntry {
    /// How the master key is derived.
    pub kdf: KdfParams,
    /// 32 bytes; the server stores only a slow hash of it.
    pub auth_key: Bytes,
    /// The vault under the vault key of the same password.
    pub slot: VaultSlot,
}

/// A recovery code's two halves: what the server checks and what the code opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryEntry {
    /// 32 bytes; the server stores only a slow hash of it.
    pub auth_key: Bytes,
    /// The vault under the code's slot key.
    pub slot: VaultSlot,
}

/// `sign_up`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignUpRequest {
    /// The wanted name.
    pub name: UserName,
    /// Password half.
    pub password: PasswordEntry,
    /// Recovery half. Always made; whether the person keeps the code is theirs.
    pub recovery: RecoveryEntry,
    /// Encoded [`crate::device_list::SignedDeviceList`], version 1, with this device.
    pub device_list: Bytes,
    /// This device.
    pub device: DeviceId,
}

/// `sign_in`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInRequest {
    /// Whose account.
    pub name: UserName,
    /// 32 bytes from the password.
    pub auth_key: Bytes,
}

/// What a successful sign-up, sign-in or recovery hands to the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: UserName,
    /// The session just made.
    pub session: SessionId,
    /// The slot that the presented secret opens (password, or recovery code).
    pub slot: VaultSlot,
    /// Newest encoded [`crate::device_list::SignedDeviceList`].
    pub device_list: Bytes,
    /// The account's device in whose session this browser was until now. Where the browser has lost its data, that device is no more.
    #[serde(default)]
    pub before: Option<DeviceId>,
}

/// `change_password`: needs the current auth key; replaces password half and device list in one transaction, ends all
/// other sessions and rotates this one's token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePasswordRequest {
    /// From the current password.
    pub current_auth_key: Bytes,
    /// From the new one.
    pub password: PasswordEntry,
    /// Next version, with the raised vault version.
    pub device_list: Bytes,
}

/// `delete_account`: the account's key alone can make this, so it proves the password or the recovery code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteAccountRequest {
    /// Next version, without a device.
    pub device_list: Bytes,
}

/// `new_recovery_code`: needs the current auth key; replaces the recovery half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRecoveryRequest {
    /// From the current password.
    pub current_auth_key: Bytes,
    /// The new half.
    pub recovery: RecoveryEntry,
}

/// `recovery_open`: proves the code and gets the slot that it opens. No session is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryOpenRequest {
    /// Whose account.
    pub name: UserName,
    /// 32 bytes from the recovery code.
    pub auth_key: Bytes,
}

/// Answer to `recovery_open`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryOpened {
    /// The account.
    pub account: AccountId,
    /// Sealed under the code.
    pub slot: VaultSlot,
    /// Newest encoded signed device list.
    pub device_list: Bytes,
}

/// `recovery_finish`: a new password, a new code and a next device list, in one transaction; ends all sessions and makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryFinishRequest {
    /// Whose account.
    pub name: UserName,
    /// From the code that is used up by this.
    pub auth_key: Bytes,
    /// New password half.
    pub password: PasswordEntry,
    /// New recovery half.
    pub recovery: RecoveryEntry,
    /// Next version, with the raised vault version (devices as they are; the new device follows by `POST /api/v1/devices`).
    pub device_list: Bytes,
}

/// Who is signed in, for the first page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoAmI {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: UserName,
}

/// One row of the list of sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Names the session; not its token.
    pub session: SessionId,
    /// Browser and system, from the User-Agent at sign-in, shortened ("Chromium on Linux").
    pub label: String,
    /// Sign-in time.
    pub created_at: Millis,
    /// Last request, to the minute.
    pub last_seen_at: Millis,
    /// Whether the asking session is this one.
    pub current: bool,
    /// The device that it is bound to; none before one was made or found.
    pub device: Option<DeviceId>,
}

/// Error of every account server function. `retry_after` is in seconds and set with `too_many_tries`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountError {
    /// Stable code.
    pub code: crate::ErrorCode,
    /// Seconds to wait before another try.
    pub retry_after: Option<u32>,
}

impl From<crate::ErrorCode> for AccountError {
    fn from(code: crate::ErrorCode) -> Self {
        Self { code, retry_after: None }
    }
}
