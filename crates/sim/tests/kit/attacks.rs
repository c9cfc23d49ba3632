//! What a malicious member of a room of two uploads, and why the server refuses it. The tests of the real server use this file too.

use openmls::prelude::{
    BasicCredential, CommitBuilder, CredentialWithKey, Initial, JoinProposal, KeyPackage, LeafNodeIndex, LeafNodeParameters, Lifetime,
    PreSharedKeyProposal, Proposal,
};
use openmls::schedule::PreSharedKeyId;
use openmls_basic_credential::SignatureKeyPair;
use sotto_protocol::api::{RoomState, UploadCommit};
use sotto_protocol::{Bytes, ErrorCode};
use sotto_rules::config;
use sotto_rules::identity::{DeviceCredential, LEAF_LABEL};
use sotto_rules::roles::{Kind, Roles};
use sotto_sim::hostile::forgery::{self, CommitParts, GroupInfoParts, bent_tags};
use sotto_sim::hostile::{downgrade, member};

use super::people::{self, Person, Seat};

const DAY: u64 = 24 * 3600;
const YEAR: u64 = 365 * DAY;

/// One upload that must not be taken.
pub struct Attack {
    /// What is wrong with it.
    pub name: String,
    pub upload: UploadCommit,
    /// What the server answers.
    pub code: ErrorCode,
}

fn attack(name: &str, code: ErrorCode, upload: UploadCommit) -> Attack {
    Attack { name: name.to_owned(), upload, code }
}

/// A commit that changes nothing but the own keys: what is bent into most of the others.
pub fn valid(person: &Person, seat: &mut Seat) -> UploadCommit {
    commit(person, seat, None, |builder| builder)
}

fn commit(
    person: &Person,
    seat: &mut Seat,
    joiner: Option<&Person>,
    change: impl for<'a> FnOnce(CommitBuilder<'a, Initial>) -> CommitBuilder<'a, Initial>,
) -> UploadCommit {
    let joiner = joiner.map(|joiner| (joiner.account(), joiner.device));
    member::commit(&person.provider, &mut seat.group, &seat.signer, joiner, change).unwrap()
}

/// What the member has no right to: `victim` is the other's leaf.
pub fn without_rights(mallory: &Person, seat: &mut Seat, victim: LeafNodeIndex, stranger: &Person) -> Vec<Attack> {
    let (_, third) = package(stranger, Lifetime::new(config::KEY_PACKAGE_SECONDS));
    let roles = Kind::Group(Roles::owned_by(mallory.account())).extensions();
    vec![
        attack(
            "a direct room that becomes the own group",
            ErrorCode::CommitRefused,
            commit(mallory, seat, None, |builder| builder.propose_group_context_extensions(roles).unwrap()),
        ),
        attack("a removal of somebody else", ErrorCode::CommitRefused, commit(mallory, seat, None, |b| b.propose_removals([victim]))),
        attack("a third person", ErrorCode::CommitRefused, commit(mallory, seat, Some(stranger), |b| b.propose_adds([third]))),
    ]
}

/// What MLS offers and Sotto does not use. `state`: what the member has handed to a stranger.
pub fn unused_features(mallory: &Person, seat: &mut Seat, stranger: &Person, state: &RoomState) -> Vec<Attack> {
    let refused = ErrorCode::CommitRefused;
    let id = PreSharedKeyId::external(b"psk".to_vec(), vec![5; 48]);
    id.store(&mallory.provider, &[6; 48]).unwrap();
    let psk = Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(id)));
    let text = member::talkative_extensions().unwrap();
    let mut attacks = vec![
        attack("a PSK", refused, commit(mallory, seat, None, |builder| builder.add_proposal(psk))),
        attack(
            "text in the context",
            ErrorCode::NotAuthentic,
            commit(mallory, seat, None, |builder| builder.propose_group_context_extensions(text).unwrap()),
        ),
    ];
    // OpenMLS has no builder for it, so the rest of this commit belongs to another.
    let upload = valid(mallory, seat);
    let parts = CommitParts::of(&upload.commit).unwrap();
    let reinit = parts.with_proposals(&seat.group, &seat.signer, &[forgery::reinit_proposal()]).unwrap();
    attacks.push(attack("a ReInit", refused, UploadCommit { commit: reinit.bytes().unwrap(), ..member::anew(&upload).unwrap() }));

    // Proposals that wait for somebody's commit.
    let (key, package) = package(stranger, Lifetime::new(config::KEY_PACKAGE_SECONDS));
    let (id, epoch) = (seat.group.group_id().clone(), seat.group.epoch());
    let external = JoinProposal::new::<openmls_rust_crypto::MemoryStorage>(package, id, epoch, &key).unwrap().to_bytes().unwrap();
    attacks.push(attack("a stranger's proposal", refused, UploadCommit { commit: Bytes(external), ..member::anew(&upload).unwrap() }));

    let (key, leaf) = stranger.leaf();
    let (upload, _) = member::external_commit(&stranger.provider, &key, leaf, handed(state)).unwrap();
    attacks.push(attack("a stranger's external commit", refused, upload));
    attacks
}

