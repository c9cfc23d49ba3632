//! Messages from and to the page: `ToWorker` and `FromWorker` as bytes.

use std::rc::Rc;

use js_sys::Uint8Array;
use sotto_client_api::views::Phase;
use sotto_client_api::{FromWorker, Update, wire};
use sotto_protocol::ErrorCode;
use wasm_bindgen::prelude::*;
use web_sys::MessageEvent;
use zeroize::Zeroizing;

use crate::scope::scope;
use crate::tab::Tab;

/// Hands every message of the page to its tab from now on.
pub(crate) fn listen(tab: Rc<Tab>) {
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| receive(&tab, &event.data()));
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // Lives as long as the worker.
    on_message.forget();
}

/// Tells the page.
pub(crate) fn post(message: &FromWorker) {
    let Ok(bytes) = wire::encode(message) else { return };
    // Bytes can always be cloned, so this cannot fail.
    let _ = scope().post_message(&Uint8Array::from(bytes.as_slice()));
}

/// The engine panicked: tells the page and ends the worker, which also lets go of its locks. In-flight transactions
/// commit whole or not at all. Nothing of the panic's text is shown, for it could quote data.
pub(crate) fn last_words() {
    post(&FromWorker::Update(Update::Phase(Phase::Broken { code: ErrorCode::Internal })));
    web_sys::console::error_1(&JsValue::from_str("engine stopped"));
    scope().close();
}

fn receive(tab: &Rc<Tab>, data: &JsValue) {
    // Passwords pass through here: the copy in this module's memory does not outlive its parsing.
    let bytes = Zeroizing::new(data.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default());
    match wire::decode(&bytes) {
        Ok(message) => tab.asked(message),
        Err(code) => post(&refusal(wire::id_of(&bytes), code)),
    }
}

/// The answer to something that is no command.
fn refusal(id: Option<u32>, code: ErrorCode) -> FromWorker {
    match id {
        Some(id) => FromWorker::Reply { id, result: Err(code) },
        None => FromWorker::Update(Update::Notice { code, room: None }),
    }
}
