//! Leaving a group, and what is left to who left or was removed: through real engines and the real backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, dead_code)]

#[path = "kit/groups.rs"]
mod group;
mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
#[allow(unused_imports, reason = "each test program uses its part")]
mod people;

use group::*;
use kit::{PASSWORD, World, said, settle};
use openmls::prelude::MlsMessageIn;
use openmls::prelude::tls_codec::DeserializeBytes as _;
use people::{Person, Seat, ctx};
use sotto_client_api::Command;
use sotto_client_api::views;
use sotto_protocol::frames::EntryKind;
use sotto_protocol::{ErrorCode, RoomId, Seq, limits};
use sotto_sim::{Host, SimError};

async fn leave(host: &mut Host, room: RoomId) -> Result<(), SimError> {
    host.call(Command::LeaveGroup { room }).await.map(|_| ())
}

/// A few seconds, so that everybody's turn to commit has come.
async fn pass_seconds(hosts: &mut [Host]) {
    for _ in 0..10 {
        all_settle(hosts).await;
        hosts.iter_mut().for_each(Host::pass_time);
    }
    all_settle(hosts).await;
}

const OUT: Result<(), ErrorCode> = Err(ErrorCode::NotMember);

#[tokio::test]
async fn who_leaves_is_out_and_can_come_back() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    leave(&mut hosts[2], room).await.unwrap();
    all_settle(&mut hosts).await;
    hosts[0].say(room, "just us now").await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(hosts[2].rooms[&room].can_send, OUT);
    for host in &hosts {
        assert_eq!(told(host).last().unwrap(), "alice-1 [(Left, \"carol-1\")]");
    }
    assert_eq!(said(&hosts[1]), ["just us now"]);
    assert!(said(&hosts[2]).is_empty());
    assert_eq!(hosts[2].say(room, "hello?").await.unwrap_err().0, ErrorCode::NotMember);
    hosts[2].reload().await.unwrap();
    assert_eq!(hosts[2].rooms[&room].can_send, OUT, "also after a reload");
    same_epochs(&mut hosts[..2], room);

    add(&mut hosts[0], room, "carol-1").await.unwrap();
    all_settle(&mut hosts).await;
    hosts[2].open(room).await.unwrap();
    hosts[2].say(room, "here again").await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(said(&hosts[1]).last().unwrap(), "here again");
    same_epochs(&mut hosts, room);
}

// Alice, whose leaf is the first, is away: bob's turn comes by itself.
#[tokio::test]
async fn who_is_online_carries_it_out_and_until_then_nothing_can_be_said() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    hosts[0].set_online(false);
    hosts[1].set_online(false);
    leave(&mut hosts[2], room).await.unwrap();
    pass_seconds(&mut hosts).await;
    assert_eq!(hosts[2].rooms[&room].can_send, Err(ErrorCode::Leaving));
    assert_eq!(hosts[2].say(room, "wait").await.unwrap_err().0, ErrorCode::Leaving);
    hosts[2].reload().await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(hosts[2].rooms[&room].can_send, Err(ErrorCode::Leaving), "the wish outlives a reload");
    hosts[1].set_online(true);
    hosts[1].call(Command::Nudge).await.unwrap();
    pass_seconds(&mut hosts).await;
    assert_eq!(hosts[2].rooms[&room].can_send, OUT);
    assert_eq!(told(&hosts[1]).last().unwrap(), "bob-1 [(Left, \"carol-1\")]");
    hosts[1].say(room, "she is gone").await.unwrap();
    hosts[0].set_online(true);
    hosts[0].call(Command::Nudge).await.unwrap();
    pass_seconds(&mut hosts).await;
    assert_eq!(said(&hosts[0]), ["she is gone"]);
    same_epochs(&mut hosts[..2], room);
}

#[tokio::test]
async fn who_is_alone_leaves_at_once() {
    let world = World::new().await;
    let mut alice = world.person("alice-1").await;
    let room = create(&mut alice, "Nobody else").await;
    settle(&mut [&mut alice]).await;
    leave(&mut alice, room).await.unwrap();
    settle(&mut [&mut alice]).await;
    assert_eq!(alice.rooms[&room].can_send, OUT);
    assert_eq!(told(&alice).last().unwrap(), "alice-1 [(Left, \"alice-1\")]");
}

