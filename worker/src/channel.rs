//! The channel between the tabs of one browser profile.

use js_sys::{Array, Uint8Array};
use sotto_client::tabs::Talk;
use sotto_client_api::wire;
use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, MessageEvent};
use zeroize::Zeroizing;

use crate::scope::scope;

const NAME: &str = "sotto-tabs";

/// An open channel. Everybody hears what anybody else says.
///
/// What is said is `[build, question, bytes]`. Bytes are understood within one build only; the rest stays as it is, so that tabs of two
/// builds, before and after an update of the server, hear at least that the other is there.
pub(crate) struct Channel {
    channel: BroadcastChannel,
    _on_message: Closure<dyn Fn(MessageEvent)>,
}

/// What is heard on it.
pub(crate) enum Heard {
    /// A tab of this build.
    Talk(Box<Talk>),
    /// A tab of another build asks who leads.
    ForeignQuestion,
    /// A tab of another build says something else, so it leads or follows.
    Foreign,
}

impl Channel {
    /// Opens it; `None` where the browser has none.
    pub(crate) fn open(hear: impl Fn(Heard) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(NAME).ok()?;
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let Ok(said) = event.data().dyn_into::<Array>() else { return };
            let foreign = said.get(0).as_string() != Some(build());
            if foreign {
                return hear(if said.get(1).is_truthy() { Heard::ForeignQuestion } else { Heard::Foreign });
            }
            let bytes = Zeroizing::new(said.get(2).dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default());
            if let Ok(talk) = wire::decode(&bytes) {
                hear(Heard::Talk(Box::new(talk)));
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Some(Self { channel, _on_message: on_message })
    }

    /// Says something to all other tabs.
    pub(crate) fn post(&self, talk: &Talk) {
        let Ok(bytes) = wire::encode(talk).map(Zeroizing::new) else { return };
        let question = matches!(talk, Talk::Who);
        let said = Array::of3(&build().into(), &question.into(), &Uint8Array::from(bytes.as_slice()));
        // Bytes can always be cloned, so this cannot fail.
        let _ = self.channel.post_message(&said);
    }
}

/// Names this build: the worker's script has a hash of it in its address.
fn build() -> String {
    scope().location().pathname()
}
