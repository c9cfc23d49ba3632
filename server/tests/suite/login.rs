//! Guessing names and passwords over HTTP.

use serde_json::json;
use sotto_protocol::accounts::SignInRequest;

use crate::kit::Server;
use crate::kit::client::Client;
use crate::kit::http::{Answer, Call};
use crate::kit::people::{name, random};

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

/// Status, header names and the shape of the JSON.
fn shape(answer: &Answer) -> (u16, Vec<&str>, Vec<String>) {
    let names = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    let json = answer.json();
    let fields = json.as_object().unwrap().iter().map(|(name, value)| format!("{name}:{}", value.to_string().len())).collect();
    (answer.status, names, fields)
}

// Falls with the fake salt of `login_params` and the hash that `sign_in` computes for unknown names, both in backend.
#[test]
fn r09_enumeration_known_and_unknown_names_answer_alike_and_stay_so() {
    let mut server = Server::start();
    Client::signed_up(&server, "mira");
    let salt = |server: &Server, text: &str| ask(server, "login_params", &json!({ "name": text }), None).json()["salt"].clone();
    let known = ask(&server, "login_params", &json!({ "name": "mira" }), None);
    let unknown = ask(&server, "login_params", &json!({ "name": "nobody" }), None);
    assert_eq!(shape(&known), shape(&unknown));
    let before = (salt(&server, "mira"), salt(&server, "nobody"), salt(&server, "noone"));
    assert_ne!(before.1, before.2);
    assert_eq!(
        shape(&ask(&server, "sign_in", &wrong_sign_in("mira"), None)),
        shape(&ask(&server, "sign_in", &wrong_sign_in("nobody"), None))
    );
    server.kill();
    server.restart();
    assert_eq!(before, (salt(&server, "mira"), salt(&server, "nobody"), salt(&server, "noone")));
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
