//! IndexedDB requests and transactions as futures: the few calls that `storage` needs.
//!
//! Own code over web-sys, because of the crates for it `indexed_db_futures` 0.6 answers an abort at commit time without its reason,
//! which is how a full disk shows itself, and `idb` 0.6 (under `rexie` too) cannot ask for strict durability.
//!
//! A transaction commits by itself when the task ends without a pending request, so nothing but its own requests may be awaited
//! while it is open.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    IdbCursorDirection, IdbCursorWithValue, IdbDatabase, IdbFactory, IdbKeyRange, IdbObjectStore, IdbRequest, IdbTransaction,
    IdbTransactionMode,
};

use crate::scope::scope;

#[wasm_bindgen]
extern "C" {
    // web-sys has the third argument behind an unstable cfg only, which would have to be set for every crate of the build.
    #[wasm_bindgen(extends = IdbDatabase)]
    type DurableDatabase;

    #[wasm_bindgen(method, catch)]
    fn transaction(this: &DurableDatabase, stores: &Array, mode: &str, options: &Object) -> Result<IdbTransaction, JsValue>;
}

/// Opens a database, making `stores` in a new one.
pub(crate) async fn open(name: &str, version: u32, stores: &'static [&'static str]) -> Result<IdbDatabase, JsValue> {
    let request = factory()?.open_with_u32(name, version)?;
    let on_upgrade = Closure::once({
        let request = request.clone();
        move || {
            let database: IdbDatabase = request.result()?.unchecked_into();
            for store in stores {
                database.create_object_store(store)?;
            }
            Ok::<(), JsValue>(())
        }
    });
    request.set_onupgradeneeded(Some(on_upgrade.as_ref().unchecked_ref()));
    Ok(done(request.into()).await?.unchecked_into())
}

/// Opens a database that is there; `None` when there is none, and none is made.
pub(crate) async fn open_existing(name: &str, version: u32) -> Result<Option<IdbDatabase>, JsValue> {
    let request = factory()?.open_with_u32(name, version)?;
    let is_new = Rc::new(Cell::new(false));
    let on_upgrade = Closure::once({
        let (request, is_new) = (request.clone(), Rc::clone(&is_new));
        move || {
            is_new.set(true);
            // A database whose making is taken back was never there.
            request.transaction().map_or(Ok(()), |making| making.abort())
        }
    });
    request.set_onupgradeneeded(Some(on_upgrade.as_ref().unchecked_ref()));
    match done(request.into()).await {
        Ok(database) => Ok(Some(database.unchecked_into())),
        Err(_) if is_new.get() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Deletes a database. Where a connection that is about to die still blocks it, the browser goes on by itself.
pub(crate) async fn delete(name: &str) -> Result<(), JsValue> {
    let request = factory()?.delete_database(name)?;
    let settled = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onblocked(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    JsFuture::from(settled).await.map(drop)
}

/// A transaction for reading.
pub(crate) fn reading(database: &IdbDatabase, stores: &[&str]) -> Result<IdbTransaction, JsValue> {
    database.transaction_with_str_sequence_and_mode(&names(stores), IdbTransactionMode::Readonly)
}

/// A transaction for writing whose `complete` means that the operating system has it on disk.
pub(crate) fn writing(database: &IdbDatabase, stores: &[&str]) -> Result<IdbTransaction, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"durability".into(), &"strict".into())?;
    database.unchecked_ref::<DurableDatabase>().transaction(&names(stores), "readwrite", &options)
}

/// Runs `work` in a writing transaction and waits for its end: all of it is on disk, or (on any error) none.
pub(crate) async fn write<T>(
    database: &IdbDatabase,
    stores: &[&str],
    work: impl AsyncFnOnce(&IdbTransaction) -> Result<T, JsValue>,
) -> Result<T, JsValue> {
    let transaction = writing(database, stores)?;
    let ended = Promise::new(&mut |resolve: Function, reject: Function| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
    });
    let done = match work(&transaction).await {
        Ok(done) => done,
        Err(error) => {
            // What was requested before the error must not be committed by the end of this task.
            let _ = transaction.abort();
            let _ = JsFuture::from(ended).await;
            return Err(error);
        }
    };
    match JsFuture::from(ended).await {
        Ok(_) => Ok(done),
        // The event does not say why; the transaction does (QuotaExceededError and the like).
        Err(event) => Err(transaction.error().map_or(event, JsValue::from)),
    }
}

/// The result of a request. It listens from the call on, not from the first poll: an event that nobody hears is gone.
pub(crate) fn done(request: IdbRequest) -> impl Future<Output = Result<JsValue, JsValue>> {
    let settled = Promise::new(&mut |resolve: Function, reject: Function| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    async move {
        match JsFuture::from(settled).await {
            Ok(_) => request.result(),
            Err(event) => Err(request.error().ok().flatten().map_or(event, JsValue::from)),
        }
    }
}

/// All keys and values of a store, ascending.
pub(crate) async fn all(store: &IdbObjectStore) -> Result<Vec<(Vec<u8>, Vec<u8>)>, JsValue> {
    let (keys, values) = (done(store.get_all_keys()?), done(store.get_all()?));
    let keys: Array = keys.await?.dyn_into()?;
    let values: Array = values.await?.dyn_into()?;
    if keys.length() != values.length() {
        return Err(JsValue::UNDEFINED);
    }
    keys.iter().zip(values.iter()).map(|(key, value)| Ok((key_bytes(&key), bytes(&value)?))).collect()
}

/// The last `most` keys and values between two keys (both inclusive), descending.
pub(crate) async fn newest(store: &IdbObjectStore, from: &[u8], to: &[u8], most: u32) -> Result<Vec<(Vec<u8>, Vec<u8>)>, JsValue> {
    let mut rows = Vec::new();
    // An empty range is an answer here, and an exception in IndexedDB.
    if from > to || most == 0 {
        return Ok(rows);
    }
    let range = IdbKeyRange::bound(&Uint8Array::from(from), &Uint8Array::from(to))?;
    let request = store.open_cursor_with_range_and_direction(&range, IdbCursorDirection::Prev)?;
    loop {
        let found = done(request.clone()).await?;
        let Some(cursor) = found.dyn_ref::<IdbCursorWithValue>() else { return Ok(rows) };
        rows.push((key_bytes(&cursor.key()?), bytes(&cursor.value()?)?));
        if rows.len() >= most as usize {
            return Ok(rows);
        }
        cursor.continue_()?;
    }
}

/// A stored byte string; anything else is damage.
pub(crate) fn bytes(value: &JsValue) -> Result<Vec<u8>, JsValue> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).ok_or(JsValue::UNDEFINED)
}

/// Binary keys come back as ArrayBuffers.
fn key_bytes(key: &JsValue) -> Vec<u8> {
    Uint8Array::new(key).to_vec()
}

fn names(stores: &[&str]) -> Array {
    stores.iter().map(|store| JsValue::from_str(store)).collect()
}

fn factory() -> Result<IdbFactory, JsValue> {
    scope().indexed_db()?.ok_or(JsValue::UNDEFINED)
}
