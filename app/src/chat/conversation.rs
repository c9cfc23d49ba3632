//! The conversation: header with name and lock, timeline, composer; or what to do while none is open.

use leptos::prelude::*;
use sotto_client_api::Command;
use sotto_client_api::views::Trust;
use sotto_protocol::ErrorCode;

use super::composer::Composer;
use super::lock::LockBadge;
use super::timeline::TimelineLog;
use crate::actions;
use crate::context::use_app;
use crate::state::{Panel, RoomRow};
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
    let (face, notes) = row.view.with_untracked(|view| (Face::of(view), view.notes));
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
    let (asking, set_asking) = signal(false);
    let room = row.room;
    let peer = row.view.with_untracked(|view| view.peer.as_ref().map(|peer| peer.account));
    let acknowledge = move |_| {
        if let Some(account) = peer {
            actions::tell(app, room, Command::AcknowledgeIdentity { account });
        }
    };
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
            <Avatar face notes/>
            <h1 class=if notes { "room-title" } else { "room-title mono" } data-testid="room-title">{title}</h1>
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
        <TimelineLog row=row.clone()/>
        <Composer row/>
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
