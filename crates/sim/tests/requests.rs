//! Requests of strangers, and blocking, through real engines and the real backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use kit::{World, said, settle};
use sotto_client_api::views::Phase;
use sotto_client_api::{Command, Reply};
use sotto_protocol::api::{BlockPerson, Blocked, Person};
use sotto_protocol::{AccountId, ErrorCode, RoomId, UserName, codec};
use sotto_sim::Host;

/// How far the last own text has come.
fn state(host: &Host) -> &'static str {
    host.texts().last().unwrap().1
}

fn account(host: &Host) -> AccountId {
    let Phase::Ready { me, .. } = &host.phase else { panic!("{:?}", host.phase) };
    me.account
}

fn asks(host: &Host, room: RoomId) -> Option<String> {
    host.rooms[&room].request.as_ref().map(|by| by.name.to_string())
}

async fn head(host: &Host, room: RoomId) -> u64 {
    let heads = host.backend.heads(&host.caller().await.unwrap()).await.unwrap();
    heads.iter().find(|head| head.room == room).unwrap().seq
}

async fn group(host: &mut Host, whom: &str) -> RoomId {
    let Reply::Room(made) = host.call(Command::CreateGroup { name: "The board".into(), room: None }).await.unwrap() else {
        panic!("no group")
    };
    host.run().await;
    host.call(Command::AddPerson { room: made.room, name: UserName::parse(whom).unwrap() }).await.unwrap();
    made.room
}

/// Alice is a stranger to bob, and has written to him.
async fn stranger(world: &World) -> (Host, Host, RoomId) {
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    settle(&mut [&mut alice, &mut bob]).await;
    let room = alice.open_with("bob-1").await.unwrap();
    alice.say(room, "hello stranger").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    (alice, bob, room)
}

// Fails without `room.request.is_some()` in `queue_receipt`.
#[tokio::test]
async fn r69_request_nothing_leaves_for_it_until_it_is_accepted() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = stranger(&world).await;
    assert_eq!((asks(&bob, room), asks(&alice, room)), (Some("alice-1".into()), None));
    assert_eq!(bob.rooms[&room].unread, 1);
    let before = head(&bob, room).await;
    bob.open(room).await.unwrap();
    assert_eq!(said(&bob), ["hello stranger"]);
    bob.call(Command::MarkRead { room, seq: 99 }).await.unwrap();
    bob.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!((state(&alice), head(&bob, room).await), ("sent", before), "bob has said nothing, not even unseen");
    assert_eq!(asks(&bob, room), Some("alice-1".into()), "also after a reload");

    bob.call(Command::AcceptRequest { room }).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!((asks(&bob, room), state(&alice)), (None, "read"));
}

// Fails without `accept` in `send_text`.
#[tokio::test]
async fn writing_back_opening_by_name_and_comparing_numbers_accept() {
    for way in 0..3 {
        let world = World::new().await;
        let (mut alice, mut bob, room) = stranger(&world).await;
        match way {
            0 => bob.say(room, "hello yourself").await.unwrap(),
            1 => assert_eq!(bob.open_with("alice-1").await.unwrap(), room),
            _ => {
                bob.call(Command::SetVerified { account: account(&alice), verified: true }).await.unwrap();
            }
        }
        settle(&mut [&mut alice, &mut bob]).await;
        assert_eq!(asks(&bob, room), None, "{way}");
        assert_eq!(alice.texts()[0].1, "delivered", "{way}");
    }
}

