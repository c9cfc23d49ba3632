//! Coming back to much: what waits in memory, what comes first, how often it is drawn. Rig: px, with a disk that takes its time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod kit;

use kit::{World, settle};
use sotto_client_api::views::ConnectionView;
use sotto_client_api::{Command, FromWorker, Update};
use sotto_protocol::frames::ServerFrame;
use sotto_protocol::{RoomId, limits};
use sotto_sim::Host;

/// Texts of each friend while bob is away: twice the window, and few enough that no key update is due.
const TEXTS: usize = 60;
/// Bytes of each, and how many of them are a page.
const LONG: usize = 8_000;
const PAGE: usize = 6;

/// Bob, who is away, and his rooms with three friends, the newest talk first. Each has said `texts` meanwhile, of so many bytes.
async fn away(world: &World, texts: usize, bytes: usize) -> (Host, [RoomId; 3]) {
    let mut bob = world.person("bob-1").await;
    let mut friends = Vec::new();
    for name in ["alice-1", "carol-1", "dave-1"] {
        let mut friend = world.person(name).await;
        bob.now += 60_000;
        friend.now = bob.now;
        let room = friend.open_with("bob-1").await.unwrap();
        friend.say(room, "hello").await.unwrap();
        settle(&mut [&mut bob, &mut friend]).await;
        friends.push((friend, room));
    }
    bob.set_online(false);
    bob.run().await;
    for (friend, room) in &mut friends {
        for n in 0..texts {
            friend.ask(Command::SendText { room: *room, text: format!("{n:0bytes$}"), message: None });
        }
        settle(&mut [friend]).await;
    }
    let mut rooms: Vec<RoomId> = friends.into_iter().map(|(_, room)| room).collect();
    rooms.reverse();
    bob.log = sotto_sim::LogCount::default();
    bob.disk_takes = 30;
    bob.said();
    (bob, rooms.try_into().unwrap())
}

fn come_back(bob: &mut Host) {
    bob.set_online(true);
    bob.ask(Command::Nudge);
}

/// Rooms in the order in which they were drawn first, and what was counted.
fn drawn(bob: &mut Host) -> (Vec<RoomId>, Vec<(u32, u32)>) {
    let (mut rooms, mut counts) = (Vec::new(), Vec::new());
    for said in bob.said() {
        match said {
            FromWorker::Update(Update::Room(view)) if !rooms.contains(&view.room) => rooms.push(view.room),
            FromWorker::Update(Update::Connection(ConnectionView::CatchingUp { done, total: total @ 1.. })) => counts.push((done, total)),
            _ => {}
        }
    }
    (rooms, counts)
}

fn unread(bob: &Host, rooms: &[RoomId]) -> Vec<usize> {
    rooms.iter().map(|room| bob.rooms[room].unread as usize).collect()
}

// The bound fails when `Engine::frame` says `Took` before the entries are stored, and when `Hello` names no window; the counts without
// the pace in `Engine::draw`.
#[tokio::test]
async fn what_waits_is_bounded_by_the_window_and_drawn_ten_times_a_second() {
    let world = World::new().await;
    let (mut bob, rooms) = away(&world, TEXTS, LONG).await;
    let began = bob.now;
    come_back(&mut bob);
    bob.run().await;

    assert_eq!(bob.log.stored, 3 * TEXTS);
    // The window, to the end of the frame in which it was reached.
    let most = limits::DELIVERY_WINDOW / LONG + PAGE;
    assert!(bob.log.most_between <= most, "{:?}: more than {most}", bob.log);
    assert_eq!(unread(&bob, &rooms), [TEXTS + 1; 3]);

    let tenths = usize::try_from((bob.now - began) / 100).unwrap();
    let (order, counts) = drawn(&mut bob);
    assert!(tenths > 4 && (2..tenths).contains(&counts.len()), "{counts:?} in {tenths} tenths of a second");
    assert!(counts.is_sorted() && counts.iter().all(|count| count.1 == 3 * 60), "{counts:?}");
    assert_eq!(order, rooms, "the newest talk first");
}

// Fails without the order in `Engine::socket_opened`.
#[tokio::test]
async fn the_open_room_comes_first() {
    let world = World::new().await;
    let (mut bob, [newest, middle, oldest]) = away(&world, TEXTS, LONG).await;
    bob.open(oldest).await.unwrap();
    bob.said();
    come_back(&mut bob);
    bob.run().await;
    assert_eq!(drawn(&mut bob).0, [oldest, newest, middle]);
    assert_eq!(bob.texts().len(), TEXTS + 1);
}

// Fails when `Engine::took` names no room, and when a command waits behind frames in `Engine::step`.
#[tokio::test]
async fn a_room_that_is_opened_meanwhile_comes_next() {
    let world = World::new().await;
    let (mut bob, [newest, middle, oldest]) = away(&world, TEXTS, LONG).await;
    come_back(&mut bob);
    bob.stop_at = Some(6);
    bob.run().await;
    bob.open(oldest).await.unwrap();
    bob.run().await;
    let (order, _) = drawn(&mut bob);
    let place = |room| order.iter().position(|drawn| *drawn == room).unwrap();
    assert!(place(newest) < place(oldest) && place(oldest) < place(middle), "{order:?}");
    assert_eq!(unread(&bob, &[newest, middle, oldest]), [TEXTS + 1; 3]);
}

// A server from before there were windows would hang up over `Took`. Fails without the look at `window` in `Engine::took`.
#[tokio::test]
async fn a_server_without_windows_is_not_told() {
    let world = World::new().await;
    let (mut bob, rooms) = away(&world, 10, LONG).await;
    bob.lies.about_frames(|frame| match frame {
        ServerFrame::Ready { now, key_packages, heads, held, .. } => {
            vec![ServerFrame::Ready { now, key_packages, heads, held, window: 0 }]
        }
        other => vec![other],
    });
    come_back(&mut bob);
    bob.run().await;
    assert_eq!((bob.log.took, unread(&bob, &rooms)), (0, vec![11; 3]));
}
