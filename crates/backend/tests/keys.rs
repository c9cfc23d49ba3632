//! Key packages: valid ones in, each out once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;

use crate::kit::*;
use crate::rig::*;
use openmls::prelude::Lifetime;
use sotto_backend::{Limits, Quota};
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
    // A repeated upload brings nothing back that was used.
    let again = rig.backend.upload_key_packages(&ctx(), noor.caller(), upload.clone()).await.unwrap();
    assert_eq!(again.one_time, 1);
    rig.backend.claim_key_packages(&ctx(), mira.caller(), claim(&noor)).await.unwrap();
    for _ in 0..2 {
        let last = rig.backend.claim_key_packages(&ctx(), mira.caller(), claim(&noor)).await.unwrap();
        assert_eq!(Some(&last.packages[0].key_package), upload.last_resort.as_ref());
    }
    assert!(rig.backend.claim_key_packages(&ctx(), mira.caller(), claim(&mira)).await.unwrap().packages.is_empty());
    let nobody = ClaimKeyPackages { name: name("nobody"), group: false };
    assert_eq!(rig.backend.claim_key_packages(&ctx(), mira.caller(), nobody).await.unwrap_err().code, ErrorCode::NotFound);
}

// Fails without the UPDATE that marks a one-time package used in `claim_one`.
#[tokio::test]
async fn r41_key_package_single_use_over_a_thousand_parallel_claims() {
    let rig = rig().await;
    let (mira, noor) = (Person::signed_up(&rig.backend, "mira").await, Person::signed_up(&rig.backend, "noor").await);
    let upload = noor.upload(limits::STORED_KEY_PACKAGES);
    rig.backend.upload_key_packages(&ctx(), noor.caller(), upload.clone()).await.unwrap();
    let claims: Vec<_> = (0..1_000)
        .map(|_| {
            let (backend, caller, request) = (rig.backend.clone(), mira.caller().clone(), claim(&noor));
            tokio::spawn(async move { backend.claim_key_packages(&ctx(), &caller, request).await.unwrap().packages.remove(0).key_package })
        })
        .collect();
    let mut seen = HashSet::new();
    let mut last_resort = 0;
    for claim in claims {
        let package = claim.await.unwrap();
        if Some(&package) == upload.last_resort.as_ref() {
            last_resort += 1;
        } else {
            assert!(seen.insert(package), "one package twice");
        }
    }
    assert_eq!((seen.len(), last_resort), (limits::STORED_KEY_PACKAGES, 1_000 - limits::STORED_KEY_PACKAGES));
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
    let request = |device_list| sotto_protocol::api::ReplaceDevice { device: noor.device, device_list };
    let mut skipped = noor.next_list(noor.list.devices.clone());
    skipped.version += 1;
    let skipped = rig.backend.replace_device(&ctx(), noor.caller(), request(noor.signed(&skipped))).await.unwrap_err();
    assert_eq!(skipped.code, ErrorCode::DeviceListRefused);
    let forged = rig.backend.replace_device(&ctx(), noor.caller(), request(eve.signed(&noor.list))).await.unwrap_err();
    assert_eq!(forged.code, ErrorCode::NotAuthentic);
    let mut not_in = request(noor.signed(&noor.list));
    not_in.device = sotto_protocol::DeviceId([1; 16]);
    assert_eq!(rig.backend.replace_device(&ctx(), noor.caller(), not_in).await.unwrap_err().code, ErrorCode::DeviceUnknown);
    assert_eq!(rig.dump().await, before);
    // The same list again binds only.
    rig.backend.replace_device(&ctx(), noor.caller(), request(noor.signed(&noor.list))).await.unwrap();
    assert_eq!(rig.dump().await, before);
    noor.replace_device(&rig.backend).await;
    assert_eq!(rig.backend.count_key_packages(&ctx(), noor.caller()).await.unwrap().one_time, 0);
    assert!(!rig.dump().await.iter().any(|line| line.starts_with("key_packages")));
}
