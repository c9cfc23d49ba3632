//! Auditing the whole log, with nothing but what is stored: that each epoch only adds to the one before, that the chain of roots is what is
//! signed, and that the tree says of every account what its newest list says.

use akd::storage::StorageManager;
use akd::storage::memory::AsyncInMemoryDatabase;
use akd::{Azks, SingleAppendOnlyProof};
use sotto_protocol::Bytes;
use sotto_rules::directory::{Configuration, NO_CHAIN, Proof as _, Root, next_chain};

use super::root;
use crate::backend::Backend;
use crate::error::ServiceError;

/// Epochs that are read at once.
const AT_ONCE: u64 = 64;
/// Longest proof that is read back.
const LIMIT: usize = 16 * 1024 * 1024;

/// What an audit found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Epochs, from the first on.
    pub epochs: u64,
    /// The chain of the newest, which every client of this server knows or will.
    pub chain: [u8; 32],
}

/// Why the log is not believed.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// An epoch is missing.
    #[error("epoch {0} is missing")]
    Missing(u64),
    /// Something was taken out or changed, or the proof is not one.
    #[error("epoch {0} does not only add to the one before")]
    NotAppended(u64),
    /// The chain of roots is another.
    #[error("epoch {0} does not continue the chain of roots")]
    Chain(u64),
    /// The tree as it stands is not the one of the newest epoch.
    #[error("the tree has another root than the newest epoch")]
    Tree,
    /// It can't be read.
    #[error("the log can't be read: {0}")]
    Unreadable(#[from] ServiceError),
}

impl Backend {
    /// Audits the directory.
    ///
    /// # Errors
    /// [`AuditError`] names the first epoch that is not as it should be.
    pub async fn audit_directory(&self) -> Result<Audited, AuditError> {
        let mut at = Root { epoch: 0, hash: empty_root().await?, chain: NO_CHAIN };
        loop {
            let rows = self.0.store.epochs(at.epoch + 1, AT_ONCE).await.map_err(ServiceError::from)?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let epoch = at.epoch + 1;
                if row.epoch != epoch {
                    return Err(AuditError::Missing(epoch));
                }
                let next = root(&row)?;
                only_adds(&row.proof, &at, &next).await.ok_or(AuditError::NotAppended(epoch))?;
                if next.chain != next_chain(&at.chain, epoch, &next.hash) {
                    return Err(AuditError::Chain(epoch));
                }
                at = next;
            }
        }
        let akd::EpochHash(epoch, hash) = self.0.directory.tree().await?.get_epoch_hash().await.map_err(super::failed)?;
        // An epoch whose root is not written yet is written by the next question.
        if epoch == at.epoch && hash != at.hash || epoch > at.epoch + 1 {
            return Err(AuditError::Tree);
        }
        Ok(Audited { epochs: at.epoch, chain: at.chain })
    }
}

async fn only_adds(proof: &Bytes, before: &Root, after: &Root) -> Option<()> {
    let proof = SingleAppendOnlyProof::decode(proof.as_slice(), LIMIT).ok()?;
    akd::auditor::verify_consecutive_append_only::<Configuration>(&proof, before.hash, after.hash, after.epoch).await.ok()
}

/// The root of a tree with nothing in it.
async fn empty_root() -> Result<[u8; 32], AuditError> {
    let nothing = StorageManager::new_no_cache(AsyncInMemoryDatabase::new());
    let azks = Azks::new::<Configuration, _>(&nothing).await.map_err(super::failed)?;
    Ok(azks.get_root_hash::<Configuration, _>(&nothing).await.map_err(super::failed)?)
}
