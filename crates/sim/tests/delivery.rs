//! What may happen to frames between the real server and a real engine: they come again, in another order, or late. Rig: px.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod kit;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use kit::{World, pass_a_minute, said, settle};
use sotto_client_api::views::{EntryBody, SystemLine};
use sotto_protocol::frames::{Entry, EntryKind, ServerFrame};
use sotto_protocol::{RoomId, limits};
use sotto_sim::Host;
use sotto_sim::hostile::server::made_up;

/// Both write in turns; what was said in order.
async fn talk(alice: &mut Host, bob: &mut Host, room: RoomId, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for n in 0..count {
        let author = if n % 2 == 0 { &mut *alice } else { &mut *bob };
        let text = format!("text {n}");
        author.say(room, &text).await.unwrap();
        texts.push(text);
        settle(&mut [&mut *alice, &mut *bob]).await;
    }
    texts
}

// Fails without `entry.seq <= room.cursor` in `Engine::expected`.
#[tokio::test]
async fn r33_replay_every_frame_three_times_and_after_a_reload_is_shown_once() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.open(room).await.unwrap();
    let record = bob.lies.record();
    alice.lies.repeat(3);
    bob.lies.repeat(3);
    let mut texts = talk(&mut alice, &mut bob, room, 6).await;

    for host in [&mut alice, &mut bob] {
        host.reload().await.unwrap();
        host.inject(&ServerFrame::Deliver { entries: record.entries(room) });
    }
    settle(&mut [&mut alice, &mut bob]).await;
    for host in [&mut alice, &mut bob] {
        host.open(room).await.unwrap();
        assert_eq!(said(host), texts);
        assert_eq!((host.lines().len(), &host.notices), (1, &vec![]), "{:?}", host.lines());
    }
    // The ratchets are where they should be.
    texts.extend(talk(&mut alice, &mut bob, room, 4).await);
    assert_eq!((said(&alice), said(&bob)), (texts.clone(), texts));
}

// Frames wait until there are three, and come in the opposite order. Fails without the gap in `Engine::expected`.
#[tokio::test]
async fn r34_reorder_of_frames_does_not_change_the_order_of_texts() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.open(room).await.unwrap();
    let mut held = Vec::new();
    bob.lies.about_frames(move |frame| match frame {
        ServerFrame::Deliver { entries } => {
            // Each entry on its own, so that there is something to shuffle.
            held.extend(entries.into_iter().map(|entry| ServerFrame::Deliver { entries: vec![entry] }));
            if held.len() < 3 { Vec::new() } else { held.drain(..).rev().collect() }
        }
        other => vec![other],
    });
    let mut texts = Vec::new();
    for n in 0..12 {
        let text = format!("text {n}");
        alice.say(room, &text).await.unwrap();
        texts.push(text);
        settle(&mut [&mut alice, &mut bob]).await;
    }
    pass_a_minute(&mut alice, &mut bob).await;
    assert!(said(&bob).len() >= 9, "{:?}", said(&bob));
    assert_eq!(said(&bob), texts[..said(&bob).len()]);

    bob.lies.stop();
    bob.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    assert_eq!(said(&bob), texts);
    assert_eq!((bob.lines().len(), &bob.notices), (1, &vec![]), "{:?}", bob.lines());
}

fn withheld(host: &Host) -> Vec<u32> {
    host.lines().iter().filter_map(|line| if let SystemLine::Withheld { count, .. } = line { Some(*count) } else { None }).collect()
}

// The server leaves three texts out for bob and numbers what follows anew; once amid an epoch, once the last ones before a key update.
// Fails without `room.hear` in `Engine::apply_entry`, and for the second when `RoomRecord::hear_others` forgets who was here.
#[tokio::test]
async fn r34_drop_of_messages_is_told_with_their_number_at_their_place() {
    for over_a_commit in [false, true] {
        let world = World::new().await;
        let (mut alice, mut bob, room) = world.pair().await;
        bob.open(room).await.unwrap();
        bob.lies.drop_and_renumber(move |entry| entry.kind == EntryKind::Message && (5..8).contains(&entry.seq));
        let mut texts = Vec::new();
        for n in 0..10 {
            if n == 6 && over_a_commit {
                alice.now += limits::UPDATE_AFTER_MS;
                pass_a_minute(&mut alice, &mut bob).await;
            }
            alice.say(room, &format!("text {n}")).await.unwrap();
            texts.push(format!("text {n}"));
            settle(&mut [&mut alice]).await;
        }
        pass_a_minute(&mut alice, &mut bob).await;
        texts.drain(3..6);
        assert_eq!((said(&bob), withheld(&bob)), (texts.clone(), vec![3]), "{:?}", bob.lines());
        let place = |line: &EntryBody| matches!(line, EntryBody::System(SystemLine::Withheld { .. }));
        let mut lines: Vec<_> = bob.timeline.values().collect();
        lines.sort_by_key(|entry| (entry.seq, !place(&entry.body)));
        let at = lines.iter().position(|entry| place(&entry.body)).unwrap();
        assert!(matches!(&lines[at + 1].body, EntryBody::Message(message) if message.text == "text 6"), "{lines:?}");

        // The line is stored with its text.
        bob.lies.stop();
        bob.reload().await.unwrap();
        bob.open(room).await.unwrap();
        assert_eq!(withheld(&bob), [3]);
    }
}

