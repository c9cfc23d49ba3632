//! Key transparency: what a client believes of the server's directory, and what an auditor does.
//!
//! The tree is `akd`'s, in the configuration that WhatsApp's directory runs on. Each epoch's root is signed together with a hash of all
//! roots before it, so that a server that has shown two histories to two people can never show them the same root again.

mod proofs;

pub use akd_core::configuration::WhatsAppV1Configuration as Configuration;
pub use proofs::Proof;

use akd_core::verify::history::{HistoryParams, HistoryVerificationParams};
use akd_core::verify::{key_history_verify, lookup_verify};
use akd_core::{AkdLabel, AkdValue, HistoryProof, LookupProof};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use sotto_protocol::directory::{DirectoryEntry, SignedRoot};
use sotto_protocol::{Bytes, ErrorCode, UserName, codec, limits};

/// Before what the server signs of an epoch.
const LABEL: &[u8] = b"sotto directory v1";
/// Before what is hashed of all roots.
const CHAIN_LABEL: &[u8] = b"sotto directory chain v1";

/// Why the directory is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryFault {
    /// Not the bytes that belong here.
    #[error("malformed")]
    Malformed,
    /// A root that the remembered server has not signed.
    #[error("a root with another signature")]
    Signature,
    /// A proof that does not lead to the root.
    #[error("a proof that does not verify")]
    Proof,
    /// Roots that do not follow what was shown before.
    #[error("another history than before")]
    History,
}

impl From<DirectoryFault> for ErrorCode {
    fn from(fault: DirectoryFault) -> Self {
        match fault {
            DirectoryFault::Malformed => Self::Malformed,
            DirectoryFault::Signature | DirectoryFault::Proof | DirectoryFault::History => Self::DirectoryRefused,
        }
    }
}

/// The key of a directory's server, and that of its tree. They never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryKeys {
    /// Ed25519.
    pub server: [u8; 32],
    /// ECVRF.
    pub vrf: [u8; 32],
}

impl DirectoryKeys {
    /// The keys that a root names.
    ///
    /// # Errors
    /// [`DirectoryFault::Malformed`].
    pub fn of(signed: &SignedRoot) -> Result<Self, DirectoryFault> {
        Ok(Self { server: fixed(&signed.server_key)?, vrf: fixed(&signed.vrf_key)? })
    }
}

/// A hash or key of the length that belongs there.
///
/// # Errors
/// [`DirectoryFault::Malformed`].
pub fn fixed<const N: usize>(bytes: &Bytes) -> Result<[u8; N], DirectoryFault> {
    bytes.as_slice().try_into().map_err(|_| DirectoryFault::Malformed)
}

/// A root whose signature was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its epoch.
    pub epoch: u64,
    /// Root hash.
    pub hash: [u8; 32],
    /// Hash of all roots up to it.
    pub chain: [u8; 32],
}

/// The chain before the first epoch.
pub const NO_CHAIN: [u8; 32] = [0; 32];

/// The chain after one more epoch.
#[must_use]
pub fn next_chain(before: &[u8; 32], epoch: u64, root: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(CHAIN_LABEL).chain_update(before).chain_update(epoch.to_be_bytes()).chain_update(root).finalize().into()
}

/// What the server signs.
#[must_use]
pub fn root_message(vrf_key: &[u8; 32], root: &Root) -> Vec<u8> {
    [LABEL, vrf_key, &root.epoch.to_be_bytes(), &root.hash, &root.chain].concat()
}

/// Verifies a root, by the keys that are remembered or, at first sight, by its own.
///
/// # Errors
/// [`DirectoryFault::Malformed`], [`DirectoryFault::Signature`].
pub fn verify_root(signed: &SignedRoot, known: Option<&DirectoryKeys>) -> Result<(Root, DirectoryKeys), DirectoryFault> {
    let keys = DirectoryKeys::of(signed)?;
    if known.is_some_and(|known| *known != keys) {
        return Err(DirectoryFault::Signature);
    }
    let root = Root { epoch: signed.epoch, hash: fixed(&signed.root)?, chain: fixed(&signed.chain)? };
    let signature = fixed(&signed.signature)?;
    let server = VerifyingKey::from_bytes(&keys.server).map_err(|_| DirectoryFault::Signature)?;
    let verified = server.verify_strict(&root_message(&keys.vrf, &root), &Signature::from_bytes(&signature));
    verified.map_err(|_| DirectoryFault::Signature)?;
    Ok((root, keys))
}

/// A name's place in the tree.
#[must_use]
pub fn label(name: &UserName) -> AkdLabel {
    AkdLabel(name.as_str().as_bytes().to_vec())
}

/// What stands there.
#[must_use]
pub fn value(entry: &DirectoryEntry) -> AkdValue {
    AkdValue(codec::encode(entry))
}

fn entry(value: &AkdValue) -> Result<DirectoryEntry, DirectoryFault> {
    codec::decode(&value.0, limits::DIRECTORY_VALUE).map_err(|_| DirectoryFault::Malformed)
}

/// What stands behind a name at a root.
///
/// # Errors
/// [`DirectoryFault::Malformed`], [`DirectoryFault::Proof`].
pub fn verify_lookup(keys: &DirectoryKeys, root: &Root, name: &UserName, proof: &[u8]) -> Result<DirectoryEntry, DirectoryFault> {
    let proof = LookupProof::decode(proof, limits::DIRECTORY_PROOF)?;
    let found = lookup_verify::<Configuration>(&keys.vrf, root.hash, root.epoch, label(name), proof);
    entry(&found.map_err(|_| DirectoryFault::Proof)?.value)
}

/// What has stood behind a name, newest first: the newest [`limits::DIRECTORY_HISTORY`] entries.
///
/// # Errors
/// [`DirectoryFault::Malformed`], [`DirectoryFault::Proof`].
pub fn verify_history(keys: &DirectoryKeys, root: &Root, name: &UserName, proof: &[u8]) -> Result<Vec<DirectoryEntry>, DirectoryFault> {
    let proof = HistoryProof::decode(proof, limits::API_BODY)?;
    let history_params = HistoryParams::MostRecent(limits::DIRECTORY_HISTORY);
    let whole = HistoryVerificationParams::Default { history_params };
    let found = key_history_verify::<Configuration>(&keys.vrf, root.hash, root.epoch, label(name), proof, whole);
    found.map_err(|_| DirectoryFault::Proof)?.iter().map(|found| entry(&found.value)).collect()
}
