//! Changing the password: only with the current one, and whole or not at all.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sotto_protocol::accounts::{
    ChangePasswordRequest, KdfParams, NewRecoveryRequest, PasswordEntry, RecoveryOpenRequest, RecoveryOpened, SignedIn,
};
use sotto_protocol::{Bytes, DeviceId};

use crate::kit::client::Client;
use crate::kit::http::{Answer, Call};
use crate::kit::people::{Person, password_entry, random, recovery_entry};
use crate::kit::{Server, database, kill_points};

/// A password with everything that belongs to it.
#[derive(Clone)]
struct Version {
    auth_key: [u8; 32],
    password: PasswordEntry,
    device_list: Bytes,
}

impl Version {
    /// What `person` would have after a change of the password.
    fn after(person: &Person) -> Self {
        let list = person.next_list(person.list.devices.clone());
        let auth_key = random();
        Self { auth_key, password: password_entry(auth_key, list.vault_version), device_list: person.signed(&list) }
    }

    fn change(&self, current: [u8; 32]) -> Value {
        let request = ChangePasswordRequest {
            current_auth_key: Bytes(current.to_vec()),
            password: self.password.clone(),
            device_list: self.device_list.clone(),
        };
        json!({ "request": request })
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> T {
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_value(answer.json()).unwrap()
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap().to_owned())
}

fn call(server: &Server, cookie: Option<&str>, name: &str, arguments: &Value) -> Answer {
    let mut client = Client::new("nobody");
    client.cookie = cookie.map(str::to_owned);
    client.function(server, name, arguments.clone())
}

/// What the owner of a recovery code sees: its slot and the device list.
fn by_recovery_code(server: &Server, person: &Person) -> RecoveryOpened {
    let request = RecoveryOpenRequest { name: person.name.clone(), auth_key: Bytes(person.recovery_key.to_vec()) };
    read(&call(server, None, "recovery_open", &json!({ "request": request })))
}

/// When a crash comes: at a time of its own, in the middle of what the change writes, or after the answer.
enum Kill {
    After(Duration),
    AtFirstWrite(Duration),
    AfterAnswer,
}

impl Kill {
    fn random(point: usize, longest: Duration) -> Self {
        let part = f64::from(u16::from_le_bytes(random())) / f64::from(u16::MAX);
        match point % 4 {
            0 => Self::After(longest.mul_f64(1.2 * part)),
            3 => Self::AfterAnswer,
            // A commit takes around a millisecond: what is half done is half done within that.
            _ => Self::AtFirstWrite(Duration::from_millis(2).mul_f64(part * part)),
        }
    }

