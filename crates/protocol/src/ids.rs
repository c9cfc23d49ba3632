//! Newtypes of every identifier. All are opaque bytes; text forms are lower-case hex.

use core::fmt;
use core::str::FromStr;

use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that is not the hex form of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected {expected} hexadecimal digits")]
pub struct InvalidId {
    /// Digits that the id has.
    pub expected: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Bytes of the id.
            pub const LEN: usize = $len;

            /// The id as bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The id from bytes of any length; `None` unless the length is [`Self::LEN`].
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                decode_hex(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "{} hexadecimal digits", $len * 2)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::from_slice(d.bytes()?)
                    .ok_or_else(|| minicbor::decode::Error::message("an id of the wrong length"))
            }
        }
    };
}

id!(
    /// A person: SHA-256 of the account's Ed25519 public key, so another identity key is another account.
    AccountId, 32
);
id!(
    /// One browser profile or command-line client: one MLS leaf. Random.
    DeviceId, 16
);
id!(
    /// A room's place in the archive of one account: not to be connected with the room by anybody else.
    ShelfId, 16
);
id!(
    /// A room, which is one MLS group: equal to the MLS group id. Random, chosen by the creator.
    RoomId, 16
);
id!(
    /// An invite link of a group: what is left of its secret when nothing can be told from it.
    InviteId, 16
);
id!(
    /// A message, inside the ciphertext: UUIDv7 chosen by the author.
    MessageId, 16
);
id!(
    /// One publish attempt series: the server answers a repeated id with its first answer. Random.
    IdempotencyId, 16
);
id!(
    /// A sign-in session as shown in the list of sessions; not its token. Random.
    SessionId, 16
);

fn decode_hex<const N: usize>(text: &str) -> Result<[u8; N], InvalidId> {
    let invalid = InvalidId { expected: N * 2 };
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return Err(invalid);
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let high = hex_digit(pair[0]).ok_or(invalid)?;
        let low = hex_digit(pair[1]).ok_or(invalid)?;
        *byte = high << 4 | low;
    }
    Ok(out)
}

const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_rejects_other_lengths() {
        let id = DeviceId([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("ab".parse::<DeviceId>().is_err());
        assert!("AB".repeat(16).parse::<DeviceId>().is_err());
    }
}
