//! This browser's rows, sealed one by one under the storage key, and the storage key itself, wrapped.
//!
//! A row is counter (8 bytes, big-endian), nonce, ciphertext with tag. Table, key and counter are authenticated: a row moved
//! to another place or given another counter does not open. That a row is the newest is for the counter's reader to check.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use sotto_protocol::{AccountId, Bytes, ErrorCode};
use zeroize::Zeroizing;

use crate::io::Store;
use crate::{committing, random};

const NONCE: usize = 12;
const COUNTER: usize = 8;

/// The random key under which every row of this browser is sealed. Erased on drop.
pub struct StorageKey {
    bytes: Zeroizing<[u8; 32]>,
    cipher: Aes256Gcm,
}

impl StorageKey {
    /// A new key. Random nonces are safe for 2^32 rows, more writes than a browser's disk outlives.
    ///
    /// # Errors
    /// [`ErrorCode::Unsupported`] without a random generator.
    pub fn generate() -> Result<Self, ErrorCode> {
        random::secret().map(Self::from_bytes)
    }

    /// The key that a wrap held.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        let cipher = Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&*bytes));
        Self { bytes, cipher }
    }

    /// The key, for a wrap.
    #[must_use]
    pub fn bytes(&self) -> Zeroizing<[u8; 32]> {
        self.bytes.clone()
    }
}

impl core::fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("StorageKey(…)")
    }
}

/// A row that opened.
pub struct OpenedRow {
    /// The counter that it was sealed with.
    pub counter: u64,
    /// What was sealed.
    pub plain: Zeroizing<Vec<u8>>,
}

impl core::fmt::Debug for OpenedRow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OpenedRow({}, {} bytes)", self.counter, self.plain.len())
    }
}

/// Seals a row for its place.
///
/// # Errors
/// [`ErrorCode::Unsupported`] without a random generator; [`ErrorCode::TooLarge`] over 64 GiB.
pub fn seal_row(key: &StorageKey, store: Store, row_key: &[u8], counter: u64, plain: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    let nonce: [u8; NONCE] = random::bytes()?;
    let payload = Payload { msg: plain, aad: &row_aad(store, row_key, counter) };
    let ciphertext = key.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| ErrorCode::TooLarge)?;
    Ok([counter.to_be_bytes().as_slice(), &nonce, &ciphertext].concat())
}

/// Opens the row of a place.
///
/// # Errors
/// [`ErrorCode::StorageDamaged`]: another key or place, or altered bytes. Never treat it as "no row".
pub fn open_row(key: &StorageKey, store: Store, row_key: &[u8], sealed: &[u8]) -> Result<OpenedRow, ErrorCode> {
    let damaged = ErrorCode::StorageDamaged;
    let (counter, rest) = sealed.split_first_chunk::<COUNTER>().ok_or(damaged)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>().ok_or(damaged)?;
    let counter = u64::from_be_bytes(*counter);
    let payload = Payload { msg: ciphertext, aad: &row_aad(store, row_key, counter) };
    let plain = key.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| damaged)?;
    Ok(OpenedRow { counter, plain: Zeroizing::new(plain) })
}

/// Length of the name, name, counter, key: no two places share these bytes.
fn row_aad(store: Store, row_key: &[u8], counter: u64) -> Vec<u8> {
    let name = store.name().as_bytes();
    [&(name.len() as u64).to_be_bytes(), name, &counter.to_be_bytes(), row_key].concat()
}

/// What a wrap of the storage key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// Under the password's vault key: what "sign out and keep" leaves.
    Keep,
    /// Under the key of the lock passphrase.
    Lock,
}

impl Wrap {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Keep => b"sotto keep wrap v1",
            Self::Lock => b"sotto lock wrap v1",
        }
    }

    const fn refusal(self) -> ErrorCode {
        match self {
            Self::Keep => ErrorCode::StorageDamaged,
            Self::Lock => ErrorCode::WrongPassphrase,
        }
    }
}

/// Wraps the storage key, key-committing like the vault.
///
/// # Errors
/// [`ErrorCode::Unsupported`] without a random generator.
pub fn wrap_key(wrapping: &[u8; 32], wrap: Wrap, account: AccountId, key: &StorageKey) -> Result<Bytes, ErrorCode> {
    committing::seal(wrapping, wrap.label(), account.as_bytes(), key.bytes.as_slice()).map(Bytes)
}

