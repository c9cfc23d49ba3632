//! Rooms of any number of people: grown and shrunk by commits that the roles allow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::kit::*;
use crate::rig::*;
use openmls::prelude::OpenMlsProvider as _;
use sotto_protocol::api::UploadProposal;
use sotto_protocol::frames::{Entry, EntryKind};
use sotto_protocol::{ErrorCode, Seq, limits};
use sotto_rules::roles::Kind;

/// A person's whole log of a room.
async fn log(rig: &Rig, person: &Person, seat: &Seat, after: Seq) -> Vec<Entry> {
    rig.backend.read_after(person.caller(), seat.room, after, 64, limits::SYNC_FRAME).await.unwrap()
}

/// Uploads a commit of this side and merges it.
async fn commit(rig: &Rig, person: &Person, seat: &mut Seat, upload: sotto_protocol::api::UploadCommit) -> Seq {
    let ack = rig.backend.upload_commit(&ctx(), person.caller(), seat.room, upload).await.unwrap();
    seat.group.merge_pending_commit(&person.provider).unwrap();
    ack.seq
}

/// Mira owns it; noor and olga are in it.
async fn three(rig: &Rig) -> ([Person; 3], [Seat; 3]) {
    let [mira, noor, olga] =
        [Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await, Person::ready(&rig.backend, "olga").await];
    let mut own = mira.group(&rig.backend).await;
    let add = mira.add(&mut own, &noor);
    commit(rig, &mira, &mut own, add).await;
    let mut noors = noor.join(&rig.backend).await;
    let add = mira.add(&mut own, &olga);
    let seq = commit(rig, &mira, &mut own, add).await;
    let olgas = olga.join(&rig.backend).await;
    noor.receive(&mut noors, &log(rig, &noor, &own, seq - 1).await[0].bytes);
    ([mira, noor, olga], [own, noors, olgas])
}

fn authenticators(seats: &[Seat]) -> Vec<Vec<u8>> {
    seats.iter().map(|seat| seat.group.epoch_authenticator().as_slice().to_vec()).collect()
}

// Fails when `create_room` takes a group's room for a pair's, or when `put_members` names another set than the tree.
#[tokio::test]
async fn a_group_grows_beside_the_rooms_of_its_pairs() {
    let rig = rig().await;
    let ([mira, noor, olga], mut seats) = three(&rig).await;
    let same = authenticators(&seats);
    assert!(same.iter().all(|one| *one == same[0]));
    for person in [&mira, &noor, &olga] {
        let rooms = rig.backend.rooms(person.caller()).await.unwrap().rooms;
        assert_eq!((rooms.len(), rooms[0].members.len(), rooms[0].epoch), (1, 3, 3));
    }
    olga.send(&rig.backend, &mut seats[2], "good evening").await.unwrap();
    for (person, seat) in [(&mira, 0), (&noor, 1)] {
        let entry = log(&rig, person, &seats[seat], 3).await.remove(0);
        assert_eq!(person.receive(&mut seats[seat], &entry.bytes).as_deref(), Some("good evening"));
    }
    // A second group of the same people, and the room of a pair of them.
    mira.group(&rig.backend).await;
    mira.room(&rig.backend, &noor).await;
    assert_eq!(rig.backend.rooms(mira.caller()).await.unwrap().rooms.len(), 3);
}

