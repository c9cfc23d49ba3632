//! Whether a commit may stand: checked in a scratch copy of the room's public state, before the writer hears of it.
//!
//! What can't be checked here (membership tag, path secrets, what a Welcome holds) hurts a member who heals by an external commit.

use std::collections::BTreeSet;

use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::{
    GroupId, LeafNodeIndex, MlsMessageBodyIn, MlsMessageIn, OpenMlsSignaturePublicKey, ProcessedMessageContent, ProposalStore,
    ProtocolMessage, PublicGroup, PublicMessageIn, RatchetTreeIn, Sender, StagedCommit, Verifiable as _,
};
use sotto_crypto::Crypto;
use sotto_protocol::api::{AddressedWelcome, CreateRoom, UploadCommit};
use sotto_protocol::{AccountId, Bytes, DeviceId, Epoch, ErrorCode, Millis, RoomId, limits};
use sotto_rules::commit::{CommitSummary, check_added_lifetimes, check_commit, check_leave, check_room, check_unique_leaf_keys, may_leave};
use sotto_rules::config::{EXTERNAL_PUB, SUITE, TAG};
use sotto_rules::roles::{Kind, Role};
use tls_codec::{Deserialize as _, Serialize as _, Size as _};

use super::group_state::GroupState;
use crate::keys;
use crate::store::{AddedRow, Pair, RoomStateRow, WelcomeRow};

/// Who sends a commit, into which room.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    pub(super) room: RoomId,
    /// None for a group.
    pub(super) pair: Option<Pair>,
    pub(super) account: AccountId,
    pub(super) device: DeviceId,
    pub(super) now: Millis,
}

/// What the room becomes.
pub(super) struct Validated {
    pub(super) state: RoomStateRow,
    pub(super) members: Vec<AccountId>,
    kind: Kind,
    pub(super) welcomes: Vec<WelcomeRow>,
    pub(super) added: Vec<AddedRow>,
    pub(super) unlisted: Vec<(AccountId, DeviceId)>,
}

/// Validates a commit against the stored public state of its room.
pub(super) fn commit(asking: Asking, stored: &Bytes, upload: &UploadCommit) -> Result<Validated, ErrorCode> {
    let storage = GroupState::from_bytes(stored.as_slice())?;
    let group = load(asking.room, &storage)?;
    apply(asking, group, &storage, upload)
}

/// Validates a room of one leaf (the creator's) and its first commit, after which both of a pair are in it. Who makes a group owns it.
pub(super) fn creation(asking: Asking, create: &CreateRoom) -> Result<Validated, ErrorCode> {
    let info = group_info(&create.group_info)?;
    if info.ciphersuite() != SUITE {
        return Err(ErrorCode::WrongSuite);
    }
    check_info_form(&info)?;
    if info.group_id().as_slice() != asking.room.as_bytes() || info.epoch().as_u64() != 0 {
        return Err(ErrorCode::CommitRefused);
    }
    let tree = RatchetTreeIn::tls_deserialize_exact(create.ratchet_tree.as_slice()).map_err(|_| ErrorCode::Malformed)?;
    let storage = GroupState::default();
    let (group, _) =
        PublicGroup::from_external(&Crypto, &storage, tree, info, ProposalStore::new()).map_err(|_| ErrorCode::NotAuthentic)?;
    let leaves = check_room(&group)?;
    let own_alone = matches!(leaves.as_slice(), [(_, leaf)] if leaf.account() == asking.account && leaf.device == asking.device);
    if !own_alone {
        return Err(ErrorCode::CommitRefused);
    }
    let validated = apply(asking, group, &storage, &create.commit)?;
    let complete = match asking.pair {
        Some(pair) => validated.members.iter().eq(BTreeSet::from([pair.low, pair.high]).iter()),
        None => validated.kind.role(asking.account) == Role::Owner,
    };
    if complete { Ok(validated) } else { Err(ErrorCode::CommitRefused) }
}