// Fails when `knows` takes a group that is a request itself.
#[tokio::test]
async fn who_shares_a_group_is_no_stranger_unless_the_stranger_made_it() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    let mut carol = world.person("carol-1").await;
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    let own = group(&mut bob, "alice-1").await;
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    assert_eq!((asks(&alice, own), asks(&bob, own)), (Some("bob-1".into()), None));
    let room = alice.open_with("bob-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    assert_eq!(asks(&bob, room), None);

    let theirs = group(&mut carol, "bob-1").await;
    let room = carol.open_with("bob-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    assert_eq!((asks(&bob, theirs), asks(&bob, room)), (Some("carol-1".into()), Some("carol-1".into())));
    bob.call(Command::AcceptRequest { room: theirs }).await.unwrap();
    assert_eq!(asks(&bob, theirs), None);
}

// Fails without `erase_lines` in `erase_loaded`, without `erase_on`, and (as the requests that they are) without `room.request.is_some()` in
// `queue_receipt`.
#[tokio::test]
async fn r69_request_a_deleted_one_leaves_no_line_and_comes_back_as_a_request() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = stranger(&world).await;
    for n in 0..450 {
        alice.say(room, &format!("please {n}")).await.unwrap();
    }
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    assert!(bob.lines_stored(room) > 450);
    let sent = head(&bob, room).await;
    // The browser is closed before all is done.
    bob.die_in = Some(6);
    let _cut = bob.call(Command::DeleteRequest { room }).await;
    assert!(!bob.is_alive());
    bob.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(bob.rooms.is_empty());
    assert_eq!(bob.lines_stored(room), 0);
    assert_eq!((state(&alice), head(&bob, room).await), ("sent", sent));

    alice.say(room, "one more").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(asks(&bob, room), Some("alice-1".into()));
    bob.open(room).await.unwrap();
    assert_eq!(said(&bob), ["one more"]);
    assert_eq!(state(&alice), "sent");
}

// Fails without `say_receipt` in `accept`, and without `tell_newcomer`.
#[tokio::test]
async fn what_one_browser_accepts_is_accepted_in_the_others() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    let mut laptop = world.second("bob-1", world.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    // Nothing was said yet, so no receipt is owed.
    let room = alice.open_with("bob-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    let mut tablet = world.second("bob-1", world.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop, &mut tablet]).await;
    for host in [&bob, &laptop, &tablet] {
        assert_eq!(asks(host, room), Some("alice-1".into()));
    }
    bob.call(Command::AcceptRequest { room }).await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut laptop, &mut tablet]).await;
    for host in [&bob, &laptop, &tablet] {
        assert_eq!(asks(host, room), None);
    }
    let mut newest = world.second("bob-1", world.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop, &mut tablet, &mut newest]).await;
    assert_eq!(asks(&newest, room), None);
}

// Fails without `forget_heard` in `begin_block` and in `is_withheld` together: bob would be told that two are missing.
#[tokio::test]
async fn r69_blocking_a_blocked_person_is_not_heard_and_not_missed() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    for (host, text) in [(&mut alice, "from alice"), (&mut bob, "from bob")] {
        host.say(room, text).await.unwrap();
    }
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    let (texts, lines) = (bob.texts(), bob.lines());
    let whom = account(&alice);
    bob.call(Command::Block { account: whom }).await.unwrap();
    assert!(bob.rooms[&room].blocked && bob.rooms[&room].can_send == Err(ErrorCode::Blocked));
    assert_eq!(bob.say(room, "no").await.unwrap_err().0, ErrorCode::Blocked);
    for text in ["do you", "hear me?"] {
        alice.say(room, text).await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    assert_eq!(state(&alice), "sent");
    bob.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    assert_eq!((bob.texts(), bob.lines(), bob.rooms[&room].unread), (texts, lines.clone(), 1));
    let Reply::Blocked(people) = bob.call(Command::Blocked).await.unwrap() else { panic!("no list") };
    assert_eq!(people.iter().map(|person| person.name.to_string()).collect::<Vec<_>>(), ["alice-1"]);

    bob.call(Command::Unblock { account: whom }).await.unwrap();
    alice.say(room, "and now?").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(said(&bob), ["from alice", "from bob", "and now?"]);
    assert_eq!((bob.lines(), bob.notices.clone(), state(&alice)), (lines, Vec::new(), "delivered"));
    bob.say(room, "yes").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(said(&alice).last().unwrap(), "yes");
    assert_eq!(alice.epochs().unwrap(), bob.epochs().unwrap());
}

