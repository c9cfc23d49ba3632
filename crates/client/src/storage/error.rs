//! What can go wrong in the journaled store.

/// Why the store refused. None of these ever means "absent": a row that is not there is `Ok(None)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// A row is there and does not decode, or rows that belong together are not all there.
    #[error("a stored {entity} does not decode")]
    Damaged {
        /// Which kind of row; never its content.
        entity: &'static str,
    },
    /// A row was written by another version of this program.
    #[error("a stored {entity} has format version {got}, expected {expected}")]
    UnknownVersion {
        /// Which kind of row.
        entity: &'static str,
        /// The version that this program writes.
        expected: u8,
        /// The version found.
        got: u8,
    },
    /// A value could not be encoded: a bug of the type's `Serialize`.
    #[error("a {entity} could not be encoded")]
    Encode {
        /// Which kind of row.
        entity: &'static str,
    },
    /// A write outside of a step. A bug of the caller: nothing was written.
    #[error("a write without an open journal")]
    NoJournal,
    /// A step was begun inside another one. A bug of the caller: the open journal is untouched.
    #[error("a journal is open already")]
    JournalOpen,
    /// A confirmation without changes that wait for one. A bug of the caller.
    #[error("no changes wait for confirmation")]
    NothingPending,
    /// An engine row with a key of the MLS entities (first byte 0x01), or with an empty key. A bug of the caller.
    #[error("an engine row with a reserved key")]
    ReservedKey,
    /// A promotion of a namespace that holds nothing. A bug of the caller.
    #[error("a namespace without rows was promoted")]
    EmptyNamespace,
}
