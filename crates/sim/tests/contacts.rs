//! The devices of other people: ghosts, devices that were removed, and lists that a server hides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

#[path = "kit/attacks.rs"]
mod attacks;
mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
mod people;
#[path = "kit/stage.rs"]
mod stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kit::{PASSWORD, World, settle};
use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::{MlsMessageIn, ProcessedMessageContent};
use people::{Person, Seat, ctx};
use sotto_client::content::{Content, ListHead, message_id};
use sotto_client_api::views::{Change, Phase, SystemLine};
use sotto_client_api::{Command, Reply};
use sotto_protocol::api::{Devices, ErrorBody};
use sotto_protocol::device_list::DeviceList;
use sotto_protocol::frames::{Entry, EntryKind, Publish};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, RoomId, codec};
use sotto_rules::identity::device_list_hash;
use sotto_sim::Host;
use sotto_sim::hostile::thief::Database;
use stage::Stage;

/// Connects again, as soon as the engine tries to.
async fn again(hosts: &mut [&mut Host]) {
    for _ in 0..40 {
        hosts.iter_mut().for_each(|host| host.pass_time());
        settle(hosts).await;
    }
}

/// Messages of alice that the log holds.
async fn said_by_alice(stage: &Stage) -> usize {
    let own = stage.mallory.account();
    stage.log().await.iter().filter(|entry| entry.kind == EntryKind::Message && entry.account != own).count()
}

fn gone(lines: &[SystemLine], by: &str, whose: &str) -> usize {
    let is = |line: &&SystemLine| {
        matches!(line, SystemLine::Members { by: actor, others, .. }
        if actor.name.as_str() == by && matches!(others.as_slice(), [(Change::DeviceWent, whom)] if whom.name.as_str() == whose))
    };
    lines.iter().filter(is).count()
}

// Rig: cc and db. A device that the account's key has signed once, and no list names. Fails without the look at `record.unlisted` in
// `flush_outbox`: she writes to it.
#[tokio::test]
async fn r26_nothing_is_said_to_a_device_that_no_list_names_until_one_does() {
    let mut stage = Stage::new().await;
    let (room, account) = (stage.seat.room, stage.mallory.account());
    let phone = attacks::other_device(&stage.mallory);
    // The server's own rows name it, so it lets nobody remove it.
    let mut database = Database::open(stage.world.dir.path()).await.unwrap();
    database.add_device(account, phone.device).await.unwrap();
    let before = said_by_alice(&stage).await;
    let (upload, _) = attacks::add_device(&stage.mallory, &mut stage.seat, &phone);
    stage.commit(upload).await;
    settle(&mut [&mut stage.alice]).await;
    assert_eq!(stage.alice.notices, [ErrorCode::GhostDevice]);
    assert_eq!(stage.alice.rooms[&room].can_send, Err(ErrorCode::GhostDevice));
    assert_eq!(stage.alice.epochs().unwrap()[&room], stage.seat.group.epoch().as_u64(), "the commit stays merged");

    stage.alice.open(room).await.unwrap();
    stage.alice.say(room, "not for the phone").await.unwrap();
    again(&mut [&mut stage.alice]).await;
    for _ in 0..2 {
        stage.alice.reload().await.unwrap();
        again(&mut [&mut stage.alice]).await;
        assert_eq!(stage.alice.rooms[&room].can_send, Err(ErrorCode::GhostDevice), "also after a reload");
    }
    stage.alice.open(room).await.unwrap();
    assert_eq!(stage.alice.texts(), [("not for the phone".into(), "sending")]);
    assert_eq!(said_by_alice(&stage).await, before);
    assert_eq!(stage.alice.notices, [ErrorCode::GhostDevice], "told once");

    stage.mallory.list_with(&stage.world.backend, &[&phone]).await;
    stage.alice.reload().await.unwrap();
    again(&mut [&mut stage.alice]).await;
    stage.alice.open(room).await.unwrap();
    assert_eq!(stage.alice.rooms[&room].can_send, Ok(()));
    assert_eq!(stage.alice.texts(), [("not for the phone".into(), "sent")]);
    assert_eq!(said_by_alice(&stage).await, before + 1);
}

