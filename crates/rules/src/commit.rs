//! What may happen in a room: one function over MLS public state, the same on the server and on every client.
//!
//! Free of local knowledge (pins, device lists, clocks): a client that refuses what others merge has forked itself. A room is direct
//! (its leaves belong to one or two accounts) or a group (with roles), and stays what it is.

use std::collections::BTreeSet;

use openmls::prelude::{
    CredentialType, ExtensionType, Extensions, GroupContext, KeyPackage, LeafNode, LeafNodeIndex, Lifetime, Proposal, ProposalOrRefType,
    ProposalType, ProtocolVersion, PublicGroup, QueuedProposal, Sender, StagedCommit,
};
use openmls_traits::types::VerifiableCiphersuite;
use sotto_protocol::{AccountId, DeviceId, ErrorCode, limits};

use crate::config;
use crate::identity::{DeviceCredential, IdentityError, verified_credential};
use crate::roles::{Kind, Role};

/// Most accounts with leaves in a direct room.
pub const DIRECT_ACCOUNTS: usize = 2;

/// Why something may not happen in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleViolation {
    /// Another suite than [`config::SUITE`].
    #[error("another suite than 0x004E")]
    WrongSuite,
    /// A leaf whose credential is not one of ours, or is not signed by its account and device.
    #[error("a leaf's credential: {0}")]
    Credential(#[from] IdentityError),
    /// A leaf that does not list what every room requires.
    #[error("a leaf lacks a capability that every room requires")]
    MissingCapability,
    /// A leaf, key package or GroupContext with an extension that Sotto does not put there.
    #[error("an extension that does not belong there")]
    ForeignExtension,
    /// A key package whose lifetime is longer than 84 days and an hour.
    #[error("a lifetime range over the limit")]
    LongLifetime,
    /// A key package that is not valid yet: somebody's clock is wrong.
    #[error("a lifetime that begins in the future")]
    FutureLifetime,
    /// A key package that expired, or soon will.
    #[error("less than 28 days of lifetime left")]
    ShortLifetime,
    /// Two leaves with one signature key.
    #[error("two leaves with one signature key")]
    DuplicateLeafKey,
    /// Two leaves of one device.
    #[error("two leaves of one device")]
    DuplicateDevice,
    /// Leaves of more accounts than a direct room has.
    #[error("a third account in a direct room")]
    ThirdAccount,
    /// A commit from somebody who is neither a member nor joining.
    #[error("a sender who may not commit")]
    WrongSender,
    /// A commit without a fresh leaf of its sender.
    #[error("a commit without an update path")]
    NoPath,
    /// A proposal type that Sotto does not use (PSK, ReInit, Update, …), or one of ours in the wrong form.
    #[error("a proposal that does not belong there")]
    ForeignProposal,
    /// A commit that makes a leaf another account's or another device's.
    #[error("a leaf that changes its owner")]
    OwnerChanged,
    /// An Add of a new account by somebody who is neither admin nor owner of the group.
    #[error("somebody was added by who may not add")]
    AddedOther,
    /// A Remove of the last leaf of an account that the committer does not stand above.
    #[error("a removal of somebody else's leaf")]
    RemovedOther,
    /// Other roles by somebody who is not an owner, or a room of another kind.
    #[error("roles changed by who may not change them")]
    ChangedRoles,
    /// More leaves than a room has.
    #[error("too many devices in a room")]
    TooManyDevices,
    /// A commit that takes one leaf of an account that leaves, and not all of them.
    #[error("somebody who leaves keeps a leaf")]
    LeftPartly,
    /// The last owner goes while others stay.
    #[error("a group without an owner")]
    LastOwner,
    /// An external commit by an account that has no leaf here.
    #[error("an external commit by a stranger")]
    Stranger,
}

