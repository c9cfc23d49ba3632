//! The four storage effects: open, persist, load, wipe. A failed load is an error, never "nothing there".
//!
//! Every transaction that writes looks at the newest term of leadership in the database first, and does nothing when that is a later
//! one than its own: a tab that was frozen while another took over finds its ratchets, its outbox and its cursors where that one took
//! them, and must not write its own over them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Uint8Array;
use sotto_client::io::{Batch, DeviceWrap, Input, Opened, Row, SlotWrite, Store};
use sotto_client::tabs::Term;
use sotto_protocol::{ErrorCode, Millis};
use wasm_bindgen::prelude::*;
use web_sys::{IdbDatabase, IdbTransaction};

use crate::scope::error_name;
use crate::slots::{self, File};
use crate::{device_key, idb, scope};

const DATABASE: &str = "sotto";
const VERSION: u32 = 1;
/// The unsealed records: what the engine encodes, and the storage key's wrap.
const PROFILE: &str = "profile";
const STORES: &[&str] = &[Store::State.name(), Store::Entries.name(), PROFILE];
/// Keys in [`PROFILE`].
const PROFILE_BYTES: &str = "bytes";
const DEVICE_KEY: &str = "device_key";
const TERM: &str = "term";

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

/// This browser's database, for one term.
#[derive(Default)]
pub(crate) struct Storage {
    term: Cell<u64>,
    database: RefCell<Option<IdbDatabase>>,
    /// Another tab leads. Shared with what listens to the database.
    superseded: Rc<Cell<bool>>,
}

impl Storage {
    /// Begins a term, before anything is read: from here on the terms before this one can't write.
    pub(crate) async fn begin(&self, now: Millis) -> Term {
        // What does not open now says so when the engine wants it opened.
        let term = self.raise(now).await.unwrap_or(Term::after(None, now));
        self.term.set(term.0);
        term
    }

    async fn raise(&self, now: Millis) -> Result<Term, JsValue> {
        // Who only looks at the sign-in page leaves nothing in this browser. The first that is written bears the term.
        let Some(database) = self.existing().await? else { return Ok(Term::after(None, now)) };
        idb::write(&database, &[PROFILE], async |transaction| {
            let term = Term::after(stored_term(transaction).await?, now);
            put_term(transaction, term)?;
            Ok(term)
        })
        .await
    }

    /// Whether a write was refused because another tab leads.
    pub(crate) fn is_superseded(&self) -> bool {
        self.superseded.get()
    }

