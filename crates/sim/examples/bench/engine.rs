//! What one step costs at 2, 10, 100 and 499 members, over the client's own provider and journaled storage: time, bytes that
//! the browser's database is given, bytes on the wire. The floor is the same step at 2 members.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::*;
use sotto_client::identity::{AccountIdentity, DeviceIdentity};
use sotto_client::leaf_key::LeafKey;
use sotto_client::mls;
use sotto_client::storage::{Namespace, Provider};
use sotto_protocol::{RoomId, limits};
use sotto_rules::commit as rules;
use sotto_rules::roles::Kind;

use crate::{median, millis};

/// The last one leaves room for one more.
const SIZES: [usize; 4] = [2, 10, 100, limits::ROOM_DEVICES - 1];
const ROOM: RoomId = RoomId([7; 16]);

struct Device {
    provider: Provider,
    identity: DeviceIdentity,
    key: LeafKey,
}

/// Time, bytes written, bytes sent.
#[derive(Clone, Copy)]
struct Cost(Duration, usize, usize);

impl Device {
    fn of(account: &AccountIdentity) -> Self {
        let provider = Provider::default();
        Self { provider, identity: DeviceIdentity::generate(account).unwrap(), key: LeafKey::generate().unwrap() }
    }

    /// One step as the engine takes it: journal, work, batch.
    fn step<T>(&self, work: impl FnOnce(&Provider) -> (T, usize)) -> (T, Cost) {
        self.provider.storage().begin().unwrap();
        let start = Instant::now();
        let (result, sent) = work(&self.provider);
        let changes = self.provider.storage().take_journal().unwrap();
        let time = start.elapsed();
        self.provider.storage().confirm().unwrap();
        // Each row is sealed: counter, nonce and tag come to it.
        let bytes = |(key, value): &(Vec<u8>, Option<_>)| {
            key.len() + value.as_ref().map_or(0, |value: &zeroize::Zeroizing<Vec<u8>>| value.len() + 36)
        };
        (result, Cost(time, changes.iter().map(bytes).sum(), sent))
    }

    fn key_package(&self) -> KeyPackage {
        let (bytes, _) = self.step(|provider| (mls::key_package(provider, &self.identity, &self.key, false, now()).unwrap(), 0));
        let parsed = KeyPackageIn::tls_deserialize_exact(bytes.as_slice()).unwrap();
        parsed.validate(self.provider.crypto(), ProtocolVersion::Mls10).unwrap()
    }

    /// A commit with a fresh path, not merged; commit and Welcome.
    fn commit(
        &self,
        group: &mut MlsGroup,
        added: Vec<KeyPackage>,
        removed: &[LeafNodeIndex],
    ) -> ((MlsMessageOut, Option<MlsMessageOut>, Vec<u8>), Cost) {
        self.step(|provider| {
            let bundle = group
                .commit_builder()
                .force_self_update(true)
                .propose_adds(added)
                .propose_removals(removed.iter().copied())
                .load_psks(provider.storage())
                .unwrap()
                .create_group_info(true)
                .use_ratchet_tree_extension(false)
                .build(provider.rand(), provider.crypto(), &self.key, |_| true)
                .unwrap()
                .stage_commit(provider)
                .unwrap();
            let (commit, welcome, info) = bundle.into_messages();
            let info = info.unwrap().tls_serialize_detached().unwrap();
            let sent = commit.tls_serialized_len() + info.len() + welcome.as_ref().map_or(0, Size::tls_serialized_len);
            ((commit, welcome, info), sent)
        })
    }

    /// The log shows the own commit.
    fn merge(&self, group: &mut MlsGroup) {
        self.step(|provider| (group.merge_pending_commit(provider).unwrap(), 0));
    }

    fn join(&self, welcome: &MlsMessageOut, tree: &[u8]) -> (MlsGroup, Cost) {
        let (welcome, tree) = (welcome.tls_serialize_detached().unwrap(), tree.to_vec());
        self.step(|provider| (mls::join_by_welcome(provider, ROOM, &welcome, &tree).unwrap().0, 0))
    }

    /// Another's commit: verified, checked against the rules, merged.
    fn process(&self, group: &mut MlsGroup, commit: &MlsMessageOut) -> Cost {
        let bytes = commit.tls_serialize_detached().unwrap();
        let ((), cost) = self.step(|provider| {
            let message = MlsMessageIn::tls_deserialize_exact(&bytes).unwrap().try_into_protocol_message().unwrap();
            let processed = group.process_message(provider, message).unwrap();
            let sender = processed.sender().clone();
            let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else { unreachable!("a commit") };
            rules::check_commit(group.public_group(), &staged, &sender).unwrap();
            group.merge_staged_commit(provider, *staged).unwrap();
            ((), 0)
        });
        cost
    }

    fn decrypt(&self, group: &mut MlsGroup, bytes: &[u8]) -> Cost {
        let ((), cost) = self.step(|provider| {
            let message = MlsMessageIn::tls_deserialize_exact(bytes).unwrap().try_into_protocol_message().unwrap();
            assert!(matches!(
                group.process_message(provider, message).unwrap().into_content(),
                ProcessedMessageContent::ApplicationMessage(_)
            ));
            ((), 0)
        });
        cost
    }
}

fn tree(group: &MlsGroup) -> Vec<u8> {
    group.export_ratchet_tree().tls_serialize_detached().unwrap()
}

