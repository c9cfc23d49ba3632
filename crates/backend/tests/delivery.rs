//! Delivery: order, duplicates, refusals, retention, wake-ups.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::kit::*;
use crate::rig::*;
use openmls::prelude::OpenMlsProvider as _;
use sotto_protocol::frames::EntryKind;
use sotto_protocol::{Bytes, ErrorCode, IdempotencyId, limits};

const DAY: u64 = 24 * 3_600_000;

async fn pair(rig: &Rig) -> (Person, Seat, Person, Seat) {
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let mira_seat = mira.room(&rig.backend, &noor).await;
    let noor_seat = noor.join(&rig.backend).await;
    (mira, mira_seat, noor, noor_seat)
}

#[tokio::test]
async fn two_people_talk_both_ways() {
    let rig = rig().await;
    let (mira, mut mira_seat, noor, mut noor_seat) = pair(&rig).await;
    let socket = rig.backend.subscribe(noor.caller()).unwrap();
    assert!(socket.watch(mira_seat.room));
    let ack = mira.send(&rig.backend, &mut mira_seat, "hello").await.unwrap();
    assert_eq!(ack.seq, 2);
    assert_eq!(socket.changed().await.rooms, [mira_seat.room]);
    let entries = rig.backend.read_after(noor.caller(), mira_seat.room, 1, 64, limits::SYNC_FRAME).await.unwrap();
    assert_eq!((entries.len(), entries[0].kind, entries[0].account), (1, EntryKind::Message, mira.account()));
    assert_eq!(noor.receive(&mut noor_seat, &entries[0].bytes).as_deref(), Some("hello"));
    let back = noor.send(&rig.backend, &mut noor_seat, "hi").await.unwrap();
    let entries = rig.backend.read_after(mira.caller(), mira_seat.room, 2, 64, limits::SYNC_FRAME).await.unwrap();
    assert_eq!((back.seq, mira.receive(&mut mira_seat, &entries[0].bytes).as_deref()), (3, Some("hi")));
    let stored = rig.backend.entry(noor.caller(), mira_seat.room, 2).await.unwrap();
    assert_eq!((stored.sender_name, stored.deleted_at), (Some(mira.name.clone()), stored.entry.at + 30 * DAY));
    assert_eq!(rig.backend.heads(noor.caller()).await.unwrap()[0].seq, 3);
}

// Fails when the epoch is compared before `find_standing` in `append_all`.
#[tokio::test]
async fn a_duplicate_gets_its_first_answer_even_after_the_epoch_went_on() {
    let rig = rig().await;
    let (mira, mut seat, ..) = pair(&rig).await;
    let message = mira.message(&mut seat, "once");
    let first = rig.backend.publish(&ctx(), mira.caller(), vec![message.clone()]).await.unwrap().remove(0).unwrap();
    mira.commit(&rig.backend, &mut seat).await;
    let again = rig.backend.publish(&ctx(), mira.caller(), vec![message.clone()]).await.unwrap().remove(0).unwrap();
    assert_eq!(again, first);
    let mut other = message;
    other.idempotency = idempotency();
    let refused = rig.backend.publish(&ctx(), mira.caller(), vec![other]).await.unwrap().remove(0).unwrap_err();
    assert_eq!((refused.code, refused.epoch), (ErrorCode::StaleEpoch, Some(2)));
}

// Fails without the `find_standing` and `fresh` lines of `append_all`.
#[tokio::test]
async fn r62_exactly_once_ten_retries_make_one_row() {
    let rig = rig().await;
    let (mira, mut seat, noor, _) = pair(&rig).await;
    let message = mira.message(&mut seat, "once");
    let mut acks = rig.backend.publish(&ctx(), mira.caller(), vec![message.clone(), message.clone()]).await.unwrap();
    let parallel = (0..10).map(|_| {
        let (backend, caller, message) = (rig.backend.clone(), mira.caller().clone(), message.clone());
        tokio::spawn(async move { backend.publish(&ctx(), &caller, vec![message]).await.unwrap().remove(0) })
    });
    for ack in parallel.collect::<Vec<_>>() {
        acks.push(ack.await.unwrap());
    }
    assert!(acks.iter().all(|ack| ack == &acks[0] && ack.is_ok()));
    let entries = rig.backend.read_after(noor.caller(), seat.room, 1, 64, limits::SYNC_FRAME).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].idempotency, message.idempotency);
}

