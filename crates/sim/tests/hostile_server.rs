//! A malicious server: what it swaps, repeats and makes up between the real backend and a real engine. Rig: px.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
#[allow(unused_imports, reason = "each test program uses its part")]
mod people;

use kit::{PASSWORD, World, online, pass_a_minute, said, settle};
use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{KeyPackageIn, MlsGroup, OpenMlsProvider as _, ProtocolVersion};
use openmls_basic_credential::SignatureKeyPair;
use people::{Person, ctx};
use sotto_client::mls;
use sotto_client_api::views::SystemLine;
use sotto_client_api::{Command, Reply};
use sotto_protocol::api::{ClaimKeyPackages, ClaimedKeyPackage, CommitAck, ErrorBody, RoomState};
use sotto_protocol::frames::{Entry, EntryKind, ServerFrame, Welcome};
use sotto_protocol::{Bytes, ErrorCode, RoomId, limits};
use sotto_rules::config;
use sotto_rules::roles::{Kind, Roles};
use sotto_sim::hostile::member;
use sotto_sim::hostile::server::made_up;
use sotto_sim::{Host, SimError};

// Fails without the comparison of accounts and devices in the client's `mls::joiner` (Mallory's own package, genuine in itself).
#[tokio::test]
async fn r27_key_packages_of_somebody_else_are_refused() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    let mallory = Person::ready(&world.backend, "mallory-1").await;
    settle(&mut [&mut alice, &mut bob]).await;

    let package = mallory.upload(1).one_time.remove(0);
    alice.lies.swap_key_packages(move |mut claimed| {
        claimed.key_package = package.clone();
        claimed
    });
    let refused = alice.open_with("bob-1").await.unwrap_err();
    assert_eq!(refused, SimError(ErrorCode::NotAuthentic, "OpenRoomWith"));
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(alice.rooms.is_empty() && bob.rooms.is_empty());

    alice.lies.stop();
    let room = alice.open_with("bob-1").await.unwrap();
    alice.say(room, "to bob alone").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    assert_eq!(said(&bob), ["to bob alone"]);
}

/// Epoch of a room that a stranger has made.
const AHEAD: u64 = 5;

/// Somebody's room under the id of another.
struct Stranger {
    room: RoomId,
    group: MlsGroup,
    signer: SignatureKeyPair,
    named: sotto_protocol::api::Person,
    state: (Bytes, Bytes),
}

impl Stranger {
    fn in_place_of(person: &Person, room: RoomId, kind: &Kind) -> Self {
        let (signer, leaf) = person.leaf();
        let created = config::create_config(kind, people::now() / 1000);
        let mut group = MlsGroup::new_with_group_id(&person.provider, &signer, &created, mls::group_id(room), leaf).unwrap();
        // Further than the room is: what is behind would be known by that alone.
        for _ in 0..AHEAD {
            member::commit(&person.provider, &mut group, &signer, None, |builder| builder).unwrap();
            group.merge_pending_commit(&person.provider).unwrap();
        }
        let info = group.export_group_info(person.provider.crypto(), &signer, false).unwrap().to_bytes().unwrap();
        let tree = group.export_ratchet_tree().tls_serialize_detached().unwrap();
        let named = sotto_protocol::api::Person { account: person.account(), name: person.name.clone() };
        Self { room, group, signer, named, state: (Bytes(info), Bytes(tree)) }
    }

    /// A server that shows it to a browser whose log ends at `last`, and takes the browser's commit into it.
    fn instead(&self, host: &mut Host, last: &Entry) {
        let (named, (group_info, ratchet_tree)) = (self.named.clone(), self.state.clone());
        host.lies.swap_room_state(move |mut state| {
            state.info.epoch = AHEAD;
            state.info.members.push(named.clone());
            RoomState { group_info: group_info.clone(), ratchet_tree: ratchet_tree.clone(), ..state }
        });
        host.lies.take_every_commit(CommitAck { room: self.room, seq: last.seq + 1, epoch: AHEAD + 1, at: host.now });
    }
}

