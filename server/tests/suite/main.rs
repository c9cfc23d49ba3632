//! Tests of the real binary over real sockets. One program, because linking is what costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs, unreachable_pub, dead_code)]

mod kit;

mod browser_headers;
mod cross_site;
mod directory;
mod downgrade;
mod durability;
mod faults;
mod floods;
mod hostile;
mod invites;
mod keys;
mod leaving;
mod login;
mod logs;
mod operation;
mod passwords;
mod sessions;
mod silence;
mod slow_reader;
mod socket;
mod tls;
mod upgrade;
mod window;
