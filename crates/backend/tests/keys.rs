//! Key packages: valid ones in, each out once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{HashMap, HashSet};

use crate::kit::*;
use crate::rig::*;
use openmls::prelude::Lifetime;
use sha2::{Digest as _, Sha256};
use sotto_backend::{Backend, Limits, Quota, RequestContext};
use sotto_protocol::api::{ClaimKeyPackages, UploadKeyPackages};
use sotto_protocol::{Bytes, ErrorCode, limits};

fn claim(person: &Person) -> ClaimKeyPackages {
    ClaimKeyPackages { name: person.name.clone(), group: false }
}

#[tokio::test]
async fn packages_are_counted_claimed_and_refilled() {
    let rig = rig().await;
    let (mira, noor) = (Person::signed_up(&rig.backend, "mira").await, Person::signed_up(&rig.backend, "noor").await);
    let empty = rig.backend.claim_key_packages(&ctx(), mira.caller(), claim(&noor)).await.unwrap();
    assert!(empty.packages.is_empty() && empty.room.is_none());
    let socket = rig.backend.subscribe(noor.caller()).unwrap();
    let upload = noor.upload(2);
    let count = rig.backend.upload_key_packages(&ctx(), noor.caller(), upload.clone()).await.unwrap();
    assert_eq!((count.one_time, count.last_resort), (2, true));
    let claimed = rig.backend.claim_key_packages(&ctx(), mira.caller(), claim(&noor)).await.unwrap();
    assert_eq!((claimed.account, claimed.packages[0].device), (noor.account(), noor.device));
    assert_eq!(claimed.packages[0].key_package, upload.one_time[0]);
    assert_eq!(socket.changed().await.key_packages, Some(1));
    // A repeated upload brings nothing back that was claimed.
    let again = rig.backend.upload_key_packages(&ctx(), noor.caller(), upload.clone()).await.unwrap();
    assert_eq!(again.one_time, 1);
    for (number, expected) in [Some(&upload.one_time[1]), upload.last_resort.as_ref(), upload.last_resort.as_ref()].into_iter().enumerate()
    {
        let other = Person::signed_up(&rig.backend, &format!("other-{number}")).await;
        assert_eq!(Some(&one_of(&rig.backend, &at(now()), &other, &noor).await), expected);
    }
    assert!(rig.backend.claim_key_packages(&ctx(), mira.caller(), claim(&mira)).await.unwrap().packages.is_empty());
    let nobody = ClaimKeyPackages { name: name("nobody"), group: false };
    assert_eq!(rig.backend.claim_key_packages(&ctx(), mira.caller(), nobody).await.unwrap_err().code, ErrorCode::NotFound);
}

/// The package that somebody gets.
async fn one_of(backend: &Backend, at: &RequestContext, who: &Person, of: &Person) -> Bytes {
    backend.claim_key_packages(at, who.caller(), claim(of)).await.unwrap().packages.remove(0).key_package
}

// Fails without the UPDATE of `claimed_by` in `claim_one`, and when that looks for a package that is kept for somebody else.
#[tokio::test]
async fn r41_key_package_single_use_over_a_thousand_parallel_claims() {
    const PEOPLE: usize = 100;
    let rig = rig().await;
    let noor = Person::signed_up(&rig.backend, "noor").await;
    let upload = noor.upload(limits::STORED_KEY_PACKAGES);
    rig.backend.upload_key_packages(&ctx(), noor.caller(), upload.clone()).await.unwrap();
    let mut claims = Vec::new();
    for number in 0..PEOPLE {
        let person = Person::signed_up(&rig.backend, &format!("person-{number}")).await;
        for _ in 0..1_000 / PEOPLE {
            let (backend, caller, request) = (rig.backend.clone(), person.caller().clone(), claim(&noor));
            claims.push(async move {
                let claimed = backend.claim_key_packages(&ctx(), &caller, request).await.unwrap();
                (caller.account, claimed.packages[0].key_package.clone())
            });
        }
    }
    let claims: Vec<_> = claims.into_iter().map(tokio::spawn).collect();
    let mut given = HashMap::new();
    for claim in claims {
        let (account, package) = claim.await.unwrap();
        given.entry(package).or_insert_with(HashSet::new).insert(account);
    }
    // Everybody had one and the same each time, and nobody else had it; the rest share the last resort.
    let last_resort = given.remove(upload.last_resort.as_ref().unwrap()).unwrap();
    assert_eq!((given.len(), last_resort.len()), (limits::STORED_KEY_PACKAGES, PEOPLE - limits::STORED_KEY_PACKAGES));
    assert!(given.values().all(|claimers| claimers.len() == 1), "one package for two people");
}

