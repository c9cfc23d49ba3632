//! Commits of members: who they may be afterwards, whom they may add and remove.

use std::collections::BTreeSet;

use openmls::prelude::*;
use sotto_protocol::{DeviceId, limits};
use sotto_rules::commit::{CommitSummary, RuleViolation, check_added_lifetimes, check_commit};
use sotto_rules::config;
use sotto_rules::identity::{DeviceCredential, IdentityError};
use sotto_rules::roles::Kind;

use crate::kit::{Device, now, pair};

const EDGE: u64 = limits::KEY_PACKAGE_LIFETIME;

// Fails without the `joined.extend(…)` line of `check_commit`, and when `DIRECT_ACCOUNTS` is 1.
#[test]
fn the_second_person_may_be_added() {
    let mut alice = Device::new(1, 1).create();
    let watcher = alice.watcher();
    let (own, other) = (alice.device.credential(), Device::new(2, 1).credential());
    let commit = alice.add(Device::new(2, 1).key_package());
    let expected = CommitSummary {
        committer: own.clone(),
        external: false,
        joined: vec![(other.account(), other.device)],
        removed: Vec::new(),
        unlisted: Vec::new(),
        left: BTreeSet::new(),
        accounts_before: BTreeSet::from([own.account()]),
        accounts: BTreeSet::from([own.account(), other.account()]),
        kind: Kind::Direct,
    };
    assert_eq!(watcher.judge(&commit), Ok(expected));
}

// Fails when `same_device` compares leaf signatures too, and when the committer's old seat is not taken before `seats.check()`.
#[test]
fn a_self_update_may_bring_a_fresh_leaf_key() {
    let (mut alice, bob) = pair();
    let watcher = alice.watcher();
    let fresh = alice.device.with_fresh_leaf_key();
    let commit = alice.rotate(&fresh, fresh.leaf());
    let summary = watcher.judge(&commit).unwrap();
    assert_eq!(summary.committer, fresh.credential());
    assert_eq!((summary.joined, summary.removed, summary.external), (vec![], vec![], false));
    assert_eq!(summary.accounts, BTreeSet::from([fresh.credential().account(), bob.device.credential().account()]));
}

// Fails when `gone.account() == account` asks for the same device.
#[test]
fn an_account_may_remove_its_own_other_device() {
    let (mut alice, _) = pair();
    let phone = alice.invite(Device::new(1, 2));
    let watcher = alice.watcher();
    let commit = alice.commit(|builder| builder.propose_removals([phone.group.own_leaf_index()]));
    let phone = phone.device.credential();
    assert_eq!(watcher.judge(&commit).unwrap().removed, vec![(phone.account(), phone.device)]);
}

// `check_commit` looks at who is `left`.
#[test]
fn nobody_removes_the_last_leaf_of_the_other_account() {
    let (mut alice, bob) = pair();
    let watcher = alice.watcher();
    let commit = alice.commit(|builder| builder.propose_removals([bob.group.own_leaf_index()]));
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::RemovedOther));
}

// Fails without `unlisted.push`: then nobody asks whether the account still lists the device. With an Add of another device in the same
// commit the account would keep a leaf that the remover chose: fails when `left` is taken after `seats.0.extend(added)`.
#[test]
fn r30_one_of_several_leaves_of_another_account_may_go_and_is_named_for_who_knows_the_lists() {
    let (mut alice, _) = pair();
    let phone = alice.invite(Device::new(2, 2));
    let index = phone.group.own_leaf_index();
    let watcher = alice.watcher();
    let commit = alice.commit(|builder| builder.propose_removals([index]));
    let gone = phone.device.credential();
    let summary = watcher.judge(&commit).unwrap();
    assert_eq!((summary.removed, summary.unlisted), (vec![(gone.account(), gone.device)], vec![(gone.account(), gone.device)]));
    assert_eq!(summary.accounts, summary.accounts_before);

    let (mut alice, bob) = pair();
    let watcher = alice.watcher();
    let (index, other) = (bob.group.own_leaf_index(), Device::new(2, 3).key_package());
    let commit = alice.commit(|builder| builder.propose_removals([index]).propose_adds([other]));
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::RemovedOther));
}

