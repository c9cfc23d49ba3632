//! The directory: what it proves, and what an audit finds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::kit::*;
use crate::rig::{Kind, Rig, rig};
use sotto_protocol::accounts::DeleteAccountRequest;
use sotto_protocol::directory::{DirectoryEntry, LookUp, LookedUp};
use sotto_protocol::{Bytes, ErrorCode, limits};
use sotto_rules::directory::{DirectoryFault, NO_CHAIN, next_chain, verify_history, verify_lookup, verify_root};
use sotto_rules::identity::device_list_hash;

async fn look_up(rig: &Rig, person: &Person, names: &[&str]) -> LookedUp {
    let request = LookUp { names: names.iter().map(|text| name(text)).collect() };
    rig.backend.directory_lookup(&ctx(), person.caller(), request).await.unwrap()
}

fn entry_of(person: &Person) -> DirectoryEntry {
    DirectoryEntry { account: person.account(), version: person.list.version, hash: Bytes(device_list_hash(&person.list).to_vec()) }
}

// Fails without `published = 0` in `put_list` (the new list is not entered), and when `publish` enters another list than the newest.
#[tokio::test]
async fn r71_transparency_a_name_stands_for_its_account_and_newest_list_at_once() {
    let rig = rig().await;
    let (mira, mut noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let first = look_up(&rig, &mira, &["noor", "nobody"]).await;
    let (root, keys) = verify_root(&first.at, None).unwrap();
    let proof = first.proofs[0].clone().unwrap();
    assert_eq!(verify_lookup(&keys, &root, &noor.name, proof.as_slice()), Ok(entry_of(&noor)));
    assert!(first.proofs[1].is_none());
    assert_eq!(verify_lookup(&keys, &root, &mira.name, proof.as_slice()), Err(DirectoryFault::Proof), "of another name");

    let former = entry_of(&noor);
    noor.replace_device(&rig.backend).await;
    let second = look_up(&rig, &mira, &["noor"]).await;
    let (newer, _) = verify_root(&second.at, Some(&keys)).unwrap();
    let newest = second.proofs[0].clone().unwrap();
    assert_eq!(verify_lookup(&keys, &newer, &noor.name, newest.as_slice()), Ok(entry_of(&noor)));
    assert_eq!(verify_lookup(&keys, &newer, &noor.name, proof.as_slice()), Err(DirectoryFault::Proof), "no more");
    let history = rig.backend.directory_history(&ctx(), noor.caller()).await.unwrap();
    assert_eq!(verify_history(&keys, &newer, &noor.name, history.proof.as_slice()), Ok(vec![entry_of(&noor), former]));

    // Who deletes the account stays in it, with the list that says so.
    let last = noor.next_list(Vec::new());
    let request = DeleteAccountRequest { device_list: noor.signed(&last) };
    rig.backend.delete_account(&ctx(), noor.caller(), request).await.unwrap();
    let third = look_up(&rig, &mira, &["noor"]).await;
    let (root, _) = verify_root(&third.at, Some(&keys)).unwrap();
    let found = verify_lookup(&keys, &root, &noor.name, third.proofs[0].clone().unwrap().as_slice()).unwrap();
    assert_eq!((found.account, found.version), (noor.account(), last.version));
}

// Fails without `before` in the answer's chain, and without `put_epoch`'s chain of the one before.
#[tokio::test]
async fn r71_transparency_roots_are_chained_and_outlive_a_restart() {
    let rig = rig().await;
    let mira = Person::ready(&rig.backend, "mira").await;
    let first = rig.backend.directory_head(&ctx(), mira.caller(), 0).await.unwrap();
    let (start, keys) = verify_root(&first.newest, None).unwrap();
    for name in ["noor", "olga"] {
        Person::ready(&rig.backend, name).await;
        rig.backend.directory_head(&ctx(), mira.caller(), 0).await.unwrap();
    }
    let rig = match crate::STORE {
        Kind::Sqlite => rig.reopen(|_| {}).await,
        Kind::Memory => rig,
    };
    let told = rig.backend.directory_head(&ctx(), mira.caller(), start.epoch).await.unwrap();
    let (newest, _) = verify_root(&told.newest, Some(&keys)).unwrap();
    assert_eq!(
        (told.first, told.before.0.as_slice(), told.roots.len() as u64),
        (start.epoch + 1, start.chain.as_slice(), newest.epoch - start.epoch)
    );
    let mut chain = start.chain;
    for (epoch, root) in (told.first..).zip(&told.roots) {
        chain = next_chain(&chain, epoch, root.as_slice().try_into().unwrap());
    }
    assert_eq!(chain, newest.chain);
    let one = rig.backend.directory_root(&ctx(), mira.caller(), start.epoch).await.unwrap();
    assert_eq!(verify_root(&one, Some(&keys)).unwrap().0, start);
    assert_eq!(rig.backend.directory_root(&ctx(), mira.caller(), newest.epoch + 1).await.unwrap_err().code, ErrorCode::NotFound);
    let whole = rig.backend.directory_head(&ctx(), mira.caller(), 0).await.unwrap();
    assert_eq!((whole.first, whole.before.0.as_slice()), (1, NO_CHAIN.as_slice()));
    let beyond = rig.backend.directory_head(&ctx(), mira.caller(), u64::MAX).await.unwrap();
    assert!(beyond.roots.is_empty() && beyond.newest == whole.newest);

    let too_many = LookUp { names: vec![name("mira"); limits::DIRECTORY_NAMES + 1] };
    let refused = rig.backend.directory_lookup(&ctx(), mira.caller(), too_many).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::TooLarge);
    assert_eq!(rig.backend.audit_directory().await.unwrap().chain, newest.chain);
}
