//! Rooms of any number of people, through real engines and the real backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, dead_code)]

#[path = "kit/groups.rs"]
mod group;
mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
#[allow(unused_imports, reason = "each test program uses its part")]
mod people;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use group::*;
use kit::{World, said, settle};
use people::{Person, ctx};
use sotto_client_api::views;
use sotto_client_api::{Command, Reply};
use sotto_protocol::api::{ClaimKeyPackages, ErrorBody, UploadCommit};
use sotto_protocol::{ErrorCode, limits};
use sotto_rules::roles::{Kind, Role, Roles};
use sotto_sim::hostile::member;
use sotto_sim::{Host, SimError};

// Fails without `split_welcome` in client/mls.rs, without `queue_name` after an own commit, or without `learn_names`.
#[tokio::test]
async fn three_talk_and_see_the_same() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    for host in &mut hosts {
        host.say(room, "hello").await.unwrap();
    }
    all_settle(&mut hosts).await;
    let texts = said(&hosts[0]);
    assert_eq!(texts.len(), 3);
    for host in &hosts {
        assert_eq!(said(host), texts);
        assert_eq!(host.rooms[&room].title, "The board");
        assert!(host.rooms[&room].peer.is_none());
    }
    same_epochs(&mut hosts, room);
    assert_eq!(told(&hosts[0])[0], "alice-1 began");
    assert!(told(&hosts[0]).iter().any(|line| line.contains("+carol-1")), "{:?}", told(&hosts[0]));
    // Bob has never met carol, and knows her name all the same.
    assert!(told(&hosts[1]).iter().any(|line| line == "alice-1 +carol-1 -"), "{:?}", told(&hosts[1]));
    assert_eq!(told(&hosts[2])[0], "alice-1 +carol-1 -");
}

#[tokio::test]
async fn a_new_name_reaches_everybody_once() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    hosts[1].call(Command::RenameGroup { room, name: " The council ".into() }).await.unwrap();
    all_settle(&mut hosts).await;
    for host in &hosts {
        assert_eq!(host.rooms[&room].title, "The council");
        let named = told(host).into_iter().filter(|line| line.contains("named The council"));
        assert_eq!(named.collect::<Vec<_>>(), ["bob-1 named The council"]);
    }
    let too_long = Command::RenameGroup { room, name: "x".repeat(201) };
    assert_eq!(hosts[1].call(too_long).await.unwrap_err().0, ErrorCode::TooLarge);
    assert_eq!(hosts[1].call(Command::RenameGroup { room, name: "  ".into() }).await.unwrap_err().0, ErrorCode::Malformed);
}

// Fails without the loop over `wanted` in `Engine::members` (who is coming or going), and without the `sort_by` (owners first).
#[tokio::test]
async fn the_list_of_members_says_who_is_in_it_and_who_is_coming_and_going() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    let in_it = ["alice-1 Owner In", "bob-1 Member In", "carol-1 Member In"];
    for host in &mut hosts {
        assert_eq!(listed(host, room).await, in_it);
    }
    // What is not known to be done stands as a wish.
    let mut dora = world.person("dora-1").await;
    hosts[0].lies.about_answers(|path, answer| if path.ends_with("commits") { Err(unavailable()) } else { answer });
    hosts[0].lies.about_entries(|_| None);
    add(&mut hosts[0], room, "dora-1").await.unwrap();
    let [alice, _, carol] = &mut hosts;
    remove(alice, room, carol).await.unwrap();
    let meanwhile = ["alice-1 Owner In", "bob-1 Member In", "carol-1 Member Going", "dora-1 Member Coming"];
    assert_eq!(listed(alice, room).await, meanwhile);
    alice.lies.stop();
    alice.reload().await.unwrap();
    all_settle(&mut hosts).await;
    settle(&mut [&mut hosts[0], &mut dora]).await;
    let after = ["alice-1 Owner In", "bob-1 Member In", "dora-1 Member In"];
    assert_eq!(listed(&mut hosts[0], room).await, after);
    assert_eq!(listed(&mut dora, room).await, after);
    assert!(listed(&mut hosts[2], room).await.is_empty(), "nothing of a group's tree stays with who was removed");
}