/// Opens a wrap.
///
/// # Errors
/// [`ErrorCode::StorageDamaged`] for [`Wrap::Keep`] (another password sealed it, or altered bytes);
/// [`ErrorCode::WrongPassphrase`] for [`Wrap::Lock`].
pub fn unwrap_key(wrapping: &[u8; 32], wrap: Wrap, account: AccountId, wrapped: &[u8]) -> Result<StorageKey, ErrorCode> {
    let plain = committing::open(wrapping, wrap.label(), account.as_bytes(), wrapped).ok_or(wrap.refusal())?;
    let mut bytes = Zeroizing::new([0; 32]);
    if plain.len() != bytes.len() {
        return Err(wrap.refusal());
    }
    bytes.copy_from_slice(&plain);
    Ok(StorageKey::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn key(fill: u8) -> StorageKey {
        StorageKey::from_bytes(Zeroizing::new([fill; 32]))
    }

    #[test]
    fn a_row_comes_back_in_its_place_only() {
        let sealed = seal_row(&key(1), Store::State, b"room", 7, b"plaintext marker").unwrap();
        assert!(!sealed.windows(9).any(|window| window == b"plaintext"));
        let row = open_row(&key(1), Store::State, b"room", &sealed).unwrap();
        assert_eq!((row.counter, row.plain.as_slice()), (7, b"plaintext marker".as_slice()));

        let damaged = Some(ErrorCode::StorageDamaged);
        assert_eq!(open_row(&key(2), Store::State, b"room", &sealed).err(), damaged);
        assert_eq!(open_row(&key(1), Store::Entries, b"room", &sealed).err(), damaged);
        assert_eq!(open_row(&key(1), Store::State, b"rooms", &sealed).err(), damaged);
        assert_eq!(open_row(&key(1), Store::State, b"", &sealed).err(), damaged);
        assert_ne!(sealed, seal_row(&key(1), Store::State, b"room", 7, b"plaintext marker").unwrap());
    }

    // Fails without the counter in `row_aad` (its bytes would then be free to change).
    #[test]
    fn r50_every_flipped_bit_of_a_row_is_refused() {
        let sealed = seal_row(&key(1), Store::Entries, &[9; 24], u64::MAX - 1, b"row").unwrap();
        for index in 0..sealed.len() {
            for bit in 0..8 {
                let mut bent = sealed.clone();
                bent[index] ^= 1 << bit;
                let opened = open_row(&key(1), Store::Entries, &[9; 24], &bent);
                assert_eq!(opened.err(), Some(ErrorCode::StorageDamaged), "byte {index} bit {bit}");
            }
            assert!(open_row(&key(1), Store::Entries, &[9; 24], &sealed[..index]).is_err());
        }
    }

    #[test]
    fn the_storage_key_comes_out_of_its_own_wrap_only() {
        let (storage, account) = (StorageKey::generate().unwrap(), AccountId([4; 32]));
        let keep = wrap_key(&[1; 32], Wrap::Keep, account, &storage).unwrap();
        let lock = wrap_key(&[2; 32], Wrap::Lock, account, &storage).unwrap();
        assert_eq!(unwrap_key(&[1; 32], Wrap::Keep, account, keep.as_slice()).unwrap().bytes(), storage.bytes());
        assert_eq!(unwrap_key(&[2; 32], Wrap::Lock, account, lock.as_slice()).unwrap().bytes(), storage.bytes());

        let (damaged, wrong) = (Some(ErrorCode::StorageDamaged), Some(ErrorCode::WrongPassphrase));
        assert_eq!(unwrap_key(&[9; 32], Wrap::Keep, account, keep.as_slice()).err(), damaged);
        assert_eq!(unwrap_key(&[9; 32], Wrap::Lock, account, lock.as_slice()).err(), wrong);
        assert_eq!(unwrap_key(&[1; 32], Wrap::Lock, account, keep.as_slice()).err(), wrong);
        assert_eq!(unwrap_key(&[1; 32], Wrap::Keep, AccountId([5; 32]), keep.as_slice()).err(), damaged);
        assert_eq!(unwrap_key(&[1; 32], Wrap::Keep, account, &[]).err(), damaged);
    }
}
