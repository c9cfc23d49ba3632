//! The directory: what stands behind each name, in an append-only log that proves what it says (key transparency).
//!
//! Nothing runs beside the requests: whatever changed since is entered by whoever asks next, all of it in one epoch, before the answer is
//! made. So an answer is never behind the account it speaks of, and what a crash leaves undone is done by the next question.

mod audit;
mod storage;

pub use audit::{AuditError, Audited};

use akd::ecvrf::{VRFKeyStorage, VrfError};
use akd::errors::{AkdError, StorageError};
use akd::storage::StorageManager;
use akd::{AzksParallelismConfig, Directory, EpochHash, HistoryParams};
use async_trait::async_trait;
use ed25519_dalek::{Signer as _, SigningKey};
use sotto_protocol::directory::{DirectoryEntry, DirectoryHead, DirectoryHistory, LookUp, LookedUp, SignedRoot};
use sotto_protocol::{Bytes, ErrorCode, limits};
use sotto_rules::directory::{Configuration, NO_CHAIN, Proof as _, Root, fixed, label, next_chain, root_message, value};
use sotto_rules::identity::{VerifiedHead, decode_device_list};
use tokio::sync::{OnceCell, RwLock};
use zeroize::Zeroizing;

use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::limits::Limit;
use crate::secret::ServerSecret;
use crate::store::{EpochRow, Store};
use storage::Records;

/// Accounts that enter it in one epoch.
const AT_ONCE: u32 = 500;

/// The tree's key for places of names.
#[derive(Clone)]
struct Vrf(Zeroizing<[u8; 32]>);

#[async_trait]
impl VRFKeyStorage for Vrf {
    async fn retrieve(&self) -> Result<Vec<u8>, VrfError> {
        Ok(self.0.to_vec())
    }
}

/// The tree and its keys.
pub(crate) struct Transparency {
    store: Store,
    signing: SigningKey,
    vrf: Vrf,
    tree: OnceCell<Directory<Configuration, Records, Vrf>>,
    /// Written by who enters something, read by who proves something.
    turn: RwLock<()>,
}

impl Transparency {
    pub(crate) fn new(secret: &ServerSecret, store: Store) -> Self {
        Self {
            store,
            signing: SigningKey::from_bytes(&secret.derive(b"sotto directory key v1", b"")),
            vrf: Vrf(Zeroizing::new(secret.derive(b"sotto directory vrf v1", b""))),
            tree: OnceCell::new(),
            turn: RwLock::new(()),
        }
    }

    /// The tree; made with the first question, so that opening a server writes nothing.
    async fn tree(&self) -> Result<&Directory<Configuration, Records, Vrf>, ServiceError> {
        let made = self.tree.get_or_try_init(|| async {
            let records = StorageManager::new_no_cache(Records(self.store.clone()));
            Directory::new(records, self.vrf.clone(), AzksParallelismConfig::disabled()).await
        });
        made.await.map_err(failed)
    }

    /// Enters what has changed. Answers the newest root.
    async fn publish(&self) -> Result<Root, ServiceError> {
        let tree = self.tree().await?;
        let mut newest = self.newest().await?;
        if self.store.unpublished(1).await?.is_empty() && newest.epoch > 0 {
            return Ok(newest);
        }
        let _turn = self.turn.write().await;
        loop {
            newest = self.newest().await?;
            let EpochHash(epoch, root) = tree.get_epoch_hash().await.map_err(failed)?;
            // A crash came between the tree and its root here.
            if epoch > newest.epoch {
                newest = self.put_epoch(tree, &newest, EpochHash(epoch, root)).await?;
            }
            let changed = self.store.unpublished(AT_ONCE).await?;
            if changed.is_empty() {
                return Ok(newest);
            }
            let mut entries = Vec::new();
            for (account, name, list) in &changed {
                let list = decode_device_list(list.as_slice(), Some(*account)).map_err(|_| ErrorCode::Internal)?;
                let VerifiedHead { version, hash } = VerifiedHead::of(&list);
                entries.push((label(name), value(&DirectoryEntry { account: *account, version, hash: Bytes(hash.to_vec()) })));
            }
            let after = tree.publish(entries).await.map_err(failed)?;
            if after.0 > newest.epoch {
                self.put_epoch(tree, &newest, after).await?;
            }
            self.store.mark_published(changed.into_iter().map(|(account, _, list)| (account, list)).collect()).await?;
        }
    }

    /// Keeps an epoch's root, with the proof that it only adds to the one before.
    async fn put_epoch(
        &self,
        tree: &Directory<Configuration, Records, Vrf>,
        before: &Root,
        EpochHash(epoch, hash): EpochHash,
    ) -> Result<Root, ServiceError> {
        // The tree remembers one epoch back.
        if epoch != before.epoch + 1 {
            return Err(ErrorCode::Internal.into());
        }
        let proof = tree.audit(before.epoch, epoch).await.map_err(failed)?.proofs.pop().ok_or(ErrorCode::Internal)?;
        let root = Root { epoch, hash, chain: next_chain(&before.chain, epoch, &hash) };
        let bytes = |hash: &[u8; 32]| Bytes(hash.to_vec());
        self.store.put_epoch(EpochRow { epoch, root: bytes(&hash), chain: bytes(&root.chain), proof: Bytes(proof.encode()) }).await?;
        Ok(root)
    }

