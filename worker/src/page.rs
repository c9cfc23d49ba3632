//! Messages from and to the page: JSON texts of `ToWorker` and `FromWorker`.

use std::rc::Rc;

use serde::Deserialize;
use sotto_client::io::Input;
use sotto_client_api::views::Phase;
use sotto_client_api::{FromWorker, ToWorker, Update};
use sotto_protocol::ErrorCode;
use wasm_bindgen::prelude::*;
use web_sys::MessageEvent;
use zeroize::Zeroizing;

use crate::host::Host;
use crate::scope::scope;

/// Hands every message of the page to the host from now on.
pub(crate) fn listen(host: Rc<Host>) {
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| receive(&host, &event.data()));
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // Lives as long as the worker.
    on_message.forget();
}

/// Tells the page.
pub(crate) fn post(message: &FromWorker) {
    let Ok(json) = serde_json::to_string(message) else { return };
    // Strings can always be cloned, so this cannot fail.
    let _ = scope().post_message(&JsValue::from_str(&json));
}

/// The engine panicked: tells the page and ends the worker, which also lets go of the tab lock. In-flight transactions
/// commit whole or not at all. Nothing of the panic's text is shown, for it could quote data.
pub(crate) fn last_words() {
    post(&FromWorker::Update(Update::Phase(Phase::Broken { code: ErrorCode::Internal })));
    web_sys::console::error_1(&JsValue::from_str("engine stopped"));
    scope().close();
}

fn receive(host: &Rc<Host>, data: &JsValue) {
    // Passwords pass through here: the copy in this module's memory does not outlive its parsing.
    let text = Zeroizing::new(data.as_string().unwrap_or_default());
    match decode(&text) {
        Ok(ToWorker { id, command }) => host.deliver(Input::Command { id, command }),
        Err(answer) => post(&answer),
    }
}

/// The command, or what to answer to something that is none.
fn decode(text: &str) -> Result<ToWorker, Box<FromWorker>> {
    #[derive(Deserialize)]
    struct IdOnly {
        id: u32,
    }
    serde_json::from_str(text).map_err(|_| {
        Box::new(match serde_json::from_str::<IdOnly>(text) {
            Ok(IdOnly { id }) => FromWorker::Reply { id, result: Err(ErrorCode::Malformed) },
            Err(_) => FromWorker::Update(Update::Notice { code: ErrorCode::Malformed, room: None }),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_commands_are_answered_under_their_id() {
        let answer = decode(r#"{"id":7,"command":{"NoSuchThing":1}}"#).err();
        assert!(matches!(answer.as_deref(), Some(FromWorker::Reply { id: 7, result: Err(ErrorCode::Malformed) })));
    }

    #[test]
    fn what_is_no_command_at_all_becomes_a_notice() {
        for text in ["", "null", "[]", "{", r#"{"id":-1}"#, r#"{"id":"7"}"#] {
            let answer = decode(text).err();
            assert!(matches!(answer.as_deref(), Some(FromWorker::Update(Update::Notice { code: ErrorCode::Malformed, .. }))), "{text}");
        }
    }

    #[test]
    fn commands_are_read() {
        assert!(matches!(decode(r#"{"id":1,"command":"Nudge"}"#), Ok(ToWorker { id: 1, .. })));
    }
}
