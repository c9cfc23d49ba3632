//! What stands inside an application message.

use sotto_client::content::Content;
use sotto_protocol::{ErrorCode, RoomId, codec, limits};

use crate::wire;

/// Content that a member sent, for the room that MLS names.
pub fn content(data: &[u8]) -> bool {
    wire::cbor::<Content>(data, limits::MESSAGE);
    let Ok(any) = codec::decode::<Content>(data, limits::MESSAGE) else { return false };
    let mut other = any.room;
    other.0[0] ^= 1;
    assert_eq!(Content::decode(data, other), Err(ErrorCode::NotAuthentic), "content that was made for another room");
    match Content::decode(data, any.room) {
        Ok(taken) => {
            assert!(taken.text.as_ref().is_none_or(|text| text.len() <= limits::TEXT));
            assert_eq!(Content::decode(&taken.encode(), RoomId(any.room.0)).as_ref(), Ok(&taken));
            true
        }
        Err(code) => {
            assert_eq!(code, ErrorCode::TooLarge);
            false
        }
    }
}
