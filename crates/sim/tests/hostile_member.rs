//! A malicious member, with a client of her own, against the real backend and a real engine. Rig: cc.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

#[path = "kit/attacks.rs"]
mod attacks;
mod kit;
/// People with real keys and real OpenMLS state.
#[path = "../../backend/tests/kit/mod.rs"]
mod people;
#[path = "kit/stage.rs"]
mod stage;

use kit::settle;
use people::ctx;
use sotto_client_api::views::SystemLine;
use sotto_protocol::ErrorCode;
use sotto_protocol::frames::EntryKind;
use sotto_sim::hostile::forgery::{self, CommitParts, bent_tags};
use sotto_sim::hostile::member;
use sotto_sim::hostile::server::made_up;
use stage::{Stage, deliver};

// Fails without the verification in `check_leaf` and without the `same_device` check, both in `sotto_rules::commit`.
#[tokio::test]
async fn r27_a_leaf_that_says_to_be_somebody_else_is_refused_by_server_and_client() {
    let mut stage = Stage::new().await;
    let (state, (_, peer)) = (stage.state().await, stage.alices_leaf());
    let attacks = attacks::swapped_identities(&stage.mallory, &mut stage.seat, &peer, &stage.eve, &state);
    stage.refused_by_server(&attacks).await;
    stage.refused_by_client(&attacks).await;
}

// Fails without `!may` in the Remove arm of `check_commit`, and without `may_become` in its context arm. A third person stands before
// three locks: `may_add` and `DIRECT_ACCOUNTS` in the rules, `check_people` in rooms/validate.rs.
#[tokio::test]
async fn r30_what_a_member_has_no_right_to_is_refused_by_server_and_client() {
    let mut stage = Stage::new().await;
    let (victim, _) = stage.alices_leaf();
    let attacks = attacks::without_rights(&stage.mallory, &mut stage.seat, victim, &stage.eve);
    stage.refused_by_server(&attacks).await;
    stage.refused_by_client(&attacks).await;
}

// Fails when `allowed` in `sotto_rules::commit` lets unknown proposals pass. A stranger stands before three locks: the guard against
// strangers in `check_commit`, `DIRECT_ACCOUNTS`, and `check_people` in rooms/validate.rs.
#[tokio::test]
async fn r31_what_rooms_do_not_use_is_refused_by_server_and_client() {
    let mut stage = Stage::new().await;
    let state = stage.state().await;
    let attacks = attacks::unused_features(&stage.mallory, &mut stage.seat, &stage.eve, &state);
    stage.refused_by_server(&attacks).await;
    // A stranger has no session that may upload it either.
    let external = attacks.last().unwrap().upload.clone();
    let refused = stage.world.backend.upload_commit(&ctx(), stage.eve.caller(), stage.seat.room, external).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    // Nor does any of it pass for a message.
    for attack in &attacks {
        assert_eq!(stage.publish(attack.upload.commit.clone()).await, Err(ErrorCode::WrongSuite), "{}", attack.name);
    }
    stage.refused_by_client(&attacks).await;
}

// Fails without `check_range` in `Seat::added` (the century; clients too) and without `check_added_lifetimes` in `apply` (the day, for
// which clients can't know when it was added).
#[tokio::test]
async fn r43_lifetimes_of_added_packages_are_checked_by_server_and_client() {
    let mut stage = Stage::new().await;
    let mut attacks = attacks::wrong_lifetimes(&stage.mallory, &mut stage.seat);
    stage.refused_by_server(&attacks).await;
    attacks.truncate(1);
    stage.refused_by_client(&attacks).await;
    // The same Add with a package as it should be.
    let phone = attacks::other_device(&stage.mallory);
    stage.mallory.list_with(&stage.world.backend, &[&phone]).await;
    let (upload, _) = attacks::add_device(&stage.mallory, &mut stage.seat, &phone);
    stage.commit(upload).await;
    settle(&mut [&mut stage.alice]).await;
    stage.talk().await;
}

// OpenMLS compares the keys of Adds only. Fails without the `DuplicateLeafKey` line of `Seats::check` and, at the server,
// `check_unique_leaf_keys` in rooms/validate.rs: two locks.
#[tokio::test]
async fn a_second_leaf_under_one_key_by_self_update_is_refused_by_server_and_client() {
    let mut stage = Stage::new().await;
    let phone = attacks::other_device(&stage.mallory);
    stage.mallory.list_with(&stage.world.backend, &[&phone]).await;
    let (upload, phones_key) = attacks::add_device(&stage.mallory, &mut stage.seat, &phone);
    stage.commit(upload).await;
    settle(&mut [&mut stage.alice]).await;
    let doubled = [attacks::doubled_leaf_key(&stage.mallory, &mut stage.seat, &phones_key)];
    stage.refused_by_server(&doubled).await;
    stage.refused_by_client(&doubled).await;
}

// Fails without the comparison of payloads, the signature check and `check_info_form` in `check_group_info` of rooms/validate.rs.
#[tokio::test]
async fn r38_commit_wedge_a_group_info_that_its_commit_does_not_lead_to_is_refused() {
    let mut stage = Stage::new().await;
    let (victim, _) = stage.alices_leaf();
    let attacks = attacks::false_group_infos(&stage.mallory, &mut stage.seat, victim);
    stage.refused_by_server(&attacks).await;
    stage.still_works().await;
}

