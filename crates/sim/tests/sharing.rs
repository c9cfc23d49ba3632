//! What was said before, shared by an admin with somebody who came later. Rig: real engines on the real backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, dead_code)]

#[path = "kit/groups.rs"]
mod group;
mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
#[allow(unused_imports, reason = "each test program uses its part")]
mod people;

use group::*;
use kit::{World, said, settle};
use people::{Person, ctx};
use sotto_client::content::{Content, History, PastLine, message_id};
use sotto_client_api::Command;
use sotto_client_api::views::EntryBody;
use sotto_protocol::frames::Publish;
use sotto_protocol::{ErrorCode, MessageId, RoomId};
use sotto_sim::{Host, SimError};

async fn share(host: &mut Host, room: RoomId, with: &Host) -> Result<(), SimError> {
    let account = account(with);
    host.call(Command::ShareHistory { room, account }).await.map(|_| ())
}

/// Texts with their authors, and who answers for them.
fn shown(host: &Host) -> Vec<String> {
    let line = |body: &EntryBody| match body {
        EntryBody::Message(message) => {
            let by = message.shared_by.as_ref().map_or_else(String::new, |by| format!(" (by {})", by.name));
            Some(format!("{}: {}{by}", message.author.name, message.text))
        }
        EntryBody::System(_) => None,
    };
    let mut entries: Vec<_> = host.timeline.values().collect();
    entries.sort_by_key(|entry| entry.seq);
    entries.into_iter().filter_map(|entry| line(&entry.body)).collect()
}

/// Alice's group with bob and carol, who have talked and of whom carol has left by now, and dave, who came after that.
async fn stage() -> (World, Host, Host, Host, RoomId) {
    let world = World::new().await;
    let (hosts, room) = three(&world).await;
    let [mut alice, mut bob, mut carol] = hosts;
    alice.say(room, "one").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    carol.say(room, "two").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol]).await;
    remove(&mut alice, room, &carol).await.unwrap();
    let mut dave = world.person("dave-1").await;
    add(&mut alice, room, "dave-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut carol, &mut dave]).await;
    dave.call(Command::AcceptRequest { room }).await.unwrap();
    dave.open(room).await.unwrap();
    bob.say(room, "three").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut dave]).await;
    (world, alice, bob, dave, room)
}

// Fails without `put_shared`, without the name in `PastLine` (who left is called by digits), and when `first` is said with every part.
#[tokio::test]
async fn who_came_later_reads_what_was_said_before_and_everybody_hears_that_it_was_shared() {
    let (_world, mut alice, mut bob, mut dave, room) = stage().await;
    assert_eq!(shown(&dave), ["bob-1: three"]);
    share(&mut alice, room, &dave).await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut dave]).await;
    let all = ["alice-1: one (by alice-1)", "carol-1: two (by alice-1)", "bob-1: three"];
    assert_eq!(shown(&dave), all);
    assert_eq!(shown(&bob), ["alice-1: one", "carol-1: two", "bob-1: three"]);
    for host in [&alice, &bob, &dave] {
        assert!(told(host).last().unwrap().starts_with("Shared { by: "), "{:?}", told(host));
    }
    // Shared again it is there once, also after a reload.
    share(&mut alice, room, &dave).await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut dave]).await;
    dave.reload().await.unwrap();
    settle(&mut [&mut dave]).await;
    dave.open(room).await.unwrap();
    assert_eq!(shown(&dave), all);
    assert!(dave.notices.is_empty() && bob.notices.is_empty());
}

// Fails when `say_history` puts everything into one part: then the message is larger than one may be.
#[tokio::test]
async fn a_long_history_comes_in_parts() {
    let (world, mut alice, mut bob, mut dave, room) = stage().await;
    for number in 0..30 {
        alice.say(room, &format!("{number:02}{}", "x".repeat(4_000))).await.unwrap();
    }
    settle(&mut [&mut alice, &mut bob, &mut dave]).await;
    let before = said(&dave).len();
    let mut frank = world.person("frank-1").await;
    add(&mut alice, room, "frank-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut dave, &mut frank]).await;
    frank.open(room).await.unwrap();
    share(&mut alice, room, &frank).await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut dave, &mut frank]).await;
    assert_eq!(said(&frank).len(), before + 2);
    assert_eq!(told(&frank).iter().filter(|line| line.starts_with("Shared")).count(), 1);
}

// Fails without `admits` in `history_shared`, and without the look at what is here in `put_shared`.
#[tokio::test]
async fn plain_members_share_nothing_and_nobody_rewrites_what_was_read() {
    let (world, mut alice, mut bob, mut dave, room) = stage().await;
    assert_eq!(share(&mut bob, room, &dave).await.unwrap_err().0, ErrorCode::CommitRefused);
    let mallory = Person::ready(&world.backend, "mallory-1").await;
    add(&mut alice, room, "mallory-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut dave]).await;
    let mut seat = mallory.join(&world.backend).await;
    let before = shown(&dave);
    let three = dave.timeline.values().find(|entry| matches!(&entry.body, EntryBody::Message(_))).unwrap().seq.unwrap();
    for admin in [false, true] {
        if admin {
            let account = mallory.account();
            set_role(&mut alice, room, account, sotto_client_api::views::Role::Admin).await.unwrap();
            settle(&mut [&mut alice, &mut bob, &mut dave]).await;
            let log = world.backend.read_after(mallory.caller(), room, 0, 64, sotto_protocol::limits::SYNC_FRAME).await.unwrap();
            mallory.receive(&mut seat, &log.iter().rfind(|entry| entry.kind == sotto_protocol::frames::EntryKind::Commit).unwrap().bytes);
        }
        let lines = [three, 1_000_000].map(|seq| PastLine {
            seq,
            at: world.now,
            author: account(&bob),
            name: name("bob-1"),
            id: MessageId([7; 16]),
            text: "what bob never said".into(),
        });
        let history = History { to: account(&dave), lines: lines.to_vec(), first: true };
        let content = Content::history(message_id(world.now).unwrap(), room, history).encode();
        let bytes = seat.group.create_message(&mallory.provider, &seat.signer, &content).unwrap().to_bytes().unwrap();
        let message = Publish { room, idempotency: people::idempotency(), epoch: seat.group.epoch().as_u64(), bytes: bytes.into() };
        world.backend.publish(&ctx(), mallory.caller(), vec![message]).await.unwrap().remove(0).unwrap();
        settle(&mut [&mut alice, &mut bob, &mut dave]).await;
        assert_eq!(shown(&dave), before);
        assert_eq!(told(&dave).iter().filter(|line| line.starts_with("Shared")).count(), usize::from(admin));
    }
}
