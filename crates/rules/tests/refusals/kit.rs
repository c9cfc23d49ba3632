//! Devices with fixed keys, their rooms under the real suite, and a watcher that sees what the server sees.

use std::time::{SystemTime, UNIX_EPOCH};

use ed25519_dalek::{Signer as _, SigningKey};
use openmls::prelude::*;
use openmls::schedule::PreSharedKeyId;
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use sotto_protocol::DeviceId;
use sotto_rules::commit::{CommitSummary, RuleViolation, check_commit};
use sotto_rules::config;
use sotto_rules::identity::{CREDENTIAL_VERSION, DeviceCredential, device_message, leaf_message};
use sotto_rules::roles::Kind;
use tls_codec::{Deserialize as _, Serialize as _, VLBytes};

/// A leaf signature key.
#[derive(Clone)]
pub(crate) struct LeafKey(SigningKey);

impl LeafKey {
    pub(crate) fn public(&self) -> Vec<u8> {
        self.0.verifying_key().to_bytes().to_vec()
    }
}

impl Signer for LeafKey {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A device with one leaf key and a storage of its own.
pub(crate) struct Device {
    account: SigningKey,
    number: [u8; 2],
    pub(crate) leaf_key: LeafKey,
    pub(crate) provider: OpenMlsRustCrypto,
}

impl Device {
    pub(crate) fn new(account: u8, device: u8) -> Self {
        let account_key = SigningKey::from_bytes(&[account; 32]);
        let leaf_key = LeafKey(SigningKey::from_bytes(&[account ^ 0xf0 ^ (device << 4); 32]));
        Self { account: account_key, number: [account, device], leaf_key, provider: OpenMlsRustCrypto::default() }
    }

    /// One of many accounts, none of which is an account of [`Self::new`].
    pub(crate) fn numbered(number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        let seed = |label: u8| {
            let mut seed = [label; 32];
            seed[..2].copy_from_slice(&[high, low]);
            SigningKey::from_bytes(&seed)
        };
        Self { account: seed(0xa0), number: [0, 1], leaf_key: LeafKey(seed(0xb0)), provider: OpenMlsRustCrypto::default() }
    }

    /// The same device with another leaf key and an empty storage.
    pub(crate) fn with_leaf_key(&self, leaf_key: LeafKey) -> Self {
        Self { leaf_key, ..Self::new(self.number[0], self.number[1]) }
    }

    pub(crate) fn with_fresh_leaf_key(&self) -> Self {
        self.with_leaf_key(LeafKey(SigningKey::from_bytes(&[0xee; 32])))
    }

    pub(crate) fn id(&self) -> DeviceId {
        DeviceId([self.number[1]; 16])
    }

    pub(crate) fn credential(&self) -> DeviceCredential {
        self.credential_for(self.id(), 0xd0 + self.number[1])
    }

    /// What the account key would sign for any device id and device key.
    pub(crate) fn credential_for(&self, device: DeviceId, device_seed: u8) -> DeviceCredential {
        let secret = SigningKey::from_bytes(&[device_seed; 32]);
        let device_key = secret.verifying_key().to_bytes();
        DeviceCredential {
            version: CREDENTIAL_VERSION,
            account_key: self.account.verifying_key().to_bytes(),
            device,
            device_key,
            account_signature: self.account.sign(&device_message(device, &device_key)).to_bytes(),
            leaf_signature: secret.sign(&leaf_message(&self.leaf_key.public())).to_bytes(),
        }
    }

    /// What it would look like if the account key of another device had signed it.
    pub(crate) fn forged_credential(&self) -> DeviceCredential {
        let other = SigningKey::from_bytes(&[0x77; 32]);
        let credential = self.credential();
        let account_signature = other.sign(&device_message(credential.device, &credential.device_key)).to_bytes();
        DeviceCredential { account_signature, ..credential }
    }

    pub(crate) fn leaf(&self) -> CredentialWithKey {
        self.leaf_bearing(&self.credential())
    }

