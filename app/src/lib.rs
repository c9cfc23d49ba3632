//! The page: pages, components, state, server functions and wording. Compiles for `ssr` (the server's HTML) and `hydrate`
//! (the browser's module); the two exclude each other.
//!
//! Map: [`App`] routes to `pages`; `chat` and `settings` are the signed-in parts; [`state::ClientState`] is all that is drawn,
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
mod flows;
pub mod handle;
mod pages;
mod settings;
mod shell;
pub mod state;
pub mod theme;
mod time;
mod widgets;
pub mod wording;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::hooks::{use_location, use_navigate};
use leptos_router::{NavigateOptions, StaticSegment};
use sotto_client_api::Command;
use sotto_client_api::views::Phase;

pub use context::AppContext;
pub use shell::shell;
pub use state::{ClientState, FirstPage};
pub use theme::Theme;

use handle::flag;

/// The root: routes, and the boot of the engine once the page is live. The context comes from `frontend`; the server has an
/// empty one.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let app = context::use_app();
    provide_context(app);
    Effect::new(move || boot(app));
    view! {
        <Title formatter=|text: String| if text.is_empty() { "Sotto".to_owned() } else { format!("{text} · Sotto") }/>
        <Router>
            <HomeWhenReady/>
            <FlatRoutes fallback=|| view! { <pages::NotFound/> }>
                <Route path=StaticSegment("") view=pages::Home/>
                <Route path=StaticSegment("signin") view=pages::Home/>
                <Route path=StaticSegment("signup") view=pages::SignUp/>
                <Route path=StaticSegment("forgot") view=pages::Forgot/>
            </FlatRoutes>
        </Router>
    }
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
#[component]
fn HomeWhenReady() -> impl IntoView {
    let state = context::use_app().state;
    let path = use_location().pathname;
    let navigate = use_navigate();
    Effect::new(move || {
        let ready = state.phase.with(|phase| matches!(phase, Phase::Ready { .. }));
        if ready && !state.held.get() && path.with(|path| path != "/") {
            navigate("/", NavigateOptions { replace: true, ..Default::default() });
        }
    });
}
