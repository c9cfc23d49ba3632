//! A password in its one form, whether a new one is good enough, and an honest small estimate of how good.
//!
//! The offline cost of a guess is the client KDF alone, so passwords that everybody tries first are refused here, where the
//! password is; the server never sees it.

use sotto_client_api::views::PasswordCheck;
use sotto_protocol::{ErrorCode, limits};
use zeroize::Zeroizing;

/// NFKC as the host has it. A browser brings the tables along; in our module they would be a tenth of it.
pub type Nfkc = fn(&str) -> String;

/// A password in the form in which it is measured and derived: NFKC, so that one keyboard's "é" is another's. Nothing is cut off.
pub struct Password(Zeroizing<String>);

impl core::fmt::Debug for Password {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// A password as typed, normalized.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] over [`limits::PASSWORD_MAX`].
    pub fn new(typed: &str, nfkc: Nfkc) -> Result<Self, ErrorCode> {
        if typed.len() > limits::PASSWORD_MAX {
            return Err(ErrorCode::TooLarge);
        }
        Ok(Self(Zeroizing::new(nfkc(typed))))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_short(&self) -> bool {
        self.0.chars().count() < limits::PASSWORD_MIN_CHARS
    }
}

/// The 3,000 most common passwords of 8 characters and more, lower case, sorted; repeats and runs are left to [`is_pattern`].
/// From the frequency list of the crate zxcvbn 3.1.1 (MIT, github.com/shssoichiro/zxcvbn-rs), which took it from Dropbox's
/// zxcvbn (MIT, github.com/dropbox/zxcvbn).
const COMMON: &str = include_str!("password_common.txt");
/// Rows of keyboards, forwards; backwards is tried too.
const ROWS: &[&str] = &[
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "1qaz2wsx3edc4rfv5tgb",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()",
    "1234567890",
];
/// Steps along a keyboard row, the alphabet or the digits that make a run worth no more than its first character.
const RUN: usize = 3;
/// A password-sized word out of a dictionary, in bits: what is left of it when it stands with something else.
const WORD_BITS: f64 = 12.0;

/// Judges a password ([`Password::new`]'s answer); `name` as typed so far.
#[must_use]
pub fn check(password: Result<&Password, ErrorCode>, name: &str) -> PasswordCheck {
    let password = match password {
        Ok(password) => password,
        Err(problem) => return PasswordCheck { strength: 4, problem: Some(problem) },
    };
    match require(password, name) {
        Err(problem) => PasswordCheck { strength: 0, problem: Some(problem) },
        Ok(()) => PasswordCheck { strength: strength(password, name), problem: None },
    }
}

/// Refuses what no account may have: too short, or among the first guesses of everybody (a common password, the own name, one
/// character or a short piece repeated, a walk along the keyboard).
///
/// # Errors
/// [`ErrorCode::ShortPassword`], [`ErrorCode::CommonPassword`].
pub fn require(password: &Password, name: &str) -> Result<(), ErrorCode> {
    if password.is_short() {
        return Err(ErrorCode::ShortPassword);
    }
    let folded = fold(password.as_str());
    let name = fold(name.trim());
    // "mira1234" is as early a guess for mira as "mira" is.
    let is_name = !undecorated(&name).is_empty() && undecorated(&folded) == undecorated(&name);
    if *folded == *name || is_name || is_common(&folded) || is_pattern(&folded) {
        return Err(ErrorCode::CommonPassword);
    }
    Ok(())
}

/// 0 (guessed at once) to 4 (out of reach), against a thief of the database who pays the full KDF for every guess.
fn strength(password: &Password, name: &str) -> u8 {
    match bits(password, name) {
        bits if bits < 20.0 => 0,
        bits if bits < 32.0 => 1,
        bits if bits < 44.0 => 2,
        bits if bits < 60.0 => 3,
        _ => 4,
    }
}

/// Bits that a guesser has to go through, counted low: runs, repeats and known words are worth little, and nothing is
/// credited for what can't be seen (a sentence from a song counts its letters).
fn bits(password: &Password, name: &str) -> f64 {
    let folded = fold(password.as_str());
    let name = fold(name.trim());
    let mut rest = Zeroizing::new(folded.to_string());
    let mut bits = 0.0;
    if name.chars().count() >= 3 && rest.contains(name.as_str()) {
        rest = Zeroizing::new(rest.replace(name.as_str(), ""));
        bits += 1.0;
    }
    if let Some(word) = COMMON.lines().filter(|word| rest.contains(word)).max_by_key(|word| word.len()) {
        rest = Zeroizing::new(rest.replacen(word, "", 1));
        bits += WORD_BITS;
    }
    bits + telling_characters(&rest) as f64 * alphabet_bits(password.as_str())
}

/// Bits of one character, by the kinds of characters in use. Below the theoretical figure, because people don't choose at
/// random: letters in words carry two to three bits each.
fn alphabet_bits(password: &str) -> f64 {
    let has = |kind: fn(char) -> bool| password.chars().any(kind);
    let kinds = [
        has(|c| c.is_ascii_lowercase() || (c.is_alphabetic() && !c.is_uppercase())),
        has(|c| c.is_uppercase()),
        has(|c| c.is_ascii_digit()),
        has(|c| !c.is_alphanumeric()),
    ];
    match kinds.iter().filter(|kind| **kind).count() {
        0 | 1 => 2.6,
        2 => 3.2,
        3 => 3.9,
        _ => 4.5,
    }
}

/// Characters that are not foretold by the ones before: no repeat, no next step of a run.
fn telling_characters(text: &str) -> usize {
    let characters = Zeroizing::new(text.chars().collect::<Vec<_>>());
    (0..characters.len())
        .filter(|end| {
            let repeats = *end > 0 && characters[*end] == characters[end - 1];
            let seen = *end >= RUN && characters[..*end].windows(RUN).any(|piece| *piece == characters[end + 1 - RUN..=*end]);
            let steps = *end >= RUN - 1 && is_run(&characters[end + 1 - RUN..=*end]);
            !(repeats || seen || steps)
        })
        .count()
}

/// Without the digits and signs that people put around a word to satisfy a form.
fn undecorated(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation())
}

