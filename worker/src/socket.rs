//! The sync WebSocket: opened, frames in order, closed. A socket that was dropped says nothing any more.

use std::rc::Rc;

use js_sys::{ArrayBuffer, Uint8Array};
use sotto_client::io::Input;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, MessageEvent, WebSocket};

use crate::host::Host;
use crate::scope::scope;

/// An opening or open socket. Dropping it closes it without a word to the engine.
pub(crate) struct Socket {
    socket: WebSocket,
    _on_open: Closure<dyn Fn()>,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_close: Closure<dyn Fn()>,
}

impl Socket {
    /// Begins to open the socket of this site. `None` where the browser refuses at once.
    pub(crate) fn open(host: &Rc<Host>) -> Option<Self> {
        let socket = WebSocket::new(&address()?).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);

        let on_open = Closure::<dyn Fn()>::new({
            let host = Rc::downgrade(host);
            move || {
                if let Some(host) = host.upgrade() {
                    host.deliver(Input::SocketOpened);
                }
            }
        });
        let on_message = Closure::<dyn Fn(MessageEvent)>::new({
            let host = Rc::downgrade(host);
            move |event: MessageEvent| {
                if let Some(host) = host.upgrade() {
                    host.deliver(Input::Frame(frame_of(&event.data())));
                }
            }
        });
        let on_close = Closure::<dyn Fn()>::new({
            let host = Rc::downgrade(host);
            move || {
                if let Some(host) = host.upgrade() {
                    host.socket_closed();
                }
            }
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        // An `error` event is always followed by `close`, so that one is enough.
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Some(Self { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close })
    }

    /// Sends one binary message; `false` when the socket takes none.
    pub(crate) fn send(&self, bytes: &[u8]) -> bool {
        self.socket.send_with_u8_array(bytes).is_ok()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Handlers first: events that are already queued must not reach the engine as those of the next socket.
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}

fn address() -> Option<String> {
    let place = scope().location();
    let scheme = if place.protocol() == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}/api/v1/sync", place.host()))
}

/// The bytes of a message. A text message is none of ours: its bytes do not decode, and the engine says so.
fn frame_of(data: &JsValue) -> Vec<u8> {
    match data.dyn_ref::<ArrayBuffer>() {
        Some(buffer) => Uint8Array::new(buffer).to_vec(),
        None => data.as_string().unwrap_or_default().into_bytes(),
    }
}
