//! The channel between the tabs of one browser profile.

use js_sys::Uint8Array;
use sotto_client::tabs::Talk;
use sotto_client_api::wire;
use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, MessageEvent};
use zeroize::Zeroizing;

const NAME: &str = "sotto-tabs";

/// An open channel. Everybody hears what anybody else says.
pub(crate) struct Channel {
    channel: BroadcastChannel,
    _on_message: Closure<dyn Fn(MessageEvent)>,
}

impl Channel {
    /// Opens it; `None` where the browser has none.
    pub(crate) fn open(hear: impl Fn(Talk) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(NAME).ok()?;
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let bytes = Zeroizing::new(event.data().dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default());
            // What does not decode comes from a tab that was loaded from another build: nothing of it can be understood.
            if let Ok(talk) = wire::decode(&bytes) {
                hear(talk);
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Some(Self { channel, _on_message: on_message })
    }

    /// Says something to all other tabs.
    pub(crate) fn post(&self, talk: &Talk) {
        let Ok(bytes) = wire::encode(talk).map(Zeroizing::new) else { return };
        // Bytes can always be cloned, so this cannot fail.
        let _ = self.channel.post_message(&Uint8Array::from(bytes.as_slice()));
    }
}