/// What a device that leaves makes of its room.
pub(super) struct Leave {
    /// The public state with the proposal in it.
    pub(super) after: Bytes,
    /// Nobody else is in the group.
    pub(super) alone: bool,
}

/// Validates a proposal that comes alone: a SelfRemove of the caller's own leaf, once in an epoch.
pub(super) fn proposal(asking: Asking, stored: &Bytes, epoch: Epoch, proposal: &Bytes) -> Result<Leave, ErrorCode> {
    let storage = GroupState::from_bytes(stored.as_slice())?;
    let mut group = load(asking.room, &storage)?;
    let message = public_message(asking.room, epoch, proposal)?;
    check_membership_tag(&message, proposal.as_slice())?;
    let processed = group.process_message(&Crypto, ProtocolMessage::from(message)).map_err(|_| ErrorCode::CommitRefused)?;
    if !processed.aad().is_empty() {
        return Err(ErrorCode::CommitRefused);
    }
    let ProcessedMessageContent::ProposalMessage(queued) = processed.into_content() else {
        return Err(ErrorCode::CommitRefused);
    };
    let leaver = check_leave(&group, &queued)?;
    let known = group.queued_proposals(&storage).map_err(|_| ErrorCode::Internal)?;
    let repeated = known.iter().any(|(_, known)| known.sender() == queued.sender());
    if repeated || leaver.account() != asking.account || leaver.device != asking.device {
        return Err(ErrorCode::CommitRefused);
    }
    let alone = check_room(&group)?.iter().all(|(_, leaf)| leaf.account() == asking.account);
    group.add_proposal(&storage, *queued).map_err(|_| ErrorCode::Internal)?;
    Ok(Leave { after: storage.to_bytes(), alone })
}

/// Whether a group would keep an owner without an account, apart from those that are nobody any more.
pub(super) fn keeps_an_owner(room: RoomId, stored: &Bytes, account: AccountId, deleted: &BTreeSet<AccountId>) -> Result<(), ErrorCode> {
    let group = load(room, &GroupState::from_bytes(stored.as_slice())?)?;
    Ok(may_leave(&group, account, deleted)?)
}

/// What an account may do in a room.
pub(super) fn role(room: RoomId, stored: &Bytes, account: AccountId) -> Result<Role, ErrorCode> {
    let group = load(room, &GroupState::from_bytes(stored.as_slice())?)?;
    Ok(Kind::of(group.group_context().extensions())?.role(account))
}

fn load(room: RoomId, storage: &GroupState) -> Result<PublicGroup, ErrorCode> {
    PublicGroup::load(storage, &GroupId::from_slice(room.as_bytes())).map_err(|_| ErrorCode::Internal)?.ok_or(ErrorCode::Internal)
}

fn apply(asking: Asking, mut group: PublicGroup, storage: &GroupState, upload: &UploadCommit) -> Result<Validated, ErrorCode> {
    let message = public_commit(asking.room, upload)?;
    let processed = group.process_message(&Crypto, message).map_err(|_| ErrorCode::CommitRefused)?;
    // Anything that travels beside the commit would be text for the server to read.
    if !processed.aad().is_empty() {
        return Err(ErrorCode::CommitRefused);
    }
    let sender = processed.sender().clone();
    let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
        return Err(ErrorCode::CommitRefused);
    };
    let summary = check_commit(&group, &staged, &sender)?;
    check_people(asking, &summary)?;
    if staged.add_proposals().count() > limits::ADDED_AT_ONCE {
        return Err(ErrorCode::TooLarge);
    }
    check_added_lifetimes(&staged, asking.now / 1000)?;
    let (added, welcomes) = welcomes(&staged, &upload.welcomes)?;
    let leaf = match sender {
        Sender::Member(index) => index,
        _ => group.ext_commit_sender_index(&staged).map_err(|_| ErrorCode::CommitRefused)?,
    };
    group.merge_commit(storage, *staged).map_err(|_| ErrorCode::CommitRefused)?;
    check_unique_leaf_keys(&group)?;
    check_group_info(&group, leaf, &upload.group_info)?;
    let ratchet_tree = group.export_ratchet_tree().tls_serialize_detached().map_err(|_| ErrorCode::Internal)?;
    Ok(Validated {
        state: RoomStateRow { public_group: storage.to_bytes(), group_info: upload.group_info.clone(), ratchet_tree: ratchet_tree.into() },
        members: summary.accounts.into_iter().collect(),
        kind: summary.kind,
        welcomes,
        added,
        unlisted: summary.unlisted,
    })
}

