//! The journaled store under real MLS groups: failures and reloads at any point change nothing but randomness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, CredentialWithKey, GroupId, KeyPackage, LeafNodeIndex, LeafNodeParameters, MlsGroup, MlsMessageBodyIn, MlsMessageIn,
    MlsMessageOut, OpenMlsProvider as _, ProcessedMessageContent, StagedWelcome,
};
use openmls_basic_credential::SignatureKeyPair;
use proptest::prelude::*;
use sotto_client::storage::{Change, JournaledStorage, Namespace, Provider, StorageError};
use sotto_rules::config;
use sotto_rules::roles::Kind;

type Disk = BTreeMap<Vec<u8>, Vec<u8>>;

const ROOM: [u8; 16] = [7; 16];
const STAGING: Namespace = Namespace(ROOM);

fn room() -> GroupId {
    GroupId::from_slice(&ROOM)
}

/// What happens to one step of the engine.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Nothing: begin, work, persist, confirm.
    None,
    /// The program starts anew before the step.
    ReloadBefore,
    /// The step fails after its work, and is done again.
    Discard,
    /// The host cannot persist; the step is done again.
    PersistFails,
    /// The program dies before the host has persisted; the step is done again.
    CrashBeforePersist,
    /// The program dies after the host has persisted and before it hears so.
    CrashAfterPersist,
}

/// One engine as far as MLS goes: a disk, the store over it, and perhaps a live group.
struct Party {
    disk: Disk,
    provider: Provider,
    live: Option<MlsGroup>,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
    faults: Box<dyn Iterator<Item = Fault>>,
    read: Vec<Vec<u8>>,
}

impl Party {
    fn new(name: &str, faults: Box<dyn Iterator<Item = Fault>>) -> Self {
        let signer = SignatureKeyPair::new(config::SUITE.signature_algorithm()).unwrap();
        let credential =
            CredentialWithKey { credential: BasicCredential::new(name.as_bytes().to_vec()).into(), signature_key: signer.public().into() };
        let provider = Provider::default();
        let mut party = Self { disk: Disk::new(), provider, live: None, signer, credential, faults, read: Vec::new() };
        party.step(|party| party.signer.store(party.provider.storage()).unwrap());
        party
    }

    /// Runs `work` as one step, with the next fault. Work that a fault undoes is done again.
    fn step<T>(&mut self, work: impl Fn(&mut Self) -> T) -> T {
        let fault = self.faults.next().unwrap_or(Fault::None);
        if matches!(fault, Fault::ReloadBefore) {
            self.reload();
        }
        if matches!(fault, Fault::Discard | Fault::PersistFails | Fault::CrashBeforePersist) {
            self.begin();
            let read = self.read.len();
            work(self);
            self.read.truncate(read);
            match fault {
                Fault::Discard => self.storage().discard_journal(),
                Fault::PersistFails => {
                    self.storage().take_journal().unwrap();
                    self.storage().rollback();
                }
                _ => {
                    self.storage().take_journal().unwrap();
                    self.reload();
                }
            }
            self.live = None;
        }
        self.begin();
        let result = work(self);
        let changes = self.storage().take_journal().unwrap();
        persist(&mut self.disk, changes);
        if matches!(fault, Fault::CrashAfterPersist) {
            self.reload();
        } else {
            self.storage().confirm().unwrap();
        }
        result
    }

    fn begin(&self) {
        self.storage().begin().unwrap();
    }

    fn reload(&mut self) {
        self.provider = Provider::new(JournaledStorage::from_rows(self.disk.clone()));
        self.live = None;
    }

    fn storage(&self) -> &JournaledStorage {
        self.provider.storage()
    }

    /// Takes the live group, or loads it; whoever takes it puts it back.
    fn take_group(&mut self) -> MlsGroup {
        self.live.take().unwrap_or_else(|| self.provider.load_group(&room()).unwrap().unwrap())
    }

