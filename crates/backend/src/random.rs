//! Random bytes from the operating system.

use sotto_protocol::ErrorCode;

/// Fresh bytes. A system that has none can't do anything safely, so the request is refused.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], ErrorCode> {
    let mut out = [0; N];
    getrandom::fill(&mut out).map_err(|_| ErrorCode::Unavailable)?;
    Ok(out)
}
