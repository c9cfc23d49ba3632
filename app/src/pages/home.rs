//! The page at `/`: sign-in or chat, by the server's session at first and by the engine from then on.

use leptos::prelude::*;
use sotto_client_api::views::Phase;
use sotto_protocol::ErrorCode;

use super::screens::{Broken, Locked, Opening, OtherTab, Replaced, SigningOut};
use super::sign_in::SignIn;
use crate::chat::Chat;
use crate::context::use_app;
use crate::widgets::Erase;

/// Which screen stands. It ignores the details of a phase, so that a form keeps what was typed while details change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Screen {
    SignIn,
    SignInAgain,
    Opening,
    Leaving,
    Chat,
    Locked,
    Replaced,
    OtherTab,
    Broken(ErrorCode),
}

/// The page at `/`.
#[component]
pub(crate) fn Home() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let screen = Memo::new(move |_| {
        state.phase.with(|phase| match phase {
            // The server's HTML and the first render agree: both know the session, neither knows the engine.
            Phase::Booting if app.first.signed_in => Screen::Opening,
            Phase::SignedOut { .. } | Phase::Evicted if state.leaving.get().is_some() => Screen::Leaving,
            Phase::Booting | Phase::SignedOut { .. } | Phase::Evicted => Screen::SignIn,
            Phase::SessionEnded { .. } if state.signing_in_again.get() => Screen::SignInAgain,
            Phase::Ready { .. } | Phase::SessionEnded { .. } => Screen::Chat,
            Phase::Locked { .. } => Screen::Locked,
            Phase::Replaced { .. } => Screen::Replaced,
            Phase::OtherTab => Screen::OtherTab,
            Phase::Broken { code } => Screen::Broken(*code),
        })
    });
    (move || match screen.get() {
        Screen::SignIn => view! { <SignIn/> }.erase(),
        Screen::SignInAgain => view! { <SignIn again=true/> }.erase(),
        Screen::Opening => view! { <Opening/> }.erase(),
        Screen::Leaving => view! { <SigningOut/> }.erase(),
        Screen::Chat => view! { <Chat/> }.erase(),
        Screen::Locked => view! { <Locked/> }.erase(),
        Screen::Replaced => view! { <Replaced/> }.erase(),
        Screen::OtherTab => view! { <OtherTab/> }.erase(),
        Screen::Broken(code) => view! { <Broken code/> }.erase(),
    })
    .into_any()
}
