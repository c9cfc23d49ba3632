//! The contract of the services, on SQLite; and what its files are.
#![allow(missing_docs)]

mod accounts;
mod archive;
mod blocking;
mod deleting;
mod delivery;
mod directory;
mod groups;
mod invites;
mod keys;
mod kit;
mod rig;
mod rooms;
mod sessions;
mod storage;

const STORE: rig::Kind = rig::Kind::Sqlite;