fn unavailable() -> ErrorBody {
    ErrorBody { code: ErrorCode::Unavailable, retry_after: None, room: None, epoch: None }
}

// Fails when `set_muted` does not store the record.
#[tokio::test]
async fn a_muted_room_stays_muted_after_a_reload() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    hosts[1].call(Command::SetMuted { room, muted: true }).await.unwrap();
    hosts[1].reload().await.unwrap();
    assert!(hosts[1].rooms[&room].muted && !hosts[0].rooms[&room].muted);
    hosts[1].call(Command::SetMuted { room, muted: false }).await.unwrap();
    assert!(!hosts[1].rooms[&room].muted);
}

// Fails without `removed_from`, or without `gone_at` in the store's `read_after` (she never learns of it).
#[tokio::test]
async fn who_is_removed_learns_it_and_can_come_back() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    let [alice, _, carol] = &mut hosts;
    remove(alice, room, carol).await.unwrap();
    all_settle(&mut hosts).await;
    hosts[0].say(room, "just us now").await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(hosts[2].rooms[&room].can_send, Err(ErrorCode::NotMember));
    assert_eq!(told(&hosts[2]).last().unwrap(), "alice-1 + -carol-1");
    assert_eq!(told(&hosts[1]).last().unwrap(), "alice-1 + -carol-1");
    assert!(!said(&hosts[2]).contains(&"just us now".to_owned()));
    assert_eq!(hosts[2].say(room, "hello?").await.unwrap_err().0, ErrorCode::NotMember);
    hosts[2].reload().await.unwrap();
    assert_eq!(hosts[2].rooms[&room].can_send, Err(ErrorCode::NotMember), "also after a reload");
    same_epochs(&mut hosts[..2], room);

    add(&mut hosts[0], room, "carol-1").await.unwrap();
    all_settle(&mut hosts).await;
    hosts[2].open(room).await.unwrap();
    hosts[2].say(room, "here again").await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(said(&hosts[1]).last().unwrap(), "here again");
    assert!(!said(&hosts[2]).contains(&"just us now".to_owned()), "what was said in between is not hers");
    same_epochs(&mut hosts, room);
}

#[tokio::test]
async fn what_was_written_and_not_sent_when_one_is_removed_says_so() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    hosts[2].set_online(false);
    hosts[2].say(room, "a last word").await.unwrap();
    let [alice, bob, carol] = &mut hosts;
    remove(alice, room, carol).await.unwrap();
    settle(&mut [alice, bob]).await;
    carol.set_online(true);
    carol.call(Command::Nudge).await.unwrap();
    settle(&mut [alice, bob, carol]).await;
    assert_eq!(carol.texts().last().unwrap(), &("a last word".to_owned(), "failed"));
    assert_eq!(carol.rooms[&room].can_send, Err(ErrorCode::NotMember));
}

// Fails without the role checks of `Engine::group` and `remove_person`.
#[tokio::test]
async fn r30_who_may_not_is_told_at_once() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    let dora = world.person("dora-1").await;
    assert_eq!(add(&mut hosts[1], room, "dora-1").await.unwrap_err().0, ErrorCode::CommitRefused);
    let [_, bob, carol] = &mut hosts;
    assert_eq!(remove(bob, room, carol).await.unwrap_err().0, ErrorCode::CommitRefused);
    assert_eq!(remove(&mut hosts[0], room, &dora).await.map(|()| 0), Ok(0), "who is not there is gone already");
    assert_eq!(add(&mut hosts[0], room, "nobody-1").await.unwrap_err().0, ErrorCode::NotFound);
    all_settle(&mut hosts).await;
    same_epochs(&mut hosts, room);
}

