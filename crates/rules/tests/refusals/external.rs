//! External commits: a device of an account that has a leaf takes its seat, and nothing else.

use std::collections::BTreeSet;

use openmls::prelude::*;
use sotto_rules::commit::{CommitSummary, RuleViolation};
use sotto_rules::identity::IdentityError;
use sotto_rules::roles::Kind;

use crate::kit::{Device, pair, plain, public_message, stored_psk};

// Fails without the Remove arm or the ExternalInit arm of `allowed`, and without `joined.push` for an external commit.
#[test]
fn a_device_may_take_its_own_seat_again() {
    let (alice, bob) = pair();
    let again = Device::new(2, 1);
    let own = again.credential();
    let expected = CommitSummary {
        committer: own.clone(),
        external: true,
        joined: vec![(own.account(), own.device)],
        removed: vec![(own.account(), own.device)],
        unlisted: Vec::new(),
        left: BTreeSet::new(),
        accounts_before: BTreeSet::from([own.account(), alice.device.credential().account()]),
        accounts: BTreeSet::from([own.account(), alice.device.credential().account()]),
        kind: Kind::Direct,
    };
    assert_eq!(alice.watcher().judge(&again.come_in(&bob)), Ok(expected));
}

// Fails without the ExternalInit arm of `allowed`, and without `joined.push`. Nothing needs to be removed.
#[test]
fn another_device_of_a_member_account_may_take_a_seat() {
    let (alice, _) = pair();
    let phone = Device::new(1, 2);
    let summary = alice.watcher().judge(&phone.come_in(&alice)).unwrap();
    let own = phone.credential();
    assert_eq!((summary.external, summary.joined, summary.removed), (true, vec![(own.account(), own.device)], vec![]));
}

// Fails without the `accounts_before.contains` guard. (In a room of two the third account would be refused as well; in a room of
// one it is this line alone.)
#[test]
fn r31_a_stranger_does_not_come_in() {
    let (alice, _) = pair();
    assert_eq!(alice.watcher().judge(&Device::new(3, 1).come_in(&alice)), Err(RuleViolation::Stranger));
    let alone = Device::new(1, 1).create();
    assert_eq!(alone.watcher().judge(&Device::new(3, 1).come_in(&alone)), Err(RuleViolation::Stranger));
}

// Fails when `check_leaf` decodes without verifying: anybody could name a member's account.
#[test]
fn r31_a_stranger_who_names_a_members_account_does_not_come_in() {
    let (alice, _) = pair();
    let phone = Device::new(1, 2);
    let forged = phone.leaf_bearing(&phone.forged_credential());
    let commit = phone.come_in_with(&alice, forged, |builder| builder.leaf_node_parameters(plain()), Vec::new());
    assert_eq!(alice.watcher().judge(&commit), Err(RuleViolation::Credential(IdentityError::BadSignature)));
}

// Fails without the `DuplicateDevice` line of `Seats::check`. OpenMLS removes the old leaf only when its key is the same.
#[test]
fn a_device_that_leaves_its_old_leaf_behind_does_not_come_in() {
    let (alice, _) = pair();
    let again = alice.device.with_fresh_leaf_key();
    assert_eq!(alice.watcher().judge(&again.come_in(&alice)), Err(RuleViolation::DuplicateDevice));
}

// Fails when `own` of an external commit compares accounts (first case), and without `!own` (both).
#[test]
fn an_external_commit_removes_nobody_else() {
    let (alice, bob) = pair();
    // OpenMLS lets a joiner remove any leaf: its builder takes the one with the joiner's leaf key.
    let phone = Device::new(1, 2).with_leaf_key(alice.device.leaf_key.clone());
    assert_eq!(alice.watcher().judge(&phone.come_in(&bob)), Err(RuleViolation::RemovedOther));
    let tablet = Device::new(2, 2).with_leaf_key(alice.device.leaf_key.clone());
    assert_eq!(alice.watcher().judge(&tablet.come_in(&bob)), Err(RuleViolation::RemovedOther));
}

// Fails when `allowed` has an arm for PSKs (OpenMLS lets them into external commits).
#[test]
fn r31_an_external_commit_with_a_psk_is_refused() {
    let (alice, _) = pair();
    let phone = Device::new(1, 2);
    let psk = PreSharedKeyProposal::new(stored_psk(&phone));
    let commit =
        phone.come_in_with(&alice, phone.leaf(), |builder| builder.leaf_node_parameters(plain()).add_psk_proposal(psk), Vec::new());
    assert_eq!(alice.watcher().judge(&commit), Err(RuleViolation::ForeignProposal));
}

// Fails without the `_ if external` arm of `allowed`.
#[test]
fn an_external_commit_takes_nobody_along_who_leaves() {
    let (alice, mut bob) = pair();
    let leave = bob.group.leave_group_via_self_remove(&bob.device.provider, &bob.device.leaf_key).unwrap().to_bytes().unwrap();
    let mut watcher = alice.watcher();
    watcher.hear(&leave);
    let phone = Device::new(1, 2);
    let leaves = vec![public_message(&leave)];
    let commit = phone.come_in_with(&alice, phone.leaf(), |builder| builder.leaf_node_parameters(plain()), leaves);
    assert_eq!(watcher.judge(&commit), Err(RuleViolation::ForeignProposal));
}
