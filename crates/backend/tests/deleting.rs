//! Deleting an account: what goes, what stays, and who hears of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::kit::*;
use crate::rig::*;
use sotto_protocol::accounts::DeleteAccountRequest;
use sotto_protocol::api::{ArchivePage, BlockPerson, PutPages};
use sotto_protocol::device_list::DeviceList;
use sotto_protocol::frames::{Entry, EntryKind};
use sotto_protocol::{Bytes, ErrorCode, ShelfId, limits};

/// The list that ends an account.
fn last_list(person: &Person) -> Bytes {
    person.signed(&person.next_list(Vec::new()))
}

async fn delete(rig: &Rig, person: &Person, device_list: Bytes) -> Result<(), ErrorCode> {
    let answer = rig.backend.delete_account(&ctx(), person.caller(), DeleteAccountRequest { device_list }).await;
    answer.map_err(|error| error.code)
}

async fn newest(rig: &Rig, person: &Person, seat: &Seat) -> Entry {
    rig.backend.read_after(person.caller(), seat.room, 0, 64, limits::SYNC_FRAME).await.unwrap().pop().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names of the tables in which a value stands.
async fn tables_with(rig: &Rig, value: &[u8]) -> Vec<String> {
    let value = hex(value);
    let mut tables: Vec<String> =
        rig.dump().await.iter().filter(|line| line.contains(&value)).map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    tables.dedup();
    tables
}

// Fails without any one statement of `OF_AN_ACCOUNT`, of the UPDATE in `delete`, or without the filter of `find_account`,
// `find_account_by_id` and `search_people`.
#[tokio::test]
async fn r70_deletion_what_is_an_accounts_own_goes_and_its_name_stays_taken() {
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let mut seat = mira.room(&rig.backend, &noor).await;
    mira.send(&rig.backend, &mut seat, "good evening").await.unwrap();
    let alone = noor.group(&rig.backend).await;
    rig.backend.block(noor.caller(), BlockPerson { account: mira.account() }).await.unwrap();
    let page = ArchivePage { shelf: ShelfId([7; 16]), page: 0, version: 1, sealed: Bytes(b"page of hers".to_vec()) };
    rig.backend.put_pages(noor.caller(), PutPages { pages: vec![page] }).await.unwrap();
    let second = rig.backend.sign_in(&ctx(), None, noor.sign_in_request()).await.unwrap();
    let socket = rig.backend.subscribe(noor.caller()).unwrap();
    assert!(socket.watch(seat.room));
    let before = tables_with(&rig, &noor.account().0).await;
    assert!(
        ["sessions", "key_packages", "devices", "archive", "blocks", "members"].iter().all(|table| before.iter().any(|of| of == table))
    );

    let last = last_list(&noor);
    delete(&rig, &noor, last.clone()).await.unwrap();
    assert_eq!(tables_with(&rig, &noor.account().0).await, ["accounts", "log", "members", "pairs"]);
    assert!(tables_with(&rig, &alone.room.0).await.is_empty(), "a room in which nobody else is");
    let request = noor.sign_up_request();
    for gone in [request.password.slot.sealed.as_slice(), request.recovery.slot.sealed.as_slice(), request.password.kdf.salt.as_slice()] {
        assert!(tables_with(&rig, gone).await.is_empty());
    }
    assert_eq!(socket.changed().await.ended, Some(ErrorCode::SignedOut));
    assert!(rig.backend.authenticate(&ctx(), &second.token).await.is_err());
    let sign_in = rig.backend.sign_in(&ctx(), None, noor.sign_in_request()).await;
    assert_eq!(sign_in.unwrap_err().code, ErrorCode::WrongCredentials);
    let nobody = rig.backend.login_params(&ctx(), &name("nobody")).await.unwrap();
    assert_eq!(rig.backend.login_params(&ctx(), &noor.name).await.unwrap().memory_kib, nobody.memory_kib, "as a name that nobody has");
    assert!(rig.backend.search_people(&ctx(), mira.caller(), "noor").await.unwrap().people.is_empty());
    let again = Person::new("noor").sign_up(&rig.backend).await;
    assert_eq!(again.unwrap_err().code, ErrorCode::NameTaken);

    // Others hear of it, with what proves it.
    let entry = newest(&rig, &mira, &seat).await;
    assert_eq!((entry.kind, entry.account, &entry.bytes), (EntryKind::Deleted, noor.account(), &last));
    assert_eq!(rig.backend.devices(&ctx(), mira.caller(), noor.account()).await.unwrap().device_list, last);
    assert_eq!(rig.backend.rooms(mira.caller()).await.unwrap().rooms[0].members.len(), 2, "the leaf is there still");
    assert!(mira.send(&rig.backend, &mut seat, "anybody?").await.is_ok());

    // With the last of them the room goes.
    delete(&rig, &mira, last_list(&mira)).await.unwrap();
    assert!(tables_with(&rig, &seat.room.0).await.is_empty());
}

// Fails without the condition on `devices` in `delete_account`, or without `check_owners`.
#[tokio::test]
async fn r70_deletion_what_the_accounts_key_has_not_signed_so_changes_nothing() {
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let mut group = mira.group(&rig.backend).await;
    let add = mira.add(&mut group, &noor);
    rig.backend.upload_commit(&ctx(), mira.caller(), group.room, add).await.unwrap();
    let one = noor.list.devices.clone();
    let skipping = DeviceList { version: noor.list.version + 2, ..noor.next_list(Vec::new()) };
    let refused = [
        (noor.signed(&noor.list), ErrorCode::DeviceListRefused),
        (noor.signed(&noor.next_list(one)), ErrorCode::DeviceListRefused),
        (noor.signed(&skipping), ErrorCode::DeviceListRefused),
        (last_list(&mira), ErrorCode::NotAuthentic),
        (mira.signed(&noor.next_list(Vec::new())), ErrorCode::NotAuthentic),
        (Bytes(vec![0; limits::DEVICE_LIST + 1]), ErrorCode::TooLarge),
    ];
    let before = rig.dump().await;
    for (number, (list, code)) in refused.into_iter().enumerate() {
        assert_eq!(delete(&rig, &noor, list).await, Err(code), "case {number}");
    }
    assert_eq!(delete(&rig, &mira, last_list(&mira)).await, Err(ErrorCode::LastOwner), "noor would be without an owner");
    assert_eq!(rig.dump().await, before);
    delete(&rig, &noor, last_list(&noor)).await.unwrap();
    // Nobody but the deleted one is left there, whose leaf is no person.
    assert_eq!(delete(&rig, &mira, last_list(&mira)).await, Ok(()));
}
