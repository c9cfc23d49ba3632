//! Test kit: people with real OpenMLS state under the real suite.
#![allow(unreachable_pub, reason = "a module that several test programs share")]
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dump;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{SystemTime, UNIX_EPOCH};

use ed25519_dalek::{Signer as _, SigningKey};
use openmls::prelude::*;
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use sotto_backend::{Backend, Caller, NewSession, PasswordScheme, RequestContext, ServiceError, SessionToken};
use sotto_protocol::accounts::{KdfParams, PasswordEntry, RecoveryEntry, RecoveryFinishRequest, SignInRequest, SignUpRequest, VaultSlot};
use sotto_protocol::api::{
    AddressedWelcome, ClaimKeyPackages, CommitAck, CreateRoom, PutDevices, UploadCommit, UploadKeyPackages, UploadProposal,
};
use sotto_protocol::device_list::{DeviceEntry, DeviceList, SignedDeviceList};
use sotto_protocol::frames::{Ack, Publish, Refusal};
use sotto_protocol::{AccountId, Bytes, DeviceId, IdempotencyId, Millis, RoomId, UserName, codec, limits};
use sotto_rules::config;
use sotto_rules::identity::{self, CREDENTIAL_VERSION, DeviceCredential};
use sotto_rules::roles::{Kind, Roles};
use tls_codec::{Deserialize as _, Serialize as _};

pub use dump::dump_of;

pub const FAST_ARGON: PasswordScheme = PasswordScheme::Argon2id { memory_kib: 64, passes: 1, lanes: 1 };
pub const FAST_BCRYPT: PasswordScheme = PasswordScheme::Bcrypt { cost: 4 };

pub fn now() -> Millis {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub fn ctx() -> RequestContext {
    at(now())
}

pub fn at(now: Millis) -> RequestContext {
    RequestContext { address: IpAddr::V4(Ipv4Addr::LOCALHOST), user_agent: Some("Firefox/1 Linux".into()), now }
}

pub fn from_address(last: u8) -> RequestContext {
    RequestContext { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), ..ctx() }
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    getrandom::fill(&mut out).unwrap();
    out
}

pub fn idempotency() -> IdempotencyId {
    IdempotencyId(random())
}

pub fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

pub fn password_entry(auth_key: [u8; 32], version: u64) -> PasswordEntry {
    PasswordEntry {
        kdf: KdfParams {
            memory_kib: limits::KDF_MEMORY_KIB,
            passes: limits::KDF_PASSES,
            lanes: limits::KDF_LANES,
            salt: Bytes(random::<16>().to_vec()),
        },
        auth_key: Bytes(auth_key.to_vec()),
        slot: VaultSlot { version, sealed: Bytes(random::<128>().to_vec()) },
    }
}

pub fn recovery_entry(auth_key: [u8; 32], version: u64) -> RecoveryEntry {
    RecoveryEntry { auth_key: Bytes(auth_key.to_vec()), slot: VaultSlot { version, sealed: Bytes(random::<128>().to_vec()) } }
}

/// A person with one device.
pub struct Person {
    pub name: UserName,
    pub account_key: SigningKey,
    pub device: DeviceId,
    pub device_key: SigningKey,
    pub auth_key: [u8; 32],
    pub recovery_key: [u8; 32],
    pub list: DeviceList,
    pub token: Option<SessionToken>,
    pub caller: Option<Caller>,
    pub provider: OpenMlsRustCrypto,
}

impl Person {
    pub fn new(text: &str) -> Self {
        let account_key = SigningKey::from_bytes(&random());
        let device_key = SigningKey::from_bytes(&random());
        let device = DeviceId(random());
        let list = DeviceList {
            account: identity::account_id(&account_key.verifying_key().to_bytes()),
            version: 1,
            previous: Bytes(vec![0; 32]),
            devices: vec![entry(device, &device_key)],
            vault_version: 1,
            archive_version: 1,
        };
        Self {
            name: name(text),
            account_key,
            device,
            device_key,
            auth_key: random(),
            recovery_key: random(),
            list,
            token: None,
            caller: None,
            provider: OpenMlsRustCrypto::default(),
        }
    }

    /// Signed up, with a session bound to the device.
    pub async fn signed_up(backend: &Backend, text: &str) -> Self {
        let mut person = Self::new(text);
        person.sign_up(backend).await.unwrap();
        person
    }

