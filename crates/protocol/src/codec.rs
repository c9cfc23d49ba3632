//! The bounded CBOR codec: length first, then structure; a malformed input is a value, never a panic.

use minicbor::{Decode, Encode};

use crate::error::ErrorCode;

/// Encodes a value as CBOR. Writing to memory cannot fail.
#[must_use]
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    match minicbor::encode(value, &mut out) {
        Ok(()) => out,
        // The error type of writing to a Vec is uninhabited in all but name.
        Err(_) => Vec::new(),
    }
}

/// Decodes exactly one value out of at most `limit` bytes.
///
/// # Errors
/// [`ErrorCode::TooLarge`] over the limit; [`ErrorCode::Malformed`] for anything that is not the value, or has bytes after it.
pub fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8], limit: usize) -> Result<T, ErrorCode> {
    if bytes.len() > limit {
        return Err(ErrorCode::TooLarge);
    }
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(|_| ErrorCode::Malformed)?;
    if decoder.position() != bytes.len() {
        return Err(ErrorCode::Malformed);
    }
    Ok(value)
}
