//! The 54 methods by which OpenMLS reads and writes its state.

use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    JournaledStorage, StorageError, codec,
    keys::{EntityKey, Kind, alone, group_prefix, of_group},
};

/// One item of a stored list: its CBOR in a byte string.
#[derive(PartialEq, Eq)]
struct Item(Vec<u8>);

impl Serialize for Item {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Item;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("a byte string")
            }
            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Item, E> {
                Ok(Item(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

impl JournaledStorage {
    fn group_key<G: Serialize>(&self, kind: Kind, group_id: &G) -> Result<EntityKey, StorageError> {
        of_group(self.namespace.get(), kind, group_id, &())
    }

    fn group_item_key<G: Serialize, R: Serialize>(&self, kind: Kind, group_id: &G, rest: &R) -> Result<EntityKey, StorageError> {
        of_group(self.namespace.get(), kind, group_id, rest)
    }

    /// Every key package whose private keys are here.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] when one does not decode.
    pub fn key_packages<T: DeserializeOwned>(&self) -> Result<Vec<T>, StorageError> {
        let kind = Kind::KeyPackage;
        let rows = self.layers.borrow().with_prefix(&group_prefix(None, kind, &[])?);
        rows.iter().map(|(_, value)| codec::decode(kind.name(), value)).collect()
    }

    fn lone_key<K: Serialize>(&self, kind: Kind, key: &K) -> Result<EntityKey, StorageError> {
        alone(self.namespace.get(), kind, key)
    }

    fn write_entity<T: Serialize + ?Sized>(&self, key: EntityKey, value: &T) -> Result<(), StorageError> {
        let value = codec::encode(key.kind.name(), value)?;
        self.layers.borrow_mut().write(key.bytes, Some(value))
    }

    fn read_entity<T: DeserializeOwned>(&self, key: &EntityKey) -> Result<Option<T>, StorageError> {
        self.layers.borrow().find(&key.bytes).map(|value| codec::decode(key.kind.name(), value)).transpose()
    }

    fn delete_entity(&self, key: EntityKey) -> Result<(), StorageError> {
        self.layers.borrow_mut().write(key.bytes, None)
    }

    fn read_items(&self, key: &EntityKey) -> Result<Vec<Item>, StorageError> {
        Ok(self.read_entity(key)?.unwrap_or_default())
    }

    /// Writes a list; an empty one is no row, so that a list that was emptied equals one that never was.
    fn write_items(&self, key: EntityKey, items: &[Item]) -> Result<(), StorageError> {
        if items.is_empty() { self.delete_entity(key) } else { self.write_entity(key, items) }
    }

    fn read_list<T: DeserializeOwned>(&self, key: &EntityKey) -> Result<Vec<T>, StorageError> {
        let entity = key.kind.name();
        self.read_items(key)?.iter().map(|item| codec::decode(entity, &item.0)).collect()
    }
}

fn item<T: Serialize>(kind: Kind, value: &T) -> Result<Item, StorageError> {
    Ok(Item(codec::encode(kind.name(), value)?.to_vec()))
}

/// Writer, reader and deleter of an entity of which a group has one.
macro_rules! one_per_group {
    ($($kind:ident: $entity:ident, $write:ident, $read:ident, $delete:ident;)+) => { $(
        fn $write<GroupId: traits::GroupId<CURRENT_VERSION>, $entity: traits::$entity<CURRENT_VERSION>>(
            &self,
            group_id: &GroupId,
            value: &$entity,
        ) -> Result<(), StorageError> {
            self.write_entity(self.group_key(Kind::$kind, group_id)?, value)
        }

        fn $read<GroupId: traits::GroupId<CURRENT_VERSION>, $entity: traits::$entity<CURRENT_VERSION>>(
            &self,
            group_id: &GroupId,
        ) -> Result<Option<$entity>, StorageError> {
            self.read_entity(&self.group_key(Kind::$kind, group_id)?)
        }

        fn $delete<GroupId: traits::GroupId<CURRENT_VERSION>>(&self, group_id: &GroupId) -> Result<(), StorageError> {
            self.delete_entity(self.group_key(Kind::$kind, group_id)?)
        }
    )+ };
}

/// Writer and deleter of key material that stands alone. (The trait orders the readers' type parameters differently.)
macro_rules! alone {
    ($($kind:ident: $key:ident, $entity:ident, $write:ident, $delete:ident;)+) => { $(
        fn $write<$key: traits::$key<CURRENT_VERSION>, $entity: traits::$entity<CURRENT_VERSION>>(
            &self,
            key: &$key,
            value: &$entity,
        ) -> Result<(), StorageError> {
            self.write_entity(self.lone_key(Kind::$kind, key)?, value)
        }

        fn $delete<$key: traits::$key<CURRENT_VERSION>>(&self, key: &$key) -> Result<(), StorageError> {
            self.delete_entity(self.lone_key(Kind::$kind, key)?)
        }
    )+ };
}

impl StorageProvider<CURRENT_VERSION> for JournaledStorage {
    type Error = StorageError;

    one_per_group! {
        JoinConfig: MlsGroupJoinConfig, write_mls_join_config, mls_group_join_config, delete_group_config;
        Tree: TreeSync, write_tree, tree, delete_tree;
        GroupContext: GroupContext, write_context, group_context, delete_context;
        InterimTranscriptHash: InterimTranscriptHash, write_interim_transcript_hash, interim_transcript_hash, delete_interim_transcript_hash;
        ConfirmationTag: ConfirmationTag, write_confirmation_tag, confirmation_tag, delete_confirmation_tag;
        MessageSecrets: MessageSecrets, write_message_secrets, message_secrets, delete_message_secrets;
        ResumptionPsks: ResumptionPskStore, write_resumption_psk_store, resumption_psk_store, delete_all_resumption_psk_secrets;
        OwnLeafIndex: LeafNodeIndex, write_own_leaf_index, own_leaf_index, delete_own_leaf_index;
        EpochSecrets: GroupEpochSecrets, write_group_epoch_secrets, group_epoch_secrets, delete_group_epoch_secrets;
    }

    alone! {
        SignatureKeyPair: SignaturePublicKey, SignatureKeyPair, write_signature_key_pair, delete_signature_key_pair;
        EncryptionKeyPair: EncryptionKey, HpkeKeyPair, write_encryption_key_pair, delete_encryption_key_pair;
        KeyPackage: HashReference, KeyPackage, write_key_package, delete_key_package;
        Psk: PskId, PskBundle, write_psk, delete_psk;
    }

    fn signature_key_pair<K: traits::SignaturePublicKey<CURRENT_VERSION>, V: traits::SignatureKeyPair<CURRENT_VERSION>>(
        &self,
        public_key: &K,
    ) -> Result<Option<V>, StorageError> {
        self.read_entity(&self.lone_key(Kind::SignatureKeyPair, public_key)?)
    }

    fn encryption_key_pair<V: traits::HpkeKeyPair<CURRENT_VERSION>, K: traits::EncryptionKey<CURRENT_VERSION>>(
        &self,
        public_key: &K,
    ) -> Result<Option<V>, StorageError> {
        self.read_entity(&self.lone_key(Kind::EncryptionKeyPair, public_key)?)
    }

    fn key_package<K: traits::HashReference<CURRENT_VERSION>, V: traits::KeyPackage<CURRENT_VERSION>>(
        &self,
        hash_ref: &K,
    ) -> Result<Option<V>, StorageError> {
        self.read_entity(&self.lone_key(Kind::KeyPackage, hash_ref)?)
    }

    fn psk<V: traits::PskBundle<CURRENT_VERSION>, K: traits::PskId<CURRENT_VERSION>>(&self, psk_id: &K) -> Result<Option<V>, StorageError> {
        self.read_entity(&self.lone_key(Kind::Psk, psk_id)?)
    }

    fn write_group_state<GroupState: traits::GroupState<CURRENT_VERSION>, GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
        group_state: &GroupState,
    ) -> Result<(), StorageError> {
        self.write_entity(self.group_key(Kind::GroupState, group_id)?, group_state)
    }

    fn group_state<GroupState: traits::GroupState<CURRENT_VERSION>, GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupState>, StorageError> {
        self.read_entity(&self.group_key(Kind::GroupState, group_id)?)
    }

    fn delete_group_state<GroupId: traits::GroupId<CURRENT_VERSION>>(&self, group_id: &GroupId) -> Result<(), StorageError> {
        self.delete_entity(self.group_key(Kind::GroupState, group_id)?)
    }

    fn append_own_leaf_node<GroupId: traits::GroupId<CURRENT_VERSION>, LeafNode: traits::LeafNode<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
        leaf_node: &LeafNode,
    ) -> Result<(), StorageError> {
        let key = self.group_key(Kind::OwnLeafNodes, group_id)?;
        let mut items = self.read_items(&key)?;
        items.push(item(Kind::OwnLeafNodes, leaf_node)?);
        self.write_items(key, &items)
    }

    fn own_leaf_nodes<GroupId: traits::GroupId<CURRENT_VERSION>, LeafNode: traits::LeafNode<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<LeafNode>, StorageError> {
        self.read_list(&self.group_key(Kind::OwnLeafNodes, group_id)?)
    }

    fn delete_own_leaf_nodes<GroupId: traits::GroupId<CURRENT_VERSION>>(&self, group_id: &GroupId) -> Result<(), StorageError> {
        self.delete_entity(self.group_key(Kind::OwnLeafNodes, group_id)?)
    }

    fn queue_proposal<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
        QueuedProposal: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        proposal_ref: &ProposalRef,
        proposal: &QueuedProposal,
    ) -> Result<(), StorageError> {
        self.write_entity(self.group_item_key(Kind::QueuedProposal, group_id, proposal_ref)?, proposal)?;
        let key = self.group_key(Kind::ProposalRefs, group_id)?;
        let mut refs = self.read_items(&key)?;
        let queued = item(Kind::ProposalRefs, proposal_ref)?;
        // A proposal that comes twice stands in the queue once, where it stood.
        if refs.contains(&queued) {
            return Ok(());
        }
        refs.push(queued);
        self.write_items(key, &refs)
    }

    fn queued_proposal_refs<GroupId: traits::GroupId<CURRENT_VERSION>, ProposalRef: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<ProposalRef>, StorageError> {
        self.read_list(&self.group_key(Kind::ProposalRefs, group_id)?)
    }

    fn queued_proposals<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
        QueuedProposal: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<(ProposalRef, QueuedProposal)>, StorageError> {
        let refs: Vec<ProposalRef> = self.read_list(&self.group_key(Kind::ProposalRefs, group_id)?)?;
        refs.into_iter()
            .map(|proposal_ref| {
                let key = self.group_item_key(Kind::QueuedProposal, group_id, &proposal_ref)?;
                let proposal = self.read_entity(&key)?.ok_or(StorageError::Damaged { entity: key.kind.name() })?;
                Ok((proposal_ref, proposal))
            })
            .collect()
    }

    fn remove_proposal<GroupId: traits::GroupId<CURRENT_VERSION>, ProposalRef: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
        proposal_ref: &ProposalRef,
    ) -> Result<(), StorageError> {
        self.delete_entity(self.group_item_key(Kind::QueuedProposal, group_id, proposal_ref)?)?;
        let key = self.group_key(Kind::ProposalRefs, group_id)?;
        let removed = item(Kind::ProposalRefs, proposal_ref)?;
        let mut refs = self.read_items(&key)?;
        refs.retain(|queued| *queued != removed);
        self.write_items(key, &refs)
    }

    fn clear_proposal_queue<GroupId: traits::GroupId<CURRENT_VERSION>, ProposalRef: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        let key = self.group_key(Kind::ProposalRefs, group_id)?;
        for proposal_ref in self.read_list::<ProposalRef>(&key)? {
            self.delete_entity(self.group_item_key(Kind::QueuedProposal, group_id, &proposal_ref)?)?;
        }
        self.delete_entity(key)
    }

    fn write_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
        key_pairs: &[HpkeKeyPair],
    ) -> Result<(), StorageError> {
        self.write_entity(self.group_item_key(Kind::EpochKeyPairs, group_id, &(epoch, leaf_index))?, key_pairs)
    }

    fn encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<Vec<HpkeKeyPair>, StorageError> {
        let key = self.group_item_key(Kind::EpochKeyPairs, group_id, &(epoch, leaf_index))?;
        Ok(self.read_entity(&key)?.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<GroupId: traits::GroupId<CURRENT_VERSION>, EpochKey: traits::EpochKey<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<(), StorageError> {
        self.delete_entity(self.group_item_key(Kind::EpochKeyPairs, group_id, &(epoch, leaf_index))?)
    }
}
