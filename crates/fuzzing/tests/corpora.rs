//! What fuzzing found interesting, through the same code as there: `make fuzz` looks further.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

fn replay(name: &str) {
    let taken = run(name);
    assert!(taken > 0, "nothing of the corpus of {name} is taken: write it again (--example corpus)");
}

/// Runs a target over its corpus, in an order that does not change. Says how many inputs were taken for what they should be.
fn run(name: &str) -> usize {
    let (_, target) = sotto_fuzzing::TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(sotto_fuzzing::corpus(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut taken = 0;
    for file in files {
        let data = std::fs::read(&file).unwrap();
        // Which input it was says the last line before a failure.
        println!("{}", file.display());
        taken += usize::from(target(&data));
    }
    taken
}

// Fails without `decoder.position() != bytes.len()` in protocol's `codec::decode`.
#[test]
fn r49_fuzz_frames_corpus_replays() {
    replay("frames");
}

// Fails without `bytes.len() > limit` in protocol's `codec::decode`.
#[test]
fn r49_fuzz_api_bodies_corpus_replays() {
    replay("api_bodies");
}

// Fails without `UserName::parse` in its `Deserialize`: `seed-bad-name` would be one.
#[test]
fn r49_fuzz_account_bodies_corpus_replays() {
    replay("account_bodies");
}

// Fails without the empty rest in client-api's `wire::decode`.
#[test]
fn r49_fuzz_page_messages_corpus_replays() {
    replay("page_messages");
}

// Fails without `content.room != room` or the text's limit in client's `Content::decode`.
#[test]
fn r49_fuzz_content_corpus_replays() {
    replay("content");
}

// Fails without `unique` or `MAX_DEVICES` in rules' `well_formed`: `seed-device-twice` and `seed-crowded-list` would pass.
#[test]
fn r49_fuzz_identity_corpus_replays() {
    replay("identity");
}

// Fails without `vault.identity().account() != account` in client's `Vault::open`: `seed-contents-of-another` would open.
#[test]
fn r49_fuzz_vault_corpus_replays() {
    replay("vault");
}

// Fails without the lifetime's range in rules' `check_key_package`: `seed-century` would pass.
#[test]
fn r49_fuzz_key_packages_corpus_replays() {
    run("key_packages");
    // Those in the corpus expire.
    let package = sotto_fuzzing::genuine::key_package_of_today();
    assert!(sotto_fuzzing::key_packages(&[&[0], package.as_slice()].concat()));
}

// Fails without the comparison in `check_group_info` (backend's `validate.rs`): `seed-other-group-info` would be taken.
#[test]
fn r49_fuzz_uploads_corpus_replays() {
    replay("uploads");
}

// Fails without the group id's comparison in client's `join_externally`: `seed-other-room` would be a seat.
#[test]
fn r49_fuzz_mls_messages_corpus_replays() {
    replay("mls_messages");
}

// Fails without table, key or counter in client's `row_aad`.
#[test]
fn r49_fuzz_sealed_rows_corpus_replays() {
    replay("sealed_rows");
}

// Fails without `has_group` in client's `Provider::load_group`: `seed-half-a-group` would be none.
#[test]
fn r49_fuzz_stored_rows_corpus_replays() {
    replay("stored_rows");
}

// Fails without `upto.seq <= room.cursor` in the engine's `lost`: `seed-lost-behind` would be an overflow.
#[test]
fn r49_fuzz_engine_corpus_replays() {
    replay("engine");
}
