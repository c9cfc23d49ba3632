//! Parts of forms. Inputs bear no name and submit buttons stay disabled until the page is live, so that nothing that is
//! typed here can ever be sent by the browser itself.

use core::time::Duration;

use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::PasswordCheck;
use sotto_client_api::{Command, Reply};

use super::flow::{Erase, Show, effect};
use super::icon::{Icon, draw};
use crate::context::use_app;
use crate::wording;

/// False on the server and in the first render, true once the page is live: effects run in the browser only.
pub(crate) fn use_hydrated() -> ReadSignal<bool> {
    let (hydrated, set_hydrated) = signal(false);
    effect(move || set_hydrated.set(true));
    hydrated
}

/// What stands in an input now. Read at submit rather than followed by events: it may have been typed before the page was live.
pub(crate) fn value_of(node: NodeRef<leptos::html::Input>) -> String {
    node.get_untracked().map(|input| input.value()).unwrap_or_default()
}

/// An error of the form or page it stands in, read out when it appears.
#[component]
pub(crate) fn Banner(#[prop(into)] text: Signal<Option<String>>) -> impl IntoView {
    view! {
        <Show when=move || text.with(Option::is_some)>
            <div class="banner banner-error" role="alert" data-testid="error-banner">
                {draw(Icon::Alert)} <span>{move || text.get().unwrap_or_default()}</span>
            </div>
        </Show>
    }
    .erase()
}

/// Progress of a long step, while `busy`.
#[component]
pub(crate) fn Busy(#[prop(into)] busy: Signal<bool>) -> impl IntoView {
    let app = use_app();
    let words = move || app.state.progress.with(|view| view.as_ref().map_or("Working…", |view| wording::step(&view.step)));
    let permille =
        move || app.state.progress.with(|view| view.as_ref().and_then(|view| view.permille)).map(|done| done.min(1000).to_string());
    view! {
        <div class="busy" role="status">
            <Show when=move || busy.get()>
                <span>{words}</span>
                <progress class="busy-bar" max="1000" value=permille aria-label="Progress"></progress>
            </Show>
        </div>
    }
    .erase()
}

/// A password input with a button that shows what was typed.
#[component]
pub(crate) fn PasswordField(
    id: &'static str,
    testid: &'static str,
    label: &'static str,
    autocomplete: &'static str,
    node: NodeRef<leptos::html::Input>,
    #[prop(optional)] described_by: Option<&'static str>,
    #[prop(optional)] on_input: Option<Callback<String>>,
) -> impl IntoView {
    let (shown, set_shown) = signal(false);
    let on_typed = move |_| {
        if let Some(on_input) = on_input {
            on_input.run(value_of(node));
        }
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <div class="field-row">
                <input
                    id=id
                    node_ref=node
                    data-testid=testid
                    type=move || if shown.get() { "text" } else { "password" }
                    autocomplete=autocomplete
                    autocapitalize="off"
                    spellcheck="false"
                    required
                    aria-describedby=described_by
                    on:input=on_typed
                />
                <button
                    class="field-button"
                    type="button"
                    data-testid="password-show"
                    aria-pressed=move || shown.get().to_string()
                    aria-label=format!("Show: {label}")
                    on:click=move |_| set_shown.update(|shown| *shown = !*shown)
                >
                    {draw(Icon::Eye)}
                </button>
            </div>
        </div>
    }
    .erase()
}

/// Strength of what is typed, as the engine judges it, and why it would be refused.
#[component]
pub(crate) fn StrengthMeter(id: &'static str, #[prop(into)] password: Signal<String>, #[prop(into)] name: Signal<String>) -> impl IntoView {
    let app = use_app();
    let (check, set_check) = signal(None::<PasswordCheck>);
    let pending = StoredValue::new(None::<TimeoutHandle>);
    effect(move || {
        let (password, name) = (password.get(), name.get());
        if let Some(timer) = pending.try_update_value(Option::take).flatten() {
            timer.clear();
        }
        if password.is_empty() {
            set_check.set(None);
            return;
        }
        let ask = move || {
            spawn_local(async move {
                if let Ok(Reply::PasswordCheck(answer)) = app.client.call(Command::CheckPassword { password, name }).await {
                    // The form may be gone when the answer comes.
                    let _gone = set_check.try_set(Some(answer));
                }
            });
        };
        pending.set_value(set_timeout_with_handle(ask, Duration::from_millis(150)).ok());
    });
    let level = move || check.get().map_or(0, |check| check.strength.min(4));
    let words = move || match check.get() {
        None => String::new(),
        Some(PasswordCheck { problem: Some(code), .. }) => wording::error(code),
        Some(PasswordCheck { strength, .. }) => wording::strength(strength).to_owned(),
    };
    view! {
        <div class="strength" data-strength=move || check.get().map(|_| level().to_string())>
            <div class="strength-bar" aria-hidden="true"><i></i><i></i><i></i><i></i></div>
            <p id=id class="hint" role="status" data-testid="password-strength">{words}</p>
        </div>
    }
    .erase()
}

/// Copies a text and says so.
#[component]
pub(crate) fn CopyButton(#[prop(into)] text: Signal<String>, label: &'static str, testid: &'static str) -> impl IntoView {
    let app = use_app();
    let (done, set_done) = signal(None::<bool>);
    let copy = move |_| {
        spawn_local(async move {
            let copied = app.platform.copy(text.get_untracked()).await;
            let _gone = set_done.try_set(Some(copied));
        });
    };
    let words = move || match done.get() {
        None => label,
        Some(true) => "Copied",
        Some(false) => "Select and copy by hand",
    };
    view! {
        <button class="button" type="button" data-testid=testid on:click=copy>
            {draw(Icon::Copy)} <span aria-live="polite">{words}</span>
        </button>
    }
    .erase()
}