// Fails when any refused publish leaves a row, an epoch or a head behind.
#[tokio::test]
async fn what_is_refused_changes_nothing_and_says_why() {
    let rig = rig().await;
    let (mira, mut seat, noor, _) = pair(&rig).await;
    let stranger = Person::ready(&rig.backend, "eve").await;
    let good = mira.message(&mut seat, "good");
    let handshake = mira.self_update(&mut seat).commit;
    seat.group.clear_pending_commit(mira.provider.storage()).unwrap();
    let before = rig.dump().await;
    let with = |change: &dyn Fn(&mut sotto_protocol::frames::Publish)| {
        let mut bad = good.clone();
        bad.idempotency = idempotency();
        change(&mut bad);
        bad
    };
    let mut cut = good.bytes.0.clone();
    cut.truncate(cut.len() / 2);
    let cases = [
        (with(&|bad| bad.bytes = Bytes(vec![0; 64])), ErrorCode::Malformed),
        (with(&|bad| bad.bytes = Bytes(cut.clone())), ErrorCode::Malformed),
        (with(&|bad| bad.bytes.0.push(0)), ErrorCode::Malformed),
        (with(&|bad| bad.bytes = handshake.clone()), ErrorCode::WrongSuite),
        (with(&|bad| bad.bytes = Bytes(vec![0; limits::MESSAGE + 1])), ErrorCode::TooLarge),
        (with(&|bad| bad.epoch = 0), ErrorCode::StaleEpoch),
        (with(&|bad| bad.epoch = 9), ErrorCode::StaleEpoch),
        (with(&|bad| bad.room = sotto_protocol::RoomId([0; 16])), ErrorCode::NotFound),
    ];
    for (bad, code) in cases {
        let refused = rig.backend.publish(&ctx(), mira.caller(), vec![bad]).await.unwrap().remove(0).unwrap_err();
        assert_eq!(refused.code, code);
    }
    let refused = rig.backend.publish(&ctx(), stranger.caller(), vec![good.clone()]).await.unwrap().remove(0).unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    let read = rig.backend.read_after(stranger.caller(), seat.room, 0, 64, limits::SYNC_FRAME).await.unwrap_err();
    assert_eq!(read.code, ErrorCode::NotFound);
    assert_eq!(rig.backend.entry(stranger.caller(), seat.room, 1).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(rig.dump().await, before);

    // Mixed with good ones, in one batch: only the good ones stand, in their order.
    let batch = vec![with(&|bad| bad.epoch = 0), good.clone(), with(&|bad| bad.bytes = Bytes(vec![1]))];
    let answers = rig.backend.publish(&ctx(), mira.caller(), batch).await.unwrap();
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(rig.backend.heads(noor.caller()).await.unwrap()[0].seq, 2);
}

#[tokio::test]
async fn a_replaced_device_can_no_longer_send() {
    let rig = rig().await;
    let (mut mira, mut seat, ..) = pair(&rig).await;
    let old = mira.caller().clone();
    let socket = rig.backend.subscribe(&old).unwrap();
    let message = mira.message(&mut seat, "late");
    mira.replace_device(&rig.backend).await;
    assert_eq!(socket.changed().await.ended, Some(ErrorCode::DeviceUnknown));
    let refused = rig.backend.publish(&ctx(), &old, vec![message]).await.unwrap().remove(0).unwrap_err();
    assert_eq!(refused.code, ErrorCode::DeviceUnknown);
    assert_eq!(rig.backend.check_session(&ctx(), &old).await.unwrap_err().code, ErrorCode::SignedOut);
}

#[tokio::test]
async fn many_senders_share_transactions_and_get_gapless_positions() {
    let rig = rig().await;
    let (mira, mut seat, noor, mut noor_seat) = pair(&rig).await;
    let mut jobs = Vec::new();
    for number in 0..200 {
        let (person, seat) = if number % 2 == 0 { (&mira, &mut seat) } else { (&noor, &mut noor_seat) };
        let message = person.message(seat, "text");
        let (backend, caller) = (rig.backend.clone(), person.caller().clone());
        jobs.push(tokio::spawn(async move { backend.publish(&ctx(), &caller, vec![message]).await.unwrap().remove(0).unwrap().seq }));
    }
    let mut positions = Vec::new();
    for job in jobs {
        positions.push(job.await.unwrap());
    }
    positions.sort_unstable();
    assert_eq!(positions, (2..202).collect::<Vec<_>>());
    let entries = rig.backend.read_after(mira.caller(), seat.room, 100, 64, limits::SYNC_FRAME).await.unwrap();
    assert!(entries.iter().map(|entry| entry.seq).eq(101..101 + entries.len() as u64));
    let one = rig.backend.read_after(mira.caller(), seat.room, 100, 64, 1).await.unwrap();
    assert_eq!(one.len(), 1, "at least one, however small the frame");
}

// Fails without `delete_entries` in `run_retention`, and without its UPDATE of `lost_upto`.
#[tokio::test]
async fn retention_takes_the_bytes_and_keeps_the_positions() {
    let rig = rig().await;
    let (mira, mut seat, noor, _) = pair(&rig).await;
    let message = mira.message(&mut seat, "old");
    let bytes: String = message.bytes.0.iter().map(|byte| format!("{byte:02x}")).collect();
    rig.backend.publish(&ctx(), mira.caller(), vec![message]).await.unwrap().remove(0).unwrap();
    assert!(rig.dump().await.iter().any(|line| line.contains(&bytes)));
    let nothing = rig.backend.run_retention(now() + 29 * DAY).await.unwrap();
    assert_eq!((nothing.entries, nothing.welcomes), (0, 0));
    let report = rig.backend.run_retention(now() + 31 * DAY).await.unwrap();
    assert_eq!(report.entries, 2);
    assert!(!rig.dump().await.iter().any(|line| line.contains(&bytes)));
    assert_eq!(rig.backend.lost_upto(noor.caller(), seat.room).await.unwrap(), 2);
    assert_eq!(rig.backend.entry(noor.caller(), seat.room, 2).await.unwrap_err().code, ErrorCode::Gone);
    assert_eq!(mira.send(&rig.backend, &mut seat, "new").await.unwrap().seq, 3);
}

#[tokio::test]
async fn an_id_of_somebody_else_is_not_a_duplicate() {
    let rig = rig().await;
    let (mira, mut seat, noor, mut noor_seat) = pair(&rig).await;
    let mut first = mira.message(&mut seat, "mine");
    let mut second = noor.message(&mut noor_seat, "theirs");
    (first.idempotency, second.idempotency) = (IdempotencyId([7; 16]), IdempotencyId([7; 16]));
    let first = rig.backend.publish(&ctx(), mira.caller(), vec![first]).await.unwrap().remove(0).unwrap();
    let second = rig.backend.publish(&ctx(), noor.caller(), vec![second]).await.unwrap().remove(0).unwrap();
    assert_eq!((first.seq, second.seq), (2, 3));
}
