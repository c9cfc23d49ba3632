//! What holds for every file of the tree: no unsafe code, few switches, no machine's or registry's name, licences.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Crates for one side each, so that none needs a switch. Tests and the app's guard against both sides at once are counted.
const CFGS: [(&str, usize); 2] = [("app", 1), ("server", 2)];

#[test]
fn every_crate_forbids_unsafe_code_by_the_workspace_lints() {
    let root = read("Cargo.toml");
    assert!(root.contains("unsafe_code = \"forbid\""), "the workspace must forbid unsafe code");
    for file in files().iter().filter(|file| file.ends_with("/Cargo.toml")) {
        assert!(read(file).contains("[lints]\nworkspace = true"), "{file} does not take the workspace's lints");
    }
}

#[test]
fn the_page_sets_no_inner_html() {
    // Text of other people is shown as text nodes only: this is the one line that keeps XSS out of messages.
    let name = concat!("inner", "_html");
    for file in files().iter().filter(|file| file.starts_with("app/") || file.starts_with("frontend/")) {
        assert!(!read(file).contains(name), "{file} uses {name}");
    }
}

#[test]
fn code_chooses_its_target_by_crate_and_not_by_switches() {
    let mut counts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in rust_files() {
        let (folder, _) = file.split_once("/src/").unwrap();
        let text = read(&file);
        for line in text.lines().map(str::trim).filter(|line| is_switch(line)) {
            counts.entry(folder.to_owned()).or_default().push(format!("{file}: {line}"));
        }
    }
    for (folder, found) in counts {
        let allowed = CFGS.iter().find(|(name, _)| *name == folder).map_or(0, |(_, count)| *count);
        assert!(found.len() <= allowed, "{folder} may have {allowed} switches and has {found:#?}");
    }
}

fn is_switch(line: &str) -> bool {
    let cfg = line.starts_with("#[cfg(") || line.starts_with("#![cfg(") || line.contains("cfg!(") || line.contains("cfg_attr(");
    cfg && !line.contains("cfg(test)") && !line.contains("cfg_attr(test")
}

#[test]
fn nothing_but_the_simulation_chooses_what_is_random() {
    let name = concat!("replace", "_source");
    let users: Vec<_> = rust_files().into_iter().filter(|file| read(file).contains(name)).collect();
    let doors = ["crates/crypto/src/random.rs", "crates/client/src/random.rs"];
    assert!(users.iter().all(|file| file.starts_with("crates/sim/") || doors.contains(&file.as_str())), "{users:?}");
}

#[test]
fn each_file_says_its_job_in_its_first_line() {
    for file in rust_files() {
        let text = read(&file);
        assert!(text.starts_with("//! "), "{file} does not open with `//! ` and its one job");
    }
}

#[test]
fn no_file_names_a_registry_host_or_a_folder_of_somebodys_machine() {
    // Put together here, so that this file does not name them.
    let forbidden = [
        ["registry", ".npmjs.org"].concat(),
        ["registry", ".yarnpkg.com"].concat(),
        ["index", ".crates.io"].concat(),
        ["static", ".crates.io"].concat(),
        ["static", ".rust-lang.org"].concat(),
        ["deb", ".debian.org"].concat(),
        ["pythonhosted", ".org"].concat(),
        ["proxy", ".golang.org"].concat(),
        ["artif", "actory"].concat(),
        ["/ro", "ot/"].concat(),
        ["/wo", "rk/main"].concat(),
        ["/wo", "rk/shared"].concat(),
        ["/wo", "rk/."].concat(),
        ["/ho", "me/"].concat(),
    ];
    let mut wrong = Vec::new();
    for file in files() {
        // Pictures and fonts are no text.
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        for name in forbidden.iter().filter(|name| text.contains(name.as_str())) {
            wrong.push(format!("{file} names {name}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn lock_files_say_no_place_of_download() {
    for file in files().iter().filter(|file| file.ends_with("package-lock.json")) {
        assert!(!read(file).contains("\"resolved\""), "{file}: set omit-lockfile-registry-resolved=true and write it again");
    }
}

#[test]
fn both_licences_are_there_and_every_crate_carries_them() {
    assert!(read("LICENSE-MIT").contains("Permission is hereby granted, free of charge"));
    assert!(read("LICENSE-APACHE").contains("Version 2.0, January 2004"));
    let both = read("LICENSE");
    assert!(both.contains("LICENSE-MIT") && both.contains("LICENSE-APACHE"));
    assert!(read("Cargo.toml").contains("license = \"MIT OR Apache-2.0\""));
    for file in files().iter().filter(|file| file.ends_with("/Cargo.toml")) {
        assert!(read(file).contains("license.workspace = true"), "{file} has no licence");
    }
}

// Falls with a row, and with a test, that is taken away or named otherwise.
#[test]
fn the_table_of_security_tests_names_every_numbered_test_and_no_other() {
    let table = listed_tests(&read("docs/SECURITY_TESTS.md"));
    for (number, file, name) in &table {
        let text = if root().join(file).is_file() { read(file) } else { String::new() };
        assert!(tests_in(&text).any(|test| test == name), "{number}: {file} has no test {name}");
        assert!(requirement_of(name).is_none_or(|own| own == *number), "{name} stands in row {number}");
    }
    for file in files().iter().filter(|file| file.ends_with(".rs") || file.ends_with(".ts")) {
        for name in tests_in(&read(file)).filter(|name| requirement_of(name).is_some()) {
            assert!(table.iter().any(|(_, at, listed)| at == file && listed == name), "docs/SECURITY_TESTS.md lacks {file}: {name}");
        }
    }
}

/// Number, file and name of each test in the table: a cell names a file and then its tests, all in backticks.
fn listed_tests(table: &str) -> Vec<(u32, String, String)> {
    let mut listed = Vec::new();
    for row in table.lines() {
        let [_, number, _, tests, _] = row.split('|').collect::<Vec<_>>()[..] else { continue };
        let Ok(number) = number.trim().parse() else { continue };
        let mut file = "";
        for quoted in tests.split('`').skip(1).step_by(2) {
            if quoted.contains('/') {
                file = quoted;
            } else {
                listed.push((number, file.to_owned(), quoted.to_owned()));
            }
        }
    }
    listed
}

/// Names of functions in Rust and of tests in Playwright.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let rust = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
        let journey = || line.split_once("test(\"").and_then(|(_, rest)| rest.split_once('"'));
        rust.or_else(journey).map(|(name, _)| name)
    })
}

/// 7 for `r07_…`.
fn requirement_of(name: &str) -> Option<u32> {
    let (number, _) = name.strip_prefix('r')?.split_once('_')?;
    if number.len() == 2 { number.parse().ok() } else { None }
}

fn rust_files() -> Vec<String> {
    files().into_iter().filter(|file| file.ends_with(".rs") && file.contains("/src/")).collect()
}

/// What git knows or would take: everything that is in a clone.
fn files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("the tree is a git clone");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // A file that was deleted and not yet committed is still listed.
    let files: Vec<String> = text.lines().map(str::to_owned).filter(|file| root().join(file).is_file()).collect();
    assert!(files.len() > 20, "{files:?}");
    files
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn root() -> PathBuf {
    // Asked at run time: a cache that checkouts share may hold a test that was built in another one.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    Path::new(&manifest).parent().unwrap().to_path_buf()
}