    /// Signed up, with key packages published.
    pub async fn ready(backend: &Backend, text: &str) -> Self {
        let person = Self::signed_up(backend, text).await;
        person.publish_key_packages(backend, 2).await;
        person
    }

    pub async fn sign_up(&mut self, backend: &Backend) -> Result<NewSession, ServiceError> {
        let session = backend.sign_up(&ctx(), None, self.sign_up_request()).await?;
        self.adopt(backend, &session.token).await;
        Ok(session)
    }

    pub fn sign_up_request(&self) -> SignUpRequest {
        SignUpRequest {
            name: self.name.clone(),
            password: password_entry(self.auth_key, 1),
            recovery: recovery_entry(self.recovery_key, 1),
            device_list: self.signed(&self.list),
            device: self.device,
        }
    }

    pub fn sign_in_request(&self) -> SignInRequest {
        SignInRequest { name: self.name.clone(), auth_key: Bytes(self.auth_key.to_vec()) }
    }

    /// A new password and code under the same devices.
    pub fn recovery_finish_request(&self) -> RecoveryFinishRequest {
        RecoveryFinishRequest {
            name: self.name.clone(),
            auth_key: Bytes(self.recovery_key.to_vec()),
            password: password_entry(random(), 2),
            recovery: recovery_entry(random(), 2),
            device_list: self.signed(&self.next_list(self.list.devices.clone())),
        }
    }

    pub async fn adopt(&mut self, backend: &Backend, token: &SessionToken) {
        self.caller = Some(backend.authenticate(&ctx(), token).await.unwrap());
        self.token = Some(token.clone());
    }

    pub fn caller(&self) -> &Caller {
        self.caller.as_ref().unwrap()
    }

    pub fn account(&self) -> AccountId {
        self.list.account
    }

    pub fn signed(&self, list: &DeviceList) -> Bytes {
        let encoded = codec::encode(list);
        let message = [identity::DEVICE_LIST_LABEL, &encoded].concat();
        let signed = SignedDeviceList {
            list: Bytes(encoded),
            account_key: Bytes(self.account_key.verifying_key().to_bytes().to_vec()),
            signature: Bytes(self.account_key.sign(&message).to_bytes().to_vec()),
        };
        Bytes(codec::encode(&signed))
    }

    /// The list that follows, with a raised vault version.
    pub fn next_list(&self, devices: Vec<DeviceEntry>) -> DeviceList {
        DeviceList {
            version: self.list.version + 1,
            previous: Bytes(identity::device_list_hash(&self.list).to_vec()),
            devices,
            vault_version: self.list.vault_version + 1,
            ..self.list.clone()
        }
    }

    /// A fresh device in the place of the old one, on a fresh session.
    pub async fn replace_device(&mut self, backend: &Backend) {
        let session = backend.sign_in(&ctx(), None, self.sign_in_request()).await.unwrap();
        self.adopt(backend, &session.token).await;
        self.device = DeviceId(random());
        self.device_key = SigningKey::from_bytes(&random());
        self.provider = OpenMlsRustCrypto::default();
        self.list = self.next_list(vec![entry(self.device, &self.device_key)]);
        let request = PutDevices { device: self.device, device_list: self.signed(&self.list) };
        backend.put_devices(&ctx(), self.caller(), request).await.unwrap();
        self.adopt(backend, &session.token).await;
    }

    /// The next list: this device and others of the account.
    pub async fn list_with(&mut self, backend: &Backend, others: &[&Self]) {
        let others = others.iter().map(|other| entry(other.device, &other.device_key));
        self.list = self.next_list([entry(self.device, &self.device_key)].into_iter().chain(others).collect());
        let request = PutDevices { device: self.device, device_list: self.signed(&self.list) };
        backend.put_devices(&ctx(), self.caller(), request).await.unwrap();
    }

    /// A leaf signature key and the credential that goes with it.
    pub fn leaf(&self) -> (SignatureKeyPair, CredentialWithKey) {
        let signer = SignatureKeyPair::new(config::SUITE.signature_algorithm()).unwrap();
        signer.store(self.provider.storage()).unwrap();
        let device_key = self.device_key.verifying_key().to_bytes();
        let credential = DeviceCredential {
            version: CREDENTIAL_VERSION,
            account_key: self.account_key.verifying_key().to_bytes(),
            device: self.device,
            device_key,
            account_signature: self.account_key.sign(&identity::device_message(self.device, &device_key)).to_bytes(),
            leaf_signature: self.device_key.sign(&[identity::LEAF_LABEL, signer.public()].concat()).to_bytes(),
        };
        let credential =
            CredentialWithKey { credential: BasicCredential::new(credential.encode()).into(), signature_key: signer.public().into() };
        (signer, credential)
    }