/// What bob gets instead of the log: another order, numbered as if it were the true one.
fn reorder(bob: &mut Host, order: impl Fn(Vec<Entry>) -> Vec<Entry> + Send + 'static) {
    let mut held: Vec<Entry> = Vec::new();
    bob.lies.about_frames(move |frame| match frame {
        ServerFrame::Deliver { entries } => {
            held.extend(entries);
            let first = held.first().map_or(0, |entry| entry.seq);
            let numbered = (first..).zip(order(std::mem::take(&mut held))).map(|(seq, entry)| Entry { seq, ..entry });
            vec![ServerFrame::Deliver { entries: numbered.collect() }]
        }
        other => vec![other],
    });
}

// The first of some messages comes after all others of a batch. OpenMLS keeps the newest 20 keys, that of the newest message among them.
// Fails with `OUT_OF_ORDER_TOLERANCE` 19 or 22.
#[tokio::test]
async fn r34_tolerance_19_late_is_read_and_21_late_is_told() {
    for (late, read) in [(19, true), (21, false)] {
        let world = World::new().await;
        let (mut alice, mut bob, room) = world.pair().await;
        bob.open(room).await.unwrap();
        bob.set_online(false);
        bob.run().await;
        for n in 0..=late {
            alice.say(room, &format!("text {n}")).await.unwrap();
            settle(&mut [&mut alice]).await;
        }
        reorder(&mut bob, |mut entries| {
            if entries.len() > 1 {
                entries.rotate_left(1);
            }
            entries
        });
        bob.set_online(true);
        bob.call(sotto_client_api::Command::Nudge).await.unwrap();
        pass_a_minute(&mut alice, &mut bob).await;
        assert_eq!(said(&bob).contains(&"text 0".to_owned()), read, "{late} late");
        assert_eq!(bob.lines().contains(&SystemLine::NotReadable), !read);
        assert_eq!(withheld(&bob), [1], "it was missing when the next one came");
        bob.lies.stop();
        let before = said(&bob).len();
        talk(&mut alice, &mut bob, room, 4).await;
        assert_eq!(said(&bob).len(), before + 4, "the ratchet is whole: {:?}", bob.lines());
    }
}

// 1,001 messages are left out: the next one does not open, and nothing but that is lost of the ratchet. Fails with `FORWARD_DISTANCE` 1001.
#[tokio::test]
async fn r34_forward_distance_1001_skipped_are_told_and_the_next_epoch_is_read() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.open(room).await.unwrap();
    bob.set_online(false);
    bob.run().await;
    // All in one epoch: alice does not see her own log meanwhile.
    alice.lies.about_entries(|_| None);
    for n in 0..1_002 {
        alice.say(room, &format!("text {n}")).await.unwrap();
    }
    alice.lies.stop();
    bob.lies.drop_and_renumber(|entry| (2..1_003).contains(&entry.seq));
    bob.set_online(true);
    bob.call(sotto_client_api::Command::Nudge).await.unwrap();
    pass_a_minute(&mut alice, &mut bob).await;
    assert_eq!((said(&bob), bob.lines().last()), (Vec::new(), Some(&SystemLine::NotReadable)), "{:?}", bob.notices);

    // Alice sees what she said; her keys are due, and what follows is read again.
    alice.reload().await.unwrap();
    pass_a_minute(&mut alice, &mut bob).await;
    alice.open(room).await.unwrap();
    alice.say(room, "in the next epoch").await.unwrap();
    pass_a_minute(&mut alice, &mut bob).await;
    assert_eq!((said(&bob), withheld(&bob)), (vec!["in the next epoch".to_owned()], vec![1_002]), "{:?}", bob.lines());
}

