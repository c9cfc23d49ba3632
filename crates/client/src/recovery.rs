//! The recovery code: 128 random bits as text for people, and the two keys that it gives.
//!
//! Text: Crockford base32 (no I, L, O, U), 26 characters, then two check characters, in seven groups of four. The check is
//! Crockford's own idea (remainder by a prime just above the base) with 1021 for two characters: every single wrong
//! character and every swap of two neighbours is found before anything is sent.

use hkdf::Hkdf;
use sha2::Sha256;
use sotto_client_api::RecoveryCode;
use sotto_protocol::ErrorCode;
use zeroize::{Zeroize, Zeroizing};

use crate::random;

const AUTH_LABEL: &[u8] = b"sotto recovery auth key v1";
const SLOT_LABEL: &[u8] = b"sotto recovery slot key v1";
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DATA_CHARS: usize = 26;
const CHARS: usize = DATA_CHARS + 2;
const GROUP: usize = 4;
/// The largest prime that two base32 characters can hold a remainder of.
const CHECK_PRIME: u32 = 1021;

/// A recovery code. Erased on drop.
pub struct Code(Zeroizing<[u8; 16]>);

/// What a recovery code gives. 128 random bits need no slow derivation.
pub struct RecoveryKeys {
    /// Proves the code to the server.
    pub auth_key: Zeroizing<[u8; 32]>,
    /// Opens the recovery slot of the vault.
    pub slot_key: Zeroizing<[u8; 32]>,
}

impl Code {
    /// A new code.
    ///
    /// # Errors
    /// [`ErrorCode::Unsupported`] without a random generator.
    pub fn generate() -> Result<Self, ErrorCode> {
        random::secret().map(Self)
    }

    /// Reads what a person typed: case, spaces and dashes don't matter, `O` is zero, `I` and `L` are one.
    ///
    /// # Errors
    /// [`ErrorCode::MistypedRecoveryCode`].
    pub fn parse(typed: &str) -> Result<Self, ErrorCode> {
        let mistyped = ErrorCode::MistypedRecoveryCode;
        let mut digits = Zeroizing::new([0_u8; CHARS]);
        let mut length = 0;
        for character in typed.chars().filter(|c| !c.is_whitespace() && !is_dash(*c)) {
            *digits.get_mut(length).ok_or(mistyped)? = digit(character).ok_or(mistyped)?;
            length += 1;
        }
        let (data, given) = digits.split_at(DATA_CHARS);
        if length != CHARS || check_digits(data) != *given {
            return Err(mistyped);
        }
        let mut number = data.iter().take(DATA_CHARS - 1).fold(0_u128, |number, digit| number << 5 | u128::from(*digit));
        // 26 characters hold 130 bits; the last two are padding and must be zero, so that a code has one text only.
        let last = data[DATA_CHARS - 1];
        if last & 0b11 != 0 {
            return Err(mistyped);
        }
        number = number << 3 | u128::from(last >> 2);
        let code = Self(Zeroizing::new(number.to_be_bytes()));
        number.zeroize();
        Ok(code)
    }

    /// The text to show: seven groups of four.
    #[must_use]
    pub fn to_text(&self) -> RecoveryCode {
        let number = u128::from_be_bytes(*self.0);
        let mut digits = Zeroizing::new([0_u8; CHARS]);
        for (index, digit) in digits.iter_mut().take(DATA_CHARS - 1).enumerate() {
            *digit = (number >> (123 - 5 * index)) as u8 & 31;
        }
        digits[DATA_CHARS - 1] = (number as u8 & 0b111) << 2;
        let check = check_digits(&digits[..DATA_CHARS]);
        digits[DATA_CHARS..].copy_from_slice(&check);

        let mut text = String::with_capacity(CHARS + CHARS / GROUP);
        for (index, digit) in digits.iter().enumerate() {
            if index > 0 && index % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(*digit)]));
        }
        RecoveryCode(text)
    }

    /// The two keys, by labels that no password shares.
    ///
    /// # Errors
    /// None in practice (HKDF refuses only absurd lengths).
    pub fn keys(&self) -> Result<RecoveryKeys, ErrorCode> {
        Ok(RecoveryKeys { auth_key: self.expand(AUTH_LABEL)?, slot_key: self.expand(SLOT_LABEL)? })
    }

    fn expand(&self, label: &[u8]) -> Result<Zeroizing<[u8; 32]>, ErrorCode> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.0.as_slice()).expand(label, key.as_mut_slice()).map_err(|_| ErrorCode::Internal)?;
        Ok(key)
    }
}