// Fails without `roles` in `Due::is_nothing` (nothing is committed).
#[tokio::test]
async fn an_owner_gives_roles_and_hands_the_group_over() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    let mut dora = world.person("dora-1").await;
    let [alices, bobs, carols] = [account(&hosts[0]), account(&hosts[1]), account(&hosts[2])];
    set_role(&mut hosts[0], room, bobs, views::Role::Admin).await.unwrap();
    all_settle(&mut hosts).await;
    add(&mut hosts[1], room, "dora-1").await.unwrap();
    let [alice, bob, carol] = &mut hosts;
    settle(&mut [alice, bob, carol, &mut dora]).await;
    dora.open(room).await.unwrap();
    assert_eq!(set_role(bob, room, carols, views::Role::Admin).await.unwrap_err().0, ErrorCode::CommitRefused, "an admin gives no roles");
    set_role(alice, room, bobs, views::Role::Owner).await.unwrap();
    settle(&mut [alice, bob, carol, &mut dora]).await;
    set_role(alice, room, alices, views::Role::Member).await.unwrap();
    settle(&mut [alice, bob, carol, &mut dora]).await;
    assert_eq!(set_role(alice, room, bobs, views::Role::Member).await.unwrap_err().0, ErrorCode::CommitRefused);
    let lines = ["alice-1 [(Admin, \"bob-1\")]", "bob-1 +dora-1 -", "alice-1 [(Owner, \"bob-1\")]", "alice-1 [(Member, \"alice-1\")]"];
    for host in [&*alice, &*bob, &*carol] {
        let told = told(host);
        assert_eq!(told[told.len() - 4..], lines, "{told:?}");
    }
    assert_eq!(told(&dora), lines[1..]);
    same_epochs(&mut hosts, room);
}

// Fails without the `LastOwner` line of `set_role`.
#[tokio::test]
async fn r30_the_last_owner_cannot_step_down() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    let [alices, bobs] = [account(&hosts[0]), account(&hosts[1])];
    for role in [views::Role::Member, views::Role::Admin] {
        assert_eq!(set_role(&mut hosts[0], room, alices, role).await.unwrap_err().0, ErrorCode::LastOwner);
    }
    let dora = world.person("dora-1").await;
    assert_eq!(set_role(&mut hosts[0], room, account(&dora), views::Role::Owner).await.unwrap_err().0, ErrorCode::NotFound);
    set_role(&mut hosts[0], room, bobs, views::Role::Owner).await.unwrap();
    all_settle(&mut hosts).await;
    set_role(&mut hosts[0], room, alices, views::Role::Admin).await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(told(&hosts[2]).last().unwrap(), "alice-1 [(Admin, \"alice-1\")]");
}

// Fails without the `has_owner` condition of `look_at_roles`: then the server refuses the second one's commit, and it is told that a rule
// was broken.
#[tokio::test]
async fn r30_of_two_owners_who_both_step_down_one_stays() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    let [alices, bobs] = [account(&hosts[0]), account(&hosts[1])];
    set_role(&mut hosts[0], room, bobs, views::Role::Owner).await.unwrap();
    all_settle(&mut hosts).await;
    set_role(&mut hosts[0], room, alices, views::Role::Member).await.unwrap();
    set_role(&mut hosts[1], room, bobs, views::Role::Member).await.unwrap();
    all_settle(&mut hosts).await;
    let told = told(&hosts[2]);
    let steps = told.iter().filter(|line| line.contains("(Member, ")).count();
    assert_eq!(steps, 1, "{told:?}");
    let notices: Vec<ErrorCode> = hosts.iter().flat_map(|host| host.notices.clone()).collect();
    assert_eq!(notices, [ErrorCode::LastOwner]);
    same_epochs(&mut hosts, room);
}

