//! The direction of dependencies between our crates, as ARCHITECTURE.md draws it, read from `cargo metadata`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde_json::Value;

/// What each crate may name in its normal dependencies, of our crates and of those that decide what it is.
const ALLOWED: [(&str, &[&str]); 14] = [
    ("sotto-protocol", &[]),
    ("sotto-client-api", &["sotto-protocol"]),
    // Below MLS and knowing nothing of ours: algorithms only.
    ("sotto-crypto", &["openmls_traits"]),
    ("sotto-rules", &["sotto-protocol", "openmls", "openmls_traits"]),
    ("sotto-client", &["sotto-client-api", "sotto-crypto", "sotto-protocol", "sotto-rules", "openmls", "openmls_traits"]),
    ("sotto-backend", &["sotto-crypto", "sotto-protocol", "sotto-rules", "openmls", "openmls_traits", "tokio", "sqlx"]),
    // Both optional: only `ssr` brings them.
    ("sotto-app", &["sotto-client-api", "sotto-protocol", "leptos", "sotto-backend", "leptos_axum"]),
    ("sotto-frontend", &["sotto-app", "sotto-client-api", "leptos", "web-sys", "js-sys", "wasm-bindgen"]),
    // openmls only for its feature `js`, without which it does not compile for browsers.
    ("sotto-worker", &["sotto-client", "sotto-client-api", "sotto-protocol", "openmls", "web-sys", "js-sys", "wasm-bindgen", "gloo-net"]),
    // A picture in, a text out: nothing of ours.
    ("sotto-scanner", &["wasm-bindgen"]),
    ("sotto-server", &["sotto-app", "sotto-backend", "sotto-protocol", "leptos", "leptos_axum", "axum", "tokio"]),
    // openmls for the malicious member, sqlx for the thief of the database.
    (
        "sotto-sim",
        &["sotto-client", "sotto-backend", "sotto-client-api", "sotto-protocol", "sotto-rules", "openmls", "openmls_traits", "sqlx"],
    ),
    // Bodies of fuzz targets: every decoder there is, on both sides.
    (
        "sotto-fuzzing",
        &["sotto-client", "sotto-backend", "sotto-client-api", "sotto-protocol", "sotto-rules", "sotto-sim", "openmls", "tokio"],
    ),
    ("xtask", &[]),
];

/// Crates whose presence says what a crate is: who names one must be allowed to.
const TELLING: [&str; 14] = [
    "openmls",
    "openmls_traits",
    "openmls_basic_credential",
    "openmls_rust_crypto",
    "web-sys",
    "js-sys",
    "wasm-bindgen",
    "gloo-net",
    "leptos",
    "leptos_axum",
    "axum",
    "tokio",
    "sqlx",
    "reqwest",
];

/// In tests the server may speak with real engines, and with the adversaries of the simulation's kit.
const DEV_EXCEPTIONS: [(&str, &str); 5] = [
    ("sotto-server", "sotto-client"),
    ("sotto-server", "sotto-client-api"),
    ("sotto-server", "sotto-sim"),
    ("sotto-server", "sotto-rules"),
    ("sotto-backend", "sotto-client"),
];

#[test]
fn crates_name_only_what_the_architecture_lets_them() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let packages = packages();
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, allowed.keys().copied().collect(), "a crate that this test does not know, or knows in vain");
    let mut wrong = Vec::new();
    for (package, dependency) in dependencies(&packages, None) {
        let telling = names.contains(dependency.as_str()) || TELLING.contains(&dependency.as_str());
        if telling && !allowed[package.as_str()].contains(&dependency.as_str()) {
            wrong.push(format!("{package} -> {dependency}"));
        }
    }
    assert!(wrong.is_empty(), "against ARCHITECTURE.md: {wrong:?}");
}

#[test]
fn tests_use_other_crates_only_where_listed() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let packages = packages();
    for (package, dependency) in dependencies(&packages, Some("dev")) {
        let ours = allowed.contains_key(dependency.as_str());
        let known = !ours
            || allowed[package.as_str()].contains(&dependency.as_str())
            || DEV_EXCEPTIONS.contains(&(package.as_str(), dependency.as_str()));
        assert!(known, "{package} -> {dependency} in tests: list it here, with the reason, or do without");
    }
}

