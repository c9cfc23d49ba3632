//! Who may do what in a group: the roles extension of its GroupContext, which server and clients read alike.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use openmls::prelude::{Extension, ExtensionType, Extensions, GroupContext, UnknownExtension};
use sotto_protocol::{AccountId, codec, limits};

use crate::commit::RuleViolation;
use crate::config;

/// Version of the encoding.
const VERSION: u32 = 1;

/// What an account may do, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Writes.
    #[n(0)]
    Member,
    /// Adds people, and removes members.
    #[n(1)]
    Admin,
    /// Removes admins too, and says who has which role.
    #[n(2)]
    Owner,
}

/// The accounts of a group that are more than members. One that has no leaf (any more) is named without effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    owners: BTreeSet<AccountId>,
    admins: BTreeSet<AccountId>,
}

/// Canonical CBOR: account ids ascending, each once.
#[derive(Encode, Decode)]
struct Encoded {
    #[n(0)]
    version: u32,
    #[n(1)]
    owners: Vec<AccountId>,
    #[n(2)]
    admins: Vec<AccountId>,
}

impl Roles {
    /// A group as its creator makes it.
    #[must_use]
    pub fn owned_by(account: AccountId) -> Self {
        Self { owners: BTreeSet::from([account]), admins: BTreeSet::new() }
    }

    /// The same with one account's role changed.
    #[must_use]
    pub fn with(mut self, account: AccountId, role: Role) -> Self {
        self.owners.remove(&account);
        self.admins.remove(&account);
        match role {
            Role::Member => {}
            Role::Admin => _ = self.admins.insert(account),
            Role::Owner => _ = self.owners.insert(account),
        }
        self
    }

    /// An account's role.
    #[must_use]
    pub fn of(&self, account: AccountId) -> Role {
        if self.owners.contains(&account) {
            Role::Owner
        } else if self.admins.contains(&account) {
            Role::Admin
        } else {
            Role::Member
        }
    }

    /// The contents of the extension.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (owners, admins) = (self.owners.iter().copied().collect(), self.admins.iter().copied().collect());
        codec::encode(&Encoded { version: VERSION, owners, admins })
    }

    /// Reads the extension. What is written in another way than [`Self::encode`] does could carry text to the server.
    ///
    /// # Errors
    /// [`RuleViolation::ForeignExtension`], also for a group without an owner.
    pub fn decode(bytes: &[u8]) -> Result<Self, RuleViolation> {
        let encoded: Encoded = codec::decode(bytes, limits::ROLES).map_err(|_| RuleViolation::ForeignExtension)?;
        let roles = Self { owners: encoded.owners.into_iter().collect(), admins: encoded.admins.into_iter().collect() };
        let canonical = encoded.version == VERSION && roles.encode() == bytes;
        if canonical && !roles.owners.is_empty() && roles.owners.is_disjoint(&roles.admins) {
            Ok(roles)
        } else {
            Err(RuleViolation::ForeignExtension)
        }
    }
}

/// What a room is. It never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of one or two accounts, who are equals.
    Direct,
    /// Of any number, with roles.
    Group(Roles),
}

impl Kind {
    /// Reads it from a room's GroupContext extensions.
    ///
    /// # Errors
    /// [`RuleViolation::ForeignExtension`] for others than those of [`Self::extensions`].
    pub fn of(extensions: &Extensions<GroupContext>) -> Result<Self, RuleViolation> {
        let roles = extensions.iter().find(|extension| extension.extension_type() == ExtensionType::Unknown(config::ROLES_EXTENSION));
        let kind = match roles {
            None => Self::Direct,
            Some(Extension::Unknown(_, UnknownExtension(bytes))) => Self::Group(Roles::decode(bytes)?),
            Some(_) => return Err(RuleViolation::ForeignExtension),
        };
        // Nothing else, and in the one order: whatever else stands there would be for the server to read.
        if *extensions == kind.extensions() { Ok(kind) } else { Err(RuleViolation::ForeignExtension) }
    }

