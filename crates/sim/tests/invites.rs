//! Invite links: who has one is let in by a device of an admin, and nobody else is. Rig: real engines on the real backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, dead_code)]

#[path = "kit/groups.rs"]
mod group;
mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
#[allow(unused_imports, reason = "each test program uses its part")]
mod people;

use group::*;
use kit::{World, online, said, settle};
use people::{Person, ctx};
use sotto_client::content::{Content, InviteChange, message_id};
use sotto_client::invite::Invite;
use sotto_client_api::views::{InviteView, Role};
use sotto_client_api::{Command, Reply};
use sotto_protocol::frames::Publish;
use sotto_protocol::invites::{AskIn, Asks, MakeInvite};
use sotto_protocol::{Bytes, ErrorCode, Millis, RoomId, codec, limits};
use sotto_sim::{Host, SimError};

const HOUR: Millis = 3_600_000;

async fn links(host: &mut Host, room: RoomId) -> Vec<InviteView> {
    let Reply::Invites(links) = host.call(Command::Invites { room }).await.unwrap() else { panic!("no links") };
    links
}

/// A link of a group, as it stands in an address.
async fn link(host: &mut Host, room: RoomId, lifetime: Millis, uses: u32) -> String {
    let before: Vec<String> = links(host, room).await.into_iter().map(|link| link.code).collect();
    host.call(Command::MakeInvite { room, lifetime, uses }).await.unwrap();
    links(host, room).await.into_iter().map(|link| link.code).find(|code| !before.contains(code)).unwrap()
}

async fn ask(host: &mut Host, code: &str) -> Result<Reply, SimError> {
    host.call(Command::AskIn { code: format!("https://chat.example/#join={code}") }).await
}

fn asked(host: &Host) -> Vec<RoomId> {
    host.asks.iter().map(|ask| ask.room).collect()
}

fn is_in(host: &Host, room: RoomId) -> bool {
    host.rooms.get(&room).is_some_and(|room| room.can_send.is_ok())
}

/// Alice's group with bob, and dave, who is not in it.
async fn stage() -> (World, [Host; 3], RoomId) {
    let world = World::new().await;
    let mut hosts = [world.person("alice-1").await, world.person("bob-1").await, world.person("dave-1").await];
    let room = create(&mut hosts[0], "The board").await;
    add(&mut hosts[0], room, "bob-1").await.unwrap();
    all_settle(&mut hosts).await;
    hosts[1].call(Command::AcceptRequest { room }).await.unwrap();
    all_settle(&mut hosts).await;
    (world, hosts, room)
}

// Fails without `was_asked_for` in `accept_welcome` (the group is a request then), and without `invites::came` in the store: the link lets more in.
#[tokio::test]
async fn who_has_a_link_is_let_in_talks_and_uses_it_up() {
    let (world, mut hosts, room) = stage().await;
    let code = link(&mut hosts[0], room, HOUR, 1).await;
    all_settle(&mut hosts).await;
    ask(&mut hosts[2], &code).await.unwrap();
    all_settle(&mut hosts).await;
    assert!(is_in(&hosts[2], room) && asked(&hosts[2]).is_empty());
    assert_eq!((hosts[2].rooms[&room].request.as_ref(), hosts[2].rooms[&room].title.as_str()), (None, "The board"));
    hosts[2].open(room).await.unwrap();
    hosts[2].say(room, "thanks for the link").await.unwrap();
    all_settle(&mut hosts).await;
    hosts[1].open(room).await.unwrap();
    assert_eq!(said(&hosts[1]), ["thanks for the link"]);
    assert_eq!(told(&hosts[1]).last().unwrap(), "alice-1 +dave-1 -");
    same_epochs(&mut hosts, room);
    // Who is in it already is shown it.
    assert!(matches!(ask(&mut hosts[2], &code).await.unwrap(), Reply::Room(view) if view.room == room));

    let mut erin = world.person("erin-1").await;
    assert_eq!(ask(&mut erin, &code).await.unwrap_err().0, ErrorCode::InviteEnded);
    assert_eq!(ask(&mut erin, "nonsense").await.unwrap_err().0, ErrorCode::Malformed);
    assert!(erin.asks.is_empty());
    assert_eq!(links(&mut hosts[0], room).await[0].left, Some(0));
}

// Fails without `ask_who_asks` at `CaughtUp`, and without `put_ask`.
#[tokio::test]
async fn who_asks_waits_visibly_until_an_admin_is_online_and_can_think_again() {
    let (_world, mut hosts, room) = stage().await;
    let code = link(&mut hosts[0], room, HOUR, 10).await;
    all_settle(&mut hosts).await;
    hosts[0].set_online(false);
    ask(&mut hosts[2], &code).await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!((asked(&hosts[2]), hosts[2].rooms.contains_key(&room)), (vec![room], false), "bob is no admin");
    hosts[2].reload().await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(asked(&hosts[2]), [room]);
    hosts[2].call(Command::WithdrawAsk { room }).await.unwrap();
    assert!(asked(&hosts[2]).is_empty());
    let [alice, bob, dave] = &mut hosts;
    online(&mut [alice, bob, dave], 0, 8).await;
    assert!(!dave.rooms.contains_key(&room));

    alice.set_online(false);
    ask(dave, &code).await.unwrap();
    online(&mut [alice, bob, dave], 0, 8).await;
    assert!(is_in(dave, room));
    assert!(dave.notices.is_empty(), "{:?}", dave.notices);
}