// Fails without the `ok_or(RuleViolation::NoPath)` line (when a commit without a path counts as one of its old leaf).
#[test]
fn a_commit_needs_a_path() {
    let mut alice = Device::new(1, 1).create();
    let watcher = alice.watcher();
    let key_package = Device::new(2, 1).key_package();
    let commit = alice.commit(|builder| builder.propose_adds([key_package]).force_self_update(false));
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::NoPath));
}

// Fails without the `same_device` check of `check_commit`. All of these leaves are genuine, but other devices.
#[test]
fn a_leaf_never_changes_its_owner() {
    let (alice, mallory) = (Device::new(1, 1), Device::new(3, 1));
    let leaves = [
        mallory.with_leaf_key(alice.leaf_key.clone()).leaf(),
        alice.leaf_bearing(&Device::new(1, 2).with_leaf_key(alice.leaf_key.clone()).credential()),
        alice.leaf_bearing(&alice.credential_for(DeviceId([9; 16]), 0xd1)),
        alice.leaf_bearing(&alice.credential_for(alice.id(), 0xaa)),
    ];
    for leaf in leaves {
        let (mut alice, _) = pair();
        let watcher = alice.watcher();
        let commit = alice.update(LeafNodeParameters::builder().with_credential_with_key(leaf).build());
        assert_eq!(watcher.judge(&commit), Err(RuleViolation::OwnerChanged));
    }
    let (mut alice, _) = pair();
    let watcher = alice.watcher();
    let commit = alice.rotate(&mallory, mallory.leaf());
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::OwnerChanged));
}

// Fails without any one line of `same_device`.
#[test]
fn every_field_but_the_leaf_signature_makes_another_device() {
    let own = Device::new(1, 1).credential();
    assert!(own.same_device(&DeviceCredential { leaf_signature: [0; 64], ..own.clone() }));
    let others = [
        DeviceCredential { version: 2, ..own.clone() },
        DeviceCredential { account_key: [0; 32], ..own.clone() },
        DeviceCredential { device: DeviceId([0; 16]), ..own.clone() },
        DeviceCredential { device_key: [0; 32], ..own.clone() },
        DeviceCredential { account_signature: [0; 64], ..own.clone() },
    ];
    for other in others {
        assert!(!own.same_device(&other), "{other:?}");
    }
}

// Fails when `check_leaf` decodes without verifying (each half of `DeviceCredential::verify` is one case).
#[test]
fn an_update_with_a_forged_credential_is_refused() {
    let alice = Device::new(1, 1);
    let for_another_leaf = alice.with_fresh_leaf_key().credential();
    for forged in [alice.forged_credential(), for_another_leaf] {
        let (mut alice, _) = pair();
        let watcher = alice.watcher();
        let leaf = alice.device.leaf_bearing(&forged);
        let commit = alice.update(LeafNodeParameters::builder().with_credential_with_key(leaf).build());
        assert_eq!(watcher.judge(&commit), Err(RuleViolation::Credential(IdentityError::BadSignature)));
    }
}

// Fails without the `leaf.extensions()` check of `check_leaf`.
#[test]
fn an_update_with_a_leaf_extension_is_refused() {
    let (mut alice, _) = pair();
    let watcher = alice.watcher();
    let name = Extensions::single(Extension::ApplicationId(ApplicationIdExtension::new(b"Alice"))).unwrap();
    let commit = alice.update(LeafNodeParameters::builder().with_extensions(name).build());
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::ForeignExtension));
}

// Fails without the `DIRECT_ACCOUNTS` check of `Seats::check`.
#[test]
fn a_third_account_is_refused() {
    let (mut alice, _) = pair();
    let watcher = alice.watcher();
    let commit = alice.add(Device::new(3, 1).key_package());
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::ThirdAccount));
    // Both at once, too.
    let mut alone = Device::new(1, 1).create();
    let watcher = alone.watcher();
    let packages = [Device::new(2, 1).key_package(), Device::new(3, 1).key_package()];
    let commit = alone.commit(|builder| builder.propose_adds(packages));
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::ThirdAccount));
}