/// A group of `owner` with `package` in it.
async fn group_with(rig: &Rig, at: &RequestContext, owner: &Person, noor: &Person, package: &Bytes) -> Result<(), ErrorCode> {
    let add = Some((noor.account(), noor.device, package.clone()));
    let (create, _) = owner.new_room(&owner.own_group(), None, add);
    rig.backend.create_room(at, owner.caller(), create).await.map(drop).map_err(|refused| refused.code)
}

// Fails without `spend` in `move_on`, for each line of which there is a case; and without the `remember` of what never was published.
#[tokio::test]
async fn r41_a_one_time_package_is_spent_by_one_commit_of_its_claimer() {
    let rig = rig().await;
    let (mira, noor) = (Person::signed_up(&rig.backend, "mira").await, Person::signed_up(&rig.backend, "noor").await);
    let eve = Person::signed_up(&rig.backend, "eve").await;
    let upload = noor.upload(3);
    rig.backend.upload_key_packages(&ctx(), noor.caller(), upload.clone()).await.unwrap();
    let package = one_of(&rig.backend, &ctx(), &mira, &noor).await;
    assert_eq!(one_of(&rig.backend, &ctx(), &mira, &noor).await, package, "kept for her");

    // Neither somebody whom she gave it to, nor she with one that she did not claim, nor anybody twice.
    let before = rig.dump().await;
    assert_eq!(group_with(&rig, &ctx(), &eve, &noor, &package).await, Err(ErrorCode::NoKeyPackage));
    assert_eq!(group_with(&rig, &ctx(), &mira, &noor, &upload.one_time[2]).await, Err(ErrorCode::NoKeyPackage));
    assert_eq!(rig.dump().await, before);
    let at = ctx();
    let (one, two) = tokio::join!(group_with(&rig, &at, &mira, &noor, &package), group_with(&rig, &at, &mira, &noor, &package));
    assert_eq!([one, two].into_iter().filter(Result::is_ok).count(), 1);
    let count = rig.backend.upload_key_packages(&ctx(), noor.caller(), upload.clone()).await.unwrap();
    assert_eq!(count.one_time, 2, "the late upload brings it not back");
    assert_eq!(group_with(&rig, &ctx(), &mira, &noor, &package).await, Err(ErrorCode::NoKeyPackage));
    assert_ne!(one_of(&rig.backend, &ctx(), &mira, &noor).await, package);

    // One that noor gave away herself.
    let own = noor.key_package(sotto_rules::config::key_package_lifetime(now() / 1000), false);
    assert_eq!(group_with(&rig, &ctx(), &mira, &noor, &own).await, Ok(()));
    assert_eq!(group_with(&rig, &ctx(), &eve, &noor, &own).await, Err(ErrorCode::NoKeyPackage));
}

