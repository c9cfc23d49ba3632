//! The tree's records in the store, as `akd` asks for them.

use std::collections::HashMap;

use akd::errors::StorageError;
use akd::storage::types::{DbRecord, KeyData, StorageType, ValueState, ValueStateRetrievalFlag};
use akd::storage::{Database, DbSetState, Storable};
use akd::{AkdLabel, AkdValue};
use async_trait::async_trait;
use sotto_protocol::Bytes;

use crate::store::{Store, StoreError};

/// The records, each under its own key.
#[derive(Clone)]
pub(super) struct Records(pub(super) Store);

/// Values of one name lie together, in the order of their epochs.
fn states_of(name: &[u8]) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    [&[StorageType::ValueState as u8, length], name].concat()
}

fn key_of(record: &DbRecord) -> Vec<u8> {
    match record {
        DbRecord::ValueState(state) => [states_of(&state.username.0).as_slice(), &state.epoch.to_be_bytes()].concat(),
        DbRecord::Azks(_) | DbRecord::TreeNode(_) => record.get_full_binary_id(),
    }
}

fn key<St: Storable>(id: &St::StorageKey) -> Vec<u8> {
    let binary = St::get_full_binary_key_id(id);
    if St::data_type() != StorageType::ValueState {
        return binary;
    }
    // Type, epoch, name.
    let (epoch, name) = binary.get(1..).unwrap_or_default().split_at_checked(8).unwrap_or_default();
    [states_of(name).as_slice(), epoch].concat()
}

fn encoded(record: &DbRecord) -> Result<Bytes, StorageError> {
    let mut bytes = Vec::new();
    ciborium::into_writer(record, &mut bytes).map_err(|error| StorageError::Other(error.to_string()))?;
    Ok(Bytes(bytes))
}

fn decoded(bytes: &Bytes) -> Result<DbRecord, StorageError> {
    ciborium::from_reader(bytes.as_slice()).map_err(|error| StorageError::Other(error.to_string()))
}

fn failed(error: StoreError) -> StorageError {
    match error {
        StoreError::Unavailable(why) => StorageError::Connection(why.into()),
        StoreError::Refused(_) | StoreError::Bug(_) => StorageError::Other("store".into()),
    }
}

impl Records {
    async fn states(&self, name: &AkdLabel) -> Result<Vec<ValueState>, StorageError> {
        let rows = self.0.directory_under(Bytes(states_of(&name.0))).await.map_err(failed)?;
        let state = |bytes: &Bytes| match decoded(bytes)? {
            DbRecord::ValueState(state) => Ok(state),
            _ => Err(StorageError::Other("not a value".into())),
        };
        rows.iter().map(state).collect()
    }
}

#[async_trait]
impl Database for Records {
    async fn set(&self, record: DbRecord) -> Result<(), StorageError> {
        self.batch_set(vec![record], DbSetState::General).await
    }

    async fn batch_set(&self, records: Vec<DbRecord>, _state: DbSetState) -> Result<(), StorageError> {
        let rows = records.iter().map(|record| Ok((Bytes(key_of(record)), encoded(record)?)));
        // In one transaction: an epoch is there as a whole or not at all.
        self.0.put_directory(rows.collect::<Result<_, StorageError>>()?).await.map_err(failed)
    }

    async fn get<St: Storable>(&self, id: &St::StorageKey) -> Result<DbRecord, StorageError> {
        let found = self.batch_get::<St>(std::slice::from_ref(id)).await?.pop();
        found.ok_or_else(|| StorageError::NotFound("record".into()))
    }

    async fn batch_get<St: Storable>(&self, ids: &[St::StorageKey]) -> Result<Vec<DbRecord>, StorageError> {
        let keys = ids.iter().map(|id| Bytes(key::<St>(id))).collect();
        let rows = self.0.directory_records(keys).await.map_err(failed)?;
        rows.iter().map(decoded).collect()
    }

    async fn get_user_data(&self, username: &AkdLabel) -> Result<KeyData, StorageError> {
        match self.states(username).await? {
            states if states.is_empty() => Err(StorageError::NotFound("name".into())),
            states => Ok(KeyData { states }),
        }
    }

    async fn get_user_state(&self, username: &AkdLabel, flag: ValueStateRetrievalFlag) -> Result<ValueState, StorageError> {
        let mut states = self.states(username).await?.into_iter();
        let found = match flag {
            ValueStateRetrievalFlag::SpecificVersion(version) => states.find(|state| state.version == version),
            ValueStateRetrievalFlag::SpecificEpoch(epoch) => states.find(|state| state.epoch == epoch),
            ValueStateRetrievalFlag::LeqEpoch(epoch) => states.rfind(|state| state.epoch <= epoch),
            ValueStateRetrievalFlag::MaxEpoch => states.next_back(),
            ValueStateRetrievalFlag::MinEpoch => states.next(),
        };
        found.ok_or_else(|| StorageError::NotFound("name".into()))
    }

    async fn get_user_state_versions(
        &self,
        usernames: &[AkdLabel],
        flag: ValueStateRetrievalFlag,
    ) -> Result<HashMap<AkdLabel, (u64, AkdValue)>, StorageError> {
        let mut versions = HashMap::new();
        for name in usernames {
            match self.get_user_state(name, flag).await {
                Ok(state) => _ = versions.insert(name.clone(), (state.version, state.value)),
                Err(StorageError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(versions)
    }
}
