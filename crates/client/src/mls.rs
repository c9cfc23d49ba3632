//! MLS operations on one group: every call to OpenMLS that changes a group stands here, with Sotto's settings and rules.
//!
//! A function that fails may leave the group object and the journal half-way: the caller rolls the journal back and drops the
//! group (DESIGN.md §5 rule 2). None of these functions does I/O.

use std::collections::BTreeSet;

use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _, VLBytes};
use openmls::prelude::{
    BasicCredential, CredentialWithKey, GroupId, KeyPackage, KeyPackageIn, LeafNodeIndex, LeafNodeParameters, MlsGroup, MlsMessageBodyIn,
    MlsMessageIn, MlsMessageOut, NewSignerBundle, OpenMlsProvider as _, ProcessMessageError, ProcessedMessageContent, Proposal,
    ProtocolMessage, ProtocolVersion, QueuedProposal, RatchetTreeIn, Sender, StageCommitError, StagedWelcome,
};
use sotto_protocol::api::{AddressedWelcome, UploadCommit, UploadProposal};
use sotto_protocol::frames::EntryKind;
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, IdempotencyId, RoomId};
use sotto_rules::identity::{DeviceCredential, verified_credential};
use sotto_rules::roles::{Kind, Role, Roles};
use sotto_rules::{commit as rules, config};

use crate::identity::DeviceIdentity;
use crate::leaf_key::LeafKey;
use crate::random;
use crate::storage::Provider;

/// What an entry of the log turned out to be.
pub enum Processed {
    /// Application data of a member.
    Message {
        /// Who wrote it, from the leaf.
        author: Box<DeviceCredential>,
        /// The plaintext.
        content: Vec<u8>,
    },
    /// An own application message, which its author cannot decrypt.
    OwnMessage,
    /// The own pending commit: merged.
    OwnCommit,
    /// A member's device leaves: kept until a commit carries it out.
    Leaving {
        /// Whose.
        account: AccountId,
    },
    /// A member's commit: checked and merged.
    Commit {
        /// Who made it.
        by: AccountId,
        /// With which device.
        device: DeviceId,
        /// Accounts that had no leaf before it and have one now.
        came: Vec<AccountId>,
        /// Accounts that others have taken out of the room.
        went: Vec<AccountId>,
        /// Accounts that have left by themselves.
        left: Vec<AccountId>,
        /// Devices that were added, or took a seat by external commit.
        joined: Vec<(AccountId, DeviceId)>,
        /// Devices whose leaf was removed. One that took its own seat again stands in both.
        removed: Vec<(AccountId, DeviceId)>,
        /// Accounts whose role is another now.
        roles: Vec<(AccountId, Role)>,
    },
}

/// A device of another account, ready to be added.
pub struct Joiner {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub device: DeviceId,
    /// Its verified key package.
    pub key_package: KeyPackage,
}

/// Loads a group that must be there.
///
/// # Errors
/// `storage_damaged`: a failed load is never "absent".
pub fn load(provider: &Provider, room: RoomId) -> Result<MlsGroup, ErrorCode> {
    provider.load_group(&group_id(room)).map_err(damaged)?.ok_or(ErrorCode::StorageDamaged)
}

/// Makes a key package and stores its private parts.
///
/// # Errors
/// `internal` when OpenMLS refuses, which it has no reason to.
pub fn key_package(
    provider: &Provider,
    identity: &DeviceIdentity,
    key: &LeafKey,
    last_resort: bool,
    now_s: u64,
) -> Result<Bytes, ErrorCode> {
    let lifetime = config::key_package_lifetime(now_s);
    let mut builder = KeyPackage::builder().key_package_lifetime(lifetime).leaf_node_capabilities(config::leaf_capabilities());
    if last_resort {
        builder = builder.mark_as_last_resort();
    }
    let bundle = builder.build(config::SUITE, provider, key, credential(identity, key)).map_err(internal)?;
    tls(bundle.key_package())
}

