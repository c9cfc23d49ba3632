//! The side: brand, recipient box, list of rooms, and what to do while there is none.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::invites::Asks;
use super::recipient::RecipientBox;
use super::request::RequestBar;
use crate::actions::{self, RECIPIENT_ID};
use crate::context::use_app;
use crate::state::{DialogKind, RoomRow};
use crate::time::{self, Local};
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Avatar, Erase, Face, Row, Rows, Show};
use crate::wording;

/// Left column on a wide screen, the first screen on a phone.
#[component]
pub(super) fn Sidebar() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let on_key = move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            _ => return,
        };
        event.prevent_default();
        app.platform.run(|browser| browser.focus_sibling(".room", step));
    };
    let rows = move || {
        let draw = |row: RoomRow| Row::new(row.room.to_string(), move || view! { <RoomItem row=row.clone()/> }.erase());
        state.rooms.get().into_iter().map(draw).collect::<Vec<_>>()
    };
    view! {
        <nav class="sidebar" aria-label="Conversations">
            <div class="brand-row">
                <span class="brand"><i aria-hidden="true"></i>"sotto"</span>
                <button
                    class="icon-button"
                    type="button"
                    data-testid="new-chat"
                    aria-label="New conversation"
                    on:click=move |_| app.platform.run(|browser| browser.focus(RECIPIENT_ID))
                >
                    {draw(Icon::Plus)}
                </button>
                <button
                    class="icon-button"
                    type="button"
                    data-testid="new-group"
                    aria-label="New group"
                    on:click=move |_| state.dialog.set(Some(DialogKind::NewGroup))
                >
                    {draw(Icon::People)}
                </button>
            </div>
            <RecipientBox/>
            <Asks/>
            <ul class="rooms" data-testid="room-list" on:keydown=on_key>
                <Rows rows/>
            </ul>
            <Show when=move || state.rooms.with(Vec::is_empty) && state.asks.with(Vec::is_empty)>
                <p class="rooms-empty">"No conversations yet. Type a user name above to begin one."</p>
            </Show>
        </nav>
    }
    .erase()
}

/// One room of the list.
#[component]
fn RoomItem(row: RoomRow) -> impl IntoView {
    let app = use_app();
    let room = row.room;
    let view = row.view.clone();
    let notes = view.with_untracked(|view| view.notes);
    // What people are known by does not change with what they want to be called; a group is there before its name is.
    let known_by = {
        let view = view.clone();
        Memo::new(move |_| view.with(|view| view.peer.as_ref().map_or_else(|| view.title.clone(), |peer| peer.name.to_string())))
    };
    let face = {
        let view = view.clone();
        Memo::new(move |_| view.with(Face::of))
    };
    let name = {
        let view = view.clone();
        move || view.with(wording::title)
    };
    let current = move || app.state.timeline.room.get() == Some(room);
    let when = {
        let view = view.clone();
        move || Local::of(view.with(|view| view.active_at), app.platform).short(time::now(app.platform))
    };
    let preview = {
        let view = view.clone();
        move || {
            view.with(|view| {
                if view.draft && !current() {
                    return ("Draft".to_owned(), "You have not sent what you wrote".to_owned());
                }
                match &view.preview {
                    Some(preview) if preview.mine && !view.notes => ("You:".to_owned(), preview.text.clone()),
                    Some(preview) => (String::new(), preview.text.clone()),
                    None => (String::new(), "No messages yet".to_owned()),
                }
            })
        }
    };
    let preview = Memo::new(move |_| preview());
    let unread = Memo::new(move |_| view.with(|view| (view.unread, view.muted)));
    view! {
        // The item is the line, because a request's has buttons beside the one that opens it.
        <li data-testid="room-item" data-room-id=room.to_string() data-name=move || known_by.get() on:click=move |_| actions::open_room(app, room)>
        <button class="room" type="button" aria-current=move || current().then(|| "true".to_owned())>
            {move || view! { <Avatar face=face.get() notes/> }.erase()}
            <span class="room-name">
                {name}
                <Show when=move || unread.get().1><span class="room-muted">{draw(Icon::Muted)}<span class="sr-only">" muted"</span></span></Show>
            </span>
            <time class="room-time">{when}</time>
            <span class="room-preview" dir="auto">
                <Show when=move || !preview.with(|(mark, _)| mark.is_empty())>
                    <span class="room-mark" data-draft=move || preview.with(|(mark, _)| mark == "Draft").to_string()>
                        {move || preview.with(|(mark, _)| mark.clone())} " "
                    </span>
                </Show>
                {move || preview.with(|(_, text)| text.clone())}
            </span>
            <Show when=move || { unread.get().0 > 0 }>
                <span class="badge" data-testid="unread-badge" data-muted=move || unread.get().1.to_string()>
                    {move || unread.get().0.to_string()} <span class="sr-only">" unread"</span>
                </span>
            </Show>
        </button>
        <RequestBar row small=true/>
        </li>
    }
    .erase()
}
