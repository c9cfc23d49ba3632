//! Entry of the page's WASM module: starts the engine's worker, gives `app` its handles by context, hydrates.
//!
//! Everything that touches the browser for the page lives here: [`bridge`] talks to the worker, [`browser`] to clock, clipboard,
//! theme, storage and focus, [`trusted_types`] guards the DOM's script sinks, [`events`] reports visibility and network,
//! [`navigation`] follows links.

mod bridge;
mod browser;
mod camera;
mod download;
mod events;
mod navigation;
mod picture;
mod trusted_types;

use std::sync::Arc;

use leptos::prelude::*;
use sotto_app::handle::{ClientHandle, Platform};
use sotto_app::{App, AppContext, ClientState, FirstPage, Route, Theme};
use wasm_bindgen::prelude::wasm_bindgen;

use bridge::Bridge;
use browser::Page;

/// Runs when the module has loaded.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| browser::say_that_it_broke(panic.location())));
    let worker_url = browser::document_data("worker").unwrap_or_default();
    trusted_types::install([worker_url.clone(), browser::document_data("scanner").unwrap_or_default()]);
    let first = FirstPage {
        signed_in: browser::document_data("signedIn").as_deref() == Some("true"),
        theme: Theme::from_name(&browser::document_data("theme").unwrap_or_default()),
        route: Route::of(&browser::path()),
    };
    leptos::mount::hydrate_body(move || {
        // Inside the closure, so that all signals belong to the root owner, which is never disposed.
        let state = ClientState::new();
        let bridge = Bridge::start(&worker_url, state);
        let client = ClientHandle::new(Some(Arc::new(bridge)));
        let platform = Platform::new(Some(Arc::new(Page)));
        let app = AppContext::new(state, client, platform, first);
        provide_context(app);
        events::listen(app);
        navigation::follow(app);
        view! { <App/> }
    });
}