#[tokio::test]
async fn r69_blocking_rooms_of_a_blocked_person_are_not_heard_of_until_they_are_unblocked() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    settle(&mut [&mut alice, &mut bob]).await;
    let whom = account(&alice);
    bob.call(Command::Block { account: whom }).await.unwrap();
    let room = alice.open_with("bob-1").await.unwrap();
    alice.say(room, "before").await.unwrap();
    let board = group(&mut alice, "bob-1").await;
    settle(&mut [&mut alice, &mut bob]).await;
    bob.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(bob.rooms.is_empty() && state(&alice) == "sent");
    bob.call(Command::Unblock { account: whom }).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!((asks(&bob, room), asks(&bob, board)), (Some("alice-1".into()), Some("alice-1".into())));
    alice.say(room, "after").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    assert_eq!(said(&bob), ["after"]);
}

/// The server has dropped the block behind bob's back, and goes on to say that it stands.
async fn does_not_enforce(bob: &mut Host, alice: &Host) {
    let person = Person { account: account(alice), name: UserName::parse("alice-1").unwrap() };
    bob.backend.unblock(&bob.caller().await.unwrap(), BlockPerson { account: person.account }).await.unwrap();
    let list = codec::encode(&Blocked { people: vec![person] });
    bob.lies.about_answers(move |path, answer| if path == "/api/v1/blocked" { Ok(list.clone()) } else { answer });
}

// Fails without the arm of `is_silenced` in `apply_entry`.
#[tokio::test]
async fn r69_blocking_holds_where_the_server_does_not_enforce_it() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    alice.say(room, "from alice").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    let whom = account(&alice);
    bob.call(Command::Block { account: whom }).await.unwrap();
    does_not_enforce(&mut bob, &alice).await;
    let (texts, lines, before) = (bob.texts(), bob.lines(), head(&bob, room).await);
    alice.say(room, "do you hear me?").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    assert_eq!((bob.texts(), bob.lines(), bob.rooms[&room].unread), (texts, lines, 1));
    assert_eq!((state(&alice), head(&bob, room).await), ("sent", before + 1), "no receipt");
    assert_eq!(bob.notices, []);
}

// Fails without `Blocked` in `accept_welcome`, and without `is_blocked` in `stage_seat`.
#[tokio::test]
async fn r69_blocking_no_seat_is_taken_in_a_room_of_a_blocked_person_that_the_server_names() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    settle(&mut [&mut alice, &mut bob]).await;
    let whom = account(&alice);
    bob.call(Command::Block { account: whom }).await.unwrap();
    does_not_enforce(&mut bob, &alice).await;
    let room = alice.open_with("bob-1").await.unwrap();
    let board = group(&mut alice, "bob-1").await;
    alice.say(room, "hello").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    let before = (head(&bob, room).await, head(&bob, board).await);
    for _ in 0..2 {
        bob.reload().await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
        assert!(bob.rooms.is_empty(), "{:?}", bob.rooms);
        // The next time the Welcome is gone, too.
        bob.backend.welcome_done(&bob.caller().await.unwrap(), room, u64::MAX >> 1).await.unwrap();
    }
    assert_eq!((head(&bob, room).await, head(&bob, board).await), before);
}

// Fails without `ask_blocked` in `frame` for `Ready`, and without the notice in `blocked_told`.
#[tokio::test]
async fn what_one_browser_blocks_the_others_hear_and_what_the_server_forgets_is_told() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let mut laptop = world.second("bob-1", world.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    bob.call(Command::Block { account: account(&alice) }).await.unwrap();
    // Before the laptop has heard of it.
    alice.say(room, "to nobody").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    laptop.open(room).await.unwrap();
    assert!(said(&laptop).is_empty() && laptop.rooms[&room].blocked, "{:?}", laptop.lines());
    let own = bob.caller().await.unwrap();
    bob.backend.unblock(&own, BlockPerson { account: account(&alice) }).await.unwrap();
    laptop.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    assert_eq!((laptop.rooms[&room].blocked, laptop.notices.as_slice()), (false, [ErrorCode::Unblocked].as_slice()));
}
