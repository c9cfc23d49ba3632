//! Accounts over the real store: hashes, enumeration, limits, password change, recovery.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::kit::*;
use crate::rig::*;
use sotto_backend::{Limits, PasswordScheme, Quota, Registration};
use sotto_protocol::accounts::{ChangePasswordRequest, NewRecoveryRequest, RecoveryFinishRequest, RecoveryOpenRequest, SignInRequest};
use sotto_protocol::{Bytes, ErrorCode};

async fn stored_hash(rig: &Rig) -> String {
    let dump = rig.dump().await;
    let account = dump.iter().find(|line| line.starts_with("accounts ")).unwrap();
    let hex = account.split(' ').find_map(|column| column.strip_prefix("password_hash=")).unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    String::from_utf8((0..hex.len()).step_by(2).map(byte).collect()).unwrap()
}

#[tokio::test]
async fn sign_up_then_sign_in_gives_the_vault_and_the_list() {
    let rig = rig().await;
    let person = Person::signed_up(&rig.backend, "mira").await;
    assert_eq!(person.caller().device, Some(person.device));
    let again = rig.backend.sign_in(&ctx(), None, person.sign_in_request()).await.unwrap();
    assert_eq!(again.signed_in.account, person.account());
    assert_eq!(again.signed_in.device_list, person.signed(&person.list));
    let mut taken = Person::new("mira");
    assert_eq!(taken.sign_up(&rig.backend).await.unwrap_err().code, ErrorCode::NameTaken);
    let rig = rig.reopen(|config| config.registration = Registration::Closed).await;
    let mut late = Person::new("noor");
    assert_eq!(late.sign_up(&rig.backend).await.unwrap_err().code, ErrorCode::RegistrationClosed);
    rig.backend.sign_in(&ctx(), None, person.sign_in_request()).await.unwrap();
}

#[tokio::test]
async fn a_foreign_or_second_list_makes_no_account() {
    let rig = rig().await;
    let before = rig.dump().await;
    let (person, other) = (Person::new("mira"), Person::new("noor"));
    let mut foreign = person.sign_up_request();
    // Signed by another account key than the id says.
    foreign.device_list = other.signed(&person.list);
    assert_eq!(rig.backend.sign_up(&ctx(), None, foreign).await.unwrap_err().code, ErrorCode::NotAuthentic);
    let mut second = person.sign_up_request();
    second.device_list = person.signed(&person.next_list(person.list.devices.clone()));
    assert_eq!(rig.backend.sign_up(&ctx(), None, second).await.unwrap_err().code, ErrorCode::DeviceListRefused);
    let mut weak = person.sign_up_request();
    weak.password.kdf.memory_kib = 8;
    assert_eq!(rig.backend.sign_up(&ctx(), None, weak).await.unwrap_err().code, ErrorCode::KdfRefused);
    let mut short = person.sign_up_request();
    short.password.auth_key.0.pop();
    assert_eq!(rig.backend.sign_up(&ctx(), None, short).await.unwrap_err().code, ErrorCode::Malformed);
    assert_eq!(rig.dump().await, before);
}

// Fails without the `matches(&stored, &key)` condition of `Passwords::verify`, and without its `is_as_strong_as` branch.
#[tokio::test]
async fn r06_server_hash_only_the_exact_key_and_hashes_are_renewed_both_ways() {
    let strong = PasswordScheme::Argon2id { memory_kib: 128, passes: 2, lanes: 1 };
    for (first, then, mark) in [
        (FAST_ARGON, FAST_BCRYPT, "$2b$04$"),
        (FAST_BCRYPT, FAST_ARGON, "$argon2id$v=19$m=64,t=1,p=1$"),
        (FAST_ARGON, strong, "$argon2id$v=19$m=128,t=2,p=1$"),
    ] {
        let rig = rig_with(|config| config.password = first).await;
        let mut person = Person::new("mira");
        person.auth_key[3] = 0;
        person.sign_up(&rig.backend).await.unwrap();
        let wrong = |change: fn(&mut [u8; 32])| {
            let mut auth_key = person.auth_key;
            change(&mut auth_key);
            SignInRequest { name: person.name.clone(), auth_key: Bytes(auth_key.to_vec()) }
        };
        for change in [|key: &mut [u8; 32]| key[31] ^= 1, |key: &mut [u8; 32]| key[4] ^= 1, |key: &mut [u8; 32]| key[3] = 1] {
            assert_eq!(rig.backend.sign_in(&ctx(), None, wrong(change)).await.unwrap_err().code, ErrorCode::WrongCredentials);
        }
        let rig = rig.reopen(|config| config.password = then).await;
        let before = stored_hash(&rig).await;
        assert!(rig.backend.sign_in(&ctx(), None, wrong(|key| key[31] ^= 1)).await.is_err());
        assert_eq!(stored_hash(&rig).await, before, "a wrong key renews nothing");
        rig.backend.sign_in(&ctx(), None, person.sign_in_request()).await.unwrap();
        assert!(stored_hash(&rig).await.starts_with(mark), "renewed to {mark}");
        let renewed = stored_hash(&rig).await;
        rig.backend.sign_in(&ctx(), None, person.sign_in_request()).await.unwrap();
        assert_eq!(stored_hash(&rig).await, renewed, "renewed once");
    }
}

