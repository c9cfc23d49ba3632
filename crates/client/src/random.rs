//! The one door to randomness: the operating system's generator, or WebCrypto's in a browser.

use core::cell::Cell;

use sotto_protocol::ErrorCode;
use zeroize::Zeroizing;

/// Fills a buffer with random bytes.
///
/// # Errors
/// [`ErrorCode::Unsupported`] where there is no generator.
pub type Source = fn(&mut [u8]) -> Result<(), ErrorCode>;

thread_local! {
    static SOURCE: Cell<Source> = const { Cell::new(system) };
}

fn system(out: &mut [u8]) -> Result<(), ErrorCode> {
    getrandom::fill(out).map_err(|_| ErrorCode::Unsupported)
}

/// Another source for this thread: ids decide in which order rooms are worked on, so a simulation that is to replay a seed has to
/// choose them. A test of the tree sees to it that nothing but the simulation calls this.
pub fn replace_source(source: Source) {
    SOURCE.set(source);
}

/// `N` random bytes for public values (salts, nonces, ids).
///
/// # Errors
/// [`ErrorCode::Unsupported`] where the platform has no generator: nothing may go on without one.
pub fn bytes<const N: usize>() -> Result<[u8; N], ErrorCode> {
    let mut out = [0; N];
    SOURCE.get()(&mut out)?;
    Ok(out)
}

/// `N` random bytes for a secret, erased on drop.
///
/// # Errors
/// As [`bytes`].
pub fn secret<const N: usize>() -> Result<Zeroizing<[u8; N]>, ErrorCode> {
    let mut out = Zeroizing::new([0; N]);
    SOURCE.get()(out.as_mut_slice())?;
    Ok(out)
}
