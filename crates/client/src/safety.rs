//! Safety numbers: 60 digits that are the same on both sides when nobody stands between, and their QR code.
//!
//! Built as Signal and WhatsApp build theirs: each account key is hashed 5200 times by SHA-512, 30 digits are taken from
//! the result, and the two halves are sorted, so that both people read the same number. Only account keys count: a new device
//! changes nothing.

use qrcode::{Color, EcLevel, QrCode};
use sha2::{Digest, Sha512};
use sotto_client_api::views::Comparison;
use sotto_protocol::{AccountId, ErrorCode};
use sotto_rules::identity::account_id;

/// Of the digits and of the QR text. Part of the hash.
const VERSION: u16 = 1;
const ITERATIONS: u32 = 5_200;
const GROUP: usize = 5;
const QR_PREFIX: &str = "SOTTO:";

/// The number of two accounts, as one of them sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafetyNumber {
    mine: AccountId,
    theirs: AccountId,
    digits: String,
}

/// Modules of a QR code, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    /// True is dark; `width` squared many.
    pub modules: Vec<bool>,
    /// Modules on a side.
    pub width: u32,
}

impl SafetyNumber {
    /// The number of two account keys (public keys, as their credentials bear them).
    ///
    /// # Errors
    /// [`ErrorCode::NotReady`] for oneself: notes have nobody to compare with.
    pub fn of(mine: &[u8; 32], theirs: &[u8; 32]) -> Result<Self, ErrorCode> {
        if mine == theirs {
            return Err(ErrorCode::NotReady);
        }
        let mut halves = [fingerprint(mine), fingerprint(theirs)];
        halves.sort();
        Ok(Self { mine: account_id(mine), theirs: account_id(theirs), digits: halves.concat() })
    }

    /// The digits, in 12 groups of 5.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        self.digits.as_bytes().chunks(GROUP).map(|group| String::from_utf8_lossy(group).into_owned()).collect()
    }

    /// What this side's QR code says: version, own account id, the other's. Upper case, because QR packs that tighter.
    #[must_use]
    pub fn qr_text(&self) -> String {
        format!("{QR_PREFIX}{VERSION}:{}:{}", self.mine, self.theirs).to_ascii_uppercase()
    }

    /// This side's QR code.
    ///
    /// # Errors
    /// None in practice: the text has one length, which fits.
    pub fn qr(&self) -> Result<Qr, ErrorCode> {
        let code = QrCode::with_error_correction_level(self.qr_text(), EcLevel::M).map_err(|_| ErrorCode::Internal)?;
        let width = u32::try_from(code.width()).map_err(|_| ErrorCode::Internal)?;
        Ok(Qr { modules: code.into_colors().into_iter().map(|color| color == Color::Dark).collect(), width })
    }

    /// Compares what was scanned from the other side's screen. Full account ids stand in it, so it is at least as strong as
    /// the digits.
    #[must_use]
    pub fn compare_qr(&self, scanned: &str) -> Comparison {
        let scanned = scanned.trim().to_ascii_lowercase();
        let Some(rest) = scanned.strip_prefix(&QR_PREFIX.to_ascii_lowercase()) else { return Comparison::NotSafetyNumber };
        let Some((version, ids)) = rest.split_once(':') else { return Comparison::NotSafetyNumber };
        if version != VERSION.to_string() {
            return Comparison::OtherVersion;
        }
        let ids = ids.split_once(':').map(|(theirs, mine)| (theirs.parse::<AccountId>(), mine.parse::<AccountId>()));
        let Some((Ok(theirs), Ok(mine))) = ids else { return Comparison::NotSafetyNumber };
        match (theirs == self.theirs, mine == self.mine) {
            (true, true) => Comparison::Same,
            // One side right, one wrong: exactly what somebody in between looks like.
            (true, false) | (false, true) => Comparison::Different,
            (false, false) => Comparison::OtherPeople,
        }
    }
}

