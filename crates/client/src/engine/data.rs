//! The opened data of this browser: journaled storage, live MLS groups, and typed access to the engine's own rows.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use minicbor::{Decode, Encode};
use openmls::prelude::{MlsGroup, OpenMlsProvider as _};
use sotto_protocol::api::Person;
use sotto_protocol::{AccountId, Bytes, Epoch, ErrorCode, IdempotencyId, RoomId, UserName, codec};

use crate::identity::DeviceIdentity;
use crate::io::{Batch, Row, Slots};
use crate::leaf_key::LeafKey;
use crate::mls;
use crate::records::{AskRecord, ChoicesRecord, ContactRecord, DeviceRecord, DirectoryRecord, ListRecord, OutboxRecord, RoomRecord, key};
use crate::ring::Ring;
use crate::seal::StorageKey;
use crate::storage::{JournaledStorage, Namespace, Provider, StorageError};

/// Longest value of an engine row; generous, because a pending upload is one.
const ROW_LIMIT: usize = 4 * 1024 * 1024;

/// Everything that is open while somebody is signed in here.
pub(super) struct Data {
    pub(super) provider: Provider,
    pub(super) ring: Ring,
    pub(super) device: DeviceIdentity,
    /// Live groups. They cache state, so a rollback drops them all: after it a live group answers otherwise than a reloaded one.
    groups: BTreeMap<RoomId, MlsGroup>,
    /// Where in the outbox a message is; filled when first asked, forgotten by a rollback. Without it every own message in a log would
    /// cost a look through all that wait.
    outbox: RefCell<Option<BTreeMap<IdempotencyId, u64>>>,
    /// The person's choices: read when first asked, forgotten by a rollback. Every line that is drawn asks.
    choices: RefCell<Option<Arc<ChoicesRecord>>>,
    /// What is known of the directory, likewise. Every message that is sealed or read asks.
    directory: RefCell<Option<Arc<Option<DirectoryRecord>>>>,
}

impl Data {
    /// A new device's data, empty.
    pub(super) fn create(storage_key: StorageKey, device: DeviceIdentity) -> Self {
        Self {
            provider: Provider::default(),
            ring: Ring::new(storage_key),
            device,
            groups: BTreeMap::new(),
            outbox: RefCell::default(),
            choices: RefCell::default(),
            directory: RefCell::default(),
        }
    }

    /// Opens sealed rows. `slot`: as the profile says.
    ///
    /// # Errors
    /// `storage_damaged` when any row does not open: never "absent".
    pub(super) fn open(storage_key: StorageKey, slots: Option<&Slots>, slot: Option<u8>, rows: &[Row]) -> Result<Self, ErrorCode> {
        let (ring, plain) = Ring::open(storage_key, slots, slot, rows)?;
        let provider = Provider::new(JournaledStorage::from_rows(plain));
        let record: DeviceRecord = read(&provider, key::DEVICE)?.ok_or(ErrorCode::StorageDamaged)?;
        let device = DeviceIdentity::decode(record.identity.as_slice())?;
        let (outbox, choices, directory) = (RefCell::default(), RefCell::default(), RefCell::default());
        Ok(Self { provider, ring, device, groups: BTreeMap::new(), outbox, choices, directory })
    }

    /// Opens the turn's journal.
    ///
    /// # Errors
    /// `internal` when one is open: two turns at once would be a bug of the engine.
    pub(super) fn begin(&self) -> Result<(), ErrorCode> {
        self.provider.storage().begin().map_err(code)
    }

    /// Seals the turn's changes, which stay visible until confirmed or rolled back.
    pub(super) fn seal_changes(&mut self, batch: &mut Batch) -> Result<(), ErrorCode> {
        let storage = self.provider.storage();
        let changes = storage.take_journal().map_err(code)?;
        self.ring.seal_changes(batch, changes, storage)
    }

    /// The changes are durable.
    pub(super) fn confirm(&mut self) {
        self.ring.confirm();
        // Nothing pending is fine: a turn may fail before its journal was taken.
        let _ = self.provider.storage().confirm();
    }

    pub(super) fn rollback(&mut self) {
        self.ring.roll_back();
        self.provider.storage().rollback();
        self.groups.clear();
        self.outbox.take();
        self.choices.take();
        self.directory.take();
    }

    /// Runs an operation on a room's live group.
    pub(super) fn with_group<T>(
        &mut self,
        room: RoomId,
        operation: impl FnOnce(&Provider, &mut MlsGroup) -> Result<T, ErrorCode>,
    ) -> Result<T, ErrorCode> {
        if !self.groups.contains_key(&room) {
            let group = mls::load(&self.provider, room)?;
            self.groups.insert(room, group);
        }
        let group = self.groups.get_mut(&room).ok_or(ErrorCode::Internal)?;
        operation(&self.provider, group)
    }