    pub fn key_package(&self, lifetime: Lifetime, last_resort: bool) -> Bytes {
        let (signer, credential) = self.leaf();
        let builder = KeyPackage::builder().leaf_node_capabilities(config::leaf_capabilities()).key_package_lifetime(lifetime);
        let builder = if last_resort { builder.mark_as_last_resort() } else { builder };
        let bundle = builder.build(config::SUITE, &self.provider, &signer, credential).unwrap();
        Bytes(bundle.key_package().tls_serialize_detached().unwrap())
    }

    pub fn upload(&self, count: usize) -> UploadKeyPackages {
        UploadKeyPackages {
            one_time: (0..count).map(|_| self.key_package(config::key_package_lifetime(now() / 1000), false)).collect(),
            last_resort: Some(self.key_package(config::key_package_lifetime(now() / 1000), true)),
        }
    }

    pub async fn publish_key_packages(&self, backend: &Backend, count: usize) {
        backend.upload_key_packages(&ctx(), self.caller(), self.upload(count)).await.unwrap();
    }

    /// Claims a package of `peer` and builds everything that makes the room of the two.
    pub async fn prepare_room(&self, backend: &Backend, peer: &Person) -> (CreateRoom, Seat) {
        let claimed =
            backend.claim_key_packages(&ctx(), self.caller(), ClaimKeyPackages { name: peer.name.clone(), group: false }).await.unwrap();
        self.room_with(peer, claimed.packages.first().map(|claimed| claimed.key_package.clone()))
    }

    /// The first commit adds the owner of `package`; none: a self-update, as in notes.
    pub fn room_with(&self, peer: &Person, package: Option<Bytes>) -> (CreateRoom, Seat) {
        let add = package.map(|package| (peer.account(), peer.device, package));
        self.new_room(&Kind::Direct, Some(peer.account()), add)
    }

    /// A room of a kind, said to be of a pair or not.
    pub fn new_room(&self, kind: &Kind, peer: Option<AccountId>, add: Option<(AccountId, DeviceId, Bytes)>) -> (CreateRoom, Seat) {
        let room = RoomId(random());
        let (signer, credential) = self.leaf();
        let config = config::create_config(kind, now() / 1000);
        let id = GroupId::from_slice(room.as_bytes());
        let mut group = MlsGroup::new_with_group_id(&self.provider, &signer, &config, id, credential).unwrap();
        let group_info = group.export_group_info(self.provider.crypto(), &signer, false).unwrap().to_bytes().unwrap();
        let ratchet_tree = group.export_ratchet_tree().tls_serialize_detached().unwrap();
        let commit = commit_of(&self.provider, &signer, &mut group, add, None);
        let create = CreateRoom { room, peer, group_info: group_info.into(), ratchet_tree: ratchet_tree.into(), commit };
        (create, Seat { room, group, signer })
    }

    /// A group that this person owns alone.
    pub fn own_group(&self) -> Kind {
        Kind::Group(Roles::owned_by(self.account()))
    }

    /// A group of this person alone, made and merged on this side.
    pub async fn group(&self, backend: &Backend) -> Seat {
        let (create, mut seat) = self.new_room(&self.own_group(), None, None);
        backend.create_room(&ctx(), self.caller(), create).await.unwrap();
        seat.group.merge_pending_commit(&self.provider).unwrap();
        seat
    }

    /// A commit that adds another person's device, not merged.
    pub fn add(&self, seat: &mut Seat, person: &Person) -> UploadCommit {
        seat.group.clear_pending_commit(self.provider.storage()).unwrap();
        let package = person.key_package(config::key_package_lifetime(now() / 1000), false);
        self.add_package(seat, (person.account(), person.device, package))
    }

    /// A commit that adds a device by its key package, not merged.
    pub fn add_package(&self, seat: &mut Seat, package: (AccountId, DeviceId, Bytes)) -> UploadCommit {
        commit_of(&self.provider, &seat.signer, &mut seat.group, Some(package), None)
    }

