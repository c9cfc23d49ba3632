//! The contract of the services, on the store in memory.
#![allow(missing_docs)]

mod accounts;
mod archive;
mod backlog;
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

const STORE: rig::Kind = rig::Kind::Memory;
