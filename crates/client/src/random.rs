//! The one door to randomness: the operating system's generator, or WebCrypto's in a browser.

use sotto_protocol::ErrorCode;
use zeroize::Zeroizing;

/// `N` random bytes for public values (salts, nonces, ids).
///
/// # Errors
/// [`ErrorCode::Unsupported`] where the platform has no generator: nothing may go on without one.
pub fn bytes<const N: usize>() -> Result<[u8; N], ErrorCode> {
    let mut out = [0; N];
    getrandom::fill(&mut out).map_err(|_| ErrorCode::Unsupported)?;
    Ok(out)
}

/// `N` random bytes for a secret, erased on drop.
///
/// # Errors
/// As [`bytes`].
pub fn secret<const N: usize>() -> Result<Zeroizing<[u8; N]>, ErrorCode> {
    let mut out = Zeroizing::new([0; N]);
    getrandom::fill(out.as_mut_slice()).map_err(|_| ErrorCode::Unsupported)?;
    Ok(out)
}