    pub(super) fn keep_group(&mut self, room: RoomId, group: MlsGroup) {
        self.groups.insert(room, group);
    }

    /// The epoch of a room's group, where it is here and loads.
    pub(super) fn epoch(&mut self, room: RoomId) -> Option<Epoch> {
        self.with_group(room, |_, group| Ok(group.epoch().as_u64())).ok()
    }

    /// Deletes a group and everything that OpenMLS stored of it.
    pub(super) fn delete_group(&mut self, room: RoomId) -> Result<(), ErrorCode> {
        self.groups.remove(&room);
        self.provider.storage().purge_group(&mls::group_id(room)).map_err(code)
    }

    pub(super) fn drop_group(&mut self, room: RoomId) {
        self.groups.remove(&room);
    }

    // Typed rows.

    pub(super) fn put<T: Encode<()>>(&self, row_key: &[u8], value: &T) -> Result<(), ErrorCode> {
        self.provider.storage().put(row_key.to_vec(), codec::encode(value)).map_err(code)
    }

    pub(super) fn delete(&self, row_key: &[u8]) -> Result<(), ErrorCode> {
        self.provider.storage().delete(row_key).map_err(code)
    }

    pub(super) fn find<T: for<'b> Decode<'b, ()>>(&self, row_key: &[u8]) -> Result<Option<T>, ErrorCode> {
        read(&self.provider, row_key)
    }

    fn all<T: for<'b> Decode<'b, ()>>(&self, prefix: &[u8]) -> Result<Vec<T>, ErrorCode> {
        let rows = self.provider.storage().with_prefix(prefix).map_err(code)?;
        rows.iter().map(|(_, value)| decode(value)).collect()
    }

    pub(super) fn record(&self) -> Result<DeviceRecord, ErrorCode> {
        self.find(key::DEVICE)?.ok_or(ErrorCode::StorageDamaged)
    }

    pub(super) fn put_record(&self, record: &DeviceRecord) -> Result<(), ErrorCode> {
        self.put(key::DEVICE, record)
    }

    pub(super) fn choices(&self) -> Result<Arc<ChoicesRecord>, ErrorCode> {
        kept(&self.choices, || Ok(self.find(key::CHOICES)?.unwrap_or_default()))
    }

    pub(super) fn put_choices(&self, record: &ChoicesRecord) -> Result<(), ErrorCode> {
        *self.choices.borrow_mut() = Some(Arc::new(record.clone()));
        self.put(key::CHOICES, record)
    }

    pub(super) fn rooms(&self) -> Result<Vec<RoomRecord>, ErrorCode> {
        self.all(key::ROOMS)
    }

    pub(super) fn find_room(&self, room: RoomId) -> Result<Option<RoomRecord>, ErrorCode> {
        self.find(&key::room(room))
    }

    pub(super) fn room(&self, room: RoomId) -> Result<RoomRecord, ErrorCode> {
        self.find_room(room)?.ok_or(ErrorCode::NotFound)
    }

    pub(super) fn put_room(&self, record: &RoomRecord) -> Result<(), ErrorCode> {
        self.put(&key::room(record.room), record)
    }

    pub(super) fn outbox(&self) -> Result<Vec<OutboxRecord>, ErrorCode> {
        self.all(key::OUTBOXES)
    }

    /// A message that waits, by what its sender is known by in the log.
    pub(super) fn find_outgoing(&self, idempotency: IdempotencyId) -> Result<Option<OutboxRecord>, ErrorCode> {
        let mut places = self.outbox.borrow_mut();
        let places = match &mut *places {
            Some(places) => places,
            none => none.insert(self.outbox()?.iter().map(|record| (record.idempotency, record.order)).collect()),
        };
        places.get(&idempotency).map_or(Ok(None), |order| self.find(&key::outbox(*order)))
    }

    pub(super) fn put_outbox(&self, record: &OutboxRecord) -> Result<(), ErrorCode> {
        if let Some(places) = &mut *self.outbox.borrow_mut() {
            places.insert(record.idempotency, record.order);
        }
        self.put(&key::outbox(record.order), record)
    }

    pub(super) fn delete_outbox(&self, record: &OutboxRecord) -> Result<(), ErrorCode> {
        if let Some(places) = &mut *self.outbox.borrow_mut() {
            places.remove(&record.idempotency);
        }
        self.delete(&key::outbox(record.order))
    }

