//! The archive's pages: what an account's devices have shown of a room, sealed for each other under the archive root of the vault.
//!
//! A page stands for [`ARCHIVE_PAGE_SEQS`] positions of the room's log, so whatever device writes it writes the same. It is padded, and lies on
//! a shelf whose name says nothing of the room. Whoever has the root reads all of it: what is archived has no forward secrecy.

use std::collections::BTreeMap;

use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use sha2::Sha256;
use sotto_protocol::api::ArchivePage;
use sotto_protocol::limits::{ARCHIVE_PAGE, ARCHIVE_PAGE_SEQS};
use sotto_protocol::{AccountId, Bytes, ErrorCode, RoomId, Seq, ShelfId, codec};
use zeroize::Zeroizing;

use crate::choices::Choices;
use crate::committing;
use crate::records::{ContactRecord, EntryKindRecord, EntryRecord};

const LABEL: &[u8] = b"sotto archive page v1";
const CHOICES: &[u8] = b"sotto choices v1";
/// Smallest padded page; larger ones are padded to the next power of two, from [`LARGE`] on to quarters of it.
const BUCKET: usize = 4 * 1024;
const LARGE: usize = 1024 * 1024;
/// More than what sealing adds.
const SEAL: usize = 256;

/// What an account's devices seal pages with.
pub struct ArchiveKey {
    key: Zeroizing<[u8; 32]>,
    account: AccountId,
}

/// What a device has of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Whose log.
    pub room: RoomId,
    /// Which stretch of it.
    pub number: u64,
    /// Lines by position.
    pub entries: BTreeMap<Seq, EntryRecord>,
    /// The people in these lines, as the device that wrote them knew them.
    pub people: Vec<ContactRecord>,
    /// A bit for each position, lowest first: what an own device has shown there is on the page, also where that is nothing.
    pub seen: u64,
}

#[derive(Encode, Decode)]
struct Contents {
    #[n(0)]
    room: RoomId,
    #[n(1)]
    entries: Vec<EntryRecord>,
    #[n(2)]
    people: Vec<ContactRecord>,
    #[n(3)]
    #[cbor(default)]
    seen: u64,
}

/// The page that a position belongs to.
#[must_use]
pub const fn page_of(seq: Seq) -> u64 {
    seq / ARCHIVE_PAGE_SEQS
}

/// First and last position of a page.
#[must_use]
pub const fn seqs_of(page: u64) -> (Seq, Seq) {
    let first = page.saturating_mul(ARCHIVE_PAGE_SEQS);
    (first, first.saturating_add(ARCHIVE_PAGE_SEQS - 1))
}

/// The bits of [`Page::seen`] of the positions `from` to `upto` that are on a page.
#[must_use]
pub fn bits_of(page: u64, from: Seq, upto: Seq) -> u64 {
    let (first, last) = seqs_of(page);
    (from.max(first)..=upto.min(last)).fold(0, |bits, seq| bits | 1 << (seq - first))
}

/// Whether a line is of the room and not of the device that shows it.
#[must_use]
pub const fn is_archived(line: &EntryKindRecord) -> bool {
    matches!(
        line,
        EntryKindRecord::Text { .. }
            | EntryKindRecord::Created { .. }
            | EntryKindRecord::NewDevice { .. }
            | EntryKindRecord::Members { .. }
            | EntryKindRecord::Named { .. }
            | EntryKindRecord::Described { .. }
            | EntryKindRecord::Pictured { .. }
            | EntryKindRecord::Shared { .. }
    )
}

