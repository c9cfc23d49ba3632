//! Whether history is kept for new devices, and what that trades.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::{Command, Reply};

use crate::context::use_app;
use crate::widgets::{Asked, Banner, Erase, Question, Show, effect};
use crate::wording;

const TURNING_OFF: Question = Question {
    testid: "archive-off",
    words: "Turn off…",
    question: "What is kept on the server is deleted. It stays in the browsers where it is now; a new device begins without it.",
    sure: "Turn off and delete",
    not: "Keep",
};

/// The switch.
#[component]
pub(super) fn ArchiveSection() -> impl IntoView {
    let app = use_app();
    let (on, set_on) = signal(None::<bool>);
    let (error, set_error) = signal(None::<String>);
    effect(move || {
        spawn_local(async move {
            if let Ok(Reply::Choices(choices)) = app.client.call(Command::Choices).await {
                let _gone = set_on.try_set(Some(choices.archive));
            }
        });
    });
    let set = move |wanted: bool| {
        set_error.set(None);
        spawn_local(async move {
            match app.client.call(Command::SetArchiving { room: None, on: wanted }).await {
                Ok(_) => drop(set_on.try_set(Some(wanted))),
                Err(code) => drop(set_error.try_set(Some(wording::error(code)))),
            }
        });
    };
    view! {
        <section class="setting" aria-labelledby="archive-title">
            <h3 id="archive-title">"History on new devices"</h3>
            <Banner text=error/>
            <p class="hint">{wording::ARCHIVE_TRADE}</p>
            <Show when=move || on.get() == Some(true)>
                <Asked ask=TURNING_OFF on_sure=move |()| set(false)/>
            </Show>
            <Show when=move || on.get() == Some(false)>
                <p data-testid="archive-is-off">"Off: new devices begin without history."</p>
                <button class="button" type="button" data-testid="archive-on" on:click=move |_| set(true)>"Keep history from now on"</button>
            </Show>
        </section>
    }
    .erase()
}
