//! What may happen to frames between the real server and a real engine: they come again, in another order, or late. Rig: px.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod kit;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use kit::{World, pass_a_minute, settle};
use sotto_protocol::frames::{EntryKind, ServerFrame};
use sotto_protocol::{RoomId, limits};
use sotto_sim::Host;

fn said(host: &Host) -> Vec<String> {
    host.texts().into_iter().map(|(text, _)| text).collect()
}

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
