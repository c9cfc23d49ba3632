//! Several devices of one account, through real engines and the real backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use kit::{PASSWORD, World, devices, said, seconds, settle};
use sotto_client_api::views::{DeviceView, Phase, SystemLine};
use sotto_client_api::{Command, Reply};
use sotto_protocol::api::ErrorBody;
use sotto_protocol::{DeviceId, ErrorCode, RoomId};
use sotto_sim::{Host, SimError};

fn own(host: &Host) -> DeviceId {
    let Phase::Ready { device, .. } = host.phase else { panic!("{:?}", host.phase) };
    device
}

/// Alice with two browsers and bob with one, and their room, which is open in all.
async fn two_and_one(world: &World) -> ([Host; 3], RoomId) {
    let (mut alice, mut bob, room) = world.pair().await;
    let mut laptop = world.second("alice-1", world.now).await;
    settle(&mut [&mut alice, &mut laptop, &mut bob]).await;
    for host in [&mut laptop, &mut bob] {
        host.open(room).await.unwrap();
    }
    ([alice, laptop, bob], room)
}

async fn all_settle(hosts: &mut [Host]) {
    settle(&mut hosts.iter_mut().collect::<Vec<_>>()).await;
}

// Fails when `open_device` makes a list of the new device alone, or when `devices_known` is true from the beginning (the first browser
// would throw the second one out before it has heard of it).
#[tokio::test]
async fn a_second_browser_is_a_device_of_its_own_and_both_go_on() {
    let world = World::new().await;
    let (mut hosts, room) = two_and_one(&world).await;
    assert!(hosts.iter().all(|host| matches!(host.phase, Phase::Ready { .. })));
    let listed = [devices(&mut hosts[0]).await, devices(&mut hosts[1]).await];
    let ids = |listed: &[DeviceView]| listed.iter().map(|view| view.device).collect::<Vec<_>>();
    assert_eq!(ids(&listed[0]), [own(&hosts[0]), own(&hosts[1])]);
    assert_eq!(ids(&listed[1]), ids(&listed[0]));
    assert_eq!(listed.map(|listed| listed.iter().map(|view| view.current).collect::<Vec<_>>()), [[true, false], [false, true]]);

    for (host, text) in hosts.iter_mut().zip(["from the phone", "from the laptop", "from bob"]) {
        host.say(room, text).await.unwrap();
    }
    all_settle(&mut hosts).await;
    let expected = said(&hosts[0]);
    assert_eq!(expected.len(), 3);
    for host in &hosts {
        assert_eq!(said(host), expected);
    }
    assert_eq!(hosts[0].epochs().unwrap(), hosts[1].epochs().unwrap());
    assert_eq!(hosts[0].epochs().unwrap(), hosts[2].epochs().unwrap());
    // What the other browser wrote is one's own: nothing to read, and its state is known here too.
    assert!(hosts[0].texts().contains(&("from the laptop".into(), "delivered")), "{:?}", hosts[0].texts());
    assert_eq!(hosts[0].rooms[&room].unread, 1);
    for host in [&hosts[0], &hosts[2]] {
        let joined =
            host.lines().into_iter().filter(|line| matches!(line, SystemLine::NewDevice { who } if who.name.as_str() == "alice-1"));
        assert_eq!(joined.count(), 1, "{:?}", host.lines());
    }
    assert!(hosts[1].lines().contains(&SystemLine::JoinedHere));
}

// Fails without `seen_elsewhere`.
#[tokio::test]
async fn what_was_read_in_one_browser_is_read_in_the_other() {
    let world = World::new().await;
    let (mut hosts, room) = two_and_one(&world).await;
    hosts[2].say(room, "for both").await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!([hosts[0].rooms[&room].unread, hosts[1].rooms[&room].unread], [1, 1]);
    let newest = hosts[1].timeline.values().filter_map(|entry| entry.seq).max().unwrap();
    hosts[1].call(Command::MarkRead { room, seq: newest }).await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!([hosts[0].rooms[&room].unread, hosts[1].rooms[&room].unread], [0, 0]);
    assert_eq!(hosts[2].texts().last().unwrap().1, "read");
}

