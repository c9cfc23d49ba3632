//! Groups: roles, and what each of them may commit.

use openmls::prelude::*;
use sotto_protocol::{AccountId, limits};
use sotto_rules::commit::{CommitSummary, RuleViolation, check_room};
use sotto_rules::config;
use sotto_rules::roles::{Kind, Role, Roles};

use crate::kit::{Device, Member};

/// Owner, admin, two members: accounts 1 to 4, one device each.
fn group() -> [Member; 4] {
    let [owner, admin] = [1, 2].map(|number| Device::new(number, 1));
    let roles = Roles::owned_by(account(&owner)).with(account(&admin), Role::Admin);
    let leaf = owner.leaf();
    let mut owner = owner.create_with(&config::create_config(&Kind::Group(roles), crate::kit::now()), leaf);
    let mut members: Vec<Member> = Vec::new();
    for device in [admin, Device::new(3, 1), Device::new(4, 1)] {
        let key_package = device.key_package();
        let commit = owner.group.add_members(&owner.device.provider, &owner.device.leaf_key, &[key_package]).unwrap();
        owner.merge();
        for member in &mut members {
            member.follow(&commit.0.to_bytes().unwrap());
        }
        members.push(owner.welcomed(device, commit.1));
    }
    let [admin, member, other] = members.try_into().ok().unwrap();
    [owner, admin, member, other]
}

fn account(device: &Device) -> AccountId {
    device.credential().account()
}

fn roles_of(member: &Member) -> Roles {
    let Ok(Kind::Group(roles)) = Kind::of(member.group.public_group().group_context().extensions()) else { panic!("not a group") };
    roles
}

fn index_of(members: &[Member; 4], who: usize) -> LeafNodeIndex {
    members[who].group.own_leaf_index()
}

/// What the rules say of a removal, by and of whom.
fn removal(by: usize, whom: usize) -> Result<(), RuleViolation> {
    let mut members = group();
    let index = index_of(&members, whom);
    let watcher = members[0].watcher();
    let commit = members[by].commit(|builder| builder.propose_removals([index]));
    watcher.judge(&commit).map(|_| ())
}

fn added(by: usize, device: &Device) -> Result<CommitSummary, RuleViolation> {
    let mut members = group();
    let watcher = members[0].watcher();
    let commit = members[by].add(device.key_package());
    watcher.judge(&commit)
}

fn changed(by: usize, change: impl FnOnce(Roles, &[Member; 4]) -> Kind) -> Result<CommitSummary, RuleViolation> {
    let mut members = group();
    let watcher = members[0].watcher();
    let kind = change(roles_of(&members[0]), &members);
    let commit = members[by].commit(|builder| builder.propose_group_context_extensions(kind.extensions()).unwrap());
    watcher.judge(&commit)
}

#[test]
fn a_group_of_four_accounts_is_accepted_on_every_side() {
    for member in group() {
        assert_eq!(check_room(member.group.public_group()).unwrap().len(), 4);
    }
}

// Fails without `may_add` in `check_commit`.
#[test]
fn r30_admins_and_owners_add_people_and_members_do_not() {
    let newcomer = Device::new(5, 1);
    for by in [0, 1] {
        let summary = added(by, &newcomer).unwrap();
        assert_eq!(summary.joined, [(account(&newcomer), newcomer.id())]);
        assert_eq!(summary.accounts.len(), 5);
    }
    assert_eq!(added(2, &newcomer), Err(RuleViolation::AddedOther));
    assert!(added(2, &Device::new(3, 2)).is_ok(), "an own second device");
}

// Fails with `>=` in `Kind::may_remove`, or when it is `by == whose`.
#[test]
fn r30_only_who_stands_above_an_account_removes_it() {
    for (by, whom) in [(0, 1), (0, 2), (1, 2), (1, 3)] {
        assert_eq!(removal(by, whom), Ok(()), "{by} removes {whom}");
    }
    for (by, whom) in [(1, 0), (2, 3), (2, 1), (3, 0)] {
        assert_eq!(removal(by, whom), Err(RuleViolation::RemovedOther), "{by} removes {whom}");
    }
}

// Fails when `Kind::may_become` is `true`.
#[test]
fn r30_only_an_owner_changes_roles() {
    let promote = |roles: Roles, members: &[Member; 4]| Kind::Group(roles.with(account(&members[2].device), Role::Admin));
    let summary = changed(0, promote).unwrap();
    let Kind::Group(roles) = &summary.kind else { panic!("not a group") };
    assert_eq!(roles.of(account(&Device::new(3, 1))), Role::Admin);
    for by in [1, 2] {
        assert_eq!(changed(by, promote), Err(RuleViolation::ChangedRoles));
        assert!(changed(by, |roles, _| Kind::Group(roles)).is_ok(), "the same again");
    }
    assert_eq!(changed(0, |_, _| Kind::Direct), Err(RuleViolation::ChangedRoles), "a group stays a group");
    let nobody = |_: Roles, _: &[Member; 4]| Kind::Group(Roles::default());
    assert_eq!(changed(0, nobody), Err(RuleViolation::ForeignExtension), "a group has an owner");
}

// Fails without the `may_become` check in `check_commit`.
#[test]
fn a_direct_room_does_not_become_a_group() {
    let (mut alice, _) = crate::kit::pair();
    let watcher = alice.watcher();
    let kind = Kind::Group(Roles::owned_by(account(&alice.device)));
    let commit = alice.commit(|builder| builder.propose_group_context_extensions(kind.extensions()).unwrap());
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::ChangedRoles));
}

// Fails when an external commit asks `may_remove`. OpenMLS's builder removes the leaf with the joiner's leaf key, whosever it is.
#[test]
fn r30_an_owner_removes_nobody_by_external_commit() {
    let members = group();
    let watcher = members[0].watcher();
    let owner = Device::new(1, 2).with_leaf_key(members[2].device.leaf_key.clone());
    assert_eq!(watcher.judge(&owner.come_in(&members[1])), Err(RuleViolation::RemovedOther));
}

// Fails without the `TooManyDevices` line of `Seats::check`.
#[test]
fn a_room_has_500_devices_and_not_one_more() {
    let owner = Device::new(1, 1);
    let roles = Roles::owned_by(account(&owner));
    let leaf = owner.leaf();
    let mut owner = owner.create_with(&config::create_config(&Kind::Group(roles), crate::kit::now()), leaf);
    let packages: Vec<KeyPackage> =
        (0..limits::ROOM_DEVICES).map(|number| Device::numbered(u16::try_from(number).unwrap()).key_package()).collect();
    let watcher = owner.watcher();
    let all = owner.commit(|builder| builder.propose_adds(packages.clone()));
    assert_eq!(watcher.judge(&all), Err(RuleViolation::TooManyDevices));
    owner.group.clear_pending_commit(owner.device.provider.storage()).unwrap();
    let fewer = owner.commit(|builder| builder.propose_adds(packages[1..].to_vec()));
    assert_eq!(watcher.judge(&fewer).unwrap().accounts.len(), limits::ROOM_DEVICES);
}
