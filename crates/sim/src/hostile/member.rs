//! A malicious member: a client of its own on OpenMLS, which keeps none of Sotto's rules.
//!
//! The moves work on any group, provider and signer. A commit that was made before and not merged is given up by the next one.

use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::{
    CommitBuilder, CredentialWithKey, Extension, Extensions, ExternalCommitBuilder, GroupContext, Initial, LeafNodeParameters, MlsGroup,
    MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, NewSignerBundle, OpenMlsProvider, RatchetTreeIn, UnknownExtension,
};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::signatures::Signer;
use sotto_protocol::api::{AddressedWelcome, UploadCommit};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, IdempotencyId};
use sotto_rules::config;

use super::spoiling::Spoiling;
use super::{internal, malformed};

/// A commit with whatever `change` puts into it, and a Welcome for `joiner` if it adds one.
///
/// # Errors
/// `internal` for what OpenMLS itself refuses to build.
pub fn commit(
    provider: &impl OpenMlsProvider,
    group: &mut MlsGroup,
    signer: &impl Signer,
    joiner: Option<(AccountId, DeviceId)>,
    change: impl for<'a> FnOnce(CommitBuilder<'a, Initial>) -> CommitBuilder<'a, Initial>,
) -> Result<UploadCommit, ErrorCode> {
    build(provider, provider.crypto(), group, signer, None, joiner, change)
}

/// A commit after which the own leaf bears another key and says to be whoever `leaf` is.
///
/// # Errors
/// As [`commit`].
pub fn swap_leaf<S: Signer>(
    provider: &impl OpenMlsProvider,
    group: &mut MlsGroup,
    signer: &S,
    (next, leaf): (&S, CredentialWithKey),
) -> Result<UploadCommit, ErrorCode> {
    build(provider, provider.crypto(), group, signer, Some(NewSignerBundle { signer: next, credential_with_key: leaf }), None, |builder| {
        builder
    })
}

/// A self-update that nobody else can open: the path secrets in it are garbage, everything that the server sees is in order.
///
/// # Errors
/// As [`commit`].
pub fn commit_that_does_not_open(
    provider: &impl OpenMlsProvider,
    group: &mut MlsGroup,
    signer: &impl Signer,
) -> Result<UploadCommit, ErrorCode> {
    build(provider, &Spoiling(provider.crypto()), group, signer, None, None, |builder| builder)
}

fn build<S: Signer>(
    provider: &impl OpenMlsProvider,
    crypto: &impl OpenMlsCrypto,
    group: &mut MlsGroup,
    signer: &S,
    next: Option<NewSignerBundle<'_, S>>,
    joiner: Option<(AccountId, DeviceId)>,
    change: impl for<'a> FnOnce(CommitBuilder<'a, Initial>) -> CommitBuilder<'a, Initial>,
) -> Result<UploadCommit, ErrorCode> {
    group.clear_pending_commit(provider.storage()).map_err(internal)?;
    let epoch = group.epoch().as_u64();
    let builder = change(group.commit_builder().force_self_update(true))
        .load_psks(provider.storage())
        .map_err(internal)?
        .create_group_info(true)
        .use_ratchet_tree_extension(false);
    let built = match next {
        None => builder.build(provider.rand(), crypto, signer, |_| true),
        Some(next) => builder.build_with_new_signer(provider.rand(), crypto, signer, next, |_| true),
    };
    let (commit, welcome, info) = built.map_err(internal)?.stage_commit(provider).map_err(internal)?.into_messages();
    upload(epoch, &commit, info.as_ref(), joiner.zip(welcome.as_ref()))
}

/// An external commit into a room whose GroupInfo and tree somebody has handed out.
///
/// # Errors
/// `malformed` for what is not a GroupInfo or a tree; `internal` for what OpenMLS itself refuses to build.
pub fn external_commit(
    provider: &impl OpenMlsProvider,
    signer: &impl Signer,
    leaf: CredentialWithKey,
    (group_info, ratchet_tree): (&[u8], &[u8]),
) -> Result<(UploadCommit, MlsGroup), ErrorCode> {
    let MlsMessageBodyIn::GroupInfo(info) = MlsMessageIn::tls_deserialize_exact_bytes(group_info).map_err(malformed)?.extract() else {
        return Err(ErrorCode::Malformed);
    };
    let tree = RatchetTreeIn::tls_deserialize_exact_bytes(ratchet_tree).map_err(malformed)?;
    let (group, bundle) = ExternalCommitBuilder::new()
        .with_ratchet_tree(tree)
        .with_config(config::join_config())
        .build_group(provider, info, leaf)
        .map_err(internal)?
        .leaf_node_parameters(LeafNodeParameters::builder().with_capabilities(config::leaf_capabilities()).build())
        .load_psks(provider.storage())
        .map_err(internal)?
        .create_group_info(true)
        .use_ratchet_tree_extension(false)
        .build(provider.rand(), provider.crypto(), signer, |_| true)
        .map_err(internal)?
        .finalize(provider)
        .map_err(internal)?;
    let (commit, _, info) = bundle.into_messages();
    let epoch = group.epoch().as_u64().saturating_sub(1);
    Ok((upload(epoch, &commit, info.as_ref(), None)?, group))
}

fn upload(
    epoch: u64,
    commit: &MlsMessageOut,
    info: Option<&MlsMessageOut>,
    welcome: Option<((AccountId, DeviceId), &MlsMessageOut)>,
) -> Result<UploadCommit, ErrorCode> {
    let encoded = |message: &MlsMessageOut| message.to_bytes().map(Bytes).map_err(internal);
    let addressed = |((account, device), welcome)| Ok::<_, ErrorCode>(AddressedWelcome { account, device, welcome: encoded(welcome)? });
    Ok(UploadCommit {
        idempotency: idempotency()?,
        epoch,
        commit: encoded(commit)?,
        group_info: encoded(info.ok_or(ErrorCode::Internal)?)?,
        welcomes: welcome.map(addressed).transpose()?.into_iter().collect(),
    })
}

/// The same upload under another idempotency id: a second thing, not a repetition.
///
/// # Errors
/// `unsupported` without a source of randomness.
pub fn anew(upload: &UploadCommit) -> Result<UploadCommit, ErrorCode> {
    Ok(UploadCommit { idempotency: idempotency()?, ..upload.clone() })
}

fn idempotency() -> Result<IdempotencyId, ErrorCode> {
    sotto_client::random::bytes().map(IdempotencyId)
}

/// The context extensions of every room, with text for the server beside them.
///
/// # Errors
/// `internal` when OpenMLS refuses.
pub fn talkative_extensions() -> Result<Extensions<GroupContext>, ErrorCode> {
    let text = UnknownExtension(b"for the server to read".to_vec());
    let list = vec![Extension::RequiredCapabilities(config::required_capabilities()), Extension::Unknown(config::ROLES_EXTENSION, text)];
    Extensions::from_vec(list).map_err(internal)
}