    /// A commit that removes another person's device, not merged.
    pub fn remove(&self, seat: &mut Seat, person: &Person) -> UploadCommit {
        seat.group.clear_pending_commit(self.provider.storage()).unwrap();
        let of = |member: &Member| DeviceCredential::decode(member.credential.serialized_content()).unwrap().account();
        let index = seat.group.members().find(|member| of(member) == person.account()).unwrap().index;
        commit_of(&self.provider, &seat.signer, &mut seat.group, None, Some(index))
    }

    /// A commit that removes one device, not merged.
    pub fn remove_device(&self, seat: &mut Seat, device: &Person) -> UploadCommit {
        seat.group.clear_pending_commit(self.provider.storage()).unwrap();
        let of = |member: &Member| DeviceCredential::decode(member.credential.serialized_content()).unwrap().device;
        let index = seat.group.members().find(|member| of(member) == device.device).unwrap().index;
        commit_of(&self.provider, &seat.signer, &mut seat.group, None, Some(index))
    }

    /// A room with `peer`, made and merged on this side.
    pub async fn room(&self, backend: &Backend, peer: &Person) -> Seat {
        let (create, mut seat) = self.prepare_room(backend, peer).await;
        backend.create_room(&ctx(), self.caller(), create).await.unwrap();
        seat.group.merge_pending_commit(&self.provider).unwrap();
        seat
    }

    /// Takes the newest Welcome and joins.
    pub async fn join(&self, backend: &Backend) -> Seat {
        let welcome = backend.welcomes(self.caller()).await.unwrap().pop().unwrap();
        let message = MlsMessageIn::tls_deserialize_exact(welcome.welcome.as_slice()).unwrap();
        let MlsMessageBodyIn::Welcome(message) = message.extract() else { panic!("not a welcome") };
        let tree = RatchetTreeIn::tls_deserialize_exact(welcome.ratchet_tree.as_slice()).unwrap();
        let staged = StagedWelcome::new_from_welcome(&self.provider, &config::join_config(), message, Some(tree)).unwrap();
        let group = staged.into_group(&self.provider).unwrap();
        let own = group.own_leaf_node().unwrap().signature_key().as_slice().to_vec();
        let signer = SignatureKeyPair::read(self.provider.storage(), &own, config::SUITE.signature_algorithm()).unwrap();
        backend.welcome_done(self.caller(), welcome.room, welcome.epoch).await.unwrap();
        Seat { room: welcome.room, group, signer }
    }

    /// Takes a seat by external commit.
    pub async fn external_commit(&self, backend: &Backend, room: RoomId) -> (UploadCommit, Seat) {
        let state = backend.room_state(self.caller(), room).await.unwrap();
        let MlsMessageBodyIn::GroupInfo(info) = MlsMessageIn::tls_deserialize_exact(state.group_info.as_slice()).unwrap().extract() else {
            panic!("not a GroupInfo")
        };
        let tree = RatchetTreeIn::tls_deserialize_exact(state.ratchet_tree.as_slice()).unwrap();
        let (signer, credential) = self.leaf();
        let (group, bundle) = MlsGroup::external_commit_builder()
            .with_ratchet_tree(tree)
            .with_config(config::join_config())
            .build_group(&self.provider, info, credential)
            .unwrap()
            .leaf_node_parameters(LeafNodeParameters::builder().with_capabilities(config::leaf_capabilities()).build())
            .load_psks(self.provider.storage())
            .unwrap()
            .create_group_info(true)
            .use_ratchet_tree_extension(false)
            .build(self.provider.rand(), self.provider.crypto(), &signer, |_| true)
            .unwrap()
            .finalize(&self.provider)
            .unwrap();
        let upload = UploadCommit {
            idempotency: idempotency(),
            epoch: state.info.epoch,
            commit: bundle.commit().to_bytes().unwrap().into(),
            group_info: MlsMessageOut::from(bundle.group_info().unwrap().clone()).to_bytes().unwrap().into(),
            welcomes: Vec::new(),
        };
        (upload, Seat { room, group, signer })
    }

    pub async fn send(&self, backend: &Backend, seat: &mut Seat, text: &str) -> Result<Ack, Refusal> {
        let message = self.message(seat, text);
        backend.publish(&ctx(), self.caller(), vec![message]).await.unwrap().remove(0)
    }

    pub fn message(&self, seat: &mut Seat, text: &str) -> Publish {
        let bytes = seat.group.create_message(&self.provider, &seat.signer, text.as_bytes()).unwrap().to_bytes().unwrap();
        Publish { room: seat.room, idempotency: idempotency(), epoch: seat.group.epoch().as_u64(), bytes: bytes.into() }
    }

