//! Wire types for both sides: ids, names, frames, HTTP bodies, stable error codes and size limits.
//!
//! Two encodings, one set of types:
//! * **CBOR** (minicbor, indexed fields, unknown fields skipped) for the sync socket and `/api/v1`;
//! * **JSON** (serde) for the account server functions and for what passes between page and worker.
//!
//! Invariant: nothing in this crate names a plaintext or a private key. Everything that a peer sends is bounded by [`limits`]
//! before it is decoded ([`codec::decode`]).

pub mod accounts;
pub mod api;
pub mod bytes;
pub mod codec;
pub mod device_list;
pub mod directory;
pub mod error;
pub mod frames;
pub mod ids;
pub mod invites;
pub mod limits;
pub mod name;

pub use bytes::Bytes;
pub use error::ErrorCode;
pub use ids::{AccountId, DeviceId, IdempotencyId, InviteId, MessageId, RoomId, SessionId, ShelfId};
pub use name::UserName;

/// Position of an entry in a room's log; the first entry has 1, 0 means "before everything".
pub type Seq = u64;
/// MLS epoch of a room (RFC 9420 §8.1).
pub type Epoch = u64;
/// Milliseconds since the Unix epoch.
pub type Millis = u64;
