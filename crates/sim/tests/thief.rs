//! A thief: of the server's database, which he edits while the server runs, and of a browser's profile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
mod people;

use kit::{PASSWORD, World, settle};
use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, CredentialWithKey, MlsGroup, MlsMessageIn, OpenMlsProvider, ProcessedMessage, ProcessedMessageContent,
};
use openmls_basic_credential::SignatureKeyPair;
use people::{Person, ctx};
use sotto_client::content::Content;
use sotto_client_api::views::SystemLine;
use sotto_client_api::{Command, Reply};
use sotto_protocol::frames::{Entry, Publish, ServerFrame};
use sotto_protocol::{Bytes, DeviceId, ErrorCode, limits};
use sotto_rules::config;
use sotto_rules::identity::DeviceCredential;
use sotto_sim::hostile::thief::{Database, Profile};
use sotto_sim::hostile::{downgrade, member};
use sotto_sim::{Host, SimError};

/// A leaf under a person's name, with all that can be had without that person's account key, and a key of the ghost's own.
fn forged_leaf(ghost: &Person, of: &Person, device: DeviceId) -> (SignatureKeyPair, CredentialWithKey) {
    let (key, own) = ghost.leaf();
    let own = DeviceCredential::decode(own.credential.serialized_content()).unwrap();
    let forged = DeviceCredential { account_key: of.account_key.verifying_key().to_bytes(), device, ..own };
    let leaf = CredentialWithKey { credential: BasicCredential::new(forged.encode()).into(), signature_key: key.public().into() };
    (key, leaf)
}

fn forged_package(ghost: &Person, of: &Person, device: DeviceId) -> Bytes {
    let (key, leaf) = forged_leaf(ghost, of, device);
    let package = downgrade::key_package_under(config::SUITE, &ghost.provider, &key, leaf, |builder| builder).unwrap();
    Bytes(package.tls_serialize_detached().unwrap())
}

/// Texts that a state opens, one entry after the other; commits are followed as far as it goes.
fn texts(provider: &impl OpenMlsProvider, group: &mut MlsGroup, entries: &[Entry]) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in entries {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(entry.bytes.as_slice()).unwrap().try_into_protocol_message().unwrap();
        match group.process_message(provider, message).map(ProcessedMessage::into_content) {
            Ok(ProcessedMessageContent::ApplicationMessage(message)) => {
                texts.extend(Content::decode(&message.into_bytes(), entry.room).unwrap().text);
            }
            Ok(ProcessedMessageContent::StagedCommitMessage(staged)) => group.merge_staged_commit(provider, *staged).unwrap(),
            _ => {}
        }
    }
    texts
}