    fn with_group<T>(&mut self, work: impl FnOnce(&Provider, &SignatureKeyPair, &mut MlsGroup) -> T) -> T {
        let mut group = self.take_group();
        let result = work(&self.provider, &self.signer, &mut group);
        self.live = Some(group);
        result
    }

    fn create(&mut self) {
        self.step(|party| {
            let group = MlsGroup::new_with_group_id(
                &party.provider,
                &party.signer,
                &config::create_config(&Kind::Direct, now()),
                room(),
                party.credential.clone(),
            );
            party.live = Some(group.unwrap());
        });
    }

    fn key_package(&mut self) -> KeyPackage {
        self.step(|party| {
            let builder = KeyPackage::builder()
                .key_package_lifetime(config::key_package_lifetime(now()))
                .leaf_node_capabilities(config::leaf_capabilities());
            let bundle = builder.build(config::SUITE, &party.provider, &party.signer, party.credential.clone()).unwrap();
            bundle.key_package().clone()
        })
    }

    fn encrypt(&mut self, text: &[u8]) -> Vec<u8> {
        self.step(|party| party.with_group(|provider, signer, group| bytes(&group.create_message(provider, signer, text).unwrap())))
    }

    fn propose_update(&mut self) -> Vec<u8> {
        self.step(|party| {
            party.with_group(|provider, signer, group| {
                bytes(&group.propose_self_update(provider, signer, LeafNodeParameters::default()).unwrap().0)
            })
        })
    }

    fn propose_leaving(&mut self) -> Vec<u8> {
        self.step(|party| party.with_group(|provider, signer, group| bytes(&group.leave_group_via_self_remove(provider, signer).unwrap())))
    }

    /// Stages a commit, to be merged when the log shows it. Returns the commit and the Welcome.
    fn commit(&mut self, add: Option<&KeyPackage>, remove: Option<LeafNodeIndex>) -> (Vec<u8>, Option<Vec<u8>>) {
        self.step(|party| {
            party.with_group(|provider, signer, group| {
                let bundle = group
                    .commit_builder()
                    .force_self_update(true)
                    .consume_proposal_store(true)
                    .propose_adds(add.cloned())
                    .propose_removals(remove)
                    .load_psks(provider.storage())
                    .unwrap()
                    .build(provider.rand(), provider.crypto(), signer, |_| true)
                    .unwrap()
                    .stage_commit(provider)
                    .unwrap();
                (bytes(bundle.commit()), bundle.to_welcome_msg().map(|welcome| bytes(&welcome)))
            })
        })
    }

    /// Processes one message of the log. A party that the message removes forgets the group.
    fn receive(&mut self, message: &[u8]) {
        self.step(|party| {
            let mut group = party.take_group();
            let message = MlsMessageIn::tls_deserialize_exact(message).unwrap().try_into_protocol_message().unwrap();
            match group.process_message(&party.provider, message).unwrap().into_content() {
                ProcessedMessageContent::ApplicationMessage(text) => party.read.push(text.into_bytes()),
                ProcessedMessageContent::ProposalMessage(proposal) => {
                    group.store_pending_proposal(party.storage(), *proposal).unwrap();
                }
                ProcessedMessageContent::StagedCommitMessage(staged) => group.merge_staged_commit(&party.provider, *staged).unwrap(),
                ProcessedMessageContent::OwnPendingCommit => group.merge_pending_commit(&party.provider).unwrap(),
                _ => panic!("an unexpected message"),
            }
            if group.is_active() {
                party.live = Some(group);
            } else {
                party.storage().purge_group(&room()).unwrap();
            }
        });
    }

    fn join(&mut self, welcome: &[u8], tree: &[u8]) {
        self.step(|party| {
            let group = join(&party.provider, welcome, tree);
            party.live = Some(group);
        });
    }