// Fails without `bring_own_devices`, and for the group with the role asked of the own account in `claimed_for`.
#[tokio::test]
async fn rooms_that_one_browser_makes_are_in_the_other_at_once() {
    let world = World::new().await;
    let (mut hosts, _) = two_and_one(&world).await;
    let mut carol = world.person("carol-1").await;
    let pair = hosts[0].open_with("carol-1").await.unwrap();
    let Reply::Room(group) = hosts[0].call(Command::CreateGroup { name: "The board".into(), room: None }).await.unwrap() else {
        panic!("no room")
    };
    let notes = hosts[0].open_with("alice-1").await.unwrap();
    hosts[0].say(notes, "buy stamps").await.unwrap();
    let [alice, laptop, _] = &mut hosts;
    settle(&mut [alice, laptop, &mut carol]).await;
    for room in [pair, group.room, notes] {
        assert!(laptop.rooms.contains_key(&room), "{:?}", laptop.notices);
        laptop.open(room).await.unwrap();
        laptop.say(room, "from the laptop").await.unwrap();
        settle(&mut [alice, laptop, &mut carol]).await;
        alice.open(room).await.unwrap();
        assert_eq!(said(alice).last().unwrap(), "from the laptop");
    }
    assert_eq!(laptop.rooms[&group.room].title, "The board");
    carol.open(pair).await.unwrap();
    assert_eq!(said(&carol), ["from the laptop"]);
}

// Fails when `claimed` takes the first package alone.
#[tokio::test]
async fn somebody_elses_first_message_reaches_all_browsers() {
    let world = World::new().await;
    let (mut hosts, _) = two_and_one(&world).await;
    let mut carol = world.person("carol-1").await;
    let room = carol.open_with("alice-1").await.unwrap();
    carol.say(room, "hello to all of you").await.unwrap();
    let [alice, laptop, _] = &mut hosts;
    settle(&mut [alice, laptop, &mut carol]).await;
    for host in [alice, laptop] {
        host.open(room).await.unwrap();
        assert_eq!(said(host), ["hello to all of you"]);
        assert!(!host.lines().contains(&SystemLine::JoinedHere), "it came by Welcome");
    }
}

// Fails without the loop at the end of `learn_own_list`, and without `end_of_other_devices` in the store's `put_devices`.
#[tokio::test]
async fn r13_revocation_a_removed_browser_is_out_of_everything_at_once() {
    let world = World::new().await;
    let (mut hosts, room) = two_and_one(&world).await;
    let gone = own(&hosts[1]);
    let error = hosts[0].remove_device("alice-1", "a wrong evening by the sea", gone).await.unwrap_err();
    assert_eq!(error.0, ErrorCode::WrongCredentials);
    let this = own(&hosts[0]);
    assert_eq!(hosts[0].remove_device("alice-1", PASSWORD, this).await.unwrap_err(), SimError(ErrorCode::Forbidden, "RemoveDevice"));
    hosts[0].remove_device("alice-1", PASSWORD, gone).await.unwrap();
    all_settle(&mut hosts).await;
    assert!(matches!(hosts[1].phase, Phase::Replaced { .. }), "{:?}", hosts[1].phase);
    assert_eq!(hosts[1].caller().await.unwrap_err().0, ErrorCode::SignedOut);
    assert_eq!(devices(&mut hosts[0]).await.len(), 1);
    hosts[2].say(room, "not for the laptop").await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(said(&hosts[0]), ["not for the laptop"]);
    assert!(said(&hosts[1]).is_empty());
    assert_eq!(hosts[0].epochs().unwrap(), hosts[2].epochs().unwrap());

    // It comes back as a new device, by the password.
    hosts[1].sign_in("alice-1", PASSWORD).await.unwrap();
    all_settle(&mut hosts).await;
    assert_ne!(own(&hosts[1]), gone);
    hosts[2].say(room, "welcome back").await.unwrap();
    all_settle(&mut hosts).await;
    hosts[1].open(room).await.unwrap();
    assert_eq!(said(&hosts[1]), ["welcome back"]);
}