#[tokio::test]
async fn r30_the_last_owner_does_not_leave_and_another_one_comes_back_as_a_member() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    assert_eq!(leave(&mut hosts[0], room).await.unwrap_err().0, ErrorCode::LastOwner);
    let bob = account(&hosts[1]);
    set_role(&mut hosts[0], room, bob, views::Role::Owner).await.unwrap();
    all_settle(&mut hosts).await;
    // Carol, who is no more than a member, takes the role away with the leaf: bob is not there.
    hosts[1].set_online(false);
    leave(&mut hosts[0], room).await.unwrap();
    pass_seconds(&mut hosts).await;
    assert_eq!(hosts[0].rooms[&room].can_send, OUT);
    hosts[1].set_online(true);
    hosts[1].call(Command::Nudge).await.unwrap();
    pass_seconds(&mut hosts).await;
    add(&mut hosts[1], room, "alice-1").await.unwrap();
    pass_seconds(&mut hosts).await;
    assert_eq!(listed(&mut hosts[1], room).await, ["bob-1 Owner In", "alice-1 Member In", "carol-1 Member In"]);
    same_epochs(&mut hosts, room);
}

// Fails without the `may` of `leaves_due` (the commit of both is refused for ever).
#[tokio::test]
async fn r30_of_two_owners_who_leave_at_once_one_stays() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    let bob = account(&hosts[1]);
    set_role(&mut hosts[0], room, bob, views::Role::Owner).await.unwrap();
    all_settle(&mut hosts).await;
    hosts[2].set_online(false);
    leave(&mut hosts[0], room).await.unwrap();
    leave(&mut hosts[1], room).await.unwrap();
    all_settle(&mut hosts).await;
    hosts[2].set_online(true);
    hosts[2].call(Command::Nudge).await.unwrap();
    pass_seconds(&mut hosts).await;
    let stays: Vec<usize> = (0..2).filter(|who| hosts[*who].rooms[&room].can_send == Ok(())).collect();
    assert_eq!(stays.len(), 1, "{:?}", hosts.each_ref().map(|host| host.rooms[&room].can_send));
    assert_eq!(hosts[stays[0]].notices, [ErrorCode::LastOwner]);
}

// Fails without the removal of `others` in `leaves_due` (then `left_partly` refuses the commit).
#[tokio::test]
async fn a_person_leaves_with_every_device() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    let mut phone = Host::new(&world.backend, world.now);
    phone.sign_in("carol-1", PASSWORD).await.unwrap();
    let [alice, bob, carol] = &mut hosts;
    settle(&mut [alice, bob, carol, &mut phone]).await;
    phone.set_online(false);
    leave(&mut hosts[2], room).await.unwrap();
    pass_seconds(&mut hosts).await;
    assert_eq!(hosts[2].rooms[&room].can_send, OUT);
    phone.set_online(true);
    phone.call(Command::Nudge).await.unwrap();
    let [alice, bob, carol] = &mut hosts;
    settle(&mut [alice, bob, carol, &mut phone]).await;
    assert_eq!(phone.rooms[&room].can_send, OUT);
    assert_eq!(listed(&mut hosts[0], room).await, ["alice-1 Owner In", "bob-1 Member In"]);
    same_epochs(&mut hosts[..2], room);
}

/// Alice's group with mallory, who has a client of her own that keeps whatever it ever had.
async fn with_mallory(world: &World) -> (Host, Person, Seat) {
    let mut alice = world.person("alice-1").await;
    let mallory = Person::ready(&world.backend, "mallory-1").await;
    let room = create(&mut alice, "The board").await;
    add(&mut alice, room, "mallory-1").await.unwrap();
    settle(&mut [&mut alice]).await;
    let mut seat = mallory.join(&world.backend).await;
    alice.say(room, "for her, too").await.unwrap();
    settle(&mut [&mut alice]).await;
    let entries = world.backend.read_after(mallory.caller(), room, 2, 64, limits::SYNC_FRAME).await.unwrap();
    let read =
        entries.iter().filter(|entry| entry.kind == EntryKind::Message).filter_map(|entry| opened(&mallory, &mut seat, &entry.bytes));
    assert!(read.count() > 0, "before it she reads what is said");
    (alice, mallory, seat)
}

/// Whether her state opens an entry; a commit she takes over, if it lets her.
fn opened(mallory: &Person, seat: &mut Seat, bytes: &sotto_protocol::Bytes) -> Option<()> {
    use openmls::prelude::{OpenMlsProvider as _, ProcessedMessageContent};
    let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes.as_slice()).unwrap().try_into_protocol_message().unwrap();
    match seat.group.process_message(&mallory.provider, message).ok()?.into_content() {
        ProcessedMessageContent::ApplicationMessage(_) => Some(()),
        ProcessedMessageContent::StagedCommitMessage(staged) => {
            seat.group.merge_staged_commit(&mallory.provider, *staged).unwrap();
            None
        }
        ProcessedMessageContent::ProposalMessage(queued) => {
            seat.group.store_pending_proposal(mallory.provider.storage(), *queued).unwrap();
            None
        }
        _ => None,
    }
}

