//! A server that puts another identity behind a name. Rig: px.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
#[allow(unused_imports, reason = "each test program uses its part")]
mod people;

use kit::{World, settle};
use people::{Person, ctx};
use sotto_client_api::views::Trust;
use sotto_client_api::{Command, Reply};
use sotto_protocol::api::{self, ClaimKeyPackages, ClaimedKeyPackage, ClaimedKeyPackages};
use sotto_protocol::frames::ServerFrame;
use sotto_protocol::{AccountId, ErrorCode, RoomId, codec, limits};
use sotto_rules::roles::Kind;
use sotto_sim::{Host, SimError};

/// Connects again, as soon as the engine tries to.
async fn again(hosts: &mut [&mut Host]) {
    for _ in 0..40 {
        hosts.iter_mut().for_each(|host| host.pass_time());
        settle(hosts).await;
    }
}

/// A server that gives out mallory's keys under every name.
fn swaps(host: &mut Host, mallory: &Person) {
    let (account, device, device_list) = (mallory.account(), mallory.device, mallory.signed(&mallory.list));
    let mut packages = mallory.upload(9).one_time;
    host.lies.about_answers(move |path, answer| {
        let asked =
            path.ends_with("key-packages/claim").then(|| codec::decode::<ClaimedKeyPackages>(answer.as_ref().unwrap(), limits::API_BODY));
        let Some(Ok(claimed)) = asked else { return answer };
        let package = ClaimedKeyPackage { device, key_package: packages.pop().unwrap() };
        let swapped = ClaimedKeyPackages { account, device_list: device_list.clone(), packages: vec![package], room: None, ..claimed };
        Ok(codec::encode(&swapped))
    });
}

fn peer(host: &Host, room: RoomId) -> AccountId {
    host.rooms[&room].peer.as_ref().unwrap().account
}

async fn add(host: &mut Host, room: RoomId, name: &str) -> Result<(), SimError> {
    host.call(Command::AddPerson { room, name: people::name(name) }).await.map(|_| ())
}

// Fails without `remember_seen` in `undo_turn` (nothing of it is left), and without `waits_for_person` in `may_send`.
#[tokio::test]
async fn r28_another_identity_behind_a_name_is_shown_and_nothing_is_sent_to_a_verified_contact_until_the_person_knows() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let mut carol = world.person("carol-1").await;
    let mallory = Person::ready(&world.backend, "mallory-1").await;
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    let with_carol = alice.open_with("carol-1").await.unwrap();
    let Reply::Room(board) = alice.call(Command::CreateGroup { name: "The board".into(), room: None }).await.unwrap() else {
        panic!("no room")
    };
    let account = peer(&alice, room);
    alice.call(Command::SetVerified { account, verified: true }).await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;

    swaps(&mut alice, &mallory);
    for name in ["bob-1", "carol-1"] {
        assert_eq!(add(&mut alice, board.room, name).await.unwrap_err(), SimError(ErrorCode::IdentityChanged, "AddPerson"));
    }
    assert_eq!(alice.notices, [ErrorCode::IdentityChanged; 2]);
    assert_eq!([alice.rooms[&room].trust, alice.rooms[&with_carol].trust], [Trust::Changed; 2]);
    // Carol was never compared: it is shown, and no more.
    assert_eq!([alice.rooms[&room].can_send, alice.rooms[&with_carol].can_send], [Err(ErrorCode::IdentityChanged), Ok(())]);
    alice.lies.stop();
    alice.say(with_carol, "to carol as she was").await.unwrap();
    alice.say(room, "to bob as he was").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    carol.open(with_carol).await.unwrap();
    assert_eq!(carol.texts().len(), 1);

    // The server says the truth again, and the browser is loaded anew: it still waits for the person.
    alice.reload().await.unwrap();
    again(&mut [&mut alice, &mut bob, &mut carol]).await;
    assert_eq!((alice.rooms[&room].trust, alice.rooms[&room].can_send), (Trust::Changed, Err(ErrorCode::IdentityChanged)));
    bob.open(room).await.unwrap();
    assert_eq!(bob.texts(), []);

    alice.call(Command::AcknowledgeIdentity { account }).await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    assert_eq!((alice.rooms[&room].trust, alice.rooms[&room].can_send), (Trust::Verified, Ok(())));
    assert_eq!(bob.texts().len(), 1);
    let twice = alice.call(Command::AcknowledgeIdentity { account }).await.unwrap_err();
    assert_eq!(twice, SimError(ErrorCode::NotFound, "AcknowledgeIdentity"));

    // From now on the name is the other one's, who has a room of their own.
    swaps(&mut alice, &mallory);
    let other = alice.open_with("bob-1").await.unwrap();
    assert_ne!(other, room);
    assert_eq!((peer(&alice, other), peer(&alice, room)), (mallory.account(), account));
    // The directory still says that the name is the first one's: whoever shows one thing here and another there is found out at once.
    settle(&mut [&mut alice]).await;
    assert_eq!(alice.rooms[&other].trust, Trust::Changed);
}

// Fails when `welcomed` gives the error back: she connects again and again.
#[tokio::test]
async fn r28_who_comes_under_the_name_of_somebody_known_waits_for_the_person() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let mallory = Person::ready(&world.backend, "mallory-1").await;
    settle(&mut [&mut alice, &mut bob]).await;
    let rename = |people: &mut Vec<api::Person>| {
        let own = people.iter_mut().filter(|person| person.name == people::name("mallory-1"));
        own.for_each(|person| person.name = people::name("bob-1"));
    };
    alice.lies.about_frames(move |frame| match frame {
        ServerFrame::Welcomes { mut welcomes } => {
            welcomes.iter_mut().for_each(|welcome| rename(&mut welcome.members));
            vec![ServerFrame::Welcomes { welcomes }]
        }
        other => vec![other],
    });
    alice.lies.swap_room_state(move |mut state| {
        rename(&mut state.info.members);
        state.welcome.iter_mut().for_each(|welcome| rename(&mut welcome.members));
        state
    });
    let claim = ClaimKeyPackages { name: people::name("alice-1"), group: false };
    let claimed = world.backend.claim_key_packages(&ctx(), mallory.caller(), claim).await.unwrap();
    let package = claimed.packages.into_iter().next().unwrap();
    let (create, seat) =
        mallory.new_room(&Kind::Direct, Some(claimed.account), Some((claimed.account, package.device, package.key_package)));
    world.backend.create_room(&ctx(), mallory.caller(), create).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    again(&mut [&mut alice, &mut bob]).await;
    for _ in 0..2 {
        assert_eq!(alice.notices, [ErrorCode::IdentityChanged]);
        assert_eq!((alice.rooms.len(), alice.rooms[&room].trust), (1, Trust::Changed));
        alice.reload().await.unwrap();
        again(&mut [&mut alice, &mut bob]).await;
    }
    let account = peer(&alice, room);
    alice.call(Command::AcknowledgeIdentity { account }).await.unwrap();
    again(&mut [&mut alice, &mut bob]).await;
    assert_eq!(alice.rooms[&room].trust, Trust::Pinned);
    assert_eq!(peer(&alice, seat.room), mallory.account());
}
