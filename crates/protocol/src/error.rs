//! Stable error codes. A code never changes its text; sentences for people live in `app`.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $n:literal $name:ident $text:literal $status:literal,)*) => {
        /// What went wrong, for programs: sent as a number in CBOR and as its text in JSON.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
        #[cbor(index_only)]
        pub enum ErrorCode {
            $($(#[$doc])* #[n($n)] #[serde(rename = $text)] $name,)*
        }

        impl ErrorCode {
            /// The stable text of the code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that goes with the code.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The code of a stable text.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// Not the bytes that belong here.
    0 Malformed "malformed" 400,
    /// Over a size or count limit.
    1 TooLarge "too_large" 413,
    /// A frame or content kind that this side does not know.
    2 UnknownKind "unknown_kind" 400,
    /// No session, or one that ended.
    3 SignedOut "signed_out" 401,
    /// The request did not come from this site's own pages.
    4 WrongOrigin "wrong_origin" 403,
    /// The session may not do this.
    5 Forbidden "forbidden" 403,
    /// There is no such thing, or not for this account.
    6 NotFound "not_found" 404,
    /// Too many tries; see the seconds to wait.
    7 TooManyTries "too_many_tries" 429,
    /// The server can't do it now (disk full, busy, stopping). Nothing was changed; try again.
    8 Unavailable "unavailable" 503,
    /// A bug on the server's side. Nothing was changed.
    9 Internal "internal" 500,

    /// A user name of wrong length or characters.
    10 InvalidName "invalid_name" 422,
    /// A reserved user name.
    11 ReservedName "reserved_name" 422,
    /// The user name belongs to somebody.
    12 NameTaken "name_taken" 409,
    /// Name and password (or recovery code) don't belong together.
    13 WrongCredentials "wrong_credentials" 401,
    /// This server takes no new accounts.
    14 RegistrationClosed "registration_closed" 403,
    /// A password that everybody tries first.
    15 CommonPassword "common_password" 422,
    /// A password under the least length.
    16 ShortPassword "short_password" 422,
    /// The account has no recovery code.
    17 NoRecoveryCode "no_recovery_code" 404,
    /// A recovery code with a typing error (its check digits don't fit).
    18 MistypedRecoveryCode "mistyped_recovery_code" 422,

    /// The server asked for key derivation below the floor or above the ceiling.
    20 KdfRefused "kdf_refused" 422,
    /// The server asked for weaker key derivation than it did before.
    21 KdfWeakened "kdf_weakened" 422,
    /// The salt is another than before: was the password changed elsewhere? The person decides.
    22 KdfSaltChanged "kdf_salt_changed" 409,
    /// The vault does not open with this key.
    23 VaultDamaged "vault_damaged" 422,
    /// A device list that is not newer, or not signed by its account.
    24 DeviceListRefused "device_list_refused" 409,
    /// This device is not (or no longer) in its account's device list.
    25 DeviceUnknown "device_unknown" 403,
    /// The account has as many devices as it may have.
    26 TooManyDevices "too_many_devices" 409,

    /// The room is in another epoch; catch up and try again.
    30 StaleEpoch "stale_epoch" 409,
    /// A room for this pair exists; join it.
    31 RoomExists "room_exists" 409,
    /// The commit breaks a rule of the room or of MLS.
    32 CommitRefused "commit_refused" 422,
    /// The person has no key package to be added with.
    33 NoKeyPackage "no_key_package" 409,
    /// A key package, credential or signature that does not verify.
    34 NotAuthentic "not_authentic" 422,
    /// A suite or wire format that Sotto does not use.
    35 WrongSuite "wrong_suite" 422,
    /// A client clock more than an hour wrong.
    36 WrongClock "wrong_clock" 422,
    /// Retention took it, or it was never there.
    37 Gone "gone" 410,

    /// This browser's data does not open: damaged, or of another device.
    40 StorageDamaged "storage_damaged" 500,
    /// This browser's data can't be written now. Nothing was changed.
    41 StorageFull "storage_full" 507,
    /// The browser lacks something that Sotto needs.
    42 Unsupported "unsupported" 501,
    /// Another tab of this browser runs Sotto.
    43 OtherTab "other_tab" 409,
    /// No connection to the server.
    44 Offline "offline" 503,
    /// The lock passphrase is wrong.
    45 WrongPassphrase "wrong_passphrase" 401,
    /// The engine is not in a state to do this (for example not signed in).
    46 NotReady "not_ready" 409,
    /// Somebody's identity is another than the one this device remembers.
    47 IdentityChanged "identity_changed" 409,
    /// This browser lost its place in a room and takes it again.
    48 OutOfStep "out_of_step" 409,
    /// The members of a room are in different states of one epoch.
    49 Forked "forked" 409,
    /// This browser's data is an older copy of itself, or somebody has a copy.
    50 RolledBack "rolled_back" 409,
    /// The account has no leaf in this group any more.
    51 NotMember "not_member" 403,
    /// The server offers a device that its account has not signed.
    52 GhostDevice "ghost_device" 409,
    /// The server shows a room as it was once: the person decides.
    53 ServerBehind "server_behind" 409,
    /// The account's archive has no room left.
    54 ArchiveFull "archive_full" 507,
    /// The server shows an older device list of a contact than was seen or named, or another one of the same version.
    55 ContactListRefused "contact_list_refused" 409,
    /// Nobody else in the group is an owner, and a group keeps one: somebody else has to be made one first.
    56 LastOwner "last_owner" 409,
    /// The person has blocked the other side of this room.
    57 Blocked "blocked" 403,
    /// Somebody whom the person has blocked is not on the server's list any more.
    58 Unblocked "unblocked" 409,
    /// A link that invited into a group is used up, over or taken back.
    59 InviteEnded "invite_ended" 410,
    /// This account is about to leave the group: somebody else who is in it has to carry that out.
    60 Leaving "leaving" 409,
    /// The other side of this room has deleted its account.
    64 AccountDeleted "account_deleted" 410,
    /// The directory of keys is another one than was shown before or to others, or does not prove what it says.
    65 DirectoryRefused "directory_refused" 409,
}

impl core::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::error::Error for ErrorCode {}
