//! Services of the Sotto server: accounts, sessions, devices, key packages, rooms, delivery, retention.
//!
//! Map, from the outside in:
//! * [`Backend`] is the one handle; `accounts/`, `sessions`, `devices`, `keys`, `people`, `rooms/`, `delivery`, `archive`, `blocking`, `invites` and
//!   `retention` add their methods to it. They decide; they hold no SQL.
//! * `rooms/validate` is where a commit is checked in a scratch [`openmls::group::PublicGroup`], off the writer.
//! * `store/` says what is kept and is the seam to a database; `store/sqlite/` is the only place with SQL, `store/memory/` answers the
//!   same without a file.
//! * `backlog` is what one connection still has to get: a cursor for each room, rows read in pages.
//! * `bus` carries wake-ups. Rows are the truth: a lost wake-up costs latency, never a message.
//!
//! Invariants:
//! * an answer is given only after the transaction behind it is durable (one writer, group commit, `synchronous=FULL`);
//! * a refused request changes nothing;
//! * nothing here names a plaintext or a private key of a person; passwords never arrive, only keys derived from them, and those
//!   are kept as slow hashes;
//! * logs hold outcomes, counts and durations; ids pass through a salted hash.

mod accounts;
mod archive;
mod backend;
mod backlog;
mod blocking;
mod bus;
mod config;
mod context;
mod delivery;
mod devices;
mod directory;
mod error;
mod invites;
mod keys;
mod limits;
mod obfuscate;
mod passwords;
mod people;
mod random;
mod retention;
mod rooms;
mod secret;
mod sessions;
mod store;
mod token;

pub use accounts::NewSession;
pub use backend::Backend;
pub use backlog::Backlog;
pub use bus::{Subscription, Wake};
pub use config::{BackendConfig, Limits, PasswordScheme, Quota, Registration, Rows};
pub use context::{Caller, RequestContext};
pub use directory::{AuditError, Audited};
pub use error::{OpenError, ServiceError};
pub use retention::RetentionReport;
pub use store::MemoryDisk;
pub use token::SessionToken;
