//! The life of key packages: their private keys are there as long as a Welcome may come for them, and then no more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
#[allow(unused_imports, reason = "each test program uses its part")]
mod people;

use std::collections::BTreeSet;

use kit::{PASSWORD, World, settle};
use people::Person;
use sotto_client::mls;
use sotto_client::packages::{self, Package};
use sotto_client_api::Command;
use sotto_protocol::api::{ClaimKeyPackages, ErrorBody};
use sotto_protocol::frames::ServerFrame;
use sotto_protocol::{Bytes, ErrorCode, limits};
use sotto_sim::hostile::thief::Profile;
use sotto_sim::{Host, ProfileCopy};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
/// One-time packages and the last resort.
const ALL: usize = limits::ONE_TIME_KEY_PACKAGES + 1;

/// What somebody finds who opens the rows of a browser.
fn stored(copy: &ProfileCopy) -> Vec<Package> {
    packages::all(Profile::open(copy).unwrap().provider()).unwrap()
}

fn hashes(host: &Host) -> BTreeSet<Bytes> {
    stored(&host.copy_profile()).into_iter().map(|package| package.hash).collect()
}

fn last_resorts(host: &Host) -> BTreeSet<Bytes> {
    stored(&host.copy_profile()).into_iter().filter(|package| package.last_resort).map(|package| package.hash).collect()
}

fn hash_of(package: &Bytes) -> Bytes {
    packages::hash(package.as_slice())
}

/// Time passes for all, and what is due afterwards is done.
async fn later(hosts: &mut [&mut Host], millis: u64) {
    for host in hosts.iter_mut() {
        host.now += millis;
    }
    for _ in 0..90 {
        for host in hosts.iter_mut() {
            host.pass_time();
        }
        settle(hosts).await;
    }
}

/// Weeks pass, and the browser is used in each of them: sessions end by idleness.
async fn weeks(host: &mut Host, count: u64) {
    for _ in 0..count {
        later(&mut [&mut *host], 7 * DAY).await;
    }
}

/// Claims a package of bob's `after` so long.
async fn claim(world: &World, who: &Person, after: u64) -> Bytes {
    let request = ClaimKeyPackages { name: people::name("bob-1"), group: false };
    let claimed = world.backend.claim_key_packages(&people::at(world.now + after), who.caller(), request).await.unwrap();
    claimed.packages[0].key_package.clone()
}

/// Bob is away, and everything that he has published is gone but the last resort.
async fn drained(world: &World, bob: &mut Host) -> Person {
    let drainer = Person::ready(&world.backend, "drain-1").await;
    bob.set_online(false);
    bob.run().await;
    for number in 0..limits::ONE_TIME_KEY_PACKAGES as u64 {
        claim(world, &drainer, number * limits::KEY_PACKAGE_RESERVATION_MS).await;
    }
    drainer
}

async fn online(hosts: &mut [&mut Host]) {
    hosts[1].set_online(true);
    hosts[1].call(Command::Nudge).await.unwrap();
    later(hosts, 0).await;
}

