//! The one context of every component: state, engine, browser.

use leptos::prelude::*;

use crate::handle::{ClientHandle, Platform};
use crate::state::{ClientState, FirstPage};

/// What components reach. All parts are handles, so it copies freely.
#[derive(Clone, Copy)]
pub struct AppContext {
    /// What is drawn.
    pub state: ClientState,
    /// The engine; empty on the server.
    pub client: ClientHandle,
    /// The browser; empty on the server.
    pub platform: Platform,
    /// What the server's first page knew.
    pub first: FirstPage,
}

impl AppContext {
    /// The context as the server has it: no engine, no browser. Call it in the root owner.
    #[must_use]
    pub fn without_engine(first: FirstPage) -> Self {
        Self { state: ClientState::new(), client: ClientHandle::new(None), platform: Platform::new(None), first }
    }
}

/// The context of the page. `App` provides it, so a component always finds one; the fallback serves route listing at server start.
pub(crate) fn use_app() -> AppContext {
    use_context().unwrap_or_else(|| AppContext::without_engine(use_context().unwrap_or_default()))
}
