//! Requests that other sites make browsers send.

use crate::kit::Server;
use crate::kit::client::Client;
use crate::kit::http::Call;
use crate::kit::socket::Socket;

/// Every server function, from the source, so that a new one can't be forgotten.
fn functions() -> Vec<String> {
    let source = include_str!("../../../app/src/account_api.rs");
    let names: Vec<_> = source.split("endpoint = \"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    assert!(names.len() >= 12 && names.iter().any(|name| name == "sign_in"), "{names:?}");
    names
}

fn foreign_origins(server: &Server) -> Vec<String> {
    let port = server.address.port();
    vec![
        "https://evil.example".into(),
        "null".into(),
        format!("http://sibling.127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
        format!("{}.evil.example", server.url),
        format!("{}/", server.url),
    ]
}

const FORMS: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"];

/// The bytes of everything that the server keeps.
fn stored(server: &Server) -> Vec<Vec<u8>> {
    ["sotto.db", "sotto.db-wal"].map(|name| std::fs::read(server.data_dir().join(name)).unwrap_or_default()).to_vec()
}

// Falls with the layer `origin::check` in server/src/routes.rs; the content types with `body::declares` in account.rs.
#[test]
fn r16_csrf_no_cross_site_form_reaches_a_server_function() {
    let server = Server::start();
    let victim = Client::signed_up(&server, "mira");
    let sign_in = serde_json::json!({ "request": victim.person.sign_in_request() }).to_string();
    let before = stored(&server);
    for name in functions() {
        let path = format!("/api/account/{name}");
        for form in FORMS.into_iter().chain(["application/json"]) {
            for origin in foreign_origins(&server) {
                let call = victim.with_cookie(Call::post(&path)).header("origin", &origin).body(form, sign_in.clone());
                let answer = call.send(server.address);
                assert_eq!(answer.status, 403, "{name} {form} {origin}");
                assert!(answer.all("set-cookie").is_empty());
            }
            let unnamed = victim.with_cookie(Call::post(&path)).body(form, sign_in.clone()).send(server.address);
            assert_eq!(unnamed.status, 403, "{name} {form} without Origin");
        }
    }
    for path in ["/api/v1/devices", "/api/v1/key-packages", "/api/v1/key-packages/claim", "/api/v1/rooms"] {
        let call = victim.with_cookie(Call::post(path)).header("origin", "https://evil.example").body("application/cbor", [0x80]);
        assert_eq!(call.send(server.address).status, 403, "{path}");
    }
    assert!(stored(&server) == before, "nothing was written");
    for name in functions() {
        // Only now: with the cookie it may note the minute in which the session was last seen.
        assert_eq!(victim.get(&server, &format!("/api/account/{name}")).status, 405, "{name}: a GET never mutates");
        for form in FORMS {
            let call = victim.with_cookie(Call::post(format!("/api/account/{name}"))).header("origin", &server.url);
            let answer = call.body(form, sign_in.clone()).send(server.address);
            assert_eq!(answer.status, 415, "{name} {form}");
            assert!(answer.all("set-cookie").is_empty());
        }
    }
    assert_eq!(victim.get(&server, "/api/v1/rooms").status, 200, "the victim is still signed in");
}

// Falls with `SYNC_PATH` in server/src/origin.rs.
#[test]
fn r17_cswsh_foreign_origins_are_refused_before_the_upgrade() {
    let server = Server::start();
    let victim = Client::signed_up(&server, "mira");
    for origin in foreign_origins(&server) {
        let refused = Socket::connect(&server, victim.cookie.as_deref(), Some(&origin)).err();
        assert_eq!(refused, Some(403), "{origin}");
    }
    assert_eq!(Socket::connect(&server, victim.cookie.as_deref(), None).err(), Some(403));
    assert!(Socket::connect(&server, victim.cookie.as_deref(), Some(&server.url)).is_ok());
}