impl ArchiveKey {
    /// The key of an account's archive root.
    ///
    /// # Errors
    /// `internal` never happens for a key of this length.
    pub fn of(root: &[u8; 32], account: AccountId) -> Result<Self, ErrorCode> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, root).expand(b"sotto archive v1", key.as_mut_slice()).map_err(|_| ErrorCode::Internal)?;
        Ok(Self { key, account })
    }

    /// The key as it lies in a sealed row.
    #[must_use]
    pub fn from_bytes(key: &[u8; 32], account: AccountId) -> Self {
        Self { key: Zeroizing::new(*key), account }
    }

    /// For a sealed row.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// The shelf of a room.
    ///
    /// # Errors
    /// `internal` never happens for a name of this length.
    pub fn shelf(&self, room: RoomId) -> Result<ShelfId, ErrorCode> {
        self.shelf_named(&[b"sotto archive shelf v1", room.as_bytes()])
    }

    fn shelf_named(&self, info: &[&[u8]]) -> Result<ShelfId, ErrorCode> {
        let mut shelf = [0; 16];
        let expand = Hkdf::<Sha256>::new(None, self.key.as_slice()).expand_multi_info(info, &mut shelf);
        expand.map_err(|_| ErrorCode::Internal)?;
        Ok(ShelfId(shelf))
    }

    /// Seals a page as its `version`th writing.
    ///
    /// # Errors
    /// `too_large` for more text than fits a page; `unsupported` without a random generator.
    pub fn seal(&self, page: &Page, version: u64) -> Result<ArchivePage, ErrorCode> {
        let contents =
            Contents { room: page.room, entries: page.entries.values().cloned().collect(), people: page.people.clone(), seen: page.seen };
        self.seal_as(LABEL, (self.shelf(page.room)?, page.number), version, &contents)
    }

    /// Opens what [`Self::seal`] made of this room.
    ///
    /// # Errors
    /// `not_authentic`: of another account, room or page, altered, or with lines that do not belong on this page.
    pub fn open(&self, room: RoomId, stored: &ArchivePage) -> Result<Page, ErrorCode> {
        if stored.shelf != self.shelf(room)? {
            return Err(ErrorCode::NotAuthentic);
        }
        let contents: Contents = self.open_as(LABEL, (stored.shelf, stored.page), stored)?;
        let (first, last) = seqs_of(stored.page);
        let fits = |record: &EntryRecord| (first..=last).contains(&record.seq) && is_archived(&record.body);
        if contents.room != room || !contents.entries.iter().all(fits) {
            return Err(ErrorCode::NotAuthentic);
        }
        let entries = contents.entries.into_iter().map(|record| (record.seq, record)).collect();
        Ok(Page { room, number: stored.page, entries, people: contents.people, seen: contents.seen })
    }

    /// The shelf of the account's choices ([`Choices`]), which has one page.
    ///
    /// # Errors
    /// `internal` never happens for a name of this length.
    pub fn choices_shelf(&self) -> Result<ShelfId, ErrorCode> {
        self.shelf_named(&[b"sotto choices shelf v1"])
    }

    /// Seals the choices as their `version`th writing.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_choices(&self, choices: &Choices, version: u64) -> Result<ArchivePage, ErrorCode> {
        self.seal_as(CHOICES, (self.choices_shelf()?, 0), version, choices)
    }

    /// Opens what [`Self::seal_choices`] made.
    ///
    /// # Errors
    /// `not_authentic`: of another account, no choices, or altered.
    pub fn open_choices(&self, stored: &ArchivePage) -> Result<Choices, ErrorCode> {
        self.open_as(CHOICES, (self.choices_shelf()?, 0), stored)
    }

    fn seal_as(
        &self,
        label: &[u8],
        (shelf, page): (ShelfId, u64),
        version: u64,
        contents: &impl Encode<()>,
    ) -> Result<ArchivePage, ErrorCode> {
        let sealed = committing::seal(&self.key, label, &self.aad(shelf, page), &pad(codec::encode(contents))?)?;
        Ok(ArchivePage { shelf, page, version, sealed: Bytes(sealed) })
    }

    fn open_as<T: for<'b> Decode<'b, ()>>(
        &self,
        label: &[u8],
        (shelf, page): (ShelfId, u64),
        stored: &ArchivePage,
    ) -> Result<T, ErrorCode> {
        let plain = committing::open(&self.key, label, &self.aad(shelf, page), stored.sealed.as_slice()).ok_or(ErrorCode::NotAuthentic)?;
        unpad(&plain).and_then(|encoded| codec::decode(encoded, ARCHIVE_PAGE).ok()).ok_or(ErrorCode::NotAuthentic)
    }

    /// Of one length: account, shelf, page.
    fn aad(&self, shelf: ShelfId, page: u64) -> [u8; 56] {
        let mut aad = [0; 56];
        aad[..32].copy_from_slice(self.account.as_bytes());
        aad[32..48].copy_from_slice(shelf.as_bytes());
        aad[48..].copy_from_slice(&page.to_be_bytes());
        aad
    }
}

impl core::fmt::Debug for ArchiveKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ArchiveKey(…)")
    }
}

