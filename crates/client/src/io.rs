//! The engine's border: everything that comes in ([`Input`]) and everything that must happen outside ([`Effect`]).
//!
//! A host (the browser worker, a simulation, a native test) runs `Engine::step(now, input) -> Vec<Effect>` and carries the
//! effects out **in order**. The host never interprets bytes: rows are sealed, frames and bodies are encoded.

use sotto_client_api::{Command, FromWorker};
use sotto_protocol::{ErrorCode, Millis, api::ErrorBody};

/// Which table of this browser a row lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Store {
    /// Loaded whole at boot: MLS state, rooms, contacts, outbox, drafts.
    State,
    /// Loaded by range: timeline entries, key = room (16 bytes) || seq (8 bytes, big-endian).
    Entries,
}

impl Store {
    /// Name of the table; part of every row's AAD.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Entries => "entries",
        }
    }
}

/// A sealed row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Table.
    pub store: Store,
    /// Key within the table, in the clear (ids only).
    pub key: Vec<u8>,
    /// Sealed value.
    pub sealed: Vec<u8>,
}

/// One atomic write: all of it in one strict transaction, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Before anything else, delete every row of every table.
    pub clear: bool,
    /// Rows to write.
    pub puts: Vec<Row>,
    /// Rows to delete.
    pub deletes: Vec<(Store, Vec<u8>)>,
    /// The profile to write in the same transaction.
    pub profile: Option<Profile>,
    /// The erasable secret to write before the transaction.
    pub slot: Option<SlotWrite>,
}

/// The two slots outside of the database, each overwritten in place. What was never written is zeros.
pub type Slots = zeroize::Zeroizing<[[u8; 32]; 2]>;

/// One step from one erasable secret to the next: write the slot and flush it, then the transaction, then overwrite the other slot with
/// zeros and flush that. A batch that fails leaves the other slot as it was. A profile names the slot that counts, so that whatever
/// happens between these steps leaves a browser that opens.
#[derive(Clone, PartialEq, Eq)]
pub struct SlotWrite {
    /// 0 or 1.
    pub slot: u8,
    /// What to write.
    pub secret: zeroize::Zeroizing<[u8; 32]>,
}

impl core::fmt::Debug for SlotWrite {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SlotWrite({}, …)", self.slot)
    }
}

/// The one unsealed record of this browser: who it belongs to and how its storage key is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Opaque to the host (`client::profile` encodes it; holds wraps, names, KDF pins, no key in the clear).
    pub bytes: Vec<u8>,
    /// What to do with the wrap under the browser's non-extractable key.
    pub device_wrap: DeviceWrap,
}

/// The storage key's wrap under a non-extractable WebCrypto key (AES-256-GCM) that the host makes and keeps.
#[derive(Clone, PartialEq, Eq)]
pub enum DeviceWrap {
    /// Leave as it is.
    Keep,
    /// Make a new non-extractable key, wrap these 32 bytes with it, store both.
    Replace(zeroize::Zeroizing<[u8; 32]>),
    /// Delete key and wrap.
    Remove,
}

impl core::fmt::Debug for DeviceWrap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Replace(_) => "Replace(…)",
            Self::Remove => "Remove",
        })
    }
}

/// What the host found at boot, or why it could not look.
pub struct Opened {
    /// The profile record, if any.
    pub profile: Option<Vec<u8>>,
    /// The storage key, where a device wrap was there and opened.
    pub storage_key: Option<zeroize::Zeroizing<[u8; 32]>>,
    /// All rows of [`Store::State`].
    pub state: Vec<Row>,
    /// The slots; `None` in a browser that can overwrite nothing in place.
    pub slots: Option<Slots>,
}

/// What comes in.
pub enum Input {
    /// From the page.
    Command {
        /// To be borne by the reply.
        id: u32,
        /// What is asked.
        command: Command,
    },
    /// Answer to [`Effect::Open`]. Errors: `unsupported`, `storage_damaged`, `other_tab`.
    Opened(Result<Opened, ErrorCode>),
    /// Answer to [`Effect::Persist`].
    Persisted {
        /// From the effect.
        id: u64,
        /// Whether the transaction committed; on an error nothing was written.
        result: Result<(), ErrorCode>,
    },
    /// Answer to [`Effect::Load`].
    Loaded {
        /// From the effect.
        id: u64,
        /// Rows in the order that was asked for.
        result: Result<Vec<Row>, ErrorCode>,
    },
    /// Answer to [`Effect::Wipe`].
    Wiped {
        /// Whether everything is gone.
        result: Result<(), ErrorCode>,
    },
    /// The socket opened (nothing was said yet).
    SocketOpened,
    /// One binary message from the socket.
    Frame(Vec<u8>),
    /// The socket closed, or did not open.
    SocketClosed,
    /// Answer to [`Effect::Request`].
    Response {
        /// From the effect.
        id: u64,
        /// Body of a 2xx answer, or the decoded error body (`offline` when there was no answer).
        result: Result<Vec<u8>, ErrorBody>,
    },
    /// The time of [`Effect::WakeAt`] has come.
    Tick,
}

/// HTTP methods that the API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST with a CBOR body
    Post,
}

/// What must happen outside.
#[derive(Debug)]
pub enum Effect {
    /// Open the database, read profile and state. Answer: [`Input::Opened`].
    Open,
    /// Write in one strict transaction. Answer: [`Input::Persisted`].
    Persist {
        /// For the answer.
        id: u64,
        /// What.
        batch: Batch,
    },
    /// Read rows of a table by key range. Answer: [`Input::Loaded`].
    Load {
        /// For the answer.
        id: u64,
        /// Which table.
        store: Store,
        /// First key, inclusive.
        from: Vec<u8>,
        /// Last key, inclusive.
        to: Vec<u8>,
        /// Most rows, counted from the end of the range (newest first).
        newest: u32,
    },
    /// Delete every row, the profile and every key of this browser. Answer: [`Input::Wiped`].
    Wipe,
    /// Open the socket (close one that is there).
    Connect,
    /// Close the socket; no [`Input::SocketClosed`] follows.
    Disconnect,
    /// Send one binary message.
    Send(Vec<u8>),
    /// Call the API with the session cookie. Answer: [`Input::Response`].
    Request {
        /// For the answer.
        id: u64,
        /// Method.
        method: Method,
        /// Path and query, beginning with `/api/v1/`.
        path: String,
        /// Encoded body; empty for GET.
        body: Vec<u8>,
    },
    /// Tell the page.
    Emit(FromWorker),
    /// Send [`Input::Tick`] at this time; replaces an earlier one.
    WakeAt(Millis),
}
