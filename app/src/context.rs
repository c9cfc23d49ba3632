//! The one context of every component: state, engine, browser.

use leptos::prelude::*;

use crate::handle::{ClientHandle, Platform};
use crate::route::Route;
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
    /// The page that stands.
    pub route: RwSignal<Route>,
}

impl AppContext {
    /// The context of a page. Call it in the root owner.
    #[must_use]
    pub fn new(state: ClientState, client: ClientHandle, platform: Platform, first: FirstPage) -> Self {
        Self { state, client, platform, first, route: RwSignal::new(first.route) }
    }

    /// The context as the server has it: no engine, no browser. Call it in the root owner.
    #[must_use]
    pub fn without_engine(first: FirstPage) -> Self {
        Self::new(ClientState::new(), ClientHandle::new(None), Platform::new(None), first)
    }

    /// Shows a page. The one that stands is left as it is.
    pub fn show(self, route: Route) {
        if self.route.get_untracked() != route {
            self.route.set(route);
        }
    }

    /// Whether the address is an invite link. What it says stays in it until the person has answered, so that a reload asks again.
    pub fn look_for_invite(self) {
        let fragment = self.platform.with(String::new(), |browser| browser.fragment());
        if let Some(code) = fragment.strip_prefix("#join=") {
            self.state.invite.set(Some(code.to_owned()));
        }
    }

    /// Names the document.
    pub(crate) fn title(self, text: &str) {
        self.platform.run(|browser| browser.set_title(&format!("{text} · Sotto")));
    }

    /// Shows `/` in place of the page that stands: going back does not return to it.
    pub(crate) fn go_home(self) {
        self.platform.run(|browser| browser.replace_path("/"));
        self.show(Route::Home);
    }
}

/// The context of the page. `App` provides it, so a component always finds one; the fallback is the server's.
pub(crate) fn use_app() -> AppContext {
    use_context().unwrap_or_else(|| AppContext::without_engine(use_context().unwrap_or_default()))
}