// Rig: db. Fails when `Engine::claimed` takes the first package that comes (bob), without the alarm of `verify_claimed`, and when
// `decode_device_list` does not compare the account (dave). A forged credential (carol) stands before two locks: `check_key_package` in
// `mls::joiner`, and the server's own look at what is added.
#[tokio::test]
async fn r26_ghost_devices_get_nothing_and_are_told_about() {
    let world = World::new().await;
    let mut alice = world.person("alice-1").await;
    let [bob, carol, dave] = ["bob-1", "carol-1", "dave-1"].map(|name| Person::ready(&world.backend, name));
    let (bob, carol, dave) = (bob.await, carol.await, dave.await);
    let ghost = Person::new("ghost");
    let mut database = Database::open(world.dir.path()).await.unwrap();
    settle(&mut [&mut alice]).await;

    // A second device, which stands in no list.
    database.add_device(bob.account(), ghost.device).await.unwrap();
    database.add_key_package(bob.account(), ghost.device, &forged_package(&ghost, &bob, ghost.device), 1).await.unwrap();
    let room = alice.open_with("bob-1").await.unwrap();
    assert_eq!(std::mem::take(&mut alice.notices), [ErrorCode::GhostDevice]);
    alice.say(room, "for bob's own device").await.unwrap();
    settle(&mut [&mut alice]).await;
    let mut seat = bob.join(&world.backend).await;
    assert_eq!(seat.group.members().count(), 2);
    let log = world.backend.read_after(bob.caller(), room, 0, 64, limits::SYNC_FRAME).await.unwrap();
    assert_eq!(texts(&bob.provider, &mut seat.group, &log), ["for bob's own device"]);
    // Nothing was made for the ghost: it has no Welcome, and what the log holds was made for those two leaves.
    let hex: String = ghost.device.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let rows = people::dump_of(world.dir.path()).await;
    assert!(rows.iter().any(|row| row.starts_with("devices ") && row.contains(&hex)), "the edit is there");
    assert!(!rows.iter().any(|row| row.starts_with("welcomes ") && row.contains(&hex)));

    // Nor does it come into a group.
    database.add_key_package(bob.account(), ghost.device, &forged_package(&ghost, &bob, ghost.device), 2).await.unwrap();
    let created = alice.call(Command::CreateGroup { name: "The board".into(), room: None }).await.unwrap();
    let Reply::Room(board) = created else { panic!("no room") };
    alice.call(Command::AddPerson { room: board.room, name: people::name("bob-1") }).await.unwrap();
    settle(&mut [&mut alice]).await;
    assert_eq!(std::mem::take(&mut alice.notices), [ErrorCode::GhostDevice]);
    assert_eq!(bob.join(&world.backend).await.group.members().count(), 2);

    // A package for her true device.
    database.add_key_package(carol.account(), carol.device, &forged_package(&ghost, &carol, carol.device), 3).await.unwrap();
    assert_eq!(alice.open_with("carol-1").await.unwrap_err(), SimError(ErrorCode::NotAuthentic, "OpenRoomWith"));

    // A device list that names the ghost, signed by the ghost.
    let mut list = ghost.list.clone();
    list.account = dave.account();
    database.set_device_list(dave.account(), &ghost.signed(&list)).await.unwrap();
    assert_eq!(alice.open_with("dave-1").await.unwrap_err(), SimError(ErrorCode::NotAuthentic, "OpenRoomWith"));
    settle(&mut [&mut alice]).await;
    assert_eq!(alice.rooms.len(), 2);

    // What the ghost builds itself, uploaded in bob's session, falls with its credential.
    let state = world.backend.room_state(bob.caller(), room).await.unwrap();
    let (key, leaf) = forged_leaf(&ghost, &bob, ghost.device);
    let handed = (state.group_info.as_slice(), state.ratchet_tree.as_slice());
    let (upload, _) = member::external_commit(&ghost.provider, &key, leaf, handed).unwrap();
    let refused = world.backend.upload_commit(&ctx(), bob.caller(), room, upload).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotAuthentic);
}

// Rig: px, which gives the new device all that was ever said. Fails when `seat_taken` lets a newcomer begin at 0; that nothing opens is
// MLS's doing, as long as a seat is taken by a commit of its own (`mls::join_externally`).
#[tokio::test]
async fn r45_who_joins_reads_nothing_that_was_said_before() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let record = alice.lies.record();
    for n in 0..5 {
        alice.say(room, &format!("to bob's first device {n}")).await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    let before = record.entries(room);
    assert!(before.len() >= 5);

    let mut again = Host::new(&world.backend, world.now);
    again.sign_in("bob-1", PASSWORD).await.unwrap();
    settle(&mut [&mut alice, &mut again]).await;
    let joined = again.copy_profile();
    again.open(room).await.unwrap();
    again.inject(&ServerFrame::Deliver { entries: before.clone() });
    settle(&mut [&mut alice, &mut again]).await;
    assert_eq!(again.texts(), []);
    assert!(matches!(again.lines()[..], [SystemLine::JoinedHere]), "{:?}", again.lines());

    // With its keys alone, past everything that the engine does.
    let profile = Profile::open(&joined).unwrap();
    let mut group = profile.group(room).unwrap();
    assert_eq!(texts(profile.provider(), &mut group, &before), Vec::<String>::new());
    // It opens what is said from now on, so it is not the copy that is broken.
    alice.say(room, "to the new device").await.unwrap();
    settle(&mut [&mut alice]).await;
    let newest = record.entries(room).pop().unwrap();
    assert_eq!(texts(profile.provider(), &mut group, &[newest]), ["to the new device"]);
}

