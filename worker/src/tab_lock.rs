//! One engine for each browser profile: an exclusive Web Lock, held until the worker dies.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use crate::scope::scope;

/// Name of the lock; `end2end` and later tabs know it too.
const NAME: &str = "sotto-engine";
/// How long to wait for the holder: after a reload, the page's old worker still has it for some milliseconds.
const PATIENCE_MS: u32 = 1_500;

#[wasm_bindgen]
extern "C" {
    // web-sys has Web Locks behind an unstable cfg only, which would have to be set for every crate of the build.
    type LockManager;

    #[wasm_bindgen(method, catch, js_name = request)]
    fn request(this: &LockManager, name: &str, options: &Object, callback: &Function) -> Result<Promise, JsValue>;
}

/// Takes the lock for the rest of the worker's life; `false` when another tab keeps it.
pub(crate) async fn take() -> bool {
    request_lock().await.is_ok()
}

async fn request_lock() -> Result<(), JsValue> {
    let locks: LockManager = Reflect::get(&scope().navigator(), &"locks".into())?.unchecked_into();
    let options = Object::new();
    Reflect::set(&options, &"mode".into(), &"exclusive".into())?;
    Reflect::set(&options, &"signal".into(), &AbortSignal::timeout_with_u32(PATIENCE_MS))?;

    // The callback answers a promise that never settles: that is what holds the lock. `held` settles only when the patience
    // is over, with an error.
    let mut held = Err(JsValue::UNDEFINED);
    let granted = Promise::new(&mut |grant, _| {
        let callback = Closure::once_into_js(move |_lock: JsValue| {
            let _ = grant.call0(&JsValue::UNDEFINED);
            Promise::new(&mut |_, _| {})
        });
        held = locks.request(NAME, &options, callback.unchecked_ref());
    });
    let held: JsValue = held?.into();
    JsFuture::from(Promise::race(&Array::of2(&granted, &held))).await.map(drop)
}