    async fn newest(&self) -> Result<Root, ServiceError> {
        match self.store.newest_epoch().await? {
            Some(row) => root(&row),
            None => Ok(Root { epoch: 0, hash: [0; 32], chain: NO_CHAIN }),
        }
    }

    fn sign(&self, root: &Root) -> Result<SignedRoot, ServiceError> {
        let vrf = akd::ecvrf::VRFPrivateKey::try_from(self.vrf.0.as_slice()).map_err(|_| ErrorCode::Internal)?;
        let vrf_key = akd::ecvrf::VRFPublicKey::from(&vrf).to_bytes();
        let signature = self.signing.sign(&root_message(&vrf_key, root));
        Ok(SignedRoot {
            epoch: root.epoch,
            root: Bytes(root.hash.to_vec()),
            chain: Bytes(root.chain.to_vec()),
            server_key: Bytes(self.signing.verifying_key().to_bytes().to_vec()),
            vrf_key: Bytes(vrf_key.to_vec()),
            signature: Bytes(signature.to_bytes().to_vec()),
        })
    }
}

impl Backend {
    /// The newest root, and those since an epoch.
    ///
    /// # Errors
    /// `too_many_tries`, `unavailable`.
    pub async fn directory_head(&self, ctx: &RequestContext, caller: &Caller, after: u64) -> Result<DirectoryHead, ServiceError> {
        self.0.limits.take(ctx.now, &[Limit::DeviceLists(caller.account)])?;
        let directory = &self.0.directory;
        let newest = directory.publish().await?;
        let first = after.min(newest.epoch).max(newest.epoch.saturating_sub(limits::DIRECTORY_ROOTS)) + 1;
        let rows = self.0.store.epochs(first.saturating_sub(1), limits::DIRECTORY_ROOTS + 1).await?;
        let before = rows.iter().find(|row| row.epoch + 1 == first).map_or_else(|| Bytes(NO_CHAIN.to_vec()), |row| row.chain.clone());
        let roots = rows.into_iter().filter(|row| (first..=newest.epoch).contains(&row.epoch)).map(|row| row.root).collect();
        Ok(DirectoryHead { newest: directory.sign(&newest)?, first, before, roots })
    }

    /// The root of one epoch.
    ///
    /// # Errors
    /// `not_found`, `too_many_tries`, `unavailable`.
    pub async fn directory_root(&self, ctx: &RequestContext, caller: &Caller, epoch: u64) -> Result<SignedRoot, ServiceError> {
        self.0.limits.take(ctx.now, &[Limit::DeviceLists(caller.account)])?;
        let row = self.0.store.epochs(epoch, 1).await?.pop().filter(|row| row.epoch == epoch).ok_or(ErrorCode::NotFound)?;
        self.0.directory.sign(&root(&row)?)
    }

    /// What stands behind names.
    ///
    /// # Errors
    /// `too_large`, `too_many_tries`, `unavailable`.
    pub async fn directory_lookup(&self, ctx: &RequestContext, caller: &Caller, request: LookUp) -> Result<LookedUp, ServiceError> {
        if request.names.len() > limits::DIRECTORY_NAMES {
            return Err(ErrorCode::TooLarge.into());
        }
        self.0.limits.take(ctx.now, &[Limit::DeviceLists(caller.account)])?;
        let directory = &self.0.directory;
        directory.publish().await?;
        let (tree, _turn) = (directory.tree().await?, directory.turn.read().await);
        let mut proofs = Vec::new();
        for name in &request.names {
            proofs.push(match tree.lookup(label(name)).await {
                Ok((proof, _)) => Some(Bytes(proof.encode())),
                Err(AkdError::Storage(StorageError::NotFound(_))) => None,
                Err(error) => return Err(failed(error)),
            });
        }
        Ok(LookedUp { at: directory.sign(&directory.newest().await?)?, proofs })
    }

    /// What has stood behind the caller's name, the newest [`limits::DIRECTORY_HISTORY`] entries.
    ///
    /// # Errors
    /// `too_many_tries`, `unavailable`.
    pub async fn directory_history(&self, ctx: &RequestContext, caller: &Caller) -> Result<DirectoryHistory, ServiceError> {
        self.0.limits.take(ctx.now, &[Limit::DeviceLists(caller.account)])?;
        let directory = &self.0.directory;
        directory.publish().await?;
        let (tree, _turn) = (directory.tree().await?, directory.turn.read().await);
        let params = HistoryParams::MostRecent(limits::DIRECTORY_HISTORY);
        let (proof, _) = tree.key_history(&label(&caller.name), params).await.map_err(failed)?;
        Ok(DirectoryHistory { at: directory.sign(&directory.newest().await?)?, proof: Bytes(proof.encode()) })
    }
}

fn root(row: &EpochRow) -> Result<Root, ServiceError> {
    let hash = |bytes: &Bytes| fixed(bytes).map_err(|_| ErrorCode::Internal);
    Ok(Root { epoch: row.epoch, hash: hash(&row.root)?, chain: hash(&row.chain)? })
}

fn failed(error: AkdError) -> ServiceError {
    match error {
        AkdError::Storage(StorageError::NotFound(_)) => ErrorCode::NotFound.into(),
        AkdError::Storage(StorageError::Connection(_)) => ServiceError::retry(ErrorCode::Unavailable, 2),
        other => {
            tracing::error!(%other, "the directory is not what it should be");
            ErrorCode::Internal.into()
        }
    }
}