// Fails without `burn` in `claim_key_packages` and in retention, when that gives packages back to the stock, and when `spend` takes what
// is not kept any more.
#[tokio::test]
async fn r41_a_package_that_is_not_used_in_time_is_burnt() {
    let rig = rig().await;
    let (mira, noor) = (Person::signed_up(&rig.backend, "mira").await, Person::signed_up(&rig.backend, "noor").await);
    let eve = Person::signed_up(&rig.backend, "eve").await;
    rig.backend.upload_key_packages(&ctx(), noor.caller(), noor.upload(3)).await.unwrap();
    let start = now();
    let (late, later) = (at(start + limits::KEY_PACKAGE_RESERVATION_MS), at(start + 2 * limits::KEY_PACKAGE_RESERVATION_MS));
    let stored = |dump: Vec<String>, package: &Bytes| {
        let hex: String = package.as_slice().iter().map(|byte| format!("{byte:02x}")).collect();
        dump.iter().any(|row| row.contains(&hex))
    };
    let in_time = at(start + limits::KEY_PACKAGE_RESERVATION_MS - 1);
    let first = one_of(&rig.backend, &at(start), &mira, &noor).await;
    assert_eq!(one_of(&rig.backend, &in_time, &mira, &noor).await, first);
    assert_eq!(group_with(&rig, &late, &mira, &noor, &first).await, Err(ErrorCode::NoKeyPackage));
    assert!(stored(rig.dump().await, &first));

    let second = one_of(&rig.backend, &late, &eve, &noor).await;
    assert_ne!(second, first, "mira knows it");
    assert!(!stored(rig.dump().await, &first));
    let third = one_of(&rig.backend, &late, &mira, &noor).await;
    assert!(![&first, &second].contains(&&third));
    assert_eq!(group_with(&rig, &late, &mira, &noor, &third).await, Ok(()));
    assert!(stored(rig.dump().await, &second));
    assert_eq!(rig.backend.run_retention(later.now).await.unwrap().key_packages, 0, "the hashes stay");
    let dump = rig.dump().await;
    assert!(!stored(dump.clone(), &second), "nor does it wait for somebody to ask");
    assert!(dump.iter().filter(|row| row.starts_with("key_packages ")).all(|row| row.contains("claimed_by=null")));
}

// Fails when `add` deletes the last resort that was there, or lets a repeated upload drive out the newest, and when `spend` takes an old
// one for ever.
#[tokio::test]
async fn r41_a_last_resort_that_was_replaced_is_taken_for_a_while() {
    let rig = rig().await;
    let (mira, noor) = (Person::signed_up(&rig.backend, "mira").await, Person::signed_up(&rig.backend, "noor").await);
    let (first, second) = (noor.upload(0), noor.upload(0));
    let package = first.last_resort.clone().unwrap();
    let start = now();
    rig.backend.upload_key_packages(&at(start), noor.caller(), first.clone()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(one_of(&rig.backend, &at(start), &mira, &noor).await, package);
        assert_eq!(group_with(&rig, &at(start), &mira, &noor, &package).await, Ok(()));
    }
    rig.backend.upload_key_packages(&at(start), noor.caller(), second.clone()).await.unwrap();
    rig.backend.upload_key_packages(&at(start), noor.caller(), first).await.unwrap();
    assert_eq!(Some(one_of(&rig.backend, &at(start), &mira, &noor).await), second.last_resort);
    let end = start + limits::KEY_PACKAGE_RESERVATION_MS;
    assert_eq!(group_with(&rig, &at(end - 1), &mira, &noor, &package).await, Ok(()));
    assert_eq!(group_with(&rig, &at(end), &mira, &noor, &package).await, Err(ErrorCode::NoKeyPackage));
}

