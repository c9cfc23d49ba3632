//! User names: 3 to 32 of `a-z 0-9 _ -`, case-folded, some reserved.

use core::fmt;
use core::str::FromStr;

use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::error::ErrorCode;

/// Names that could pass for the service, for a role, or for a path.
const RESERVED: &[&str] = &[
    "admin",
    "administrator",
    "all",
    "anonymous",
    "api",
    "channel",
    "everyone",
    "health",
    "help",
    "here",
    "info",
    "me",
    "moderator",
    "none",
    "notes",
    "null",
    "official",
    "owner",
    "postmaster",
    "root",
    "security",
    "self",
    "server",
    "signin",
    "signup",
    "sotto",
    "staff",
    "support",
    "system",
    "undefined",
    "webmaster",
    "you",
];

/// A valid, case-folded user name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UserName(String);

impl UserName {
    /// Most characters (all ASCII, so bytes too).
    pub const MAX: usize = 32;
    /// Fewest characters.
    pub const MIN: usize = 3;

    /// Case-folds and checks what a person typed.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidName`] for length or characters, [`ErrorCode::ReservedName`] for a reserved word.
    pub fn parse(typed: &str) -> Result<Self, ErrorCode> {
        let name = typed.trim().to_ascii_lowercase();
        let allowed = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if !(Self::MIN..=Self::MAX).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(ErrorCode::InvalidName);
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(ErrorCode::ReservedName);
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserName {
    type Err = ErrorCode;

    fn from_str(typed: &str) -> Result<Self, ErrorCode> {
        Self::parse(typed)
    }
}

impl<'de> Deserialize<'de> for UserName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|code| de::Error::custom(code.as_str()))
    }
}

impl<C> Encode<C> for UserName {
    fn encode<W: minicbor::encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for UserName {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).map_err(|_| minicbor::decode::Error::message("not a user name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_bounded_and_not_reserved() {
        assert_eq!(UserName::parse(" Mira-K ").map(|n| n.to_string()), Ok("mira-k".into()));
        for bad in ["ab", "", "a b c", "naïve", "аlice", &"a".repeat(33), "a/b", "a.b"] {
            assert_eq!(UserName::parse(bad), Err(ErrorCode::InvalidName), "{bad}");
        }
        assert_eq!(UserName::parse("Admin"), Err(ErrorCode::ReservedName));
        assert!(UserName::parse(&"a".repeat(32)).is_ok());
    }
}
