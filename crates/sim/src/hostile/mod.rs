//! The adversaries of THREAT_MODEL.md, each as a kit of moves that tests put together: a [`member`] who keeps no rule and makes
//! bytes that OpenMLS does not ([`forgery`], [`downgrade`]), a [`server`] that lies to one browser, and a [`thief`] who has the files.
//!
//! A move makes bytes, or changes what passes; it never says what should come of it. Whoever calls it asserts that.

pub mod downgrade;
pub mod forgery;
pub mod member;
pub mod server;
mod spoiling;
pub mod thief;

use sotto_protocol::ErrorCode;

// What went wrong in building an attack is a fault of the test, which names the move.
fn internal<E>(_: E) -> ErrorCode {
    ErrorCode::Internal
}

fn malformed<E>(_: E) -> ErrorCode {
    ErrorCode::Malformed
}
