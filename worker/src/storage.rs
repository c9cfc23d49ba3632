//! The four storage effects: open, persist, load, wipe. A failed load is an error, never "nothing there".

use std::cell::{Cell, RefCell};

use js_sys::Uint8Array;
use sotto_client::io::{Batch, DeviceWrap, Input, Opened, Row, Store};
use sotto_protocol::ErrorCode;
use wasm_bindgen::JsValue;
use web_sys::{IdbDatabase, IdbTransaction};

use crate::scope::error_name;
use crate::{device_key, idb, scope, tab_lock};

const DATABASE: &str = "sotto";
const VERSION: u32 = 1;
/// The unsealed records: what the engine encodes, and the storage key's wrap.
const PROFILE: &str = "profile";
const STORES: &[&str] = &[Store::State.name(), Store::Entries.name(), PROFILE];
/// Keys in [`PROFILE`].
const PROFILE_BYTES: &str = "bytes";
const DEVICE_KEY: &str = "device_key";

/// One storage effect.
pub(crate) enum Job {
    /// `Effect::Open`
    Open,
    /// `Effect::Persist`
    Persist {
        /// For the answer.
        id: u64,
        /// What.
        batch: Batch,
    },
    /// `Effect::Load`
    Load {
        /// For the answer.
        id: u64,
        /// Which table.
        store: Store,
        /// First key.
        from: Vec<u8>,
        /// Last key.
        to: Vec<u8>,
        /// Most rows, from the end.
        newest: u32,
    },
    /// `Effect::Wipe`
    Wipe,
}

/// This browser's database, while the tab lock is held.
#[derive(Default)]
pub(crate) struct Storage {
    locked: Cell<bool>,
    database: RefCell<Option<IdbDatabase>>,
}

impl Storage {
    /// Carries a storage effect out. The caller runs one at a time.
    pub(crate) async fn run(&self, job: Job) -> Input {
        match job {
            Job::Open => Input::Opened(self.open().await),
            Job::Persist { id, batch } => Input::Persisted { id, result: self.persist(batch).await },
            Job::Load { id, store, from, to, newest } => {
                Input::Loaded { id, result: self.load(store, &from, &to, newest).await.map_err(|_| ErrorCode::StorageDamaged) }
            }
            Job::Wipe => Input::Wiped { result: self.wipe().await },
        }
    }

    async fn open(&self) -> Result<Opened, ErrorCode> {
        if !scope::is_supported() {
            return Err(ErrorCode::Unsupported);
        }
        if !self.locked.get() && !tab_lock::take().await {
            return Err(ErrorCode::OtherTab);
        }
        self.locked.set(true);
        self.read().await.map_err(|_| ErrorCode::StorageDamaged)
    }

    async fn read(&self) -> Result<Opened, JsValue> {
        let transaction = idb::reading(&self.database().await?, STORES)?;
        let records = transaction.object_store(PROFILE)?;
        let profile = idb::done(records.get(&PROFILE_BYTES.into())?).await?;
        let device_key = idb::done(records.get(&DEVICE_KEY.into())?).await?;
        let state = idb::all(&transaction.object_store(Store::State.name())?).await?;

        // The transaction has ended here, so that WebCrypto may be awaited.
        let storage_key = match device_key.is_undefined() {
            true => None,
            false => Some(device_key::unwrap(&device_key).await?),
        };
        let profile = match profile.is_undefined() {
            true => None,
            false => Some(idb::bytes(&profile)?),
        };
        Ok(Opened { profile, storage_key, state: rows(Store::State, state) })
    }

    async fn persist(&self, batch: Batch) -> Result<(), ErrorCode> {
        // Before the transaction: it would commit while WebCrypto is awaited.
        let device_key = match batch.profile.as_ref().map(|profile| &profile.device_wrap) {
            Some(DeviceWrap::Replace(key)) => Some(device_key::wrap(key).await.map_err(|_| ErrorCode::Unsupported)?),
            _ => None,
        };
        let database = self.database().await.map_err(|_| ErrorCode::StorageDamaged)?;
        idb::write(&database, STORES, |transaction| request(transaction, &batch, device_key.as_deref())).await.map_err(|error| why(&error))
    }

    async fn load(&self, store: Store, from: &[u8], to: &[u8], newest: u32) -> Result<Vec<Row>, JsValue> {
        let transaction = idb::reading(&self.database().await?, &[store.name()])?;
        let found = idb::newest(&transaction.object_store(store.name())?, from, to, newest).await?;
        Ok(rows(store, found))
    }

    async fn wipe(&self) -> Result<(), ErrorCode> {
        if !self.locked.get() {
            return Err(ErrorCode::OtherTab);
        }
        // Cleared first, strictly: deleting the database may have to wait for a connection, being emptied may not. What can't be
        // opened can still be deleted.
        if let Ok(database) = self.database().await {
            idb::write(&database, STORES, |transaction| {
                STORES.iter().try_for_each(|store| transaction.object_store(store)?.clear().map(drop))
            })
            .await
            .map_err(|error| why(&error))?;
            database.close();
        }
        self.database.take();
        idb::delete(DATABASE).await.map_err(|_| ErrorCode::StorageDamaged)
    }

    /// The open database. One that the browser took away while it was open stays closed, with errors: it must not come back empty.
    async fn database(&self) -> Result<IdbDatabase, JsValue> {
        if !self.locked.get() {
            return Err(JsValue::UNDEFINED);
        }
        let open = self.database.borrow().clone();
        if let Some(database) = open {
            return Ok(database);
        }
        let database = idb::open(DATABASE, VERSION, STORES).await?;
        self.database.replace(Some(database.clone()));
        Ok(database)
    }
}

/// Asks for everything of a batch within one transaction.
fn request(transaction: &IdbTransaction, batch: &Batch, device_key: Option<&JsValue>) -> Result<(), JsValue> {
    for row in &batch.puts {
        let store = transaction.object_store(row.store.name())?;
        store.put_with_key(&Uint8Array::from(row.sealed.as_slice()), &Uint8Array::from(row.key.as_slice()))?;
    }
    for (store, key) in &batch.deletes {
        transaction.object_store(store.name())?.delete(&Uint8Array::from(key.as_slice()))?;
    }
    let Some(profile) = &batch.profile else { return Ok(()) };
    let records = transaction.object_store(PROFILE)?;
    records.put_with_key(&Uint8Array::from(profile.bytes.as_slice()), &PROFILE_BYTES.into())?;
    match (&profile.device_wrap, device_key) {
        (DeviceWrap::Remove, _) => records.delete(&DEVICE_KEY.into()).map(drop),
        (DeviceWrap::Replace(_), Some(record)) => records.put_with_key(record, &DEVICE_KEY.into()).map(drop),
        _ => Ok(()),
    }
}

fn rows(store: Store, found: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<Row> {
    found.into_iter().map(|(key, sealed)| Row { store, key, sealed }).collect()
}

/// Why a transaction could not be made or did not commit.
fn why(error: &JsValue) -> ErrorCode {
    match error_name(error).as_str() {
        // The connection is gone: somebody has cleared this site's data.
        "InvalidStateError" | "NotFoundError" => ErrorCode::StorageDamaged,
        // A full disk, or one that does not write now: nothing was changed.
        _ => ErrorCode::StorageFull,
    }
}