impl From<RuleViolation> for ErrorCode {
    fn from(violation: RuleViolation) -> Self {
        match violation {
            RuleViolation::WrongSuite => Self::WrongSuite,
            RuleViolation::Credential(_)
            | RuleViolation::MissingCapability
            | RuleViolation::ForeignExtension
            | RuleViolation::LongLifetime => Self::NotAuthentic,
            RuleViolation::FutureLifetime => Self::WrongClock,
            RuleViolation::ShortLifetime => Self::NoKeyPackage,
            RuleViolation::LastOwner => Self::LastOwner,
            _ => Self::CommitRefused,
        }
    }
}

/// What a commit that keeps the rules does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitSummary {
    /// Who committed, by the credential of the new leaf.
    pub committer: DeviceCredential,
    /// Whether the committer came in by this commit.
    pub external: bool,
    /// Devices that were added, or took a seat by external commit.
    pub joined: Vec<(AccountId, DeviceId)>,
    /// Devices whose leaf was removed. One that took its own seat again stands in both lists.
    pub removed: Vec<(AccountId, DeviceId)>,
    /// Those of them that the committer may remove only because the account's newest device list does not name them. Whoever knows the
    /// lists compares.
    pub unlisted: Vec<(AccountId, DeviceId)>,
    /// Accounts that have left by themselves.
    pub left: BTreeSet<AccountId>,
    /// Accounts that had leaves before the commit.
    pub accounts_before: BTreeSet<AccountId>,
    /// Accounts that have leaves after the commit. Whoever knows the room's pair compares it with this.
    pub accounts: BTreeSet<AccountId>,
    /// What the room is after the commit.
    pub kind: Kind,
}

/// Checks a commit before it is merged. `old` is the room before the commit: the server's `PublicGroup`, or
/// `MlsGroup::public_group` of a client.
///
/// # Errors
/// The rule that the commit breaks.
pub fn check_commit(old: &PublicGroup, staged: &StagedCommit, sender: &Sender) -> Result<CommitSummary, RuleViolation> {
    let kind = Kind::of(old.group_context().extensions())?;
    let mut next = kind.clone();
    let mut seats = Seats::of(old)?;
    let accounts_before = seats.accounts();
    let path = staged.update_path_leaf_node().ok_or(RuleViolation::NoPath)?;
    let committer = check_leaf(path)?;
    let account = committer.account();
    let external = match sender {
        Sender::Member(index) => {
            let seat = seats.take(*index).ok_or(RuleViolation::WrongSender)?;
            if !seat.credential.same_device(&committer) {
                return Err(RuleViolation::OwnerChanged);
            }
            false
        }
        Sender::NewMemberCommit if accounts_before.contains(&account) => true,
        Sender::NewMemberCommit => return Err(RuleViolation::Stranger),
        Sender::External(_) | Sender::NewMemberProposal => return Err(RuleViolation::WrongSender),
    };

    let mut joined = Vec::new();
    let mut removed = Vec::new();
    let mut added = Vec::new();
    let mut unlisted = Vec::new();
    let mut leaving = BTreeSet::new();
    for queued in staged.queued_proposals() {
        match allowed(queued, sender)? {
            Change::Add(key_package) => {
                let seat = Seat::added(key_package)?;
                let known = accounts_before.contains(&seat.credential.account());
                if !known && !kind.may_add(account) {
                    return Err(RuleViolation::AddedOther);
                }
                added.push(seat);
            }
            Change::Remove(index) => {
                let gone = seats.take(index).ok_or(RuleViolation::ForeignProposal)?.credential;
                let device = (gone.account(), gone.device);
                // Only one leaf can be the own device's: an external commit removes no second one.
                if external && !gone.same_device(&committer) {
                    return Err(RuleViolation::RemovedOther);
                }
                if !external && !kind.may_remove(account, gone.account()) {
                    unlisted.push(device);
                }
                removed.push(device);
            }
            Change::Leave(index) => {
                let gone = seats.take(index).ok_or(RuleViolation::ForeignProposal)?.credential;
                leaving.insert(gone.account());
                removed.push((gone.account(), gone.device));
            }
            Change::Context(extensions) => next = Kind::of(extensions)?,
            Change::Init => {}
        }
    }
    // Who leaves has no role afterwards, or would come back with it.
    if !kind.without(&leaving).may_become(&next, account) || next.without(&leaving) != next {
        return Err(RuleViolation::ChangedRoles);
    }
    // Who leaves does so with every device: whoever commits that takes out the others, in whatever standing.
    unlisted.retain(|(account, _)| !leaving.contains(account));
    // A device that its account has taken out of its list may be removed by everybody. That it is none is local knowledge; that somebody is
    // put out of the room by it is not, and takes the right to.
    let left = seats.accounts();
    if !unlisted.iter().all(|(account, _)| left.contains(account)) {
        return Err(RuleViolation::RemovedOther);
    }
    if external {
        joined.push((account, committer.device));
    }
    joined.extend(added.iter().map(|seat| (seat.credential.account(), seat.credential.device)));
    seats.0.extend(added);
    seats.0.push(Seat { index: None, key: path.signature_key().as_slice().to_vec(), credential: committer.clone() });
    seats.check(&next)?;
    let accounts = seats.accounts();
    if !accounts.is_disjoint(&leaving) {
        return Err(RuleViolation::LeftPartly);
    }
    check_owner(&kind, &leaving, &accounts)?;
    Ok(CommitSummary { committer, external, joined, removed, unlisted, left: leaving, accounts_before, accounts, kind: next })
}