/// Verifies a claimed key package: signature, suite, lifetime, credential, and that it is the device that it was claimed for.
///
/// # Errors
/// `not_authentic`, `wrong_suite` or `wrong_clock`; `malformed`.
pub fn joiner(provider: &Provider, bytes: &[u8], account: AccountId, device: DeviceId, now_s: u64) -> Result<Joiner, ErrorCode> {
    let parsed = KeyPackageIn::tls_deserialize_exact(bytes).map_err(|_| ErrorCode::Malformed)?;
    let key_package = parsed.validate(provider.crypto(), ProtocolVersion::Mls10).map_err(|_| ErrorCode::NotAuthentic)?;
    let credential = rules::check_key_package(&key_package, now_s)?;
    if credential.account() != account || credential.device != device {
        return Err(ErrorCode::NotAuthentic);
    }
    Ok(Joiner { account, device, key_package })
}

/// What a room begins with: epoch 0 as the server needs it.
pub struct Beginning {
    /// The group, at epoch 0, stored.
    pub group: MlsGroup,
    /// GroupInfo of epoch 0.
    pub group_info: Bytes,
    /// Ratchet tree of epoch 0.
    pub ratchet_tree: Bytes,
}

/// Makes a group whose id is the room's.
///
/// # Errors
/// `internal` when OpenMLS refuses.
pub fn create(
    provider: &Provider,
    identity: &DeviceIdentity,
    key: &LeafKey,
    room: RoomId,
    kind: &Kind,
    now_s: u64,
) -> Result<Beginning, ErrorCode> {
    let config = config::create_config(kind, now_s);
    let group = MlsGroup::new_with_group_id(provider, key, &config, group_id(room), credential(identity, key)).map_err(internal)?;
    let group_info = group.export_group_info(provider.crypto(), key, false).map_err(internal)?;
    Ok(Beginning { group_info: tls(&group_info)?, ratchet_tree: tls(&group.export_ratchet_tree())?, group })
}

/// With which leaf signature key a commit is signed.
pub enum Signing<'a> {
    /// The one in the leaf, which stays.
    With(&'a LeafKey),
    /// The one in the leaf, and a new one takes its place: who has a copy of the old one can sign nothing any more.
    Renewing {
        /// In the leaf now.
        old: &'a LeafKey,
        /// In the leaf afterwards.
        new: &'a LeafKey,
        /// Of this device with the new one.
        credential: CredentialWithKey,
    },
}

/// Stages a commit: adds, removes, SelfRemoves of the leaves in `leaving` that wait for it, other roles and a fresh path. It is merged only when the log shows it.
///
/// # Errors
/// `internal` when OpenMLS refuses.
pub fn stage_commit(
    provider: &Provider,
    group: &mut MlsGroup,
    signing: Signing<'_>,
    joiners: &[Joiner],
    removed: &[LeafNodeIndex],
    leaving: &[LeafNodeIndex],
    roles: Option<Roles>,
) -> Result<UploadCommit, ErrorCode> {
    let epoch = group.epoch().as_u64();
    let wanted = |queued: &QueuedProposal| match (queued.proposal(), queued.sender()) {
        (Proposal::SelfRemove, Sender::Member(index)) => leaving.contains(index),
        _ => true,
    };
    let mut builder = group
        .commit_builder()
        .force_self_update(true)
        .propose_adds(joiners.iter().map(|joiner| joiner.key_package.clone()))
        .propose_removals(removed.iter().copied());
    if let Some(roles) = roles {
        builder = builder.propose_group_context_extensions(Kind::Group(roles).extensions()).map_err(internal)?;
    }
    let builder = builder.load_psks(provider.storage()).map_err(internal)?.create_group_info(true).use_ratchet_tree_extension(false);
    let built = match signing {
        Signing::With(key) => builder.build(provider.rand(), provider.crypto(), key, wanted),
        Signing::Renewing { old, new, credential } => {
            let bundle = NewSignerBundle { signer: new, credential_with_key: credential };
            builder.build_with_new_signer(provider.rand(), provider.crypto(), old, bundle, wanted)
        }
    };
    let bundle = built.map_err(internal)?.stage_commit(provider).map_err(internal)?;
    let (commit, welcome, group_info) = bundle.into_messages();
    let welcomes = match welcome {
        Some(welcome) => split_welcome(provider, tls(&welcome)?, joiners)?,
        None => Vec::new(),
    };
    upload(epoch, &commit, group_info.as_ref(), welcomes)
}

