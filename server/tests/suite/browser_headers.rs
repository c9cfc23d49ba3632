//! Headers that make browsers safe, on every kind of answer; and the built files.

use crate::kit::client::Client;
use crate::kit::http::{Answer, Call};
use crate::kit::{MODULE_FILE, STYLE_FILE, Server};

/// One answer of every kind: pages, missing pages, API with and without session, refusals, files.
fn every_kind(server: &Server) -> Vec<(String, Answer)> {
    let client = Client::signed_up(server, "mira");
    let long = format!("/{}", "a".repeat(300));
    let gets = [
        "/",
        "/signin",
        "/signup",
        "/forgot",
        "/nowhere",
        &long,
        "/health",
        STYLE_FILE,
        MODULE_FILE,
        "/assets/manifest.json",
        "/assets/none.js",
        "/assets/..%2fmanifest.json",
        "/api/v1/rooms",
        "/api/v1/people",
        "/api/v1/people?q=mi",
        "/api/v1/sync",
        "/api/v1/nowhere",
        "/api/account/sign_in",
        "/api/v1/rooms/xyz/state",
        "/api/v1/devices",
    ];
    let mut answers: Vec<_> = gets.iter().map(|path| ((*path).to_owned(), client.get(server, path))).collect();
    answers.push(("/ signed out".into(), Call::get("/").send(server.address)));
    answers.push(("POST /".into(), Call::post("/").header("origin", &server.url).send(server.address)));
    answers.push(("foreign POST".into(), Call::post("/api/v1/rooms").header("origin", "null").send(server.address)));
    answers.push(("bad CBOR".into(), {
        let call = client.with_cookie(Call::post("/api/v1/devices")).header("origin", &server.url);
        call.body("application/cbor", [0xff]).send(server.address)
    }));
    answers.push(("too large".into(), {
        let call = client.with_cookie(Call::post("/api/v1/devices")).header("origin", &server.url);
        call.header("content-length", "300000").body("application/cbor", []).send(server.address)
    }));
    assert_eq!(answers.last().unwrap().1.status, 413);
    answers
}

// Falls with `content_policy` in server/src/headers.rs (and its layer in routes.rs).
#[test]
fn r19_csp_header_is_strict_on_every_answer_and_carries_the_nonce_of_the_page() {
    let server = Server::start();
    for (what, answer) in every_kind(&server) {
        let [policy] = answer.all("content-security-policy")[..] else { panic!("{what}: one policy") };
        for directive in [
            "default-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'none'",
            "style-src 'self'",
            "worker-src 'self'",
            "require-trusted-types-for 'script'",
            "trusted-types default",
        ] {
            assert!(policy.split("; ").any(|part| part == directive), "{what}: {directive} in {policy}");
        }
        let scripts = policy.split("; ").find(|part| part.starts_with("script-src ")).unwrap();
        assert!(scripts.contains("'wasm-unsafe-eval'") && !scripts.contains("unsafe-inline") && !scripts.contains("'unsafe-eval'"));
        assert!(!policy.contains('*') && !policy.contains("http:") && !policy.contains("https:"), "{what}: {policy}");
    }
    let nonce_of = |answer: &Answer| {
        let policy = answer.header("content-security-policy").unwrap();
        policy.split("'nonce-").nth(1).map(|rest| rest.split('\'').next().unwrap().to_owned())
    };
    let (one, two) = (Call::get("/signin").send(server.address), Call::get("/signin").send(server.address));
    let nonce = nonce_of(&one).expect("a nonce");
    assert_ne!(Some(&nonce), nonce_of(&two).as_ref(), "a fresh one for each answer");
    let html = one.text();
    for script in html.split("<script").skip(1).map(|rest| rest.split('>').next().unwrap()) {
        assert!(script.contains(&format!("nonce=\"{nonce}\"")) || script.contains("src=\"/assets/"), "{script}");
    }
    assert!(!html.contains(" style=\"") && !html.contains("<style"), "inline styles would be refused");
}

// Falls with `ALWAYS` in server/src/headers.rs.
#[test]
fn r20_headers_isolate_every_answer_and_nothing_but_files_is_cached() {
    let server = Server::start_with(&[("SOTTO_PUBLIC_URL", "")]);
    for (what, answer) in every_kind(&server) {
        for (name, value) in [
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.all(name), [value], "{what}: {name}");
        }
        assert!(answer.header("permissions-policy").unwrap().contains("camera=(self)"), "{what}");
        let cache = answer.header("cache-control").unwrap();
        let expected = match what.as_str() {
            STYLE_FILE | MODULE_FILE => "public, max-age=31536000, immutable",
            "/assets/manifest.json" => "no-cache",
            _ => "no-store",
        };
        assert_eq!(cache, expected, "{what}");
        assert_eq!(answer.header("strict-transport-security"), None, "plain HTTP on the own machine");
    }
}

#[test]
fn r20_headers_https_servers_send_hsts_for_at_least_a_year() {
    let server = Server::start_behind_proxy("https://chat.example");
    for path in ["/", "/health", STYLE_FILE, "/nowhere", "/api/v1/rooms"] {
        let answer = Call::get(path).send(server.address);
        let hsts = answer.header("strict-transport-security").unwrap();
        let age: u64 = hsts.split(';').next().unwrap().strip_prefix("max-age=").unwrap().parse().unwrap();
        assert!(age >= 31_536_000, "{path}: {hsts}");
        assert!(answer.header("content-security-policy").unwrap().contains("connect-src 'self' wss://chat.example;"));
    }
}

#[test]
fn files_are_served_with_their_type_and_in_the_encoding_that_was_asked_for() {
    let server = Server::start();
    let get = |path: &str, accept: &str| Call::get(path).header("accept-encoding", accept).send(server.address);
    for (accept, encoding, body) in [("gzip, br", Some("br"), "br!"), ("gzip", Some("gzip"), "gzip"), ("identity", None, "plain")] {
        let answer = get(STYLE_FILE, accept);
        assert_eq!((answer.header("content-encoding"), answer.text().as_str()), (encoding, body));
        assert_eq!(answer.header("content-type"), Some("text/css; charset=utf-8"));
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
    }
    let module = get(MODULE_FILE, "br");
    assert_eq!((module.header("content-type"), module.header("content-encoding")), (Some("application/wasm"), None));
}

#[test]
fn the_first_page_fits_the_visitor_and_names_nobody() {
    let server = Server::start();
    let client = Client::signed_up(&server, "very-private-name");
    let (inside, outside) = (client.get(&server, "/"), Call::get("/").send(server.address));
    assert_eq!((inside.status, outside.status), (200, 200));
    assert!(inside.text().contains("data-signed-in=\"true\"") && outside.text().contains("data-signed-in=\"false\""));
    assert!(!inside.text().contains("very-private-name") && !inside.text().contains(&client.person.account().to_string()));
    assert!(outside.text().contains("data-testid=\"signin-submit\""), "the sign-in page");
    assert!(!inside.text().contains("data-testid=\"signin-submit\""));
    let missing = Call::get("/nowhere").send(server.address);
    assert_eq!(missing.status, 404);
    assert!(missing.header("content-type").unwrap().starts_with("text/html"));
}
