//! MLS objects as a client reads them: messages, commits, Welcomes, GroupInfos, trees.

use openmls::prelude::OpenMlsProvider as _;
use sotto_client::content::Content;
use sotto_client::mls::{self, Processed};
use sotto_client::storage::{Namespace, Provider};
use sotto_protocol::api::UploadCommit;
use sotto_protocol::frames::EntryKind;
use sotto_protocol::{AccountId, codec};

use crate::choose;
use crate::genuine::{Genuine, Opener, SAID, newest_fixture};

struct Rig {
    alice: Opener,
    provider: Provider,
    pair: [AccountId; 2],
    genuine: Genuine,
    group_info: Vec<u8>,
    ratchet_tree: Vec<u8>,
    context: Vec<u8>,
}

impl Rig {
    fn new() -> Self {
        let alice = Opener::of(&newest_fixture(), 0);
        let provider = alice.provider();
        let group = alice.group(&provider);
        let members = mls::members(&group).expect("the members verify");
        let accounts: Vec<_> = members.iter().map(|(_, credential)| credential.account()).collect();
        let genuine = Genuine::read();
        let upload: UploadCommit = codec::decode(genuine.upload.as_slice(), usize::MAX).expect("the upload decodes");
        Self {
            pair: [accounts[0], accounts[1]],
            context: mls::context(&group).expect("the context encodes"),
            ratchet_tree: tls_codec::Serialize::tls_serialize_detached(&group.export_ratchet_tree()).expect("the tree encodes"),
            group_info: upload.group_info.0,
            alice,
            provider,
            genuine,
        }
    }

    /// As the engine does: whatever came of it is rolled back, and the group is another object afterwards.
    fn with_room<T>(&self, work: impl FnOnce(&mut openmls::prelude::MlsGroup) -> T) -> T {
        let mut group = self.alice.group(&self.provider);
        let result = work(&mut group);
        self.provider.storage().discard_journal();
        self.provider.storage().begin().expect("the journal was discarded");
        result
    }
}

/// An entry of the log said to be a message (0) or a commit (1); a Welcome (2); a GroupInfo to join by (3), and with a tree of the
/// sender's choice (4); a context to compare with (5); a GroupInfo, after its length, with its own tree (6).
pub fn mls_messages(data: &[u8]) -> bool {
    thread_local! {
        static RIG: Rig = Rig::new();
    }
    let Some((kind, rest)) = choose(data, 7) else { return false };
    RIG.with(|rig| match kind {
        0 | 1 => entry(rig, rest, kind == 1),
        2 => {
            let tree = rig.ratchet_tree.clone();
            let joined = rig
                .provider
                .storage()
                .within(Namespace([9; 16]), || mls::join_by_welcome(&rig.provider, rig.alice.room_id(), rest, &tree).map(drop));
            rig.with_room(|_| ());
            assert!(joined.is_err(), "joined by a Welcome that nobody made");
            false
        }
        3 => external(rig, rest, &rig.ratchet_tree),
        4 => external(rig, &rig.group_info, rest),
        5 => {
            let context = mls::context_of(rest);
            assert!(context.as_ref().is_ok_and(|(context, _)| context.len() <= rest.len()) || context.is_err());
            context.is_ok()
        }
        _ => {
            let Some((length, rest)) = rest.split_first_chunk() else { return false };
            let (info, tree) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
            external(rig, info, tree)
        }
    })
}

fn entry(rig: &Rig, bytes: &[u8], commit: bool) -> bool {
    let processed = rig.with_room(|group| {
        let processed =
            mls::process(&rig.provider, group, bytes, if commit { EntryKind::Commit } else { EntryKind::Message }, Some(rig.pair));
        if processed.is_err() {
            // Whoever is refused has not moved the room, whether or not the caller rolls back.
            assert_eq!(mls::context(group).as_ref(), Ok(&rig.context), "a refused entry moved the room");
        }
        processed
    });
    match processed {
        Ok(Processed::Message { author, content }) => {
            assert_eq!(bytes, rig.genuine.message.as_slice(), "a message that nobody wrote");
            assert_ne!(author.account(), rig.alice.identity.account());
            let content = Content::decode(&content, rig.alice.room_id()).expect("bob's content decodes");
            assert_eq!(content.text.as_deref(), Some(SAID));
            true
        }
        Ok(Processed::Commit { joined, removed, came, went, .. }) => {
            assert_eq!(bytes, rig.genuine.commit.as_slice(), "a commit that nobody made");
            assert!(joined.is_empty() && removed.is_empty() && came.is_empty() && went.is_empty());
            true
        }
        Ok(Processed::Leaving { .. }) => panic!("nobody leaves the room of a pair"),
        Ok(Processed::OwnCommit) => panic!("there is no own commit"),
        // Whose message it is says the envelope before anything is decrypted; the engine then looks it up by its id.
        Ok(Processed::OwnMessage) | Err(_) => false,
    }
}

fn external(rig: &Rig, group_info: &[u8], ratchet_tree: &[u8]) -> bool {
    let (room, identity, key) = (rig.alice.room_id(), &rig.alice.identity, rig.alice.leaf_key());
    let staged = rig
        .provider
        .storage()
        .within(Namespace([9; 16]), || mls::join_externally(&rig.provider, identity, &key, room, group_info, ratchet_tree));
    rig.with_room(|group| assert_eq!(mls::context(group).as_ref(), Ok(&rig.context), "a staged seat moved the room"));
    // alice's own GroupInfo is of the epoch after her upload, to which this tree does not belong.
    assert!(staged.is_err(), "a seat in a room that nobody vouches for");
    false
}