    /// Builds a join by external commit in a namespace of its own.
    fn stage_external_join(&mut self, group_info: &[u8], tree: &[u8]) -> Vec<u8> {
        self.step(|party| {
            let MlsMessageBodyIn::GroupInfo(info) = MlsMessageIn::tls_deserialize_exact(group_info).unwrap().extract() else {
                panic!("not a GroupInfo");
            };
            party.storage().within(STAGING, || {
                let (_, bundle) = MlsGroup::external_commit_builder()
                    .with_ratchet_tree(openmls::prelude::RatchetTreeIn::tls_deserialize_exact(tree).unwrap())
                    .with_config(config::join_config())
                    .build_group(&party.provider, info, party.credential.clone())
                    .unwrap()
                    .leaf_node_parameters(LeafNodeParameters::builder().with_capabilities(config::leaf_capabilities()).build())
                    .load_psks(party.storage())
                    .unwrap()
                    .build(party.provider.rand(), party.provider.crypto(), &party.signer, |_| true)
                    .unwrap()
                    .finalize(&party.provider)
                    .unwrap();
                bytes(bundle.commit())
            })
        })
    }

    fn accept_external_join(&mut self) {
        self.step(|party| {
            party.storage().promote(STAGING).unwrap();
            party.live = None;
        });
    }

    /// Epoch and epoch authenticator, or `None` for no member.
    fn state(&mut self) -> Option<(u64, Vec<u8>)> {
        let group = self.provider.load_group(&room()).unwrap()?;
        Some((group.epoch().as_u64(), group.epoch_authenticator().as_slice().to_vec()))
    }
}

fn persist(disk: &mut Disk, changes: Vec<Change>) {
    for (key, value) in changes {
        match value {
            Some(value) => disk.insert(key, value.to_vec()),
            None => disk.remove(&key),
        };
    }
}

fn bytes(message: &MlsMessageOut) -> Vec<u8> {
    message.tls_serialize_detached().unwrap()
}

fn join(provider: &Provider, welcome: &[u8], tree: &[u8]) -> MlsGroup {
    let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::tls_deserialize_exact(welcome).unwrap().extract() else {
        panic!("not a Welcome");
    };
    StagedWelcome::build_from_welcome(provider, &config::join_config(), welcome)
        .unwrap()
        .with_ratchet_tree(openmls::prelude::RatchetTreeIn::tls_deserialize_exact(tree).unwrap())
        .build()
        .unwrap()
        .into_group(provider)
        .unwrap()
}

/// What the parties do. Numbers are taken modulo what is possible at that point; the impossible is skipped.
#[derive(Clone, Debug)]
enum Op {
    Send(usize, Vec<u8>),
    Update(usize),
    Add(usize),
    Remove(usize, usize),
    ProposeUpdate(usize),
    Leave(usize),
    Rejoin(usize),
}

struct World {
    parties: Vec<Party>,
    members: Vec<usize>,
}

impl World {
    fn new(faults: &[Vec<Fault>]) -> Self {
        let party = |(name, faults): (usize, &Vec<Fault>)| Party::new(&name.to_string(), Box::new(faults.clone().into_iter().cycle()));
        let mut parties: Vec<_> = faults.iter().enumerate().map(party).collect();
        parties[0].create();
        Self { parties, members: vec![0] }
    }

