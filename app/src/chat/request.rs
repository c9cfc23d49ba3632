//! A request: somebody unknown wants to write. One bar for the conversation and for the row of the list; it asks once more before it deletes or blocks.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::Command;
use sotto_protocol::AccountId;

use crate::actions;
use crate::context::{AppContext, use_app};
use crate::state::RoomRow;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Erase, Show};
use crate::wording;

/// What is asked once more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Delete,
    Block,
}

/// The bar, while the room is a request.
#[component]
pub(super) fn RequestBar(row: RoomRow, small: bool) -> impl IntoView {
    let view = row.view.clone();
    let by = Memo::new(move |_| view.with(|view| view.request.clone()));
    view! {
        <Show when=move || by.with(Option::is_some)>
            <Bar row=row.clone() small/>
        </Show>
    }
}

#[component]
fn Bar(row: RoomRow, small: bool) -> impl IntoView {
    let app = use_app();
    let room = row.room;
    let (asked, set_asked) = signal(None::<Asked>);
    let by = row.view.with_untracked(|view| view.request.clone());
    let (account, name) = by.map(|by| (by.account, by.name.to_string())).unzip();
    let name = name.unwrap_or_default();
    let words = {
        let view = row.view.clone();
        move || view.with(|view| wording::request(view, asked.get() == Some(Asked::Delete), asked.get() == Some(Asked::Block)))
    };
    let accept = move |_| actions::tell(app, room, Command::AcceptRequest { room });
    let ask_or_do = move |what: Asked| {
        if asked.get_untracked() != Some(what) {
            return set_asked.set(Some(what));
        }
        match (what, account) {
            (Asked::Block, Some(account)) => leave_after(app, row.room, Command::Block { account }),
            _ => leave_after(app, row.room, Command::DeleteRequest { room }),
        }
    };
    let (delete, block) = (ask_or_do, ask_or_do);
    let label = move |what: &str| format!("{what} {name}’s request");
    let (delete_words, block_words) = (
        move || if asked.get() == Some(Asked::Delete) { "Delete" } else { "Delete…" },
        move || if asked.get() == Some(Asked::Block) { "Block" } else { "Block…" },
    );
    view! {
        // In the list the row opens the room; the bar's own clicks are not for it.
        <div class=if small { "banner request request-small" } else { "banner request" } data-testid="request-bar" on:click=|event| event.stop_propagation()>
            {(!small).then(|| draw(Icon::Lock))}
            <span>{words}</span>
            <button class="button button-primary" type="button" data-testid="request-accept" aria-label=label("Accept") hidden=move || asked.get().is_some() on:click=accept>
                "Accept"
            </button>
            <button class="button" type="button" data-testid="request-cancel" hidden=move || asked.get().is_none() on:click=move |_| set_asked.set(None)>
                "Keep"
            </button>
            <button class="button" type="button" data-testid="request-delete" aria-label=label("Delete") hidden=move || asked.get() == Some(Asked::Block) on:click=move |_| delete(Asked::Delete)>
                {delete_words}
            </button>
            <button class="button" type="button" data-testid="request-block" aria-label=label("Block") hidden=move || asked.get() == Some(Asked::Delete) on:click=move |_| block(Asked::Block)>
                {block_words}
            </button>
        </div>
    }
    .erase()
}

/// Does something after which the room is not in the list any more, and leaves it if it is open.
fn leave_after(app: AppContext, room: sotto_protocol::RoomId, command: Command) {
    spawn_local(async move {
        match app.client.call(command).await {
            Ok(_) if app.state.timeline.room.get_untracked() == Some(room) => actions::close_room(app),
            Ok(_) => {}
            Err(code) => app.state.notify(code, Some(room)),
        }
    });
}

/// In the lock's panel: blocks the other side, or ends that.
#[component]
pub(super) fn BlockSection(row: RoomRow, account: AccountId) -> impl IntoView {
    let app = use_app();
    let room = row.room;
    let (asking, set_asking) = signal(false);
    let view = row.view;
    let blocked = Memo::new(move |_| view.with(|view| view.blocked));
    let press = move |_| {
        if blocked.get_untracked() {
            return actions::tell(app, room, Command::Unblock { account });
        }
        if asking.get_untracked() {
            actions::tell(app, room, Command::Block { account });
        }
        set_asking.update(|asking| *asking = !*asking);
    };
    let words = move || match (blocked.get(), asking.get()) {
        (true, _) => "Unblock",
        (false, true) => "Yes, block them",
        (false, false) => "Block…",
    };
    view! {
        <section class="setting">
            <p class="hint">{move || if blocked.get() || asking.get() { wording::BLOCK_HINT } else { "" }}</p>
            <button class="button" type="button" data-testid="room-block" aria-pressed=move || blocked.get().to_string() on:click=press>{words}</button>
        </section>
    }
    .erase()
}