/// Leaves that say to be somebody else's. `peer` is the other of the pair, as the tree shows it.
pub fn swapped_identities(mallory: &Person, seat: &mut Seat, peer: &DeviceCredential, stranger: &Person, state: &RoomState) -> Vec<Attack> {
    let phone = other_device(mallory);
    let own_key = seat.signer.public().to_vec();
    let peers = |key: &[u8]| CredentialWithKey { credential: BasicCredential::new(peer.encode()).into(), signature_key: key.into() };
    let claimed = LeafNodeParameters::builder().with_credential_with_key(peers(&own_key)).build();
    let mut attacks = vec![attack(
        "the peer's credential in the own leaf",
        ErrorCode::NotAuthentic,
        commit(mallory, seat, None, |builder| builder.leaf_node_parameters(claimed)),
    )];
    for (name, other) in [("a leaf that becomes a stranger's", stranger), ("a leaf that becomes another device's", &phone)] {
        let (key, leaf) = other.leaf();
        let upload = member::swap_leaf(&mallory.provider, &mut seat.group, &seat.signer, (&key, leaf)).unwrap();
        attacks.push(attack(name, ErrorCode::CommitRefused, upload));
    }
    let (key, _) = stranger.leaf();
    let (upload, _) = member::external_commit(&stranger.provider, &key, peers(key.public()), handed(state)).unwrap();
    attacks.push(attack("an external commit in the peer's name", ErrorCode::NotAuthentic, upload));
    attacks
}

/// Adds of another device of the member, who has the right to it, by packages whose time is not right.
pub fn wrong_lifetimes(mallory: &Person, seat: &mut Seat) -> Vec<Attack> {
    let phone = other_device(mallory);
    let now = people::now() / 1000;
    let lifetimes = [
        ("a package that lasts a century", ErrorCode::NotAuthentic, Lifetime::init(now - 60, now + 100 * YEAR)),
        ("a package of a day", ErrorCode::NoKeyPackage, Lifetime::init(now - 60, now + DAY)),
    ];
    let mut attacks = Vec::new();
    for (name, code, lifetime) in lifetimes {
        let (_, package) = package(&phone, lifetime);
        attacks.push(attack(name, code, commit(mallory, seat, Some(&phone), |builder| builder.propose_adds([package]))));
    }
    attacks
}

/// An Add of another device of the member, and the key of its leaf. Nothing is wrong with it.
pub fn second_device(mallory: &Person, seat: &mut Seat) -> (UploadCommit, SignatureKeyPair) {
    add_device(mallory, seat, &other_device(mallory))
}

/// The same of a device that the member has made before.
pub fn add_device(mallory: &Person, seat: &mut Seat, phone: &Person) -> (UploadCommit, SignatureKeyPair) {
    let (key, package) = package(phone, Lifetime::new(config::KEY_PACKAGE_SECONDS));
    (commit(mallory, seat, Some(phone), |builder| builder.propose_adds([package])), key)
}

/// A self-update after which two leaves of the room bear one signature key: `taken` is the other one's.
pub fn doubled_leaf_key(mallory: &Person, seat: &mut Seat, taken: &SignatureKeyPair) -> Attack {
    let leaf = credential_for(mallory, taken.public());
    let upload = member::swap_leaf(&mallory.provider, &mut seat.group, &seat.signer, (taken, leaf)).unwrap();
    attack("the signature key of another leaf", ErrorCode::CommitRefused, upload)
}

