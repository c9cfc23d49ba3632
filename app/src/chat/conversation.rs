//! The conversation: header with name and lock, timeline, composer; or what to do while none is open.

use leptos::prelude::*;
use sotto_client_api::Command;
use sotto_client_api::views::{EntryBody, Trust};
use sotto_protocol::ErrorCode;

use super::composer::Composer;
use super::lock::LockBadge;
use super::request::RequestBar;
use super::timeline::TimelineLog;
use crate::actions;
use crate::context::use_app;
use crate::state::{EntryRow, Panel, RoomRow};
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Avatar, Banner, CopyButton, Erase, Face, Show, effect};
use crate::wording;

/// The middle of the screen.
#[component]
pub(super) fn Conversation() -> impl IntoView {
    let app = use_app();
    // By room, so that another room gets fresh elements and an update of the same room does not.
    let open = Memo::new(move |_| app.state.timeline.room.get().and_then(|room| app.state.find_room(room)));
    view! {
        <main class="conversation" id="main" tabindex="-1" aria-label="Conversation">
            {move || match open.get() {
                Some(row) => view! { <OpenRoom row/> }.erase(),
                None => view! { <NoRoom/> }.erase(),
            }}
        </main>
    }
    .erase()
}

/// An open room.
#[component]
fn OpenRoom(row: RoomRow) -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let notes = row.view.with_untracked(|view| view.notes);
    let face = {
        let view = row.view.clone();
        Memo::new(move |_| view.with(Face::of))
    };
    let title = {
        let view = row.view.clone();
        move || view.with(wording::title)
    };
    let changed = {
        let view = row.view.clone();
        Memo::new(move |_| view.with(|view| view.trust == Trust::Changed))
    };
    let behind = {
        let view = row.view.clone();
        Memo::new(move |_| view.with(|view| view.behind.clone()))
    };
    let known_by = {
        let view = row.view.clone();
        Memo::new(move |_| {
            view.with(|view| view.peer.as_ref().filter(|peer| peer.shown.is_some() && !view.notes).map(|peer| peer.name.to_string()))
        })
    };
    let (asking, set_asking) = signal(false);
    let room = row.room;
    let peer = row.view.with_untracked(|view| view.peer.as_ref().map(|peer| peer.account));
    let acknowledge = move |_| {
        if let Some(account) = peer {
            actions::tell(app, room, Command::AcknowledgeIdentity { account });
        }
    };
    let group = row.view.with_untracked(|view| view.peer.is_none());
    if group {
        follow_members(row.clone());
    }
    let go_on = move |_| {
        if asking.get_untracked() {
            actions::tell(app, room, Command::GoOn { room });
        }
        set_asking.update(|asking| *asking = !*asking);
    };
    view! {
        <header class="room-head">
            <button class="icon-button back" type="button" data-testid="room-back" aria-label="Back to conversations" on:click=move |_| actions::close_room(app)>
                {draw(Icon::Back)}
            </button>
            {move || view! { <Avatar face=face.get() notes/> }.erase()}
            <h1 class=if notes || group { "room-title" } else { "room-title mono" } data-testid="room-title">{title}</h1>
            {move || known_by.get().map(|name| view! { <span class="room-known-by mono" data-testid="room-known-by">{name}</span> }.erase())}
            {group.then(|| view! { <MembersButton/> }.erase())}
            <LockBadge row=row.clone()/>
        </header>
        <Show when=move || changed.get()>
            <div class="banner banner-warn" role="alert" data-testid="identity-banner">
                {draw(Icon::Alert)}
                <span>{wording::error(ErrorCode::IdentityChanged)}</span>
                <button class="button" type="button" data-testid="identity-compare" on:click=move |_| state.panel.set(Some(Panel::Lock))>
                    "Compare"
                </button>
                <button class="button" type="button" data-testid="identity-acknowledge" on:click=acknowledge>"I know"</button>
            </div>
        </Show>
        <Show when=move || behind.with(Option::is_some)>
            <div class="banner banner-warn" role="alert" data-testid="behind-banner">
                {draw(Icon::Alert)}
                <span>{move || wording::behind(&behind.get().unwrap_or_default(), asking.get())}</span>
                <button class="button" type="button" data-testid="behind-go-on" hidden=move || behind.with(|names| names.as_deref() == Some("")) on:click=go_on>
                    {move || if asking.get() { "Go on among them" } else { "Go on…" }}
                </button>
            </div>
        </Show>
        <RequestBar row=row.clone() small=false/>
        <TimelineLog row=row.clone()/>
        <Composer row/>
    }
    .erase()
}

/// Asks who is in the open group, again whenever something happened in it.
fn follow_members(row: RoomRow) {
    let app = use_app();
    let room = row.room;
    let happened = Memo::new(move |_| {
        let system = |row: &EntryRow| row.entry.with(|entry| matches!(entry.body, EntryBody::System(_)).then(|| entry.key.clone()));
        let newest = app.state.timeline.rows.with(|rows| rows.iter().rev().find_map(system));
        (newest, row.view.with(|view| view.can_send))
    });
    effect(move || {
        // Read, because a memo that is only tracked is never worked out, so it would never change.
        happened.with(|_| ());
        leptos::task::spawn_local(actions::load_members(app, room));
    });
}

/// How many are in the group; opens the list of them.
#[component]
fn MembersButton() -> impl IntoView {
    let state = use_app().state;
    let count = move || state.member_count();
    view! {
        <button
            class="head-button"
            type="button"
            data-testid="members-open"
            aria-label=move || format!("Members: {}", wording::people(count()))
            aria-expanded=move || (state.panel.get() == Some(Panel::Members)).to_string()
            aria-controls="panel"
            on:click=move |_| state.toggle_panel(Panel::Members)
        >
            {draw(Icon::People)}
            <span>{move || count().to_string()}</span>
        </button>
    }
    .erase()
}

/// No room is open: the next step.
#[component]
fn NoRoom() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let (error, set_error) = signal(None::<String>);
    let empty = Memo::new(move |_| state.rooms.with(Vec::is_empty));
    // The first thing a newcomer needs is the recipient box.
    effect(move || {
        if empty.get() {
            app.platform.run(|browser| browser.focus(actions::RECIPIENT_ID));
        }
    });
    let notes = move |_| {
        let Some(me) = state.me() else { return };
        leptos::task::spawn_local(async move {
            if let Err(code) = actions::open_with(app, me.name).await {
                let _gone = set_error.try_set(Some(wording::error(code)));
            }
        });
    };
    let link = Signal::derive(move || app.platform.with(String::new(), |browser| browser.origin()));
    view! {
        <div class="empty">
            <div class="empty-card">
                <h1>{move || if empty.get() { "Say the first word" } else { "Choose a conversation" }}</h1>
                <p>"Type a user name in the box, press Enter, and write. Only the two of you can read it."</p>
                <Banner text=error/>
                <div class="row">
                    <button class="button" type="button" data-testid="notes-open" on:click=notes>{draw(Icon::Pen)} "Write a note to yourself"</button>
                    <CopyButton text=link label="Copy invite link" testid="invite-copy"/>
                </div>
                <p class="hint">"Invite link: "<code>{move || link.get()}</code></p>
            </div>
        </div>
    }
    .erase()
}
