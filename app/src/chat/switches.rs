//! What the person decides about a room for all own devices: whether it is announced, and whether its history is kept.

use leptos::prelude::*;
use sotto_client_api::Command;

use crate::actions;
use crate::context::use_app;
use crate::state::RoomRow;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Erase, Show};

/// Muting, and keeping history for new devices.
#[component]
pub(super) fn RoomSwitches(row: RoomRow) -> impl IntoView {
    let app = use_app();
    let room = row.room;
    let state = Memo::new(move |_| row.view.with(|view| (view.muted, view.archived)));
    let (asking, set_asking) = signal(false);
    let mute = move |_| actions::tell(app, room, Command::SetMuted { room, muted: !state.get_untracked().0 });
    let archive = move |on| {
        set_asking.set(false);
        actions::tell(app, room, Command::SetArchiving { room: Some(room), on });
    };
    view! {
        <button class="button" type="button" data-testid="room-mute" aria-pressed=move || state.get().0.to_string() on:click=mute>
            {move || draw(if state.get().0 { Icon::Muted } else { Icon::Bell })}
            {move || if state.get().0 { "Muted: announce its messages again" } else { "Mute" }}
        </button>
        <Show when=move || state.get().1 && !asking.get()>
            <button class="button" type="button" data-testid="room-unarchive" on:click=move |_| set_asking.set(true)>"Keep no history for new devices…"</button>
        </Show>
        <Show when=move || asking.get()>
            <div class="member-choices" role="alert">
                <p>"What the server keeps of this conversation for your new devices is deleted. It stays in the browsers where it is now."</p>
                <button class="button button-danger" type="button" data-testid="room-unarchive-sure" on:click=move |_| archive(false)>"Delete and keep none"</button>
                <button class="button" type="button" data-testid="room-unarchive-not" on:click=move |_| set_asking.set(false)>"Keep"</button>
            </div>
        </Show>
        <Show when=move || !state.get().1>
            <p class="hint" data-testid="room-unarchived">"This conversation is not archived: your new devices begin without it."</p>
            <button class="button" type="button" data-testid="room-archive" on:click=move |_| archive(true)>"Keep history from now on"</button>
        </Show>
    }
    .erase()
}