/// GroupInfos that their commit does not lead to. All but the last are signed as they should be.
pub fn false_group_infos(mallory: &Person, seat: &mut Seat, victim: LeafNodeIndex) -> Vec<Attack> {
    let refused = ErrorCode::CommitRefused;
    let other_context = GroupInfoParts::of(&valid(mallory, seat).group_info).unwrap().context;
    let upload = valid(mallory, seat);
    let parts = GroupInfoParts::of(&upload.group_info).unwrap();
    let lying = |name: &str, parts: GroupInfoParts| {
        attack(name, refused, UploadCommit { group_info: parts.sign(&seat.signer).unwrap(), ..member::anew(&upload).unwrap() })
    };
    assert_eq!(lying("", parts.clone()).upload.group_info, upload.group_info, "what changes nothing changes nothing");

    let mut attacks = vec![
        lying("a context of another commit", GroupInfoParts { context: other_context, ..parts.clone() }),
        lying("no extensions", GroupInfoParts { extensions: vec![0], ..parts.clone() }),
        lying("another's leaf as signer", GroupInfoParts { signer: victim.u32(), ..parts.clone() }),
    ];
    for (name, tag) in bent_tags(&parts.confirmation_tag) {
        attacks.push(lying(&format!("a confirmation tag {name}"), GroupInfoParts { confirmation_tag: tag, ..parts.clone() }));
    }
    for length in [0, 32, config::EXTERNAL_PUB - 1, config::EXTERNAL_PUB + 1] {
        attacks.push(lying(&format!("an external_pub of {length}"), parts.clone().with_external_pub(&vec![7; length]).unwrap()));
    }
    let (stranger, _) = mallory.leaf();
    let group_info = parts.sign(&stranger).unwrap();
    attacks.push(attack("a signature of no leaf", ErrorCode::NotAuthentic, UploadCommit { group_info, ..member::anew(&upload).unwrap() }));
    attacks
}

/// Commits whose tags are cut, lengthened or empty.
pub fn bent_tag_lengths(mallory: &Person, seat: &mut Seat) -> Vec<Attack> {
    let upload = valid(mallory, seat);
    let parts = CommitParts::of(&upload.commit).unwrap();
    let mut attacks = Vec::new();
    let mut add = |name: String, upload| attacks.push(attack(&name, ErrorCode::CommitRefused, upload));
    for (name, tag) in bent_tags(&parts.membership_tag).into_iter().skip(1) {
        add(format!("a membership tag {name}"), forgery::with_membership_tag(&upload, &tag).unwrap());
    }
    for (name, tag) in bent_tags(&parts.confirmation_tag).into_iter().skip(1) {
        // In the commit alone, and so that commit and GroupInfo agree.
        let commit = CommitParts { confirmation_tag: tag.clone(), ..parts.clone() }.bytes().unwrap();
        add(format!("a confirmation tag {name} in the commit"), UploadCommit { commit, ..member::anew(&upload).unwrap() });
        add(format!("a confirmation tag {name}"), forgery::with_confirmation_tag(&upload, &seat.signer, &tag).unwrap());
    }
    attacks
}

/// A credential of `person` for any leaf key: the device key signs whatever its owner wants.
pub fn credential_for(person: &Person, leaf_key: &[u8]) -> CredentialWithKey {
    use ed25519_dalek::Signer as _;
    let (_, own) = person.leaf();
    let genuine = DeviceCredential::decode(own.credential.serialized_content()).unwrap();
    let leaf_signature = person.device_key.sign(&[LEAF_LABEL, leaf_key].concat()).to_bytes();
    let credential = BasicCredential::new(DeviceCredential { leaf_signature, ..genuine }.encode()).into();
    CredentialWithKey { credential, signature_key: leaf_key.into() }
}

/// What an external commit is built from.
pub fn handed(state: &RoomState) -> (&[u8], &[u8]) {
    (state.group_info.as_slice(), state.ratchet_tree.as_slice())
}

/// Another device: one that the person's account has signed, and lists nowhere.
pub fn other_device(person: &Person) -> Person {
    let mut other = Person::new(person.name.as_str());
    other.account_key = person.account_key.clone();
    other.list.account = person.account();
    other
}

fn package(person: &Person, lifetime: Lifetime) -> (SignatureKeyPair, KeyPackage) {
    let (key, leaf) = person.leaf();
    let lasting = |builder: openmls::prelude::KeyPackageBuilder| builder.key_package_lifetime(lifetime);
    let package = downgrade::key_package_under(config::SUITE, &person.provider, &key, leaf, lasting).unwrap();
    (key, package)
}
