//! Commands for a data folder whose server is stopped: the audit of its directory, and freeing a name.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context as _;
use sotto_backend::{Backend, RequestContext};
use sotto_protocol::UserName;

use crate::config::Config;
use crate::lock::{self, DataLock};
use crate::request;

/// The services of the configured data folder, and the lock that keeps a server away from it.
async fn open(config: &Config) -> anyhow::Result<(Backend, DataLock)> {
    let folder = &config.backend.data_dir;
    anyhow::ensure!(folder.join("sotto.db").is_file(), "there is no database in {}", folder.display());
    let lock = lock::take(folder)?;
    Ok((Backend::open(config.backend.clone()).await?, lock))
}

/// Verifies the whole directory of keys. Answers what it found, for people.
///
/// # Errors
/// The first epoch that is not as it should be, or why it can't be read.
pub(crate) async fn audit(config: &Config) -> anyhow::Result<String> {
    let (backend, _lock) = open(config).await?;
    let audited = backend.audit_directory().await;
    backend.close().await;
    let audited = audited?;
    let chain: String = audited.chain.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("The directory is whole: {} epochs, each of which only adds to the one before.\nChain: {chain}", audited.epochs))
}

/// Frees a name.
///
/// # Errors
/// Why it can't be.
pub(crate) async fn reset(config: &Config, name: &str) -> anyhow::Result<String> {
    let name = UserName::parse(name).map_err(|_| anyhow::anyhow!("{name} is no user name"))?;
    let (backend, _lock) = open(config).await?;
    let ctx = RequestContext { address: IpAddr::V4(Ipv4Addr::LOCALHOST), user_agent: None, now: request::now() };
    let done = backend.reset_account(&ctx, &name).await;
    backend.close().await;
    done.with_context(|| format!("{name} was not reset"))?;
    Ok(format!("{name} is free. Whoever signs up under it has a new identity, and everybody who knew the former one is warned."))
}