impl core::fmt::Debug for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Code(…)")
    }
}

impl core::fmt::Debug for RecoveryKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RecoveryKeys(…)")
    }
}

/// Word processors turn hyphens into their relatives.
fn is_dash(character: char) -> bool {
    matches!(character, '-' | '_' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

fn digit(character: char) -> Option<u8> {
    let folded = match character.to_ascii_uppercase() {
        'O' => b'0',
        'I' | 'L' => b'1',
        other => u8::try_from(other).ok()?,
    };
    ALPHABET.iter().position(|known| *known == folded).and_then(|index| u8::try_from(index).ok())
}

fn check_digits(data: &[u8]) -> [u8; 2] {
    let remainder = data.iter().fold(0, |remainder, digit| (remainder * 32 + u32::from(*digit)) % CHECK_PRIME);
    [(remainder / 32) as u8, (remainder % 32) as u8]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SECRET: [u8; 16] = *b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";

    fn code() -> Code {
        Code(Zeroizing::new(SECRET))
    }

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        let text = code().to_text().0;
        assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [4; 7]);
        let careless = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        let pasted = format!("\n{}\t", text.replace('-', "\u{2013}"));
        for typed in [text.as_str(), &text.replace('-', ""), &careless, &pasted, &careless.replace('l', "I")] {
            assert_eq!(*Code::parse(typed).unwrap().0, SECRET, "{typed}");
        }
        for secret in [[0; 16], [0xff; 16], random::bytes().unwrap()] {
            let text = Code(Zeroizing::new(secret)).to_text().0;
            assert_eq!(*Code::parse(&text).unwrap().0, secret);
        }
    }

    // Fails without `check_digits(data) != *given` in `parse`.
    #[test]
    fn every_wrong_character_and_every_swap_of_neighbours_is_found() {
        for secret in [SECRET, random::bytes().unwrap()] {
            let text = Code(Zeroizing::new(secret)).to_text().0.replace('-', "").into_bytes();
            let refused = |typed: &[u8]| Code::parse(str::from_utf8(typed).unwrap()).err() == Some(ErrorCode::MistypedRecoveryCode);
            for index in 0..text.len() {
                for other in ALPHABET.iter().filter(|other| **other != text[index]) {
                    let mut wrong = text.clone();
                    wrong[index] = *other;
                    assert!(refused(&wrong), "{index} {other}");
                }
                assert!(refused(&text[..index]));
            }
            // Within the 26 characters; the step into the check characters is caught too, or is no change of the remainder.
            for index in (0..DATA_CHARS - 1).filter(|index| text[*index] != text[index + 1]) {
                let mut wrong = text.clone();
                wrong.swap(index, index + 1);
                assert!(refused(&wrong), "{index}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let text = code().to_text().0;
        for typed in
            ["", "hunter2", &text[1..], &format!("{text}0"), &text.replace('-', "U"), &"0".repeat(100_000), "é".repeat(28).as_str()]
        {
            assert_eq!(Code::parse(typed).err(), Some(ErrorCode::MistypedRecoveryCode));
        }
    }

    #[test]
    fn a_code_gives_two_unrelated_keys() {
        let keys = code().keys().unwrap();
        assert_ne!(keys.auth_key, keys.slot_key);
        assert_eq!(keys.auth_key, code().keys().unwrap().auth_key);
        assert_eq!(format!("{:?} {:?}", code(), keys), "Code(…) RecoveryKeys(…)");
    }
}
