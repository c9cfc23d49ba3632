//! Visibility and network of the page: to the state, and as a nudge to the engine, which then reconnects at once.

use leptos::prelude::{document, window};
use sotto_app::AppContext;
use sotto_client_api::Command;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventTarget, VisibilityState};

/// Listens for the life of the page.
pub(crate) fn listen(app: AppContext) {
    let AppContext { state, client, .. } = app;
    let visibility = move || {
        let visible = document().visibility_state() == VisibilityState::Visible;
        state.set_visible(visible);
        if visible {
            client.tell(Command::Nudge);
        }
    };
    let network = move || {
        state.set_online(window().navigator().on_line());
        client.tell(Command::Nudge);
    };
    on(&document(), "visibilitychange", visibility);
    on(&window(), "online", network);
    on(&window(), "offline", network);
    // Leaving counts as hidden: what is in the composer is stored now.
    on(&window(), "pagehide", move || state.set_visible(false));
    on(&window(), "pageshow", visibility);
}

fn on(target: &EventTarget, name: &str, handler: impl Fn() + 'static) {
    let closure = Closure::<dyn Fn()>::new(handler);
    // Fails only for a listener that is no function.
    let _added = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
    closure.forget();
}