    fn run(&mut self, op: &Op) {
        let count = self.members.len();
        let member = |n: usize| self.members[n % count];
        match op {
            Op::Send(author, text) => {
                let author = member(*author);
                let message = self.parties[author].encrypt(text);
                self.deliver(&message, Some(author));
            }
            Op::Update(committer) => self.commit(member(*committer), None, None),
            Op::Add(committer) => {
                let committer = member(*committer);
                let Some(joiner) = (0..self.parties.len()).find(|party| !self.members.contains(party)) else { return };
                self.commit(committer, Some(joiner), None);
            }
            Op::Remove(committer, removed) if member(*committer) != member(*removed) => {
                self.commit(member(*committer), None, Some(member(*removed)));
            }
            Op::ProposeUpdate(proposer) if count > 1 => {
                let (proposer, committer) = (member(*proposer), member(*proposer + 1));
                let proposal = self.parties[proposer].propose_update();
                self.deliver(&proposal, Some(proposer));
                self.commit(committer, None, None);
            }
            Op::Leave(leaver) if count > 1 => {
                let (leaver, committer) = (member(*leaver), member(*leaver + 1));
                let proposal = self.parties[leaver].propose_leaving();
                self.deliver(&proposal, Some(leaver));
                self.commit(committer, None, None);
                self.members.retain(|member| *member != leaver);
            }
            Op::Rejoin(healed) if count > 1 => {
                let (healed, helper) = (member(*healed), member(*healed + 1));
                let (info, tree) = self.parties[helper].with_group(|provider, signer, group| {
                    let info = group.export_group_info(provider.crypto(), signer, false).unwrap();
                    (bytes(&info), group.export_ratchet_tree().tls_serialize_detached().unwrap())
                });
                let commit = self.parties[healed].stage_external_join(&info, &tree);
                self.deliver(&commit, Some(healed));
                self.parties[healed].accept_external_join();
            }
            Op::Remove(..) | Op::ProposeUpdate(_) | Op::Leave(_) | Op::Rejoin(_) => {}
        }
        self.assert_agreement();
    }

    fn commit(&mut self, committer: usize, joiner: Option<usize>, removed: Option<usize>) {
        let key_package = joiner.map(|joiner| self.parties[joiner].key_package());
        let removed_leaf = removed.map(|removed| self.parties[removed].with_group(|_, _, group| group.own_leaf_index()));
        let (commit, welcome) = self.parties[committer].commit(key_package.as_ref(), removed_leaf);
        self.deliver(&commit, None);
        self.members.retain(|member| Some(*member) != removed);
        if let (Some(joiner), Some(welcome)) = (joiner, welcome) {
            let tree = self.parties[committer].with_group(|_, _, group| group.export_ratchet_tree().tls_serialize_detached().unwrap());
            self.parties[joiner].join(&welcome, &tree);
            self.members.push(joiner);
        }
    }

    fn deliver(&mut self, message: &[u8], except: Option<usize>) {
        for &member in self.members.iter().filter(|member| Some(**member) != except) {
            self.parties[member].receive(message);
        }
    }

    /// All members are in one epoch and agree on everything in it; nobody else has a group.
    fn assert_agreement(&mut self) {
        let expected = self.parties[self.members[0]].state();
        assert!(expected.is_some());
        for index in 0..self.parties.len() {
            let state = self.parties[index].state();
            assert_eq!(state, if self.members.contains(&index) { expected.clone() } else { None }, "party {index}");
        }
    }
}

/// The shape of everything stored, one line for each leaf of each value: kinds, groups, structure, small numbers and
/// lengths; no key bytes, no times.
fn shape(disk: &Disk) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in disk {
        let kind = key[2];
        // Keys of single keys, key packages and proposals are random; keys of group state are not.
        let name = if kind < 0x40 && kind != 0x0d { format!("{kind:#x} {:?}", &key[3..]) } else { format!("{kind:#x}") };
        let value: ciborium::Value = ciborium::from_reader(&value[1..]).unwrap();
        flatten(name, &value, &mut lines);
    }
    lines.sort();
    lines
}

fn flatten(path: String, value: &ciborium::Value, lines: &mut Vec<String>) {
    use ciborium::Value;
    match value {
        // From 2^24 on it is a time or a random number.
        Value::Integer(number) => match u32::try_from(*number) {
            Ok(number) if number < 1 << 24 => lines.push(format!("{path} = {number}")),
            _ => lines.push(format!("{path} = big")),
        },
        Value::Bytes(bytes) => lines.push(format!("{path} = {} bytes", bytes.len())),
        Value::Array(items) if items.iter().all(Value::is_integer) => lines.push(format!("{path} = {} numbers", items.len())),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| flatten(format!("{path}.{index}"), item, lines)),
        Value::Map(entries) => entries.iter().for_each(|(key, value)| {
            let key = key.as_text().unwrap_or("key");
            // The time of the clock at which OpenMLS took in an epoch.
            if key != "added_at" {
                flatten(format!("{path}.{key}"), value, lines);
            }
        }),
        other => lines.push(format!("{path} = {other:?}")),
    }
}

