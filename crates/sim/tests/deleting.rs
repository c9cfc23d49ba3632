//! Deleting an account, and what others see of it: through real engines and the real backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "kit/groups.rs"]
mod group;
mod kit;

use group::*;
use kit::{PASSWORD, World, online, said, settle};
use sotto_client_api::{Command, Reply, views};
use sotto_protocol::frames::EntryKind;
use sotto_protocol::{Bytes, ErrorCode, RoomId};
use sotto_sim::{Host, SimError};

const GONE: Result<(), ErrorCode> = Err(ErrorCode::AccountDeleted);

async fn to_hand_over(host: &mut Host) -> Vec<RoomId> {
    let Reply::Rooms(rooms) = host.call(Command::GroupsToHandOver).await.unwrap() else { panic!("no rooms") };
    rooms
}

// Fails without `is_deserted` in `send_text`, in `may_send` and in `flush_outbox` (what waits would be sent then).
#[tokio::test]
async fn r70_deletion_the_other_side_sees_it_and_says_nothing_into_the_void() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    bob.say(room, "so long").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    alice.set_online(false);
    alice.say(room, "on its way").await.unwrap();
    bob.delete_account("bob-1", PASSWORD).await.unwrap();
    alice.set_online(true);
    alice.call(Command::Nudge).await.unwrap();
    settle(&mut [&mut alice]).await;
    assert_eq!(told(&alice).last().unwrap(), "bob-1 [(Deleted, \"bob-1\")]");
    assert_eq!(said(&alice), ["so long", "on its way"]);
    assert_eq!(alice.texts().last().unwrap().1, "failed");
    assert_eq!(alice.rooms[&room].can_send, GONE);
    assert_eq!(alice.say(room, "hello?").await.unwrap_err().0, ErrorCode::AccountDeleted);
    alice.reload().await.unwrap();
    settle(&mut [&mut alice]).await;
    assert_eq!(alice.rooms[&room].can_send, GONE, "also after a reload");
    let mut carol = world.person("carol-1").await;
    settle(&mut [&mut carol]).await;
    assert_eq!(carol.open_with("bob-1").await.unwrap_err().0, ErrorCode::NotFound);
}

// Carol, who may not remove him, does not wait for it; alice takes his leaf out before she says something. Fails without the line on
// `may_remove` in `check_leaves`, and without the one on `is_deleted` in `unlisted_due`.
#[tokio::test]
async fn r70_deletion_a_member_of_a_group_goes_with_the_next_word_of_who_may_remove_him() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    assert!(to_hand_over(&mut hosts[1]).await.is_empty());
    hosts[1].delete_account("bob-1", PASSWORD).await.unwrap();
    all_settle(&mut hosts).await;
    hosts[2].say(room, "bob is gone").await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(said(&hosts[0]), ["bob is gone"]);
    assert_eq!(listed(&mut hosts[2], room).await, ["alice-1 Owner In", "bob-1 Member Deleted", "carol-1 Member In"]);
    hosts[0].say(room, "so he is").await.unwrap();
    all_settle(&mut hosts).await;
    for index in [0, 2] {
        assert_eq!(said(&hosts[index]), ["bob is gone", "so he is"]);
        assert_eq!(told(&hosts[index]).last().unwrap(), "bob-1 [(Deleted, \"bob-1\")]", "said once");
        assert_eq!(listed(&mut hosts[index], room).await, ["alice-1 Owner In", "carol-1 Member In"]);
    }
    let [alice, _, carol] = hosts;
    same_epochs(&mut [alice, carol], room);
}