/// The commit, as a message of this room and epoch in the one wire format of handshakes.
fn public_commit(room: RoomId, upload: &UploadCommit) -> Result<ProtocolMessage, ErrorCode> {
    let message = public_message(room, upload.epoch, &upload.commit)?;
    check_tags(&message, upload.commit.as_slice())?;
    Ok(ProtocolMessage::from(message))
}

fn public_message(room: RoomId, epoch: Epoch, bytes: &Bytes) -> Result<PublicMessageIn, ErrorCode> {
    let message = MlsMessageIn::tls_deserialize_exact(bytes.as_slice()).map_err(|_| ErrorCode::Malformed)?;
    let MlsMessageBodyIn::PublicMessage(message) = message.extract() else {
        return Err(ErrorCode::WrongSuite);
    };
    if message.group_id().as_slice() != room.as_bytes() || message.epoch().as_u64() != epoch {
        return Err(ErrorCode::CommitRefused);
    }
    Ok(message)
}

/// A tag with its length in front.
const FIELD: usize = TAG + 1;

/// Both tags of a commit are as long as the suite's HMAC. Members alone can check what is in them, so a wrong one hurts and is healed;
/// one that is cut or empty is no tag at all (GHSA-8x3w-qj7j-gqhf).
fn check_tags(message: &PublicMessageIn, encoded: &[u8]) -> Result<(), ErrorCode> {
    if message.confirmation_tag().is_none_or(|tag| tag.tls_serialized_len() != FIELD) {
        return Err(ErrorCode::CommitRefused);
    }
    check_membership_tag(message, encoded)
}

fn check_membership_tag(message: &PublicMessageIn, encoded: &[u8]) -> Result<(), ErrorCode> {
    // Only members put a membership tag there.
    if !matches!(message.sender(), Sender::Member(_)) {
        return Ok(());
    }
    // OpenMLS does not show it, but it is the last field: with an empty one in the place of as many bytes as it should have, this is
    // a message again, or they were not the tag.
    let front = encoded.len().checked_sub(FIELD).ok_or(ErrorCode::Malformed)?;
    let mut without = encoded.to_vec();
    without.truncate(front);
    without.push(0);
    MlsMessageIn::tls_deserialize_exact(&without).map(drop).map_err(|_| ErrorCode::CommitRefused)
}

/// The committer is the caller's own device; nobody but the pair has leaves in its room afterwards, and a group is one.
fn check_people(asking: Asking, summary: &CommitSummary) -> Result<(), ErrorCode> {
    let own = summary.committer.account() == asking.account && summary.committer.device == asking.device;
    let right = match (asking.pair, &summary.kind) {
        (Some(pair), Kind::Direct) => summary.accounts.iter().all(|account| [pair.low, pair.high].contains(account)),
        (None, Kind::Group(_)) => true,
        _ => false,
    };
    if own && right { Ok(()) } else { Err(ErrorCode::CommitRefused) }
}

