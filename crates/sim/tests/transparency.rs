//! Key transparency: a server that shows two directories, an old one, or another account behind a name, is found out. Rig: px.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
#[allow(unused_imports, reason = "each test program uses its part")]
mod people;

use std::sync::{Arc, Mutex};

use kit::{World, online, said, settle};
use people::{Person, ctx};
use sotto_client_api::views::{DirectoryView, Trust};
use sotto_client_api::{Command, Reply};
use sotto_protocol::{ErrorCode, codec};
use sotto_sim::Host;

async fn directory(host: &mut Host) -> DirectoryView {
    let Reply::Directory(view) = host.call(Command::Directory).await.unwrap() else { panic!("no directory") };
    view.unwrap()
}

/// Loses the connection and gets it again.
async fn again(hosts: &mut [&mut Host], which: usize) {
    hosts[which].set_online(false);
    settle(hosts).await;
    online(hosts, which, 10).await;
}

fn is_warned(host: &Host) -> bool {
    host.notices.contains(&ErrorCode::DirectoryRefused)
}

// An honest server warns nobody, whatever changes.
#[tokio::test]
async fn an_honest_directory_is_checked_at_each_connection_and_warns_nobody() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let before = directory(&mut alice).await;
    let mut laptop = world.second("bob-1", world.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    for text in ["one", "two"] {
        bob.say(room, text).await.unwrap();
        again(&mut [&mut alice, &mut bob, &mut laptop], 0).await;
        laptop.say(room, text).await.unwrap();
        again(&mut [&mut alice, &mut bob, &mut laptop], 1).await;
    }
    let after = directory(&mut alice).await;
    assert!(after.epoch > before.epoch && after.checked_at > 0 && !after.alarm, "{before:?} {after:?}");
    for host in [&alice, &bob, &laptop] {
        assert!(host.notices.is_empty(), "{:?}", host.notices);
    }
    assert_eq!(alice.rooms[&room].can_send, Ok(()));
}

// Bob is shown a directory that has gone another way. Both sides notice with the first message. Fails without `root` in `seal_outgoing`,
// and without the comparison of chains in `root_named`.
#[tokio::test]
async fn r72_two_faces_a_server_that_shows_two_directories_is_caught_by_the_first_message() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let (other, _folder) = world.copy().await;
    Person::ready(&other, "mallory-1").await;
    Person::ready(&world.backend, "carol-1").await;
    bob.other_face = Some(other);
    again(&mut [&mut alice, &mut bob], 0).await;
    again(&mut [&mut alice, &mut bob], 1).await;
    // Each face by itself is without fault.
    assert!(!is_warned(&alice) && !is_warned(&bob));
    assert_eq!(directory(&mut alice).await.epoch, directory(&mut bob).await.epoch);

    alice.open(room).await.unwrap();
    alice.say(room, "hello").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(is_warned(&bob) && directory(&mut bob).await.alarm);
    bob.open(room).await.unwrap();
    bob.say(room, "hello yourself").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(is_warned(&alice) && directory(&mut alice).await.alarm);
    assert_eq!(said(&alice), ["hello", "hello yourself"], "an alarm stops nobody");
}

// The face that bob is shown stands still. Fails without `heard` in `directory_told`.
#[tokio::test]
async fn r72_two_faces_a_server_that_hides_what_others_were_shown_is_caught() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let (other, _folder) = world.copy().await;
    Person::ready(&world.backend, "carol-1").await;
    bob.other_face = Some(other);
    again(&mut [&mut alice, &mut bob], 0).await;
    again(&mut [&mut alice, &mut bob], 1).await;
    assert!(directory(&mut alice).await.epoch > directory(&mut bob).await.epoch);
    alice.say(room, "hello").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(is_warned(&bob));
}

// Fails without the comparison of epochs in `continued`.
#[tokio::test]
async fn r72_two_faces_an_older_directory_than_was_shown_is_an_alarm_until_the_person_goes_on() {
    let world = World::new().await;
    let (mut alice, mut bob, _) = world.pair().await;
    let old = Arc::new(Mutex::new(None::<Vec<u8>>));
    let kept = Arc::clone(&old);
    alice.lies.about_answers(move |path, answer| {
        if path.starts_with("/api/v1/directory?")
            && let Ok(body) = &answer
        {
            kept.lock().unwrap().get_or_insert(body.clone());
        }
        answer
    });
    again(&mut [&mut alice, &mut bob], 0).await;
    Person::ready(&world.backend, "carol-1").await;
    alice.lies.stop();
    again(&mut [&mut alice, &mut bob], 0).await;
    assert!(!is_warned(&alice));
    alice.lies.about_answers(move |path, answer| match old.lock().unwrap().clone() {
        Some(body) if path.starts_with("/api/v1/directory?") => Ok(body),
        _ => answer,
    });
    again(&mut [&mut alice, &mut bob], 0).await;
    assert!(is_warned(&alice) && directory(&mut alice).await.alarm);
    alice.lies.stop();
    alice.call(Command::BeginDirectoryAnew).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert!(!directory(&mut alice).await.alarm);
}

// The server puts another account behind alice's name, in a directory that is whole in itself. Fails without
// the comparison of accounts in `looked_up` (bob). What `own_history_told` asks overlaps here (alice): without `own_only` alone it passes.
#[tokio::test]
async fn r71_transparency_another_account_behind_a_name_is_seen_by_its_owner_and_by_contacts() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let (other, folder) = world.copy().await;
    let mut mallory = Person::ready(&other, "mallory-1").await;
    let path = folder.path().join("sotto.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    for swap in [
        "UPDATE accounts SET name = 'alice-0' WHERE name = 'alice-1'",
        "UPDATE accounts SET name = 'alice-1', published = 0 WHERE name = 'mallory-1'",
    ] {
        sqlx::query(swap).execute(&pool).await.unwrap();
    }
    pool.close().await;
    bob.other_face = Some(other.clone());
    again(&mut [&mut alice, &mut bob], 1).await;
    assert!(bob.notices.contains(&ErrorCode::IdentityChanged), "{:?}", bob.notices);
    assert_eq!(bob.rooms[&room].trust, Trust::Changed);
    // Alice is told that her name is not in it, and then, by the proof, that it is another's.
    alice.other_face = Some(other.clone());
    again(&mut [&mut alice, &mut bob], 0).await;
    assert!(is_warned(&alice), "{:?}", alice.notices);
    alice.notices.clear();
    let token = mallory.token.clone().unwrap();
    mallory.adopt(&other, &token).await;
    let history = codec::encode(&other.directory_history(&ctx(), mallory.caller()).await.unwrap());
    alice.lies.about_answers(move |path, answer| if path == "/api/v1/directory/history" { Ok(history.clone()) } else { answer });
    again(&mut [&mut alice, &mut bob], 0).await;
    assert!(is_warned(&alice), "{:?}", alice.notices);
}

// Fails without `is_known_list` in `looked_up`.
#[tokio::test]
async fn r71_transparency_a_contacts_older_list_in_the_directory_is_an_alarm() {
    let world = World::new().await;
    let (mut alice, mut bob, _) = world.pair().await;
    let (other, _folder) = world.copy().await;
    // A device more, of which the copy does not hear.
    let mut laptop = world.second("bob-1", world.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    assert!(!is_warned(&alice));
    alice.other_face = Some(other);
    alice.call(Command::BeginDirectoryAnew).await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    assert!(is_warned(&alice), "{:?}", alice.notices);
}
