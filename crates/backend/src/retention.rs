//! Deleting what the server need not keep any longer.

use sotto_protocol::Millis;

use crate::backend::Backend;
use crate::error::ServiceError;
use crate::sessions::millis;

/// What a run deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionReport {
    /// Log entries (ciphertexts and commits).
    pub entries: u64,
    /// Welcomes.
    pub welcomes: u64,
    /// Key packages that expired.
    pub key_packages: u64,
    /// Invite links that are over.
    pub invites: u64,
    /// Sessions that expired.
    pub sessions: u64,
}

impl Backend {
    /// Deletes ciphertexts and Welcomes older than the configured days, delivered or not, and what expired. Rooms keep their head, so
    /// that positions are never given twice.
    ///
    /// # Errors
    /// `unavailable`; what was deleted until then stays deleted.
    pub async fn run_retention(&self, now: Millis) -> Result<RetentionReport, ServiceError> {
        let before = now.saturating_sub(self.retention_millis());
        let mut report = RetentionReport::default();
        loop {
            let deleted = self.0.store.delete_entries(before).await?;
            report.entries += deleted;
            if deleted == 0 {
                break;
            }
        }
        report.welcomes = self.0.store.delete_welcomes(before).await?;
        report.key_packages = self.0.store.delete_key_packages(now).await?;
        report.invites = self.0.store.delete_invites(now).await?;
        let config = self.config();
        let ended = (now.saturating_sub(millis(config.session_absolute)), now.saturating_sub(millis(config.session_idle)));
        report.sessions = self.0.store.delete_sessions(ended.0, ended.1).await?;
        tracing::info!(
            entries = report.entries,
            welcomes = report.welcomes,
            key_packages = report.key_packages,
            invites = report.invites,
            sessions = report.sessions,
            "retention"
        );
        Ok(report)
    }

    pub(crate) fn retention_millis(&self) -> Millis {
        u64::from(self.config().retention_days) * 24 * 3_600_000
    }
}