// Fails when `Passwords::verify` returns early for `None`, or when `fake_salt` uses anything but the stored secret.
#[tokio::test]
async fn r09_enumeration_known_and_unknown_names_are_answered_alike() {
    let rig = rig().await;
    let person = Person::signed_up(&rig.backend, "mira").await;
    let (known, unknown) = (person.name.clone(), name("nobody"));
    let fake = rig.backend.login_params(&ctx(), &unknown).await.unwrap();
    let real = rig.backend.login_params(&ctx(), &known).await.unwrap();
    assert_eq!(
        (fake.memory_kib, fake.passes, fake.lanes, fake.salt.0.len()),
        (real.memory_kib, real.passes, real.lanes, real.salt.0.len())
    );
    assert_ne!(fake.salt, rig.backend.login_params(&ctx(), &name("nobody2")).await.unwrap().salt);

    let mut costs = Vec::new();
    for name in [&known, &unknown] {
        let before = rig.backend.hashes_computed();
        rig.backend.login_params(&ctx(), name).await.unwrap();
        let key = Bytes(random::<32>().to_vec());
        let refused = rig.backend.sign_in(&ctx(), None, SignInRequest { name: name.clone(), auth_key: key.clone() }).await.unwrap_err();
        let code = rig.backend.recovery_open(&ctx(), RecoveryOpenRequest { name: name.clone(), auth_key: key }).await.unwrap_err();
        costs.push((rig.backend.hashes_computed() - before, refused, code));
    }
    assert_eq!(costs[0], costs[1]);
    assert_eq!(costs[0].0, 2);
    assert_eq!(costs[0].1.code, ErrorCode::WrongCredentials);

    let rig = rig.reopen(|_| {}).await;
    assert_eq!(rig.backend.login_params(&ctx(), &unknown).await.unwrap(), fake, "stable over a restart");
}

// Fails without `self.limits.take(ctx.now, &tries)?` in `sign_in`, and (the session half) when `reauthenticated` counts on the name.
#[tokio::test]
async fn r10_login_limits_stop_guessing_and_leave_live_sessions_alone() {
    let rig = rig_with(|config| config.limits = Limits { login_account: Quota::per_minutes(10, 15), ..config.limits }).await;
    let person = Person::signed_up(&rig.backend, "mira").await;
    let mut refused = 0;
    for address in 0..20 {
        let guess = SignInRequest { name: person.name.clone(), auth_key: Bytes(random::<32>().to_vec()) };
        let error = rig.backend.sign_in(&from_address(address), None, guess).await.unwrap_err();
        if error.code == ErrorCode::TooManyTries {
            assert!(error.retry_after.is_some_and(|seconds| (1..=90).contains(&seconds)));
            refused += 1;
        }
    }
    assert_eq!(refused, 10);
    // The session that lives goes on, and can even prove its password.
    rig.backend.authenticate(&ctx(), person.token.as_ref().unwrap()).await.unwrap();
    rig.backend.open_vault(&ctx(), person.caller(), &Bytes(person.auth_key.to_vec())).await.unwrap();
    // Later the owner may sign in again, and what succeeds is not counted.
    let later = at(now() + 90_000);
    for _ in 0..5 {
        rig.backend.sign_in(&later, None, person.sign_in_request()).await.unwrap();
    }
}

#[tokio::test]
async fn a_password_change_swaps_everything_at_once_and_ends_other_sessions() {
    let rig = rig().await;
    let mut person = Person::signed_up(&rig.backend, "mira").await;
    let other = rig.backend.sign_in(&ctx(), None, person.sign_in_request()).await.unwrap();
    let (new_key, list) = (random::<32>(), person.next_list(person.list.devices.clone()));
    let request = |current: [u8; 32]| ChangePasswordRequest {
        current_auth_key: Bytes(current.to_vec()),
        password: password_entry(new_key, 2),
        device_list: person.signed(&list),
    };
    let before = rig.dump().await;
    let wrong = rig.backend.change_password(&ctx(), person.caller(), request(random())).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::WrongCredentials);
    let mut stale = request(person.auth_key);
    stale.device_list = person.signed(&person.list);
    assert_eq!(rig.backend.change_password(&ctx(), person.caller(), stale).await.unwrap_err().code, ErrorCode::DeviceListRefused);
    assert_eq!(rig.dump().await, before, "a refused change changes nothing");

    let token = rig.backend.change_password(&ctx(), person.caller(), request(person.auth_key)).await.unwrap();
    for ended in [person.token.as_ref().unwrap(), &other.token] {
        assert_eq!(rig.backend.authenticate(&ctx(), ended).await.unwrap_err().code, ErrorCode::SignedOut);
    }
    rig.backend.authenticate(&ctx(), &token).await.unwrap();
    assert_eq!(rig.backend.sign_in(&ctx(), None, person.sign_in_request()).await.unwrap_err().code, ErrorCode::WrongCredentials);
    person.auth_key = new_key;
    let session = rig.backend.sign_in(&ctx(), None, person.sign_in_request()).await.unwrap();
    assert_eq!((session.signed_in.slot.version, session.signed_in.device_list), (2, person.signed(&list)));
}