// Fails without `unlisted_due` in `commit_what_is_due`.
#[tokio::test]
async fn r26_a_device_that_no_list_names_is_removed_and_everybody_sees_by_whom() {
    let mut stage = Stage::new().await;
    let phone = attacks::other_device(&stage.mallory);
    let (upload, _) = attacks::add_device(&stage.mallory, &mut stage.seat, &phone);
    stage.commit(upload).await;
    assert_eq!(stage.seat.group.members().count(), 3);
    let head = stage.log().await.last().unwrap().seq;
    settle(&mut [&mut stage.alice]).await;
    assert_eq!(stage.alice.notices, [ErrorCode::GhostDevice]);
    assert_eq!(stage.follow(head).await, 1);
    assert_eq!(stage.seat.group.members().count(), 2);
    assert_eq!(stage.alice.rooms[&stage.seat.room].can_send, Ok(()));
    stage.talk().await;
    assert_eq!(gone(&stage.alice.lines(), "alice-1", "mallory-1"), 1, "{:?}", stage.alice.lines());
}

// Fails without `check_leaves` in `accept_welcome` and in `ask_lists`: two locks.
#[tokio::test]
async fn r26_a_tree_that_one_joins_is_held_against_the_lists_too() {
    let world = World::new().await;
    let mut alice = world.person("alice-1").await;
    let mallory = Person::ready(&world.backend, "mallory-1").await;
    settle(&mut [&mut alice]).await;
    let phone = attacks::other_device(&mallory);
    Database::open(world.dir.path()).await.unwrap().add_device(mallory.account(), phone.device).await.unwrap();
    let mut seat = mallory.group(&world.backend).await;
    let (upload, _) = attacks::add_device(&mallory, &mut seat, &phone);
    world.backend.upload_commit(&ctx(), mallory.caller(), seat.room, upload).await.unwrap();
    seat.group.merge_pending_commit(&mallory.provider).unwrap();
    let claim = sotto_protocol::api::ClaimKeyPackages { name: people::name("alice-1"), group: true };
    let claimed = world.backend.claim_key_packages(&ctx(), mallory.caller(), claim).await.unwrap();
    let package = claimed.packages.into_iter().next().unwrap();
    let upload = mallory.add_package(&mut seat, (claimed.account, package.device, package.key_package));
    world.backend.upload_commit(&ctx(), mallory.caller(), seat.room, upload).await.unwrap();
    settle(&mut [&mut alice]).await;
    assert_eq!(alice.notices, [ErrorCode::GhostDevice]);
    assert_eq!(alice.rooms[&seat.room].can_send, Err(ErrorCode::GhostDevice));
}

/// Another browser in which somebody signs in.
fn own(host: &Host) -> DeviceId {
    let Phase::Ready { device, .. } = host.phase else { panic!("{:?}", host.phase) };
    device
}

async fn group_of(host: &mut Host, names: &[&str]) -> RoomId {
    let Reply::Room(group) = host.call(Command::CreateGroup { name: "The board".into(), room: None }).await.unwrap() else {
        panic!("no room")
    };
    for name in names {
        host.call(Command::AddPerson { room: group.room, name: people::name(name) }).await.unwrap();
    }
    group.room
}

