//! Key packages: form, credential, lifetime, and what each refusal is called outside.

use openmls::prelude::*;
use sotto_protocol::{ErrorCode, limits};
use sotto_rules::commit::{RuleViolation, check_key_package};
use sotto_rules::config::{ROLES_EXTENSION, SUITE};
use sotto_rules::identity::{DeviceCredential, IdentityError};

use crate::kit::Device;

const OTHER_SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
/// Some moment, and the longest lifetime that begins at it.
const FROM: u64 = 2_000_000_000;
const UNTIL: u64 = FROM + limits::KEY_PACKAGE_LIFETIME;

fn lasting(from: u64, until: u64) -> KeyPackage {
    Device::new(1, 1).key_package_with(|builder| builder.key_package_lifetime(Lifetime::init(from, until)))
}

fn verdict(key_package: &KeyPackage) -> Result<DeviceCredential, RuleViolation> {
    check_key_package(key_package, key_package.life_time().not_before())
}

// Fails when `check_key_package_form` refuses the last-resort extension too, and with `<` in `check_range`.
#[test]
fn one_time_and_last_resort_packages_are_accepted() {
    let device = Device::new(1, 1);
    assert_eq!(verdict(&device.key_package()), Ok(device.credential()));
    assert_eq!(verdict(&device.key_package_with(KeyPackageBuilder::mark_as_last_resort)), Ok(device.credential()));
}

// Fails without the suite check of `check_key_package_form`.
#[test]
fn a_package_of_another_suite_is_refused() {
    let device = Device::new(1, 1);
    let key_package = device.key_package_of(OTHER_SUITE, device.leaf(), |builder| builder);
    assert_eq!(verdict(&key_package), Err(RuleViolation::WrongSuite));
}

// Fails without any one line of `capable` in `check_leaf`. No version but MLS 1.0 exists: an empty list lacks it.
#[test]
fn a_package_that_lacks_a_capability_is_refused() {
    let extensions = [ExtensionType::Unknown(ROLES_EXTENSION), ExtensionType::LastResort];
    let full = || {
        Capabilities::builder()
            .versions(vec![ProtocolVersion::Mls10])
            .ciphersuites(vec![SUITE])
            .extensions(extensions.to_vec())
            .proposals(vec![ProposalType::SelfRemove])
            .credentials(vec![CredentialType::Basic])
    };
    let device = Device::new(1, 1);
    assert!(verdict(&device.key_package_with(|builder| builder.leaf_node_capabilities(full().build()))).is_ok());
    let cases = [
        full().versions(vec![]).build(),
        full().ciphersuites(vec![OTHER_SUITE]).build(),
        full().extensions(extensions[1..].to_vec()).build(),
        full().proposals(vec![]).build(),
        full().credentials(vec![CredentialType::X509]).build(),
    ];
    for capabilities in cases {
        let key_package = device.key_package_with(|builder| builder.leaf_node_capabilities(capabilities.clone()));
        assert_eq!(verdict(&key_package), Err(RuleViolation::MissingCapability), "{capabilities:?}");
    }
}

// Fails without the extension check of `check_key_package_form` (first) or of `check_leaf` (second).
#[test]
fn a_package_with_an_extension_of_its_own_is_refused() {
    let text = || Extension::Unknown(ROLES_EXTENSION, UnknownExtension(b"text".to_vec()));
    let (beside, inside) = (Extensions::single(text()).unwrap(), Extensions::single(text()).unwrap());
    let device = Device::new(1, 1);
    let key_package = device.key_package_with(|builder| builder.key_package_extensions(beside).mark_as_last_resort());
    assert_eq!(verdict(&key_package), Err(RuleViolation::ForeignExtension));
    let key_package = device.key_package_with(|builder| builder.leaf_node_extensions(inside));
    assert_eq!(verdict(&key_package), Err(RuleViolation::ForeignExtension));
}

// Fails when `check_leaf` decodes without verifying.
#[test]
fn r27_a_package_with_a_forged_credential_is_refused() {
    let device = Device::new(1, 1);
    for forged in [device.forged_credential(), device.with_fresh_leaf_key().credential()] {
        let key_package = device.key_package_of(SUITE, device.leaf_bearing(&forged), |builder| builder);
        assert_eq!(verdict(&key_package), Err(RuleViolation::Credential(IdentityError::BadSignature)));
    }
    let name: Credential = BasicCredential::new(b"Alice".to_vec()).into();
    let key_package = device.key_package_of(SUITE, device.leaf_of(name), |builder| builder);
    assert_eq!(verdict(&key_package), Err(RuleViolation::Credential(IdentityError::Malformed)));
}

