//! What the log never tells, however loud it is.

use serde_json::{Value, json};
use sotto_protocol::accounts::{
    ChangePasswordRequest, NewRecoveryRequest, PasswordEntry, RecoveryEntry, RecoveryFinishRequest, RecoveryOpenRequest, SignInRequest,
};
use sotto_protocol::api::{ClaimKeyPackages, ClaimedKeyPackages, CommitAck, CreateRoom, KeyPackageCount, PutDevices, UploadCommit};
use sotto_protocol::frames::{ClientFrame, Publish, ServerFrame};
use sotto_protocol::{Bytes, codec};
use tungstenite::Message;

use crate::kit::client::{COOKIE, Client, decoded};
use crate::kit::http::{Answer, Call};
use crate::kit::people::{Seat, idempotency, password_entry, random, recovery_entry};
use crate::kit::socket::Socket;
use crate::kit::{Server, database, refused_start, second_server_on};

/// Bytes of a secret that are enough to recognise it. A multiple of three, so that they are base64 of their own.
const PIECE: usize = 12;

/// Everything that went to the server and must not be in its log.
#[derive(Default)]
struct Secrets(Vec<(&'static str, Vec<u8>)>);

impl Secrets {
    fn add(&mut self, label: &'static str, bytes: impl AsRef<[u8]>) {
        assert!(bytes.as_ref().len() >= PIECE, "{label} is too short to be recognised");
        self.0.push((label, bytes.as_ref().to_vec()));
    }

    /// A cookie, as text and as the bytes that it stands for.
    fn add_cookie(&mut self, client: &Client) {
        if let Some(cookie) = &client.cookie {
            let raw: Bytes = serde_json::from_value(json!(cookie)).unwrap();
            self.add("session token", raw);
            self.add("cookie", cookie);
        }
    }

    fn add_password(&mut self, entry: &PasswordEntry) {
        self.add("auth key", &entry.auth_key);
        self.add("vault slot", &entry.slot.sealed);
        self.add("salt", &entry.kdf.salt);
    }

    fn add_recovery(&mut self, entry: &RecoveryEntry) {
        self.add("recovery auth key", &entry.auth_key);
        self.add("recovery slot", &entry.slot.sealed);
    }

    fn add_commit(&mut self, commit: &UploadCommit) {
        self.add("commit", &commit.commit);
        self.add("group info", &commit.group_info);
        commit.welcomes.iter().for_each(|welcome| self.add("welcome", &welcome.welcome));
    }

    /// Labels of what stands in `text`, in any form.
    fn found_in(&self, text: &str) -> Vec<&'static str> {
        let stands = |bytes: &Vec<u8>| pieces(bytes).any(|piece| forms(piece).iter().any(|form| text.contains(form)));
        self.0.iter().filter(|(_, bytes)| stands(bytes)).map(|(label, _)| *label).collect()
    }
}

/// Pieces of the first 200 bytes and samples of the rest, at every alignment of base64; those that could stand anywhere are left out.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let last = bytes.len().saturating_sub(PIECE);
    let dense = (0..=last).take(200).filter(|at| at % PIECE < 3);
    let sparse = (200..=last).step_by(101);
    dense.chain(sparse).map(|at| &bytes[at..at + PIECE]).filter(|piece| {
        let different: std::collections::BTreeSet<_> = piece.iter().collect();
        different.len() > PIECE / 2
    })
}