    pub(crate) fn leaf_bearing(&self, credential: &DeviceCredential) -> CredentialWithKey {
        self.leaf_of(BasicCredential::new(credential.encode()).into())
    }

    pub(crate) fn leaf_of(&self, credential: Credential) -> CredentialWithKey {
        CredentialWithKey { credential, signature_key: self.leaf_key.public().into() }
    }

    pub(crate) fn key_package(&self) -> KeyPackage {
        self.key_package_with(|builder| builder)
    }

    pub(crate) fn key_package_with(&self, change: impl FnOnce(KeyPackageBuilder) -> KeyPackageBuilder) -> KeyPackage {
        self.key_package_of(config::SUITE, self.leaf(), change)
    }

    pub(crate) fn key_package_of(
        &self,
        suite: Ciphersuite,
        leaf: CredentialWithKey,
        change: impl FnOnce(KeyPackageBuilder) -> KeyPackageBuilder,
    ) -> KeyPackage {
        let builder = KeyPackage::builder()
            .leaf_node_capabilities(config::leaf_capabilities())
            .key_package_lifetime(config::key_package_lifetime(now()));
        change(builder).build(suite, &self.provider, &self.leaf_key, leaf).unwrap().into_key_package()
    }

    pub(crate) fn create(self) -> Member {
        let leaf = self.leaf();
        self.create_with(&config::create_config(&Kind::Direct, now()), leaf)
    }

    pub(crate) fn create_with(self, config: &MlsGroupCreateConfig, leaf: CredentialWithKey) -> Member {
        let group = MlsGroup::new(&self.provider, &self.leaf_key, config, leaf).unwrap();
        Member { device: self, group }
    }

    /// An external commit into the room of `member`.
    pub(crate) fn come_in(&self, member: &Member) -> Vec<u8> {
        self.come_in_with(member, self.leaf(), |builder| builder.leaf_node_parameters(plain()), Vec::new())
    }

    pub(crate) fn come_in_with(
        &self,
        member: &Member,
        leaf: CredentialWithKey,
        change: impl for<'a> FnOnce(CommitBuilder<'a, Initial, MlsGroup>) -> CommitBuilder<'a, Initial, MlsGroup>,
        proposals: Vec<PublicMessageIn>,
    ) -> Vec<u8> {
        let builder = MlsGroup::external_commit_builder()
            .with_ratchet_tree(member.group.export_ratchet_tree().into())
            .with_config(config::join_config())
            .with_proposals(proposals)
            .build_group(&self.provider, member.group_info(), leaf)
            .unwrap();
        let (_, bundle) = change(builder)
            .load_psks(self.provider.storage())
            .unwrap()
            .build(self.provider.rand(), self.provider.crypto(), &self.leaf_key, |_| true)
            .unwrap()
            .finalize(&self.provider)
            .unwrap();
        bundle.into_commit().to_bytes().unwrap()
    }
}

/// What a new leaf says by default.
pub(crate) fn plain() -> LeafNodeParameters {
    LeafNodeParameters::builder().with_capabilities(config::leaf_capabilities()).build()
}

/// A device in a room. Nothing in here applies the rules: members may do all that OpenMLS lets them.
pub(crate) struct Member {
    pub(crate) device: Device,
    pub(crate) group: MlsGroup,
}

impl Member {
    fn group_info(&self) -> openmls::messages::group_info::VerifiableGroupInfo {
        let info = self.group.export_group_info(self.device.provider.crypto(), &self.device.leaf_key, false).unwrap();
        let MlsMessageBodyIn::GroupInfo(info) = MlsMessageIn::from(info).extract() else { panic!("not a GroupInfo") };
        info
    }