/// Checks a proposal that comes alone: a SelfRemove is all that there is, in a group. Answers whose.
///
/// # Errors
/// [`RuleViolation::ForeignProposal`], and those of [`may_leave`].
pub fn check_leave(room: &PublicGroup, queued: &QueuedProposal) -> Result<DeviceCredential, RuleViolation> {
    let (Proposal::SelfRemove, Sender::Member(index)) = (queued.proposal(), queued.sender()) else {
        return Err(RuleViolation::ForeignProposal);
    };
    let leaf = room.leaf(*index).ok_or(RuleViolation::WrongSender)?;
    let credential = DeviceCredential::decode(leaf.credential().serialized_content())?;
    may_leave(room, credential.account(), &BTreeSet::new())?;
    Ok(credential)
}

/// Whether an account may leave a room as it stands, after `others` have.
///
/// # Errors
/// [`RuleViolation::ForeignProposal`] for a direct room, [`RuleViolation::LastOwner`] while others stay.
pub fn may_leave(room: &PublicGroup, account: AccountId, others: &BTreeSet<AccountId>) -> Result<(), RuleViolation> {
    let kind = Kind::of(room.group_context().extensions())?;
    if kind == Kind::Direct {
        return Err(RuleViolation::ForeignProposal);
    }
    let mut leaving = others.clone();
    leaving.insert(account);
    let staying: BTreeSet<AccountId> = Seats::of(room)?.accounts().difference(&leaving).copied().collect();
    if staying.is_empty() { Ok(()) } else { check_owner(&kind, &leaving, &staying) }
}

/// An owner does not leave a group that has no other one.
fn check_owner(kind: &Kind, leaving: &BTreeSet<AccountId>, staying: &BTreeSet<AccountId>) -> Result<(), RuleViolation> {
    let any = |accounts: &BTreeSet<AccountId>| accounts.iter().any(|account| kind.role(*account) == Role::Owner);
    if any(leaving) && !any(staying) { Err(RuleViolation::LastOwner) } else { Ok(()) }
}

/// Checks that every Add of a commit has 28 days left. Apart from [`check_commit`] because it needs a clock: the server asks
/// this when it takes a commit, and a client that comes later cannot.
///
/// # Errors
/// [`RuleViolation::LongLifetime`], [`RuleViolation::FutureLifetime`], [`RuleViolation::ShortLifetime`].
pub fn check_added_lifetimes(staged: &StagedCommit, now_seconds: u64) -> Result<(), RuleViolation> {
    staged.add_proposals().try_for_each(|add| check_lifetime(add.add_proposal().key_package().life_time(), now_seconds))
}