// Fails without the line of `look_at_roles` on who went.
#[tokio::test]
async fn wishes_of_all_kinds_go_into_one_commit_and_who_comes_back_is_a_member() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    let mut dora = world.person("dora-1").await;
    let [bobs, carols] = [account(&hosts[1]), account(&hosts[2])];
    set_role(&mut hosts[0], room, carols, views::Role::Admin).await.unwrap();
    all_settle(&mut hosts).await;
    // Dora's commit is on its way; what alice wants meanwhile waits for it.
    let [alice, bob, carol] = &mut hosts;
    add(alice, room, "dora-1").await.unwrap();
    let before = alice.epochs().unwrap()[&room];
    remove(alice, room, carol).await.unwrap();
    set_role(alice, room, bobs, views::Role::Admin).await.unwrap();
    settle(&mut [alice, bob, carol, &mut dora]).await;
    assert_eq!(alice.epochs().unwrap()[&room], before + 2, "one commit was on its way, and one for the rest");
    assert_eq!(bob.epochs().unwrap()[&room], before + 2);
    add(bob, room, "carol-1").await.unwrap();
    settle(&mut [alice, bob, carol, &mut dora]).await;
    carol.open(room).await.unwrap();
    assert_eq!(add(carol, room, "dora-1").await.unwrap_err().0, ErrorCode::CommitRefused, "a member");
    same_epochs(&mut hosts, room);
}

// Fails when `look_at_roles` forgets a wish that is on its way.
#[tokio::test]
async fn a_role_outlives_a_lost_race_and_a_reload() {
    let world = World::weeks_ago().await;
    let (mut hosts, room) = three(&world).await;
    let bobs = account(&hosts[1]);
    // Alice's commit is made for an epoch that carol's has ended already: a week and a day make her keys old.
    let [alice, bob, carol] = &mut hosts;
    carol.now += 8 * 24 * 3_600_000;
    carol.reload().await.unwrap();
    carol.run().await;
    set_role(alice, room, bobs, views::Role::Admin).await.unwrap();
    alice.reload().await.unwrap();
    settle(&mut [alice, bob, carol]).await;
    assert_eq!(told(bob).last().unwrap(), "alice-1 [(Admin, \"bob-1\")]");
    same_epochs(&mut hosts, room);
}

// Fails when `commit_what_is_due` forgets a wish that it could not commit.
#[tokio::test]
async fn a_wish_outlives_a_lost_race_and_a_reload() {
    let world = World::weeks_ago().await;
    let (mut hosts, room) = three(&world).await;
    let mut dora = world.person("dora-1").await;
    // Alice's commit is made for an epoch that bob's has ended already: a week and a day make his keys old.
    let [alice, bob, carol] = &mut hosts;
    bob.now += 8 * 24 * 3_600_000;
    bob.reload().await.unwrap();
    bob.run().await;
    add(alice, room, "dora-1").await.unwrap();
    alice.reload().await.unwrap();
    settle(&mut [alice, bob, carol, &mut dora]).await;
    dora.open(room).await.unwrap();
    dora.say(room, "good to be here").await.unwrap();
    settle(&mut [alice, bob, carol, &mut dora]).await;
    assert_eq!(said(carol).last().unwrap(), "good to be here");
    assert_eq!(alice.epochs().unwrap()[&room], dora.epochs().unwrap()[&room]);
    same_epochs(&mut hosts, room);
}

