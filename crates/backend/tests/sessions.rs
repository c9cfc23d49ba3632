//! Sessions: tokens, rotation, expiry, revocation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use crate::kit::*;
use crate::rig::*;
use sha2::{Digest as _, Sha256};
use sotto_backend::SessionToken;
use sotto_protocol::{Bytes, ErrorCode, SessionId};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// Fails when `fresh_session` stores the token itself instead of `token.hash()`.
#[tokio::test]
async fn r11_cookie_the_database_holds_only_the_hash_of_a_token() {
    let rig = rig().await;
    let person = Person::signed_up(&rig.backend, "mira").await;
    let text = person.token.as_ref().unwrap().expose();
    let dump = rig.dump().await.join("\n");
    let raw = {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&text).unwrap()
    };
    assert_eq!(raw.len(), 32);
    assert!(!dump.contains(&hex(&raw)) && !dump.contains(&text) && !dump.contains(&hex(text.as_bytes())));
    assert!(dump.contains(&hex(&Sha256::digest(&raw))));
}

// Fails when `rotate_session` (or `open_vault`) keeps the old hash.
#[tokio::test]
async fn r12_rotation_makes_the_old_token_worthless() {
    let rig = rig().await;
    let mut person = Person::signed_up(&rig.backend, "mira").await;
    let first = person.token.clone().unwrap();
    let second = rig.backend.rotate_session(&ctx(), person.caller()).await.unwrap();
    assert_eq!(rig.backend.authenticate(&ctx(), &first).await.unwrap_err().code, ErrorCode::SignedOut);
    person.adopt(&rig.backend, &second).await;
    let third = rig.backend.open_vault(&ctx(), person.caller(), &Bytes(person.auth_key.to_vec())).await.unwrap();
    assert_eq!(third.signed_in.session, person.caller().session);
    assert_eq!(rig.backend.authenticate(&ctx(), &second).await.unwrap_err().code, ErrorCode::SignedOut);
    rig.backend.authenticate(&ctx(), &third.token).await.unwrap();
    // A token that an attacker chose is no session, before or after.
    let planted = SessionToken::parse(&"A".repeat(43)).unwrap();
    assert_eq!(rig.backend.authenticate(&ctx(), &planted).await.unwrap_err().code, ErrorCode::SignedOut);
}

#[tokio::test]
async fn r13_revocation_ends_the_session_and_wakes_its_sockets() {
    let rig = rig().await;
    let person = Person::signed_up(&rig.backend, "mira").await;
    let stranger = Person::signed_up(&rig.backend, "noor").await;
    let socket = rig.backend.subscribe(person.caller()).unwrap();
    let session = person.caller().session;
    assert_eq!(rig.backend.revoke_session(stranger.caller(), session).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(rig.backend.revoke_session(person.caller(), SessionId([0; 16])).await.unwrap_err().code, ErrorCode::NotFound);
    let listed = rig.backend.sessions(&ctx(), person.caller()).await.unwrap();
    assert_eq!((listed.len(), listed[0].current, listed[0].label.as_str()), (1, true, "Firefox on Linux"));
    rig.backend.sign_out(person.caller()).await.unwrap();
    assert_eq!(socket.changed().await.ended, Some(ErrorCode::SignedOut));
    assert_eq!(rig.backend.authenticate(&ctx(), person.token.as_ref().unwrap()).await.unwrap_err().code, ErrorCode::SignedOut);
    assert_eq!(rig.backend.check_session(&ctx(), person.caller()).await.unwrap_err().code, ErrorCode::SignedOut);
}

// Fails without `idle` (first half) or without the absolute limit (second half) in `Backend::ends`.
#[tokio::test]
async fn r14_expiry_by_idle_time_and_by_age() {
    let rig = rig_with(|config| {
        config.session_idle = Duration::from_secs(3_600);
        config.session_absolute = Duration::from_secs(10 * 3_600);
    })
    .await;
    let hour = 3_600_000;
    let start = now();
    let person = Person::new("mira");
    let idle = rig.backend.sign_up(&at(start), None, person.sign_up_request()).await.unwrap().token;
    rig.backend.authenticate(&at(start + hour - 120_000), &idle).await.unwrap();
    rig.backend.authenticate(&at(start + 2 * hour - 240_000), &idle).await.unwrap();
    assert_eq!(rig.backend.authenticate(&at(start + 3 * hour), &idle).await.unwrap_err().code, ErrorCode::SignedOut);

    let used = rig.backend.sign_in(&at(start), None, person.sign_in_request()).await.unwrap().token;
    for half_hour in 1..20 {
        let caller = rig.backend.authenticate(&at(start + half_hour * hour / 2), &used).await.unwrap();
        assert_eq!(caller.expires_at, start + 10 * hour);
    }
    assert_eq!(rig.backend.authenticate(&at(start + 10 * hour), &used).await.unwrap_err().code, ErrorCode::SignedOut);
    let report = rig.backend.run_retention(start + 20 * hour).await.unwrap();
    assert_eq!(report.sessions, 2);
}