    /// What the server knows of the room as it stands.
    pub(crate) fn watcher(&self) -> Watcher {
        let provider = OpenMlsRustCrypto::default();
        let tree = self.group.export_ratchet_tree().into();
        let (group, _) =
            PublicGroup::from_external(provider.crypto(), provider.storage(), tree, self.group_info(), ProposalStore::new()).unwrap();
        Watcher { group, provider }
    }

    /// A commit with a path, not merged.
    pub(crate) fn commit(&mut self, change: impl for<'a> FnOnce(CommitBuilder<'a, Initial>) -> CommitBuilder<'a, Initial>) -> Vec<u8> {
        let provider = &self.device.provider;
        change(self.group.commit_builder().force_self_update(true))
            .load_psks(provider.storage())
            .unwrap()
            .build(provider.rand(), provider.crypto(), &self.device.leaf_key, |_| true)
            .unwrap()
            .stage_commit(provider)
            .unwrap()
            .into_commit()
            .to_bytes()
            .unwrap()
    }

    /// A commit after which the own leaf bears another leaf key: `next` holds it, `leaf` says who that is.
    pub(crate) fn rotate(&mut self, next: &Device, leaf: CredentialWithKey) -> Vec<u8> {
        let provider = &self.device.provider;
        let bundle = NewSignerBundle { signer: &next.leaf_key, credential_with_key: leaf };
        self.group
            .commit_builder()
            .load_psks(provider.storage())
            .unwrap()
            .build_with_new_signer(provider.rand(), provider.crypto(), &self.device.leaf_key, bundle, |_| true)
            .unwrap()
            .stage_commit(provider)
            .unwrap()
            .into_commit()
            .to_bytes()
            .unwrap()
    }

    /// A commit whose new leaf is as `parameters` say.
    pub(crate) fn update(&mut self, parameters: LeafNodeParameters) -> Vec<u8> {
        self.commit(|builder| builder.leaf_node_parameters(parameters))
    }

    pub(crate) fn add(&mut self, key_package: KeyPackage) -> Vec<u8> {
        self.commit(|builder| builder.propose_adds([key_package]))
    }

    pub(crate) fn merge(&mut self) {
        self.group.merge_pending_commit(&self.device.provider).unwrap();
    }

    /// Merges another member's commit.
    pub(crate) fn follow(&mut self, commit: &[u8]) {
        let processed = self.group.process_message(&self.device.provider, public_message(commit)).unwrap();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else { panic!("not a commit") };
        self.group.merge_staged_commit(&self.device.provider, *staged).unwrap();
    }

    /// Adds a device and merges; its side of the room.
    pub(crate) fn invite(&mut self, device: Device) -> Member {
        let key_package = device.key_package();
        let (_, welcome, _) = self.group.add_members(&self.device.provider, &self.device.leaf_key, &[key_package]).unwrap();
        self.merge();
        self.welcomed(device, welcome)
    }

    /// The side of a device that was added, after the merge.
    pub(crate) fn welcomed(&self, device: Device, welcome: MlsMessageOut) -> Member {
        let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::from(welcome).extract() else { panic!("not a Welcome") };
        let tree = self.group.export_ratchet_tree().into();
        let staged = StagedWelcome::new_from_welcome(&device.provider, &config::join_config(), welcome, Some(tree)).unwrap();
        let group = staged.into_group(&device.provider).unwrap();
        Member { device, group }
    }

    /// Puts another member's proposal into the queue.
    pub(crate) fn hear(&mut self, proposal: &[u8]) {
        let processed = self.group.process_message(&self.device.provider, public_message(proposal)).unwrap();
        let ProcessedMessageContent::ProposalMessage(queued) = processed.into_content() else { panic!("not a proposal") };
        self.group.store_pending_proposal(self.device.provider.storage(), *queued).unwrap();
    }

    /// Its commit with other proposals in it, signed again. Nothing that a watcher can check is wrong with it.
    pub(crate) fn with_proposals(&self, commit: &[u8], proposals: &[Vec<u8>]) -> Vec<u8> {
        let (version_and_format, mut rest) = commit.split_at(4);
        VLBytes::tls_deserialize(&mut rest).unwrap(); // group id
        rest = &rest[8 + 1 + 4..]; // epoch, sender: a member, at its index
        VLBytes::tls_deserialize(&mut rest).unwrap(); // authenticated data
        let front = &commit[4..=commit.len() - rest.len()];
        rest = &rest[1..]; // content type
        VLBytes::tls_deserialize(&mut rest).unwrap(); // proposals
        // Signature, confirmation tag and membership tag have fixed lengths under the suite.
        let (path, auth) = rest.split_at(rest.len() - 66 - 49 - 49);
        let proposals = VLBytes::new(proposals.concat()).tls_serialize_detached().unwrap();
        let content = [front, &proposals, path].concat();
        let context = self.group.public_group().group_context().tls_serialize_detached().unwrap();
        let signed = [
            VLBytes::new(b"MLS 1.0 FramedContentTBS".to_vec()).tls_serialize_detached().unwrap(),
            VLBytes::new([version_and_format, &content, &context].concat()).tls_serialize_detached().unwrap(),
        ];
        let signature = VLBytes::new(self.device.leaf_key.sign(&signed.concat()).unwrap()).tls_serialize_detached().unwrap();
        [version_and_format, &content, &signature, &auth[66..]].concat()
    }
}