/// How bytes get into logs: as they are, escaped, in base64 and base64url, in hex, as a list of numbers.
fn forms(piece: &[u8]) -> [String; 7] {
    let url = serde_json::to_value(Bytes(piece.to_vec())).unwrap().as_str().unwrap().to_owned();
    let numbers = format!("{piece:?}");
    [
        String::from_utf8_lossy(piece).into_owned(),
        piece.escape_ascii().to_string(),
        url.replace('-', "+").replace('_', "/"),
        url,
        hex(piece),
        hex(piece).to_uppercase(),
        numbers.trim_matches(['[', ']']).to_owned(),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// Falls with `own` in server/src/telemetry.rs (other crates then print frames), and with a line that prints a body, as one in
// `call` of server/src/account.rs.
#[test]
fn r52_logs_at_their_loudest_hold_no_secret_token_or_marker() {
    for format in ["text", "json"] {
        let mut server = Server::start_with(&[
            ("SOTTO_LOG", "trace"),
            ("RUST_LOG", "trace"),
            ("RUST_BACKTRACE", "full"),
            ("SOTTO_LOG_FORMAT", format),
            ("SOTTO_TRUSTED_PROXIES", "127.0.0.1"),
        ]);
        let mut secrets = Secrets::default();
        secrets.add("secret of the server", std::fs::read(server.data_dir().join("server.secret")).unwrap());
        let marker = format!("marker-{}", hex(&random::<12>()));
        secrets.add("marker", &marker);

        let refused = everything(&mut server, &mut secrets, &marker);
        let log = server.log();
        for line in [
            "signed up",
            "signed in",
            "password changed",
            "recovered",
            "key packages claimed",
            "commit taken",
            "committed",
            "/api/account/sign_in",
            "/api/v1/rooms/{room}/commits",
            "a statement or row is not what it should be",
            "stopping",
        ] {
            assert!(log.contains(line), "the log is as loud as it goes: {line}");
        }
        assert_eq!(secrets.found_in(&log), [""; 0], "{format}");
        assert_eq!(secrets.found_in(&refused), [""; 0], "{format}");

        // The search finds what is there: each secret in each form, and a marker in what a refused start really said.
        for (label, bytes) in &secrets.0 {
            let one = Secrets(vec![(label, bytes.clone())]);
            for form in forms(bytes) {
                let line = format!("{log}2026-01-01T00:00:00Z DEBUG sotto: request body=\"{form}\" status=400\n");
                // Text that is not UTF-8 is damaged on its way into a log, and so is what could be recognised.
                assert!(!one.found_in(&line).is_empty() || form.contains('\u{fffd}'), "{label}: {form}");
            }
        }
        let said = refused_start(&[("SOTTO_TRUSTED_PROXIES", &marker)], None);
        assert_eq!(secrets.found_in(&said), ["marker"], "{said}");
    }
}

/// All that people, strangers, broken clients and a broken disk do; what refused starts said.
fn everything(server: &mut Server, secrets: &mut Secrets, marker: &str) -> String {
    let mut one = account(server, secrets, "marker-quillon-7431");
    let two = account(server, secrets, "marker-farrowe-9026");
    change_secrets(server, secrets, &mut one);
    let mut seat = talk(server, secrets, &one, &two);
    malformed_requests(server, secrets, &one, marker);
    malformed_frames(server, &one, &mut seat, marker);

    let second = second_server_on(server);
    assert!(second.contains("another sotto uses"), "{second}");
    database::execute(server, &["ALTER TABLE log RENAME TO lost", "DROP TABLE welcomes"]);
    let message = one.person.message(&mut seat, marker);
    let mut socket = one.socket(server);
    let hello = ClientFrame::Hello { version: 1, device: one.person.device, cursors: Vec::new(), window: 0 };
    socket.send(&hello);
    let _ = socket.next();
    let _ = socket.try_send(&ClientFrame::Publish { messages: vec![message] });
    let _ = socket.next();
    let answer = one.get(server, &format!("/api/v1/rooms/{}/state", seat.room));
    assert_eq!(answer.status, 500);
    server.terminate();
    assert!(server.wait().success());
    std::fs::write(server.data_dir().join("sotto.db"), marker.repeat(1_000)).unwrap();
    // Or the database would be whole again from it.
    let _ = std::fs::remove_file(server.data_dir().join("sotto.db-wal"));
    let damaged = server.refused_restart();
    assert!(damaged.contains("sotto: "), "{damaged}");
    second + &damaged
}

fn account(server: &Server, secrets: &mut Secrets, name: &str) -> Client {
    let mut client = Client::new(name);
    let request = client.person.sign_up_request();
    secrets.add("name", name);
    secrets.add("account", client.person.account().0);
    secrets.add("device", client.person.device.0);
    secrets.add("device list", &request.device_list);
    secrets.add_password(&request.password);
    secrets.add_recovery(&request.recovery);
    let answer = client.function(server, "sign_up", json!({ "request": request }));
    assert_eq!(answer.status, 200, "{}", answer.text());
    secrets.add_cookie(&client);
    client
}

fn change_secrets(server: &Server, secrets: &mut Secrets, client: &mut Client) {
    let mut act = |client: &mut Client, function: &str, arguments: Value, status: u16| -> Answer {
        let answer = client.function(server, function, arguments);
        assert_eq!(answer.status, status, "{function}: {}", answer.text());
        secrets.add_cookie(client);
        answer
    };
    let wrong = Bytes(random::<32>().to_vec());
    let name = client.person.name.clone();
    let guess = SignInRequest { name: name.clone(), auth_key: wrong.clone() };
    act(client, "sign_in", json!({ "request": guess }), 401);
    let right = client.person.sign_in_request();
    act(client, "sign_in", json!({ "request": right }), 200);
    act(client, "login_params", json!({ "name": name }), 200);
    act(client, "open_vault", json!({ "auth_key": wrong }), 401);
    act(client, "open_vault", json!({ "auth_key": right.auth_key }), 200);

    let list = client.person.next_list(client.person.list.devices.clone());
    let (auth_key, device_list) = (random(), client.person.signed(&list));
    let password = password_entry(auth_key, 2);
    let mut change = ChangePasswordRequest { current_auth_key: wrong.clone(), password: password.clone(), device_list };
    act(client, "change_password", json!({ "request": change }), 401);
    change.current_auth_key = right.auth_key;
    act(client, "change_password", json!({ "request": change }), 200);
    (client.person.list, client.person.auth_key) = (list, auth_key);

    let recovery = recovery_entry(random(), 2);
    let mut renew = NewRecoveryRequest { current_auth_key: wrong.clone(), recovery: recovery.clone() };
    act(client, "new_recovery_code", json!({ "request": renew }), 401);
    renew.current_auth_key = password.auth_key.clone();
    act(client, "new_recovery_code", json!({ "request": renew }), 200);

    let mut open = RecoveryOpenRequest { name: name.clone(), auth_key: wrong.clone() };
    act(client, "recovery_open", json!({ "request": open }), 401);
    open.auth_key = recovery.auth_key.clone();
    act(client, "recovery_open", json!({ "request": open }), 200);
    let list = client.person.next_list(client.person.list.devices.clone());
    let finish = RecoveryFinishRequest {
        name,
        auth_key: recovery.auth_key.clone(),
        password: password_entry(random(), 3),
        recovery: recovery_entry(random(), 3),
        device_list: client.person.signed(&list),
    };
    act(client, "recovery_finish", json!({ "request": finish }), 200);
    client.person.list = list;
    let bind = PutDevices { device: client.person.device, device_list: finish.device_list.clone() };
    assert_eq!(client.post(server, "/api/v1/devices", &bind).status, 200);
    act(client, "list_sessions", json!({}), 200);

    secrets.add("wrong auth key", &wrong);
    secrets.add("device list", &change.device_list);
    secrets.add("device list", &finish.device_list);
    [&password, &finish.password].into_iter().for_each(|entry| secrets.add_password(entry));
    [&recovery, &finish.recovery].into_iter().for_each(|entry| secrets.add_recovery(entry));
}

/// A room, its Welcome, messages and a commit.
fn talk(server: &Server, secrets: &mut Secrets, one: &Client, two: &Client) -> Seat {
    let upload = two.person.upload(2);
    upload.one_time.iter().chain(&upload.last_resort).for_each(|package| secrets.add("key package", package));
    let _: KeyPackageCount = decoded(&two.post(server, "/api/v1/key-packages", &upload));
    let claim = ClaimKeyPackages { name: two.person.name.clone(), group: false };
    let claimed: ClaimedKeyPackages = decoded(&one.post(server, "/api/v1/key-packages/claim", &claim));
    let package = claimed.packages.first().unwrap().key_package.clone();
    let (create, mut seat): (CreateRoom, Seat) = one.person.room_with(&two.person, Some(package));
    secrets.add("room", seat.room.as_bytes());
    secrets.add("ratchet tree", &create.ratchet_tree);
    secrets.add_commit(&create.commit);
    let _: CommitAck = decoded(&one.post(server, "/api/v1/rooms", &create));
    seat.group.merge_pending_commit(&one.person.provider).unwrap();

    let mut reader = two.hello(server);
    let mut socket = one.hello(server);
    for text in ["the first plaintext of this room", "another plaintext"] {
        let message = one.person.message(&mut seat, text);
        secrets.add("plaintext", text);
        secrets.add("message", &message.bytes);
        secrets.add("idempotency", message.idempotency.0);
        socket.publish(&message).unwrap();
    }
    let commit = one.person.self_update(&mut seat);
    secrets.add_commit(&commit);
    let path = format!("/api/v1/rooms/{}/commits", seat.room);
    let _: CommitAck = decoded(&one.post(server, &path, &commit));
    seat.group.merge_pending_commit(&one.person.provider).unwrap();
    assert_eq!(one.get(server, &format!("/api/v1/rooms/{}/state", seat.room)).status, 200);
    assert_eq!(reader.read_room(seat.room, 0).len(), 4);
    seat
}

fn malformed_requests(server: &Server, secrets: &mut Secrets, client: &Client, marker: &str) {
    const FORWARDED: &str = "198.51.100.77";
    secrets.add("address", FORWARDED);
    let key = Bytes(random::<32>().to_vec());
    let cookie = client.cookie.clone().unwrap();
    secrets.add("auth key in a malformed body", &key);
    let whole = json!({ "request": SignInRequest { name: client.person.name.clone(), auth_key: key } }).to_string();
    let commit = codec::encode(&UploadCommit {
        idempotency: idempotency(),
        epoch: 7,
        commit: Bytes(marker.repeat(9).into()),
        group_info: Bytes(marker.repeat(9).into()),
        welcomes: Vec::new(),
    });
    let package = codec::encode(&client.person.upload(1));
    let call = |call: Call| {
        let call = client.with_cookie(call).header("origin", &server.url);
        let call = call.header("x-forwarded-for", FORWARDED).header("user-agent", marker).header("referer", marker);
        assert!(call.send(server.address).status >= 400);
    };
    let cases = [
        whole[..whole.len() - 3].to_owned(),
        json!({ "request": { "name": marker, "auth_key": format!("{marker}!") } }).to_string(),
        json!({ "request": marker, "auth_key": [marker], "name": { marker: 5 } }).to_string(),
        json!({ marker: marker }).to_string(),
        format!("{marker}\0\u{1}"),
        marker.repeat(20_000),
    ];
    for function in ["sign_in", "sign_up", "open_vault", "change_password", "new_recovery_code", "recovery_open", "recovery_finish"] {
        for body in &cases {
            call(Call::post(format!("/api/account/{function}")).body("application/json", body.as_bytes()));
        }
        call(Call::post(format!("/api/account/{function}")).body("text/plain", whole.as_bytes()));
        call(Call::post(format!("/api/account/{function}?{marker}")).body("application/x-www-form-urlencoded", marker));
    }
    let bodies = [&commit[..], &commit[..commit.len() - 5], &package[..package.len() - 5], marker.as_bytes(), &[]];
    for path in ["devices", "key-packages", "key-packages/claim", "rooms", &format!("rooms/{}/commits", "0".repeat(32))] {
        for body in bodies {
            call(Call::post(format!("/api/v1/{path}")).body("application/cbor", body));
            call(Call::post(format!("/api/v1/{path}")).body(marker, body));
        }
    }
    for path in [
        format!("/api/v1/rooms/{marker}/state"),
        format!("/api/v1/rooms/{marker}/entries/{marker}"),
        format!("/api/v1/people?{marker}={marker}"),
        format!("/assets/{marker}"),
        format!("/api/account/{marker}"),
        format!("/api/v1/sync?token={cookie}"),
    ] {
        call(Call::get(path));
    }
    let strange = Call::post("/api/account/sign_in").header("origin", format!("https://{marker}.example"));
    assert_eq!(strange.body("application/json", whole.as_bytes()).send(server.address).status, 403);
    let strange = Call::get("/api/v1/rooms").header("cookie", format!("{COOKIE}={marker}; {marker}={cookie}"));
    assert_eq!(strange.send(server.address).status, 401);
    assert!(Socket::connect_to(server, &format!("/api/v1/sync?token={cookie}"), None, Some(&server.url)).is_err());
}

fn malformed_frames(server: &Server, client: &Client, seat: &mut Seat, marker: &str) {
    let mut message = client.person.message(seat, marker);
    let whole = codec::encode(&ClientFrame::Publish { messages: vec![message.clone()] });
    let refused = |frame| match frame {
        ServerFrame::Error { .. } | ServerFrame::Refusals { .. } => Some(()),
        _ => None,
    };
    for broken in [
        Message::Text(marker.into()),
        Message::Binary(marker.as_bytes().to_vec().into()),
        Message::Binary(whole[..whole.len() - 9].to_vec().into()),
    ] {
        let mut socket = client.hello(server);
        socket.send_raw(broken).unwrap();
        socket.until(refused).unwrap();
    }
    let mut socket = client.hello(server);
    for bytes in [marker.as_bytes().to_vec(), message.bytes.0[..40].to_vec(), marker.repeat(1_400).into()] {
        socket.send(&ClientFrame::Publish { messages: vec![Publish { bytes: Bytes(bytes), ..message.clone() }] });
        socket.until(refused).unwrap();
    }
    message.epoch = 99;
    socket.send(&ClientFrame::Publish { messages: vec![message] });
    socket.until(refused).unwrap();
    let _ = socket.send_raw(Message::Binary(marker.repeat(20_000).into_bytes().into()));
    assert!(socket.until(refused).is_err());
}