// Fails without the `DuplicateDevice` line of `Seats::check`.
#[test]
fn a_second_leaf_of_one_device_is_refused() {
    let (mut alice, bob) = pair();
    let watcher = alice.watcher();
    let commit = alice.add(bob.device.with_fresh_leaf_key().key_package());
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::DuplicateDevice));
}

// Fails without the `DuplicateLeafKey` line of `Seats::check`. OpenMLS looks at Adds only.
#[test]
fn a_leaf_key_of_another_leaf_is_refused() {
    let (mut alice, bob) = pair();
    let watcher = alice.watcher();
    let twin = alice.device.with_leaf_key(bob.device.leaf_key.clone());
    let commit = alice.rotate(&twin, twin.leaf());
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::DuplicateLeafKey));
}

// Fails without the `check_key_package_form` line of `Seat::added`.
#[test]
fn an_add_that_is_not_in_order_is_refused() {
    let bob = Device::new(2, 1);
    let forged = bob.leaf_bearing(&bob.forged_credential());
    let text = Extensions::single(Extension::Unknown(config::ROLES_EXTENSION, UnknownExtension(b"text".to_vec()))).unwrap();
    let cases = [
        (bob.key_package_of(config::SUITE, forged, |builder| builder), RuleViolation::Credential(IdentityError::BadSignature)),
        (bob.key_package_with(|builder| builder.key_package_extensions(text)), RuleViolation::ForeignExtension),
    ];
    for (key_package, violation) in cases {
        let mut alice = Device::new(1, 1).create();
        let watcher = alice.watcher();
        let commit = alice.add(key_package);
        assert_eq!(watcher.judge(&commit), Err(violation));
    }
}

// Fails without the `check_range` line of `Seat::added`, and with `<` in `check_range`.
#[test]
fn an_add_may_live_84_days_and_an_hour_and_no_second_longer() {
    let from = now() - 60;
    for (range, accepted) in [(EDGE, true), (EDGE + 1, false), (100 * 365 * 24 * 3600, false)] {
        let mut alice = Device::new(1, 1).create();
        let watcher = alice.watcher();
        let lifetime = Lifetime::init(from, from + range);
        let commit = alice.add(Device::new(2, 1).key_package_with(|builder| builder.key_package_lifetime(lifetime)));
        let verdict = watcher.judge(&commit).map(|_| ());
        assert_eq!(verdict, if accepted { Ok(()) } else { Err(RuleViolation::LongLifetime) }, "{range}");
    }
}

// Fails when `check_added_lifetimes` is `Ok(())`, and with `>=` or `<=` in `check_lifetime`.
#[test]
fn every_add_has_28_days_left_to_the_second() {
    let from = now() - 60;
    let until = from + EDGE;
    let mut alice = Device::new(1, 1).create();
    let watcher = alice.watcher();
    let lifetime = Lifetime::init(from, until);
    let commit = alice.add(Device::new(2, 1).key_package_with(|builder| builder.key_package_lifetime(lifetime)));
    let (staged, _) = watcher.stage(&commit);
    let last = until - limits::KEY_PACKAGE_REST;
    assert_eq!(check_added_lifetimes(&staged, from - 1), Err(RuleViolation::FutureLifetime));
    assert_eq!(check_added_lifetimes(&staged, from), Ok(()));
    assert_eq!(check_added_lifetimes(&staged, last), Ok(()));
    assert_eq!(check_added_lifetimes(&staged, last + 1), Err(RuleViolation::ShortLifetime));
}

// Fails when one of the two arms that give `WrongSender` is an ordinary member's. OpenMLS hands over none of these.
#[test]
fn a_sender_without_a_seat_does_not_commit() {
    let (mut alice, _) = pair();
    let watcher = alice.watcher();
    let commit = alice.commit(|builder| builder);
    let (staged, sender) = watcher.stage(&commit);
    assert!(check_commit(&watcher.group, &staged, &sender).is_ok());
    let others = [Sender::Member(LeafNodeIndex::new(7)), Sender::External(SenderExtensionIndex::new(0)), Sender::NewMemberProposal];
    for other in others {
        assert_eq!(check_commit(&watcher.group, &staged, &other), Err(RuleViolation::WrongSender), "{other:?}");
    }
}
