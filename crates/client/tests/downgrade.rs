//! SECURITY.md 32, the client's half: one suite and two wire formats, whatever a server hands out.
#![allow(clippy::unwrap_used)]

use openmls::prelude::tls_codec::{Serialize as _, VLBytes};
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, CredentialType, CredentialWithKey, ExtensionType, KeyPackage, MlsGroup,
    MlsGroupCreateConfig, MlsGroupJoinConfig, OpenMlsProvider as _, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, PURE_PLAINTEXT_WIRE_FORMAT_POLICY,
    ProposalType, ProtocolVersion,
};
use openmls_rust_crypto::OpenMlsRustCrypto;
use sotto_client::identity::{AccountIdentity, DeviceIdentity};
use sotto_client::leaf_key::LeafKey;
use sotto_client::mls::{self, Processed, Signing};
use sotto_client::random;
use sotto_client::storage::Provider;
use sotto_protocol::{AccountId, ErrorCode, RoomId};
use sotto_rules::config;
use sotto_rules::roles::Kind;

/// Without ML-KEM, with the signatures of ours.
const OTHER: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

struct Device {
    provider: Provider,
    identity: DeviceIdentity,
    key: LeafKey,
}

impl Device {
    fn new() -> Self {
        let device = Self {
            provider: Provider::default(),
            identity: DeviceIdentity::generate(&AccountIdentity::generate().unwrap()).unwrap(),
            key: LeafKey::generate().unwrap(),
        };
        device.provider.storage().begin().unwrap();
        device
    }

    fn credential(&self) -> CredentialWithKey {
        let public = self.key.public();
        let credential = BasicCredential::new(self.identity.leaf_credential(&public)).into();
        CredentialWithKey { credential, signature_key: public.as_slice().into() }
    }

    /// A group of `room` with both in it, by the client's own functions.
    fn pair(&self, other: &Self, room: RoomId) -> (MlsGroup, MlsGroup) {
        let package = mls::key_package(&other.provider, &other.identity, &other.key, false).unwrap();
        let joiner = mls::joiner(&self.provider, package.as_slice(), other.identity.account(), other.identity.device(), now()).unwrap();
        let mut own = mls::create(&self.provider, &self.identity, &self.key, room).unwrap().group;
        let upload = mls::stage_commit(&self.provider, &mut own, Signing::With(&self.key), &[joiner], &[]).unwrap();
        own.merge_pending_commit(&self.provider).unwrap();
        let tree = own.export_ratchet_tree().tls_serialize_detached().unwrap();
        let theirs = mls::join_by_welcome(&other.provider, room, upload.welcomes[0].welcome.as_slice(), &tree).unwrap();
        (own, theirs)
    }
}

/// The same device over a library that knows every suite.
struct Weak(OpenMlsRustCrypto);

impl Weak {
    fn capabilities() -> Capabilities {
        Capabilities::new(
            Some(&[ProtocolVersion::Mls10]),
            Some(&[config::SUITE, OTHER]),
            Some(&[ExtensionType::Unknown(config::ROLES_EXTENSION), ExtensionType::LastResort]),
            Some(&[ProposalType::SelfRemove]),
            Some(&[CredentialType::Basic]),
        )
    }

    fn key_package(&self, device: &Device) -> KeyPackage {
        let builder =
            KeyPackage::builder().leaf_node_capabilities(Self::capabilities()).key_package_lifetime(config::key_package_lifetime());
        builder.build(OTHER, &self.0, &device.key, device.credential()).unwrap().key_package().clone()
    }

    /// GroupInfo and Welcome for `joiner`, and the tree of both.
    fn room(&self, device: &Device, joiner: KeyPackage, room: RoomId) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(OTHER)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .lifetime(config::key_package_lifetime())
            .capabilities(Self::capabilities())
            .with_group_context_extensions(Kind::Direct.extensions())
            .use_ratchet_tree_extension(false)
            .build();
        let mut group = MlsGroup::new_with_group_id(&self.0, &device.key, &config, mls::group_id(room), device.credential()).unwrap();
        let (_, welcome, _) = group.add_members(&self.0, &device.key, &[joiner]).unwrap();
        group.merge_pending_commit(&self.0).unwrap();
        let info = group.export_group_info(self.0.crypto(), &device.key, false).unwrap();
        let tree = group.export_ratchet_tree().tls_serialize_detached().unwrap();
        (info.to_bytes().unwrap(), welcome.to_bytes().unwrap(), tree)
    }
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn room() -> RoomId {
    RoomId(random::bytes().unwrap())
}

