//! Slow hashes of auth keys: made and checked on blocking threads, a few at a time, always one for each try.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sotto_protocol::{Bytes, ErrorCode};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::config::{BackendConfig, PasswordScheme};
use crate::error::{OpenError, ServiceError};

/// Bytes of an auth key.
const AUTH_KEY: usize = 32;

type Key = Zeroizing<[u8; AUTH_KEY]>;

/// What a try came to.
pub(crate) enum Verdict {
    /// Another key, or no such account.
    Wrong,
    /// The key. `renewed` is a hash to store instead, where the stored one is of another scheme or weaker.
    Right { renewed: Option<String> },
}

/// Makes and checks hashes.
#[derive(Clone)]
pub(crate) struct Passwords {
    scheme: PasswordScheme,
    /// Checked for unknown names, so that they cost the same.
    dummy: Arc<str>,
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    computed: Arc<AtomicU64>,
}

impl Passwords {
    /// Computes one hash, which also proves that the parameters are possible.
    pub(crate) fn new(config: &BackendConfig) -> Result<Self, OpenError> {
        let nobodys = Zeroizing::new(crate::random::bytes().map_err(|_| OpenError::NoRandom)?);
        let dummy = make(config.password, &nobodys).map_err(|_| OpenError::PasswordScheme("the hash can't be computed with these"))?;
        let parallel = config.parallel_hashes.max(1);
        Ok(Self {
            scheme: config.password,
            dummy: dummy.into(),
            running: Arc::new(Semaphore::new(parallel)),
            admitted: Arc::new(Semaphore::new(parallel + config.waiting_hashes)),
            computed: Arc::new(AtomicU64::new(0)),
        })
    }

    /// Slow hashes computed so far, of every kind.
    pub(crate) fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// A hash to store.
    pub(crate) async fn hash(&self, auth_key: &Bytes) -> Result<String, ServiceError> {
        let key = auth_key_of(auth_key)?;
        let scheme = self.scheme;
        self.blocking(move |computed| {
            computed.fetch_add(1, Ordering::Relaxed);
            make(scheme, &key)
        })
        .await?
        .map_err(ServiceError::from)
    }

    /// Checks a try. `None` (no such account) costs what a wrong key costs.
    pub(crate) async fn verify(&self, auth_key: &Bytes, stored: Option<String>) -> Result<Verdict, ServiceError> {
        let key = auth_key_of(auth_key)?;
        let scheme = self.scheme;
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.to_string());
        self.blocking(move |computed| {
            computed.fetch_add(1, Ordering::Relaxed);
            if !(matches(&stored, &key) && known) {
                return Ok(Verdict::Wrong);
            }
            if is_as_strong_as(&stored, scheme) {
                return Ok(Verdict::Right { renewed: None });
            }
            computed.fetch_add(1, Ordering::Relaxed);
            make(scheme, &key).map(|hash| Verdict::Right { renewed: Some(hash) })
        })
        .await?
        .map_err(ServiceError::from)
    }

    /// Runs `work` on a blocking thread. Waiting is bounded, because each computation takes memory and a core.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&AtomicU64) -> T + Send + 'static) -> Result<T, ServiceError> {
        let busy = || ServiceError::retry(ErrorCode::Unavailable, 2);
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| busy())?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| busy())?;
        let computed = Arc::clone(&self.computed);
        tokio::task::spawn_blocking(move || {
            // Held by the work and not by the request: a peer that hangs up must not free its place early.
            let _places = (admitted, running);
            work(&computed)
        })
        .await
        .map_err(|_| ErrorCode::Internal.into())
    }
}

fn auth_key_of(bytes: &Bytes) -> Result<Key, ErrorCode> {
    <[u8; AUTH_KEY]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| ErrorCode::Malformed)
}

/// bcrypt stops at a NUL and at 72 bytes: base64 text has neither.
fn bcrypt_text(key: &Key) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(key.as_slice()))
}

fn make(scheme: PasswordScheme, key: &Key) -> Result<String, ErrorCode> {
    match scheme {
        PasswordScheme::Argon2id { memory_kib, passes, lanes } => {
            let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|_| ErrorCode::Internal)?;
            let salt = crate::random::bytes::<16>()?;
            phc(params, key, &salt).map(|hash| hash.to_string()).ok_or(ErrorCode::Unavailable)
        }
        PasswordScheme::Bcrypt { cost } => bcrypt::hash_with_result(bcrypt_text(key).as_bytes(), cost)
            .map(|parts| parts.format_for_version(bcrypt::Version::TwoB))
            .map_err(|_| ErrorCode::Internal),
    }
}