/// Length (4 bytes), text, zeros.
fn pad(text: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, ErrorCode> {
    let text = Zeroizing::new(text);
    let length = u32::try_from(text.len()).map_err(|_| ErrorCode::TooLarge)?;
    let needed = text.len() + 4;
    let bucket = if needed > LARGE { needed.next_multiple_of(LARGE / 4) } else { needed.next_power_of_two().max(BUCKET) };
    if bucket > ARCHIVE_PAGE - SEAL {
        return Err(ErrorCode::TooLarge);
    }
    let mut padded = Zeroizing::new(Vec::with_capacity(bucket));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(&text);
    padded.resize(bucket, 0);
    Ok(padded)
}

fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_at_checked(4)?;
    let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
    rest.get(..length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sotto_protocol::{DeviceId, MessageId};

    use super::*;

    const ROOM: RoomId = RoomId([5; 16]);

    fn key() -> ArchiveKey {
        ArchiveKey::of(&[1; 32], AccountId([2; 32])).unwrap()
    }

    fn text(seq: Seq, text: &str) -> EntryRecord {
        let body = EntryKindRecord::Text {
            shared: None,
            id: MessageId([3; 16]),
            author: AccountId([2; 32]),
            device: DeviceId([4; 16]),
            text: text.into(),
            wire_hash: Bytes(vec![0; 32]),
        };
        EntryRecord { seq, at: seq * 1_000, body, missing: 0 }
    }

    fn page(number: u64, entries: impl IntoIterator<Item = EntryRecord>) -> Page {
        Page { room: ROOM, number, entries: entries.into_iter().map(|record| (record.seq, record)).collect(), people: Vec::new(), seen: 0 }
    }

    #[test]
    fn a_page_comes_back_whole() {
        let page = page(1, [text(64, "first"), text(127, "last")]);
        let stored = key().seal(&page, 3).unwrap();
        assert_eq!((stored.page, stored.version), (1, 3));
        assert_eq!(key().open(ROOM, &stored).unwrap(), page);
        assert_eq!((page_of(63), page_of(64), seqs_of(1)), (0, 1, (64, 127)));
    }

    // Fails without `pad`, and without any one part of `aad`.
    #[test]
    fn pages_of_a_few_texts_have_one_size_and_open_as_what_they_are_alone() {
        let few = key().seal(&page(0, [text(1, "a")]), 1).unwrap();
        let more = key().seal(&page(0, (1..8).map(|seq| text(seq, &"b".repeat(200)))), 1).unwrap();
        assert_eq!(few.sealed.0.len(), more.sealed.0.len());
        let refused = Err(ErrorCode::NotAuthentic);
        assert_eq!(ArchiveKey::of(&[1; 32], AccountId([9; 32])).unwrap().open(ROOM, &few), refused);
        assert_eq!(ArchiveKey::of(&[9; 32], AccountId([2; 32])).unwrap().open(ROOM, &few), refused);
        assert_eq!(key().open(RoomId([6; 16]), &few), refused);
        assert_eq!(key().open(ROOM, &ArchivePage { page: 1, ..few.clone() }), refused);
        assert_eq!(key().open(ROOM, &ArchivePage { shelf: ShelfId([0; 16]), ..few.clone() }), refused);
        for index in [0, 40, 80, few.sealed.0.len() - 1] {
            let mut bent = few.clone();
            bent.sealed.0[index] ^= 1;
            assert_eq!(key().open(ROOM, &bent), refused, "byte {index}");
        }
    }

    // Fails without `fits` in `open`.
    #[test]
    fn lines_that_do_not_belong_on_a_page_are_refused() {
        assert_eq!(key().open(ROOM, &key().seal(&page(0, [text(64, "of the next")]), 1).unwrap()), Err(ErrorCode::NotAuthentic));
        let own = EntryRecord { body: EntryKindRecord::JoinedHere, ..text(3, "") };
        assert_eq!(key().open(ROOM, &key().seal(&page(0, [own]), 1).unwrap()), Err(ErrorCode::NotAuthentic));
    }

    #[test]
    fn the_longest_texts_fit_a_page() {
        let longest = "x".repeat(sotto_protocol::limits::TEXT);
        let full = page(0, (0..ARCHIVE_PAGE_SEQS).map(|seq| text(seq, &longest)));
        assert!(key().seal(&full, 1).unwrap().sealed.0.len() <= ARCHIVE_PAGE);
    }
}