    pub(super) fn find_contact(&self, account: AccountId) -> Result<Option<ContactRecord>, ErrorCode> {
        self.find(&key::contact(account))
    }

    /// Whom a name stands for: not for an identity of which the person has acknowledged that the name is another one's now.
    pub(super) fn find_contact_named(&self, name: &UserName) -> Result<Option<ContactRecord>, ErrorCode> {
        let contacts = self.contacts()?;
        let given_up = |contact: &ContactRecord| contact.seen.is_some_and(|seen| seen.acknowledged);
        Ok(contacts.into_iter().find(|contact| contact.name == *name && !given_up(contact)))
    }

    pub(super) fn put_contact(&self, record: &ContactRecord) -> Result<(), ErrorCode> {
        self.put(&key::contact(record.account), record)
    }

    /// What is known of another account's devices. Builds from before there were such rows kept version and hash with the contact.
    pub(super) fn find_list(&self, account: AccountId) -> Result<Option<ListRecord>, ErrorCode> {
        if let Some(known) = self.find(&key::list(account))? {
            return Ok(Some(known));
        }
        let contact = self.find_contact(account)?.filter(|contact| contact.list_version > 0);
        let old =
            |contact: ContactRecord| ListRecord { version: contact.list_version, hash: contact.list_hash, ..ListRecord::new(account) };
        Ok(contact.map(old))
    }

    pub(super) fn contacts(&self) -> Result<Vec<ContactRecord>, ErrorCode> {
        self.all(key::CONTACTS)
    }

    pub(super) fn directory(&self) -> Result<Arc<Option<DirectoryRecord>>, ErrorCode> {
        kept(&self.directory, || self.find(key::DIRECTORY))
    }

    pub(super) fn put_directory(&self, record: &DirectoryRecord) -> Result<(), ErrorCode> {
        self.directory.replace(Some(Arc::new(Some(record.clone()))));
        self.put(key::DIRECTORY, record)
    }

    pub(super) fn delete_directory(&self) -> Result<(), ErrorCode> {
        self.directory.take();
        self.delete(key::DIRECTORY)
    }

    pub(super) fn lists(&self) -> Result<Vec<ListRecord>, ErrorCode> {
        self.all(key::LISTS)
    }

    pub(super) fn put_list(&self, record: &ListRecord) -> Result<(), ErrorCode> {
        self.put(&key::list(record.account), record)
    }

    /// Whom the account has blocked, in no order.
    pub(super) fn blocked(&self) -> Result<Vec<Person>, ErrorCode> {
        self.all(key::BLOCKEDS)
    }

    /// Groups that the account asks to be let into.
    pub(super) fn asks(&self) -> Result<Vec<AskRecord>, ErrorCode> {
        self.all(key::ASKS)
    }

    pub(super) fn find_ask(&self, room: RoomId) -> Result<Option<AskRecord>, ErrorCode> {
        self.find(&key::ask(room))
    }

    pub(super) fn put_ask(&self, record: &AskRecord) -> Result<(), ErrorCode> {
        self.put(&key::ask(record.room), record)
    }

    pub(super) fn delete_ask(&self, room: RoomId) -> Result<(), ErrorCode> {
        self.delete(&key::ask(room))
    }

    /// Stores a leaf key's secret.
    pub(super) fn put_leaf_key(&self, leaf_key: &LeafKey) -> Result<(), ErrorCode> {
        let secret = leaf_key.secret();
        self.provider.storage().put(key::leaf_key(&leaf_key.public()), secret.to_vec()).map_err(code)
    }

    /// The leaf key that new leaves use.
    pub(super) fn leaf_key(&self) -> Result<LeafKey, ErrorCode> {
        let public = self.record()?.leaf_key;
        self.leaf_key_of(public.as_slice())
    }

    /// The leaf key with a public half.
    pub(super) fn leaf_key_of(&self, public: &[u8]) -> Result<LeafKey, ErrorCode> {
        let secret = self.provider.storage().get(&key::leaf_key(public)).map_err(code)?.ok_or(ErrorCode::StorageDamaged)?;
        LeafKey::from_secret(&secret)
    }

    /// Public half of the signature key in the own leaf, as the room's state says.
    pub(super) fn own_leaf(&mut self, room: RoomId) -> Result<Vec<u8>, ErrorCode> {
        self.with_group(room, |_, group| {
            let leaf = group.own_leaf_node().ok_or(ErrorCode::StorageDamaged)?;
            Ok(leaf.signature_key().as_slice().to_vec())
        })
    }

