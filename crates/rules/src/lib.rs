//! What may happen in a room: pure functions over MLS public state, shared by server and clients.
//!
//! * [`identity`]: who a device is (credentials, device lists);
//! * [`directory`]: what is believed of the server's log of keys;
//! * [`config`]: the MLS settings of every room;
//! * [`roles`]: direct rooms and groups, and who may do what in them;
//! * [`commit`]: which commits, key packages and rooms keep the rules.
//!
//! Invariant: nothing here depends on local knowledge (pins, device lists, clocks), except where `now` is a parameter.

pub mod commit;
pub mod config;
pub mod directory;
pub mod identity;
pub mod roles;
