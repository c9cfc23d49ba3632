//! Wrong clocks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod kit;

use kit::{World, settle};
use sotto_client_api::views::{EntryBody, EntryView};
use sotto_client_api::{Command, Reply};
use sotto_protocol::{ErrorCode, RoomId};
use sotto_sim::{Host, SimError};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Texts in the order in which the engine hands them to the page.
async fn page(host: &mut Host, room: RoomId) -> Vec<String> {
    let Reply::Timeline { entries, .. } = host.call(Command::OpenRoom { room, before: None }).await.unwrap() else { panic!("no timeline") };
    let text = |entry: EntryView| if let EntryBody::Message(message) = entry.body { Some(message.text) } else { None };
    entries.into_iter().filter_map(text).collect()
}

// Rig: cc. Fails when `show_page` orders what it has read by message id, which begins with its author's time, instead of `seq`.
#[tokio::test]
async fn r66_clock_skew_of_a_day_either_way_does_not_change_the_order() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;

    alice.skew = DAY;
    bob.skew = -DAY;
    bob.open(room).await.unwrap();
    let mut expected = Vec::new();
    for n in 0..6 {
        let author = if n % 2 == 0 { &mut alice } else { &mut bob };
        let text = format!("text {n}");
        author.say(room, &text).await.unwrap();
        expected.push(text);
        settle(&mut [&mut alice, &mut bob]).await;
    }
    for host in [&mut alice, &mut bob] {
        assert_eq!(page(host, room).await, expected);
        host.reload().await.unwrap();
        assert_eq!(page(host, room).await, expected);
        host.open(room).await.unwrap();
    }
    // Somebody new can't be added with such a clock, and is told why; what exists works on.
    let _carol = world.person("carol-1").await;
    assert_eq!(bob.open_with("carol-1").await.unwrap_err().0, ErrorCode::WrongClock);
    bob.open(room).await.unwrap();
    bob.say(room, "still").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(page(&mut alice, room).await.last().unwrap(), "still");
}

// Rig: cc. Fails without `check_lifetime` in `sotto_rules::commit::check_key_package`.
#[tokio::test]
async fn r43_a_clock_59_minutes_slow_adds_and_one_2_hours_slow_says_so_and_changes_nothing() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    settle(&mut [&mut alice, &mut bob]).await;
    let before = alice.copy_profile();

    alice.skew = -120 * MINUTE;
    let refused = alice.open_with("bob-1").await.unwrap_err();
    assert_eq!(refused, SimError(ErrorCode::WrongClock, "OpenRoomWith"));
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(alice.copy_profile() == before, "nothing is kept of what was refused");
    assert!(alice.rooms.is_empty() && bob.rooms.is_empty());

    alice.skew = -59 * MINUTE;
    let room = alice.open_with("bob-1").await.unwrap();
    alice.say(room, "on time").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    assert_eq!(bob.texts()[0].0, "on time");
}
