//! Used keys are gone from a browser's files: also from those that a database keeps of what was overwritten.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod kit;

use kit::{PASSWORD, World, pass_a_minute, settle};
use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::{MlsMessageIn, ProcessedMessageContent};
use sotto_backend::{Backend, BackendConfig};
use sotto_client::content::Content;
use sotto_client_api::Command;
use sotto_client_api::views::Phase;
use sotto_protocol::frames::{Entry, EntryKind};
use sotto_protocol::{ErrorCode, RoomId};
use sotto_sim::fixture::Fixture;
use sotto_sim::hostile::thief::Profile;
use sotto_sim::{Host, ProfileCopy};

/// Longer than the window in `engine/erasing.rs`.
const WINDOW: u64 = 16;

/// Texts among recorded entries that a stolen profile opens; nothing when it does not open itself.
fn opened_by(copy: &ProfileCopy, room: RoomId, entries: &[Entry]) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Message) {
        // Each on a fresh state, so that none uses up another's key.
        let Ok(profile) = Profile::open(copy) else { return Vec::new() };
        let Ok(mut group) = profile.group(room) else { continue };
        let message = MlsMessageIn::tls_deserialize_exact_bytes(entry.bytes.as_slice()).unwrap().try_into_protocol_message().unwrap();
        let Ok(processed) = group.process_message(profile.provider(), message) else { continue };
        if let ProcessedMessageContent::ApplicationMessage(message) = processed.into_content() {
            texts.extend(Content::decode(&message.into_bytes(), room).unwrap().text);
        }
    }
    texts
}

async fn pass(minutes: u64, alice: &mut Host, bob: &mut Host) {
    for _ in 0..minutes {
        pass_a_minute(alice, bob).await;
    }
}

// Rig: cc, with a database that keeps every version of every row, the storage key and today's slots. Fails without `holds_keys` of MLS rows
// in `crates/client/src/ring.rs`, without `renew_when_due` in the engine's `tick`, and when a host does not overwrite the other slot.
#[tokio::test]
async fn r46_forward_secrecy_no_state_that_was_ever_written_opens_what_was_read_before() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.open(room).await.unwrap();
    let record = bob.lies.record();
    bob.states = Some(vec![bob.copy_profile()]);
    for n in 0..5 {
        alice.say(room, &format!("to alice {n}")).await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
    }
    let recorded = record.entries(room);
    assert_eq!(bob.texts().len(), 5);

    // While the window lasts, some state of those opens them: this is what the slots are for.
    let states = bob.states.clone().unwrap();
    assert!(states.len() > 5);
    let today = bob.copy_profile();
    let with = |slots: &ProfileCopy| -> Vec<String> {
        states.iter().flat_map(|state| opened_by(&state.clone().with_slots_of(slots), room, &recorded)).collect()
    };
    assert!(with(&today).contains(&"to alice 4".to_owned()), "{:?}", with(&today));

    pass(WINDOW, &mut alice, &mut bob).await;
    let later = bob.copy_profile();
    assert_eq!(with(&later), Vec::<String>::new());
    assert_eq!(opened_by(&later, room, &recorded), Vec::<String>::new());
    // Row by row, in whatever way old rows and old row keys are put together: what today's slots open is what counts today.
    let opened = Profile::versions_that_open(&later, bob.states.as_ref().unwrap()).unwrap();
    assert!(!opened.is_empty() && opened.is_subset(&Profile::versions(&later)), "old versions of rows open");
    // The same with the slots as they were: old versions do open.
    let opened = Profile::versions_that_open(&today, &states).unwrap();
    assert!(!opened.is_subset(&Profile::versions(&today)));
}

/// Lets a browser live from a copy and die before its nth effect while the ring is due. Answers whether it died.
async fn die_renewing(bob: &mut Host, effect: u32, wait: u64) -> bool {
    bob.now += wait;
    bob.die_in = Some(effect);
    for _ in 0..3 {
        bob.run().await;
        bob.pass_time();
    }
    bob.die_in = None;
    !bob.is_alive()
}

