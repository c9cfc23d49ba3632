//! The composer: Enter sends, Shift+Enter breaks the line, and what stands in it survives a reload.

use core::time::Duration;

use leptos::ev::KeyboardEvent;
use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use sotto_client_api::Command;
use sotto_protocol::limits;

use super::mentions::{self, Offer};
use crate::actions::{self, COMPOSER_ID};
use crate::context::use_app;
use crate::state::RoomRow;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Erase, effect};
use crate::wording;

/// The counter shows when fewer bytes than this are left.
const COUNT_FROM: usize = 1024;
/// Pause in typing after which the draft is stored.
const DRAFT_AFTER: Duration = Duration::from_millis(250);

/// Text field and send button of a room.
#[component]
pub(super) fn Composer(row: RoomRow) -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let room = row.room;
    let draft = state.draft;
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let cancel = move || {
        if let Some(timer) = timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    let is_group = row.view.with_untracked(|view| view.peer.is_none());
    let placeholder = {
        let view = row.view.clone();
        Memo::new(move |_| {
            view.with(|view| if view.notes { "Write a note".to_owned() } else { format!("Message {}", wording::title(view)) })
        })
    };
    let refusal = {
        let view = row.view;
        Memo::new(move |_| view.with(|view| view.can_send.err()))
    };
    let left =
        Memo::new(move |_| i64::try_from(limits::TEXT).unwrap_or(0) - draft.with(|text| i64::try_from(text.len()).unwrap_or(i64::MAX)));
    let can_send = Memo::new(move |_| refusal.get().is_none() && left.get() >= 0 && draft.with(|text| !text.trim().is_empty()));

    let send = move || {
        if can_send.get_untracked() {
            cancel();
            actions::send(app);
        }
    };
    let node = NodeRef::<leptos::html::Textarea>::new();
    let offer = Offer::new(is_group);
    let on_key = move |event: KeyboardEvent| {
        if offer.takes_key(&event, node) {
            return;
        }
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    // Room and text go with the timer: it also fires when another room was opened meanwhile, and stores each where it belongs.
    let save = move || app.client.tell(Command::SaveDraft { room, text: draft.get_untracked() });
    let on_input = move |event| {
        let text = event_target_value(&event);
        draft.set(text.clone());
        offer.look(node);
        cancel();
        let later = move || app.client.tell(Command::SaveDraft { room, text: text.clone() });
        timer.set_value(set_timeout_with_handle(later, DRAFT_AFTER).ok());
    };
    // Leaving the page or the tab does not wait for the pause.
    effect(move || {
        let waits = !state.is_visible() && timer.try_update_value(Option::take).flatten().map(|timer| timer.clear()).is_some();
        if waits {
            save();
        }
    });

    let send_form = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        send();
    };
    view! {
        <form class="composer" on:submit=send_form>
            <div class="composer-field">
                <label class="sr-only" for=COMPOSER_ID>{move || placeholder.get()}</label>
                // The mirror behind gives the field its height without a script.
                <div class="composer-grow" aria-hidden="true">{move || draft.with(|text| format!("{text}\n"))}</div>
                <textarea
                    id=COMPOSER_ID
                    node_ref=node
                    data-testid="composer-input"
                    rows="1"
                    dir="auto"
                    placeholder=move || placeholder.get()
                    aria-describedby="composer-hint"
                    aria-autocomplete=offer.is_there().then_some("list")
                    aria-controls=offer.is_there().then_some(mentions::LIST_ID)
                    aria-activedescendant=move || offer.active_id()
                    prop:value=move || draft.get()
                    on:input=on_input
                    on:keydown=on_key
                    on:blur=move |_| offer.close()
                ></textarea>
                {offer.is_there().then(|| offer.draw(node))}
            </div>
            <button class="send" type="submit" data-testid="composer-send" aria-label="Send" disabled=move || !can_send.get()>
                {draw(Icon::Send)}
            </button>
            <p id="composer-hint" class="composer-hint" role="status" data-over=move || (left.get() < 0).to_string()>
                {move || match (refusal.get(), left.get()) {
                    (Some(code), _) => wording::error(code),
                    (None, left) if left < 0 => format!("{} characters too long", -left),
                    (None, left) if left < i64::try_from(COUNT_FROM).unwrap_or(0) => format!("{left} characters left"),
                    (None, _) => String::new(),
                }}
            </p>
        </form>
    }
    .erase()
}
