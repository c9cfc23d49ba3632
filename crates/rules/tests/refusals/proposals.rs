//! Which proposals a member's commit may hold, and in which form.

use openmls::prelude::*;
use sotto_rules::commit::RuleViolation;
use sotto_rules::config;
use sotto_rules::roles::Kind;

use crate::kit::{Device, Member, inline, stored_psk};

/// Alice's room with Bob and her own phone.
fn three() -> (Member, Member, LeafNodeIndex) {
    let mut alice = Device::new(1, 1).create();
    let phone = alice.invite(Device::new(1, 2)).group.own_leaf_index();
    let bob = alice.invite(Device::new(2, 1));
    (alice, bob, phone)
}

const FOREIGN: RuleViolation = RuleViolation::ForeignProposal;

// Fails without the SelfRemove arm of `allowed` (nobody could leave), and without `removed.push` in the Leave arm.
#[test]
fn a_member_may_leave() {
    let (mut alice, mut bob, _) = three();
    let mut watcher = alice.watcher();
    let leave = bob.group.leave_group_via_self_remove(&bob.device.provider, &bob.device.leaf_key).unwrap().to_bytes().unwrap();
    watcher.hear(&leave);
    alice.hear(&leave);
    let commit = alice.commit(|builder| builder);
    let summary = watcher.judge(&commit).unwrap();
    let left = bob.device.credential();
    assert_eq!(summary.removed, vec![(left.account(), left.device)]);
    assert_eq!(summary.accounts.into_iter().collect::<Vec<_>>(), vec![alice.device.credential().account()]);
}

// Fails when the SelfRemove arm of `allowed` takes inline ones and the Leave arm passes over a seat that is taken: two locks.
#[test]
fn a_committer_does_not_leave_inline() {
    let (mut alice, ..) = three();
    let watcher = alice.watcher();
    let commit = alice.commit(|builder| builder);
    let forged = alice.with_proposals(&commit, &[inline(0x000a, &[])]);
    assert_eq!(watcher.judge(&forged), Err(FOREIGN));
}

// Fails when the Leave arm of `check_commit` passes over a seat that is taken.
#[test]
fn a_committer_does_not_leave_by_reference() {
    let (mut alice, ..) = three();
    let mut watcher = alice.watcher();
    let commit = alice.commit(|builder| builder);
    alice.group.clear_pending_commit(alice.device.provider.storage()).unwrap();
    let leave = alice.group.leave_group_via_self_remove(&alice.device.provider, &alice.device.leaf_key).unwrap();
    let leave = watcher.hear(&leave.to_bytes().unwrap());
    assert_eq!(watcher.judge(&alice.with_proposals(&commit, &[leave])), Err(FOREIGN));
}

// Fails when the Leave arm (first order) or the Remove arm (second order) passes over a seat that is taken.
#[test]
fn one_leaf_does_not_go_twice() {
    let mut alice = Device::new(1, 1).create();
    let mut phone = alice.invite(Device::new(1, 2));
    let mut watcher = alice.watcher();
    let leave = phone.group.leave_group_via_self_remove(&phone.device.provider, &phone.device.leaf_key).unwrap();
    let leave = watcher.hear(&leave.to_bytes().unwrap());
    let index = phone.group.own_leaf_index();
    let remove = inline(3, &index.u32().to_be_bytes());
    let commit = alice.commit(|builder| builder.propose_removals([index]));
    assert!(watcher.judge(&alice.with_proposals(&commit, std::slice::from_ref(&remove))).is_ok());
    // The phone's person keeps the committer's own leaf, and leaves with all of them or not at all.
    assert_eq!(watcher.judge(&alice.with_proposals(&commit, std::slice::from_ref(&leave))), Err(RuleViolation::LeftPartly));
    assert_eq!(watcher.judge(&alice.with_proposals(&commit, &[remove.clone(), leave.clone()])), Err(FOREIGN));
    assert_eq!(watcher.judge(&alice.with_proposals(&commit, &[leave, remove])), Err(FOREIGN));
}

// Fails when the arm of its type in `allowed` takes `_` instead of `ProposalOrRefType::Proposal`: Add, Remove, context.
#[test]
fn what_must_be_inline_is_refused_by_reference() {
    let propose: [fn(&mut Member, LeafNodeIndex) -> MlsMessageOut; 3] = [
        |bob, _| {
            let key_package = Device::new(2, 2).key_package();
            bob.group.propose_add_member(&bob.device.provider, &bob.device.leaf_key, &key_package).unwrap().0
        },
        // To the committer this would be an own device, which she could remove inline.
        |bob, phone| bob.group.propose_remove_member(&bob.device.provider, &bob.device.leaf_key, phone).unwrap().0,
        |bob, _| {
            let extensions = Kind::Direct.extensions();
            bob.group.propose_group_context_extensions(&bob.device.provider, extensions, &bob.device.leaf_key).unwrap().0
        },
    ];
    for (index, propose) in propose.into_iter().enumerate() {
        let (mut alice, mut bob, phone) = three();
        let mut watcher = alice.watcher();
        let proposal = propose(&mut bob, phone).to_bytes().unwrap();
        watcher.hear(&proposal);
        alice.hear(&proposal);
        let commit = alice.commit(|builder| builder);
        assert_eq!(watcher.judge(&commit), Err(FOREIGN), "proposal {index}");
    }
}

