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
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}