/// What is said after `gone` does not come to her, and would not open if it came by another way: with the state from before the
/// commit that put her out, and with the one after it.
async fn reads_nothing_later(world: &World, alice: &mut Host, mallory: &Person, mut seat: Seat, head: Seq) {
    let room = seat.room;
    for text in ["without her", "and again"] {
        alice.say(room, text).await.unwrap();
        settle(&mut [&mut *alice]).await;
    }
    let whole = world.backend.read_after(&alice.caller().await.unwrap(), room, head, 64, limits::SYNC_FRAME).await.unwrap();
    let gone = whole.iter().find(|entry| entry.kind == EntryKind::Commit).unwrap().seq;
    let hers = world.backend.read_after(mallory.caller(), room, head, 64, limits::SYNC_FRAME).await.unwrap();
    assert!(hers.iter().all(|entry| entry.seq <= gone), "the server sends nothing later");
    assert!(world.backend.heads(mallory.caller()).await.unwrap().is_empty());
    assert_eq!(world.backend.entry(mallory.caller(), room, gone + 1).await.unwrap_err().code, ErrorCode::Gone);
    let later: Vec<_> = whole.iter().filter(|entry| entry.seq > gone && entry.kind == EntryKind::Message).collect();
    assert!(later.len() >= 2);
    for entry in &later {
        assert_eq!(opened(mallory, &mut seat, &entry.bytes), None, "with the state from before");
    }
    for entry in &whole {
        assert_eq!(opened(mallory, &mut seat, &entry.bytes), None, "{} opens with everything that she can take over", entry.seq);
    }
    assert!(!seat.group.is_active());
}

async fn head(world: &World, mallory: &Person, room: RoomId) -> Seq {
    world.backend.room_state(mallory.caller(), room).await.unwrap().info.head
}

// Rig: cc. Fails without `gone_at` in the store's `read_after`.
#[tokio::test]
async fn r44_who_was_removed_gets_and_reads_nothing_that_is_said_later() {
    let world = World::new().await;
    let (mut alice, mallory, seat) = with_mallory(&world).await;
    let head = head(&world, &mallory, seat.room).await;
    alice.call(Command::RemovePerson { room: seat.room, account: mallory.account() }).await.unwrap();
    settle(&mut [&mut alice]).await;
    reads_nothing_later(&world, &mut alice, &mallory, seat, head).await;
}

// Rig: cc. Fails without `gone_at` in the store's `read_after`.
#[tokio::test]
async fn r44_who_left_gets_and_reads_nothing_that_is_said_later() {
    let world = World::new().await;
    let (mut alice, mallory, mut seat) = with_mallory(&world).await;
    let head = head(&world, &mallory, seat.room).await;
    let leave = mallory.leave(&mut seat);
    world.backend.upload_proposal(&ctx(), mallory.caller(), seat.room, leave).await.unwrap();
    settle(&mut [&mut alice]).await;
    reads_nothing_later(&world, &mut alice, &mallory, seat, head).await;
}

// Whatever its browser was about to do when it died. Not seen failing: it passes also when `propose_leave` keeps no
// upload, because who says it twice leaves once.
#[tokio::test]
async fn who_dies_while_leaving_is_out_in_the_end_once() {
    for step in 0..60 {
        let world = World::new().await;
        let (mut hosts, room) = three(&world).await;
        hosts[2].die_in = Some(step);
        let _may_die = leave(&mut hosts[2], room).await;
        pass_seconds(&mut hosts).await;
        let died = !hosts[2].is_alive();
        hosts[2].die_in = None;
        if died {
            hosts[2].reload().await.unwrap();
            pass_seconds(&mut hosts).await;
        }
        // It died before the wish was stored, and nobody was told that it was.
        if hosts[2].rooms[&room].can_send.is_ok() {
            leave(&mut hosts[2], room).await.unwrap();
            pass_seconds(&mut hosts).await;
        }
        assert_eq!(hosts[2].rooms[&room].can_send, OUT, "step {step}");
        for host in &hosts[..2] {
            let left = told(host).iter().filter(|line| line.contains("Left")).count();
            assert_eq!(left, 1, "step {step}: {:?}", told(host));
        }
        same_epochs(&mut hosts[..2], room);
        if !died {
            assert!(step > 5, "{step}");
            return;
        }
    }
    panic!("it never comes to rest");
}
