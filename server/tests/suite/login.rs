//! Guessing names and passwords over HTTP.

use std::collections::BTreeSet;

use serde_json::json;
use sotto_protocol::accounts::{RecoveryOpenRequest, SignInRequest};

use crate::kit::client::Client;
use crate::kit::http::{Answer, Call};
use crate::kit::people::{name, random};
use crate::kit::{Server, database};

fn ask(server: &Server, function: &str, arguments: &serde_json::Value, from: Option<u8>) -> Answer {
    let call = Call::post(format!("/api/account/{function}")).header("origin", &server.url);
    let call = match from {
        Some(last) => call.header("x-forwarded-for", format!("198.51.100.{last}")),
        None => call,
    };
    call.body("application/json", arguments.to_string()).send(server.address)
}

fn wrong_sign_in(text: &str) -> serde_json::Value {
    json!({ "request": SignInRequest { name: name(text), auth_key: random::<32>().to_vec().into() } })
}

/// Status, headers (the values of those that don't change by the second) and the shape of the JSON.
type Shape = (u16, Vec<String>, Vec<String>);

fn shape_of(answer: &Answer) -> Shape {
    let by_time = ["date", "retry-after"];
    let headers =
        answer.headers.iter().map(|(name, value)| if by_time.contains(&&**name) { name.clone() } else { format!("{name}: {value}") });
    let json = answer.json();
    let shape = |value: &serde_json::Value| if value.is_number() { "number".to_owned() } else { value.to_string().len().to_string() };
    let fields = json.as_object().unwrap().iter().map(|(name, value)| format!("{name}:{}", shape(value))).collect();
    (answer.status, headers.collect(), fields)
}

/// Known and unknown names, half and half. Known ones after the first are copies of its row: signing each up costs two hashes.
const NAMES: u16 = 1_000;
const COPY: &str = "WITH RECURSIVE more (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < 499)
    INSERT INTO accounts SELECT randomblob(32), printf('name-%04d', 2 * n), created_at, kdf_memory_kib, kdf_passes, kdf_lanes,
        randomblob(16), password_hash, password_slot, password_version, recovery_hash, recovery_slot, recovery_version, device_list,
        NULL, 1
    FROM accounts, more WHERE name = 'name-0000'";

/// Known ones are even.
fn numbered(number: u16) -> String {
    format!("name-{number:04}")
}

fn wrong_code(text: &str) -> serde_json::Value {
    json!({ "request": RecoveryOpenRequest { name: name(text), auth_key: random::<32>().to_vec().into() } })
}

// Falls with the fake salt of `login_params`, with a fake salt from anything but the stored secret, and with limits that count
// known names alone, all in backend (whose own r09 counts the hashes).
#[test]
fn r09_enumeration_a_thousand_known_and_unknown_names_answer_alike_and_stay_so() {
    const PLENTY: &str = "1000000/1m";
    let mut server = Server::start_with(&[
        ("SOTTO_LIMIT_LOGIN_ADDRESS", PLENTY),
        ("SOTTO_LIMIT_RECOVERY_ADDRESS", PLENTY),
        // The second try of a name is one too many, known or not.
        ("SOTTO_LIMIT_LOGIN_ACCOUNT", "1/60m"),
        ("SOTTO_LIMIT_RECOVERY_ACCOUNT", "1/60m"),
        ("SOTTO_LOG", "warn"),
    ]);
    Client::signed_up(&server, &numbered(0));
    server.kill();
    database::execute(&server, &[COPY]);
    server.restart();

    let (params, shapes) = asked(&server);
    assert_eq!(shapes.len(), 1, "one shape of parameters: {shapes:?}");
    let salts: BTreeSet<_> = params.iter().map(|answer| answer["salt"].to_string()).collect();
    assert_eq!(salts.len(), usize::from(NAMES), "each name has a salt of its own");
    for (function, arguments, names) in [("sign_in", wrong_sign_in as fn(&str) -> _, NAMES), ("recovery_open", wrong_code, NAMES / 10)] {
        for status in [401, 429] {
            // Each try costs a slow hash.
            let answers: Vec<_> = std::thread::scope(|scope| {
                let part = |from: u16| {
                    let server = &server;
                    let ask = move |number| ask(server, function, &arguments(&numbered(number)), None);
                    scope.spawn(move || (from..names).step_by(4).map(ask).collect::<Vec<_>>())
                };
                let parts: Vec<_> = (0..4).map(part).collect();
                parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
            });
            let shapes: BTreeSet<_> = answers.iter().map(shape_of).collect();
            assert_eq!((shapes.len(), answers.len()), (1, usize::from(names)), "{function}: {shapes:?}");
            assert!(answers.iter().all(|answer| answer.status == status), "{function}");
        }
    }
    server.kill();
    server.restart();
    assert_eq!(asked(&server).0, params, "the same after a restart");
}

/// The answers of `login_params` to all names, and their shapes.
fn asked(server: &Server) -> (Vec<serde_json::Value>, BTreeSet<Shape>) {
    let answers: Vec<_> = (0..NAMES).map(|number| ask(server, "login_params", &json!({ "name": numbered(number) }), None)).collect();
    (answers.iter().map(Answer::json).collect(), answers.iter().map(shape_of).collect())
}

// Falls with `Limit::LoginAccount` in backend's sign_in: no address here comes near its own limit.
#[test]
fn r10_login_limits_stop_guessing_from_many_addresses_but_not_the_victims_session() {
    let server = Server::start_with(&[("SOTTO_TRUSTED_PROXIES", "127.0.0.1")]);
    let victim = Client::signed_up(&server, "mira");
    let mut socket = victim.hello(&server);
    let answers: Vec<_> = (1..=20).map(|from| ask(&server, "sign_in", &wrong_sign_in("mira"), Some(from))).collect();
    assert_eq!(answers[0].status, 401);
    let last = answers.last().unwrap();
    assert_eq!(last.status, 429);
    assert!(last.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(last.json()["code"], "too_many_tries");
    assert_eq!(victim.get(&server, "/api/v1/rooms").status, 200);
    socket.send(&sotto_protocol::frames::ClientFrame::Ping { nonce: 7 });
    socket.until(|frame| matches!(frame, sotto_protocol::frames::ServerFrame::Pong { nonce: 7 }).then_some(())).unwrap();
}

#[test]
fn errors_have_their_own_status_and_a_stable_code() {
    let server = Server::start_with(&[("SOTTO_REGISTRATION", "closed")]);
    let mut client = Client::new("mira");
    let closed = client.sign_up(&server);
    assert_eq!((closed.status, closed.json()["code"].as_str()), (403, Some("registration_closed")));
    let signed_out = client.function(&server, "list_sessions", json!({}));
    assert_eq!((signed_out.status, signed_out.json()["code"].as_str()), (401, Some("signed_out")));
    let malformed = client.function(&server, "sign_in", json!({ "request": 5 }));
    assert_eq!((malformed.status, malformed.json()["code"].as_str()), (400, Some("malformed")));
    let who = client.function(&server, "who_am_i", json!({}));
    assert_eq!((who.status, who.text().as_str()), (200, "null"));
}