fn is_common(folded: &str) -> bool {
    COMMON.lines().any(|common| common == folded)
}

/// One piece of up to four characters over and over, or one walk along the alphabet, the digits or a keyboard.
fn is_pattern(folded: &str) -> bool {
    let characters = Zeroizing::new(folded.chars().collect::<Vec<_>>());
    let repeats =
        (1..=4).any(|period| characters.len() >= 2 * period && characters.iter().skip(period).zip(characters.iter()).all(|(a, b)| a == b));
    repeats || is_run(&characters)
}

fn is_run(characters: &[char]) -> bool {
    let step = |by: i64| characters.windows(2).all(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == by);
    let forwards = Zeroizing::new(characters.iter().collect::<String>());
    let backwards = Zeroizing::new(characters.iter().rev().collect::<String>());
    step(1) || step(-1) || ROWS.iter().any(|row| row.contains(forwards.as_str()) || row.contains(backwards.as_str()))
}

/// Lower case: how passwords are compared with lists (never how they are derived).
fn fold(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_lowercase())
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use unicode_normalization::UnicodeNormalization;

    use super::*;

    /// What the engine makes of a typed password.
    pub(crate) fn typed(text: &str) -> Password {
        Password::new(text, |text| text.nfkc().collect()).unwrap()
    }

    // Fails without `is_common(&folded)` in `require`; and, for lengths, without `nfkc(typed)` in `Password::new`.
    #[test]
    fn r08_passwords_that_everybody_tries_are_refused() {
        let common = [
            "password",
            "PassWord",
            "iloveyou",
            "qwertyuiop",
            "football1",
            "trustno1",
            "aaaaaaaa",
            "12345678",
            "87654321",
            "abcabcabc",
            "abcdefgh",
            "1q2w3e4r",
            "1qaz2wsx",
            "ｐａｓｓｗｏｒｄ",
        ];
        for password in common {
            assert_eq!(require(&typed(password), "mira"), Err(ErrorCode::CommonPassword), "{password}");
        }
        for password in ["", "seven77", "ab\u{fb01}", "cafe\u{301}\u{e9}\u{e9}"] {
            assert_eq!(require(&typed(password), "mira"), Err(ErrorCode::ShortPassword), "{password}");
        }
        for password in ["mira-the-cat", "correct horse battery staple", "пароль-на-осень", "☃☃🦀🦀☀☀☂☂", "        x", "Zeh4 fuq!"]
        {
            assert_eq!(require(&typed(password), "mira"), Ok(()), "{password}");
        }
        assert_eq!(Password::new(&"x".repeat(1025), |text| text.to_owned()).err(), Some(ErrorCode::TooLarge));
        assert_eq!(check(Err(ErrorCode::TooLarge), "mira").problem, Some(ErrorCode::TooLarge));
        assert_eq!(require(&typed(&"long enough ".repeat(80)), "mira"), Ok(()));
    }

    #[test]
    fn the_own_name_is_no_password() {
        for password in ["miranda_k", "Miranda_K", "miranda_k1234", "miranda_k!"] {
            assert_eq!(require(&typed(password), " Miranda_K"), Err(ErrorCode::CommonPassword), "{password}");
        }
        let strength = |name: &str| check(Ok(&typed("miranda_k likes tea")), name).strength;
        assert!(strength("miranda_k") < strength("bob"));
    }

    #[test]
    fn strength_rises_with_what_is_hard_to_guess() {
        let check = |password: &str| check(Ok(&typed(password)), "mira");
        let strength = |password: &str| check(password).strength;
        assert_eq!(check("password"), PasswordCheck { strength: 0, problem: Some(ErrorCode::CommonPassword) });
        assert_eq!(check("short"), PasswordCheck { strength: 0, problem: Some(ErrorCode::ShortPassword) });
        assert!(strength("password2026") <= 1);
        assert!(strength("aaaaaaaabbbbbbbb") == 0);
        assert!(strength("lampshade") <= 1);
        assert!(strength("Zeh4 fuq!") >= 2);
        assert!(strength("correct horse battery staple") == 4);
        assert!(strength("lampshade orbit") > strength("lampshade"));
    }

    #[test]
    fn the_common_list_is_what_its_comment_says() {
        let words: Vec<&str> = COMMON.lines().collect();
        assert!((2_900..=3_000).contains(&words.len()));
        assert!(words.is_sorted());
        assert!(words.iter().all(|word| word.len() >= limits::PASSWORD_MIN_CHARS && *word == fold(word).as_str()));
    }
}