/// Alice's room with Bob.
pub(crate) fn pair() -> (Member, Member) {
    let mut alice = Device::new(1, 1).create();
    let bob = alice.invite(Device::new(2, 1));
    (alice, bob)
}

/// A PSK that the device has.
pub(crate) fn stored_psk(device: &Device) -> PreSharedKeyId {
    let id = PreSharedKeyId::external(b"psk".to_vec(), vec![5; 48]);
    id.store(&device.provider, &[6; 48]).unwrap();
    id
}

/// A proposal of raw bytes, inline.
pub(crate) fn inline(proposal_type: u16, body: &[u8]) -> Vec<u8> {
    [&[1], &proposal_type.to_be_bytes()[..], body].concat()
}

/// The room as it stood before the commits that it is shown.
pub(crate) struct Watcher {
    pub(crate) group: PublicGroup,
    provider: OpenMlsRustCrypto,
}

impl Watcher {
    fn process(&self, message: &[u8]) -> ProcessedMessage {
        self.group.process_message(self.provider.crypto(), public_message(message)).unwrap()
    }

    /// Puts a proposal into the queue; what a commit says to refer to it.
    pub(crate) fn hear(&mut self, proposal: &[u8]) -> Vec<u8> {
        let ProcessedMessageContent::ProposalMessage(queued) = self.process(proposal).into_content() else { panic!("not a proposal") };
        let reference = [vec![2], queued.proposal_reference_ref().tls_serialize_detached().unwrap()].concat();
        self.group.add_proposal(self.provider.storage(), *queued).unwrap();
        reference
    }

    /// What OpenMLS takes, without a word of the rules.
    pub(crate) fn stage(&self, commit: &[u8]) -> (StagedCommit, Sender) {
        let processed = self.process(commit);
        let sender = processed.sender().clone();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else { panic!("not a commit") };
        (*staged, sender)
    }

    pub(crate) fn judge(&self, commit: &[u8]) -> Result<CommitSummary, RuleViolation> {
        let (staged, sender) = self.stage(commit);
        check_commit(&self.group, &staged, &sender)
    }

    /// Merges whatever it is.
    pub(crate) fn merge(&mut self, commit: &[u8]) {
        let (staged, _) = self.stage(commit);
        self.group.merge_commit(self.provider.storage(), staged).unwrap();
    }
}

pub(crate) fn public_message(message: &[u8]) -> PublicMessageIn {
    match MlsMessageIn::tls_deserialize_exact(message).unwrap().extract() {
        MlsMessageBodyIn::PublicMessage(message) => message,
        _ => panic!("not a public message"),
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