// What is not among them has no Welcome any more that is not stored already. Fails when `count` knows the stock alone, or all hashes.
#[tokio::test]
async fn the_owner_is_told_which_packages_a_welcome_may_still_come_for() {
    let rig = rig().await;
    let (mira, noor) = (Person::signed_up(&rig.backend, "mira").await, Person::signed_up(&rig.backend, "noor").await);
    let eve = Person::signed_up(&rig.backend, "eve").await;
    let upload = noor.upload(3);
    let start = now();
    let span = limits::KEY_PACKAGE_RESERVATION_MS;
    rig.backend.upload_key_packages(&at(start), noor.caller(), upload.clone()).await.unwrap();
    let used = one_of(&rig.backend, &at(start), &mira, &noor).await;
    let burnt = one_of(&rig.backend, &at(start), &eve, &noor).await;
    group_with(&rig, &at(start + span / 2), &mira, &noor, &used).await.unwrap();
    let next = UploadKeyPackages { one_time: Vec::new(), last_resort: noor.upload(0).last_resort };
    rig.backend.upload_key_packages(&at(start + span / 2), noor.caller(), next.clone()).await.unwrap();
    let old = upload.last_resort.clone().unwrap();
    for (after, gone) in [(span, vec![]), (2 * span, vec![&burnt]), (3 * span, vec![&burnt, &used, &old])] {
        let held = rig.backend.count_key_packages(&at(start + after), noor.caller()).await.unwrap().held;
        let all = upload.one_time.iter().chain(&upload.last_resort).chain(&next.last_resort);
        let expected: Vec<_> = all.filter(|package| !gone.contains(package)).map(hash_of).collect();
        assert_eq!(held.iter().collect::<HashSet<_>>(), expected.iter().collect(), "after {after}");
    }
    let weeks = at(start + 57 * 24 * 3_600_000);
    assert!(rig.backend.count_key_packages(&weeks, noor.caller()).await.unwrap().held.is_empty(), "too old for anybody");
}

fn hash_of(package: &Bytes) -> Bytes {
    Bytes(Sha256::digest(package.as_slice()).to_vec())
}

