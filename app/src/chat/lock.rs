//! The lock of a room: one glance, and one sentence when it is opened.

use leptos::prelude::*;
use sotto_client_api::views::Trust;

use crate::context::use_app;
use crate::state::{Panel, RoomRow};
use crate::widgets::Erase;
use crate::widgets::icon::{Icon, draw};
use crate::wording;

/// The badge in the room's header; it opens the panel that begins with the sentence.
#[component]
pub(super) fn LockBadge(row: RoomRow) -> impl IntoView {
    let app = use_app();
    let panel = app.state.panel;
    let trust = Memo::new(move |_| row.view.with(|view| view.trust));
    let state = move || match trust.get() {
        Trust::Pinned => "pinned",
        Trust::Verified => "verified",
        Trust::Changed => "changed",
    };
    view! {
        <button
            class="lock"
            type="button"
            data-testid="lock-badge"
            data-trust=state
            aria-expanded=move || (panel.get() == Some(Panel::Lock)).to_string()
            aria-controls="panel"
            on:click=move |_| app.state.toggle_panel(Panel::Lock)
        >
            {move || draw(if trust.get() == Trust::Changed { Icon::Alert } else { Icon::Lock })}
            <span>{move || wording::lock_label(trust.get())}</span>
        </button>
    }
    .erase()
}
