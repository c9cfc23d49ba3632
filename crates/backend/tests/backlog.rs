//! What a connection still has to get: in the order that is wanted, and no more at once than the device works off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::kit::*;
use crate::rig::*;
use sotto_backend::Backlog;
use sotto_protocol::frames::{Cursor, ServerFrame};
use sotto_protocol::{RoomId, codec};

/// So long that one of them is a page.
const LONG: usize = 48_500;

/// Noor, who has read nothing of her rooms with mira (`long` entries, each a page) and eve (one page).
async fn unread(rig: &Rig, long: usize) -> (Person, RoomId, RoomId) {
    let (mira, eve) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "eve").await);
    let noor = Person::ready(&rig.backend, "noor").await;
    let (mut much, little) = (mira.room(&rig.backend, &noor).await, eve.room(&rig.backend, &noor).await);
    for _ in 1..long {
        mira.send(&rig.backend, &mut much, &"x".repeat(LONG)).await.unwrap();
    }
    (noor, much.room, little.room)
}

/// The next page: its room and the length of its frame. `None` when there is nothing more.
async fn page(rig: &Rig, reader: &Person, backlog: &mut Backlog) -> Option<(RoomId, u64)> {
    loop {
        match backlog.next(&rig.backend, reader.caller()).await.unwrap().pop() {
            Some(frame @ ServerFrame::Deliver { .. }) => {
                let length = codec::encode(&frame).len() as u64;
                let ServerFrame::Deliver { entries } = frame else { continue };
                return Some((entries[0].room, length));
            }
            Some(ServerFrame::CaughtUp) => return None,
            // The end of a room.
            None => {}
            other => panic!("{other:?}"),
        }
    }
}

// Fails without `on_its_way` in `is_due`.
#[tokio::test]
async fn nothing_follows_on_a_full_window_before_entries_were_worked_off() {
    let rig = rig().await;
    let (noor, much, _) = unread(&rig, 6).await;
    let mut backlog = Backlog::default();
    backlog.join(Cursor { room: much, seq: 0 });
    backlog.begin(2 * LONG as u64);
    let mut lengths = Vec::new();
    while backlog.is_due() {
        lengths.push(page(&rig, &noor, &mut backlog).await.unwrap().1);
    }
    assert_eq!(lengths.len(), 3, "the first commit and two long ones: {lengths:?}");
    let on_its_way: u64 = lengths.iter().sum();
    backlog.took(on_its_way - 2 * LONG as u64, None);
    assert!(!backlog.is_due());
    backlog.took(1, None);
    assert!(backlog.is_due());
    // Somebody who says more than is true gets what there is, no sooner than without a window.
    backlog.took(u64::MAX, None);
    let mut rest = 0;
    while let Some((_, length)) = page(&rig, &noor, &mut backlog).await {
        backlog.took(length, None);
        rest += 1;
    }
    assert_eq!(rest, 3);
}

// Fails with `push_back` for a room that has more.
#[tokio::test]
async fn rooms_are_read_to_their_end_in_the_order_of_the_hello_unless_another_is_wanted_next() {
    let rig = rig().await;
    let (noor, much, little) = unread(&rig, 4).await;
    for (order, next, wanted) in [
        ([much, little], None, vec![much, much, much, much, little]),
        ([little, much], None, vec![little, much, much, much, much]),
        ([much, little], Some(little), vec![much, little, much, much, much]),
        ([much, little], Some(RoomId([7; 16])), vec![much, much, much, much, little]),
    ] {
        let mut backlog = Backlog::default();
        order.into_iter().for_each(|room| backlog.join(Cursor { room, seq: 0 }));
        backlog.begin(0);
        let mut read = Vec::new();
        while let Some((room, _)) = page(&rig, &noor, &mut backlog).await {
            read.push(room);
            backlog.took(0, next.filter(|_| read.len() == 1));
        }
        assert_eq!(read, wanted);
    }
}

// Fails without `TURN`.
#[tokio::test]
async fn a_room_with_very_much_makes_way() {
    let rig = rig().await;
    let (noor, much, little) = unread(&rig, 40).await;
    let mut backlog = Backlog::default();
    [much, little].into_iter().for_each(|room| backlog.join(Cursor { room, seq: 0 }));
    backlog.begin(0);
    let mut read = Vec::new();
    while let Some((room, _)) = page(&rig, &noor, &mut backlog).await {
        read.push(room);
    }
    assert_eq!(read.iter().position(|room| *room == little), Some(32));
    assert_eq!(read.len(), 41);
}
