//! A room as it stands: what a joiner or a creator's server looks at before anything is merged.

use openmls::prelude::*;
use sotto_rules::commit::{RuleViolation, check_room, check_unique_leaf_keys};
use sotto_rules::config::{self, ROLES_EXTENSION, SUITE};
use sotto_rules::identity::IdentityError;
use sotto_rules::roles::Kind;

use crate::kit::{Device, Member};

fn create(capabilities: Capabilities, context: Extensions<GroupContext>, leaf: CredentialWithKey) -> Member {
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(SUITE)
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .capabilities(capabilities)
        .with_group_context_extensions(context)
        .build();
    Device::new(1, 1).create_with(&config, leaf)
}

fn verdict(member: &Member) -> Result<(), RuleViolation> {
    check_room(member.group.public_group()).map(|_| ())
}

// Fails when `DIRECT_ACCOUNTS` is 1.
#[test]
fn a_room_of_two_accounts_is_accepted_on_every_side() {
    let mut alice = Device::new(1, 1).create();
    let phone = alice.invite(Device::new(1, 2));
    let bob = alice.invite(Device::new(2, 1));
    let members = vec![
        (alice.group.own_leaf_index(), alice.device.credential()),
        (phone.group.own_leaf_index(), phone.device.credential()),
        (bob.group.own_leaf_index(), bob.device.credential()),
    ];
    assert_eq!(check_room(alice.group.public_group()), Ok(members.clone()));
    assert_eq!(check_room(bob.group.public_group()), Ok(members.clone()));
    assert_eq!(check_room(&alice.watcher().group), Ok(members));
    assert_eq!(check_unique_leaf_keys(alice.group.public_group()), Ok(()));
}

// Fails without the suite check of `check_room`.
#[test]
fn a_room_under_another_suite_is_refused() {
    let other = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
    let capabilities = Capabilities::new(
        None,
        Some(&[other, SUITE]),
        Some(&[ExtensionType::Unknown(ROLES_EXTENSION)]),
        Some(&[ProposalType::SelfRemove]),
        None,
    );
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(other)
        .capabilities(capabilities)
        .with_group_context_extensions(Kind::Direct.extensions())
        .build();
    let device = Device::new(1, 1);
    let leaf = device.leaf();
    assert_eq!(verdict(&device.create_with(&config, leaf)), Err(RuleViolation::WrongSuite));
}

// Fails when `Kind::of` compares nothing.
#[test]
fn a_room_with_other_context_extensions_is_refused() {
    let required = Extension::RequiredCapabilities(config::required_capabilities());
    let text = Extension::Unknown(ROLES_EXTENSION, UnknownExtension(b"the board".to_vec()));
    for context in [vec![], vec![text.clone()], vec![required, text]] {
        let context = Extensions::from_vec(context).unwrap();
        let member = create(config::leaf_capabilities(), context.clone(), Device::new(1, 1).leaf());
        assert_eq!(verdict(&member), Err(RuleViolation::ForeignExtension), "{context:?}");
    }
}

// Fails when `check_room` does not `check_leaf`: forged, no credential of ours, or ours under another credential type.
#[test]
fn r27_a_room_with_a_leaf_that_is_nobodys_is_refused() {
    let device = Device::new(1, 1);
    let capabilities = Capabilities::new(
        None,
        Some(&[SUITE]),
        Some(&[ExtensionType::Unknown(ROLES_EXTENSION)]),
        Some(&[ProposalType::SelfRemove]),
        Some(&[CredentialType::Basic, CredentialType::X509]),
    );
    let cases = [
        (device.leaf_bearing(&device.forged_credential()), IdentityError::BadSignature),
        (device.leaf_of(BasicCredential::new(b"Alice".to_vec()).into()), IdentityError::Malformed),
        (device.leaf_of(Credential::new(CredentialType::X509, device.credential().encode())), IdentityError::Malformed),
    ];
    for (leaf, error) in cases {
        let member = create(capabilities.clone(), Kind::Direct.extensions(), leaf);
        assert_eq!(verdict(&member), Err(RuleViolation::Credential(error)));
    }
}

// Fails without the `Seats::of(room)?.check()?` line of `check_room`.
#[test]
fn a_room_that_breaks_the_rules_of_all_leaves_is_refused() {
    let mut third = Device::new(1, 1).create();
    third.invite(Device::new(2, 1));
    third.invite(Device::new(3, 1));
    assert_eq!(verdict(&third), Err(RuleViolation::ThirdAccount));

    let mut twice = Device::new(1, 1).create();
    twice.invite(Device::new(1, 1).with_fresh_leaf_key());
    assert_eq!(verdict(&twice), Err(RuleViolation::DuplicateDevice));
}

// Fails without the line of `check_unique_leaf_keys`, or the `DuplicateLeafKey` line of `Seats::check`.
#[test]
fn a_room_with_two_leaves_under_one_key_is_refused() {
    let mut alice = Device::new(1, 1).create();
    let bob = alice.invite(Device::new(2, 1));
    let mut watcher = alice.watcher();
    assert_eq!(check_unique_leaf_keys(&watcher.group), Ok(()));
    let twin = alice.device.with_leaf_key(bob.device.leaf_key.clone());
    let commit = alice.rotate(&twin, twin.leaf());
    watcher.merge(&commit);
    assert_eq!(check_unique_leaf_keys(&watcher.group), Err(RuleViolation::DuplicateLeafKey));
    assert_eq!(check_room(&watcher.group), Err(RuleViolation::DuplicateLeafKey));
}