/// One Welcome (RFC 9420 §12.4.3.1) for each joiner, with its own EncryptedGroupSecrets alone: nobody learns who else was added,
/// and nobody downloads what is for others.
fn split_welcome(provider: &Provider, whole: Bytes, joiners: &[Joiner]) -> Result<Vec<AddressedWelcome>, ErrorCode> {
    // Version, wire format and suite; then the secrets, then the GroupInfo that all share.
    const HEADER: usize = 6;
    let MlsMessageBodyIn::Welcome(welcome) = message(whole.as_slice())?.extract() else {
        return Err(ErrorCode::Internal);
    };
    let (header, mut rest) = whole.as_slice().split_at_checked(HEADER).ok_or(ErrorCode::Internal)?;
    VLBytes::tls_deserialize(&mut rest).map_err(internal)?;
    let for_one = |joiner: &Joiner| {
        let reference = joiner.key_package.hash_ref(provider.crypto()).map_err(internal)?;
        let own = welcome.secrets().iter().find(|secrets| secrets.new_member() == reference).ok_or(ErrorCode::Internal)?;
        let secrets = tls(&VLBytes::new(tls(own)?.0))?;
        let welcome = Bytes([header, secrets.as_slice(), rest].concat());
        Ok(AddressedWelcome { account: joiner.account, device: joiner.device, welcome })
    };
    joiners.iter().map(for_one).collect()
}

fn upload(
    epoch: u64,
    commit: &MlsMessageOut,
    group_info: Option<&MlsMessageOut>,
    welcomes: Vec<AddressedWelcome>,
) -> Result<UploadCommit, ErrorCode> {
    Ok(UploadCommit {
        idempotency: IdempotencyId(random::bytes()?),
        epoch,
        commit: tls(commit)?,
        group_info: tls(group_info.ok_or(ErrorCode::Internal)?)?,
        welcomes,
    })
}

/// Joins by Welcome. Answers also who made it: the member that signed its GroupInfo.
///
/// # Errors
/// `not_authentic` for a Welcome that does not open, is for another room, or leads into a tree with an unverified leaf.
pub fn join_by_welcome(provider: &Provider, room: RoomId, welcome: &[u8], ratchet_tree: &[u8]) -> Result<(MlsGroup, AccountId), ErrorCode> {
    let MlsMessageBodyIn::Welcome(welcome) = message(welcome)?.extract() else {
        return Err(ErrorCode::Malformed);
    };
    if welcome.ciphersuite() != config::SUITE {
        return Err(ErrorCode::WrongSuite);
    }
    let tree = RatchetTreeIn::tls_deserialize_exact(ratchet_tree).map_err(|_| ErrorCode::Malformed)?;
    let staged = StagedWelcome::build_from_welcome(provider, &config::join_config(), welcome)
        .map_err(unauthentic)?
        .with_ratchet_tree(tree)
        // Lifetimes are for whoever adds a device. In a tree they are over one day, and who is there stays there.
        .skip_lifetime_validation()
        .build()
        .map_err(unauthentic)?;
    if staged.group_context().group_id() != &group_id(room) {
        return Err(ErrorCode::NotAuthentic);
    }
    let sender = staged.welcome_sender_index();
    let group = staged.into_group(provider).map_err(unauthentic)?;
    rules::check_room(group.public_group())?;
    let by = author(&group, sender)?.account();
    Ok((group, by))
}