// Fails when any of the writes of a group's life is acted on before it is stored.
#[tokio::test]
async fn a_disk_that_refuses_any_one_write_breaks_no_group() {
    for number in 0..14 {
        let world = World::new().await;
        let mut hosts = [world.person("alice-1").await, world.person("bob-1").await, world.person("carol-1").await];
        hosts[0].fail_persist_in = Some(number);
        let mut room = None;
        for _ in 0..3 {
            match hosts[0].call(Command::CreateGroup { name: "The board".into(), room: None }).await {
                Ok(Reply::Room(made)) => {
                    room = Some(made.room);
                    break;
                }
                Ok(_) => panic!("no room"),
                Err(SimError(code, _)) => assert_eq!(code, ErrorCode::StorageFull, "{number}"),
            }
        }
        let room = room.unwrap();
        for whom in ["bob-1", "carol-1"] {
            if let Err(SimError(code, _)) = add(&mut hosts[0], room, whom).await {
                assert_eq!(code, ErrorCode::StorageFull, "{number}");
                add(&mut hosts[0], room, whom).await.unwrap();
            }
        }
        let wait = async |hosts: &mut [Host; 3]| {
            for _ in 0..10 {
                all_settle(hosts).await;
                hosts[0].pass_time();
            }
        };
        wait(&mut hosts).await;
        for host in &mut hosts {
            host.open(room).await.unwrap();
        }
        hosts[2].say(room, "all here").await.unwrap();
        wait(&mut hosts).await;
        assert_eq!(said(&hosts[0]), ["all here"], "{number}");
        assert_eq!(said(&hosts[1]), ["all here"], "{number}");
        same_epochs(&mut hosts, room);
    }
}

/// Carol with a browser that was never here.
async fn carol_anew(world: &World) -> Host {
    let mut again = Host::new(&world.backend, world.now);
    again.sign_in("carol-1", kit::PASSWORD).await.unwrap();
    again
}

// Fails without `owe_name` in the engine's `apply_entry`.
#[tokio::test]
async fn a_browser_that_took_its_seat_by_itself_learns_the_name() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    hosts[2] = carol_anew(&world).await;
    all_settle(&mut hosts).await;
    assert_eq!(hosts[2].rooms[&room].title, "The board");
    assert_eq!(told(&hosts[0]).iter().filter(|line| line.contains("named")).count(), 0, "{:?}", told(&hosts[0]));
}

// Alice is away when carol's new browser comes and bob gives the group a name; what she says again is the older one. Fails without the
// comparison with `named_at` in `Engine::named`.
#[tokio::test]
async fn an_old_name_that_is_said_again_does_not_undo_a_newer_one() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    hosts[0].set_online(false);
    let mut carol = carol_anew(&world).await;
    settle(&mut [&mut carol, &mut hosts[1]]).await;
    hosts[1].call(Command::RenameGroup { room, name: "The council".into() }).await.unwrap();
    settle(&mut [&mut carol, &mut hosts[1]]).await;
    hosts[2] = carol;
    hosts[0].set_online(true);
    hosts[0].call(Command::Nudge).await.unwrap();
    all_settle(&mut hosts).await;
    for host in &hosts {
        assert_eq!(host.rooms[&room].title, "The council");
    }
    same_epochs(&mut hosts, room);
}

// Found by seed 748. Carol was away when she was removed and added again: the invitation comes before the log has shown her the removal.
// Fails when `welcomed` takes every Welcome to a room with a seat for an old one: then she comes in by herself, without what was said since.
#[tokio::test]
async fn who_was_removed_and_added_again_while_away_misses_only_what_was_said_in_between() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    hosts[2].set_online(false);
    let [alice, bob, carol] = &mut hosts;
    remove(alice, room, carol).await.unwrap();
    settle(&mut [alice, bob]).await;
    alice.say(room, "without her").await.unwrap();
    settle(&mut [alice, bob]).await;
    add(alice, room, "carol-1").await.unwrap();
    settle(&mut [alice, bob]).await;
    alice.say(room, "with her").await.unwrap();
    settle(&mut [alice, bob]).await;
    carol.set_online(true);
    carol.call(Command::Nudge).await.unwrap();
    settle(&mut [alice, bob, carol]).await;
    carol.open(room).await.unwrap();
    assert_eq!(said(carol), ["with her"]);
    let since = told(carol).into_iter().skip_while(|line| !line.ends_with("-carol-1"));
    assert_eq!(since.collect::<Vec<_>>(), ["alice-1 + -carol-1", "alice-1 +carol-1 -"]);
    same_epochs(&mut hosts, room);
}