// Fails without `Limit::KeyClaims` in `claim_key_packages`.
#[tokio::test]
async fn r42_key_package_drain_is_limited_for_each_requester() {
    let rig = rig_with(|config| config.limits = Limits { key_claims: Quota::per_minutes(3, 10), ..config.limits }).await;
    let (mira, noor) = (Person::signed_up(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let start = now();
    for _ in 0..3 {
        rig.backend.claim_key_packages(&at(start), mira.caller(), claim(&noor)).await.unwrap();
    }
    let refused = rig.backend.claim_key_packages(&at(start), mira.caller(), claim(&noor)).await.unwrap_err();
    assert_eq!((refused.code, refused.retry_after), (ErrorCode::TooManyTries, Some(200)));
    rig.backend.claim_key_packages(&at(start + 200_000), mira.caller(), claim(&noor)).await.unwrap();
}

// Fails without the first query of `claim_one`.
#[tokio::test]
async fn r42_who_claims_and_uses_nothing_takes_one_package_in_ten_minutes() {
    let rig = rig().await;
    let (mira, noor) = (Person::signed_up(&rig.backend, "mira").await, Person::signed_up(&rig.backend, "noor").await);
    rig.backend.upload_key_packages(&ctx(), noor.caller(), noor.upload(limits::ONE_TIME_KEY_PACKAGES)).await.unwrap();
    let start = now();
    let mut taken = HashSet::new();
    for second in 0..3 * limits::KEY_PACKAGE_RESERVATION_MS / 1_000 {
        taken.insert(one_of(&rig.backend, &at(start + second * 1_000), &mira, &noor).await);
    }
    assert_eq!(taken.len(), 3);
    assert_eq!(rig.backend.count_key_packages(&ctx(), noor.caller()).await.unwrap().one_time, 17);
}

// Each case fails when its check in `keys::check` goes.
#[tokio::test]
async fn r43_lifetimes_and_foreign_packages_are_refused() {
    let rig = rig().await;
    let (mira, noor) = (Person::signed_up(&rig.backend, "mira").await, Person::signed_up(&rig.backend, "noor").await);
    let before = rig.dump().await;
    let day = 24 * 3_600;
    let seconds = now() / 1000;
    let one = |package: Bytes| UploadKeyPackages { one_time: vec![package], last_resort: None };
    let mut bent = mira.key_package(sotto_rules::config::key_package_lifetime(now() / 1000), false);
    let middle = bent.0.len() / 2;
    bent.0[middle] ^= 1;
    let cases = [
        (one(mira.key_package(Lifetime::init(seconds - 3_600, seconds + 85 * day), false)), ErrorCode::NotAuthentic),
        (one(mira.key_package(Lifetime::init(seconds - 3_600, seconds + 27 * day), false)), ErrorCode::NoKeyPackage),
        (one(noor.key_package(sotto_rules::config::key_package_lifetime(now() / 1000), false)), ErrorCode::NotAuthentic),
        (one(mira.key_package(sotto_rules::config::key_package_lifetime(now() / 1000), true)), ErrorCode::Malformed),
        (one(bent), ErrorCode::NotAuthentic),
        (one(Bytes(vec![1, 2, 3])), ErrorCode::Malformed),
        (one(Bytes(vec![0; limits::KEY_PACKAGE + 1])), ErrorCode::TooLarge),
    ];
    for (number, (upload, code)) in cases.into_iter().enumerate() {
        let refused = rig.backend.upload_key_packages(&ctx(), mira.caller(), upload).await.unwrap_err();
        assert_eq!(refused.code, code, "case {number}");
    }
    let many = UploadKeyPackages { one_time: vec![Bytes::default(); limits::STORED_KEY_PACKAGES + 1], last_resort: None };
    assert_eq!(rig.backend.upload_key_packages(&ctx(), mira.caller(), many).await.unwrap_err().code, ErrorCode::TooLarge);
    assert_eq!(rig.dump().await, before);
}

#[tokio::test]
async fn packages_near_their_end_are_not_given_away_and_expired_ones_go() {
    let rig = rig().await;
    let (mira, noor) = (Person::signed_up(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let day = 24 * 3_600_000;
    let late = at(now() + 60 * day);
    assert!(rig.backend.claim_key_packages(&late, mira.caller(), claim(&noor)).await.unwrap().packages.is_empty());
    assert_eq!(rig.backend.count_key_packages(&late, noor.caller()).await.unwrap().one_time, 0);
    assert_eq!(rig.backend.run_retention(now() + 90 * day).await.unwrap().key_packages, 3);
}

#[tokio::test]
async fn replacing_a_device_drops_its_packages_and_needs_the_next_signed_list() {
    let rig = rig().await;
    let mut noor = Person::ready(&rig.backend, "noor").await;
    let eve = Person::signed_up(&rig.backend, "eve").await;
    let before = rig.dump().await;
    let request = |device_list| sotto_protocol::api::PutDevices { device: noor.device, device_list };
    let mut skipped = noor.next_list(noor.list.devices.clone());
    skipped.version += 1;
    let skipped = rig.backend.put_devices(&ctx(), noor.caller(), request(noor.signed(&skipped))).await.unwrap_err();
    assert_eq!(skipped.code, ErrorCode::DeviceListRefused);
    let forged = rig.backend.put_devices(&ctx(), noor.caller(), request(eve.signed(&noor.list))).await.unwrap_err();
    assert_eq!(forged.code, ErrorCode::NotAuthentic);
    let mut not_in = request(noor.signed(&noor.list));
    not_in.device = sotto_protocol::DeviceId([1; 16]);
    assert_eq!(rig.backend.put_devices(&ctx(), noor.caller(), not_in).await.unwrap_err().code, ErrorCode::DeviceUnknown);
    assert_eq!(rig.dump().await, before);
    // The same list again binds only.
    rig.backend.put_devices(&ctx(), noor.caller(), request(noor.signed(&noor.list))).await.unwrap();
    assert_eq!(rig.dump().await, before);
    noor.replace_device(&rig.backend).await;
    assert_eq!(rig.backend.count_key_packages(&ctx(), noor.caller()).await.unwrap().one_time, 0);
    assert!(!rig.dump().await.iter().any(|line| line.starts_with("key_packages")));
}