// The server makes Alice doubt her place, and shows her another room under this one's name, in which a stranger waits whom no rule
// forbids. Fails without the comparison of peers in `Engine::stage_seat` (she then
// writes to the stranger under bob's name), and without the one in `accept_welcome`.
#[tokio::test]
async fn r27_room_state_with_somebody_else_in_the_peers_place_is_refused() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let mallory = Person::ready(&world.backend, "mallory-1").await;
    let record = alice.lies.record();
    alice.say(room, "before").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;

    let mut stranger = Stranger::in_place_of(&mallory, room, &Kind::Direct);
    let last = record.entries(room).pop().unwrap();
    stranger.instead(&mut alice, &last);
    let garbage = made_up(&last, 1, EntryKind::Commit, Bytes(vec![7; 99]));
    alice.inject(&ServerFrame::Deliver { entries: vec![garbage] });
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(alice.notices, [ErrorCode::OutOfStep, ErrorCode::IdentityChanged]);
    assert!(alice.epochs().unwrap().is_empty(), "no seat there");

    // The same by a Welcome of the stranger's.
    let request = ClaimKeyPackages { name: people::name("alice-1"), group: false };
    let claimed = world.backend.claim_key_packages(&ctx(), mallory.caller(), request).await.unwrap();
    let package = KeyPackageIn::tls_deserialize_exact_bytes(claimed.packages[0].key_package.as_slice()).unwrap();
    let package = package.validate(mallory.provider.crypto(), ProtocolVersion::Mls10).unwrap();
    let joiner = Some((claimed.account, claimed.packages[0].device));
    let Stranger { group, signer, .. } = &mut stranger;
    let upload = member::commit(&mallory.provider, group, signer, joiner, |builder| builder.propose_adds([package])).unwrap();
    group.merge_pending_commit(&mallory.provider).unwrap();
    let ratchet_tree = Bytes(group.export_ratchet_tree().tls_serialize_detached().unwrap());
    let members = vec![stranger.named.clone()];
    let welcome = Welcome { room, epoch: AHEAD + 1, seq: last.seq + 1, welcome: upload.welcomes[0].welcome.clone(), ratchet_tree, members };
    alice.inject(&ServerFrame::Welcomes { welcomes: vec![welcome] });
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(alice.epochs().unwrap().is_empty(), "nor there");
    assert_eq!(alice.rooms[&room].title, "bob-1");
    alice.say(room, "for bob alone").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(alice.texts().last().unwrap().1, "sending");

    alice.lies.stop();
    alice.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    assert_eq!(said(&bob), ["before", "for bob alone"]);
    assert_eq!(alice.epochs().unwrap(), bob.epochs().unwrap());
}

// In a group nobody's place is fixed: who is there instead of whom is said before anything can be written. Fails when `seat_taken` does
// not compare the accounts.
#[tokio::test]
async fn r30_who_came_and_went_while_a_browser_was_out_of_step_is_shown() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    let mallory = Person::ready(&world.backend, "mallory-1").await;
    settle(&mut [&mut alice, &mut bob]).await;
    let record = alice.lies.record();
    let Reply::Room(view) = alice.call(Command::CreateGroup { name: "The board".into(), room: None }).await.unwrap() else {
        panic!("no room")
    };
    let room = view.room;
    alice.call(Command::AddPerson { room, name: people::name("bob-1") }).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    alice.open(room).await.unwrap();

    let stranger = Stranger::in_place_of(&mallory, room, &Kind::Group(Roles::owned_by(mallory.account())));
    let last = record.entries(room).pop().unwrap();
    stranger.instead(&mut alice, &last);
    let garbage = made_up(&last, alice.epochs().unwrap()[&room], EntryKind::Commit, Bytes(vec![7; 99]));
    alice.inject(&ServerFrame::Deliver { entries: vec![garbage] });
    settle(&mut [&mut alice, &mut bob]).await;
    alice.say(room, "for the board").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(alice.texts().last().unwrap().1, "sending");

    // Her commit, as this server's log shows it.
    alice.inject(&ServerFrame::Deliver { entries: vec![made_up(&last, 0, EntryKind::Commit, Bytes(vec![7; 99]))] });
    settle(&mut [&mut alice, &mut bob]).await;
    let Some(SystemLine::SeatTakenAgain { came, went, .. }) = alice.lines().pop() else { panic!("{:?}", alice.lines()) };
    assert_eq!((came.as_str(), went.as_str()), ("mallory-1", "bob-1"));
}

