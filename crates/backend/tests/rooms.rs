//! Rooms: one for a pair, commits checked in a scratch copy, seats taken by external commit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::kit::*;
use crate::rig::*;
use openmls::prelude::OpenMlsProvider as _;
use sotto_protocol::api::UploadCommit;
use sotto_protocol::{Bytes, ErrorCode, limits};

#[tokio::test]
async fn a_room_is_made_joined_and_listed() {
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let socket = rig.backend.subscribe(noor.caller()).unwrap();
    let mut seat = mira.room(&rig.backend, &noor).await;
    assert!(socket.changed().await.welcomes);
    let state = rig.backend.room_state(noor.caller(), seat.room).await.unwrap();
    assert_eq!((state.info.epoch, state.info.head, state.info.members.len()), (1, 1, 2));
    let welcome = state.welcome.unwrap();
    assert_eq!((welcome.seq, welcome.epoch), (1, state.info.epoch));
    assert!(welcome.ratchet_tree.as_slice().is_empty() && !state.ratchet_tree.as_slice().is_empty(), "one tree, once");
    let mut noor_seat = noor.join(&rig.backend).await;
    assert!(rig.backend.welcomes(noor.caller()).await.unwrap().is_empty());
    assert!(!rig.dump().await.iter().any(|line| line.starts_with("welcome")), "the tree goes with the last Welcome");
    mira.commit(&rig.backend, &mut seat).await;
    let entries = rig.backend.read_after(noor.caller(), seat.room, 1, 64, limits::SYNC_FRAME).await.unwrap();
    noor.receive(&mut noor_seat, &entries[0].bytes);
    assert_eq!(noor_seat.group.epoch_authenticator().as_slice(), seat.group.epoch_authenticator().as_slice());
    assert_eq!(rig.backend.rooms(mira.caller()).await.unwrap().rooms[0].epoch, 2);
    let notes = mira.room(&rig.backend, &mira).await;
    let rooms = rig.backend.rooms(mira.caller()).await.unwrap().rooms;
    assert_eq!(rooms.len(), 2);
    assert!(rooms.iter().any(|room| room.room == notes.room && room.members.len() == 1));
    assert_eq!(rig.backend.room_state(noor.caller(), notes.room).await.unwrap_err().code, ErrorCode::NotFound);
}

// Fails without the primary key of `pairs` together with `find_pair` in `create_room`.
#[tokio::test]
async fn two_who_open_a_room_at_once_end_in_the_same_one() {
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let (one, _) = mira.prepare_room(&rig.backend, &noor).await;
    let (other, _) = noor.prepare_room(&rig.backend, &mira).await;
    let jobs = [(mira.caller().clone(), one.clone()), (noor.caller().clone(), other)].map(|(caller, create)| {
        let backend = rig.backend.clone();
        tokio::spawn(async move { (create.room, backend.create_room(&ctx(), &caller, create).await) })
    });
    let mut made = Vec::new();
    let mut lost = Vec::new();
    for job in jobs {
        match job.await.unwrap() {
            (room, Ok(ack)) => {
                assert_eq!((ack.room, ack.seq, ack.epoch), (room, 1, 1));
                made.push(room);
            }
            (_, Err(error)) => {
                assert_eq!(error.code, ErrorCode::RoomExists);
                lost.push(error.room.unwrap());
            }
        }
    }
    assert_eq!((made.len(), &made), (1, &lost));
    let request = sotto_protocol::api::ClaimKeyPackages { name: noor.name.clone(), group: false };
    let claimed = rig.backend.claim_key_packages(&ctx(), mira.caller(), request).await.unwrap();
    assert_eq!((claimed.room, claimed.packages.len()), (Some(made[0]), 0));
    // The winner's retry gets its first answer again, not "exists".
    if made[0] == one.room {
        assert_eq!(rig.backend.create_room(&ctx(), mira.caller(), one).await.unwrap().seq, 1);
    }
}

