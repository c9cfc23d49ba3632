//! Whom the account has blocked, and ending that.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::PersonView;
use sotto_client_api::{Command, Reply};
use sotto_protocol::{AccountId, ErrorCode};

use crate::context::use_app;
use crate::widgets::{Banner, Erase, Show, effect};
use crate::wording;

/// The list of blocked people.
#[component]
pub(super) fn BlockedSection() -> impl IntoView {
    let app = use_app();
    let (people, set_people) = signal(None::<Vec<PersonView>>);
    let (error, set_error) = signal(None::<String>);
    let load = move || {
        spawn_local(async move {
            match app.client.call(Command::Blocked).await {
                Ok(Reply::Blocked(list)) => drop(set_people.try_set(Some(list))),
                Ok(_) => drop(set_error.try_set(Some(wording::error(ErrorCode::Malformed)))),
                Err(code) => drop(set_error.try_set(Some(wording::error(code)))),
            }
        });
    };
    effect(load);
    let unblock = move |account: AccountId| {
        set_error.set(None);
        spawn_local(async move {
            if let Err(code) = app.client.call(Command::Unblock { account }).await {
                let _gone = set_error.try_set(Some(wording::error(code)));
            }
            load();
        });
    };
    let row = move |person: PersonView| {
        let label = format!("Unblock {}", person.name);
        view! {
            <li class="session" data-testid="blocked-person" data-name=person.name.to_string()>
                <strong class="mono">{person.name.to_string()}</strong>
                <button class="button" type="button" data-testid="unblock" aria-label=label on:click=move |_| unblock(person.account)>"Unblock"</button>
            </li>
        }
        .erase()
    };
    view! {
        <section class="setting" aria-labelledby="blocked-title">
            <h3 id="blocked-title">"Blocked people"</h3>
            <Banner text=error/>
            <Show when=move || people.with(|people| people.as_ref().is_some_and(Vec::is_empty))>
                <p class="hint" data-testid="blocked-nobody">"You have blocked nobody."</p>
            </Show>
            <ul data-testid="blocked-list">{move || people.get().unwrap_or_default().into_iter().map(row).collect_view()}</ul>
            <p class="hint">{wording::BLOCK_HINT}</p>
        </section>
    }
    .erase()
}