    /// Returns when it is time.
    fn wait(&self, wal: impl Fn() -> Wal, answered: impl Fn() -> bool) {
        match self {
            Self::After(delay) => sleep(*delay),
            Self::AfterAnswer => {
                while !answered() {
                    sleep(Duration::from_millis(1));
                }
            }
            Self::AtFirstWrite(delay) => {
                let before = wal();
                while wal() == before && !answered() {
                    std::thread::yield_now();
                }
                let until = Instant::now() + *delay;
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
            }
        }
    }
}

type Wal = Option<(u64, std::time::SystemTime)>;

fn wal_of(server: &Server) -> impl Fn() -> Wal + use<> {
    let path = server.data_dir().join("sotto.db-wal");
    move || std::fs::metadata(&path).ok().map(|file| (file.len(), file.modified().unwrap()))
}

// Falls when `change_password` of backend's store does its statements in more than one transaction (hash and slot apart: mixed
// slots; list apart: a list of the other password), and when the answer comes before the transaction's end.
#[test]
fn r07_password_change_killed_anywhere_leaves_exactly_one_password_with_its_own_slot() {
    let mut server = Server::start_with(&[("SOTTO_LOG", "info")]);
    let mut client = Client::signed_up(&server, "mira");
    let recovery = by_recovery_code(&server, &client.person).slot;
    let entry = client.person.sign_up_request();
    // The account as it stands; the slot of the sign-up was made anew in `entry`, so the server's own is taken.
    let first: SignedIn = read(&client.sign_in(&server));
    let kdf: KdfParams = read(&call(&server, None, "login_params", &json!({ "name": "mira" })));
    let password = PasswordEntry { kdf, slot: first.slot, ..entry.password };
    let mut stands = Version { auth_key: client.person.auth_key, password, device_list: first.device_list };
    let mut longest = Duration::from_millis(300);
    let mut changed = 0;
    for point in 0..kill_points(15) {
        let other = call(&server, None, "sign_in", &sign_in(&client.person, stands.auth_key)).all("set-cookie")[0].to_owned();
        let other = other.split(['=', ';']).nth(1).unwrap().to_owned();
        let next = Version::after(&client.person);
        let body = next.change(stands.auth_key).to_string();
        let asking = client.with_cookie(Call::post("/api/account/change_password")).header("origin", &server.url);
        let (address, wal, started) = (server.address, wal_of(&server), Instant::now());
        let asked = std::thread::spawn(move || asking.body("application/json", body).try_send(address));
        Kill::random(point, longest).wait(wal, || asked.is_finished());
        server.kill();
        let answer = asked.join().unwrap();
        if answer.is_some() {
            longest = started.elapsed();
        }
        server.restart();

        let tries = [&stands, &next].map(|version| call(&server, None, "sign_in", &sign_in(&client.person, version.auth_key)));
        let is_new = match tries.each_ref().map(|answer| answer.status) {
            [200, 401] => false,
            [401, 200] => true,
            other => panic!("point {point}: one password and no more: {other:?}"),
        };
        assert!(is_new || answer.is_none(), "point {point}: what was answered is done");
        let (version, answer) = if is_new { (&next, &tries[1]) } else { (&stands, &tries[0]) };
        let signed_in: SignedIn = read(answer);
        assert_eq!(signed_in.slot, version.password.slot, "point {point}: the slot of this password");
        assert_eq!(signed_in.device_list, version.device_list, "point {point}");
        let kdf: KdfParams = read(&call(&server, None, "login_params", &json!({ "name": "mira" })));
        assert_eq!(kdf, version.password.kdf, "point {point}: the salt of this password");
        let opened = by_recovery_code(&server, &client.person);
        assert_eq!((&opened.slot, &opened.device_list), (&recovery, &version.device_list), "point {point}");
        // The change ends other sessions and rotates its own: both or neither.
        let alive = [client.cookie.as_deref(), Some(&other)].map(|cookie| call(&server, cookie, "list_sessions", &json!({})).status);
        assert_eq!(alive, if is_new { [401, 401] } else { [200, 200] }, "point {point}");
        assert_eq!(devices(&server), [client.person.device], "point {point}");

        if is_new {
            changed += 1;
            client.person.list = client.person.next_list(client.person.list.devices.clone());
            client.person.auth_key = next.auth_key;
            stands = next;
        }
        assert_eq!(client.sign_in(&server).status, 200);
    }
    assert!(changed > 0, "some change went through");
}

fn sign_in(person: &Person, auth_key: [u8; 32]) -> Value {
    json!({ "request": { "name": person.name, "auth_key": Bytes(auth_key.to_vec()) } })
}

fn devices(server: &Server) -> Vec<DeviceId> {
    let rows = database::rows(server).into_iter();
    let hex = rows.filter_map(|row| row.strip_prefix("devices ").and_then(|row| row.split("device=").nth(1).map(str::to_owned)));
    let byte = |hex: &str, at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    hex.map(|hex| DeviceId(std::array::from_fn(|at| byte(&hex, at)))).collect()
}

// Falls with `reauthenticated` in backend's `change_password` and `new_recovery_code`, and with `verified` in `reauthenticated`.
#[test]
fn r07_password_change_needs_the_current_password() {
    let server = Server::start_with(&[("SOTTO_LIMIT_LOGIN_ACCOUNT", "1000/1m")]);
    let client = Client::signed_up(&server, "mira");
    let other = Client::signed_up(&server, "noor");
    let cookie = client.cookie.as_deref();
    let next = Version::after(&client.person);
    let before = database::rows(&server);
    let mut nearly = client.person.auth_key;
    nearly[31] ^= 1;
    for wrong in [random(), nearly, client.person.recovery_key, next.auth_key, other.person.auth_key] {
        let recovery = NewRecoveryRequest { current_auth_key: Bytes(wrong.to_vec()), recovery: recovery_entry(random(), 2) };
        for (function, arguments) in [
            ("change_password", next.change(wrong)),
            ("new_recovery_code", json!({ "request": recovery })),
            ("open_vault", json!({ "auth_key": Bytes(wrong.to_vec()) })),
        ] {
            let answer = call(&server, cookie, function, &arguments);
            assert!(answer.all("set-cookie").is_empty(), "{function}");
            assert_eq!(refusal(&answer), (401, "wrong_credentials".into()), "{function}");
        }
    }
    // Another's session is of no use with the right password, nor is none.
    let right = next.change(client.person.auth_key);
    assert_eq!(refusal(&call(&server, other.cookie.as_deref(), "change_password", &right)), (401, "wrong_credentials".into()));
    assert_eq!(refusal(&call(&server, None, "change_password", &right)), (401, "signed_out".into()));
    let mut without = right.clone();
    without["request"].as_object_mut().unwrap().remove("current_auth_key");
    assert_eq!(refusal(&call(&server, cookie, "change_password", &without)), (400, "malformed".into()));
    assert_eq!(database::rows(&server), before);
    assert_eq!(client.get(&server, "/api/v1/rooms").status, 200, "the session lives on");
}