/// Checks a key package whose signature OpenMLS has verified (`KeyPackageIn::validate`).
///
/// # Errors
/// What is wrong with it.
pub fn check_key_package(key_package: &KeyPackage, now_seconds: u64) -> Result<DeviceCredential, RuleViolation> {
    let credential = check_key_package_form(key_package)?;
    check_lifetime(key_package.life_time(), now_seconds)?;
    Ok(credential)
}

/// Checks a room as it stands: suite, context, every leaf, and all leaves together. For a room that was just created or
/// joined; afterwards [`check_commit`] keeps it so.
///
/// # Errors
/// The rule that the room breaks.
pub fn check_room(room: &PublicGroup) -> Result<Vec<(LeafNodeIndex, DeviceCredential)>, RuleViolation> {
    if room.ciphersuite() != config::SUITE {
        return Err(RuleViolation::WrongSuite);
    }
    let kind = Kind::of(room.group_context().extensions())?;
    let leaves = room.treesync().full_leaves();
    let members: Vec<_> = leaves.map(|(index, leaf)| Ok((index, check_leaf(leaf)?))).collect::<Result<_, RuleViolation>>()?;
    Seats::of(room)?.check(&kind)?;
    Ok(members)
}

/// Checks that no two leaves share a signature key: OpenMLS looks at Adds only.
///
/// # Errors
/// [`RuleViolation::DuplicateLeafKey`].
pub fn check_unique_leaf_keys(room: &PublicGroup) -> Result<(), RuleViolation> {
    all_different(room.treesync().full_leaves().map(|(_, leaf)| leaf.signature_key().as_slice()), RuleViolation::DuplicateLeafKey)
}

/// What an allowed proposal does.
enum Change<'a> {
    Add(&'a KeyPackage),
    Remove(LeafNodeIndex),
    Leave(LeafNodeIndex),
    Context(&'a Extensions<GroupContext>),
    Init,
}

fn allowed<'a>(queued: &'a QueuedProposal, committer: &Sender) -> Result<Change<'a>, RuleViolation> {
    let external = matches!(committer, Sender::NewMemberCommit);
    match (queued.proposal(), queued.proposal_or_ref_type()) {
        (Proposal::Remove(remove), ProposalOrRefType::Proposal) => Ok(Change::Remove(remove.removed())),
        (Proposal::ExternalInit(_), ProposalOrRefType::Proposal) if external => Ok(Change::Init),
        // An external commit is for one thing only: a device of a member account takes its seat.
        _ if external => Err(RuleViolation::ForeignProposal),
        (Proposal::Add(add), ProposalOrRefType::Proposal) => Ok(Change::Add(add.key_package())),
        (Proposal::GroupContextExtensions(context), ProposalOrRefType::Proposal) => Ok(Change::Context(context.extensions())),
        (Proposal::SelfRemove, ProposalOrRefType::Reference) => match queued.sender() {
            Sender::Member(index) => Ok(Change::Leave(*index)),
            _ => Err(RuleViolation::ForeignProposal),
        },
        _ => Err(RuleViolation::ForeignProposal),
    }
}

/// One leaf, as far as the rules look at it.
struct Seat {
    /// `None` for one that the commit makes.
    index: Option<LeafNodeIndex>,
    key: Vec<u8>,
    credential: DeviceCredential,
}

impl Seat {
    fn added(key_package: &KeyPackage) -> Result<Self, RuleViolation> {
        let credential = check_key_package_form(key_package)?;
        check_range(key_package.life_time())?;
        Ok(Self { index: None, key: key_package.leaf_node().signature_key().as_slice().to_vec(), credential })
    }
}

/// The leaves of a room, while a commit is played through on them.
struct Seats(Vec<Seat>);

impl Seats {
    /// The leaves as they stand. Their signatures were verified when they came in.
    fn of(room: &PublicGroup) -> Result<Self, RuleViolation> {
        let seat = |(index, leaf): (LeafNodeIndex, &LeafNode)| {
            let credential = DeviceCredential::decode(leaf.credential().serialized_content())?;
            Ok(Seat { index: Some(index), key: leaf.signature_key().as_slice().to_vec(), credential })
        };
        room.treesync().full_leaves().map(seat).collect::<Result<_, RuleViolation>>().map(Self)
    }

