//! The one door of clients to randomness: the operating system's generator, or WebCrypto's in a browser.

use core::cell::Cell;

use crate::NoRandomness;

/// Fills a buffer with random bytes, or says that it can't.
pub type Source = fn(&mut [u8]) -> Result<(), NoRandomness>;

thread_local! {
    static SOURCE: Cell<Source> = const { Cell::new(system) };
}

fn system(out: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(out).map_err(|_| NoRandomness)
}

/// Fills a buffer with random bytes.
///
/// # Errors
/// [`NoRandomness`] where there is no generator.
pub fn fill(out: &mut [u8]) -> Result<(), NoRandomness> {
    SOURCE.get()(out)
}

/// Another source for this thread: a simulation that is to replay a seed has to choose ids and keys. A test of the tree sees to it that
/// nothing but the simulation calls this.
pub fn replace_source(source: Source) {
    SOURCE.set(source);
}