// Fails without `look_at_own_asks`, and without the wake-up in `delete_invite`.
#[tokio::test]
async fn who_waits_is_told_that_the_link_is_over_and_it_is_no_use_any_more() {
    let (_world, mut hosts, room) = stage().await;
    let code = link(&mut hosts[0], room, HOUR, 10).await;
    all_settle(&mut hosts).await;
    // Dave is somebody whom alice does not want to meet: her device does not let him in.
    let dave = account(&hosts[2]);
    hosts[0].call(Command::Block { account: dave }).await.unwrap();
    ask(&mut hosts[2], &code).await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(asked(&hosts[2]), [room]);
    hosts[0].call(Command::EndInvite { room, code: code.clone() }).await.unwrap();
    for _ in 0..8 {
        all_settle(&mut hosts).await;
        hosts.iter_mut().for_each(Host::pass_time);
    }
    all_settle(&mut hosts).await;
    assert_eq!((asked(&hosts[2]), hosts[2].notices.as_slice()), (Vec::new(), [ErrorCode::InviteEnded].as_slice()));
    assert_eq!(ask(&mut hosts[2], &code).await.unwrap_err().0, ErrorCode::InviteEnded);
    assert!(links(&mut hosts[0], room).await.is_empty());
}

// Fails without either `end_invites` in `apply_entry`, and without `admits` in `change_invites`.
#[tokio::test]
async fn a_removal_ends_all_links_and_a_plain_member_makes_none() {
    let (world, mut hosts, room) = stage().await;
    let plain = hosts[1].call(Command::MakeInvite { room, lifetime: HOUR, uses: 10 }).await;
    assert_eq!(plain.unwrap_err().0, ErrorCode::CommitRefused);
    let mallory = Person::ready(&world.backend, "mallory-1").await;
    add(&mut hosts[0], room, "mallory-1").await.unwrap();
    all_settle(&mut hosts).await;
    let mut seat = mallory.join(&world.backend).await;
    let invite = Invite::new(world.now + HOUR, 10).unwrap();
    let made = MakeInvite { room, invite: invite.link(room).id().unwrap(), expires_at: invite.expires_at, uses: 10 };
    assert_eq!(world.backend.make_invite(&ctx(), mallory.caller(), made).await.unwrap_err().code, ErrorCode::Forbidden);
    let content = Content::invite(message_id(world.now).unwrap(), room, InviteChange { invite, ended: false }).encode();
    let bytes = seat.group.create_message(&mallory.provider, &seat.signer, &content).unwrap().to_bytes().unwrap();
    let message = Publish { room, idempotency: people::idempotency(), epoch: seat.group.epoch().as_u64(), bytes: bytes.into() };
    world.backend.publish(&ctx(), mallory.caller(), vec![message]).await.unwrap().remove(0).unwrap();
    all_settle(&mut hosts).await;
    assert!(links(&mut hosts[0], room).await.is_empty());

    let code = link(&mut hosts[0], room, HOUR, 10).await;
    let bobs = account(&hosts[1]);
    set_role(&mut hosts[0], room, bobs, Role::Admin).await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(links(&mut hosts[1], room).await.len(), 1);
    hosts[0].call(Command::RemovePerson { room, account: mallory.account() }).await.unwrap();
    all_settle(&mut hosts).await;
    for host in &mut hosts[..2] {
        assert!(links(host, room).await.is_empty());
    }
    assert_eq!(ask(&mut hosts[2], &code).await.unwrap_err().0, ErrorCode::InviteEnded);
}

// A server that makes up an ask, one that takes a proof for somebody else, and one that shows a link that is over. Fails without `is_proven`, and
// without the account in the proof. (Without the look at `expires_at` in `rank_to_admit` it does not: something else keeps that one out, too.)
#[tokio::test]
async fn a_server_that_makes_up_who_asks_brings_nobody_in() {
    let (world, mut hosts, room) = stage().await;
    let eve = world.person("eve-1").await;
    let eves = account(&eve);
    let code = link(&mut hosts[0], room, HOUR, 10).await;
    all_settle(&mut hosts).await;
    for proof_of_dave in [true, false] {
        hosts[0].lies.about_answers(move |path, answer| match answer {
            Ok(body) if path == "/api/v1/invites/asks" => {
                let mut asks: Asks = codec::decode(&body, limits::API_BODY).unwrap();
                for ask in &mut asks.open {
                    (ask.person.account, ask.person.name) = (eves, name("eve-1"));
                    if !proof_of_dave {
                        ask.proof = Bytes(vec![0; limits::INVITE_PROOF]);
                    }
                }
                Ok(codec::encode(&asks))
            }
            answer => answer,
        });
        ask(&mut hosts[2], &code).await.unwrap();
        all_settle(&mut hosts).await;
        assert_eq!(asked(&hosts[2]), [room]);
        assert_eq!(listed(&mut hosts[0], room).await.len(), 2);
    }
    hosts[0].lies.stop();
    hosts[2].call(Command::WithdrawAsk { room }).await.unwrap();

    let soon = link(&mut hosts[0], room, 5_000, 10).await;
    hosts[0].now += 6_000;
    ask(&mut hosts[2], &soon).await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!((asked(&hosts[2]), listed(&mut hosts[0], room).await.len()), (vec![room], 2), "over by alice's clock");
}