// The commit of an epoch is held back, what was said in it is not: nothing of it is kept, and all of it is asked for again. Fails when
// `Engine::expected` passes over a gap.
#[tokio::test]
async fn r35_withheld_commit_nothing_is_lost_and_all_is_shown_once() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.open(room).await.unwrap();
    let (holding, most) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(0)));
    let (hold, seen) = (holding.clone(), most.clone());
    bob.lies.about_entries(move |entry| {
        let withheld = entry.kind == EntryKind::Commit && hold.load(Ordering::Relaxed);
        *seen.lock().unwrap() += usize::from(!withheld);
        (!withheld).then_some(entry)
    });

    alice.now += limits::UPDATE_AFTER_MS;
    pass_a_minute(&mut alice, &mut bob).await;
    assert_eq!((alice.epochs().unwrap()[&room], bob.epochs().unwrap()[&room]), (2, 1));
    let mut texts = Vec::new();
    for n in 0..20 {
        let text = format!("text {n}");
        alice.say(room, &text).await.unwrap();
        texts.push(text);
        settle(&mut [&mut alice, &mut bob]).await;
    }
    pass_a_minute(&mut alice, &mut bob).await;
    assert_eq!(bob.texts(), []);
    assert_eq!((bob.lines().len(), &bob.notices), (1, &vec![]), "he has a gap, and has lost nothing");
    // Asking again for what is withheld does not multiply: once at the gap, and once more after a while.
    assert!(*most.lock().unwrap() <= 20 * 22, "{} entries came", most.lock().unwrap());

    holding.store(false, Ordering::Relaxed);
    bob.set_online(false);
    bob.run().await;
    bob.set_online(true);
    bob.call(sotto_client_api::Command::Nudge).await.unwrap();
    pass_a_minute(&mut alice, &mut bob).await;
    assert_eq!(said(&bob), texts);
    assert_eq!(bob.notices, []);
    texts.extend(talk(&mut alice, &mut bob, room, 4).await);
    assert_eq!((said(&alice), said(&bob)), (texts.clone(), texts));
}

// A server that lets nothing more through can't be told from silence: what shows is how old the newest thing is that came. Fails without
// `heard_at` in the engine's `apply_entry` (nothing is shown), when it is taken from an entry that did not verify or from an own one
// (then a server makes it look new), and without the look at the own clock there.
#[tokio::test]
async fn r35_withheld_traffic_shows_as_the_age_of_what_was_heard_last() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.open(room).await.unwrap();
    assert_eq!(bob.rooms[&room].heard_at, None, "nothing came yet");
    bob.say(room, "hello").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    alice.now += 60_000;
    bob.now = alice.now;
    let heard = alice.now;
    alice.say(room, "the last thing that comes").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(bob.rooms[&room].heard_at, Some(heard));

    let record = bob.lies.record();
    let account = alice.caller().await.unwrap().account;
    bob.lies.about_entries(move |entry| (entry.account != account).then_some(entry));
    for host in [&mut alice, &mut bob] {
        host.now += 3 * 3_600_000;
    }
    bob.say(room, "an own one").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    alice.say(room, "withheld").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    // Something in her name that she has not said.
    let withheld = record.entries(room).pop().unwrap();
    let garbage = sotto_protocol::Bytes(vec![7; 99]);
    let before = Entry { seq: withheld.seq - 1, ..withheld.clone() };
    let made_up = Entry { account, ..made_up(&before, 1, EntryKind::Message, garbage) };
    bob.inject(&ServerFrame::Deliver { entries: vec![made_up] });
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(bob.rooms[&room].heard_at, Some(heard));
    bob.reload().await.unwrap();
    assert_eq!(bob.rooms[&room].heard_at, Some(heard), "right after a reload");

    // What is true can't be dated later than it comes.
    bob.lies.stop();
    bob.lies.about_entries(|entry| Some(Entry { at: entry.at + 24 * 3_600_000, ..entry }));
    pass_a_minute(&mut alice, &mut bob).await;
    alice.say(room, "from tomorrow").await.unwrap();
    pass_a_minute(&mut alice, &mut bob).await;
    let at = bob.rooms[&room].heard_at.unwrap();
    assert!(heard < at && at <= bob.now, "{heard} {at} {}", bob.now);
}