/// Lines that stand in one shape only: a failing test shows these and not two walls of text.
fn difference(left: &Disk, right: &Disk) -> Vec<String> {
    let (left, right) = (shape(left), shape(right));
    let only = |a: &[String], b: &[String], sign: &str| -> Vec<String> {
        a.iter().filter(|line| !b.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    let mut lines = only(&left, &right, "-");
    lines.extend(only(&right, &left, "+"));
    if lines.is_empty() && left.len() != right.len() {
        lines.push(format!("{} lines, {} lines", left.len(), right.len()));
    }
    lines
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        2 => Just(Fault::None),
        1 => Just(Fault::ReloadBefore),
        1 => Just(Fault::Discard),
        1 => Just(Fault::PersistFails),
        1 => Just(Fault::CrashBeforePersist),
        1 => Just(Fault::CrashAfterPersist),
    ];
    prop::collection::vec(fault, 1..17)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (any::<usize>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(author, text)| Op::Send(author, text)),
        2 => any::<usize>().prop_map(Op::Update),
        3 => any::<usize>().prop_map(Op::Add),
        1 => any::<(usize, usize)>().prop_map(|(committer, removed)| Op::Remove(committer, removed)),
        1 => (0..usize::MAX).prop_map(Op::ProposeUpdate),
        1 => (0..usize::MAX).prop_map(Op::Leave),
        1 => (0..usize::MAX).prop_map(Op::Rejoin),
    ]
}

/// Few enough for every test run; `PROPTEST_CASES` asks for more.
fn cases(default: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(default), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(40))]

    // Fails when `discard_journal` keeps the journal, when `take_journal` drops a change, when `promote` leaves rows behind.
    #[test]
    fn failures_and_reloads_at_any_point_change_nothing(ops in prop::collection::vec(op(), 1..16), faults in prop::array::uniform3(faults())) {
        let mut faulty = World::new(&faults);
        let mut calm = World::new(&[vec![Fault::None], vec![Fault::None], vec![Fault::None]]);
        // Begin with a room that is worth the name.
        for op in [Op::Add(0), Op::Send(1, b"hello".to_vec())].iter().chain(&ops) {
            faulty.run(op);
            calm.run(op);
        }
        prop_assert_eq!(&faulty.members, &calm.members);
        for (faulty, calm) in faulty.parties.iter_mut().zip(&mut calm.parties) {
            prop_assert_eq!(&faulty.read, &calm.read);
            prop_assert_eq!(faulty.state().map(|state| state.0), calm.state().map(|state| state.0));
            prop_assert_eq!(difference(&faulty.disk, &calm.disk), Vec::<String>::new());
            // What was persisted is what is believed.
            let believed = faulty.state();
            faulty.reload();
            prop_assert_eq!(faulty.state(), believed);
        }
    }
}

/// Operations on rows of the engine.
#[derive(Clone, Debug)]
enum RowOp {
    Begin,
    Put(u8, u8),
    Delete(u8),
    Take,
    Confirm,
    Discard,
    Rollback,
    Reload,
}

