//! The direction of dependencies between our crates, as ARCHITECTURE.md draws it, read from `cargo metadata`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde_json::Value;

/// What each crate may name in its normal dependencies, of our crates and of those that decide what it is.
const ALLOWED: [(&str, &[&str]); 11] = [
    ("sotto-protocol", &[]),
    ("sotto-client-api", &["sotto-protocol"]),
    ("sotto-rules", &["sotto-protocol", "openmls", "openmls_traits"]),
    (
        "sotto-client",
        &[
            "sotto-client-api",
            "sotto-protocol",
            "sotto-rules",
            "openmls",
            "openmls_traits",
            "openmls_basic_credential",
            "openmls_rust_crypto",
        ],
    ),
    ("sotto-backend", &["sotto-protocol", "sotto-rules", "openmls", "openmls_traits", "openmls_rust_crypto", "tokio", "sqlx"]),
    // Both optional: only `ssr` brings them.
    ("sotto-app", &["sotto-client-api", "sotto-protocol", "leptos", "sotto-backend", "leptos_axum"]),
    ("sotto-frontend", &["sotto-app", "sotto-client-api", "leptos", "web-sys", "js-sys", "wasm-bindgen"]),
    // openmls only for its feature `js`, without which it does not compile for browsers.
    ("sotto-worker", &["sotto-client", "sotto-client-api", "sotto-protocol", "openmls", "web-sys", "js-sys", "wasm-bindgen", "gloo-net"]),
    ("sotto-server", &["sotto-app", "sotto-backend", "sotto-protocol", "leptos", "leptos_axum", "axum", "tokio"]),
    ("sotto-sim", &["sotto-client", "sotto-backend", "sotto-client-api", "sotto-protocol"]),
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

/// In tests the server may speak with real engines.
const DEV_EXCEPTIONS: [(&str, &str); 4] = [
    ("sotto-server", "sotto-client"),
    ("sotto-server", "sotto-client-api"),
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
            &["openmls", "sotto-client", "sotto-backend", "argon2", "aes-gcm", "tokio", "axum"],
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

fn linked(package: &str, target: &[&str]) -> BTreeSet<String> {
    let tree = ["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}", "--package", package];
    let text = cargo(&[&tree, target].concat());
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new("cargo").args(arguments).current_dir(root).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
