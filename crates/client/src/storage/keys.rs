//! Keys of MLS entities: typed, so that two kinds never collide, and ordered, so that one room's rows are a few ranges.
//!
//! ```text
//! 0x01 | namespace | kind (1) | group part length (2, big-endian) | group part (CBOR) | rest (CBOR)
//! namespace: 0x00 (main), or 0x01 and 16 bytes (staged)
//! ```
//! The group part is the group id, and empty for entities that belong to no group.

use serde::Serialize;

use super::{Namespace, StorageError, codec};

/// First byte of every MLS entity's key; every other first byte is the engine's.
pub(crate) const MLS: u8 = 0x01;

macro_rules! kinds {
    ($($name:ident = $byte:literal),+ $(,)?) => {
        /// What a row holds. The numbers are stored: never reuse one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kind { $($name = $byte),+ }

        impl Kind {
            /// Name for errors.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }

        /// Every kind.
        pub(super) const KINDS: &[Kind] = &[$(Kind::$name),+];
    };
}

kinds! {
    // State of one group.
    JoinConfig = 0x01,
    Tree = 0x02,
    GroupContext = 0x03,
    InterimTranscriptHash = 0x04,
    ConfirmationTag = 0x05,
    GroupState = 0x06,
    EpochSecrets = 0x07,
    MessageSecrets = 0x08,
    ResumptionPsks = 0x09,
    OwnLeafIndex = 0x0a,
    OwnLeafNodes = 0x0b,
    ProposalRefs = 0x0c,
    QueuedProposal = 0x0d,
    EpochKeyPairs = 0x0e,
    // Key material that stands alone.
    SignatureKeyPair = 0x41,
    EncryptionKeyPair = 0x42,
    KeyPackage = 0x43,
    Psk = 0x44,
}

/// A key with the kind that its value must have.
pub(super) struct EntityKey {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
}

/// Prefix of all rows of a namespace.
pub(super) fn namespace_prefix(namespace: Option<Namespace>) -> Vec<u8> {
    let mut prefix = vec![MLS];
    match namespace {
        None => prefix.push(0x00),
        Some(Namespace(id)) => {
            prefix.push(0x01);
            prefix.extend_from_slice(&id);
        }
    }
    prefix
}

/// Prefix of all rows of one kind and one group, in a namespace; `group` is the encoded group id.
pub(super) fn group_prefix(namespace: Option<Namespace>, kind: Kind, group: &[u8]) -> Result<Vec<u8>, StorageError> {
    let length = u16::try_from(group.len()).map_err(|_| StorageError::Encode { entity: kind.name() })?;
    let mut prefix = namespace_prefix(namespace);
    prefix.push(kind as u8);
    prefix.extend_from_slice(&length.to_be_bytes());
    prefix.extend_from_slice(group);
    Ok(prefix)
}

/// Key of an entity that belongs to a group; `rest` tells several rows of a kind apart, `&()` where there is one.
pub(super) fn of_group<G: Serialize, R: Serialize>(
    namespace: Option<Namespace>,
    kind: Kind,
    group_id: &G,
    rest: &R,
) -> Result<EntityKey, StorageError> {
    let mut bytes = group_prefix(namespace, kind, &codec::encode(kind.name(), group_id)?)?;
    bytes.extend_from_slice(&codec::encode(kind.name(), rest)?);
    Ok(EntityKey { kind, bytes })
}

/// Key of an entity that stands alone.
pub(super) fn alone<K: Serialize>(namespace: Option<Namespace>, kind: Kind, key: &K) -> Result<EntityKey, StorageError> {
    let mut bytes = group_prefix(namespace, kind, &[])?;
    bytes.extend_from_slice(&codec::encode(kind.name(), key)?);
    Ok(EntityKey { kind, bytes })
}

/// The group part of a key, given the part of it that follows the namespace; `None` where the entity stands alone.
pub(super) fn group_part(after_namespace: &[u8]) -> Option<&[u8]> {
    let (_kind, rest) = after_namespace.split_first()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let group = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    (!group.is_empty()).then_some(group)
}
