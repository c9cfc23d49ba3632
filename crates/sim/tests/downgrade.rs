//! SECURITY.md 32, the client's half: one suite and two wire formats, whatever a server hands out.
#![allow(clippy::unwrap_used)]

use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{
    BasicCredential, Ciphersuite, CredentialWithKey, KeyPackage, MlsGroup, MlsGroupJoinConfig, OpenMlsProvider as _,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY,
};
use openmls_rust_crypto::OpenMlsRustCrypto;
use sotto_client::identity::{AccountIdentity, DeviceIdentity};
use sotto_client::leaf_key::LeafKey;
use sotto_client::mls::{self, Processed, Signing};
use sotto_client::random;
use sotto_client::storage::Provider;
use sotto_protocol::frames::EntryKind;
use sotto_protocol::{AccountId, ErrorCode, RoomId};
use sotto_rules::config;
use sotto_rules::roles::Kind;
use sotto_sim::hostile::{downgrade, forgery};

const OTHER: Ciphersuite = downgrade::OTHER_SUITES[0];

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
        let package = mls::key_package(&other.provider, &other.identity, &other.key, false, now()).unwrap();
        let joiner = mls::joiner(&self.provider, package.as_slice(), other.identity.account(), other.identity.device(), now()).unwrap();
        let mut own = mls::create(&self.provider, &self.identity, &self.key, room, &Kind::Direct, now()).unwrap().group;
        let upload = mls::stage_commit(&self.provider, &mut own, Signing::With(&self.key), &[joiner], &[], &[], None).unwrap();
        own.merge_pending_commit(&self.provider).unwrap();
        let tree = own.export_ratchet_tree().tls_serialize_detached().unwrap();
        let (theirs, by) = mls::join_by_welcome(&other.provider, room, upload.welcomes[0].welcome.as_slice(), &tree).unwrap();
        assert_eq!(by, self.identity.account());
        (own, theirs)
    }
}

/// GroupInfo and Welcome of `device`'s room under the other suite for `joiner`, and the tree of both.
fn weak_room(weak: &OpenMlsRustCrypto, device: &Device, joiner: KeyPackage, room: RoomId) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let mut group = downgrade::room_under(OTHER, weak, &device.key, device.credential(), room).unwrap();
    let (_, welcome, _) = group.add_members(weak, &device.key, &[joiner]).unwrap();
    group.merge_pending_commit(weak).unwrap();
    let info = group.export_group_info(weak.crypto(), &device.key, false).unwrap();
    let tree = group.export_ratchet_tree().tls_serialize_detached().unwrap();
    (info.to_bytes().unwrap(), welcome.to_bytes().unwrap(), tree)
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn room() -> RoomId {
    RoomId(random::bytes().unwrap())
}

fn take(device: &Device, group: &mut MlsGroup, bytes: &[u8], commit: bool, pair: [AccountId; 2]) -> Result<Processed, ErrorCode> {
    mls::process(&device.provider, group, bytes, if commit { EntryKind::Commit } else { EntryKind::Message }, Some(pair))
}

// Falls with the suite checks of `join_by_welcome` and `join_externally`; a key package of another suite also falls in our crypto,
// which has only one.
#[test]
fn r32_downgrade_the_client_takes_nothing_of_another_suite() {
    let (one, two, weak) = (Device::new(), Device::new(), OpenMlsRustCrypto::default());
    let weak_package = || downgrade::key_package_under(OTHER, &weak, &two.key, two.credential(), |builder| builder).unwrap();
    let package = weak_package().tls_serialize_detached().unwrap();
    let joiner = mls::joiner(&one.provider, &package, two.identity.account(), two.identity.device(), now());
    assert!(matches!(joiner.err(), Some(ErrorCode::NotAuthentic | ErrorCode::WrongSuite)));

    let room = room();
    let (info, welcome, tree) = weak_room(&weak, &one, weak_package(), room);
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

    let open = forgery::public_application(&theirs, "for everybody to read").unwrap();
    let parsed = <openmls::prelude::MlsMessageIn as openmls::prelude::tls_codec::Deserialize>::tls_deserialize_exact(open.as_slice());
    assert!(parsed.is_ok(), "it is refused for what it is, not for its bytes: {parsed:?}");
    for commit in [false, true] {
        let refused = take(&one, &mut own, open.as_slice(), commit, pair).err();
        assert_eq!(refused, Some(if commit { ErrorCode::NotAuthentic } else { ErrorCode::WrongSuite }));
    }

    let public = mls::stage_commit(&two.provider, &mut theirs, Signing::With(&two.key), &[], &[], &[], None).unwrap();
    assert_eq!(take(&one, &mut own, public.commit.as_slice(), false, pair).err(), Some(ErrorCode::WrongSuite));
    theirs.clear_pending_commit(two.provider.storage()).unwrap();

    let hidden = MlsGroupJoinConfig::builder().wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY).build();
    theirs.set_configuration(two.provider.storage(), &hidden).unwrap();
    let private = mls::stage_commit(&two.provider, &mut theirs, Signing::With(&two.key), &[], &[], &[], None).unwrap();
    assert_eq!(take(&one, &mut own, private.commit.as_slice(), true, pair).err(), Some(ErrorCode::WrongSuite));
    theirs.clear_pending_commit(two.provider.storage()).unwrap();
    theirs.set_configuration(two.provider.storage(), &config::join_config()).unwrap();

    // Nothing of this has moved the group: what is right is taken.
    let message = mls::encrypt(&two.provider, &mut theirs, &two.key, b"as it should be").unwrap();
    let taken = take(&one, &mut own, message.as_slice(), false, pair).unwrap();
    assert!(matches!(taken, Processed::Message { content, .. } if content == b"as it should be"));
    let commit = mls::stage_commit(&two.provider, &mut theirs, Signing::With(&two.key), &[], &[], &[], None).unwrap();
    assert!(matches!(take(&one, &mut own, commit.commit.as_slice(), true, pair).unwrap(), Processed::Commit { .. }));
}