// Rig: cc, a copy of a profile with the cookie beside it. Fails without `commit_what_is_due` in `resume_seats` (it reads on), and when
// `Engine::commit` signs `With` the old key (it signs on).
#[tokio::test]
async fn r47_pcs_a_copied_state_reads_and_signs_nothing_after_the_next_update() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let record = bob.lies.record();
    alice.say(room, "one").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();

    let clone = Profile::open(&alice.copy_profile()).unwrap();
    let mut group = clone.group(room).unwrap();
    let key = clone.leaf_key(&group).unwrap();
    let copied = record.entries(room).len();
    bob.say(room, "the copy reads this").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(texts(clone.provider(), &mut group, &record.entries(room)[copied..]), ["the copy reads this"]);

    // Her keys are old after a week, and renewed without her doing.
    alice.now += limits::UPDATE_AFTER_MS;
    for _ in 0..60 {
        alice.pass_time();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    let from = record.entries(room).len();
    for n in 0..5 {
        bob.say(room, &format!("bob {n}")).await.unwrap();
        alice.say(room, &format!("alice {n}")).await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    assert_eq!(bob.texts().len(), 12);
    assert!(record.entries(room).len() >= from + 10);
    assert_eq!(texts(clone.provider(), &mut group, &record.entries(room)[copied + 1..]), Vec::<String>::new());

    // Its key stands in no leaf that bob knows, ...
    let bobs = Profile::open(&bob.copy_profile()).unwrap().group(room).unwrap();
    assert!(bobs.members().all(|member| member.signature_key != key.public()));
    // ... the server takes no message of it, and not the seat for it.
    let caller = alice.caller().await.unwrap();
    let message = group.create_message(clone.provider(), &key, b"as alice").unwrap();
    let epoch = group.epoch().as_u64();
    let publish = Publish { room, idempotency: people::idempotency(), epoch, bytes: Bytes(message.tls_serialize_detached().unwrap()) };
    let answer = world.backend.publish(&ctx(), &caller, vec![publish]).await.unwrap().remove(0);
    assert_eq!(answer.unwrap_err().code, ErrorCode::StaleEpoch);
    let state = world.backend.room_state(&caller, room).await.unwrap();
    let credential = group.own_leaf_node().unwrap().credential().clone();
    let leaf = CredentialWithKey { credential, signature_key: key.public().as_slice().into() };
    let staged = Profile::open(&alice.copy_profile()).unwrap();
    staged.forget_group(room).unwrap();
    let handed = (state.group_info.as_slice(), state.ratchet_tree.as_slice());
    let (upload, _) = member::external_commit(staged.provider(), &key, leaf, handed).unwrap();
    assert_eq!(world.backend.upload_commit(&ctx(), &caller, room, upload).await.unwrap_err().code, ErrorCode::CommitRefused);
}

// Rig: cc. Fails without the look at `sends`, or at `updated_at`, in `commit_what_is_due`, and without the look at every room in
// `look_after_stock` (a browser that is connected and quiet keeps its keys).
#[tokio::test]
async fn r47_pcs_keys_are_renewed_after_100_sends_and_after_7_days_by_themselves() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    settle(&mut [&mut alice, &mut bob]).await;
    let mut key = alice.leaf_key(room).unwrap();
    for n in 1..=limits::UPDATE_AFTER_SENDS {
        assert_eq!(alice.leaf_key(room).unwrap(), key, "after {} texts", n - 1);
        alice.say(room, &format!("text {n}")).await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    assert_ne!(alice.leaf_key(room).unwrap(), key, "after {} texts", limits::UPDATE_AFTER_SENDS);

    // Seven days less half an hour, for which the network was away; then she is connected, and nobody says anything.
    key = alice.leaf_key(room).unwrap();
    bob.set_online(false);
    alice.now += limits::UPDATE_AFTER_MS - 30 * 60_000;
    for _ in 0..15 * 60 {
        alice.pass_time();
        settle(&mut [&mut alice]).await;
    }
    assert_eq!(alice.leaf_key(room).unwrap(), key, "before it is due");
    for _ in 0..90 * 60 {
        alice.pass_time();
        settle(&mut [&mut alice]).await;
    }
    assert_ne!(alice.leaf_key(room).unwrap(), key, "within an hour after it was due");
}