/// Takes a seat by external commit, in the storage namespace that is current. The group is at the new epoch at once, so it must
/// not be used before the server accepted.
///
/// # Errors
/// `not_authentic` for room state that does not verify; `device_unknown` when a leaf of this device stands there with another
/// signature key; `internal` when OpenMLS refuses.
pub fn join_externally(
    provider: &Provider,
    identity: &DeviceIdentity,
    key: &LeafKey,
    room: RoomId,
    group_info: &[u8],
    ratchet_tree: &[u8],
) -> Result<UploadCommit, ErrorCode> {
    let MlsMessageBodyIn::GroupInfo(group_info) = message(group_info)?.extract() else {
        return Err(ErrorCode::Malformed);
    };
    if group_info.ciphersuite() != config::SUITE {
        return Err(ErrorCode::WrongSuite);
    }
    let tree = RatchetTreeIn::tls_deserialize_exact(ratchet_tree).map_err(|_| ErrorCode::Malformed)?;
    let parameters = LeafNodeParameters::builder().with_capabilities(config::leaf_capabilities()).build();
    let (group, bundle) = MlsGroup::external_commit_builder()
        .with_ratchet_tree(tree)
        .with_config(config::join_config())
        .skip_lifetime_validation()
        .build_group(provider, group_info, credential(identity, key))
        .map_err(unauthentic)?
        .leaf_node_parameters(parameters)
        .load_psks(provider.storage())
        .map_err(internal)?
        .create_group_info(true)
        .use_ratchet_tree_extension(false)
        .build(provider.rand(), provider.crypto(), key, |_| true)
        .map_err(internal)?
        .finalize(provider)
        .map_err(internal)?;
    if group.group_id() != &group_id(room) {
        return Err(ErrorCode::NotAuthentic);
    }
    rules::check_room(group.public_group()).map_err(|violation| match violation {
        rules::RuleViolation::DuplicateDevice => ErrorCode::DeviceUnknown,
        other => other.into(),
    })?;
    let (commit, _, group_info) = bundle.into_messages();
    upload(group.epoch().as_u64().saturating_sub(1), &commit, group_info.as_ref(), Vec::new())
}

/// Encrypts for the current epoch.
///
/// # Errors
/// `internal` when OpenMLS refuses (not a member any more).
pub fn encrypt(provider: &Provider, group: &mut MlsGroup, key: &LeafKey, content: &[u8]) -> Result<Bytes, ErrorCode> {
    tls(&group.create_message(provider, key, content).map_err(internal)?)
}

