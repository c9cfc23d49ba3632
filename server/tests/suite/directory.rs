//! The directory over HTTP, and what `sotto audit` says of its files.

use std::process::Command;

use sotto_protocol::directory::{DirectoryHead, DirectoryHistory, LookUp, LookedUp, SignedRoot};
use sotto_rules::directory::{verify_history, verify_lookup, verify_root};

use crate::kit::client::{Client, decoded};
use crate::kit::database::execute;
use crate::kit::{PROGRAM, Server};

fn audit(server: &Server) -> (bool, String) {
    let said = Command::new(PROGRAM).arg("audit").env("SOTTO_DATA_DIR", server.data_dir()).output().unwrap();
    let words = [said.stdout, said.stderr].concat();
    (said.status.success(), String::from_utf8(words).unwrap())
}

// Fails without `only_adds`, without the comparison of chains, of epochs, or of the tree's root in `audit_directory` (each by its own statement).
#[test]
fn r71_transparency_an_audit_finds_what_was_changed_in_the_files() {
    let mut server = Server::start();
    let [mira, noor] = ["mira", "noor"].map(|name| Client::signed_up(&server, name));
    let head: DirectoryHead = decoded(&mira.get(&server, "/api/v1/directory?after=0"));
    let olga = Client::signed_up(&server, "olga");
    let names = LookUp { names: vec![noor.person.name.clone(), olga.person.name.clone()] };
    let found: LookedUp = decoded(&mira.post(&server, "/api/v1/directory/lookup", &names));
    let (root, keys) = verify_root(&found.at, None).unwrap();
    assert!(root.epoch > head.newest.epoch);
    for (person, proof) in [&noor, &olga].iter().zip(&found.proofs) {
        let entry = verify_lookup(&keys, &root, &person.person.name, proof.as_ref().unwrap().as_slice()).unwrap();
        assert_eq!(entry.account, person.person.account());
    }
    let history: DirectoryHistory = decoded(&mira.get(&server, "/api/v1/directory/history"));
    assert_eq!(verify_history(&keys, &root, &mira.person.name, history.proof.as_slice()).unwrap().len(), 1);
    let past: SignedRoot = decoded(&mira.get(&server, &format!("/api/v1/directory/epochs/{}", head.newest.epoch)));
    assert_eq!(past, head.newest);
    for (path, status) in [("/api/v1/directory/epochs/77", 404), ("/api/v1/directory/epochs/x", 404), ("/api/v1/directory?after=x", 400)] {
        assert_eq!(mira.get(&server, path).status, status, "{path}");
    }
    assert_eq!(Client::new("nobody").get(&server, "/api/v1/directory?after=0").status, 401);
    assert!(!audit(&server).0, "beside a server that runs");

    server.terminate();
    server.wait();
    let (whole, said) = audit(&server);
    assert!(whole && said.contains(&format!("{} epochs", root.epoch)), "{said}");
    for (change, back, what) in [
        (
            "UPDATE directory_epochs SET epoch = 9 WHERE epoch = 1",
            "UPDATE directory_epochs SET epoch = 1 WHERE epoch = 9",
            "epoch 1 is missing",
        ),
        ("UPDATE directory_epochs SET root = randomblob(32), chain = chain WHERE epoch = 1", "SELECT 1", "epoch 1 does not only add"),
    ] {
        execute(&server, &["CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM directory_epochs", change]);
        let (whole, said) = audit(&server);
        assert!(!whole && said.contains(what), "{said}");
        execute(&server, &[back, "INSERT OR REPLACE INTO directory_epochs SELECT * FROM kept", "DROP TABLE kept"]);
    }
    execute(&server, &["UPDATE directory_epochs SET chain = randomblob(32) WHERE epoch = 1"]);
    assert!(audit(&server).1.contains("epoch 1 does not continue the chain"));
    execute(&server, &["DELETE FROM directory_epochs WHERE epoch > 0", "DELETE FROM directory WHERE hex(key) LIKE '02%'"]);
    assert!(!audit(&server).0);
}
