//! Key packages and rooms under another suite than Sotto's.

use openmls::prelude::{
    Capabilities, Ciphersuite, CredentialType, CredentialWithKey, ExtensionType, GroupId, KeyPackage, KeyPackageBuilder, Lifetime,
    MlsGroup, MlsGroupCreateConfig, OpenMlsProvider, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProposalType, ProtocolVersion,
};
use openmls_traits::signatures::Signer;
use sotto_protocol::{ErrorCode, RoomId};
use sotto_rules::config;
use sotto_rules::roles::Kind;

use super::internal;

/// Without ML-KEM, with the signatures of Sotto's suite: who only verified these would take them.
pub const OTHER_SUITES: [Ciphersuite; 2] =
    [Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519, Ciphersuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519];

/// As `config::leaf_capabilities`, with another suite besides.
#[must_use]
pub fn capabilities_with(other: Ciphersuite) -> Capabilities {
    let mut suites = vec![config::SUITE, other];
    suites.dedup();
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&suites),
        Some(&[ExtensionType::Unknown(config::ROLES_EXTENSION), ExtensionType::LastResort]),
        Some(&[ProposalType::SelfRemove]),
        Some(&[CredentialType::Basic]),
    )
}

/// A key package under any suite that the provider knows, with whatever `change` makes of it: last-resort, or a lifetime of its own.
///
/// # Errors
/// `internal` when OpenMLS refuses.
pub fn key_package_under(
    suite: Ciphersuite,
    provider: &impl OpenMlsProvider,
    signer: &impl Signer,
    leaf: CredentialWithKey,
    change: impl FnOnce(KeyPackageBuilder) -> KeyPackageBuilder,
) -> Result<KeyPackage, ErrorCode> {
    let builder = KeyPackage::builder()
        .leaf_node_capabilities(capabilities_with(suite))
        .key_package_lifetime(Lifetime::new(config::KEY_PACKAGE_SECONDS));
    Ok(change(builder).build(suite, provider, signer, leaf).map_err(internal)?.key_package().clone())
}

/// A room as `config::create_config` makes it, but for the suite.
///
/// # Errors
/// `internal` when OpenMLS refuses.
pub fn room_under(
    suite: Ciphersuite,
    provider: &impl OpenMlsProvider,
    signer: &impl Signer,
    leaf: CredentialWithKey,
    room: RoomId,
) -> Result<MlsGroup, ErrorCode> {
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(suite)
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .padding_size(config::PADDING)
        .lifetime(Lifetime::new(config::KEY_PACKAGE_SECONDS))
        .capabilities(capabilities_with(suite))
        .with_group_context_extensions(Kind::Direct.extensions())
        .use_ratchet_tree_extension(false)
        .build();
    MlsGroup::new_with_group_id(provider, signer, &config, GroupId::from_slice(room.as_bytes()), leaf).map_err(internal)
}