fn row_op() -> impl Strategy<Value = RowOp> {
    prop_oneof![
        4 => Just(RowOp::Begin),
        6 => any::<(u8, u8)>().prop_map(|(key, value)| RowOp::Put(key % 8, value % 4)),
        3 => any::<u8>().prop_map(|key| RowOp::Delete(key % 8)),
        3 => Just(RowOp::Take),
        3 => Just(RowOp::Confirm),
        1 => Just(RowOp::Discard),
        1 => Just(RowOp::Rollback),
        1 => Just(RowOp::Reload),
    ]
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn rows_behave_like_snapshots_of_a_map(ops in prop::collection::vec(row_op(), 0..60)) {
        let mut storage = JournaledStorage::default();
        // The model: whole maps. `pending` with the changes that the host was given.
        let mut base = Disk::new();
        let mut pending: Vec<(Disk, Vec<Change>)> = Vec::new();
        let mut journal: Option<Disk> = None;
        let mut disk = Disk::new();
        for op in ops {
            let below = pending.last().map_or(&base, |(map, _)| map).clone();
            match op {
                RowOp::Begin => {
                    let expected = if journal.is_some() { Err(StorageError::JournalOpen) } else { Ok(()) };
                    prop_assert_eq!(storage.begin(), expected);
                    journal = journal.or(Some(below));
                }
                RowOp::Put(key, value) => match &mut journal {
                    Some(map) => {
                        prop_assert_eq!(storage.put(vec![2, key], vec![value]), Ok(()));
                        map.insert(vec![2, key], vec![value]);
                    }
                    None => prop_assert_eq!(storage.put(vec![2, key], vec![value]), Err(StorageError::NoJournal)),
                },
                RowOp::Delete(key) => match &mut journal {
                    Some(map) => {
                        prop_assert_eq!(storage.delete(&[2, key]), Ok(()));
                        map.remove(&vec![2, key]);
                    }
                    None => prop_assert_eq!(storage.delete(&[2, key]), Err(StorageError::NoJournal)),
                },
                RowOp::Take => match journal.take() {
                    Some(map) => {
                        let changes = storage.take_journal().unwrap();
                        for (key, value) in &changes {
                            prop_assert_ne!(below.get(key), value.as_deref(), "a change that changes nothing");
                        }
                        pending.push((map, changes));
                    }
                    None => prop_assert_eq!(storage.take_journal(), Err(StorageError::NoJournal)),
                },
                RowOp::Confirm if pending.is_empty() => prop_assert_eq!(storage.confirm(), Err(StorageError::NothingPending)),
                RowOp::Confirm => {
                    let (map, changes) = pending.remove(0);
                    prop_assert_eq!(storage.confirm(), Ok(()));
                    persist(&mut disk, changes);
                    base = map;
                    prop_assert_eq!(&disk, &base, "the batches that were handed out make the same rows");
                }
                RowOp::Discard => {
                    storage.discard_journal();
                    journal = None;
                }
                RowOp::Rollback => {
                    storage.rollback();
                    journal = None;
                    pending.clear();
                }
                RowOp::Reload => {
                    storage = JournaledStorage::from_rows(disk.clone());
                    journal = None;
                    pending.clear();
                }
            }
            let visible = journal.as_ref().unwrap_or_else(|| pending.last().map_or(&base, |(map, _)| map));
            let plain = |rows: Vec<(Vec<u8>, sotto_client::storage::Value)>| -> Disk {
                rows.into_iter().map(|(key, value)| (key, value.to_vec())).collect()
            };
            prop_assert_eq!(&plain(storage.with_prefix(&[2]).unwrap()), visible);
            let part: Disk = visible.range(vec![2, 2]..=vec![2, 5]).map(|(key, value)| (key.clone(), value.clone())).collect();
            prop_assert_eq!(plain(storage.range(&[2, 2], &[2, 5]).unwrap()), part);
            for key in 0..8 {
                prop_assert_eq!(storage.get(&[2, key]).unwrap().map(|value| value.to_vec()), visible.get(&vec![2, key]).cloned());
            }
            prop_assert_eq!((storage.has_journal(), storage.pending()), (journal.is_some(), pending.len()));
        }
    }
}

/// Two members and a message that the second has not read.
fn room_with_unread_message() -> (World, Vec<u8>) {
    let mut world = World::new(&[vec![Fault::None], vec![Fault::None]]);
    world.run(&Op::Add(0));
    let message = world.parties[0].encrypt(b"unread");
    (world, message)
}

fn process(provider: &Provider, group: &mut MlsGroup, message: &[u8]) -> bool {
    let message = MlsMessageIn::tls_deserialize_exact(message).unwrap().try_into_protocol_message().unwrap();
    group.process_message(provider, message).is_ok()
}