// Fails when `policy(Fault::Commit)` is to skip.
#[tokio::test]
async fn r38_commit_wedge_who_cannot_open_a_commit_takes_its_seat_again() {
    let mut stage = Stage::new().await;
    let upload = member::commit_that_does_not_open(&stage.mallory.provider, &mut stage.seat.group, &stage.seat.signer).unwrap();
    healed(stage, upload).await;
}

// Fails as the one above. The server has no key for a membership tag: it takes any of the right length.
#[tokio::test]
async fn r38_commit_wedge_a_flipped_membership_tag_is_taken_and_healed() {
    let mut stage = Stage::new().await;
    let valid = attacks::valid(&stage.mallory, &mut stage.seat);
    let (_, flipped) = bent_tags(&CommitParts::of(&valid.commit).unwrap().membership_tag).remove(0);
    healed(stage, forgery::with_membership_tag(&valid, &flipped).unwrap()).await;
}

/// The server takes it, Alice can't, and comes back by a commit that Mallory sees and can only follow.
async fn healed(mut stage: Stage, upload: sotto_protocol::api::UploadCommit) {
    stage.commit(upload).await;
    let head = stage.log().await.last().unwrap().seq;
    settle(&mut [&mut stage.alice]).await;
    assert_eq!(stage.alice.notices, [ErrorCode::OutOfStep]);
    // Her external commit, and one for a new leaf key.
    assert_eq!(stage.follow(head).await, 2);
    stage.talk().await;
    let lines = stage.alice.lines();
    assert!(lines.iter().any(|line| matches!(line, SystemLine::SeatTakenAgain { .. })), "{lines:?}");
}

// Fails as the one above. The tag goes into every later epoch, so Mallory has put herself out of step as well.
#[tokio::test]
async fn r38_commit_wedge_a_flipped_confirmation_tag_is_taken_and_healed() {
    let mut stage = Stage::new().await;
    let valid = attacks::valid(&stage.mallory, &mut stage.seat);
    let (_, flipped) = bent_tags(&CommitParts::of(&valid.commit).unwrap().confirmation_tag).remove(0);
    let upload = forgery::with_confirmation_tag(&valid, &stage.seat.signer, &flipped).unwrap();
    stage.world.backend.upload_commit(&ctx(), stage.mallory.caller(), stage.seat.room, upload).await.unwrap();
    settle(&mut [&mut stage.alice]).await;
    assert_eq!(stage.alice.notices, [ErrorCode::OutOfStep]);

    let state = stage.state().await;
    let leaf = attacks::credential_for(&stage.mallory, stage.seat.signer.public());
    stage.seat.group.delete(openmls::prelude::OpenMlsProvider::storage(&stage.mallory.provider)).unwrap();
    let (upload, group) = member::external_commit(&stage.mallory.provider, &stage.seat.signer, leaf, attacks::handed(&state)).unwrap();
    stage.world.backend.upload_commit(&ctx(), stage.mallory.caller(), stage.seat.room, upload).await.unwrap();
    stage.seat.group = group;
    settle(&mut [&mut stage.alice]).await;
    stage.talk().await;
}

// Fails without `check_tags` in rooms/validate.rs (server). Clients leave it to OpenMLS, whose 0.8 took them.
#[tokio::test]
async fn r48_tags_that_are_empty_or_cut_are_refused_by_server_and_client() {
    let mut stage = Stage::new().await;
    let attacks = attacks::bent_tag_lengths(&stage.mallory, &mut stage.seat);
    stage.refused_by_server(&attacks).await;
    stage.refused_by_client(&attacks).await;
}

// The server lets a Remove of alice's leaf pass. Fails without `check_leave` in `process` (client/mls.rs): then
// it waits there for the next commit.
#[tokio::test]
async fn r31_a_proposal_that_comes_alone_and_is_no_leave_is_left_out_by_the_client() {
    let mut stage = Stage::new().await;
    let (room, epoch) = (stage.seat.room, stage.seat.group.epoch().as_u64());
    stage.alice.open(room).await.unwrap();
    let last = stage.log().await.pop().unwrap();
    let (victim, _) = stage.alices_leaf();
    let (removal, _) = stage.mallory.propose_removal(&mut stage.seat, victim);
    stage.alice.set_online(false);
    stage.alice.run().await;
    let profile = stage.alice.copy_profile();
    stage.alice.inject(&deliver(made_up(&last, epoch, EntryKind::Proposal, removal.proposal)));
    stage.alice.run().await;
    assert!(matches!(stage.alice.lines().last(), Some(SystemLine::NotReadable)), "{:?}", stage.alice.lines());
    assert_eq!(stage.alice.epochs().unwrap()[&room], epoch);
    assert_eq!(stage.alice.rooms[&room].can_send, Ok(()));
    stage.alice.restore_profile(profile).await.unwrap();
    stage.alice.set_online(true);
    stage.come_online().await;
    stage.still_works().await;
}