/// Verifies and applies one entry of the log. `kind`: what the server says it is; MLS must agree. `pair`: the accounts of the
/// direct room, since MLS state does not name them: nobody else may ever come in. None for a group.
///
/// # Errors
/// `not_authentic` (or `wrong_suite`, `malformed`, `commit_refused`) for everything that does not verify; `rolled_back` for an own
/// commit that this state does not know.
pub fn process(
    provider: &Provider,
    group: &mut MlsGroup,
    bytes: &[u8],
    kind_of_entry: EntryKind,
    pair: Option<[AccountId; 2]>,
) -> Result<Processed, ErrorCode> {
    let message: ProtocolMessage = message(bytes)?.try_into_protocol_message().map_err(|_| ErrorCode::Malformed)?;
    // Handshakes are public and application messages are private, without exception (SECURITY_TESTS.md 32).
    let (commit, text) = (kind_of_entry == EntryKind::Commit, kind_of_entry == EntryKind::Message);
    match (&message, text) {
        (ProtocolMessage::PublicMessage(_), false) | (ProtocolMessage::PrivateMessage(_), true) => {}
        _ => return Err(ErrorCode::WrongSuite),
    }
    let processed = group.process_message(provider, message).map_err(not_processed)?;
    let sender = processed.sender().clone();
    match processed.into_content() {
        ProcessedMessageContent::ApplicationMessage(content) if text => {
            let Sender::Member(index) = sender else { return Err(ErrorCode::NotAuthentic) };
            Ok(Processed::Message { author: Box::new(author(group, index)?), content: content.into_bytes() })
        }
        ProcessedMessageContent::OwnPrivateMessage if text => Ok(Processed::OwnMessage),
        ProcessedMessageContent::ProposalMessage(queued) if kind_of_entry == EntryKind::Proposal => {
            let account = rules::check_leave(group.public_group(), &queued)?.account();
            group.store_pending_proposal(provider.storage(), *queued).map_err(internal)?;
            Ok(Processed::Leaving { account })
        }
        ProcessedMessageContent::OwnPendingCommit if commit => {
            group.merge_pending_commit(provider).map_err(internal)?;
            Ok(Processed::OwnCommit)
        }
        ProcessedMessageContent::StagedCommitMessage(staged) if commit => {
            let before = kind(group)?;
            let summary = rules::check_commit(group.public_group(), &staged, &sender)?;
            if pair.is_some_and(|pair| !summary.accounts.iter().all(|account| pair.contains(account))) {
                return Err(ErrorCode::CommitRefused);
            }
            group.merge_staged_commit(provider, *staged).map_err(internal)?;
            Ok(Processed::Commit {
                by: summary.committer.account(),
                device: summary.committer.device,
                came: summary.accounts.difference(&summary.accounts_before).copied().collect(),
                went: summary.accounts_before.difference(&summary.accounts).filter(|gone| !summary.left.contains(gone)).copied().collect(),
                left: summary.left.iter().copied().collect(),
                roles: summary
                    .accounts
                    .iter()
                    .map(|account| (*account, summary.kind.role(*account)))
                    .filter(|(account, role)| before.role(*account) != *role)
                    .collect(),
                joined: summary.joined,
                removed: summary.removed,
            })
        }
        _ => Err(ErrorCode::NotAuthentic),
    }
}

/// What the room is.
///
/// # Errors
/// `not_authentic` for a GroupContext that is not one of ours.
pub fn kind(group: &MlsGroup) -> Result<Kind, ErrorCode> {
    Ok(Kind::of(group.public_group().group_context().extensions())?)
}

/// Makes a SelfRemove of the own leaf. It counts only when the log shows it.
///
/// # Errors
/// `internal` when OpenMLS refuses: a commit is pending, say.
pub fn propose_leave(provider: &Provider, group: &mut MlsGroup, key: &LeafKey) -> Result<UploadProposal, ErrorCode> {
    let (epoch, own) = (group.epoch().as_u64(), Sender::Member(group.own_leaf_index()));
    let message = group.leave_group_via_self_remove(provider, key).map_err(internal)?;
    let made = group.pending_proposals().find(|queued| *queued.sender() == own).map(|queued| queued.proposal_reference_ref().clone());
    group.remove_pending_proposal(provider.storage(), &made.ok_or(ErrorCode::Internal)?).map_err(internal)?;
    Ok(UploadProposal { idempotency: IdempotencyId(random::bytes()?), epoch, proposal: tls(&message)? })
}

/// Leaves whose SelfRemove waits for a commit.
#[must_use]
pub fn leaving(group: &MlsGroup) -> Vec<LeafNodeIndex> {
    let leaf = |queued: &QueuedProposal| match (queued.proposal(), queued.sender()) {
        (Proposal::SelfRemove, Sender::Member(index)) => Some(*index),
        _ => None,
    };
    group.pending_proposals().filter_map(leaf).collect()
}

/// Whether an account may leave a group after `others` have.
///
/// # Errors
/// `last_owner`; `commit_refused` for a direct room.
pub fn may_leave(group: &MlsGroup, account: AccountId, others: &BTreeSet<AccountId>) -> Result<(), ErrorCode> {
    Ok(rules::may_leave(group.public_group(), account, others)?)
}

