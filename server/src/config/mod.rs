//! Configuration from environment and TOML file. A wrong value stops the start and is named.

mod source;
mod tls;
mod values;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sotto_backend::{BackendConfig, Quota};
pub(crate) use source::ConfigError;
use source::{Key, Source};
pub(crate) use values::{LogFormat, PublicUrl, TrustedProxies};
use values::{Rate, Span};

macro_rules! keys {
    ($($name:ident $toml:literal $env:literal $help:literal,)*) => {
        $(const $name: Key = Key { toml: $toml, env: $env, help: $help };)*
        const KEYS: &[Key] = &[$($name,)*];
    };
}

keys! {
    LISTEN "listen" "SOTTO_LISTEN" "address and port to listen on (127.0.0.1:8080; port 0 takes a free one)",
    DATA_DIR "data_dir" "SOTTO_DATA_DIR" "folder of database and keys, made with owner-only permissions (sotto-data)",
    PUBLIC_URL "public_url" "SOTTO_PUBLIC_URL" "origin that browsers use (the listening address)",
    SITE_DIR "site_dir" "SOTTO_SITE_DIR" "folder of the built site (site beside the program)",
    TLS_CERT "tls_cert" "SOTTO_TLS_CERT" "PEM file with the certificate chain",
    TLS_KEY "tls_key" "SOTTO_TLS_KEY" "PEM file with the private key",
    TRUSTED_PROXIES "trusted_proxies" "SOTTO_TRUSTED_PROXIES" "addresses or networks whose X-Forwarded-For is believed (none)",
    PASSWORD_HASH "password_hash" "SOTTO_PASSWORD_HASH" "argon2id or bcrypt (argon2id)",
    REGISTRATION "registration" "SOTTO_REGISTRATION" "open or closed (open)",
    RETENTION_DAYS "retention_days" "SOTTO_RETENTION_DAYS" "days after which ciphertext is deleted (30)",
    ARCHIVE_BYTES "archive_bytes" "SOTTO_ARCHIVE_BYTES" "bytes of sealed history that one account may keep (1073741824)",
    SESSION_IDLE "session_idle" "SOTTO_SESSION_IDLE" "a session ends when unused for so long (30d)",
    SESSION_ABSOLUTE "session_absolute" "SOTTO_SESSION_ABSOLUTE" "a session ends so long after the sign-in (180d)",
    LOG "log" "SOTTO_LOG" "filter of log lines (info)",
    LOG_FORMAT "log_format" "SOTTO_LOG_FORMAT" "text or json (text)",
    SOCKETS "limits.sockets" "SOTTO_LIMIT_SOCKETS" "sync connections in all (10000)",
    ACCOUNT_SOCKETS "limits.account_sockets" "SOTTO_LIMIT_ACCOUNT_SOCKETS" "sync connections of one account (16)",
    FRAMES "limits.frames" "SOTTO_LIMIT_FRAMES" "frames and messages of one connection, as BURST/TIME (400/4s)",
    LOGIN_ADDRESS "limits.login_address" "SOTTO_LIMIT_LOGIN_ADDRESS" "failed sign-ins from one address (30/15m)",
    LOGIN_ACCOUNT "limits.login_account" "SOTTO_LIMIT_LOGIN_ACCOUNT" "failed sign-ins to one account (10/15m)",
    SIGN_UP_ADDRESS "limits.sign_up_address" "SOTTO_LIMIT_SIGN_UP_ADDRESS" "new accounts from one address (30/60m)",
    KEY_CLAIMS "limits.key_claims" "SOTTO_LIMIT_KEY_CLAIMS" "key packages that one account claims (600/10m)",
    PEOPLE_SEARCH "limits.people_search" "SOTTO_LIMIT_PEOPLE_SEARCH" "searches of one account (120/1m)",
    RECOVERY_ADDRESS "limits.recovery_address" "SOTTO_LIMIT_RECOVERY_ADDRESS" "failed recovery codes from one address (10/60m)",
    RECOVERY_ACCOUNT "limits.recovery_account" "SOTTO_LIMIT_RECOVERY_ACCOUNT" "failed recovery codes of one account (10/60m)",
}

/// Limits of sync connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketLimits {
    /// At once, in all.
    pub(crate) total: usize,
    /// At once, of one account.
    pub(crate) account: usize,
    /// Frames and messages that one connection may send; more are read later.
    pub(crate) frames: Quota,
}

/// Everything an operator chose, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    /// `None`: the listening address, once it is known.
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) site_dir: Option<PathBuf>,
    /// From the certificate and key files; `None`: plain HTTP.
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    pub(crate) sockets: SocketLimits,
    pub(crate) backend: BackendConfig,
}