// Fails without the credential type check of `check_leaf`.
#[test]
fn a_package_whose_credential_is_not_basic_is_refused() {
    let device = Device::new(1, 1);
    for credential_type in [CredentialType::X509, CredentialType::Other(0xf001)] {
        let credential = Credential::new(credential_type, device.credential().encode());
        let key_package = device.key_package_of(SUITE, device.leaf_of(credential), |builder| builder);
        assert_eq!(verdict(&key_package), Err(RuleViolation::Credential(IdentityError::Malformed)), "{credential_type:?}");
    }
}

// Fails without `check_range` in `check_lifetime`, and with `<` or `saturating_sub` in `check_range`.
#[test]
fn r43_a_lifetime_is_84_days_and_an_hour_at_most() {
    assert!(check_key_package(&lasting(FROM, UNTIL), FROM).is_ok());
    assert_eq!(check_key_package(&lasting(FROM, UNTIL + 1), FROM), Err(RuleViolation::LongLifetime));
    assert_eq!(check_key_package(&lasting(FROM, FROM + 100 * 365 * 24 * 3600), FROM), Err(RuleViolation::LongLifetime));
    assert_eq!(check_key_package(&lasting(0, u64::MAX), FROM), Err(RuleViolation::LongLifetime));
    // One that ends before it begins.
    assert_eq!(check_key_package(&lasting(FROM, FROM - 1), FROM), Err(RuleViolation::LongLifetime));
}

// Fails without either `if` of `check_lifetime`, with `>=` or `<=` in them, and without `saturating_add` (last line: a panic).
#[test]
fn r43_a_package_is_taken_from_its_first_second_until_28_days_before_its_last() {
    let key_package = lasting(FROM, UNTIL);
    let last = UNTIL - limits::KEY_PACKAGE_REST;
    assert_eq!(check_key_package(&key_package, FROM - 1), Err(RuleViolation::FutureLifetime));
    assert!(check_key_package(&key_package, FROM).is_ok());
    assert!(check_key_package(&key_package, last).is_ok());
    assert_eq!(check_key_package(&key_package, last + 1), Err(RuleViolation::ShortLifetime));
    assert_eq!(check_key_package(&key_package, UNTIL + 1), Err(RuleViolation::ShortLifetime));
    assert_eq!(check_key_package(&key_package, u64::MAX), Err(RuleViolation::ShortLifetime));
}

// The hour that OpenMLS puts before a fresh package is what a slow clock may lack. Fails when `KEY_PACKAGE_SECONDS` leaves no
// room for it in `limits::KEY_PACKAGE_LIFETIME`.
#[test]
fn r43_a_clock_59_minutes_slow_takes_a_fresh_package_and_one_2_hours_slow_says_so() {
    let key_package = Device::new(1, 1).key_package();
    let made = key_package.life_time().not_before() + 3600;
    assert!(check_key_package(&key_package, made - 59 * 60).is_ok());
    assert_eq!(check_key_package(&key_package, made - 2 * 3600), Err(RuleViolation::FutureLifetime));
}

// Fails when an arm of `From<RuleViolation> for ErrorCode` moves: clients act by these codes.
#[test]
fn each_refusal_has_its_stable_code() {
    let cases = [
        (RuleViolation::WrongSuite, ErrorCode::WrongSuite),
        (RuleViolation::Credential(IdentityError::BadSignature), ErrorCode::NotAuthentic),
        (RuleViolation::MissingCapability, ErrorCode::NotAuthentic),
        (RuleViolation::ForeignExtension, ErrorCode::NotAuthentic),
        (RuleViolation::LongLifetime, ErrorCode::NotAuthentic),
        (RuleViolation::FutureLifetime, ErrorCode::WrongClock),
        (RuleViolation::ShortLifetime, ErrorCode::NoKeyPackage),
        (RuleViolation::DuplicateLeafKey, ErrorCode::CommitRefused),
        (RuleViolation::DuplicateDevice, ErrorCode::CommitRefused),
        (RuleViolation::ThirdAccount, ErrorCode::CommitRefused),
        (RuleViolation::WrongSender, ErrorCode::CommitRefused),
        (RuleViolation::NoPath, ErrorCode::CommitRefused),
        (RuleViolation::ForeignProposal, ErrorCode::CommitRefused),
        (RuleViolation::OwnerChanged, ErrorCode::CommitRefused),
        (RuleViolation::RemovedOther, ErrorCode::CommitRefused),
        (RuleViolation::Stranger, ErrorCode::CommitRefused),
    ];
    for (violation, code) in cases {
        assert_eq!(ErrorCode::from(violation), code, "{violation:?}");
    }
}