// Fails when the last arm of `allowed` lets a proposal pass that it does not know: Update, PSK, ReInit, our own type.
#[test]
fn an_update_by_reference_is_refused() {
    let (mut alice, mut bob, _) = three();
    let mut watcher = alice.watcher();
    let parameters = LeafNodeParameters::default();
    let (update, _) = bob.group.propose_self_update(&bob.device.provider, &bob.device.leaf_key, parameters).unwrap();
    let update = update.to_bytes().unwrap();
    watcher.hear(&update);
    alice.hear(&update);
    let commit = alice.commit(|builder| builder);
    assert_eq!(watcher.judge(&commit), Err(FOREIGN));
}

// Fails as the one above.
#[test]
fn r31_a_psk_is_refused() {
    let (mut alice, ..) = three();
    let watcher = alice.watcher();
    let psk = Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(stored_psk(&alice.device))));
    let commit = alice.commit(|builder| builder.add_proposal(psk));
    assert_eq!(watcher.judge(&commit), Err(FOREIGN));
}

// Fails as the one above.
#[test]
fn r31_a_reinit_is_refused() {
    let (mut alice, ..) = three();
    let watcher = alice.watcher();
    let commit = alice.commit(|builder| builder);
    let suite = u16::from(config::SUITE).to_be_bytes();
    // Group id of one byte, MLS 1.0, our suite, no extensions.
    let body = [&[1, 7, 0, 1][..], &suite, &[0]].concat();
    assert_eq!(watcher.judge(&alice.with_proposals(&commit, &[inline(5, &body)])), Err(FOREIGN));
}

// Fails as the one above. Leaves may say that they can do more than they must; it does not become allowed by that.
#[test]
fn r31_a_proposal_of_an_unknown_type_is_refused() {
    let capabilities = Capabilities::new(
        None,
        Some(&[config::SUITE]),
        Some(&[ExtensionType::Unknown(config::ROLES_EXTENSION)]),
        Some(&[ProposalType::SelfRemove, ProposalType::Custom(0xf00d)]),
        Some(&[CredentialType::Basic]),
    );
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(config::SUITE)
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .capabilities(capabilities)
        .with_group_context_extensions(Kind::Direct.extensions())
        .build();
    let device = Device::new(1, 1);
    let leaf = device.leaf();
    let mut alice = device.create_with(&config, leaf);
    let watcher = alice.watcher();
    let custom = Proposal::Custom(Box::new(CustomProposal::new(0xf00d, b"text".to_vec())));
    let commit = alice.commit(|builder| builder.add_proposal(custom));
    assert_eq!(watcher.judge(&commit), Err(FOREIGN));
}

// Fails without the context arm of `allowed`.
#[test]
fn the_context_extensions_may_be_said_again() {
    let (mut alice, ..) = three();
    let watcher = alice.watcher();
    let commit = alice.commit(|builder| builder.propose_group_context_extensions(Kind::Direct.extensions()).unwrap());
    assert!(watcher.judge(&commit).is_ok());
}

// Fails when `Kind::of` compares nothing.
#[test]
fn other_context_extensions_are_refused() {
    let required = || Extension::RequiredCapabilities(config::required_capabilities());
    let lists = [
        // What every room requires, dropped.
        vec![],
        vec![Extension::RequiredCapabilities(RequiredCapabilitiesExtension::default())],
        // Text for the server to read.
        vec![required(), Extension::Unknown(config::ROLES_EXTENSION, UnknownExtension(b"the board".to_vec()))],
        // Somebody outside who may propose.
        vec![required(), Extension::ExternalSenders(vec![external_sender()])],
    ];
    for list in lists {
        let (mut alice, ..) = three();
        let watcher = alice.watcher();
        let extensions = Extensions::from_vec(list).unwrap();
        let commit = alice.commit(|builder| builder.propose_group_context_extensions(extensions.clone()).unwrap());
        assert_eq!(watcher.judge(&commit), Err(RuleViolation::ForeignExtension), "{extensions:?}");
    }
}

fn external_sender() -> ExternalSender {
    let mallory = Device::new(3, 1);
    let credential = BasicCredential::new(mallory.credential().encode()).into();
    ExternalSender::new(mallory.leaf_key.public().into(), credential)
}