impl Config {
    /// Reads environment and the file that `SOTTO_CONFIG` names.
    pub(crate) fn load() -> Result<Self, ConfigError> {
        // Variables that are not UTF-8 can't be ours.
        let environment: HashMap<_, _> =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        let path = environment.get("SOTTO_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        Self::from_source(&Source::read(KEYS, path.as_deref(), environment)?)
    }

    fn from_source(source: &Source) -> Result<Self, ConfigError> {
        let tls = match (source.find::<PathBuf>(&TLS_CERT)?, source.find::<PathBuf>(&TLS_KEY)?) {
            (Some(cert), Some(key)) => Some(tls::load(&cert, &key).map_err(|wrong| match wrong {
                tls::Wrong::Cert(reason) => source.wrong(&TLS_CERT, reason),
                tls::Wrong::Key(reason) => source.wrong(&TLS_KEY, reason),
            })?),
            (Some(_), None) => return Err(source.wrong(&TLS_KEY, "needed with SOTTO_TLS_CERT")),
            (None, Some(_)) => return Err(source.wrong(&TLS_CERT, "needed with SOTTO_TLS_KEY")),
            (None, None) => None,
        };
        let log: String = source.find(&LOG)?.unwrap_or_else(|| "info".into());
        crate::telemetry::check_filter(&log).map_err(|error| source.wrong(&LOG, error))?;
        Ok(Self {
            listen: source.find(&LISTEN)?.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url: source.find(&PUBLIC_URL)?,
            site_dir: source.find(&SITE_DIR)?,
            tls,
            trusted_proxies: source.find(&TRUSTED_PROXIES)?.unwrap_or_default(),
            log,
            log_format: source.find(&LOG_FORMAT)?.unwrap_or(LogFormat::Text),
            sockets: SocketLimits {
                total: count(source, &SOCKETS, 10_000)?,
                account: count(source, &ACCOUNT_SOCKETS, 16)?,
                frames: rate(source, &FRAMES, Quota { burst: 400, per: Duration::from_secs(4) })?,
            },
            backend: backend(source)?,
        })
    }

    /// The complaint about a public URL that could only be checked once the listening address was known.
    pub(crate) fn wrong_public_url(reason: String) -> ConfigError {
        ConfigError::Wrong { key: PUBLIC_URL.env.into(), reason }
    }

    /// The complaint about a site that is not there or not whole.
    pub(crate) fn wrong_site(reason: String) -> ConfigError {
        ConfigError::Wrong { key: SITE_DIR.env.into(), reason }
    }
}

fn backend(source: &Source) -> Result<BackendConfig, ConfigError> {
    let folder: PathBuf = source.find(&DATA_DIR)?.unwrap_or_else(|| Path::new("sotto-data").into());
    let mut config = BackendConfig::new(folder);
    if let Some(scheme) = source.find(&PASSWORD_HASH)? {
        config.password = scheme;
    }
    if let Some(registration) = source.find(&REGISTRATION)? {
        config.registration = registration;
    }
    if let Some(days) = source.find(&RETENTION_DAYS)? {
        if !(1..=3_650).contains(&days) {
            return Err(source.wrong(&RETENTION_DAYS, "expected 1 to 3650"));
        }
        config.retention_days = days;
    }
    if let Some(bytes) = source.find(&ARCHIVE_BYTES)? {
        config.archive_bytes = bytes;
    }
    if let Some(Span(idle)) = source.find(&SESSION_IDLE)? {
        config.session_idle = idle;
    }
    if let Some(Span(absolute)) = source.find(&SESSION_ABSOLUTE)? {
        config.session_absolute = absolute;
    }
    let limits = &mut config.limits;
    limits.login_address = rate(source, &LOGIN_ADDRESS, limits.login_address)?;
    limits.login_account = rate(source, &LOGIN_ACCOUNT, limits.login_account)?;
    limits.sign_up_address = rate(source, &SIGN_UP_ADDRESS, limits.sign_up_address)?;
    limits.key_claims = rate(source, &KEY_CLAIMS, limits.key_claims)?;
    limits.people_search = rate(source, &PEOPLE_SEARCH, limits.people_search)?;
    limits.recovery_address = rate(source, &RECOVERY_ADDRESS, limits.recovery_address)?;
    limits.recovery_account = rate(source, &RECOVERY_ACCOUNT, limits.recovery_account)?;
    Ok(config)
}

fn rate(source: &Source, key: &Key, default: Quota) -> Result<Quota, ConfigError> {
    Ok(source.find::<Rate>(key)?.map_or(default, |rate| rate.0))
}

fn count(source: &Source, key: &Key, default: usize) -> Result<usize, ConfigError> {
    match source.find(key)? {
        Some(0) => Err(source.wrong(key, "expected 1 or more")),
        Some(count) => Ok(count),
        None => Ok(default),
    }
}

/// All settings with their meaning, for `--help`.
pub(crate) fn help() -> String {
    KEYS.iter().map(|key| format!("  {:<30} {:<26} {}\n", key.env, key.toml, key.help)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn load(file: Option<&str>, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sotto.toml");
        std::fs::write(&path, file.unwrap_or_default()).unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Config::from_source(&Source::read(KEYS, file.map(|_| path.as_path()), environment)?)
    }

    #[test]
    fn environment_wins_over_file_over_default() {
        let file = "listen = \"127.0.0.1:1\"\nretention_days = 7\ntrusted_proxies = [\"10.0.0.0/8\"]\n[limits]\nkey_claims = \"5/1m\"\n";
        let config = load(Some(file), &[("SOTTO_LISTEN", "127.0.0.1:2")]).unwrap();
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.backend.retention_days, 7);
        assert_eq!(config.backend.limits.key_claims.burst, 5);
        assert!(config.trusted_proxies.contain([10, 0, 0, 1].into()));
        assert_eq!(load(None, &[]).unwrap().listen.port(), 8080);
    }

    #[test]
    fn complaints_name_the_key_where_it_was_written() {
        let complaint = |file, environment: &[_]| load(file, environment).map(|_| ()).unwrap_err().to_string();
        assert!(complaint(None, &[("SOTTO_LISTEN", "nowhere")]).starts_with("SOTTO_LISTEN: "));
        assert!(complaint(Some("retention_days = 0"), &[]).starts_with("retention_days in "));
        assert!(complaint(Some("retention = 5"), &[]).starts_with("unknown setting retention in "));
        assert!(complaint(Some("[limits]\nlogins = \"1/1m\""), &[]).starts_with("unknown setting limits.logins in "));
        assert!(complaint(Some("listen = 1.5"), &[]).starts_with("listen in "));
        assert!(complaint(None, &[("SOTTO_TLS_CERT", "/nowhere")]).starts_with("SOTTO_TLS_KEY: "));
    }
}
