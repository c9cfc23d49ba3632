//! The archive: pages of one account, written in turn by its devices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::kit::*;
use crate::rig::*;
use sotto_protocol::api::{ArchivePage, DeleteShelves, PageWanted, PagesPut, PutPages, ReadPages};
use sotto_protocol::{Bytes, ErrorCode, ShelfId, limits};

const SHELF: ShelfId = ShelfId([7; 16]);

fn page(number: u64, version: u64, sealed: &[u8]) -> ArchivePage {
    ArchivePage { shelf: SHELF, page: number, version, sealed: Bytes(sealed.to_vec()) }
}

fn put(pages: &[ArchivePage]) -> PutPages {
    PutPages { pages: pages.to_vec() }
}

fn newest(below: Option<u64>) -> ReadPages {
    ReadPages { wanted: vec![PageWanted { shelf: SHELF, below }] }
}

// Fails without the condition on the version in the store's `put`, in either store.
#[tokio::test]
async fn a_page_is_written_over_the_version_before_it_alone() {
    let rig = rig().await;
    let mira = Person::signed_up(&rig.backend, "mira").await;
    let first = rig.backend.put_pages(mira.caller(), put(&[page(0, 1, b"one"), page(1, 1, b"two")])).await.unwrap();
    assert_eq!(first, PagesPut { refused: Vec::new() });
    // The second of two devices that saw version 1, one that saw nothing, and one that goes on.
    rig.backend.put_pages(mira.caller(), put(&[page(1, 2, b"two and more")])).await.unwrap();
    let late = rig.backend.put_pages(mira.caller(), put(&[page(1, 2, b"lost"), page(0, 1, b"lost"), page(1, 3, b"three")])).await.unwrap();
    assert_eq!(late.refused, [0, 1]);
    let read = rig.backend.read_pages(mira.caller(), newest(None)).await.unwrap();
    assert_eq!((read.pages, read.looked), (vec![page(1, 3, b"three")], 1));
    let read = rig.backend.read_pages(mira.caller(), newest(Some(1))).await.unwrap();
    assert_eq!(read.pages, [page(0, 1, b"one")]);
    assert!(rig.backend.read_pages(mira.caller(), newest(Some(0))).await.unwrap().pages.is_empty());
}

// Fails without the account in any one of the store's statements.
#[tokio::test]
async fn nobody_reads_writes_or_deletes_anothers_pages() {
    let rig = rig().await;
    let (mira, eve) = (Person::signed_up(&rig.backend, "mira").await, Person::signed_up(&rig.backend, "eve").await);
    rig.backend.put_pages(mira.caller(), put(&[page(0, 1, b"hers")])).await.unwrap();
    assert!(rig.backend.read_pages(eve.caller(), newest(None)).await.unwrap().pages.is_empty());
    rig.backend.put_pages(eve.caller(), put(&[page(0, 1, b"eve's")])).await.unwrap();
    assert_eq!(rig.backend.put_pages(eve.caller(), put(&[page(0, 3, b"x")])).await.unwrap().refused, [0]);
    rig.backend.delete_shelves(eve.caller(), DeleteShelves { shelves: Some(vec![SHELF]) }).await.unwrap();
    rig.backend.put_pages(eve.caller(), put(&[page(0, 1, b"again")])).await.unwrap();
    rig.backend.delete_shelves(eve.caller(), DeleteShelves { shelves: None }).await.unwrap();
    assert!(rig.backend.read_pages(eve.caller(), newest(None)).await.unwrap().pages.is_empty());
    assert_eq!(rig.backend.read_pages(mira.caller(), newest(None)).await.unwrap().pages, [page(0, 1, b"hers")]);
}

// Fails without each of the checks in `put_pages` and in the store's.
#[tokio::test]
async fn an_archive_has_limits_and_a_refusal_changes_nothing() {
    let rig = rig_with(|config| config.archive_bytes = 10).await;
    let mut mira = Person::signed_up(&rig.backend, "mira").await;
    rig.backend.put_pages(mira.caller(), put(&[page(0, 1, b"12345678")])).await.unwrap();
    let before = rig.dump().await;
    let cases = [
        (put(&[page(0, 2, b"1"), page(1, 1, b"1234567890")]), ErrorCode::ArchiveFull),
        (put(&[page(1, 0, b"")]), ErrorCode::Malformed),
        (put(&vec![page(1, 1, b""); limits::ARCHIVE_BATCH + 1]), ErrorCode::TooLarge),
        (put(&[page(1, 1, &vec![0; limits::ARCHIVE_PAGE + 1])]), ErrorCode::TooLarge),
    ];
    for (number, (request, code)) in cases.into_iter().enumerate() {
        assert_eq!(rig.backend.put_pages(mira.caller(), request).await.unwrap_err().code, code, "case {number}");
    }
    assert_eq!(rig.dump().await, before);
    // Less is always taken.
    rig.backend.put_pages(mira.caller(), put(&[page(0, 2, b"1")])).await.unwrap();
    // A device that is no more writes nothing.
    let old = mira.caller().clone();
    mira.replace_device(&rig.backend).await;
    assert_eq!(rig.backend.put_pages(&old, put(&[page(0, 3, b"")])).await.unwrap_err().code, ErrorCode::DeviceUnknown);
}
