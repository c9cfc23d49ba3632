//! The chat: list of rooms, conversation, panel; on a phone one of them at a time.

mod composer;
mod conversation;
mod invites;
mod lock;
mod me_bar;
mod members;
mod mentions;
mod message;
mod new_group;
mod notices;
mod panel;
mod recipient;
mod request;
mod room_list;
mod safety;
mod server_view;
mod switches;
mod timeline;

use leptos::ev;
use leptos::prelude::*;
use sotto_client_api::views::RoomView;

use crate::actions::{self, RECIPIENT_ID};
use crate::context::use_app;
use crate::settings::{Settings, SignOutDialog};
use crate::widgets::{Erase, effect};
use crate::wording;

use conversation::Conversation;
use invites::JoinDialog;
use me_bar::MeBar;
use new_group::NewGroup;
use notices::Notices;
use panel::PanelAside;
use room_list::Sidebar;

/// The chat of a ready engine.
#[component]
pub(crate) fn Chat() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let unread = Memo::new(move |_| {
        let counts = |view: &RoomView| if view.muted || view.request.is_some() { 0 } else { view.unread };
        state.rooms.with(|rows| rows.iter().map(|row| row.view.with(counts)).sum::<u32>())
    });
    let title = move || {
        let place = state
            .timeline
            .room
            .get()
            .and_then(|room| state.find_room(room))
            .map_or_else(|| "Messages".to_owned(), |row| row.view.with(wording::title));
        match unread.get() {
            0 => place,
            count => format!("({count}) {place}"),
        }
    };
    listen_to_keys(move |event| {
        if (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("k") {
            event.prevent_default();
            app.platform.run(|browser| browser.focus(RECIPIENT_ID));
        }
        if event.key() == "Escape" {
            // A dialog closes itself. Otherwise the innermost open thing goes first.
            if state.menu.get_untracked().is_some() {
                state.menu.set(None);
            } else if state.dialog.get_untracked().is_none() && state.panel.get_untracked().is_some() {
                state.panel.set(None);
                app.platform.run(|browser| browser.focus(actions::COMPOSER_ID));
            }
        }
    });

    let close_menu = move |_| {
        if state.menu.with_untracked(Option::is_some) {
            state.menu.set(None);
        }
    };
    effect(move || app.title(&title()));
    let view_name = move || if state.timeline.room.get().is_some() { "room" } else { "list" };
    view! {
        <a class="skip" href="#main" data-testid="skip-link">"Skip to the conversation"</a>
        // A click anywhere else closes a message's menu; the menu's own button stops its click.
        <div class="app" on:click=close_menu data-view=view_name data-panel=move || state.panel.get().is_some().then(|| "open".to_owned())>
            <MeBar/>
            <Sidebar/>
            <div class="center">
                <Notices/>
                <Conversation/>
            </div>
            <PanelAside/>
        </div>
        <p class="sr-only" role="status" aria-live="polite" data-testid="announcement">{move || state.announcement.get()}</p>
        <NewGroup/>
        <JoinDialog/>
        <Settings/>
        <SignOutDialog/>
    }
    .erase()
}

/// Listens to keys of the whole window from the first effect until the component goes.
fn listen_to_keys(on_key: impl Fn(leptos::web_sys::KeyboardEvent) + Copy + 'static) {
    effect(move || {
        let listener = window_event_listener(ev::keydown, on_key);
        on_cleanup(move || listener.remove());
    });
}