/// 30 digits of an account key.
fn fingerprint(account_key: &[u8; 32]) -> String {
    let start = [VERSION.to_be_bytes().as_slice(), account_key, account_id(account_key).as_bytes()].concat();
    let mut hash = Sha512::digest(start);
    for _ in 1..ITERATIONS {
        hash = Sha512::new().chain_update(hash).chain_update(account_key).finalize();
    }
    let group = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)) % 100_000;
    hash.chunks(GROUP).take(6).map(|bytes| format!("{:05}", group(bytes))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::identity::{AccountIdentity, DeviceIdentity};

    fn keys() -> [[u8; 32]; 3] {
        [1, 2, 3].map(|fill| AccountIdentity::from_secret(&[fill; 32]).public())
    }

    // Fails without `halves.sort()` (sides differ), or when `fingerprint` leaves the key out (a substitute would match).
    #[test]
    fn r29_safety_numbers_are_equal_on_both_sides_and_for_no_substitute() {
        let [alice, bob, mallory] = keys();
        let at_alice = SafetyNumber::of(&alice, &bob).unwrap();
        let at_bob = SafetyNumber::of(&bob, &alice).unwrap();
        assert_eq!(at_alice.groups(), at_bob.groups());
        assert_eq!(at_alice.groups().len(), 12);
        assert!(at_alice.groups().iter().all(|group| group.len() == 5 && group.bytes().all(|digit| digit.is_ascii_digit())));
        // Somebody in between: Alice sees Mallory's key as Bob's, Bob sees it as Alice's.
        let deceived = SafetyNumber::of(&alice, &mallory).unwrap();
        assert_ne!(deceived.groups(), SafetyNumber::of(&bob, &mallory).unwrap().groups());
        assert_ne!(deceived.groups(), at_alice.groups());
    }

    #[test]
    fn r29_safety_numbers_do_not_change_with_a_new_device() {
        let account = AccountIdentity::generate().unwrap();
        let devices = [DeviceIdentity::generate(&account).unwrap(), DeviceIdentity::generate(&account).unwrap()];
        let numbers = devices.map(|device| SafetyNumber::of(&device.account_key(), &keys()[0]).unwrap());
        assert_eq!(numbers[0], numbers[1]);
    }

    // A changed number would make every verified contact look attacked: this pins the format (computed in Python).
    #[test]
    fn r29_safety_numbers_keep_their_format() {
        let [alice, bob, _] = keys();
        let number = SafetyNumber::of(&alice, &bob).unwrap();
        assert_eq!(number.groups().join(" "), "05639 10791 24135 15256 06941 76444 42481 46549 90362 81252 67341 44391");
    }

    #[test]
    fn a_scanned_code_is_judged() {
        let [alice, bob, mallory] = keys();
        let number = |mine: &[u8; 32], theirs: &[u8; 32]| SafetyNumber::of(mine, theirs).unwrap();
        let at_alice = number(&alice, &bob);
        assert_eq!(at_alice.compare_qr(&number(&bob, &alice).qr_text()), Comparison::Same);
        assert_eq!(at_alice.compare_qr(&number(&bob, &alice).qr_text().to_lowercase()), Comparison::Same);
        assert_eq!(at_alice.compare_qr(&number(&bob, &mallory).qr_text()), Comparison::Different);
        assert_eq!(at_alice.compare_qr(&number(&mallory, &alice).qr_text()), Comparison::Different);
        // Her own code, shown back to her, proves nothing.
        assert_eq!(at_alice.compare_qr(&at_alice.qr_text()), Comparison::OtherPeople);
        let newer = number(&bob, &alice).qr_text().replace(":1:", ":2:");
        assert_eq!(at_alice.compare_qr(&newer), Comparison::OtherVersion);
        for nonsense in ["", "https://example.org", "SOTTO:", "SOTTO:1:", "SOTTO:1:ab:cd", "SOTTO:1:é"] {
            assert_eq!(at_alice.compare_qr(nonsense), Comparison::NotSafetyNumber, "{nonsense}");
        }
    }

    #[test]
    fn the_qr_code_is_square_and_has_its_finder_patterns() {
        let [alice, bob, _] = keys();
        let qr = SafetyNumber::of(&alice, &bob).unwrap().qr().unwrap();
        let width = qr.width as usize;
        assert_eq!(qr.modules.len(), width * width);
        for corner in [0, width - 7, width * (width - 7)] {
            assert!(qr.modules[corner..corner + 7].iter().all(|dark| *dark));
        }
    }

    #[test]
    fn notes_have_no_safety_number() {
        let [alice, _, _] = keys();
        assert_eq!(SafetyNumber::of(&alice, &alice), Err(ErrorCode::NotReady));
    }
}