// The server gives a claimed package to nobody else for ten minutes, and burns it then: an upload that comes later is refused for it.
// Fails without the arm for `no_key_package` in `Engine::commit_refused`, and without the one for wishes without packages in
// `look_at_wishes`.
#[tokio::test]
async fn a_wish_whose_key_package_was_burnt_meanwhile_is_claimed_anew() {
    let world = World::new().await;
    let mut hosts = [world.person("alice-1").await, world.person("bob-1").await];
    all_settle(&mut hosts).await;
    let room = create(&mut hosts[0], "The board").await;
    let claim = ClaimKeyPackages { name: name("bob-1"), group: true };
    let burnt = world.backend.claim_key_packages(&ctx(), &hosts[0].caller().await.unwrap(), claim).await.unwrap().packages.remove(0);
    for host in &mut hosts {
        host.now += limits::KEY_PACKAGE_RESERVATION_MS + 60_000;
    }
    // She has held it all the time; and when she claims anew, the connection breaks once.
    let claims = Arc::new(AtomicU32::new(0));
    let count = claims.clone();
    let offline = ErrorBody { code: ErrorCode::Offline, retry_after: None, room: None, epoch: None };
    hosts[0].lies.about_answers(move |path, answer| match path.ends_with("claim").then(|| count.fetch_add(1, Ordering::SeqCst)) {
        Some(1) => Err(offline.clone()),
        _ => answer,
    });
    let mut held = Some(burnt);
    hosts[0].lies.swap_key_packages(move |claimed| held.take().unwrap_or(claimed));
    add(&mut hosts[0], room, "bob-1").await.unwrap();
    for _ in 0..60 {
        all_settle(&mut hosts).await;
        hosts.iter_mut().for_each(Host::pass_time);
    }
    assert_eq!(claims.load(Ordering::SeqCst), 3);
    assert_eq!(hosts[0].notices, []);
    hosts[1].open(room).await.unwrap();
    hosts[1].say(room, "good to be here").await.unwrap();
    all_settle(&mut hosts).await;
    assert_eq!(said(&hosts[0]), ["good to be here"]);
    same_epochs(&mut hosts, room);
}

// A server that gives out what it does not take. Fails without the bound in `unclaimed` (she then asks for ever).
#[tokio::test]
async fn a_wish_whose_key_packages_are_never_taken_is_given_up_and_told_once() {
    let world = World::new().await;
    let mut hosts = [world.person("alice-1").await, world.person("bob-1").await];
    all_settle(&mut hosts).await;
    let room = create(&mut hosts[0], "The board").await;
    let claim = ClaimKeyPackages { name: name("bob-1"), group: true };
    let burnt = world.backend.claim_key_packages(&ctx(), &hosts[0].caller().await.unwrap(), claim).await.unwrap().packages.remove(0);
    for host in &mut hosts {
        host.now += limits::KEY_PACKAGE_RESERVATION_MS + 60_000;
    }
    let claims = Arc::new(AtomicU32::new(0));
    let count = claims.clone();
    hosts[0].lies.swap_key_packages(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        burnt.clone()
    });
    add(&mut hosts[0], room, "bob-1").await.unwrap();
    for _ in 0..60 {
        all_settle(&mut hosts).await;
        hosts.iter_mut().for_each(Host::pass_time);
    }
    assert_eq!(hosts[0].notices, [ErrorCode::NoKeyPackage]);
    assert_eq!(claims.load(Ordering::SeqCst), 4, "the person's own and three more");
    hosts[0].lies.stop();
    add(&mut hosts[0], room, "bob-1").await.unwrap();
    all_settle(&mut hosts).await;
    hosts[1].open(room).await.unwrap();
    same_epochs(&mut hosts, room);
}