// Fails without `ask_own_devices` in `frame` for `Ready`: the browser that removes is gone before it can commit anything.
#[tokio::test]
async fn what_one_browser_could_not_finish_the_next_one_does() {
    let world = World::new().await;
    let (mut hosts, room) = two_and_one(&world).await;
    let gone = own(&hosts[1]);
    let mut tablet = world.second("alice-1", world.now).await;
    let [alice, laptop, bob] = &mut hosts;
    settle(&mut [alice, laptop, bob, &mut tablet]).await;
    tablet.set_online(false);
    // The list is taken, and then the browser dies with the answer on its way.
    alice.die_after = Some("/api/v1/devices");
    let _died = alice.remove_device("alice-1", PASSWORD, gone).await;
    assert!(!alice.is_alive());
    let before = bob.epochs().unwrap();
    settle(&mut [laptop, bob]).await;
    assert_eq!(bob.epochs().unwrap(), before, "nobody has committed it yet");
    tablet.set_online(true);
    tablet.call(Command::Nudge).await.unwrap();
    settle(&mut [laptop, bob, &mut tablet]).await;
    assert_eq!(devices(&mut tablet).await.len(), 2);
    assert!(bob.epochs().unwrap()[&room] > before[&room]);
    assert!(matches!(laptop.phase, Phase::Replaced { .. }), "{:?}", laptop.phase);
}

// Fails when `devices.remove(0)` goes, or `make_room` is not asked for.
#[tokio::test]
async fn the_eleventh_device_takes_the_place_of_the_first_when_the_person_agrees() {
    let world = World::new().await;
    let mut first = world.person("alice-1").await;
    let mut newest = Vec::new();
    for _ in 1..10 {
        newest.push(world.second("alice-1", world.now).await);
        settle(&mut [&mut first, newest.last_mut().unwrap()]).await;
    }
    assert_eq!(devices(newest.last_mut().unwrap()).await.len(), 10);
    let mut eleventh = world.second("alice-1", world.now).await;
    settle(&mut [&mut first, &mut eleventh]).await;
    assert_eq!(devices(&mut eleventh).await.len(), 10);
    assert!(matches!(first.phase, Phase::Replaced { .. }), "{:?}", first.phase);
}

/// The next answer at a path is lost on its way.
fn lose_answer(host: &mut Host, path: &'static str) {
    let mut lost = false;
    host.lies.about_answers(move |at, answer| {
        if lost || !at.ends_with(path) {
            return answer;
        }
        lost = true;
        Err(ErrorBody { code: ErrorCode::Offline, retry_after: None, room: None, epoch: None })
    });
}

// Seed 88 of the world with devices. Fails when `ask_lists` leaves the own account out: the list stays the old one on this connection.
#[tokio::test]
async fn the_own_list_that_is_lost_on_its_way_is_asked_for_again() {
    let world = World::new().await;
    let (mut alice, mut bob, _) = world.pair().await;
    lose_answer(&mut alice, "/devices");
    let mut laptop = world.second("alice-1", world.now).await;
    settle(&mut [&mut alice, &mut laptop, &mut bob]).await;
    seconds(&mut [&mut alice, &mut laptop, &mut bob], 5).await;
    assert_eq!(devices(&mut alice).await.len(), 2);
}

// Seeds 36 and 227 of the world with devices: the group was named before the laptop came. Fails without `DeviceCame` in `apply_entry`, and when
// `bring_own_devices` leaves no wish: the request that is lost is not repeated.
#[tokio::test]
async fn the_other_browser_is_brought_into_a_group_and_told_its_name_also_when_a_request_is_lost() {
    let world = World::new().await;
    let (mut hosts, _) = two_and_one(&world).await;
    let [alice, laptop, _] = &mut hosts;
    lose_answer(alice, "/key-packages/claim");
    let Reply::Room(group) = alice.call(Command::CreateGroup { name: "The board".into(), room: None }).await.unwrap() else {
        panic!("no room")
    };
    seconds(&mut [alice, laptop], 8).await;
    assert_eq!(laptop.rooms.get(&group.room).map(|room| room.title.as_str()), Some("The board"));
}

// Seed 1234 of the world with devices: whoever made the room is gone before it could bring anybody in. Fails without the look for missing rooms
// that `Rooms` asks for, and without the server's word in `create_room`.
#[tokio::test]
async fn a_browser_that_nobody_brings_in_is_told_and_takes_its_seat() {
    let world = World::new().await;
    let (mut hosts, _) = two_and_one(&world).await;
    let [alice, laptop, _] = &mut hosts;
    alice.die_after = Some("/api/v1/rooms");
    let _died = alice.call(Command::CreateGroup { name: "The board".into(), room: None }).await;
    assert!(!alice.is_alive());
    let before = laptop.epochs().unwrap().len();
    seconds(&mut [laptop], 8).await;
    assert_eq!(laptop.epochs().unwrap().len(), before + 1);
}
