//! The directory (key transparency): an append-only log of which account and device list stand behind each name.
//!
//! The server keeps it in the tree of the `akd` crate, whose proofs travel as `rules::directory` writes them. What is signed is checked there.

use minicbor::{Decode, Encode};

use crate::{AccountId, Bytes, UserName};

/// What stands behind a name: the value of its leaf, in this encoding.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DirectoryEntry {
    /// The account.
    #[n(0)]
    pub account: AccountId,
    /// Version of its newest device list.
    #[n(1)]
    pub version: u64,
    /// SHA-256 of that list's canonical encoding.
    #[n(2)]
    pub hash: Bytes,
}

/// The directory at one epoch, as the server signs it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedRoot {
    /// 0 for the empty directory; one more for each batch of changes.
    #[n(0)]
    pub epoch: u64,
    /// Root hash of the tree, 32 bytes.
    #[n(1)]
    pub root: Bytes,
    /// Hash of all roots up to this one, 32 bytes: two histories that were different once never have the same again.
    #[n(2)]
    pub chain: Bytes,
    /// The server's Ed25519 key, 32 bytes.
    #[n(3)]
    pub server_key: Bytes,
    /// Its VRF key (RFC 9381, ECVRF-EDWARDS25519-SHA512-TAI), 32 bytes: by it a name's place in the tree is fixed, and tells nobody the name.
    #[n(4)]
    pub vrf_key: Bytes,
    /// Ed25519 over `"sotto directory v1" || vrf_key || epoch || root || chain`, 64 bytes.
    #[n(5)]
    pub signature: Bytes,
}

/// Answer of `GET /directory?after=EPOCH`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DirectoryHead {
    /// The newest.
    #[n(0)]
    pub newest: SignedRoot,
    /// Epoch of the first of `roots`; the one after the newest that was named, or a later one where too many came since.
    #[n(1)]
    pub first: u64,
    /// The chain before it, 32 bytes.
    #[n(2)]
    pub before: Bytes,
    /// Root hashes from there to the newest, at most [`crate::limits::DIRECTORY_ROOTS`].
    #[n(3)]
    pub roots: Vec<Bytes>,
}

/// Body of `POST /directory/lookup`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LookUp {
    /// At most [`crate::limits::DIRECTORY_NAMES`].
    #[n(0)]
    pub names: Vec<UserName>,
}

/// What stands behind names, with proofs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LookedUp {
    /// The epoch of the proofs.
    #[n(0)]
    pub at: SignedRoot,
    /// In the order of the names; none for a name that is not in it.
    #[n(1)]
    pub proofs: Vec<Option<Bytes>>,
}

/// Answer of `GET /directory/history`: what has stood behind the caller's name, at most [`crate::limits::DIRECTORY_HISTORY`] entries.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DirectoryHistory {
    /// The epoch of the proof.
    #[n(0)]
    pub at: SignedRoot,
    /// The proof.
    #[n(1)]
    pub proof: Bytes,
}