    /// Lets go of the database.
    pub(crate) fn close(&self) {
        if let Some(database) = self.database.take() {
            database.close();
        }
        self.superseded.set(true);
    }

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
        self.read().await.map_err(|error| match error_name(&error).as_str() {
            // It was frozen with the slots in its hands.
            "NoModificationAllowedError" => ErrorCode::OtherTab,
            _ => ErrorCode::StorageDamaged,
        })
    }

    async fn read(&self) -> Result<Opened, JsValue> {
        let Some(database) = self.existing().await? else {
            return Ok(Opened { profile: None, storage_key: None, state: Vec::new(), slots: slots::read().await? });
        };
        let transaction = idb::reading(&database, STORES)?;
        let records = transaction.object_store(PROFILE)?;
        let profile = idb::done(records.get(&PROFILE_BYTES.into())?).await?;
        let device_key = idb::done(records.get(&DEVICE_KEY.into())?).await?;
        let state = idb::all(&transaction.object_store(Store::State.name())?).await?;

        // The transaction has ended here, so that other things may be awaited. Nobody has written since: whoever leads now reads.
        let slots = slots::read().await?;
        let storage_key = match device_key.is_undefined() {
            true => None,
            false => Some(device_key::unwrap(&device_key).await?),
        };
        let profile = match profile.is_undefined() {
            true => None,
            false => Some(idb::bytes(&profile)?),
        };
        Ok(Opened { profile, storage_key, state: rows(Store::State, state), slots })
    }

    async fn persist(&self, batch: Batch) -> Result<(), ErrorCode> {
        // Before the transaction: it would commit while WebCrypto is awaited.
        let device_key = match batch.profile.as_ref().map(|profile| &profile.device_wrap) {
            Some(DeviceWrap::Replace(key)) => Some(device_key::wrap(key).await.map_err(|_| ErrorCode::Unsupported)?),
            _ => None,
        };
        let database = self.database().await.map_err(|_| ErrorCode::StorageDamaged)?;
        // Open from the first step to the last: no other tab renews meanwhile, nor reads a slot that is about to be overwritten.
        let file = match &batch.slot {
            Some(write) => Some(self.write_slot(&database, write).await.map_err(|error| self.why(&error))?),
            None => None,
        };
        let work = async |transaction: &IdbTransaction| {
            self.check_term(transaction).await?;
            request(transaction, &batch, device_key.as_deref())
        };
        idb::write(&database, STORES, work).await.map_err(|error| self.why(&error))?;
        if let (Some(file), Some(write)) = (file, &batch.slot) {
            // Should it fail, the next renewal overwrites the same slot.
            let _ = file.write(1 - write.slot, &[0; 32]);
        }
        Ok(())
    }

    /// Writes the slot that does not count, which is the one that the engine says unless another tab has led since: that is asked when
    /// the file is open, and nobody else can change it any more.
    async fn write_slot(&self, database: &IdbDatabase, write: &SlotWrite) -> Result<File, JsValue> {
        let file = File::open().await?;
        if stored_term(&idb::reading(database, &[PROFILE])?).await? > Some(Term(self.term.get())) {
            self.superseded.set(true);
            return Err(JsValue::UNDEFINED);
        }
        file.write(write.slot, &write.secret)?;
        Ok(file)
    }

    async fn load(&self, store: Store, from: &[u8], to: &[u8], newest: u32) -> Result<Vec<Row>, JsValue> {
        let Some(database) = self.existing().await? else { return Ok(Vec::new()) };
        let transaction = idb::reading(&database, &[store.name()])?;
        let found = idb::newest(&transaction.object_store(store.name())?, from, to, newest).await?;
        Ok(rows(store, found))
    }

    async fn wipe(&self) -> Result<(), ErrorCode> {
        // Cleared first, strictly: deleting the database may have to wait for a connection, being emptied may not. What can't be
        // opened can still be deleted.
        if let Ok(Some(database)) = self.existing().await {
            let work = async |transaction: &IdbTransaction| {
                self.check_term(transaction).await?;
                STORES.iter().try_for_each(|store| transaction.object_store(store)?.clear().map(drop))
            };
            let cleared = idb::write(&database, STORES, work).await.map_err(|error| self.why(&error));
            database.close();
            match cleared {
                // The browser took it away while it was open: there is nothing to clear.
                Ok(()) | Err(ErrorCode::StorageDamaged) => {}
                Err(code) => return Err(code),
            }
        }
        self.database.take();
        slots::erase().await.map_err(|_| ErrorCode::StorageDamaged)?;
        idb::delete(DATABASE).await.map_err(|_| ErrorCode::StorageDamaged)
    }

    /// The open database, made where there is none.
    async fn database(&self) -> Result<IdbDatabase, JsValue> {
        match self.existing().await? {
            Some(database) => Ok(database),
            None => Ok(self.keep(idb::open(DATABASE, VERSION, STORES).await?)),
        }
    }

    /// The open database, if there is one. One that the browser took away while it was open stays closed, with errors: it must not come
    /// back empty.
    async fn existing(&self) -> Result<Option<IdbDatabase>, JsValue> {
        let open = self.database.borrow().clone();
        if open.is_some() {
            return Ok(open);
        }
        Ok(idb::open_existing(DATABASE, VERSION).await?.map(|database| self.keep(database)))
    }

    fn keep(&self, database: IdbDatabase) -> IdbDatabase {
        // Another tab deletes it or brings it to a later version, and waits for this one to let go.
        let on_change = Closure::once_into_js({
            let (database, superseded) = (database.clone(), Rc::clone(&self.superseded));
            move |_event: JsValue| {
                superseded.set(true);
                database.close();
            }
        });
        database.set_onversionchange(Some(on_change.unchecked_ref()));
        self.database.replace(Some(database.clone()));
        database
    }

    /// Refuses a transaction of an earlier term than the newest one.
    async fn check_term(&self, transaction: &IdbTransaction) -> Result<(), JsValue> {
        let (own, stored) = (Term(self.term.get()), stored_term(transaction).await?);
        if stored.is_some_and(|stored| stored > own) {
            self.superseded.set(true);
            return Err(JsValue::UNDEFINED);
        }
        if stored == Some(own) { Ok(()) } else { put_term(transaction, own) }
    }

    /// Why a transaction could not be made or did not commit.
    fn why(&self, error: &JsValue) -> ErrorCode {
        match error_name(error).as_str() {
            _ if self.superseded.get() => ErrorCode::OtherTab,
            // The connection is gone: somebody has cleared this site's data.
            "InvalidStateError" | "NotFoundError" => ErrorCode::StorageDamaged,
            // A full disk, or one that does not write now: nothing was changed.
            _ => ErrorCode::StorageFull,
        }
    }
}

async fn stored_term(transaction: &IdbTransaction) -> Result<Option<Term>, JsValue> {
    let stored = idb::done(transaction.object_store(PROFILE)?.get(&TERM.into())?).await?;
    // Whole and positive: a time.
    Ok(stored.as_f64().map(|stored| Term(stored as u64)))
}

fn put_term(transaction: &IdbTransaction, term: Term) -> Result<(), JsValue> {
    // Exact until the year 287,396.
    transaction.object_store(PROFILE)?.put_with_key(&JsValue::from_f64(term.0 as f64), &TERM.into()).map(drop)
}

/// Asks for everything of a batch within one transaction.
fn request(transaction: &IdbTransaction, batch: &Batch, device_key: Option<&JsValue>) -> Result<(), JsValue> {
    if batch.clear {
        [Store::State, Store::Entries].into_iter().try_for_each(|store| transaction.object_store(store.name())?.clear().map(drop))?;
    }
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
