//! Wrong clocks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod kit;

use kit::{World, settle};
use sotto_client_api::views::{EntryBody, EntryView};
use sotto_client_api::{Command, Reply};
use sotto_protocol::{ErrorCode, RoomId};
use sotto_sim::Host;

const DAY: u64 = 24 * 3_600_000;

/// Texts in the order in which the engine hands them to the page.
async fn page(host: &mut Host, room: RoomId) -> Vec<String> {
    let Reply::Timeline { entries, .. } = host.call(Command::OpenRoom { room, before: None }).await.unwrap() else { panic!("no timeline") };
    let text = |entry: EntryView| if let EntryBody::Message(message) = entry.body { Some(message.text) } else { None };
    entries.into_iter().filter_map(text).collect()
}

// Rig: cc; requests come with the skewed times as well. Fails when `show_page` orders what it has read by `at` instead of `seq`.
#[tokio::test]
async fn r66_clock_skew_of_a_day_either_way_does_not_change_the_order() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;

    alice.now = world.now + DAY;
    bob.now = world.now - DAY;
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
