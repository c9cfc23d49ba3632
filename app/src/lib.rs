//! The page: pages, components, state, server functions and wording. Compiles for `ssr` (the server's HTML) and `hydrate`
//! (the browser's module); the two exclude each other.
//!
//! Map: [`App`] draws the page of the [`Route`]; `chat` and `settings` are the signed-in parts; [`state::ClientState`] is all that is drawn,
//! fed by the engine's updates; `flows` and `actions` are what clicks do; [`handle`] is the way to engine and browser, given by
//! `frontend`; [`wording`] is the only place that words an error; `style/` is the only place that colours one.
//!
//! Invariants: no key is held here; nothing is called during server rendering; no raw HTML is ever set; inputs have no names.

// `#[component]` makes public items of private components.
#![allow(unreachable_pub)]

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("`ssr` and `hydrate` exclude each other: build the server and the page's module apart");

#[allow(missing_docs)] // `#[server]` makes public fields of arguments, which bear no comments
pub mod account_api;
mod actions;
pub mod assets;
mod chat;
pub mod context;
mod export;
mod flows;
pub mod handle;
pub mod markup;
mod pages;
pub mod route;
mod settings;
mod shell;
pub mod state;
pub mod theme;
mod time;
mod widgets;
pub mod wording;

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::Command;
use sotto_client_api::views::Phase;

pub use context::AppContext;
pub use route::Route;
pub use shell::shell;
pub use state::{ClientState, FirstPage};
pub use theme::Theme;

use handle::flag;
use widgets::{Erase, effect};

/// The root: routes, and the boot of the engine once the page is live. The context comes from `frontend`; the server has an
/// empty one.
#[component]
pub fn App() -> impl IntoView {
    let app = context::use_app();
    provide_context(app);
    effect(move || app.look_for_invite());
    effect(move || boot(app));
    effect(move || home_when_ready(app));
    (move || match app.route.get() {
        Route::Home => view! { <pages::Home/> }.erase(),
        Route::SignUp => view! { <pages::SignUp/> }.erase(),
        Route::Forgot => view! { <pages::Forgot/> }.erase(),
        Route::Missing => view! { <pages::NotFound/> }.erase(),
    })
    .into_any()
}

/// First command to the engine. A sign-out that the server has not heard of comes first.
fn boot(app: AppContext) {
    let unfinished = app.platform.with(None, |browser| browser.flag(flag::SIGNING_OUT));
    spawn_local(async move {
        if let Some(how) = &unfinished {
            flows::finish_sign_out(app, how == "wipe").await;
        }
        let signed_in = app.first.signed_in && unfinished.is_none();
        if let Err(code) = app.client.call(Command::Boot { signed_in }).await {
            // The phase says more when the engine reported one; a silent failure must still show.
            if app.state.phase.get_untracked() == Phase::Booting {
                app.state.set_broken(code);
            }
        }
    });
}

/// Leaves sign-up and recovery for the chat when the engine is ready, unless a recovery code is on the screen.
fn home_when_ready(app: AppContext) {
    let ready = app.state.phase.with(|phase| matches!(phase, Phase::Ready { .. }));
    if ready && !app.state.held.get() && app.route.get() != Route::Home {
        app.go_home();
    }
}