fn matches(stored: &str, key: &Key) -> bool {
    if stored.starts_with("$2") {
        return bcrypt::verify(bcrypt_text(key).as_bytes(), stored).unwrap_or(false);
    }
    PasswordHash::new(stored).is_ok_and(|hash| is_of(&hash, key).unwrap_or(false))
}

/// The key's hash as a PHC string says it.
fn phc(params: Params, key: &Key, salt: &[u8]) -> Option<PasswordHash> {
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let mut out = [0; 32];
    argon2(algorithm, version, params.clone(), key, salt, &mut out)?;
    Some(PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: ParamsString::try_from(&params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(&out).ok()?),
    })
}

/// Whether a hash is the key's; `None` for one that can't be computed.
fn is_of(hash: &PasswordHash, key: &Key) -> Option<bool> {
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let mut out = vec![0; expected.len()];
    argon2(Algorithm::try_from(hash.algorithm.as_str()).ok()?, version, Params::try_from(hash).ok()?, key, salt, &mut out)?;
    // `Output` compares in constant time.
    Some(Output::new(&out).ok()? == *expected)
}

fn argon2(algorithm: Algorithm, version: Version, params: Params, key: &Key, salt: &[u8], out: &mut [u8]) -> Option<()> {
    // Blocks over 32 MiB are given back to the system when they are freed; smaller ones the allocator keeps, in pieces and for each thread,
    // and a flood of logins took nine times the memory of those that are computed at once. What is not touched costs nothing.
    const MAPPED: usize = 33 * 1024 * 1024 / Block::SIZE;
    let count = params.block_count();
    let mut memory = Vec::with_capacity(count.max(MAPPED));
    memory.resize(count, Block::default());
    Argon2::new(algorithm, version, params).hash_password_into_with_memory(key.as_slice(), salt, out, &mut memory).ok()
}

fn is_as_strong_as(stored: &str, scheme: PasswordScheme) -> bool {
    match scheme {
        PasswordScheme::Argon2id { memory_kib, passes, lanes } => {
            let Ok(hash) = PasswordHash::new(stored) else { return false };
            let Ok(params) = Params::try_from(&hash) else { return false };
            hash.algorithm == argon2::ARGON2ID_IDENT
                && params.m_cost() >= memory_kib
                && params.t_cost() >= passes
                && params.p_cost() >= lanes
        }
        PasswordScheme::Bcrypt { cost } => stored
            .strip_prefix("$2b$")
            .and_then(|rest| rest.get(..2))
            .and_then(|digits| digits.parse::<u32>().ok())
            .is_some_and(|stored| stored >= cost),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ARGON: PasswordScheme = PasswordScheme::Argon2id { memory_kib: 64, passes: 1, lanes: 1 };
    const BCRYPT: PasswordScheme = PasswordScheme::Bcrypt { cost: 4 };

    // Fails when `bcrypt_text` gives bcrypt anything but base64 text: other bcrypts stop at a NUL, so this pins what is hashed.
    #[test]
    fn r06_server_hash_bcrypt_hashes_the_base64_text() {
        let key = Zeroizing::new([0; AUTH_KEY]);
        let stored = make(BCRYPT, &key).unwrap();
        assert!(bcrypt::verify("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", &stored).unwrap());
    }

    // Fails when `matches` or `make` looks at a part of the key only.
    #[test]
    fn r06_server_hash_only_the_exact_key_matches() {
        for scheme in [ARGON, BCRYPT] {
            for position in [0, 15, 31] {
                let mut key = Zeroizing::new([7; AUTH_KEY]);
                key[position] = 0;
                let stored = make(scheme, &key).unwrap();
                assert!(matches(&stored, &key));
                for other in 0..AUTH_KEY {
                    let mut wrong = key.clone();
                    wrong[other] ^= 1;
                    assert!(!matches(&stored, &wrong), "{scheme:?}: byte {other} is not looked at");
                }
            }
        }
    }

    #[test]
    fn weaker_and_other_hashes_are_told_apart() {
        let key = Zeroizing::new([1; AUTH_KEY]);
        let argon = make(ARGON, &key).unwrap();
        let bcrypt = make(BCRYPT, &key).unwrap();
        assert!(bcrypt.starts_with("$2b$04$") && argon.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(is_as_strong_as(&argon, ARGON) && is_as_strong_as(&bcrypt, BCRYPT));
        assert!(!is_as_strong_as(&argon, BCRYPT) && !is_as_strong_as(&bcrypt, ARGON));
        assert!(!is_as_strong_as(&argon, PasswordScheme::Argon2id { memory_kib: 65, passes: 1, lanes: 1 }));
        assert!(!is_as_strong_as(&bcrypt, PasswordScheme::Bcrypt { cost: 5 }));
    }
}
