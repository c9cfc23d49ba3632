//! The one place for MLS settings: suite, wire format, padding, ratchet windows, lifetimes, capabilities.

use openmls::prelude::{
    Capabilities, Ciphersuite, CredentialType, ExtensionType, Lifetime, MlsGroupCreateConfig, MlsGroupJoinConfig,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProposalType, ProtocolVersion, RequiredCapabilitiesExtension, SenderRatchetConfiguration,
};
use sotto_protocol::limits;

use crate::roles::Kind;

/// The only suite of a room: hybrid confidentiality (ML-KEM-768 with X25519), Ed25519 signatures. 0x004E.
pub const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
/// Private-use id of the GroupContext extension that holds the roles of a group.
pub const ROLES_EXTENSION: u16 = 0xf050;
/// Bytes to a multiple of which every message is padded: content, signature and tag together.
pub const PADDING: usize = 512;
/// Messages of one sender that may still arrive after a later one.
pub const OUT_OF_ORDER_TOLERANCE: u32 = 20;
/// Messages of one sender that may be missing before a later one.
pub const FORWARD_DISTANCE: u32 = 1000;
/// Lifetime of a fresh key package, in seconds: 84 days. One hour of clock tolerance goes before it.
pub const KEY_PACKAGE_SECONDS: u64 = limits::KEY_PACKAGE_LIFETIME - CLOCK_TOLERANCE;
/// Seconds by which the clock of whoever makes a key package may be ahead of the others'.
pub const CLOCK_TOLERANCE: u64 = 3600;
/// Bytes of the suite's `external_pub` in a GroupInfo: an ML-KEM-768 key (1,184) and an X25519 key (32).
pub const EXTERNAL_PUB: usize = 1_216;
/// Bytes of the suite's confirmation and membership tags: HMAC with SHA-384.
pub const TAG: usize = 48;

/// How a room of a kind is created at this time.
#[must_use]
pub fn create_config(kind: &Kind, now_seconds: u64) -> MlsGroupCreateConfig {
    MlsGroupCreateConfig::builder()
        .ciphersuite(SUITE)
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING)
        .sender_ratchet_configuration(sender_ratchet())
        // The server's log is linear: nothing of an old epoch arrives late, so no old epoch's keys are kept.
        .max_past_epochs(0)
        .lifetime(key_package_lifetime(now_seconds))
        .capabilities(leaf_capabilities())
        .with_group_context_extensions(kind.extensions())
        // Trees travel apart: the server has them anyway and gives them to joiners.
        .use_ratchet_tree_extension(false)
        .build()
}

/// How a room is joined, by Welcome or external commit.
#[must_use]
pub fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING)
        .sender_ratchet_configuration(sender_ratchet())
        .max_past_epochs(0)
        .use_ratchet_tree_extension(false)
        .build()
}

/// What every leaf says that it can do: all that a room requires, from the first day, or old rooms could never gain roles.
#[must_use]
pub fn leaf_capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[SUITE]),
        Some(&[ExtensionType::Unknown(ROLES_EXTENSION), ExtensionType::LastResort]),
        Some(&[ProposalType::SelfRemove]),
        Some(&[CredentialType::Basic]),
    )
}

/// What a room requires of every leaf.
#[must_use]
pub fn required_capabilities() -> RequiredCapabilitiesExtension {
    RequiredCapabilitiesExtension::new(&[ExtensionType::Unknown(ROLES_EXTENSION)], &[ProposalType::SelfRemove], &[CredentialType::Basic])
}

/// Lifetime of a key package that is made at this time. By the given clock and not by the system's, which OpenMLS would take.
#[must_use]
pub fn key_package_lifetime(now_seconds: u64) -> Lifetime {
    Lifetime::init(now_seconds.saturating_sub(CLOCK_TOLERANCE), now_seconds.saturating_add(KEY_PACKAGE_SECONDS))
}

fn sender_ratchet() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(OUT_OF_ORDER_TOLERANCE, FORWARD_DISTANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_is_the_hybrid_one_and_rooms_require_what_they_must() {
        assert_eq!(SUITE as u16, 0x004e);
        assert_eq!(Kind::Direct.extensions().required_capabilities(), Some(&required_capabilities()));
        let lifetime = key_package_lifetime(1_000_000);
        assert_eq!((lifetime.not_before(), lifetime.not_after()), (996_400, 1_000_000 + KEY_PACKAGE_SECONDS));
        assert_eq!(lifetime.not_after() - lifetime.not_before(), limits::KEY_PACKAGE_LIFETIME);
    }

    #[test]
    fn messages_are_private_handshakes_public_and_no_past_epoch_is_kept() {
        let (create, join) = (create_config(&Kind::Direct, 0), join_config());
        assert_eq!(create.wire_format_policy(), PURE_PLAINTEXT_WIRE_FORMAT_POLICY);
        assert_eq!(join.wire_format_policy(), PURE_PLAINTEXT_WIRE_FORMAT_POLICY);
        assert_eq!(create.max_past_epochs(), Some(0));
        assert_eq!((create.padding_size(), join.padding_size()), (512, 512));
        assert_eq!(create.sender_ratchet_configuration().out_of_order_tolerance(), 20);
        assert_eq!(join.sender_ratchet_configuration().maximum_forward_distance(), 1000);
        assert!(!create.use_ratchet_tree_extension());
    }
}
