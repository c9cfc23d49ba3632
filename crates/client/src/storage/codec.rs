//! Values of MLS entities: one format-version item, then self-describing CBOR (a CBOR sequence, RFC 8742).
//!
//! Not postcard or bincode: a type of OpenMLS deserialises untagged, which wants a format that says what it holds.

use core::convert::Infallible;

use minicbor::encode::Write;
use minicbor_serde::{Deserializer, Serializer};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{StorageError, layers::Value};

/// Format of the values; a single CBOR item (the unsigned integer 1).
const VERSION: u8 = 1;

/// Encodes a value; `entity` names its kind in errors.
pub(super) fn encode<T: Serialize + ?Sized>(entity: &'static str, value: &T) -> Result<Value, StorageError> {
    let mut out = ErasingWriter(Zeroizing::new(Vec::with_capacity(512)));
    out.push(&[VERSION]);
    value.serialize(&mut Serializer::new(&mut out)).map_err(|_| StorageError::Encode { entity })?;
    Ok(out.0)
}

/// Decodes a value, all of it.
pub(super) fn decode<T: DeserializeOwned>(entity: &'static str, bytes: &[u8]) -> Result<T, StorageError> {
    let damaged = StorageError::Damaged { entity };
    let (&version, rest) = bytes.split_first().ok_or(damaged)?;
    if version != VERSION {
        return Err(StorageError::UnknownVersion { entity, expected: VERSION, got: version });
    }
    // The cause is dropped on purpose: serde quotes values in its errors, and these values are keys.
    let mut deserializer = Deserializer::new(rest);
    let value = T::deserialize(&mut deserializer).map_err(|_| damaged)?;
    if deserializer.decoder().position() == rest.len() { Ok(value) } else { Err(damaged) }
}

/// A growing buffer that erases what it leaves behind: a plain `Vec` leaves copies of keys in freed memory.
struct ErasingWriter(Value);

impl ErasingWriter {
    fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity() * 2)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }
}

impl Write for ErasingWriter {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.push(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_round_trip_and_damage_is_never_absence() {
        let value = vec![Some(7_u64), None];
        let bytes = encode("test", &value).unwrap();
        assert_eq!(decode::<Vec<Option<u64>>>("test", &bytes), Ok(value));
        let damaged = Err(StorageError::Damaged { entity: "test" });
        assert_eq!(decode::<Vec<Option<u64>>>("test", &[]), damaged);
        assert_eq!(decode::<Vec<Option<u64>>>("test", &bytes[..bytes.len() - 1]), damaged);
        assert_eq!(decode::<Vec<Option<u64>>>("test", &[&bytes[..], &[0]].concat()), damaged);
        let newer = [&[2], &bytes[1..]].concat();
        let unknown = StorageError::UnknownVersion { entity: "test", expected: 1, got: 2 };
        assert_eq!(decode::<Vec<Option<u64>>>("test", &newer), Err(unknown));
    }
}