    /// The GroupContext extensions of such a room.
    #[must_use]
    pub fn extensions(&self) -> Extensions<GroupContext> {
        let mut all = vec![Extension::RequiredCapabilities(config::required_capabilities())];
        if let Self::Group(roles) = self {
            all.push(Extension::Unknown(config::ROLES_EXTENSION, UnknownExtension(roles.encode())));
        }
        // Refused only for extensions that do not belong into a GroupContext; a test pins that these do.
        Extensions::from_vec(all).unwrap_or_default()
    }

    /// What an account may do here. In a direct room both do what a member does.
    #[must_use]
    pub fn role(&self, account: AccountId) -> Role {
        match self {
            Self::Direct => Role::Member,
            Self::Group(roles) => roles.of(account),
        }
    }

    /// The same without roles of these accounts. A group that none of its owners is left of stays as it is.
    pub(crate) fn without(&self, leaving: &BTreeSet<AccountId>) -> Self {
        match self {
            Self::Group(roles) if !roles.owners.is_subset(leaving) => {
                Self::Group(leaving.iter().fold(roles.clone(), |roles, account| roles.with(*account, Role::Member)))
            }
            other => other.clone(),
        }
    }

    /// Whether an account may add a leaf for another one. A direct room's two accounts limit it enough.
    pub(crate) fn may_add(&self, by: AccountId) -> bool {
        *self == Self::Direct || self.role(by) >= Role::Admin
    }

    /// Whether an account may remove every leaf of an account: of its own always, of another one only as whoever stands above it.
    #[must_use]
    pub fn may_remove(&self, by: AccountId, whose: AccountId) -> bool {
        by == whose || self.role(by) > self.role(whose)
    }

    /// Whether an account may make the room this one: the same again, or other roles by an owner.
    pub(crate) fn may_become(&self, next: &Self, by: AccountId) -> bool {
        match (self, next) {
            (Self::Group(before), Self::Group(_)) => before.of(by) == Role::Owner || self == next,
            _ => self == next,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const fn account(number: u8) -> AccountId {
        AccountId([number; 32])
    }

    #[test]
    fn roles_are_read_as_they_were_written() {
        let roles = Roles::owned_by(account(1)).with(account(2), Role::Admin).with(account(3), Role::Owner);
        assert_eq!(Roles::decode(&roles.encode()).unwrap(), roles);
        assert_eq!([1, 2, 3, 4].map(|number| roles.of(account(number))), [Role::Owner, Role::Admin, Role::Owner, Role::Member]);
        let fewer = roles.with(account(2), Role::Member).with(account(1), Role::Admin);
        assert_eq!([1, 2, 3].map(|number| fewer.of(account(number))), [Role::Admin, Role::Member, Role::Owner]);
        let kind = Kind::Group(fewer);
        assert_eq!(Kind::of(&kind.extensions()), Ok(kind), "OpenMLS takes the extension into a GroupContext");
        assert_eq!(Kind::of(&Kind::Direct.extensions()), Ok(Kind::Direct));
    }

    // Fails without any one part of the condition in `Roles::decode`.
    #[test]
    fn roles_in_any_other_form_are_refused() {
        let bytes = |version, owners: &[u8], admins: &[u8]| {
            let ids = |numbers: &[u8]| numbers.iter().map(|number| account(*number)).collect();
            codec::encode(&Encoded { version, owners: ids(owners), admins: ids(admins) })
        };
        assert!(Roles::decode(&bytes(VERSION, &[1, 2], &[3])).is_ok());
        let refused = [
            bytes(VERSION + 1, &[1], &[]),
            bytes(VERSION, &[2, 1], &[]),
            bytes(VERSION, &[1, 1], &[]),
            bytes(VERSION, &[], &[1]),
            bytes(VERSION, &[1], &[1]),
            [bytes(VERSION, &[1], &[]), b"text".to_vec()].concat(),
            vec![0x80],
        ];
        for bytes in refused {
            assert_eq!(Roles::decode(&bytes), Err(RuleViolation::ForeignExtension), "{bytes:?}");
        }
    }
}
