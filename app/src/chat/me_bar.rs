//! Who is signed in and whether there is a connection: visible at every width.

use leptos::prelude::*;

use crate::context::use_app;
use crate::state::DialogKind;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Avatar, Erase};
use crate::wording;

/// The bar with the own name, the connection, settings and sign-out.
#[component]
pub(super) fn MeBar() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let me = Memo::new(move |_| state.me());
    view! {
        <div class="me-bar" role="group" aria-label="You">
            {move || me.get().map_or_else(|| ().into_any(), |person| view! { <Avatar face=person.into()/> }.erase())}
            <div class="me-who">
                <code data-testid="me-username">{move || me.get().map_or_else(String::new, |me| me.name.to_string())}</code>
                <span
                    class="connection"
                    role="status"
                    data-testid="connection-status"
                    data-state=move || wording::connection_state(state.connection.get())
                >
                    <i class="dot" aria-hidden="true"></i>
                    {move || wording::connection(state.connection.get())}
                </span>
                // Beside the live region: a number that changes ten times a second is there to be read, not to be read out.
                <span class="connection-count" data-testid="catching-up">{move || wording::progress(state.connection.get())}</span>
            </div>
            <button
                class="icon-button"
                type="button"
                data-testid="settings-open"
                aria-label="Settings"
                on:click=move |_| state.dialog.set(Some(DialogKind::Settings))
            >
                {draw(Icon::Settings)}
            </button>
            <button
                class="icon-button"
                type="button"
                data-testid="signout"
                aria-label="Sign out"
                on:click=move |_| state.dialog.set(Some(DialogKind::SignOut))
            >
                {draw(Icon::SignOut)}
            </button>
        </div>
    }
    .erase()
}
