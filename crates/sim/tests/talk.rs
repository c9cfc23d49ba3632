//! Two people on the real engine and the real backend, in one process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod kit;

use kit::{PASSWORD, World, settle};
use sotto_client_api::Command;
use sotto_client_api::views::Phase;
use sotto_sim::Host;

fn states(host: &Host) -> Vec<(String, &'static str)> {
    host.texts()
}

#[tokio::test]
async fn two_people_talk_both_ways_and_see_delivered_and_read() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    settle(&mut [&mut alice, &mut bob]).await;

    let room = alice.open_with("bob-1").await.unwrap();
    alice.say(room, "hello bob").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.call(Command::AcceptRequest { room }).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(states(&alice), [("hello bob".into(), "delivered")], "{:?} {:?}", alice.notices, bob.notices);
    assert_eq!(bob.rooms[&room].unread, 1);

    bob.open(room).await.unwrap();
    assert_eq!(states(&bob), [("hello bob".into(), "read")]);
    bob.call(Command::MarkRead { room, seq: 99 }).await.unwrap();
    bob.say(room, "hello alice").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(bob.rooms[&room].unread, 0);
    assert_eq!(states(&alice), [("hello bob".into(), "read"), ("hello alice".into(), "read")]);
    assert_eq!(states(&bob)[1], ("hello alice".into(), "delivered"));
}

#[tokio::test]
async fn history_and_session_survive_a_reload_without_the_password() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-2").await, world.person("bob-2").await);
    let room = alice.open_with("bob-2").await.unwrap();
    for text in ["one", "two", "three"] {
        alice.say(room, text).await.unwrap();
    }
    settle(&mut [&mut alice, &mut bob]).await;
    alice.reload().await.unwrap();
    bob.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(matches!(alice.phase, Phase::Ready { .. }), "{:?}", alice.phase);
    alice.open(room).await.unwrap();
    bob.open(room).await.unwrap();
    alice.say(room, "four").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    let texts: Vec<_> = bob.texts().into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn an_offline_recipient_gets_everything_at_the_next_connection() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-3").await, world.person("bob-3").await);
    settle(&mut [&mut alice, &mut bob]).await;
    bob.set_online(false);
    bob.run().await;
    let room = alice.open_with("bob-3").await.unwrap();
    for n in 0..100 {
        alice.say(room, &format!("message {n}")).await.unwrap();
    }
    settle(&mut [&mut alice]).await;
    assert!(states(&alice).iter().all(|(_, state)| *state == "sent"));
    bob.set_online(true);
    bob.call(Command::Nudge).await.unwrap();
    for _ in 0..20 {
        bob.pass_time();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    bob.call(Command::AcceptRequest { room }).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    assert_eq!(bob.texts().last().unwrap().0, "message 99");
    assert_eq!(bob.rooms[&room].unread, 100);
    assert!(states(&alice).iter().all(|(_, state)| *state == "delivered"));
}

// Fails when the engine answers `Command::Ready` like `Command::Nudge`.
#[tokio::test]
async fn asking_whether_the_engine_is_ready_does_not_make_it_reconnect() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-3b").await, world.person("bob-3b").await);
    settle(&mut [&mut alice, &mut bob]).await;
    bob.set_online(false);
    bob.run().await;
    alice.open_with("bob-3b").await.unwrap();
    settle(&mut [&mut alice]).await;
    bob.set_online(true);
    bob.call(Command::Ready).await.unwrap();
    settle(&mut [&mut bob]).await;
    assert!(bob.rooms.is_empty(), "connected");
    bob.call(Command::Nudge).await.unwrap();
    settle(&mut [&mut bob]).await;
    assert_eq!(bob.rooms.len(), 1);
}

#[tokio::test]
async fn two_who_open_the_room_at_once_end_in_the_same_room() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-4").await, world.person("bob-4").await);
    // Neither hears of the other's room before its own request is on the way.
    bob.set_online(false);
    bob.run().await;
    let first = alice.open_with("bob-4").await.unwrap();
    bob.set_online(true);
    let second = bob.open_with("alice-4").await.unwrap();
    assert_eq!(first, second);
    alice.say(first, "from alice").await.unwrap();
    bob.say(second, "from bob").await.unwrap();
    for _ in 0..20 {
        bob.pass_time();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    assert_eq!(alice.texts().len(), 2, "{:?}", alice.texts());
    let sorted = |host: &Host| host.texts().into_iter().map(|(text, _)| text).collect::<Vec<_>>();
    assert_eq!(sorted(&alice), sorted(&bob));
}

