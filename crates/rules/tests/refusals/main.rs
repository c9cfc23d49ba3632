//! Every refusal that the rules can give, on real OpenMLS groups, and beside it what must be accepted.
//!
//! The comment over a test names the check in `crates/rules/src` whose removal makes it fail; each was seen to fail. Left out,
//! because OpenMLS refuses first: an Add of another suite, a path leaf without what the room requires, an Add of a leaf key that
//! stands in the tree, ExternalInit in a member's commit, a SelfRemove by a non-member, two Removes in an external commit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod commits;
mod external;
mod groups;
mod kit;
mod packages;
mod proposals;
mod rooms;