#[tokio::test]
async fn a_recovery_code_works_once_and_ends_all_sessions() {
    let rig = rig().await;
    let mut person = Person::signed_up(&rig.backend, "mira").await;
    let made = NewRecoveryRequest { current_auth_key: Bytes(person.auth_key.to_vec()), recovery: recovery_entry(random(), 1) };
    let code = made.recovery.auth_key.clone();
    let token = rig.backend.new_recovery_code(&ctx(), person.caller(), made).await.unwrap();
    let old = RecoveryOpenRequest { name: person.name.clone(), auth_key: Bytes(person.recovery_key.to_vec()) };
    assert_eq!(rig.backend.recovery_open(&ctx(), old).await.unwrap_err().code, ErrorCode::WrongCredentials);
    let open = RecoveryOpenRequest { name: person.name.clone(), auth_key: code.clone() };
    let opened = rig.backend.recovery_open(&ctx(), open.clone()).await.unwrap();
    assert_eq!((opened.account, opened.device_list), (person.account(), person.signed(&person.list)));

    let new_key = random::<32>();
    let list = person.next_list(person.list.devices.clone());
    let finish = RecoveryFinishRequest {
        name: person.name.clone(),
        auth_key: code,
        password: password_entry(new_key, 2),
        recovery: recovery_entry(random(), 2),
        device_list: person.signed(&list),
    };
    let session = rig.backend.recovery_finish(&ctx(), None, finish.clone()).await.unwrap();
    assert_eq!(rig.backend.authenticate(&ctx(), &token).await.unwrap_err().code, ErrorCode::SignedOut);
    assert_eq!(rig.backend.authenticate(&ctx(), &session.token).await.unwrap().device, None);
    assert_eq!(rig.backend.recovery_finish(&ctx(), None, finish).await.unwrap_err().code, ErrorCode::WrongCredentials);
    assert_eq!(rig.backend.recovery_open(&ctx(), open).await.unwrap_err().code, ErrorCode::WrongCredentials);
    person.auth_key = new_key;
    rig.backend.sign_in(&ctx(), None, person.sign_in_request()).await.unwrap();
}

#[tokio::test]
async fn hashing_is_bounded_and_says_when_to_come_back() {
    let rig = rig_with(|config| {
        config.password = PasswordScheme::Argon2id { memory_kib: 16 * 1024, passes: 3, lanes: 1 };
        (config.parallel_hashes, config.waiting_hashes) = (1, 2);
    })
    .await;
    let tries = (0..40).map(|_| {
        let backend = rig.backend.clone();
        tokio::spawn(async move {
            backend.sign_in(&ctx(), None, SignInRequest { name: name("nobody"), auth_key: Bytes(vec![0; 32]) }).await.unwrap_err()
        })
    });
    let mut busy = 0;
    for answer in tries.collect::<Vec<_>>() {
        let error = answer.await.unwrap();
        if error.code == ErrorCode::Unavailable {
            assert_eq!(error.retry_after, Some(2));
            busy += 1;
        }
    }
    assert!(busy > 0 && rig.backend.hashes_computed() + busy == 40);
}

#[tokio::test]
async fn people_are_found_by_prefix_then_by_part() {
    let rig = rig().await;
    let person = Person::signed_up(&rig.backend, "alice").await;
    for other in ["malick", "ali_b", "bob"] {
        Person::signed_up(&rig.backend, other).await;
    }
    let find = async |query: &str| -> Vec<String> {
        let found = rig.backend.search_people(&ctx(), person.caller(), query).await.unwrap();
        found.people.into_iter().map(|person| person.name.to_string()).collect()
    };
    assert_eq!(find(" Ali").await, ["ali_b", "alice", "malick"]);
    assert_eq!(find("_").await, ["ali_b"]);
    assert_eq!(find("*").await, Vec::<String>::new());
    assert_eq!(find("").await, Vec::<String>::new());
}