    /// The key in this device's leaf of a room, also of one whose state does not load.
    pub(super) fn room_leaf_key(&self, record: &RoomRecord) -> Result<LeafKey, ErrorCode> {
        if record.leaf_key.as_slice().is_empty() { self.leaf_key() } else { self.leaf_key_of(record.leaf_key.as_slice()) }
    }

    /// Every key that may stand in this device's leaf of a room, as a server's tree shows it, the likeliest first.
    pub(super) fn leaf_keys(&self, known: Option<&RoomRecord>) -> Result<Vec<LeafKey>, ErrorCode> {
        let device = self.record()?.leaf_key;
        let of_room = known.map(|record| [&record.leaf_key, &record.former_leaf_key]);
        let mut publics: Vec<&Bytes> = of_room.into_iter().flatten().chain([&device]).collect();
        publics.retain(|public| !public.as_slice().is_empty());
        publics.into_iter().map(|public| self.leaf_key_of(public.as_slice())).collect()
    }

    /// Forgets a leaf key that stands in no leaf any more. The device's own one stays: its key packages name it.
    pub(super) fn delete_leaf_key(&self, public: &Bytes) -> Result<(), ErrorCode> {
        let of_one_room = !public.as_slice().is_empty() && self.record()?.leaf_key != *public;
        if of_one_room { self.delete(&key::leaf_key(public.as_slice())) } else { Ok(()) }
    }

    /// A commit of a room is merged or given up: what it would have brought stays or goes.
    pub(super) fn end_pending(&self, record: &mut RoomRecord, merged: bool) -> Result<(), ErrorCode> {
        let Some(pending) = record.pending.take() else { return Ok(()) };
        if !merged {
            return self.delete_leaf_key(&pending.leaf_key);
        }
        if pending.leaf_key.as_slice().is_empty() {
            return Ok(());
        }
        self.change_leaf_key(record, pending.leaf_key)
    }

    /// Another key stands in this device's leaf from now on.
    pub(super) fn change_leaf_key(&self, record: &mut RoomRecord, public: Bytes) -> Result<(), ErrorCode> {
        if record.leaf_key == public {
            return Ok(());
        }
        let former = std::mem::replace(&mut record.leaf_key, public);
        let older = std::mem::replace(&mut record.former_leaf_key, former);
        if older == record.leaf_key { Ok(()) } else { self.delete_leaf_key(&older) }
    }

    /// The staging namespace of a room's external commit.
    pub(super) const fn staging(room: RoomId) -> Namespace {
        Namespace(room.0)
    }

    /// The staged seat becomes the room's state.
    pub(super) fn promote(&mut self, room: RoomId) -> Result<(), ErrorCode> {
        self.groups.remove(&room);
        self.provider.storage().promote(Self::staging(room)).map_err(code)
    }

    /// Forgets a staged seat.
    pub(super) fn drop_staging(&self, room: RoomId) -> Result<(), ErrorCode> {
        self.provider.storage().drop_namespace(Self::staging(room)).map_err(code)
    }

    /// Whether any state of the group is stored.
    pub(super) fn has_group(&self, room: RoomId) -> Result<bool, ErrorCode> {
        self.provider.storage().has_group(&mls::group_id(room)).map_err(code)
    }

    /// The own account.
    pub(super) fn account(&self) -> AccountId {
        self.device.account()
    }
}

/// What is kept in a cell, read where it is not there yet.
fn kept<T>(cell: &RefCell<Option<Arc<T>>>, read: impl FnOnce() -> Result<T, ErrorCode>) -> Result<Arc<T>, ErrorCode> {
    let mut kept = cell.borrow_mut();
    let value = match kept.take() {
        Some(value) => value,
        None => Arc::new(read()?),
    };
    Ok(kept.insert(value).clone())
}

fn read<T: for<'b> Decode<'b, ()>>(provider: &Provider, row_key: &[u8]) -> Result<Option<T>, ErrorCode> {
    provider.storage().get(row_key).map_err(code)?.map(|value| decode(&value)).transpose()
}

fn decode<T: for<'b> Decode<'b, ()>>(value: &[u8]) -> Result<T, ErrorCode> {
    // A row of one's own that does not decode is damage, not an absent value (DESIGN.md §5 rule 4).
    codec::decode(value, ROW_LIMIT).map_err(|_| ErrorCode::StorageDamaged)
}

/// Damage is the browser's; everything else here is a bug of the engine.
const fn code(error: StorageError) -> ErrorCode {
    match error {
        StorageError::Damaged { .. } | StorageError::UnknownVersion { .. } => ErrorCode::StorageDamaged,
        _ => ErrorCode::Internal,
    }
}