/// Application data in the clear, which OpenMLS makes for nobody: FramedContent, signature and membership tag of a PublicMessage.
fn public_application(group: &MlsGroup, text: &str) -> Vec<u8> {
    let vector = |bytes: &[u8]| VLBytes::new(bytes.to_vec()).tls_serialize_detached().unwrap();
    let (version, public_message, member, application) = ([0, 1], [0, 1], [1], [1]);
    let parts: [&[u8]; 11] = [
        &version,
        &public_message,
        &vector(group.group_id().as_slice()),
        &group.epoch().as_u64().to_be_bytes(),
        &member,
        &group.own_leaf_index().u32().to_be_bytes(),
        &vector(&[]),
        &application,
        &vector(text.as_bytes()),
        &vector(&[7; 64]),
        &vector(&[7; 48]),
    ];
    parts.concat()
}

fn take(device: &Device, group: &mut MlsGroup, bytes: &[u8], commit: bool, pair: [AccountId; 2]) -> Result<Processed, ErrorCode> {
    mls::process(&device.provider, group, bytes, commit, pair)
}

// Falls with the suite checks of `join_by_welcome` and `join_externally`; a key package of another suite also falls in our crypto,
// which has only one.
#[test]
fn r32_downgrade_the_client_takes_nothing_of_another_suite() {
    let (one, two, weak) = (Device::new(), Device::new(), Weak(OpenMlsRustCrypto::default()));
    let package = weak.key_package(&two).tls_serialize_detached().unwrap();
    let joiner = mls::joiner(&one.provider, &package, two.identity.account(), two.identity.device(), now());
    assert!(matches!(joiner.err(), Some(ErrorCode::NotAuthentic | ErrorCode::WrongSuite)));

    let room = room();
    let (info, welcome, tree) = weak.room(&one, weak.key_package(&two), room);
    let joined = mls::join_by_welcome(&two.provider, room, &welcome, &tree);
    assert_eq!(joined.err(), Some(ErrorCode::WrongSuite));
    let joined = mls::join_externally(&two.provider, &two.identity, &two.key, room, &info, &tree);
    assert_eq!(joined.err(), Some(ErrorCode::WrongSuite));
}

// Falls with the wire format check of `process`.
#[test]
fn r32_downgrade_the_client_takes_no_public_application_data_and_no_private_handshake() {
    let (one, two) = (Device::new(), Device::new());
    let (mut own, mut theirs) = one.pair(&two, room());
    let pair = [one.identity.account(), two.identity.account()];

    let open = public_application(&theirs, "for everybody to read");
    let parsed = <openmls::prelude::MlsMessageIn as openmls::prelude::tls_codec::Deserialize>::tls_deserialize_exact(&open);
    assert!(parsed.is_ok(), "it is refused for what it is, not for its bytes: {parsed:?}");
    for commit in [false, true] {
        let refused = take(&one, &mut own, &open, commit, pair).err();
        assert_eq!(refused, Some(if commit { ErrorCode::NotAuthentic } else { ErrorCode::WrongSuite }));
    }

    let public = mls::stage_commit(&two.provider, &mut theirs, Signing::With(&two.key), &[], &[]).unwrap();
    assert_eq!(take(&one, &mut own, public.commit.as_slice(), false, pair).err(), Some(ErrorCode::WrongSuite));
    theirs.clear_pending_commit(two.provider.storage()).unwrap();

    let hidden = MlsGroupJoinConfig::builder().wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY).build();
    theirs.set_configuration(two.provider.storage(), &hidden).unwrap();
    let private = mls::stage_commit(&two.provider, &mut theirs, Signing::With(&two.key), &[], &[]).unwrap();
    assert_eq!(take(&one, &mut own, private.commit.as_slice(), true, pair).err(), Some(ErrorCode::WrongSuite));
    theirs.clear_pending_commit(two.provider.storage()).unwrap();
    theirs.set_configuration(two.provider.storage(), &config::join_config()).unwrap();

    // Nothing of this has moved the group: what is right is taken.
    let message = mls::encrypt(&two.provider, &mut theirs, &two.key, b"as it should be").unwrap();
    let taken = take(&one, &mut own, message.as_slice(), false, pair).unwrap();
    assert!(matches!(taken, Processed::Message { content, .. } if content == b"as it should be"));
    let commit = mls::stage_commit(&two.provider, &mut theirs, Signing::With(&two.key), &[], &[]).unwrap();
    assert!(matches!(take(&one, &mut own, commit.commit.as_slice(), true, pair).unwrap(), Processed::Commit { .. }));
}