// With what goes wrong on the way: nothing; the answer to the upload is lost; the browser is closed after each write; its disk refuses
// one. Fails without `last_resort_used` in `accept_welcome`, and (the end) without `erase` in `take_stock`.
#[tokio::test]
async fn r41_the_last_resort_rotates_after_use_and_its_keys_are_erased() {
    for trouble in 0..6 {
        let world = World::weeks_ago().await;
        let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
        settle(&mut [&mut alice, &mut bob]).await;
        let old = last_resorts(&bob);
        assert_eq!((hashes(&bob).len(), old.len()), (ALL, 1));
        let drainer = drained(&world, &mut bob).await;
        let span = (ALL as u64 + 1) * limits::KEY_PACKAGE_RESERVATION_MS;
        for host in [&mut alice, &mut bob] {
            host.now += span;
        }
        let room = alice.open_with("bob-1").await.unwrap();
        match trouble {
            1 => {
                let mut lost = 0;
                bob.lies.about_answers(move |path, answer| {
                    lost += u32::from(path.ends_with("/key-packages"));
                    let none = ErrorBody { code: ErrorCode::Offline, retry_after: None, room: None, epoch: None };
                    if path.ends_with("/key-packages") && lost == 1 { Err(none) } else { answer }
                });
            }
            2 => bob.die_in = Some(12),
            3.. => bob.fail_persist_in = Some(trouble - 3),
            _ => {}
        }
        bob.set_online(true);
        let _ = bob.ask(Command::Nudge);
        later(&mut [&mut alice, &mut bob], 0).await;
        if !bob.is_alive() {
            bob.reload().await.unwrap();
        }
        later(&mut [&mut alice, &mut bob], 0).await;
        bob.open(room).await.unwrap();
        assert_eq!(bob.epochs().unwrap(), alice.epochs().unwrap(), "trouble {trouble}");

        // Another one is given out from now on, whose keys bob has; those of the old one are here for whoever has it already.
        later(&mut [&mut alice, &mut bob], 2 * HOUR).await;
        later(&mut [&mut alice, &mut bob], 2 * HOUR).await;
        let mut given = Vec::new();
        for number in 0..ALL as u64 {
            given.push(claim(&world, &drainer, span + 6 * HOUR + number * limits::KEY_PACKAGE_RESERVATION_MS).await);
        }
        let newest = hash_of(given.last().unwrap());
        assert!(!old.contains(&newest) && last_resorts(&bob).contains(&newest), "trouble {trouble}");

        later(&mut [&mut alice, &mut bob], DAY).await;
        later(&mut [&mut alice, &mut bob], 2 * HOUR).await;
        assert!(last_resorts(&bob).is_disjoint(&old), "trouble {trouble}: the old keys are still there");
        assert!(hashes(&bob).len() <= 2 * ALL, "trouble {trouble}: {} keys", hashes(&bob).len());
    }
}

// Rig: cc. The thief of a browser has an old Welcome too: it opens with what the browser held before the rotation, and not any more
// with what it holds later. Fails as the test before.
#[tokio::test]
async fn r36_old_welcome_for_a_last_resort_opens_nowhere_once_that_was_rotated() {
    let world = World::weeks_ago().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    settle(&mut [&mut alice, &mut bob]).await;
    drained(&world, &mut bob).await;
    later(&mut [&mut alice, &mut bob], ALL as u64 * limits::KEY_PACKAGE_RESERVATION_MS).await;
    let room = alice.open_with("bob-1").await.unwrap();
    let record = bob.lies.record();
    online(&mut [&mut alice, &mut bob]).await;
    let welcome = record.welcomes().pop().unwrap();
    let opens = |copy: &ProfileCopy| {
        let profile = Profile::open(copy).unwrap();
        profile.forget_group(room).unwrap();
        mls::join_by_welcome(profile.provider(), room, welcome.welcome.as_slice(), welcome.ratchet_tree.as_slice()).is_ok()
    };
    assert_eq!(bob.epochs().unwrap().len(), 1);
    assert!(opens(&bob.copy_profile()), "the last resort's keys are here");
    later(&mut [&mut alice, &mut bob], DAY).await;
    later(&mut [&mut alice, &mut bob], 2 * HOUR).await;
    assert!(!opens(&bob.copy_profile()));
}