#[test]
fn the_page_brings_server_code_only_under_ssr() {
    let packages = packages();
    let app = packages.iter().find(|package| package["name"] == "sotto-app").unwrap();
    for dependency in app["dependencies"].as_array().unwrap() {
        if ["sotto-backend", "leptos_axum"].contains(&dependency["name"].as_str().unwrap()) {
            assert_eq!(dependency["optional"], true, "{dependency}");
        }
    }
    let hydrate = app["features"]["hydrate"].to_string();
    assert!(!hydrate.contains("backend") && !hydrate.contains("axum"), "{hydrate}");
}

// What the modules really link, through everything that they name.
#[test]
fn the_page_links_no_mls_and_the_worker_no_page_and_the_server_no_engine() {
    let cases: [(&str, &[&str], &[&str]); 3] = [
        (
            "sotto-frontend",
            &["--target", "wasm32-unknown-unknown"],
            &["openmls", "sotto-client", "sotto-crypto", "sotto-backend", "argon2", "aes-gcm", "tokio", "axum"],
        ),
        ("sotto-worker", &["--target", "wasm32-unknown-unknown"], &["leptos", "sotto-app", "sotto-backend", "sqlx", "tokio", "axum"]),
        ("sotto-server", &[], &["sotto-client", "openmls_basic_credential"]),
    ];
    for (package, target, forbidden) in cases {
        let linked = linked(package, target);
        assert!(linked.contains(package), "{linked:?}");
        let found: Vec<_> = forbidden.iter().filter(|name| linked.contains(**name)).collect();
        assert!(found.is_empty(), "{package} links {found:?}");
    }
}

// One suite's algorithms, each once: every further curve or generation of one is loaded by every browser for nothing.
#[test]
fn the_worker_links_the_one_suite_and_no_other() {
    let versions = linked_versions("sotto-worker", &["--target", "wasm32-unknown-unknown"]);
    let foreign = ["openmls_rust_crypto", "hpke-rs-rust-crypto", "elliptic-curve", "ml-dsa", "chacha20poly1305", "rand_chacha"];
    let found: Vec<_> = foreign.iter().filter(|name| versions.contains_key(**name)).collect();
    assert!(found.is_empty(), "the worker links {found:?}");
    // What the directory's proofs are verified with (akd_core) is a generation behind with its curve and what comes with that.
    let behind = ["curve25519-dalek", "digest", "ed25519-dalek", "sha2"];
    for name in ["aes-gcm", "curve25519-dalek", "digest", "ed25519-dalek", "getrandom", "ml-kem", "rand_core", "sha2"] {
        let generations = if behind.contains(&name) { 2 } else { 1 };
        assert_eq!(versions[name].len(), generations, "{name}: {:?}", versions[name]);
    }
}

fn linked(package: &str, target: &[&str]) -> BTreeSet<String> {
    linked_versions(package, target).into_keys().collect()
}

fn linked_versions(package: &str, target: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let tree = ["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}", "--package", package];
    let mut versions = BTreeMap::<String, BTreeSet<String>>::new();
    for line in cargo(&[&tree, target].concat()).lines() {
        let mut words = line.split(' ').map(str::to_owned);
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            versions.entry(name).or_default().insert(version);
        }
    }
    versions
}

fn packages() -> Vec<Value> {
    let text = cargo(&["metadata", "--locked", "--no-deps", "--format-version", "1"]);
    serde_json::from_str::<Value>(&text).unwrap()["packages"].as_array().unwrap().clone()
}

fn dependencies(packages: &[Value], kind: Option<&str>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            if dependency["kind"].as_str() == kind {
                found.push((package["name"].as_str().unwrap().to_owned(), dependency["name"].as_str().unwrap().to_owned()));
            }
        }
    }
    found
}

fn cargo(arguments: &[&str]) -> String {
    // Asked at run time: a cache that checkouts share may hold a test that was built in another one.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let root = Path::new(&manifest).parent().unwrap();
    let output = Command::new("cargo").args(arguments).current_dir(root).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
