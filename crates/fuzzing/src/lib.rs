//! The bodies of the fuzz targets: one function for each place where somebody else's bytes are decoded.
//!
//! `fuzz/` calls them with what libFuzzer makes up, `tests/corpora.rs` with what is kept under `fuzz/corpus/`. A target asks for more
//! than "no panic": what decodes decodes to the same again, bounds hold, nothing passes that was not signed, nothing that was
//! refused leaves a trace. Rooms, keys and devices are those of the newest fixture of `sotto-sim`.
#![allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a target speaks by panicking")]

mod content;
mod engine;
pub mod genuine;
mod identity;
mod key_packages;
mod messages;
mod rows;
mod uploads;
mod vault;
mod wire;

pub use content::content;
pub use engine::engine;
pub use identity::identity;
pub use key_packages::key_packages;
pub use messages::mls_messages;
pub use rows::{is_of_a_group, sealed_rows, stored_rows};
pub use uploads::uploads;
pub use vault::vault;
pub use wire::{account_bodies, api_bodies, frames, page_messages};

/// What a target is. It answers whether the input was taken for what it should be: a corpus of which nothing is taken asks nothing.
pub type Target = fn(&[u8]) -> bool;

/// Every target under its name, which is also that of its binary and of its corpus.
pub const TARGETS: [(&str, Target); 13] = [
    ("frames", frames),
    ("api_bodies", api_bodies),
    ("account_bodies", account_bodies),
    ("page_messages", page_messages),
    ("content", content),
    ("identity", identity),
    ("vault", vault),
    ("key_packages", key_packages),
    ("uploads", uploads),
    ("mls_messages", mls_messages),
    ("sealed_rows", sealed_rows),
    ("stored_rows", stored_rows),
    ("engine", engine),
];

/// The first byte chooses among `count` shapes of input, the rest is the input.
pub(crate) fn choose(data: &[u8], count: u8) -> Option<(u8, &[u8])> {
    data.split_first().map(|(first, rest)| (first % count, rest))
}

/// The folder of a target's corpus.
#[must_use]
pub fn corpus(target: &str) -> std::path::PathBuf {
    // Asked at run time where it can be: a cache that checkouts share may hold a program that was built in another one.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), std::path::PathBuf::from);
    manifest.join("../../fuzz/corpus").join(target)
}