    fn take(&mut self, index: LeafNodeIndex) -> Option<Seat> {
        let position = self.0.iter().position(|seat| seat.index == Some(index))?;
        Some(self.0.swap_remove(position))
    }

    fn accounts(&self) -> BTreeSet<AccountId> {
        self.0.iter().map(|seat| seat.credential.account()).collect()
    }

    fn check(&self, kind: &Kind) -> Result<(), RuleViolation> {
        all_different(self.0.iter().map(|seat| seat.key.as_slice()), RuleViolation::DuplicateLeafKey)?;
        let devices = self.0.iter().map(|seat| (seat.credential.account(), seat.credential.device));
        all_different(devices, RuleViolation::DuplicateDevice)?;
        if *kind == Kind::Direct && self.accounts().len() > DIRECT_ACCOUNTS {
            return Err(RuleViolation::ThirdAccount);
        }
        if self.0.len() > limits::ROOM_DEVICES {
            return Err(RuleViolation::TooManyDevices);
        }
        Ok(())
    }
}

fn all_different<T: Ord>(items: impl Iterator<Item = T>, violation: RuleViolation) -> Result<(), RuleViolation> {
    let mut seen = BTreeSet::new();
    for item in items {
        if !seen.insert(item) {
            return Err(violation);
        }
    }
    Ok(())
}

/// Checks a leaf on its own: credential, capabilities, extensions.
fn check_leaf(leaf: &LeafNode) -> Result<DeviceCredential, RuleViolation> {
    let capabilities = leaf.capabilities();
    let capable = capabilities.versions().contains(&ProtocolVersion::Mls10)
        && capabilities.ciphersuites().contains(&VerifiableCiphersuite::from(config::SUITE))
        && capabilities.extensions().contains(&ExtensionType::Unknown(config::ROLES_EXTENSION))
        && capabilities.proposals().contains(&ProposalType::SelfRemove)
        && capabilities.credentials().contains(&CredentialType::Basic);
    if !capable {
        return Err(RuleViolation::MissingCapability);
    }
    // A leaf extension could carry a name or any text to the server.
    if leaf.extensions().iter().next().is_some() {
        return Err(RuleViolation::ForeignExtension);
    }
    // Under another type the same bytes would be a second form of one identity, and OpenMLS adds no such leaf to a room of Basic
    // ones: a key package with it could be claimed and never used.
    if leaf.credential().credential_type() != CredentialType::Basic {
        return Err(IdentityError::Malformed.into());
    }
    Ok(verified_credential(leaf.credential().serialized_content(), leaf.signature_key().as_slice())?)
}

fn check_key_package_form(key_package: &KeyPackage) -> Result<DeviceCredential, RuleViolation> {
    if key_package.ciphersuite() != config::SUITE {
        return Err(RuleViolation::WrongSuite);
    }
    if key_package.extensions().iter().any(|extension| extension.extension_type() != ExtensionType::LastResort) {
        return Err(RuleViolation::ForeignExtension);
    }
    check_leaf(key_package.leaf_node())
}

fn check_range(lifetime: &Lifetime) -> Result<(), RuleViolation> {
    match lifetime.not_after().checked_sub(lifetime.not_before()) {
        Some(range) if range <= limits::KEY_PACKAGE_LIFETIME => Ok(()),
        _ => Err(RuleViolation::LongLifetime),
    }
}

fn check_lifetime(lifetime: &Lifetime, now_seconds: u64) -> Result<(), RuleViolation> {
    check_range(lifetime)?;
    if lifetime.not_before() > now_seconds {
        return Err(RuleViolation::FutureLifetime);
    }
    if lifetime.not_after() < now_seconds.saturating_add(limits::KEY_PACKAGE_REST) {
        return Err(RuleViolation::ShortLifetime);
    }
    Ok(())
}