/// Forgets the staged commit.
///
/// # Errors
/// `internal` when OpenMLS refuses, which it has no reason to.
pub fn clear_commit(provider: &Provider, group: &mut MlsGroup) -> Result<(), ErrorCode> {
    group.clear_pending_commit(provider.storage()).map_err(internal)
}

/// The GroupContext (RFC 9420 §8.1), encoded: equal for all who are in the same state of an epoch.
///
/// # Errors
/// `internal` when it can't be encoded.
pub fn context(group: &MlsGroup) -> Result<Vec<u8>, ErrorCode> {
    group.public_group().group_context().tls_serialize_detached().map_err(internal)
}

/// The GroupContext that a GroupInfo names, encoded, and its epoch. Nothing of it is verified: it is good for comparing only.
///
/// # Errors
/// `malformed`.
pub fn context_of(group_info: &[u8]) -> Result<(Vec<u8>, u64), ErrorCode> {
    match message(group_info)?.extract() {
        MlsMessageBodyIn::GroupInfo(info) => Ok((info.group_context().tls_serialize_detached().map_err(internal)?, info.epoch().as_u64())),
        _ => Err(ErrorCode::Malformed),
    }
}

/// All members' verified credentials with their leaf indices.
///
/// # Errors
/// `not_authentic` when one does not verify.
pub fn members(group: &MlsGroup) -> Result<Vec<(LeafNodeIndex, DeviceCredential)>, ErrorCode> {
    group
        .members()
        .map(|member| {
            let credential = verified_credential(member.credential.serialized_content(), &member.signature_key)?;
            Ok((member.index, credential))
        })
        .collect()
}

/// Credentials of all leaves of a verified tree, as they stand there: their signatures were verified when they came in.
///
/// # Errors
/// `not_authentic`, which no such tree gives.
pub fn leaves(group: &MlsGroup) -> Result<Vec<DeviceCredential>, ErrorCode> {
    group.members().map(|member| Ok(DeviceCredential::decode(member.credential.serialized_content())?)).collect()
}

/// The group id of a room.
#[must_use]
pub fn group_id(room: RoomId) -> GroupId {
    GroupId::from_slice(room.as_bytes())
}

fn author(group: &MlsGroup, index: LeafNodeIndex) -> Result<DeviceCredential, ErrorCode> {
    let member = group.member_at(index).ok_or(ErrorCode::NotAuthentic)?;
    Ok(verified_credential(member.credential.serialized_content(), &member.signature_key)?)
}

/// A device's credential for a leaf with this key.
pub fn credential(identity: &DeviceIdentity, key: &LeafKey) -> CredentialWithKey {
    let public = key.public();
    CredentialWithKey {
        credential: BasicCredential::new(identity.leaf_credential(&public)).into(),
        signature_key: public.as_slice().into(),
    }
}

pub(crate) fn message(bytes: &[u8]) -> Result<MlsMessageIn, ErrorCode> {
    MlsMessageIn::tls_deserialize_exact(bytes).map_err(|_| ErrorCode::Malformed)
}

fn tls<T: openmls::prelude::tls_codec::Serialize>(value: &T) -> Result<Bytes, ErrorCode> {
    value.tls_serialize_detached().map(Bytes).map_err(internal)
}

// The three ways in which OpenMLS fails, as seen from here. The cause is not kept: its text may quote message content.
fn internal<E>(_: E) -> ErrorCode {
    ErrorCode::Internal
}

fn unauthentic<E>(_: E) -> ErrorCode {
    ErrorCode::NotAuthentic
}

fn not_processed<E>(error: ProcessMessageError<E>) -> ErrorCode {
    match error {
        ProcessMessageError::InvalidCommit(StageCommitError::OwnCommitMismatch) => ErrorCode::RolledBack,
        _ => ErrorCode::NotAuthentic,
    }
}

fn damaged<E>(_: E) -> ErrorCode {
    ErrorCode::StorageDamaged
}