/// Takes a key package of bob's, so late that those which were claimed before are burnt.
async fn claim(world: &World, drainer: &Person, number: usize) -> Vec<ClaimedKeyPackage> {
    let request = ClaimKeyPackages { name: people::name("bob-1"), group: false };
    let at = people::at(world.now + number as u64 * limits::KEY_PACKAGE_RESERVATION_MS);
    world.backend.claim_key_packages(&at, drainer.caller(), request).await.unwrap().packages
}

// One-time packages are erased with their use, so the Welcome here is one for the last resort, whose key stays: it would open again.
// Fails without `is_old` in `Engine::welcomed`.
#[tokio::test]
async fn r36_old_welcome_is_refused_in_the_room_after_a_reload_and_after_a_rejoin() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    let drainer = Person::ready(&world.backend, "drain-1").await;
    settle(&mut [&mut alice, &mut bob]).await;
    bob.set_online(false);
    bob.run().await;
    const ALL: usize = limits::ONE_TIME_KEY_PACKAGES;
    for number in 0..ALL {
        claim(&world, &drainer, number).await;
    }
    assert_eq!(claim(&world, &drainer, ALL).await, claim(&world, &drainer, ALL + 1).await, "the last resort, again and again");

    let room = alice.open_with("bob-1").await.unwrap();
    alice.say(room, "one").await.unwrap();
    let record = bob.lies.record();
    online(&mut [&mut alice, &mut bob], 1, 20).await;
    let welcomes = record.welcomes();
    assert_eq!(welcomes.len(), 1);
    let replay = ServerFrame::Welcomes { welcomes };
    bob.open(room).await.unwrap();
    bob.say(room, "two").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;

    for rejoin in [false, true] {
        if rejoin {
            let last = record.entries(room).pop().unwrap();
            let epoch = bob.epochs().unwrap()[&room];
            let garbage = made_up(&last, epoch, EntryKind::Commit, Bytes(vec![7; 99]));
            bob.inject(&ServerFrame::Deliver { entries: vec![garbage] });
            settle(&mut [&mut alice, &mut bob]).await;
            assert_eq!(std::mem::take(&mut bob.notices), [ErrorCode::OutOfStep]);
        }
        let epochs = bob.epochs().unwrap();
        for _ in 0..3 {
            bob.inject(&replay);
            settle(&mut [&mut alice, &mut bob]).await;
            assert_eq!(bob.epochs().unwrap(), epochs);
            bob.reload().await.unwrap();
            settle(&mut [&mut alice, &mut bob]).await;
            bob.open(room).await.unwrap();
        }
        alice.say(room, "three").await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    assert_eq!(said(&bob), ["one", "two", "three", "three"]);
    assert_eq!(bob.notices, []);
    assert_eq!(alice.epochs().unwrap(), bob.epochs().unwrap());
}

// A new device has no key for it, whatever comes first: the Welcome or the room. Fails without `is_old` in `Engine::welcomed` (it gives
// up its seat for a Welcome that does not open).
#[tokio::test]
async fn r36_old_welcome_takes_no_old_seat_after_a_reinstall() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    settle(&mut [&mut alice, &mut bob]).await;
    let record = bob.lies.record();
    let room = alice.open_with("bob-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    let replay = ServerFrame::Welcomes { welcomes: record.welcomes() };

    let mut again = Host::new(&world.backend, world.now);
    again.sign_in("bob-1", PASSWORD).await.unwrap();
    for before in [true, false] {
        if !before {
            settle(&mut [&mut alice, &mut again]).await;
        }
        again.inject(&replay);
        settle(&mut [&mut alice, &mut again]).await;
        assert_eq!(again.epochs().unwrap(), alice.epochs().unwrap());
        // His external commit, and no more: the old device stays until it is removed.
        assert_eq!(again.epochs().unwrap()[&room], 2);
    }
    again.open(room).await.unwrap();
    again.say(room, "here").await.unwrap();
    settle(&mut [&mut alice, &mut again]).await;
    assert_eq!(said(&alice), ["here"]);
    assert_eq!(again.notices, []);
}

