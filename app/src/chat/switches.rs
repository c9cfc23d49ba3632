//! What the person decides about a room for all own devices: whether it is announced, and whether its history is kept.

use leptos::prelude::*;
use sotto_client_api::Command;

use crate::actions;
use crate::context::use_app;
use crate::state::RoomRow;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Asked, Erase, Question, Show};

const UNARCHIVING: Question = Question {
    testid: "room-unarchive",
    words: "Keep no history for new devices…",
    question: "What the server keeps of this conversation for your new devices is deleted. It stays in the browsers where it is now.",
    sure: "Delete and keep none",
    not: "Keep",
};

/// Muting, and keeping history for new devices.
#[component]
pub(super) fn RoomSwitches(row: RoomRow) -> impl IntoView {
    let app = use_app();
    let room = row.room;
    let state = Memo::new(move |_| row.view.with(|view| (view.muted, view.archived)));
    let mute = move |_| actions::tell(app, room, Command::SetMuted { room, muted: !state.get_untracked().0 });
    let archive = move |on| actions::tell(app, room, Command::SetArchiving { room: Some(room), on });
    view! {
        <button class="button" type="button" data-testid="room-mute" aria-pressed=move || state.get().0.to_string() on:click=mute>
            {move || draw(if state.get().0 { Icon::Muted } else { Icon::Bell })}
            {move || if state.get().0 { "Muted: announce its messages again" } else { "Mute" }}
        </button>
        <Show when=move || state.get().1>
            <Asked ask=UNARCHIVING on_sure=move |()| archive(false)/>
        </Show>
        <Show when=move || !state.get().1>
            <p class="hint" data-testid="room-unarchived">"This conversation is not archived: your new devices begin without it."</p>
            <button class="button" type="button" data-testid="room-archive" on:click=move |_| archive(true)>"Keep history from now on"</button>
        </Show>
    }
    .erase()
}
