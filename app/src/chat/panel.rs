//! The panel beside the conversation: the lock's sentence, the safety number, a group's members, and what the server sees of a message.

use leptos::prelude::*;

use super::members::Members;
use super::request::BlockSection;
use super::safety::Safety;
use super::server_view::ServerView;
use super::switches::RoomSwitches;
use crate::actions::COMPOSER_ID;
use crate::context::use_app;
use crate::state::{Panel, RoomRow};
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Erase, effect};
use crate::wording;

/// The panel, when one is open.
#[component]
pub(super) fn PanelAside() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let shown = Memo::new(move |_| {
        let panel = state.panel.get()?;
        let row = state.timeline.room.get().and_then(|room| state.find_room(room))?;
        Some((panel, row))
    });
    let close = move |_| {
        state.panel.set(None);
        app.platform.run(|browser| browser.focus(COMPOSER_ID));
    };
    // The reader's next Tab belongs to what was just opened.
    effect(move || {
        if shown.with(Option::is_some) {
            request_animation_frame(move || app.platform.run(|browser| browser.focus("panel-close")));
        }
    });
    (move || {
        shown.get().map_or_else(|| ().into_any(), |(panel, row)| {
            view! {
                <aside class="panel" id="panel" aria-label="About this conversation">
                    <header class="panel-head">
                        <h2>{match panel { Panel::Lock => "Who can read this", Panel::Members => "Members", Panel::ServerRow(_) => "What the server sees" }}</h2>
                        <button id="panel-close" class="icon-button" type="button" data-testid="panel-close" aria-label="Close" on:click=close>
                            {draw(Icon::Close)}
                        </button>
                    </header>
                    {match panel {
                        Panel::Lock => view! { <LockSection row/> }.erase(),
                        Panel::Members => view! { <Members row/> }.erase(),
                        Panel::ServerRow(message) => view! { <ServerView room=row.room message/> }.erase(),
                    }}
                </aside>
            }
            .erase()
        })
    })
    .into_any()
}

/// One sentence, and the number that proves it.
#[component]
fn LockSection(row: RoomRow) -> impl IntoView {
    let (view, platform) = (row.view.clone(), use_app().platform);
    let (peer, notes) = view.with_untracked(|view| (view.peer.clone(), view.notes));
    let of = view.clone();
    let sentence = move || of.with(wording::lock_sentence);
    let heard = move || {
        let now = platform.with(0, |browser| browser.now());
        view.with(|view| view.heard_at.map(|at| wording::last_heard(now.saturating_sub(at))))
    };
    view! {
        <p class="lock-sentence" data-testid="lock-sentence">{draw(Icon::Lock)} <span>{sentence}</span></p>
        <p class="hint" data-testid="last-heard">{heard}</p>
        {peer.filter(|_| !notes).map(|peer| {
            let account = peer.account;
            view! { <Safety peer/><RoomSwitches row=row.clone()/><BlockSection row account/> }.into_any()
        })}
    }
    .erase()
}