// Rig: cc. Fails when `renew_ring` writes the slot that counts, and when a host overwrites the other slot before the transaction.
#[tokio::test]
async fn r46_forward_secrecy_a_renewal_that_is_cut_off_anywhere_leaves_a_browser_that_opens() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let (mut died, mut said) = (0, 0);
    for effect in 0..16 {
        alice.say(room, &format!("{said}")).await.unwrap();
        said += 1;
        settle(&mut [&mut alice, &mut bob]).await;
        died += u32::from(die_renewing(&mut bob, effect, WINDOW * 60_000).await);
        alice.now = bob.now;
        bob.reload().await.unwrap();
        assert!(matches!(bob.phase, Phase::Ready { .. }), "{effect}: {:?}", bob.phase);
        for _ in 0..10 {
            alice.pass_time();
            bob.pass_time();
            settle(&mut [&mut alice, &mut bob]).await;
        }
        bob.open(room).await.unwrap();
        assert_eq!(bob.texts().len(), said, "{effect}");
    }
    assert!(died >= 5, "{died} deaths");
    assert!(bob.notices.is_empty(), "{:?}", bob.notices);
}

// The first renewal seals the rows themselves again. No slot counts before it.
#[tokio::test]
async fn r67_upgrade_rows_of_a_release_without_slots_get_row_keys_also_after_kills() {
    let mut died = 0;
    for effect in 0..16 {
        let fixture = Fixture::all().unwrap().remove(0);
        let dir = tempfile::tempdir().unwrap();
        fixture.copy_server(dir.path()).unwrap();
        let backend = Backend::open(BackendConfig::new(dir.path())).await.unwrap();
        let mut alice = fixture.host(0, &backend).unwrap();
        alice.reload().await.unwrap();
        let before = alice.copy_profile();
        died += u32::from(die_renewing(&mut alice, effect, 3_000).await);
        alice.reload().await.unwrap();
        assert!(matches!(alice.phase, Phase::Ready { .. }), "{effect}: {:?}", alice.phase);
        alice.open(fixture.notes.room).await.unwrap();
        assert_eq!(alice.texts().len(), 4, "{effect}");
        alice.now += 3_000;
        alice.run().await;
        assert_eq!(alice.epochs().unwrap().len(), 1);
        // What was written before opens nothing any more without the slots, and with them nothing does that is not of today.
        let opened = Profile::versions_that_open(&alice.copy_profile(), &[before, alice.copy_profile()]).unwrap();
        assert!(!opened.is_empty() && opened.is_subset(&Profile::versions(&alice.copy_profile())), "{effect}");
    }
    assert!(died >= 4, "{died} deaths");
}

// Fails when `Ring::open` leaves out rows that don't open, and when `Disk::decode` or a host makes up slots.
#[tokio::test]
async fn a_browser_whose_slots_are_lost_or_of_another_day_is_damaged_and_never_empty() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let old = bob.copy_profile();
    alice.say(room, "one").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    pass(WINDOW, &mut alice, &mut bob).await;
    let new = bob.copy_profile();
    let nobodys = Host::new(&world.backend, world.now).copy_profile();
    for copy in [new.clone().with_slots_of(&nobodys), new.clone().with_slots_of(&old), old.with_slots_of(&new)] {
        bob.restore_profile(copy).await.unwrap();
        assert_eq!(bob.phase, Phase::Broken { code: ErrorCode::StorageDamaged });
        assert!(bob.epochs().is_err());
    }
    bob.restore_profile(new.clone()).await.unwrap();
    assert!(matches!(bob.phase, Phase::Ready { .. }));
    // The way out is to wipe and to begin anew.
    bob.restore_profile(new.with_slots_of(&nobodys)).await.unwrap();
    bob.call(Command::SignOut { keep: false }).await.unwrap();
    bob.sign_in("bob-1", PASSWORD).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    alice.say(room, "two").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(room).await.unwrap();
    assert_eq!(bob.texts().last().unwrap().0, "two");
}

