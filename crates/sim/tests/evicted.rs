//! Browser data is a cache: a browser that has lost it, wholly or in part, is told so and is whole again as a new device.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod kit;

use kit::{PASSWORD, World, devices, said, settle, write_down};
use sotto_client_api::Command;
use sotto_client_api::views::{Change, Phase, SystemLine};
use sotto_protocol::{DeviceId, ErrorCode};
use sotto_sim::{Host, SimError};

async fn listed(host: &mut Host) -> Vec<DeviceId> {
    devices(host).await.into_iter().map(|view| view.device).collect()
}

// Fails without `Phase::Evicted` in `open_profile`, and without `signed.before` in `open_device` (the dead device stays listed).
#[tokio::test]
async fn r65_eviction_a_browser_that_lost_everything_is_a_new_device_and_the_dead_one_is_gone() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.open(room).await.unwrap();
    alice.say(room, "before").await.unwrap();
    write_down(&mut [&mut alice, &mut bob]).await;
    let dead = listed(&mut alice).await;

    alice.evict().await.unwrap();
    assert_eq!(alice.phase, Phase::Evicted);
    alice.sign_in("alice-1", PASSWORD).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    alice.open(room).await.unwrap();
    bob.say(room, "and after").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(said(&alice), ["before", "and after"]);
    let now = listed(&mut alice).await;
    assert!(now.len() == 1 && now != dead, "{now:?}");
    // The dead one's leaf goes too, by the new one's hand.
    alice.say(room, "here again").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(said(&bob), ["before", "and after", "here again"]);
    let went = |line: &SystemLine| matches!(line, SystemLine::Members { others, .. } if others.iter().any(|(what, _)| *what == Change::DeviceWent));
    assert!(bob.lines().iter().any(went), "{:?}", bob.lines());
    assert!(alice.notices.is_empty() && bob.notices.is_empty(), "{:?} {:?}", alice.notices, bob.notices);
}

// The server says of a browser that kept nothing yet that it was the person's other device. Fails without the filter on the phase in
// `open_device`.
#[tokio::test]
async fn r65_eviction_a_browser_that_lost_nothing_removes_no_device_on_the_servers_word() {
    let world = World::new().await;
    let (mut alice, mut bob, _) = world.pair().await;
    let mut laptop = Host::new(&world.backend, world.now);
    laptop.call(Command::Boot { signed_in: false }).await.unwrap();
    laptop.take_cookies(&alice);
    laptop.sign_in("alice-1", PASSWORD).await.unwrap();
    settle(&mut [&mut alice, &mut laptop, &mut bob]).await;
    assert_eq!(listed(&mut laptop).await.len(), 2);
}

// Fails without `Input::Opened` in `persisted`: the page would go on as if what is written were kept.
#[tokio::test]
async fn r65_eviction_data_that_go_while_they_are_open_are_said_to_be_gone_and_can_be_given_up() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    alice.say(room, "before").await.unwrap();
    write_down(&mut [&mut alice, &mut bob]).await;
    alice.disk_gone = true;
    assert_eq!(alice.say(room, "into the void").await, Err(SimError(ErrorCode::StorageDamaged, "SendText")));
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(alice.phase, Phase::Broken { code: ErrorCode::StorageDamaged });
    alice.call(Command::SignOut { keep: false }).await.unwrap();
    alice.reload().await.unwrap();
    assert_eq!(alice.phase, Phase::Evicted);
    alice.sign_in("alice-1", PASSWORD).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(listed(&mut alice).await.len(), 1);
    alice.open(room).await.unwrap();
    assert_eq!(said(&alice), ["before"]);
}
