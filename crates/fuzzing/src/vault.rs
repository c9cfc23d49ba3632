//! The account's sealed secrets, the wraps in this browser's profile, and the recovery code as typed.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use sotto_client::identity::AccountIdentity;
use sotto_client::recovery::Code;
use sotto_client::seal::{self, Wrap};
use sotto_client::vault::{SlotKind, Vault};
use sotto_protocol::accounts::VaultSlot;
use sotto_protocol::{AccountId, Bytes, limits};

use crate::choose;

pub(crate) const SLOT_KEY: [u8; 32] = [0x22; 32];
pub(crate) const VERSION: u64 = 7;

/// Whose slots the target opens.
pub(crate) fn account() -> AccountIdentity {
    AccountIdentity::from_secret(&[0x33; 32])
}

/// A slot as the server hands it out (0), contents under the right key (1), a wrap of a storage key (2), a typed recovery code (3).
pub fn vault(data: &[u8]) -> bool {
    match choose(data, 4) {
        Some((0, rest)) => {
            let opened = [SlotKind::Password, SlotKind::Recovery].map(|kind| open(rest.to_vec(), kind));
            for vault in opened.iter().flatten() {
                assert_eq!(vault.identity().account(), account().account());
                assert!(rest.len() <= limits::VAULT_SLOT);
            }
            let count = opened.iter().flatten().count();
            assert!(count < 2, "one slot under two names");
            count == 1
        }
        Some((1, rest)) => contents(rest),
        Some((2, rest)) => {
            let opened = [Wrap::Keep, Wrap::Lock].map(|wrap| seal::unwrap_key(&SLOT_KEY, wrap, account().account(), rest));
            for key in opened.iter().flatten() {
                assert_eq!(key.bytes().as_slice(), [0x44; 32]);
            }
            let count = opened.iter().flatten().count();
            assert!(count < 2, "one wrap for two purposes");
            count == 1
        }
        Some((_, rest)) => {
            let typed = core::str::from_utf8(rest).ok();
            let Some(code) = typed.and_then(|typed| Code::parse(typed).ok()) else { return false };
            let text = code.to_text().0;
            let again = Code::parse(&text).expect("what is shown can be typed");
            assert_eq!(again.to_text().0, text);
            assert_eq!(again.keys().map(|keys| keys.auth_key), code.keys().map(|keys| keys.auth_key));
            true
        }
        None => false,
    }
}

fn open(sealed: Vec<u8>, kind: SlotKind) -> Result<Vault, sotto_protocol::ErrorCode> {
    Vault::open(&VaultSlot { version: VERSION, sealed: Bytes(sealed) }, &SLOT_KEY, account().account(), kind)
}

/// Contents that whoever has the key sealed: only those of this account open, and they seal and open again.
fn contents(plain: &[u8]) -> bool {
    let Ok(vault) = open(sealed(plain, account().account()), SlotKind::Password) else { return false };
    assert_eq!(vault.identity().account(), account().account(), "another account's identity");
    let slot = vault.seal(&SLOT_KEY, account().account(), SlotKind::Password, VERSION).expect("there is randomness");
    assert!(slot.sealed.0.len() <= limits::VAULT_SLOT);
    let again = Vault::open(&slot, &SLOT_KEY, account().account(), SlotKind::Password).expect("what was sealed opens");
    assert_eq!((&again.archive_root, again.archive_version), (&vault.archive_root, vault.archive_version));
    true
}

/// A slot after docs/PROTOCOL.md, written a second time here: what the product opens is what the page says.
pub(crate) fn sealed(plain: &[u8], account: AccountId) -> Vec<u8> {
    let (salt, nonce) = ([5; 32], [6; 12]);
    let aad = [account.as_bytes().as_slice(), &[1], &VERSION.to_be_bytes()].concat();
    let mut keys = [0; 64];
    Hkdf::<Sha256>::new(Some(&salt), &SLOT_KEY).expand_multi_info(&[b"sotto vault v1", &aad], &mut keys).expect("64 bytes can be expanded");
    let (enc, commit) = keys.split_at(32);
    let key = Key::<Aes256Gcm>::try_from(enc).expect("32 bytes");
    let ciphertext = Aes256Gcm::new(&key).encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: &aad }).expect("short enough");
    [&[1], salt.as_slice(), &nonce, commit, &ciphertext].concat()
}