// Some private windows have no slots. Fails when `renew_ring` does not ask `can_erase`.
#[tokio::test]
async fn a_browser_without_slots_works_and_gets_row_keys_when_it_has_some() {
    let world = World::new().await;
    let mut alice = world.person("alice-1").await;
    let mut bob = Host::new(&world.backend, world.now);
    bob.has_slots = false;
    bob.sign_up("bob-1", PASSWORD).await.unwrap();
    let room = alice.open_with("bob-1").await.unwrap();
    alice.say(room, "one").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    pass(WINDOW, &mut alice, &mut bob).await;
    bob.reload().await.unwrap();
    let row_keys = |host: &Host| Profile::versions(&host.copy_profile()).iter().filter(|(key, _)| key.first() == Some(&2)).count();
    assert_eq!(row_keys(&bob), 0);
    bob.has_slots = true;
    bob.reload().await.unwrap();
    pass(1, &mut alice, &mut bob).await;
    assert!(row_keys(&bob) > 0);
    bob.reload().await.unwrap();
    bob.open(room).await.unwrap();
    assert_eq!(bob.texts().len(), 1);
}

// Fails when `Command::Lock` and `Command::SignOut` with `keep` go on without `Work::Renew`.
#[tokio::test]
async fn locking_and_signing_out_erase_what_was_used_until_then() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.call(Command::SetLockPassphrase { passphrase: Some("a lighthouse in the fog".into()) }).await.unwrap();
    for leave in [Command::Lock, Command::SignOut { keep: true }] {
        alice.say(room, "read before").await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
        let before = bob.copy_profile();
        bob.call(leave).await.unwrap();
        assert!(bob.copy_profile().slots_differ_in_all(&before), "a secret of before is there");
        if matches!(bob.phase, Phase::Locked { .. }) {
            bob.call(Command::Unlock { passphrase: "a lighthouse in the fog".into() }).await.unwrap();
        } else {
            bob.sign_in("bob-1", PASSWORD).await.unwrap();
        }
        settle(&mut [&mut alice, &mut bob]).await;
        assert!(matches!(bob.phase, Phase::Ready { .. }));
    }
}

// Fails without `turn.clear` in `make_device`: rows of the earlier device, and what it had stored of the room, lie under another key.
#[tokio::test]
async fn a_browser_that_was_removed_signs_in_again_over_what_it_holds() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    for fails in [false, true] {
        let mut elsewhere = Host::new(&world.backend, bob.now);
        elsewhere.sign_in("bob-1", PASSWORD).await.unwrap();
        settle(&mut [&mut alice, &mut bob, &mut elsewhere]).await;
        let Phase::Ready { device, .. } = bob.phase else { panic!("{:?}", bob.phase) };
        elsewhere.remove_device("bob-1", PASSWORD, device).await.unwrap();
        settle(&mut [&mut alice, &mut bob, &mut elsewhere]).await;
        assert!(matches!(bob.phase, Phase::Replaced { .. }), "{:?}", bob.phase);
        bob.fail_persist_in = fails.then_some(0);
        assert_eq!(bob.sign_in("bob-1", PASSWORD).await.is_err(), fails);
        if fails {
            bob.sign_in("bob-1", PASSWORD).await.unwrap();
        }
        settle(&mut [&mut alice, &mut bob]).await;
        bob.reload().await.unwrap();
        assert!(matches!(bob.phase, Phase::Ready { .. }), "{:?}", bob.phase);
        settle(&mut [&mut alice, &mut bob]).await;
        alice.say(room, "again").await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
        bob.open(room).await.unwrap();
        assert_eq!(bob.texts().last().unwrap().0, "again");
    }
}