// Erin came after the link was made. Fails without `invites_to_repeat`, and without `newcomer` in `named` when it is always false.
#[tokio::test]
async fn any_admins_device_lets_in_also_one_that_came_later_and_two_do_it_once() {
    let (world, hosts, room) = stage().await;
    let [mut alice, mut bob, mut dave] = hosts;
    let code = link(&mut alice, room, HOUR, 10).await;
    settle(&mut [&mut alice, &mut bob]).await;
    let mut erin = world.person("erin-1").await;
    add(&mut alice, room, "erin-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut erin]).await;
    set_role(&mut alice, room, account(&erin), Role::Admin).await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut erin]).await;
    alice.set_online(false);
    ask(&mut dave, &code).await.unwrap();
    for _ in 0..4 {
        settle(&mut [&mut bob, &mut erin, &mut dave]).await;
        [&mut bob, &mut erin, &mut dave].into_iter().for_each(Host::pass_time);
    }
    settle(&mut [&mut bob, &mut erin, &mut dave]).await;
    assert!(is_in(&dave, room));
    online(&mut [&mut alice, &mut bob, &mut erin, &mut dave], 0, 5).await;

    let mut frank = world.person("frank-1").await;
    ask(&mut frank, &code).await.unwrap();
    for _ in 0..4 {
        settle(&mut [&mut alice, &mut bob, &mut erin, &mut dave, &mut frank]).await;
        [&mut alice, &mut erin].into_iter().for_each(Host::pass_time);
    }
    assert!(is_in(&frank, room));
    alice.open(room).await.unwrap();
    let came = told(&alice).into_iter().filter(|line| line.contains("frank-1")).collect::<Vec<_>>();
    assert_eq!(came.len(), 1, "{came:?}");
    let left = links(&mut alice, room).await;
    assert_eq!(left.len(), 1);
    for host in [&alice, &bob, &erin, &dave, &frank] {
        assert!(host.notices.is_empty(), "{:?}", host.notices);
    }
}

/// What a hostile asker sends: the form of it is the server's to refuse.
#[tokio::test]
async fn what_is_no_proof_is_refused_by_its_form() {
    let (world, mut hosts, room) = stage().await;
    let code = link(&mut hosts[0], room, HOUR, 10).await;
    let id = sotto_client::invite::Link::parse(&code).unwrap().id().unwrap();
    let eve = Person::ready(&world.backend, "eve-1").await;
    for length in [0, limits::INVITE_PROOF - 1, limits::INVITE_PROOF + 1] {
        let ask = AskIn { invite: id, proof: Bytes(vec![0; length]) };
        assert_eq!(world.backend.ask_in(&ctx(), eve.caller(), ask).await.unwrap_err().code, ErrorCode::Malformed);
    }
}

// Whatever the admin's browser was about to do when it died. Fails without `ask_who_asks` at `CaughtUp`.
#[tokio::test]
async fn an_admins_browser_that_dies_while_it_lets_somebody_in_does_it_once_after_all() {
    for step in 0..80 {
        let world = World::new().await;
        let (mut alice, mut dave) = (world.person("alice-1").await, world.person("dave-1").await);
        let room = create(&mut alice, "The board").await;
        let code = link(&mut alice, room, HOUR, 10).await;
        settle(&mut [&mut alice, &mut dave]).await;
        alice.die_in = Some(step);
        ask(&mut dave, &code).await.unwrap();
        settle(&mut [&mut alice, &mut dave]).await;
        let died = !alice.is_alive();
        alice.die_in = None;
        if died {
            alice.reload().await.unwrap();
        }
        for _ in 0..8 {
            settle(&mut [&mut alice, &mut dave]).await;
            alice.pass_time();
        }
        assert!(is_in(&dave, room) && asked(&dave).is_empty(), "step {step}");
        alice.open(room).await.unwrap();
        let came = told(&alice).iter().filter(|line| line.contains("+dave-1")).count();
        assert_eq!(came, 1, "step {step}: {:?}", told(&alice));
        assert_eq!(links(&mut alice, room).await[0].left, Some(9), "step {step}");
        dave.open(room).await.unwrap();
        dave.say(room, "hello").await.unwrap();
        settle(&mut [&mut alice, &mut dave]).await;
        assert_eq!(said(&alice), ["hello"], "step {step}");
        if !died {
            assert!(step > 8, "{step}");
            return;
        }
    }
    panic!("it never comes to rest");
}