/// One Welcome for each Add, made for its key package and addressed to its device; no others.
fn welcomes(staged: &StagedCommit, addressed: &[AddressedWelcome]) -> Result<(Vec<AddedRow>, Vec<WelcomeRow>), ErrorCode> {
    let mut added = Vec::new();
    let mut packages = Vec::new();
    for add in staged.add_proposals() {
        let package = add.add_proposal().key_package();
        let credential = sotto_rules::identity::DeviceCredential::decode(package.leaf_node().credential().serialized_content())?;
        let reference = package.hash_ref(&Crypto).map_err(|_| ErrorCode::CommitRefused)?;
        packages.push(AddedRow {
            account: credential.account(),
            device: credential.device,
            hash: keys::hash(&package.tls_serialize_detached().map_err(|_| ErrorCode::Internal)?),
            last_resort: package.last_resort(),
            not_after: package.life_time().not_after().saturating_mul(1000),
        });
        added.push((credential.account(), credential.device, reference));
    }
    if added.len() != addressed.len() {
        return Err(ErrorCode::CommitRefused);
    }
    for (account, device, reference) in added {
        let mut own = addressed.iter().filter(|welcome| welcome.account == account && welcome.device == device);
        let (Some(welcome), None) = (own.next(), own.next()) else {
            return Err(ErrorCode::CommitRefused);
        };
        let message = MlsMessageIn::tls_deserialize_exact(welcome.welcome.as_slice()).map_err(|_| ErrorCode::Malformed)?;
        let MlsMessageBodyIn::Welcome(message) = message.extract() else {
            return Err(ErrorCode::Malformed);
        };
        if message.ciphersuite() != SUITE {
            return Err(ErrorCode::WrongSuite);
        }
        if !matches!(message.secrets(), [secrets] if secrets.new_member() == reference) {
            return Err(ErrorCode::CommitRefused);
        }
    }
    let row =
        |welcome: &AddressedWelcome| WelcomeRow { account: welcome.account, device: welcome.device, welcome: welcome.welcome.clone() };
    Ok((packages, addressed.iter().map(row).collect()))
}

/// The GroupInfo after the commit says exactly what the server's own state says, and the committer's new leaf signed it.
fn check_group_info(group: &PublicGroup, leaf: LeafNodeIndex, uploaded: &Bytes) -> Result<(), ErrorCode> {
    let info = group_info(uploaded)?;
    check_info_form(&info)?;
    // What the leaf should have signed, from the own state: context, extensions (as uploaded), confirmation tag, signer.
    let mut expected = Vec::new();
    let parts = [
        group.group_context().tls_serialize_detached(),
        info.extensions().tls_serialize_detached(),
        group.confirmation_tag().tls_serialize_detached(),
        leaf.u32().tls_serialize_detached(),
    ];
    for part in parts {
        expected.extend(part.map_err(|_| ErrorCode::Internal)?);
    }
    if info.unsigned_payload().map_err(|_| ErrorCode::Malformed)? != expected {
        return Err(ErrorCode::CommitRefused);
    }
    let key = group.leaf(leaf).ok_or(ErrorCode::CommitRefused)?.signature_key().as_slice();
    let key = OpenMlsSignaturePublicKey::new(key.to_vec().into(), SUITE.signature_algorithm()).map_err(|_| ErrorCode::NotAuthentic)?;
    info.verify_no_out(&Crypto, &key).map_err(|_| ErrorCode::NotAuthentic)
}

fn group_info(bytes: &Bytes) -> Result<VerifiableGroupInfo, ErrorCode> {
    let message = MlsMessageIn::tls_deserialize_exact(bytes.as_slice()).map_err(|_| ErrorCode::Malformed)?;
    match message.extract() {
        MlsMessageBodyIn::GroupInfo(info) => Ok(info),
        _ => Err(ErrorCode::Malformed),
    }
}

/// `external_pub` of the suite's length (OpenMLS would take a short one and every external join would fail), and nothing else.
fn check_info_form(info: &VerifiableGroupInfo) -> Result<(), ErrorCode> {
    let long_enough = info.extensions().external_pub().is_some_and(|key| key.external_pub().as_slice().len() == EXTERNAL_PUB);
    if long_enough && info.extensions().iter().count() == 1 { Ok(()) } else { Err(ErrorCode::CommitRefused) }
}

/// The epoch that begins after the one that a commit ends.
pub(super) const fn next(epoch: Epoch) -> Epoch {
    epoch.saturating_add(1)
}