// Alice removes her laptop and her phone dies before it can commit anything. Bob and carol learn of her new list when they add her
// elsewhere. Fails without the look at `record.unlisted` in `flush_outbox`: then they write to the laptop too.
#[tokio::test]
async fn r30_a_contacts_removed_browser_goes_with_the_next_message_and_one_of_those_who_speak_wins() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    let (mut carol, mut laptop) = (world.person("carol-1").await, world.second("alice-1", world.now).await);
    settle(&mut [&mut alice, &mut laptop, &mut bob, &mut carol]).await;
    let board = group_of(&mut bob, &["alice-1", "carol-1"]).await;
    settle(&mut [&mut alice, &mut laptop, &mut bob, &mut carol]).await;
    assert!(laptop.rooms.contains_key(&board));
    let removed = own(&laptop);
    alice.die_after = Some("/api/v1/devices");
    let _died = alice.remove_device("alice-1", PASSWORD, removed).await;
    assert!(!alice.is_alive());
    settle(&mut [&mut laptop, &mut bob, &mut carol]).await;
    let before = bob.epochs().unwrap()[&board];

    for host in [&mut bob, &mut carol] {
        group_of(host, &["alice-1"]).await;
        settle(&mut [host]).await;
        assert_eq!(host.epochs().unwrap()[&board], before, "nobody races about what nobody says");
        assert_eq!((host.rooms[&board].can_send, host.notices.as_slice()), (Ok(()), [].as_slice()));
    }
    bob.open(board).await.unwrap();
    carol.open(board).await.unwrap();
    bob.say(board, "from bob").await.unwrap();
    carol.say(board, "from carol").await.unwrap();
    settle(&mut [&mut bob, &mut carol]).await;
    assert_eq!([bob.epochs().unwrap()[&board], carol.epochs().unwrap()[&board]], [before + 1; 2]);
    for host in [&bob, &carol] {
        let lines = host.lines();
        assert_eq!(gone(&lines, "bob-1", "alice-1") + gone(&lines, "carol-1", "alice-1"), 1, "{lines:?}");
        assert_eq!(host.texts().len(), 2);
        assert!(host.notices.is_empty(), "{:?}", host.notices);
    }
    alice.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    alice.open(board).await.unwrap();
    assert_eq!(alice.texts(), bob.texts().into_iter().map(|(text, _)| (text, "read")).collect::<Vec<_>>());
    assert!(matches!(laptop.phase, Phase::Replaced { .. }), "{:?}", laptop.phase);
}

fn head(list: &DeviceList) -> ListHead {
    ListHead { version: list.version, hash: Bytes(device_list_hash(list).to_vec()) }
}

/// Mallory says something, and which list is her newest.
async fn say(world: &World, mallory: &Person, seat: &mut Seat, list: ListHead) {
    let text = Content::text(message_id(people::now()).unwrap(), seat.room, "from mallory".into());
    let content = Content { list: Some(list), ..text }.encode();
    let bytes = seat.group.create_message(&mallory.provider, &seat.signer, &content).unwrap().to_bytes().unwrap();
    let message = Publish { room: seat.room, idempotency: people::idempotency(), epoch: seat.group.epoch().as_u64(), bytes: bytes.into() };
    world.backend.publish(&ctx(), mallory.caller(), vec![message]).await.unwrap().remove(0).unwrap();
}

/// A server that shows a browser this list of an account, whatever the newest one is.
fn shows(host: &mut Host, account: AccountId, device_list: Bytes) {
    let asked = format!("/api/v1/accounts/{account}/devices");
    let body = codec::encode(&Devices { device_list });
    host.lies.about_answers(move |path, answer| if path == asked { Ok(body.clone()) } else { answer });
}

// Rig: px. To alice the server shows the list of before, to bob another one of the same version, which the account has signed as well.
// Fails without `list_named` in `apply_entry`, and for alice without the first part of `is_other` in `pin_list`.
#[tokio::test]
async fn r40_a_list_that_the_server_hides_or_swaps_is_found_out_by_the_next_message() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    let mut mallory = Person::ready(&world.backend, "mallory-1").await;
    settle(&mut [&mut alice, &mut bob]).await;
    let mut seats = Vec::new();
    for host in [&mut alice, &mut bob] {
        host.open_with("mallory-1").await.unwrap();
        settle(&mut [host]).await;
        seats.push(mallory.join(&world.backend).await);
    }
    let (account, first) = (mallory.account(), mallory.list.clone());
    let (phone, tablet) = (attacks::other_device(&mallory), attacks::other_device(&mallory));
    let mut swapped = mallory.next_list(first.devices.clone());
    swapped.devices.push(tablet.list.devices[0].clone());
    mallory.list_with(&world.backend, &[&phone]).await;
    shows(&mut alice, account, mallory.signed(&first));
    shows(&mut bob, account, mallory.signed(&swapped));
    for seat in &mut seats {
        say(&world, &mallory, seat, head(&mallory.list)).await;
    }
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(alice.notices, [ErrorCode::ContactListRefused]);
    // The directory holds another one of that version, too.
    assert_eq!(bob.notices, [ErrorCode::ContactListRefused, ErrorCode::DirectoryRefused]);
    for (host, seat) in [(&mut alice, &seats[0]), (&mut bob, &seats[1])] {
        host.open(seat.room).await.unwrap();
        assert_eq!(host.texts(), [("from mallory".into(), "read")], "what verifies is shown all the same");
    }

    // It is asked for again with each connection, until it is shown.
    alice.reload().await.unwrap();
    again(&mut [&mut alice]).await;
    assert_eq!(alice.notices, [ErrorCode::ContactListRefused; 2]);
    alice.lies.stop();
    for _ in 0..2 {
        alice.reload().await.unwrap();
        again(&mut [&mut alice]).await;
    }
    assert_eq!(alice.notices, [ErrorCode::ContactListRefused; 2]);
}