// Fails without the compare-and-swap line `current != row.epoch` in the store's `commit`.
#[tokio::test]
async fn r37_commit_race_one_commit_wins_each_epoch() {
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let mut seats = [mira.room(&rig.backend, &noor).await, noor.join(&rig.backend).await];
    let people = [&mira, &noor];
    for round in 0..5_u64 {
        let uploads: Vec<_> = people.iter().zip(&mut seats).map(|(person, seat)| person.self_update(seat)).collect();
        let room = seats[0].room;
        let jobs: Vec<_> = people
            .iter()
            .zip(uploads)
            .map(|(person, upload)| {
                let (backend, caller) = (rig.backend.clone(), person.caller().clone());
                tokio::spawn(async move { backend.upload_commit(&ctx(), &caller, room, upload).await })
            })
            .collect();
        let mut outcomes = Vec::new();
        for job in jobs {
            outcomes.push(job.await.unwrap());
        }
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let lost = outcomes.iter().find_map(|outcome| outcome.as_ref().err()).unwrap();
        assert_eq!((lost.code, lost.epoch), (ErrorCode::StaleEpoch, Some(round + 2)));
        let entries = rig.backend.read_after(mira.caller(), room, round + 1, 64, limits::SYNC_FRAME).await.unwrap();
        assert_eq!(entries.len(), 1);
        for (index, outcome) in outcomes.iter().enumerate() {
            if outcome.is_ok() {
                seats[index].group.merge_pending_commit(&people[index].provider).unwrap();
            } else {
                seats[index].group.clear_pending_commit(people[index].provider.storage()).unwrap();
                people[index].receive(&mut seats[index], &entries[0].bytes);
            }
        }
        assert_eq!(seats[0].group.epoch_authenticator().as_slice(), seats[1].group.epoch_authenticator().as_slice());
    }
}

// Fails when `upload_commit` compares the epoch before `find_commit`.
#[tokio::test]
async fn a_repeated_commit_gets_its_first_answer() {
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let mut seat = mira.room(&rig.backend, &noor).await;
    let upload = mira.self_update(&mut seat);
    let first = rig.backend.upload_commit(&ctx(), mira.caller(), seat.room, upload.clone()).await.unwrap();
    assert_eq!((first.seq, first.epoch), (2, 2));
    assert_eq!(rig.backend.upload_commit(&ctx(), mira.caller(), seat.room, upload.clone()).await.unwrap(), first);
    let other = UploadCommit { idempotency: idempotency(), ..upload };
    let stale = rig.backend.upload_commit(&ctx(), mira.caller(), seat.room, other).await.unwrap_err();
    assert_eq!((stale.code, stale.epoch), (ErrorCode::StaleEpoch, Some(2)));
}

// Each case fails when its check in `rooms/validate.rs` goes: form, sender, Welcomes, GroupInfo, `external_pub`.
#[tokio::test]
async fn r38_commit_wedge_garbage_is_refused_and_the_epoch_stays() {
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let eve = Person::ready(&rig.backend, "eve").await;
    let mut seat = mira.room(&rig.backend, &noor).await;
    let mut noor_seat = noor.join(&rig.backend).await;
    let message = mira.message(&mut seat, "text");
    let upload = mira.self_update(&mut seat);
    let foreign = noor.self_update(&mut noor_seat);
    let state = rig.backend.room_state(mira.caller(), seat.room).await.unwrap();
    let before = rig.dump().await;
    let with = |change: &dyn Fn(&mut UploadCommit)| {
        let mut bad = UploadCommit { idempotency: idempotency(), ..upload.clone() };
        change(&mut bad);
        bad
    };
    let flipped = |bytes: &Bytes, index: usize| {
        let mut bytes = bytes.clone();
        let at = index % bytes.0.len();
        bytes.0[at] ^= 1;
        bytes
    };
    let mut cases = vec![
        (with(&|bad| bad.commit = Bytes(vec![7; 99])), None),
        (with(&|bad| bad.commit = message.bytes.clone()), Some(ErrorCode::WrongSuite)),
        (with(&|bad| bad.epoch = 0), Some(ErrorCode::StaleEpoch)),
        (with(&|bad| bad.group_info = state.group_info.clone()), Some(ErrorCode::CommitRefused)),
        (with(&|bad| bad.group_info = foreign.group_info.clone()), Some(ErrorCode::CommitRefused)),
        (with(&|bad| bad.group_info = Bytes::default()), Some(ErrorCode::Malformed)),
        (with(&|bad| bad.commit = foreign.commit.clone()), None),
        (with(&|bad| bad.group_info = Bytes(vec![0; limits::COMMIT_BODY])), Some(ErrorCode::TooLarge)),
    ];
    // One bit anywhere but in the membership tag at the end (which only members can check) spoils it.
    for index in (0..upload.commit.0.len() - 60).step_by(97) {
        cases.push((with(&|bad| bad.commit = flipped(&upload.commit, index)), None));
    }
    for index in (0..upload.group_info.0.len()).step_by(97) {
        cases.push((with(&|bad| bad.group_info = flipped(&upload.group_info, index)), None));
    }
    for (number, (bad, code)) in cases.into_iter().enumerate() {
        let refused = rig.backend.upload_commit(&ctx(), mira.caller(), seat.room, bad).await.expect_err(&format!("case {number}"));
        assert!(code.is_none_or(|code| code == refused.code), "case {number}: {refused}");
    }
    // Somebody else's session can't use it, member or not.
    let refused = rig.backend.upload_commit(&ctx(), noor.caller(), seat.room, with(&|_| {})).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::CommitRefused);
    let refused = rig.backend.upload_commit(&ctx(), eve.caller(), seat.room, with(&|_| {})).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    assert_eq!(rig.dump().await, before);
    rig.backend.upload_commit(&ctx(), mira.caller(), seat.room, upload).await.unwrap();
}