pub(crate) fn run() {
    println!("engine steps (native, median; KB to the browser's database; KB sent)");
    println!("{:>8} {:<30} {:>9} {:>10} {:>9} {:>8}", "members", "step", "ms", "KB stored", "KB sent", "to 2");
    let mut floor = Vec::new();
    for size in SIZES {
        for (index, (name, cost)) in measure(size).into_iter().enumerate() {
            if size == SIZES[0] {
                floor.push(cost.0);
            }
            let ratio = cost.0.as_secs_f64() / floor[index].as_secs_f64();
            let kb = |bytes: usize| format!("{:.1}", bytes as f64 / 1000.0);
            println!("{size:>8} {name:<30} {:>9} {:>10} {:>9} {ratio:>8.1}", millis(cost.0), kb(cost.1), kb(cost.2));
        }
    }
}

fn measure(size: usize) -> Vec<(&'static str, Cost)> {
    let rounds = if size > 100 { 5 } else { 15 };
    // The rules of today know rooms of two accounts; devices are what costs.
    let accounts = [1, 2].map(|fill| AccountIdentity::from_secret(&[fill; 32]));
    let (alice, bob) = (Device::of(&accounts[0]), Device::of(&accounts[1]));
    let others: Vec<_> = (2..size).map(|n| Device::of(&accounts[n % 2]).key_package()).collect();

    let (beginning, _) =
        alice.step(|provider| (mls::create(provider, &alice.identity, &alice.key, ROOM, &Kind::Direct, now()).unwrap(), 0));
    let mut at_alice = beginning.group;
    // At most so many in one commit.
    let mut others = others.into_iter().peekable();
    let mut added = vec![bob.key_package()];
    added.extend(others.by_ref().take(limits::ADDED_AT_ONCE - 1));
    let ((_, mut welcome, _), bulk) = alice.commit(&mut at_alice, added, &[]);
    alice.merge(&mut at_alice);
    let (mut at_bob, first_join) = bob.join(&welcome.take().unwrap(), &tree(&at_alice));
    while others.peek().is_some() {
        let ((message, _, _), _) = alice.commit(&mut at_alice, others.by_ref().take(limits::ADDED_AT_ONCE).collect(), &[]);
        alice.merge(&mut at_alice);
        bob.process(&mut at_bob, &message);
    }

    let (mut encrypt, mut decrypt, mut commit, mut process) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut joins, mut externals) = (vec![first_join], Vec::new());
    for _ in 0..rounds {
        // Both update, so that paths are populated as in a room that lives.
        let ((message, _, _), cost) = bob.commit(&mut at_bob, Vec::new(), &[]);
        bob.merge(&mut at_bob);
        commit.push(cost);
        process.push(alice.process(&mut at_alice, &message));
        let ((message, _, info), cost) = alice.commit(&mut at_alice, Vec::new(), &[]);
        alice.merge(&mut at_alice);
        commit.push(cost);
        process.push(bob.process(&mut at_bob, &message));

        for _ in 0..5 {
            let (bytes, cost) = alice.step(|provider| {
                let bytes = mls::encrypt(provider, &mut at_alice, &alice.key, &[b'x'; 200]).unwrap();
                let sent = bytes.as_slice().len();
                (bytes, sent)
            });
            encrypt.push(cost);
            decrypt.push(bob.decrypt(&mut at_bob, bytes.as_slice()));
        }

        let newcomer = Device::of(&accounts[0]);
        let tree = tree(&at_alice);
        let (upload, mut cost) = newcomer.step(|provider| {
            let staged = provider.storage().within(Namespace([9; 16]), || {
                mls::join_externally(provider, &newcomer.identity, &newcomer.key, ROOM, &info, &tree).unwrap()
            });
            (staged, 0)
        });
        cost.2 = upload.commit.as_slice().len() + upload.group_info.as_slice().len();
        externals.push(cost);
    }
    let (mut adds, mut removals) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let newcomer = Device::of(&accounts[0]);
        let package = newcomer.key_package();
        let ((message, welcome, _), cost) = alice.commit(&mut at_alice, vec![package], &[]);
        alice.merge(&mut at_alice);
        adds.push(cost);
        bob.process(&mut at_bob, &message);
        let (at_newcomer, cost) = newcomer.join(&welcome.unwrap(), &tree(&at_alice));
        joins.push(cost);
        let ((message, _, _), cost) = alice.commit(&mut at_alice, Vec::new(), &[at_newcomer.own_leaf_index()]);
        alice.merge(&mut at_alice);
        removals.push(cost);
        bob.process(&mut at_bob, &message);
    }
    let middle = |costs: Vec<Cost>| {
        let of = |part: fn(&Cost) -> usize| median(costs.iter().map(part).collect());
        Cost(median(costs.iter().map(|cost| cost.0).collect()), of(|cost| cost.1), of(|cost| cost.2))
    };
    vec![
        ("encrypt", middle(encrypt)),
        ("decrypt", middle(decrypt)),
        ("commit (update)", middle(commit)),
        ("add one", middle(adds)),
        ("add all but one, at most 200", bulk),
        ("remove one", middle(removals)),
        ("process a commit", middle(process)),
        ("join by Welcome", middle(joins)),
        ("join externally", middle(externals)),
    ]
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