// Why every live group is dropped after a rollback: OpenMLS keeps the used-up key in the object that lived through it.
#[test]
fn a_live_group_answers_differently_after_a_rollback_than_a_loaded_one() {
    let (mut world, message) = room_with_unread_message();
    let reader = &mut world.parties[1];
    let mut live = reader.take_group();
    reader.begin();
    assert!(process(&reader.provider, &mut live, &message));
    reader.storage().discard_journal();

    reader.begin();
    assert!(!process(&reader.provider, &mut live, &message), "the live group has forgotten the key");
    reader.storage().discard_journal();
    let mut loaded = reader.provider.load_group(&room()).unwrap().unwrap();
    reader.begin();
    assert!(process(&reader.provider, &mut loaded, &message), "a loaded one still has it");
}

#[test]
fn a_damaged_or_partial_group_is_an_error_and_never_absent() {
    let (world, _) = room_with_unread_message();
    let disk = &world.parties[1].disk;
    let load = |disk: Disk| Provider::new(JournaledStorage::from_rows(disk)).load_group(&room()).map(|group| group.is_some());
    assert_eq!(load(disk.clone()), Ok(true));
    // 0x01 to 0x0a: the rows without which there is no group.
    let rows: Vec<_> = disk.iter().filter(|(key, _)| (1..=0x0a).contains(&key[2])).collect();
    assert_eq!(rows.len(), 10);
    for (key, value) in rows {
        let with = |value: Vec<u8>| disk.clone().into_iter().chain([(key.clone(), value)]).collect::<Disk>();
        assert!(matches!(load(with(value[..value.len() - 1].to_vec())), Err(StorageError::Damaged { .. })));
        assert!(matches!(load(with(Vec::new())), Err(StorageError::Damaged { .. })));
        let newer = [&[9], &value[1..]].concat();
        assert!(matches!(load(with(newer)), Err(StorageError::UnknownVersion { got: 9, .. })));
        let mut without = disk.clone();
        without.remove(key);
        assert!(matches!(load(without), Err(StorageError::Damaged { .. })), "kind {:#x}", key[2]);
    }
}

#[test]
fn a_write_outside_of_a_step_is_refused_and_changes_nothing() {
    let (mut world, message) = room_with_unread_message();
    let reader = &mut world.parties[1];
    let mut group = reader.take_group();
    assert!(!process(&reader.provider, &mut group, &message));
    let before = reader.disk.clone();
    reader.live = None;
    reader.receive(&message);
    assert_eq!(reader.read, [b"unread"]);
    assert_ne!(before, reader.disk);
    assert_eq!(reader.storage().put(vec![1, 0], Vec::new()), Err(StorageError::ReservedKey));
    assert_eq!(reader.storage().get(&[]), Err(StorageError::ReservedKey));
}

#[test]
fn a_staged_join_is_invisible_until_promoted_and_can_be_dropped() {
    let mut world = World::new(&[vec![Fault::None], vec![Fault::None]]);
    world.run(&Op::Add(0));
    let (info, tree) = world.parties[0].with_group(|provider, signer, group| {
        let info = group.export_group_info(provider.crypto(), signer, false).unwrap();
        (bytes(&info), group.export_ratchet_tree().tls_serialize_detached().unwrap())
    });
    let before = world.parties[1].disk.clone();
    let epoch = world.parties[1].state().unwrap().0;
    world.parties[1].stage_external_join(&info, &tree);
    assert_eq!(world.parties[1].state().unwrap().0, epoch);
    assert_ne!(world.parties[1].disk, before);
    world.parties[1].step(|party| party.storage().drop_namespace(STAGING).unwrap());
    assert_eq!(world.parties[1].disk, before);
    let promoted = world.parties[1].step(|party| party.storage().promote(STAGING));
    assert_eq!(promoted, Err(StorageError::EmptyNamespace));
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
