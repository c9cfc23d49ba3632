//! The session token: 256 random bits that only the browser keeps; the database holds their hash.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use sotto_protocol::ErrorCode;
use zeroize::Zeroizing;

/// A session token in the clear, on its way into or out of a cookie.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<[u8; 32]>);

impl SessionToken {
    /// A fresh one.
    pub(crate) fn generate() -> Result<Self, ErrorCode> {
        crate::random::bytes().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The token of a cookie's value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        <[u8; 32]>::try_from(bytes.as_slice()).ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The value for `Set-Cookie`, and for nothing else.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(*self.0)
    }

    /// What the database holds: the token has 256 bits of chance, so a fast hash is enough.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(*self.0).into()
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(redacted)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn token_round_trips_and_shows_nothing() {
        let token = SessionToken::generate().unwrap();
        let text = token.expose();
        assert_eq!(text.len(), 43);
        assert_eq!(SessionToken::parse(&text).unwrap().hash(), token.hash());
        assert_eq!(format!("{token:?}"), "SessionToken(redacted)");
        assert!(SessionToken::parse("short").is_none());
    }
}
