//! Random values for the engine, from the same door as OpenMLS's ([`sotto_crypto::random`]).

pub use sotto_crypto::random::replace_source;
use sotto_crypto::{NoRandomness, random};
use sotto_protocol::{ErrorCode, Millis};
use zeroize::Zeroizing;

/// `N` random bytes for public values (salts, nonces, ids).
///
/// # Errors
/// [`ErrorCode::Unsupported`] where the platform has no generator: nothing may go on without one.
pub fn bytes<const N: usize>() -> Result<[u8; N], ErrorCode> {
    let mut out = [0; N];
    random::fill(&mut out).map_err(unsupported)?;
    Ok(out)
}

/// `N` random bytes for a secret, erased on drop.
///
/// # Errors
/// As [`bytes`].
pub fn secret<const N: usize>() -> Result<Zeroizing<[u8; N]>, ErrorCode> {
    let mut out = Zeroizing::new([0; N]);
    random::fill(out.as_mut_slice()).map_err(unsupported)?;
    Ok(out)
}

/// A random part of a time, so that many don't do the same at once.
///
/// # Errors
/// As [`bytes`].
pub fn part_of(time: Millis) -> Result<Millis, ErrorCode> {
    Ok(u64::from(u16::from_be_bytes(bytes()?)) * time / u64::from(u16::MAX))
}

fn unsupported(_: NoRandomness) -> ErrorCode {
    ErrorCode::Unsupported
}
