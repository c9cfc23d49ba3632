//! History for devices that come later, through real engines and the real backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use kit::{World, online, said, settle, write_down};
use sotto_client_api::{Command, Reply};
use sotto_protocol::RoomId;
use sotto_sim::Host;

async fn older(host: &mut Host, room: RoomId) -> (usize, bool) {
    let before = host.timeline.values().filter_map(|entry| entry.seq).min();
    let Reply::Timeline { entries, more, .. } = host.call(Command::OpenRoom { room, before }).await.unwrap() else { panic!("no page") };
    let count = entries.len();
    host.timeline.extend(entries.into_iter().map(|entry| (entry.key.clone(), entry)));
    (count, more)
}

// Fails without `expect_history` in `seat_taken`, and without `archive_soon` in `advance_past`.
#[tokio::test]
async fn a_new_browser_shows_what_was_said_before_it() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    for number in 0..3 {
        alice.say(room, &format!("from alice {number}")).await.unwrap();
        bob.say(room, &format!("from bob {number}")).await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    write_down(&mut [&mut alice, &mut bob]).await;
    let expected = said(&alice);
    assert_eq!(expected.len(), 6);

    let mut laptop = world.second("alice-1", alice.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    laptop.open(room).await.unwrap();
    assert_eq!(said(&laptop), expected);
    assert_eq!(laptop.rooms[&room].preview.as_ref().unwrap().text, expected[5]);
    assert_eq!(laptop.rooms[&room].unread, 0, "what is history is not news");
    // What is said from now on is on all, once, in one order.
    bob.say(room, "to both").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    assert_eq!(said(&laptop)[6..], ["to both"]);
    // All of it is there after a reload, too.
    laptop.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    laptop.open(room).await.unwrap();
    assert_eq!(said(&laptop)[..6], expected);
}

// Fails without `fetch_history` in `show_page`.
#[tokio::test]
async fn older_pages_come_as_one_scrolls_back() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    for number in 0..200 {
        alice.say(room, &format!("text {number}")).await.unwrap();
        if number % 20 == 0 {
            settle(&mut [&mut alice, &mut bob]).await;
        }
    }
    settle(&mut [&mut alice, &mut bob]).await;
    write_down(&mut [&mut alice, &mut bob]).await;
    let mut laptop = world.second("alice-1", alice.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    laptop.open(room).await.unwrap();
    let first = said(&laptop).len();
    assert!((20..=128).contains(&first), "the newest page and not all: {first}");
    for _ in 0..10 {
        if !older(&mut laptop, room).await.1 {
            break;
        }
    }
    let texts = said(&laptop);
    assert_eq!(texts, (0..200).map(|number| format!("text {number}")).collect::<Vec<_>>());
    assert_eq!(older(&mut laptop, room).await, (0, false));
}

// Fails when `shelf_put` takes a refused page for written, or `page_to_shelf` writes a page that it has not read.
#[tokio::test]
async fn two_browsers_fill_one_page_and_lose_nothing() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let mut laptop = world.second("alice-1", alice.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    for number in 0..30 {
        let by = if number % 2 == 0 { &mut alice } else { &mut laptop };
        by.say(room, &format!("text {number}")).await.unwrap();
        settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
        if number % 7 == 0 {
            write_down(&mut [&mut alice, &mut laptop]).await;
        }
        // One of them is away for a while: what it missed the other writes.
        if number == 10 {
            alice.set_online(false);
        }
        if number == 20 {
            alice.set_online(true);
            alice.call(Command::Nudge).await.unwrap();
            settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
        }
    }
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    write_down(&mut [&mut alice, &mut bob, &mut laptop]).await;
    let mut tablet = world.second("alice-1", alice.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop, &mut tablet]).await;
    tablet.open(room).await.unwrap();
    alice.open(room).await.unwrap();
    assert_eq!(said(&tablet), said(&alice));
    assert_eq!(said(&tablet).len(), 30);
}

// Fails without `meet`.
#[tokio::test]
async fn people_of_the_past_have_their_names() {
    let world = World::new().await;
    let mut alice = world.person("alice-1").await;
    let mut bob = world.person("bob-1").await;
    let mut carol = world.person("carol-1").await;
    let Reply::Room(group) = alice.call(Command::CreateGroup { name: "The board".into(), room: None }).await.unwrap() else {
        panic!("no room")
    };
    let room = group.room;
    for name in ["bob-1", "carol-1"] {
        alice.call(Command::AddPerson { room, name: sotto_protocol::UserName::parse(name).unwrap() }).await.unwrap();
        settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    }
    bob.call(Command::AcceptRequest { room }).await.unwrap();
    carol.say(room, "I was here").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    let sotto_client_api::views::Phase::Ready { me, .. } = &carol.phase else { panic!("nobody") };
    alice.call(Command::RemovePerson { room, account: me.account }).await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    write_down(&mut [&mut alice, &mut bob]).await;

    let mut laptop = world.second("bob-1", bob.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    laptop.open(room).await.unwrap();
    assert_eq!(said(&laptop), ["I was here"]);
    let authors = laptop.timeline.values().filter_map(|entry| match &entry.body {
        sotto_client_api::views::EntryBody::Message(message) => Some(message.author.name.to_string()),
        sotto_client_api::views::EntryBody::System(_) => None,
    });
    assert_eq!(authors.collect::<Vec<_>>(), ["carol-1"]);
}

// Rig: db. Fails when a page is stored as it is encoded.
#[tokio::test]
async fn a_stolen_database_shows_nothing_of_the_archive() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    alice.say(room, "a marker nobody else writes").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    write_down(&mut [&mut alice, &mut bob]).await;
    let mut stored = Vec::new();
    for file in std::fs::read_dir(world.dir.path()).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
        stored.extend(std::fs::read(file.path()).unwrap());
    }
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|window| window == needle);
    assert!(!holds(b"a marker nobody else writes"));
    let caller = alice.caller().await.unwrap();
    let shelves = sotto_protocol::api::ReadPages { wanted: Vec::new() };
    assert!(world.backend.read_pages(&caller, shelves).await.unwrap().pages.is_empty());
}

// Seed 39 of the world with devices: alice's browser goes away before it has archived what it has said, and the laptop finds nothing when it
// comes. Fails without `fetch_what_came_late` in `open_room`.
#[tokio::test]
async fn what_another_browser_archives_late_is_there_when_somebody_looks() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    alice.say(room, "said at the last moment").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    alice.set_online(false);
    let mut laptop = world.second("alice-1", alice.now).await;
    settle(&mut [&mut laptop, &mut bob]).await;
    laptop.open(room).await.unwrap();
    settle(&mut [&mut laptop, &mut bob]).await;
    assert!(said(&laptop).is_empty(), "there was something in the archive");

    online(&mut [&mut alice, &mut laptop, &mut bob], 0, 10).await;
    write_down(&mut [&mut alice, &mut bob]).await;
    laptop.now += 30_000;
    // A host draws the answer after everything that came with it, so it looks once more.
    for _ in 0..2 {
        laptop.open(room).await.unwrap();
        settle(&mut [&mut laptop, &mut bob]).await;
    }
    assert_eq!(said(&laptop), ["said at the last moment"]);
}
