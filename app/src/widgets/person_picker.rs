//! A box that finds people by the beginning of their name: a combobox (ARIA 1.2 pattern, list autocomplete).

use core::time::Duration;
use std::sync::Arc;

use leptos::ev::KeyboardEvent;
use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::PersonView;
use sotto_client_api::{Command, Reply};
use sotto_protocol::{ErrorCode, UserName};

use super::avatar::Avatar;
use super::flow::Erase;
use super::form::Banner;
use super::task::Job;
use crate::context::use_app;
use crate::wording;

/// What happens with a name that was chosen.
pub(crate) type Choose = Arc<dyn Fn(UserName) -> Job + Send + Sync>;

/// The box and its list.
#[component]
pub(crate) fn PersonPicker(
    /// Unique in the page; the list's id is made from it.
    id: &'static str,
    testid: &'static str,
    label: &'static str,
    /// Said while a chosen name is worked on.
    busy_words: &'static str,
    choose: Choose,
    /// What stands in the box.
    #[prop(optional)]
    typed: Option<RwSignal<String>>,
    /// The keys that lead here, as ARIA names them.
    #[prop(optional)]
    shortcut: Option<&'static str>,
) -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let list_id = format!("{id}-list");
    let typed = typed.unwrap_or_else(|| RwSignal::new(String::new()));
    let set_typed = typed.write_only();
    let (people, set_people) = signal(Vec::<PersonView>::new());
    let (active, set_active) = signal(None::<usize>);
    let (open, set_open) = signal(false);
    let (busy, set_busy) = signal(false);
    let (error, set_error) = signal(None::<String>);
    let pending = StoredValue::new(None::<TimeoutHandle>);

    let search = move |text: String| {
        if let Some(timer) = pending.try_update_value(Option::take).flatten() {
            timer.clear();
        }
        set_active.set(None);
        set_error.set(None);
        set_typed.set(text.clone());
        if text.trim().is_empty() {
            set_open.set(false);
            return set_people.set(Vec::new());
        }
        let ask = move || {
            spawn_local(async move {
                let answer = app.client.call(Command::FindPeople { typed: text.clone() }).await;
                // Only the answer to what stands there now counts.
                if typed.try_get_untracked().is_none_or(|now| now != text) {
                    return;
                }
                match answer {
                    Ok(Reply::People(found)) => {
                        set_people.set(found);
                        set_open.set(true);
                    }
                    Ok(_) => set_error.set(Some(wording::error(ErrorCode::Malformed))),
                    Err(code) => set_error.set(Some(wording::error(code))),
                }
            });
        };
        pending.set_value(set_timeout_with_handle(ask, Duration::from_millis(120)).ok());
    };
    let choose = StoredValue::new(choose);
    let choose = move |name: UserName| {
        if busy.get_untracked() {
            return;
        }
        let job = choose.with_value(|choose| choose(name));
        set_busy.set(true);
        set_error.set(None);
        spawn_local(async move {
            let outcome = job.await;
            let _gone = set_busy.try_set(false);
            match outcome {
                Ok(()) => {
                    let _gone = set_typed.try_set(String::new());
                    let _gone = set_people.try_set(Vec::new());
                    let _gone = set_open.try_set(false);
                }
                Err(failure) => {
                    let _gone = set_error.try_set(Some(failure.sentence()));
                }
            }
        });
    };
    let enter = move || {
        let picked =
            active.get_untracked().and_then(|index| people.with_untracked(|list| list.get(index).map(|person| person.name.clone())));
        match picked.map_or_else(|| UserName::parse(&typed.get_untracked()), Ok) {
            Ok(name) => choose(name),
            Err(code) => set_error.set(Some(wording::error(code))),
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let count = people.with_untracked(Vec::len);
        match event.key().as_str() {
            "ArrowDown" if count > 0 => {
                event.prevent_default();
                set_open.set(true);
                set_active.update(|active| *active = Some(active.map_or(0, |index| (index + 1) % count)));
            }
            "ArrowUp" if count > 0 => {
                event.prevent_default();
                set_open.set(true);
                set_active.update(|active| *active = Some(active.map_or(count - 1, |index| (index + count - 1) % count)));
            }
            "Enter" if !event.is_composing() && !typed.with_untracked(|text| text.trim().is_empty()) => {
                event.prevent_default();
                enter();
            }
            "Escape" => {
                if open.get_untracked() {
                    event.stop_propagation();
                }
                set_open.set(false);
                set_active.set(None);
            }
            _ => {}
        }
    };
    let listed = move || open.get() && !people.with(Vec::is_empty);
    let nobody = move || open.get() && people.with(Vec::is_empty);
    let me = move || state.me().map(|me| me.account);

    view! {
        <div class="recipient">
            <label class="sr-only" for=id>{label}</label>
            <input
                id=id
                class="mono"
                data-testid=testid
                type="text"
                role="combobox"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                placeholder=label
                aria-autocomplete="list"
                aria-controls=list_id.clone()
                aria-expanded=move || listed().to_string()
                aria-activedescendant=move || active.get().map(|index| format!("{id}-list-{index}"))
                aria-keyshortcuts=shortcut
                aria-busy=move || busy.get().to_string()
                prop:value=move || typed.get()
                on:input=move |event| search(event_target_value(&event))
                on:keydown=on_key
                on:focus=move |_| set_open.set(people.with_untracked(|list| !list.is_empty()))
            />
            <ul id=list_id class="options" role="listbox" aria-label="People" hidden=move || !listed()>
                {move || {
                    people.get().into_iter().enumerate().map(|(index, person)| {
                        let name = person.name.clone();
                        let own = me() == Some(person.account);
                        view! {
                            <li
                                id=format!("{id}-list-{index}")
                                class="option"
                                role="option"
                                data-testid="recipient-option"
                                data-name=name.to_string()
                                aria-selected=move || (active.get() == Some(index)).to_string()
                                // Before the input loses its focus, which would close the list under the pointer.
                                on:mousedown=|event| event.prevent_default()
                                on:click={
                                    let name = name.clone();
                                    move |_| choose(name.clone())
                                }
                            >
                                <Avatar face=person.into() notes=own/>
                                <span class="mono">{name.to_string()}</span>
                                {own.then(|| view! { <span class="hint">"Notes to yourself"</span> }.erase())}
                            </li>
                        }
                        .erase()
                    }).collect_view().into_any()
                }}
            </ul>
            <p class="hint" role="status">
                {move || match (busy.get(), nobody()) {
                    (true, _) => busy_words,
                    (false, true) => "Nobody here begins with that.",
                    (false, false) => "",
                }}
            </p>
            <Banner text=error/>
        </div>
    }
    .erase()
}