    /// A SelfRemove of the own leaf, kept in the own group as everybody else keeps it.
    pub fn leave(&self, seat: &mut Seat) -> UploadProposal {
        let epoch = seat.group.epoch().as_u64();
        let proposal = seat.group.leave_group_via_self_remove(&self.provider, &seat.signer).unwrap().to_bytes().unwrap();
        UploadProposal { idempotency: idempotency(), epoch, proposal: proposal.into() }
    }

    /// A Remove that comes alone, which no room takes.
    pub fn propose_removal(&self, seat: &mut Seat, whom: LeafNodeIndex) -> (UploadProposal, LeafNodeIndex) {
        let epoch = seat.group.epoch().as_u64();
        let (message, _) = seat.group.propose_remove_member(&self.provider, &seat.signer, whom).unwrap();
        seat.group.clear_pending_proposals(self.provider.storage()).unwrap();
        (UploadProposal { idempotency: idempotency(), epoch, proposal: message.to_bytes().unwrap().into() }, whom)
    }

    /// Keeps a proposal of somebody else until the next commit.
    pub fn keep(&self, seat: &mut Seat, proposal: &Bytes) {
        let message = MlsMessageIn::tls_deserialize_exact(proposal.as_slice()).unwrap().try_into_protocol_message().unwrap();
        let ProcessedMessageContent::ProposalMessage(queued) = seat.group.process_message(&self.provider, message).unwrap().into_content()
        else {
            panic!("no proposal")
        };
        seat.group.store_pending_proposal(self.provider.storage(), *queued).unwrap();
    }

    /// A self-update, not merged.
    pub fn self_update(&self, seat: &mut Seat) -> UploadCommit {
        commit_of(&self.provider, &seat.signer, &mut seat.group, None, None)
    }

    pub async fn commit(&self, backend: &Backend, seat: &mut Seat) -> CommitAck {
        let upload = self.self_update(seat);
        let ack = backend.upload_commit(&ctx(), self.caller(), seat.room, upload).await.unwrap();
        seat.group.merge_pending_commit(&self.provider).unwrap();
        ack
    }

    /// Processes an entry and gives the text of a message.
    pub fn receive(&self, seat: &mut Seat, bytes: &Bytes) -> Option<String> {
        let message = MlsMessageIn::tls_deserialize_exact(bytes.as_slice()).unwrap().try_into_protocol_message().unwrap();
        match seat.group.process_message(&self.provider, message).unwrap().into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => Some(String::from_utf8(message.into_bytes()).unwrap()),
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                seat.group.merge_staged_commit(&self.provider, *staged).unwrap();
                None
            }
            _ => panic!("neither message nor commit"),
        }
    }
}

/// A leaf in a room.
pub struct Seat {
    pub room: RoomId,
    pub group: MlsGroup,
    pub signer: SignatureKeyPair,
}

fn entry(device: DeviceId, key: &SigningKey) -> DeviceEntry {
    DeviceEntry { device, device_key: Bytes(key.verifying_key().to_bytes().to_vec()), added_at: now() }
}

fn commit_of(
    provider: &OpenMlsRustCrypto,
    signer: &SignatureKeyPair,
    group: &mut MlsGroup,
    add: Option<(AccountId, DeviceId, Bytes)>,
    remove: Option<LeafNodeIndex>,
) -> UploadCommit {
    let epoch = group.epoch().as_u64();
    let package = add.as_ref().map(|(_, _, package)| {
        KeyPackageIn::tls_deserialize_exact(package.as_slice()).unwrap().validate(provider.crypto(), ProtocolVersion::Mls10).unwrap()
    });
    let bundle = group
        .commit_builder()
        .propose_adds(package)
        .propose_removals(remove)
        .force_self_update(true)
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(true)
        .use_ratchet_tree_extension(false)
        .build(provider.rand(), provider.crypto(), signer, |_| true)
        .unwrap()
        .stage_commit(provider)
        .unwrap();
    let (commit, welcome, info) = bundle.into_messages();
    let welcomes = add.into_iter().zip(welcome).map(|((account, device, _), welcome)| AddressedWelcome {
        account,
        device,
        welcome: welcome.to_bytes().unwrap().into(),
    });
    UploadCommit {
        idempotency: idempotency(),
        epoch,
        commit: commit.to_bytes().unwrap().into(),
        group_info: info.unwrap().to_bytes().unwrap().into(),
        welcomes: welcomes.collect(),
    }
}
