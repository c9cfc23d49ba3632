//! What the worker's global scope offers: scope, clock, text, and whether the browser has what Sotto needs.

use js_sys::{JsString, Promise, Reflect};
use sotto_protocol::Millis;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::DedicatedWorkerGlobalScope;

/// The worker's global scope.
pub(crate) fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Now, by this device's clock.
pub(crate) fn now() -> Millis {
    // Whole and positive for the next 285,000 years; `as` saturates otherwise.
    js_sys::Date::now() as Millis
}

/// Ends after some time.
pub(crate) async fn sleep(ms: i32) {
    let timer = Promise::new(&mut |wake, _| {
        let _set = scope().set_timeout_with_callback_and_timeout_and_arguments_0(&wake, ms);
    });
    let _woken = JsFuture::from(timer).await;
}

/// NFKC (`String.prototype.normalize`, ECMA-262 §22.1.3.15). What Unicode has assigned is normalized alike by all browsers for good.
pub(crate) fn nfkc(text: &str) -> String {
    JsString::from(text).normalize("NFKC").into()
}

/// Whether IndexedDB, WebCrypto and a way to tell whether another tab runs are there (insecure pages and old browsers lack some).
pub(crate) fn is_supported() -> bool {
    has(&["indexedDB"]) && has(&["crypto", "subtle"]) && (has(&["navigator", "locks"]) || has(&["BroadcastChannel"]))
}

/// Whether something is there, by its names from the global scope on.
pub(crate) fn has(path: &[&str]) -> bool {
    let mut value = JsValue::from(scope());
    for name in path {
        value = Reflect::get(&value, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED);
        if value.is_undefined() || value.is_null() {
            return false;
        }
    }
    true
}

/// Name of a thrown or rejected DOM exception (`QuotaExceededError`), empty for anything else.
pub(crate) fn error_name(error: &JsValue) -> String {
    Reflect::get(error, &JsValue::from_str("name")).ok().and_then(|name| name.as_string()).unwrap_or_default()
}