// Fails without the wish of `account_deleted`: nobody stands above an owner.
#[tokio::test]
async fn r70_deletion_an_owner_goes_too_and_the_last_one_hands_the_group_over_first() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    assert_eq!(to_hand_over(&mut hosts[0]).await, [room]);
    assert_eq!(hosts[0].delete_account("alice-1", PASSWORD).await.unwrap_err(), SimError(ErrorCode::LastOwner, "delete_account"));
    let carol = account(&hosts[2]);
    set_role(&mut hosts[0], room, carol, views::Role::Owner).await.unwrap();
    all_settle(&mut hosts).await;
    assert!(to_hand_over(&mut hosts[0]).await.is_empty());
    hosts[0].delete_account("alice-1", PASSWORD).await.unwrap();
    all_settle(&mut hosts).await;
    hosts[2].say(room, "without her").await.unwrap();
    all_settle(&mut hosts).await;
    hosts[2].say(room, "from now on").await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(said(&hosts[1]), ["without her", "from now on"]);
    assert_eq!(listed(&mut hosts[1], room).await, ["carol-1 Owner In", "bob-1 Member In"]);
    same_epochs(&mut hosts[1..], room);
}

// The server says that bob has deleted his account: with nothing, and with a list of his that names a device. Fails without the arms of
// `account_deleted` for what does not verify, and without its look at the devices of what does.
#[tokio::test]
async fn r70_deletion_a_server_that_makes_it_up_is_not_believed() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let genuine = world.backend.devices(&bob.context(), &bob.caller().await.unwrap(), account(&bob)).await.unwrap().device_list;
    for (number, bytes) in [Bytes(vec![7; 40]), genuine].into_iter().enumerate() {
        let lie = bytes.clone();
        alice
            .lies
            .about_entries(move |entry| Some(sotto_protocol::frames::Entry { kind: EntryKind::Deleted, bytes: lie.clone(), ..entry }));
        bob.say(room, "still here").await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
        alice.lies.stop();
        assert_eq!(alice.notices.contains(&ErrorCode::ContactListRefused), number == 0, "{number}");
        alice.notices.clear();
        assert!(!told(&alice).iter().any(|line| line.contains("Deleted")));
        assert_eq!(alice.rooms[&room].can_send, Ok(()), "{number}");
    }
}

#[tokio::test]
async fn an_own_browser_that_is_online_hears_that_the_account_is_no_more() {
    let world = World::new().await;
    let (mut alice, mut bob, _) = world.pair().await;
    let mut tablet = world.second("bob-1", world.now).await;
    settle(&mut [&mut alice, &mut bob, &mut tablet]).await;
    bob.delete_account("bob-1", PASSWORD).await.unwrap();
    settle(&mut [&mut alice, &mut tablet]).await;
    assert!(matches!(tablet.phase, views::Phase::SessionEnded { .. } | views::Phase::Replaced { .. }), "{:?}", tablet.phase);
    assert!(tablet.sign_in("bob-1", PASSWORD).await.is_err());
}

// Bob has lost everything. He begins anew under his name, and those who know him are warned before they write to him. Fails without
// `former_name` (the name is taken), and without the look at the directory (she would hear of it only when she claims keys).
#[tokio::test]
async fn who_has_lost_everything_begins_anew_under_the_name_and_everybody_is_warned() {
    let world = World::new().await;
    let (mut alice, bob, room) = world.pair().await;
    let group = create(&mut alice, "The board").await;
    world.backend.reset_account(&bob.context(), &name("bob-1")).await.unwrap();
    drop(bob);
    let mut bob = world.person("bob-1").await;
    settle(&mut [&mut alice, &mut bob]).await;
    alice.set_online(false);
    settle(&mut [&mut alice]).await;
    online(&mut [&mut alice, &mut bob], 0, 10).await;
    assert!(alice.notices.contains(&ErrorCode::IdentityChanged), "{:?}", alice.notices);
    assert_eq!(alice.rooms[&room].trust, views::Trust::Changed);
    let former = alice.rooms[&room].peer.clone().unwrap().account;
    alice.call(Command::AcknowledgeIdentity { account: former }).await.unwrap();
    let anew = alice.open_with("bob-1").await.unwrap();
    assert_ne!(anew, room);
    add(&mut alice, group, "bob-1").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    bob.open(anew).await.unwrap();
    alice.say(anew, "is that you?").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(said(&bob), ["is that you?"]);
    assert!(bob.rooms.contains_key(&group));
}
