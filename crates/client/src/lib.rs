//! The engine: all cryptography of messages, sync, outbox, rooms. Synchronous, no I/O, no clock of its own.

pub mod archive;
pub mod choices;
mod committing;
pub mod content;
pub mod engine;
pub mod identity;
pub mod invite;
pub mod io;
pub mod kdf;
pub mod kdf_vectors;
pub mod leaf_key;
pub mod mls;
pub mod packages;
pub mod password;
pub mod profile;
pub mod random;
pub mod records;
pub mod recovery;
pub mod ring;
pub mod safety;
pub mod seal;
pub mod storage;
pub mod tabs;
pub mod vault;

pub use engine::Engine;