// Fails without `gone_at` in `read_after`, `find_entry`, `gate`, `heads`, `room_state` or `room_for_commit` (each by its own line).
#[tokio::test]
async fn who_is_removed_gets_the_log_up_to_that_commit_and_nothing_later() {
    let rig = rig().await;
    let ([mira, noor, olga], [mut own, mut noors, mut olgas]) = three(&rig).await;
    let add = olga.self_update(&mut olgas);
    let remove = mira.remove(&mut own, &olga);
    let removed = commit(&rig, &mira, &mut own, remove).await;
    mira.send(&rig.backend, &mut own, "just us").await.unwrap();
    let seqs: Vec<Seq> = log(&rig, &olga, &olgas, 1).await.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (2..=removed).collect::<Vec<_>>());
    assert!(rig.backend.entry(olga.caller(), own.room, removed).await.is_ok());
    assert_eq!(rig.backend.entry(olga.caller(), own.room, removed + 1).await.unwrap_err().code, ErrorCode::Gone);
    assert!(rig.backend.rooms(olga.caller()).await.unwrap().rooms.is_empty());
    assert!(rig.backend.heads(olga.caller()).await.unwrap().is_empty());
    assert_eq!(rig.backend.room_state(olga.caller(), own.room).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(olga.send(&rig.backend, &mut olgas, "still here?").await.unwrap_err().code, ErrorCode::NotFound);
    let late = rig.backend.upload_commit(&ctx(), olga.caller(), own.room, add).await;
    assert_eq!(late.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(rig.backend.room_state(mira.caller(), own.room).await.unwrap().info.members.len(), 2);
    // Those who stayed go on, and who comes back reads on.
    for entry in log(&rig, &noor, &own, removed - 1).await {
        noor.receive(&mut noors, &entry.bytes);
    }
    assert_eq!(authenticators(&[own]), authenticators(&[noors]));
}

#[tokio::test]
async fn who_was_removed_can_be_added_again() {
    let rig = rig().await;
    let ([mira, _, olga], [mut own, _, mut olgas]) = three(&rig).await;
    olgas.group.delete(olga.provider.storage()).unwrap();
    let remove = mira.remove(&mut own, &olga);
    commit(&rig, &mira, &mut own, remove).await;
    let add = mira.add(&mut own, &olga);
    commit(&rig, &mira, &mut own, add).await;
    let mut olgas = olga.join(&rig.backend).await;
    olga.send(&rig.backend, &mut olgas, "here again").await.unwrap();
    assert_eq!(rig.backend.heads(olga.caller()).await.unwrap().len(), 1);
}

// Fails without the `check_commit` line of `apply` in rooms/validate.rs.
#[tokio::test]
async fn r30_a_member_without_the_right_changes_nothing() {
    let rig = rig().await;
    let ([_, noor, olga], [_, mut noors, _]) = three(&rig).await;
    let eve = Person::ready(&rig.backend, "eve").await;
    let before = rig.dump().await;
    for upload in [noor.add(&mut noors, &eve), noor.remove(&mut noors, &olga)] {
        let answer = rig.backend.upload_commit(&ctx(), noor.caller(), noors.room, upload).await;
        assert_eq!(answer.unwrap_err().code, ErrorCode::CommitRefused);
    }
    assert_eq!(rig.dump().await, before);
}

// Fails without the look at `unlisted` in `move_on` (SQLite) or `check_commit` (memory).
#[tokio::test]
async fn r30_a_member_removes_another_accounts_device_only_when_its_newest_list_does_not_name_it() {
    let rig = rig().await;
    let ([_, mut noor, olga], [own, mut noors, mut olgas]) = three(&rig).await;
    let mut tablet = Person::new("noor");
    tablet.account_key = noor.account_key.clone();
    tablet.list.account = noor.account();
    noor.list_with(&rig.backend, &[&tablet]).await;
    let add = noor.add(&mut noors, &tablet);
    let seq = commit(&rig, &noor, &mut noors, add).await;
    olga.receive(&mut olgas, &log(&rig, &olga, &own, seq - 1).await[0].bytes);

    let before = rig.dump().await;
    let refused = olga.remove_device(&mut olgas, &tablet);
    let answer = rig.backend.upload_commit(&ctx(), olga.caller(), own.room, refused).await;
    assert_eq!(answer.unwrap_err().code, ErrorCode::CommitRefused);
    assert_eq!(rig.dump().await, before);

    noor.list_with(&rig.backend, &[]).await;
    let remove = olga.remove_device(&mut olgas, &tablet);
    commit(&rig, &olga, &mut olgas, remove).await;
    assert_eq!(olgas.group.members().count(), 3);
}

// Fails without the `right` of `check_people`, without the owner's line of `creation`, or without `known` in `put_members`.
#[tokio::test]
async fn a_room_is_of_the_kind_that_it_says_and_its_people_exist() {
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let nobody = Person::new("nobody");
    let mut own = mira.group(&rig.backend).await;
    let before = rig.dump().await;
    let package = |person: &Person| Some((person.account(), person.device, person.upload(1).one_time.remove(0)));
    let refused = [
        mira.new_room(&Kind::Direct, None, None),
        mira.new_room(&mira.own_group(), Some(noor.account()), package(&noor)),
        mira.new_room(&noor.own_group(), None, None),
        mira.new_room(&mira.own_group(), None, package(&nobody)),
    ];
    for (number, (create, _)) in refused.into_iter().enumerate() {
        let answer = rig.backend.create_room(&ctx(), mira.caller(), create).await;
        assert_eq!(answer.unwrap_err().code, ErrorCode::CommitRefused, "{number}");
    }
    let add = mira.add(&mut own, &nobody);
    let answer = rig.backend.upload_commit(&ctx(), mira.caller(), own.room, add).await;
    assert_eq!(answer.unwrap_err().code, ErrorCode::CommitRefused);
    assert_eq!(rig.dump().await, before);
}

async fn propose(rig: &Rig, person: &Person, seat: &Seat, upload: &UploadProposal) -> Result<Seq, ErrorCode> {
    let answer = rig.backend.upload_proposal(&ctx(), person.caller(), seat.room, upload.clone()).await;
    answer.map(|ack| ack.seq).map_err(|error| error.code)
}

// Fails without `gone_at` in the store's `read_after`.
#[tokio::test]
async fn who_leaves_is_out_with_the_commit_of_somebody_else() {
    let rig = rig().await;
    let ([mira, noor, olga], [mut own, mut noors, _]) = three(&rig).await;
    let leave = noor.leave(&mut noors);
    let seq = propose(&rig, &noor, &noors, &leave).await.unwrap();
    assert_eq!(propose(&rig, &noor, &noors, &leave).await, Ok(seq), "a repeated id gets the first answer");
    let entry = log(&rig, &mira, &own, seq - 1).await.remove(0);
    assert_eq!((entry.kind, entry.account, &entry.bytes), (EntryKind::Proposal, noor.account(), &leave.proposal));
    assert_eq!(rig.backend.rooms(noor.caller()).await.unwrap().rooms.len(), 1, "not before the commit");
    mira.keep(&mut own, &entry.bytes);
    let upload = mira.self_update(&mut own);
    let gone = commit(&rig, &mira, &mut own, upload).await;
    mira.send(&rig.backend, &mut own, "just us").await.unwrap();
    assert!(rig.backend.rooms(noor.caller()).await.unwrap().rooms.is_empty());
    assert_eq!(log(&rig, &noor, &noors, seq).await.last().unwrap().seq, gone);
    assert_eq!(rig.backend.room_state(olga.caller(), own.room).await.unwrap().info.members.len(), 2);
}

// Fails without `alone` in `upload_proposal`.
#[tokio::test]
async fn who_is_alone_in_a_group_is_out_at_once() {
    let rig = rig().await;
    let mira = Person::ready(&rig.backend, "mira").await;
    let mut own = mira.group(&rig.backend).await;
    let leave = mira.leave(&mut own);
    let seq = propose(&rig, &mira, &own, &leave).await.unwrap();
    assert!(rig.backend.rooms(mira.caller()).await.unwrap().rooms.is_empty());
    assert!(rig.backend.heads(mira.caller()).await.unwrap().is_empty());
    assert_eq!(log(&rig, &mira, &own, seq - 1).await.len(), 1, "the own wish is the last thing that is read");
}

// Fails without `repeated` in `validate::proposal`.
#[tokio::test]
async fn r31_a_proposal_that_is_no_leave_of_the_senders_own_is_refused() {
    let rig = rig().await;
    let ([mira, noor, olga], [mut own, mut noors, mut olgas]) = three(&rig).await;
    let eve = Person::ready(&rig.backend, "eve").await;
    let mut pair = mira.room(&rig.backend, &noor).await;
    let leave = noor.leave(&mut noors);
    let victim = olgas.group.own_leaf_index();
    let (remove, _) = mira.propose_removal(&mut own, victim);
    let mut long = leave.clone();
    long.proposal.0.resize(limits::PROPOSAL + 1, 0);
    let before = rig.dump().await;
    assert_eq!(propose(&rig, &olga, &own, &leave).await, Err(ErrorCode::CommitRefused), "another's");
    assert_eq!(propose(&rig, &mira, &own, &remove).await, Err(ErrorCode::CommitRefused), "another type");
    let last = mira.leave(&mut own);
    assert_eq!(propose(&rig, &mira, &own, &last).await, Err(ErrorCode::LastOwner));
    let direct = mira.leave(&mut pair);
    assert_eq!(propose(&rig, &mira, &pair, &direct).await, Err(ErrorCode::CommitRefused), "a direct room");
    assert_eq!(propose(&rig, &eve, &own, &leave).await, Err(ErrorCode::NotFound), "a stranger");
    assert_eq!(propose(&rig, &noor, &own, &long).await, Err(ErrorCode::TooLarge));
    assert_eq!(rig.dump().await, before);

    propose(&rig, &noor, &noors, &leave).await.unwrap();
    let again = UploadProposal { idempotency: idempotency(), ..leave.clone() };
    assert_eq!(propose(&rig, &noor, &noors, &again).await, Err(ErrorCode::CommitRefused), "once in an epoch");
    let update = olga.self_update(&mut olgas);
    commit(&rig, &olga, &mut olgas, update).await;
    let replayed = UploadProposal { idempotency: idempotency(), ..leave };
    assert_eq!(propose(&rig, &noor, &noors, &replayed).await, Err(ErrorCode::StaleEpoch), "a commit may leave it out");
    let renamed = UploadProposal { epoch: replayed.epoch + 1, ..replayed };
    assert_eq!(propose(&rig, &noor, &noors, &renamed).await, Err(ErrorCode::CommitRefused), "of an epoch that is over");
}