// Fails without `others` in `members_line` (the lines about devices), and without it in the engine's `OwnCommit` (carol's own).
#[tokio::test]
async fn r30_every_device_that_comes_or_goes_has_its_line_with_who_did_it() {
    let world = World::new().await;
    let (mut hosts, room) = three(&world).await;
    carol_moves(&world, &mut hosts).await;
    hosts[2].open(room).await.unwrap();
    let gone = "carol-1 [(DeviceWent, \"carol-1\")]";
    for host in &hosts[..2] {
        let told = told(host);
        assert_eq!(told[told.len() - 2..], ["carol-1 on a new device", gone], "{told:?}");
    }
    assert_eq!(told(&hosts[2]), ["JoinedHere", gone]);
    // The same in the room of a pair.
    let pair = hosts[0].open_with("carol-1").await.unwrap();
    all_settle(&mut hosts).await;
    carol_moves(&world, &mut hosts).await;
    assert_eq!(told(&hosts[0]), ["alice-1 began", "carol-1 on a new device", gone]);
    hosts[2].open(pair).await.unwrap();
    assert_eq!(told(&hosts[2]), ["JoinedHere", gone]);
}

/// Carol goes on in another browser, and removes the one that she had.
async fn carol_moves(world: &World, hosts: &mut [Host; 3]) {
    let sotto_client_api::views::Phase::Ready { device, .. } = hosts[2].phase else { panic!("{:?}", hosts[2].phase) };
    hosts[2] = carol_anew(world).await;
    all_settle(hosts).await;
    hosts[2].remove_device("carol-1", kit::PASSWORD, device).await.unwrap();
    all_settle(hosts).await;
}

/// Mallory's commit in the group that she owns, taken by the server.
async fn commits(world: &World, mallory: &Person, seat: &mut people::Seat, upload: UploadCommit) {
    world.backend.upload_commit(&ctx(), mallory.caller(), seat.room, upload).await.unwrap();
    seat.group.merge_pending_commit(&mallory.provider).unwrap();
}

// Rig: cc. What no button of ours does and the rules allow is shown all the same. Fails without `roles` in the client's `process`, and
// when a device that is added by a member counts for one that came by itself.
#[tokio::test]
async fn r30_roles_and_devices_that_another_client_changes_are_shown_with_who_did_it() {
    let world = World::new().await;
    let mut alice = world.person("alice-1").await;
    let mallory = Person::ready(&world.backend, "mallory-1").await;
    settle(&mut [&mut alice]).await;
    let mut seat = mallory.group(&world.backend).await;
    let room = seat.room;
    let sotto_client_api::views::Phase::Ready { me, .. } = &alice.phase else { panic!("nobody") };
    let account = me.account;
    let claim = ClaimKeyPackages { name: name("alice-1"), group: true };
    let package = world.backend.claim_key_packages(&ctx(), mallory.caller(), claim).await.unwrap().packages.remove(0);
    let upload = mallory.add_package(&mut seat, (account, package.device, package.key_package));
    commits(&world, &mallory, &mut seat, upload).await;
    settle(&mut [&mut alice]).await;
    alice.open(room).await.unwrap();

    let roles = |role| Kind::Group(Roles::owned_by(mallory.account()).with(account, role)).extensions();
    for role in [Role::Admin, Role::Owner, Role::Member] {
        let extensions = roles(role);
        let upload = member::commit(&mallory.provider, &mut seat.group, &seat.signer, None, |builder| {
            builder.propose_group_context_extensions(extensions).unwrap()
        });
        commits(&world, &mallory, &mut seat, upload.unwrap()).await;
    }
    settle(&mut [&mut alice]).await;
    let told = told(&alice);
    let of = |change: &str| format!("mallory-1 [({change}, \"alice-1\")]");
    assert_eq!(told[told.len() - 3..], [of("Admin"), of("Owner"), of("Member")], "{told:?}");
}
