//! One message: text, time, state in icon and word, and its menu.

use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::{Delivery, EntryBody, MessageView};

use super::mentions;
use crate::actions;
use crate::context::{AppContext, use_app};
use crate::state::{EntryRow, Panel};
use crate::time::Local;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Erase, Face, Show};
use crate::wording;

/// Above this height in the window a menu opens downwards, in pixels.
const ROOM_ABOVE: i32 = 240;

/// A message of the log.
#[component]
pub(super) fn Message(
    row: EntryRow,
    /// The author's message before it stands right above.
    grouped: bool,
    /// In a group: who wrote it stands above it, and it may name people.
    group: bool,
) -> impl IntoView {
    let app = use_app();
    let entry = row.entry;
    let message = Memo::new(move |_| {
        entry.with(|entry| match &entry.body {
            EntryBody::Message(message) => Some(message.clone()),
            EntryBody::System(_) => None,
        })
    });
    let Some(first) = message.get_untracked() else { return ().into_any() };
    let (id, mine) = (first.id, first.mine);
    let (author, shown) = (first.author.name.to_string(), first.author.shown().to_owned());
    let key = row.key;
    let delivery = Signal::derive(move || message.with(|message| message.as_ref().map_or(Delivery::Sending, |message| message.delivery)));
    let text = move || message.with(|message| message.as_ref().map(|message| message.text.clone()).unwrap_or_default());
    let at = move || Local::of(message.with(|message| message.as_ref().map_or(0, |message| message.at)), app.platform);
    let class = match (mine, grouped) {
        (true, true) => "message mine grouped",
        (true, false) => "message mine",
        (false, true) => "message grouped",
        (false, false) => "message",
    };
    let shared_by = first.shared_by.as_ref().map(|by| by.shown().to_owned());
    let names_me = group && !mine && app.state.me().is_some_and(|me| mentions::names_me(&first.text, &me.name));
    let byline = (group && !mine && !grouped).then(|| {
        let class = format!("byline mono hue-{}", Face::from(first.author.clone()).hue());
        // Screen readers hear the name already.
        view! { <span class=class aria-hidden="true" title=author.clone()>{shown.clone()}</span> }.erase()
    });
    let who = if mine { "You: ".to_owned() } else { format!("{shown}: ") };
    view! {
        <article
            class=class
            data-testid="message"
            data-message-id=id.to_string()
            data-author=author
            data-status=move || delivery.get().as_str()
            data-mention=names_me.then_some("me")
        >
            <span class="sr-only">{who}</span>
            {byline}
            <p class="message-text" data-testid="message-text" dir="auto">{move || if group { mentions::draw(text()) } else { text().into_any() }}</p>
            <span class="meta">
                <time title=move || at().full()>{move || at().clock()}</time>
                {move || message.with(|message| message.as_ref().is_some_and(|message| message.lost)).then_some("only in this browser")}
                {shared_by.clone().map(|by| view! { <span data-testid="message-shared">{format!("shared by {by}")}</span> }.erase())}
                {mine.then(|| view! {
                    <span class="status" data-testid="message-status" data-status=move || delivery.get().as_str()>
                        {move || draw(state_icon(delivery.get()))}
                        <span class="status-word">{move || wording::delivery(delivery.get())}</span>
                    </span>
                }.erase())}
            </span>
            <Menu app key message delivery/>
        </article>
    }
    .erase()
}

const fn state_icon(delivery: Delivery) -> Icon {
    match delivery {
        Delivery::Sending => Icon::Clock,
        Delivery::Sent => Icon::Check,
        Delivery::Delivered | Delivery::Read => Icon::Checks,
        Delivery::Failed => Icon::Alert,
    }
}

/// The message's button and the menu that it opens.
#[component]
fn Menu(app: AppContext, key: String, message: Memo<Option<MessageView>>, delivery: Signal<Delivery>) -> impl IntoView {
    let state = app.state;
    let (down, set_down) = signal(false);
    let open = {
        let key = key.clone();
        Memo::new(move |_| state.menu.with(|open| open.as_ref() == Some(&key)))
    };
    let menu_id = format!("menu-{key}");
    let button_id = format!("menu-button-{key}");
    let toggle = move |event: MouseEvent| {
        event.stop_propagation();
        set_down.set(event.client_y() < ROOM_ABOVE);
        state.menu.set(if open.get_untracked() { None } else { Some(key.clone()) });
        request_animation_frame(move || app.platform.run(|browser| browser.focus_sibling(".menu [role=menuitem]", 1)));
    };
    let leave = {
        let button_id = button_id.clone();
        move || {
            state.menu.set(None);
            app.platform.run(|browser| browser.focus(&button_id));
        }
    };
    let on_key = {
        let leave = leave.clone();
        move |event: KeyboardEvent| {
            match event.key().as_str() {
                "ArrowDown" => app.platform.run(|browser| browser.focus_sibling(".menu [role=menuitem]", 1)),
                "ArrowUp" => app.platform.run(|browser| browser.focus_sibling(".menu [role=menuitem]", -1)),
                "Escape" => {
                    event.stop_propagation();
                    leave();
                }
                "Tab" => return state.menu.set(None),
                _ => return,
            }
            event.prevent_default();
        }
    };
    let copy = {
        let leave = leave.clone();
        move |_| {
            let text = message.with_untracked(|message| message.as_ref().map(|message| message.text.clone()).unwrap_or_default());
            spawn_local(async move {
                let words = if app.platform.copy(text).await { "Copied" } else { "Not copied: select the text by hand" };
                state.announcement.set(words.into());
            });
            leave();
        }
    };
    let inspect = move |_| {
        state.menu.set(None);
        if let Some(id) = message.with_untracked(|message| message.as_ref().map(|message| message.id)) {
            state.panel.set(Some(Panel::ServerRow(id)));
        }
    };
    let retry = move |_| {
        state.menu.set(None);
        let id = message.with_untracked(|message| message.as_ref().map(|message| message.id));
        if let (Some(id), Some(room)) = (id, state.timeline.room.get_untracked()) {
            actions::resend(app, room, id);
        }
    };
    view! {
        <div class="menu-anchor">
            <button
                id=button_id
                class="menu-button"
                type="button"
                data-testid="message-menu"
                aria-label="Message menu"
                aria-haspopup="menu"
                aria-expanded=move || open.get().to_string()
                on:click=toggle
            >
                {draw(Icon::More)}
            </button>
            <Show when=move || open.get()>
                <div id=menu_id.clone() class="menu" data-down=move || down.get().to_string() role="menu" aria-label="Message" on:keydown=on_key.clone()>
                    <button class="menu-item" type="button" role="menuitem" tabindex="-1" data-testid="message-copy" on:click=copy.clone()>
                        {draw(Icon::Copy)} "Copy text"
                    </button>
                    <button class="menu-item" type="button" role="menuitem" tabindex="-1" data-testid="message-inspect" on:click=inspect>
                        {draw(Icon::Eye)} "What the server sees"
                    </button>
                    <Show when=move || delivery.get() == Delivery::Failed>
                        <button class="menu-item" type="button" role="menuitem" tabindex="-1" data-testid="message-retry" on:click=retry>
                            {draw(Icon::Retry)} "Try again"
                        </button>
                    </Show>
                </div>
            </Show>
        </div>
    }
    .erase()
}
