//! Invite links: who may make one, how many ask by it, and what is left of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::kit::*;
use crate::rig::*;
use sotto_backend::RequestContext;
use sotto_protocol::invites::{AskIn, MakeInvite, NameInvite};
use sotto_protocol::{Bytes, ErrorCode, InviteId, limits};

const fn id(number: u8) -> InviteId {
    InviteId([number; 16])
}

fn proof(number: u8) -> Bytes {
    Bytes(vec![number; limits::INVITE_PROOF])
}

async fn asks(rig: &Rig, ctx: &RequestContext, who: &Person, by: InviteId) -> Result<(), ErrorCode> {
    rig.backend.ask_in(ctx, who.caller(), AskIn { invite: by, proof: proof(1) }).await.map_err(|error| error.code)
}

// Fails without `check_admin`, and when one of the bounds in `make_invite` is left out.
#[tokio::test]
async fn only_admins_make_and_end_links_and_these_are_bounded() {
    let rig = rig().await;
    let (mira, noor, eve) =
        (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await, Person::ready(&rig.backend, "eve-1").await);
    let mut seat = mira.group(&rig.backend).await;
    let add = mira.add(&mut seat, &noor);
    rig.backend.upload_commit(&ctx(), mira.caller(), seat.room, add).await.unwrap();
    let direct = mira.room(&rig.backend, &noor).await.room;
    let link = |number, expires_at, uses| MakeInvite { room: seat.room, invite: id(number), expires_at, uses };
    let good = now() + 3_600_000;
    for who in [&noor, &eve] {
        assert_eq!(rig.backend.make_invite(&ctx(), who.caller(), link(1, good, 1)).await.unwrap_err().code, ErrorCode::Forbidden);
    }
    let of_a_pair = MakeInvite { room: direct, ..link(1, good, 1) };
    assert_eq!(rig.backend.make_invite(&ctx(), mira.caller(), of_a_pair).await.unwrap_err().code, ErrorCode::Forbidden);
    let too_far = now() + limits::INVITE_LIFETIME_MS + 3 * 3_600_000;
    for bad in [link(1, good, 0), link(1, good, limits::INVITE_USES + 1), link(1, now() - 1, 1), link(1, too_far, 1)] {
        assert_eq!(rig.backend.make_invite(&ctx(), mira.caller(), bad).await.unwrap_err().code, ErrorCode::Malformed);
    }
    for number in 0..limits::INVITES {
        let number = u8::try_from(number).unwrap();
        for _ in 0..2 {
            rig.backend.make_invite(&ctx(), mira.caller(), link(number, good, 1)).await.unwrap();
        }
    }
    assert_eq!(rig.backend.make_invite(&ctx(), mira.caller(), link(99, good, 1)).await.unwrap_err().code, ErrorCode::TooLarge);
    assert_eq!(rig.backend.delete_invite(noor.caller(), NameInvite { invite: id(0) }).await.unwrap_err().code, ErrorCode::Forbidden);
    rig.backend.delete_invite(mira.caller(), NameInvite { invite: id(0) }).await.unwrap();
    rig.backend.make_invite(&ctx(), mira.caller(), link(99, good, 1)).await.unwrap();
    // Nobody but admins hears of them; what is over goes.
    assert_eq!(rig.backend.asks(&ctx(), mira.caller()).await.unwrap().living.len(), limits::INVITES);
    assert!(rig.backend.asks(&ctx(), noor.caller()).await.unwrap().living.is_empty());
    assert_eq!(rig.backend.run_retention(good).await.unwrap().invites, limits::INVITES as u64);
}

// Fails without the count of `asks` in `ask_in`, without `invites::came` in `put_members`, and when `asks` shows plain members who asks.
#[tokio::test]
async fn as_many_ask_as_there_are_places_and_who_comes_in_takes_one() {
    let rig = rig().await;
    let mut people = Vec::new();
    for text in ["mira", "noor", "olga", "pavel", "quinn", "rosa"] {
        people.push(Person::ready(&rig.backend, text).await);
    }
    let [mira, noor, olga, pavel, quinn, rosa] = <[Person; 6]>::try_from(people).unwrap_or_else(|_| panic!("six"));
    let mut seat = mira.group(&rig.backend).await;
    let add = mira.add(&mut seat, &quinn);
    rig.backend.upload_commit(&ctx(), mira.caller(), seat.room, add).await.unwrap();
    seat.group.merge_pending_commit(&mira.provider).unwrap();
    let link = MakeInvite { room: seat.room, invite: id(1), expires_at: now() + 3_600_000, uses: 2 };
    rig.backend.make_invite(&ctx(), mira.caller(), link).await.unwrap();
    assert_eq!(asks(&rig, &ctx(), &noor, id(2)).await, Err(ErrorCode::InviteEnded));
    assert_eq!(asks(&rig, &at(now() + 7_200_000), &rosa, id(1)).await, Err(ErrorCode::InviteEnded));
    asks(&rig, &ctx(), &quinn, id(1)).await.unwrap();
    for who in [&noor, &olga, &noor] {
        asks(&rig, &ctx(), who, id(1)).await.unwrap();
    }
    assert_eq!(asks(&rig, &ctx(), &pavel, id(1)).await, Err(ErrorCode::InviteEnded));
    let open = rig.backend.asks(&ctx(), mira.caller()).await.unwrap().open;
    let mut names: Vec<&str> = open.iter().map(|ask| ask.person.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["noor", "olga"], "quinn is in already");
    assert!(rig.backend.asks(&ctx(), quinn.caller()).await.unwrap().open.is_empty());
    assert_eq!(rig.backend.asks(&ctx(), noor.caller()).await.unwrap().own, [id(1)]);

    let add = mira.add(&mut seat, &noor);
    rig.backend.upload_commit(&ctx(), mira.caller(), seat.room, add).await.unwrap();
    let told = rig.backend.asks(&ctx(), mira.caller()).await.unwrap();
    assert_eq!((told.open.len(), told.living[0].left), (1, 1));
    assert!(rig.backend.asks(&ctx(), noor.caller()).await.unwrap().own.is_empty());
    rig.backend.withdraw_ask(olga.caller(), NameInvite { invite: id(1) }).await.unwrap();
    asks(&rig, &ctx(), &pavel, id(1)).await.unwrap();
    rig.backend.delete_invite(mira.caller(), NameInvite { invite: id(1) }).await.unwrap();
    assert!(rig.backend.asks(&ctx(), pavel.caller()).await.unwrap().own.is_empty());
    assert!(!rig.dump().await.iter().any(|line| line.starts_with("asks") || line.starts_with("invites")));
}