/// What a person's own client opens of the log.
fn contents(person: &Person, seat: &mut Seat, entries: &[Entry]) -> Vec<Content> {
    let mut contents = Vec::new();
    for entry in entries {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(entry.bytes.as_slice()).unwrap().try_into_protocol_message().unwrap();
        match seat.group.process_message(&person.provider, message).unwrap().into_content() {
            ProcessedMessageContent::ApplicationMessage(content) => {
                contents.push(Content::decode(&content.into_bytes(), seat.room).unwrap());
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => seat.group.merge_staged_commit(&person.provider, *staged).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    contents
}

// Fails without `list_said` in `own_in_log`: then it is said with every message.
#[tokio::test]
async fn r40_the_newest_own_list_is_named_once_and_again_when_there_is_another_or_somebody_comes() {
    let mut stage = Stage::new().await;
    let room = stage.seat.room;
    let mut seq = stage.log().await.last().unwrap().seq;
    let mut named = Vec::new();
    let mut laptop = None;
    for round in 0..4 {
        if round == 2 {
            // Another browser of alice's: a newer list, and somebody who came.
            laptop = Some(stage.world.second("alice-1", stage.world.now).await);
        }
        let mut hosts: Vec<&mut Host> = std::iter::once(&mut stage.alice).chain(&mut laptop).collect();
        settle(&mut hosts).await;
        hosts[0].say(room, "hello").await.unwrap();
        settle(&mut hosts).await;
        let log = stage.log().await;
        let new: Vec<Entry> = log.into_iter().filter(|entry| entry.seq > seq).collect();
        seq = new.last().unwrap().seq;
        let contents = contents(&stage.mallory, &mut stage.seat, &new);
        named.push(contents.last().unwrap().list.as_ref().map(|list| list.version));
    }
    assert_eq!(named, [Some(1), None, Some(2), None]);
}

// Seed 117 of an earlier schedule. Fails without the removal from `lists_asked` in `list_not_told`: then nothing leaves the room before the next
// connection.
#[tokio::test]
async fn a_list_that_could_not_be_had_is_asked_for_again_on_the_same_connection() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let mut laptop = world.second("bob-1", world.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    let Phase::Ready { me, .. } = &bob.phase else { panic!("{:?}", bob.phase) };
    let asked = format!("/api/v1/accounts/{}/devices", me.account);
    let lost = Arc::new(AtomicU32::new(0));
    let counted = lost.clone();
    alice.lies.about_answers(move |path, answer| {
        let loses = path == asked && counted.fetch_add(1, Ordering::Relaxed) == 0;
        if loses { Err(ErrorBody { code: ErrorCode::Offline, retry_after: None, room: None, epoch: None }) } else { answer }
    });
    let mut phone = world.second("bob-1", world.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop, &mut phone]).await;
    assert_eq!(lost.load(Ordering::Relaxed), 1);
    alice.say(room, "hello").await.unwrap();
    for _ in 0..5 {
        settle(&mut [&mut alice, &mut bob, &mut laptop, &mut phone]).await;
        alice.pass_time();
    }
    bob.open(room).await.unwrap();
    assert_eq!(bob.texts(), [("hello".into(), "read")]);
}
