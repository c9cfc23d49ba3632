//! Parts of forms. Inputs bear no name and submit buttons stay disabled until the page is live, so that nothing that is
//! typed here can ever be sent by the browser itself.

use core::time::Duration;

use leptos::ev::SubmitEvent;
use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::PasswordCheck;
use sotto_client_api::{Command, Reply};

use super::flow::{Erase, Show, effect};
use super::icon::{Icon, draw};
use super::task::{Task, Words};
use crate::context::use_app;
use crate::wording;

/// False on the server and in the first render, true once the page is live: effects run in the browser only.
fn use_hydrated() -> ReadSignal<bool> {
    let (hydrated, set_hydrated) = signal(false);
    effect(move || set_hydrated.set(true));
    hydrated
}

/// What stands in an input now. Read at submit rather than followed by events: it may have been typed before the page was live.
pub(crate) fn value_of(node: NodeRef<leptos::html::Input>) -> String {
    node.get_untracked().map(|input| input.value()).unwrap_or_default()
}

/// Empties an input, if it is still there.
pub(crate) fn clear(node: NodeRef<leptos::html::Input>) {
    fill(node, "");
}

/// Puts a text into an input, if it is still there.
pub(crate) fn fill(node: NodeRef<leptos::html::Input>, text: &str) {
    if let Some(input) = node.try_get_untracked().flatten() {
        input.set_value(text);
    }
}

/// Keeps `typed` at what stands in an input, beginning with what was typed before the page was live.
pub(crate) fn follow(node: NodeRef<leptos::html::Input>, typed: RwSignal<String>) {
    effect(move || {
        if node.get().is_some() {
            typed.set(value_of(node));
        }
    });
}

/// A form between its task's error and its task's progress. The browser itself never sends it.
#[component]
pub(crate) fn Form(task: Task, on_submit: Callback<()>, children: Children) -> impl IntoView {
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        on_submit.run(());
    };
    view! {
        <form class="form" novalidate on:submit=on_submit>
            <Banner text=task.error/>
            {children()}
            <Busy busy=task.busy/>
        </form>
    }
    .erase()
}

/// The button that sends a form.
#[component]
pub(crate) fn SubmitButton(
    task: Task,
    testid: &'static str,
    words: Words,
    #[prop(default = "button button-primary")] look: &'static str,
) -> impl IntoView {
    let hydrated = use_hydrated();
    view! {
        <button class=look type="submit" data-testid=testid disabled=move || !hydrated.get() || task.busy.get()>{words}</button>
    }
    .erase()
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
    /// Follows what is typed.
    #[prop(optional)]
    typed: Option<RwSignal<String>>,
) -> impl IntoView {
    let (shown, set_shown) = signal(false);
    if let Some(typed) = typed {
        follow(node, typed);
    }
    let on_typed = move |_| {
        if let Some(typed) = typed {
            typed.set(value_of(node));
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

/// The input for a new password, and its strength.
#[component]
pub(crate) fn NewPassword(
    id: &'static str,
    strength_id: &'static str,
    testid: &'static str,
    label: &'static str,
    node: NodeRef<leptos::html::Input>,
    typed: RwSignal<String>,
    /// Of the account.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    view! {
        <PasswordField id testid label autocomplete="new-password" node described_by=strength_id typed/>
        <StrengthMeter id=strength_id password=typed name/>
    }
    .erase()
}

/// Strength of what is typed, as the engine judges it, and why it would be refused.
#[component]
fn StrengthMeter(id: &'static str, #[prop(into)] password: Signal<String>, #[prop(into)] name: Signal<String>) -> impl IntoView {
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