/// Fails without `update_keys_when_due` in `apply_entries` (after sends) and in `resume_seats` (after a week).
#[tokio::test]
async fn a_device_renews_its_keys_after_a_hundred_messages_and_after_a_week() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-9").await, world.person("bob-9").await);
    let room = alice.open_with("bob-9").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.call(Command::AcceptRequest { room }).await.unwrap();
    for n in 0..99 {
        alice.say(room, &format!("message {n}")).await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    assert_eq!(alice.epochs().unwrap()[&room], 1);
    alice.say(room, "the hundredth").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    // Bob's receipts count as well.
    assert_eq!(alice.epochs().unwrap()[&room], 3);

    // Both keys are a week old when both come back at once: one commit each, in two epochs.
    for host in [&mut alice, &mut bob] {
        host.set_online(false);
        host.run().await;
        host.now += 8 * 24 * 3_600_000;
        host.set_online(true);
    }
    for _ in 0..20 {
        alice.pass_time();
        bob.pass_time();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    assert_eq!(alice.epochs().unwrap()[&room], 5);
    assert_eq!(bob.epochs().unwrap(), alice.epochs().unwrap());
    bob.open(room).await.unwrap();
    bob.say(room, "still here").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(alice.texts().last().unwrap().0, "still here");
    assert_eq!(alice.texts().len(), 101);
}

#[tokio::test]
async fn notes_to_oneself_work() {
    let world = World::new().await;
    let mut alice = world.person("alice-5").await;
    settle(&mut [&mut alice]).await;
    let room = alice.open_with("alice-5").await.unwrap();
    alice.say(room, "buy stamps").await.unwrap();
    settle(&mut [&mut alice]).await;
    assert_eq!(states(&alice), [("buy stamps".into(), "sent")]);
    assert!(alice.rooms[&room].notes);
}

#[tokio::test]
async fn keep_at_sign_out_gets_everything_said_meanwhile() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-7").await, world.person("bob-7").await);
    let room = alice.open_with("bob-7").await.unwrap();
    alice.say(room, "first").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.call(Command::SignOut { keep: true }).await.unwrap();
    bob.reload().await.unwrap();
    assert!(matches!(bob.phase, Phase::SignedOut { kept: Some(_) }));
    alice.say(room, "while you were away").await.unwrap();
    settle(&mut [&mut alice]).await;
    bob.sign_in("bob-7", PASSWORD).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    let texts: Vec<_> = bob.texts().into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["first", "while you were away"]);
}

/// Removing `data.rollback()` in `Engine::roll_back` makes this fail: the ratchet would run ahead of the disk.
#[tokio::test]
async fn a_disk_that_refuses_any_one_write_loses_and_doubles_nothing() {
    for refused in 0..14 {
        let world = World::new().await;
        let (mut alice, mut bob) = (world.person("alice-8").await, world.person("bob-8").await);
        let room = alice.open_with("bob-8").await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
        bob.open(room).await.unwrap();
        alice.fail_persist_in = Some(refused);
        bob.fail_persist_in = Some(refused / 2);
        let mut said = Vec::new();
        for text in ["a", "b", "c", "d"] {
            if alice.say(room, text).await.is_ok() {
                said.push(text.to_owned());
            }
            settle(&mut [&mut alice, &mut bob]).await;
            let _ = bob.say(room, "reply").await;
        }
        alice.fail_persist_in = None;
        bob.fail_persist_in = None;
        for _ in 0..40 {
            alice.pass_time();
            bob.pass_time();
            settle(&mut [&mut alice, &mut bob]).await;
        }
        alice.reload().await.unwrap();
        bob.reload().await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
        alice.open(room).await.unwrap();
        bob.open(room).await.unwrap();
        let seen: Vec<_> = bob.texts().into_iter().map(|(text, _)| text).filter(|text| text != "reply").collect();
        assert_eq!(seen, said, "refused write {refused}");
        let order = |host: &Host| host.texts().into_iter().map(|(text, _)| text).collect::<Vec<_>>();
        assert_eq!(order(&alice), order(&bob), "refused write {refused}");
    }
}