/// Keys are old afterwards, and both have had time to renew them.
async fn a_week(alice: &mut Host, bob: &mut Host) {
    for host in [&mut *alice, &mut *bob] {
        host.now += limits::UPDATE_AFTER_MS;
    }
    pass_a_minute(alice, bob).await;
}

// A server that tells each of two its own truth, on two copies of its data. Fails when `policy(Fault::Message)` does not compare (the
// alarm), and without the former key in `Data::leaf_keys` (the repair).
#[tokio::test]
async fn r40_fork_is_noticed_with_the_next_message_and_repaired_with_the_history_kept() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.open(room).await.unwrap();
    alice.say(room, "before").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;

    // After a week both renew their keys. After the next one they do it again, and each is told that its own commit is the one.
    a_week(&mut alice, &mut bob).await;
    assert_eq!(alice.epochs().unwrap()[&room], 3);
    let (other, _folder) = world.copy().await;
    bob.move_to(&other);
    a_week(&mut alice, &mut bob).await;
    alice.say(room, "in alice's world").await.unwrap();
    bob.say(room, "in bob's world").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!((alice.epochs().unwrap()[&room], bob.epochs().unwrap()[&room]), (4, 4));
    assert_eq!(
        (said(&alice), said(&bob)),
        (vec!["before".into(), "in alice's world".into()], vec!["before".into(), "in bob's world".into()])
    );
    assert_eq!((&alice.notices, &bob.notices), (&vec![], &vec![]));

    bob.move_to(&world.backend);
    for _ in 0..60 {
        bob.pass_time();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    alice.say(room, "one message").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(bob.notices, [ErrorCode::Forked], "{:?}", bob.lines());
    alice.say(room, "together").await.unwrap();
    bob.say(room, "again").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(alice.epochs().unwrap(), bob.epochs().unwrap());
    assert_eq!(said(&bob), ["before", "in bob's world", "together", "again"]);
    assert_eq!(said(&alice), ["before", "in alice's world", "one message", "together", "again"]);
    assert!(alice.lines().iter().any(|line| matches!(line, SystemLine::SeatTakenAgain { .. })), "{:?}", alice.lines());
}

/// Something that ends the epoch and does not open.
fn doubt(host: &mut Host, room: RoomId, last: &Entry) {
    let epoch = host.epochs().unwrap()[&room];
    host.inject(&ServerFrame::Deliver { entries: vec![made_up(last, epoch, EntryKind::Commit, Bytes(vec![7; 99]))] });
}

// Keys of the past may be known by now, and people who were removed are there again. Fails without `is_past` in `Engine::room_state`.
#[tokio::test]
async fn r40_a_seat_in_the_past_is_not_taken_and_told_about() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let old = world.backend.room_state(&bob.caller().await.unwrap(), room).await.unwrap();
    a_week(&mut alice, &mut bob).await;
    assert_eq!(bob.epochs().unwrap()[&room], 3);
    bob.open(room).await.unwrap();

    // As it was, and with a head that says nothing of its age.
    for hidden in [false, true] {
        let log = world.backend.read_after(&bob.caller().await.unwrap(), room, 0, 64, limits::SYNC_FRAME).await.unwrap();
        let last = log.last().unwrap().clone();
        let mut past = old.clone();
        past.info.head = if hidden { last.seq } else { past.info.head };
        bob.lies.swap_room_state(move |_| past.clone());
        doubt(&mut bob, room, &last);
        settle(&mut [&mut alice, &mut bob]).await;
        assert_eq!(std::mem::take(&mut bob.notices), [ErrorCode::OutOfStep, ErrorCode::ServerBehind]);
        assert!(bob.epochs().unwrap().is_empty(), "no seat there");
        bob.say(room, "for today").await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
        assert_eq!(bob.texts().last().unwrap().1, "sending");

        bob.lies.stop();
        bob.reload().await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
        assert_eq!(alice.epochs().unwrap(), bob.epochs().unwrap());
        bob.open(room).await.unwrap();
    }
    alice.open(room).await.unwrap();
    assert_eq!(said(&alice), ["for today", "for today"]);
}