// Fails without the renewal by age in `take_stock` (the last resort), without the 28 days in the server's `count` (the others), and
// without `erase`.
#[tokio::test]
async fn r43_packages_that_nobody_may_use_any_more_are_replaced_and_their_keys_erased() {
    let world = World { now: world_now() - 80 * DAY, ..World::new().await };
    let mut bob = world.person("bob-1").await;
    settle(&mut [&mut bob]).await;
    let first = hashes(&bob);
    assert_eq!(first.len(), ALL);
    weeks(&mut bob, 7).await;
    assert_eq!(hashes(&bob), first, "good for a week more");

    // A day before it is too late a new last resort is there; then the others.
    later(&mut [&mut bob], 6 * DAY + 12 * HOUR).await;
    assert_eq!(last_resorts(&bob).len(), 2);
    later(&mut [&mut bob], DAY).await;
    later(&mut [&mut bob], 2 * DAY).await;
    let second = hashes(&bob);
    assert!(second.is_disjoint(&first) && second.len() == ALL, "{} of {}", second.intersection(&first).count(), second.len());
    bob.reload().await.unwrap();
    settle(&mut [&mut bob]).await;
    assert_eq!(hashes(&bob), second);
}

// A server that says for ever that it holds what it has: the engine knows the end itself. Fails without the comparison with `not_after`
// in `take_stock`.
#[tokio::test]
async fn r43_keys_of_expired_packages_are_erased_whatever_the_server_says() {
    let world = World { now: world_now() - 80 * DAY, ..World::new().await };
    let mut bob = world.person("bob-1").await;
    settle(&mut [&mut bob]).await;
    let first = hashes(&bob);
    let told: Vec<Bytes> = first.iter().cloned().collect();
    bob.lies.about_frames(move |frame| match frame {
        ServerFrame::Ready { now, heads, window, .. } => {
            vec![ServerFrame::Ready { now, heads, key_packages: 20, held: told.clone(), window }]
        }
        other => vec![other],
    });
    bob.lies.about_answers(|path, answer| {
        let none = ErrorBody { code: ErrorCode::Offline, retry_after: None, room: None, epoch: None };
        if path.ends_with("/key-packages") { Err(none) } else { answer }
    });
    weeks(&mut bob, 11).await;
    assert!(hashes(&bob).is_superset(&first));
    weeks(&mut bob, 2).await;
    assert!(hashes(&bob).is_disjoint(&first));
}

// Fails without `erase` in `take_stock`, and when that does not wait for what may be on its way.
#[tokio::test]
async fn r42_keys_of_packages_that_were_claimed_for_nothing_are_erased_and_the_stock_is_filled() {
    let world = World::weeks_ago().await;
    let mut bob = world.person("bob-1").await;
    settle(&mut [&mut bob]).await;
    let first = hashes(&bob);
    let drainer = drained(&world, &mut bob).await;
    bob.now += ALL as u64 * limits::KEY_PACKAGE_RESERVATION_MS + HOUR;
    bob.set_online(true);
    later(&mut [&mut bob], 0).await;
    let filled = hashes(&bob);
    assert_eq!((filled.len(), filled.is_superset(&first)), (ALL + limits::ONE_TIME_KEY_PACKAGES, true), "a day has not passed");
    later(&mut [&mut bob], DAY).await;
    later(&mut [&mut bob], HOUR).await;
    assert_eq!(hashes(&bob).len(), ALL);
    assert_eq!(hashes(&bob).intersection(&first).count(), 1, "the last resort is as good as new");
    let given = claim(&world, &drainer, 2 * DAY).await;
    assert!(hashes(&bob).contains(&hash_of(&given)));
}

// Fails when `publish_key_packages` makes a whole stock for a device that has one: the server takes no more than fifty.
#[tokio::test]
async fn a_kept_device_signs_in_as_often_as_it_likes() {
    let world = World::new().await;
    let mut bob = world.person("bob-1").await;
    for _ in 0..4 {
        bob.call(Command::SignOut { keep: true }).await.unwrap();
        bob.sign_in("bob-1", PASSWORD).await.unwrap();
        settle(&mut [&mut bob]).await;
    }
    assert_eq!(hashes(&bob).len(), ALL);
    let mut alice = world.person("alice-1").await;
    settle(&mut [&mut alice, &mut bob]).await;
    let room = alice.open_with("bob-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(bob.rooms.contains_key(&room));
}

/// The true time: OpenMLS on the server's side goes by it.
fn world_now() -> u64 {
    people::now()
}
