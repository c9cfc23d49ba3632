//! Data of other releases, and starts that were cut short.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kit::client::{Client, pair};
use crate::kit::database;
use crate::kit::http::Call;
use crate::kit::{Server, kill_points, killed_start, prepared_folder};

/// The folders that servers of all releases left behind.
fn old_folders() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/sim/fixtures");
    let mut folders: Vec<_> = std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path().join("server")).collect();
    folders.sort();
    folders
}

fn copy(from: &Path, data: &Path) {
    std::fs::create_dir_all(data).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), data.join(file.file_name())).unwrap();
    }
}

// Rig: SIGKILL, as soon as a file of the first start is there and a little later, so in the middle of the migrations too. Fails with
// `-- no-transaction` at the head of a migration: the next start then finds half of its tables.
#[test]
fn r67_upgrade_a_first_start_that_is_killed_anywhere_is_made_good_by_the_next() {
    let milestones = ["data", "data/server.secret", "data/sotto.db", "data/sotto.db-wal"];
    let mut cut_short = 0;
    for point in 0..kill_points(16) {
        let dir = prepared_folder();
        let milestone = milestones[point % milestones.len()];
        let later = Duration::from_micros(150 * (point / milestones.len()) as u64);
        cut_short += usize::from(killed_start(dir.path(), &dir.path().join(milestone), later));
        let server = Server::start_on(dir);
        assert_eq!(Call::get("/health").send(server.address).status, 200);
        let _ = Client::signed_up(&server, "mira");
    }
    assert!(cut_short > 0, "no kill came before the server was ready");
}

// Fails with a migration that changes one which was released (sqlx compares their hashes), and with one that old data break.
#[test]
fn r67_upgrade_a_folder_of_every_release_is_served_also_after_kills() {
    for folder in old_folders() {
        let dir = prepared_folder();
        copy(&folder, &dir.path().join("data"));
        for later in [0, 300, 900] {
            killed_start(dir.path(), &dir.path().join("data/sotto.db-wal"), Duration::from_micros(later));
        }
        let server = Server::start_on(dir);
        assert_eq!(Call::get("/health").send(server.address).status, 200);
        let people = database::rows(&server).into_iter().filter(|row| row.starts_with("accounts "));
        assert_eq!(people.count(), 2);
        let _ = pair(&server, ["mira", "noor"]);
    }
}

// Fails when the store ignores migrations that it does not know (`set_ignore_missing`).
#[test]
fn r67_upgrade_a_database_of_a_later_release_is_refused() {
    let mut server = Server::start();
    server.kill();
    database::execute(&server, &["INSERT INTO _sqlx_migrations VALUES (9999, 'later', '2030-01-01', 1, x'00', 1)"]);
    let said = server.refused_restart();
    assert!(said.contains("9999"), "{said}");
}