// An old Welcome for the last resort opens as long as its keys are here, and its place in the log is the server's word. Fails without the
// comparison of epochs in `accept_welcome`.
#[tokio::test]
async fn r36_old_welcome_under_a_new_position_takes_no_seat_in_the_past() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    let drainer = Person::ready(&world.backend, "drain-1").await;
    settle(&mut [&mut alice, &mut bob]).await;
    bob.set_online(false);
    for number in 0..limits::ONE_TIME_KEY_PACKAGES {
        claim(&world, &drainer, number).await;
    }
    let room = alice.open_with("bob-1").await.unwrap();
    let record = bob.lies.record();
    online(&mut [&mut alice, &mut bob], 1, 20).await;
    alice.say(room, "one").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    // He takes his seat again, while the keys of the last resort are here.
    doubt(&mut bob, room, &record.entries(room).pop().unwrap());
    settle(&mut [&mut alice, &mut bob]).await;
    let last = record.entries(room).pop().unwrap();
    let epochs = bob.epochs().unwrap();

    let mut welcome = record.welcomes().pop().unwrap();
    welcome.seq = last.seq + 10;
    let unavailable = ErrorBody { code: ErrorCode::Unavailable, retry_after: None, room: None, epoch: None };
    bob.lies.about_answers(move |path, answer| if path.ends_with("/state") { Err(unavailable.clone()) } else { answer });
    doubt(&mut bob, room, &last);
    settle(&mut [&mut alice, &mut bob]).await;
    bob.inject(&ServerFrame::Welcomes { welcomes: vec![welcome] });
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(bob.epochs().unwrap().is_empty(), "no seat there: {:?}", bob.epochs());

    bob.lies.stop();
    pass_a_minute(&mut alice, &mut bob).await;
    assert!(bob.epochs().unwrap()[&room] > epochs[&room]);
    assert_eq!(alice.epochs().unwrap(), bob.epochs().unwrap());
}

// The server has accepted a seat, and its answer is lost; then comes an invitation that was left lying. Fails without the look at
// `Seat::Joining` in `Engine::welcomed`: the log then shows a commit that this browser does not know, which looks like a rolled-back one.
#[tokio::test]
async fn a_welcome_beside_a_seat_that_is_being_taken_is_left_alone() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice-1").await, world.person("bob-1").await);
    settle(&mut [&mut alice, &mut bob]).await;
    let record = bob.lies.record();
    bob.lies.about_frames(|frame| if matches!(frame, ServerFrame::Welcomes { .. }) { Vec::new() } else { vec![frame] });
    bob.lies.swap_room_state(|state| RoomState { welcome: None, ..state });
    let mut answers = 0;
    bob.lies.about_answers(move |path, answer| {
        answers += u32::from(path.ends_with("/commits"));
        let lost = ErrorBody { code: ErrorCode::Offline, retry_after: None, room: None, epoch: None };
        if path.ends_with("/commits") && answers == 1 { Err(lost) } else { answer }
    });
    let room = alice.open_with("bob-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(bob.rooms.is_empty() && record.welcomes().len() == 1);
    bob.reload().await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(alice.epochs().unwrap()[&room], 2, "his seat stands in the log");
    assert!(bob.epochs().unwrap().is_empty(), "and he does not know yet");

    bob.inject(&ServerFrame::Welcomes { welcomes: record.welcomes() });
    settle(&mut [&mut alice, &mut bob]).await;
    pass_a_minute(&mut alice, &mut bob).await;
    bob.open(room).await.unwrap();
    alice.say(room, "come in").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(said(&bob), ["come in"]);
    assert_eq!((&alice.notices, &bob.notices), (&vec![], &vec![]));
    assert_eq!(alice.epochs().unwrap(), bob.epochs().unwrap());
}