#[tokio::test]
async fn a_third_person_is_not_let_in_and_welcomes_must_match() {
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let eve = Person::ready(&rig.backend, "eve").await;
    let before = rig.dump().await;
    let eves = Some(eve.upload(1).one_time.remove(0));
    // The package of another person than the peer.
    let (mut create, _) = mira.room_with(&noor, eves);
    assert_eq!(rig.backend.create_room(&ctx(), mira.caller(), create.clone()).await.unwrap_err().code, ErrorCode::CommitRefused);
    create.commit.welcomes[0].account = eve.account();
    create.commit.welcomes[0].device = eve.device;
    assert_eq!(rig.backend.create_room(&ctx(), mira.caller(), create).await.unwrap_err().code, ErrorCode::CommitRefused);
    let noors = Some(noor.upload(1).one_time.remove(0));
    let (create, _) = mira.room_with(&noor, noors);
    let mut without = create.clone();
    without.commit.welcomes.clear();
    assert_eq!(rig.backend.create_room(&ctx(), mira.caller(), without).await.unwrap_err().code, ErrorCode::CommitRefused);
    let mut alone = mira.room_with(&noor, None).0;
    assert_eq!(rig.backend.create_room(&ctx(), mira.caller(), alone.clone()).await.unwrap_err().code, ErrorCode::CommitRefused);
    alone.peer = Some(sotto_protocol::AccountId([0; 32]));
    assert_eq!(rig.backend.create_room(&ctx(), mira.caller(), alone).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(rig.backend.create_room(&ctx(), noor.caller(), create).await.unwrap_err().code, ErrorCode::CommitRefused);
    assert_eq!(rig.dump().await, before);
}

// Fails when `ext_commit_sender_index` is replaced by the sender's old leaf, or when strangers pass `check_commit`.
#[tokio::test]
async fn a_new_device_takes_its_seat_by_external_commit() {
    let rig = rig().await;
    let (mira, mut noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let mut seat = mira.room(&rig.backend, &noor).await;
    noor.join(&rig.backend).await;
    noor.replace_device(&rig.backend).await;
    let (upload, mut noor_seat) = noor.external_commit(&rig.backend, seat.room).await;
    let ack = rig.backend.upload_commit(&ctx(), noor.caller(), seat.room, upload).await.unwrap();
    assert_eq!((ack.seq, ack.epoch), (2, 2));
    let entries = rig.backend.read_after(mira.caller(), seat.room, 1, 64, limits::SYNC_FRAME).await.unwrap();
    mira.receive(&mut seat, &entries[0].bytes);
    mira.send(&rig.backend, &mut seat, "welcome back").await.unwrap();
    let entries = rig.backend.read_after(noor.caller(), seat.room, 2, 64, limits::SYNC_FRAME).await.unwrap();
    assert_eq!(noor.receive(&mut noor_seat, &entries[0].bytes).as_deref(), Some("welcome back"));
    assert_eq!(rig.backend.room_state(noor.caller(), seat.room).await.unwrap().info.members.len(), 2);
    // State survives a restart: the next commit is checked against what was stored.
    let rig = rig.reopen(|_| {}).await;
    assert_eq!(noor.commit(&rig.backend, &mut noor_seat).await.epoch, 3);
}

#[tokio::test]
async fn a_replaced_device_gets_no_welcome_and_no_claim() {
    let rig = rig().await;
    let (mira, mut noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let (create, _) = mira.prepare_room(&rig.backend, &noor).await;
    noor.replace_device(&rig.backend).await;
    let room = create.room;
    rig.backend.create_room(&ctx(), mira.caller(), create).await.unwrap();
    assert!(rig.backend.welcomes(noor.caller()).await.unwrap().is_empty());
    // A member by account: the new device sees the room and takes its seat.
    assert_eq!(rig.backend.rooms(noor.caller()).await.unwrap().rooms[0].room, room);
    let (upload, _) = noor.external_commit(&rig.backend, room).await;
    rig.backend.upload_commit(&ctx(), noor.caller(), room, upload).await.unwrap();
}
