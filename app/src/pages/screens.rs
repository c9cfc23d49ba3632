//! Screens that stand in for the chat: opening, locked, replaced, another tab, broken. Each says what to do next.

use leptos::prelude::*;
use sotto_client_api::Command;
use sotto_client_api::views::Phase;
use sotto_protocol::ErrorCode;

use super::{Front, brand};
use crate::context::use_app;
use crate::flows;
use crate::settings::SignOutDialog;
use crate::state::{DialogKind, Leaving};
use crate::widgets::{Banner, Erase, Form, PasswordField, Show, SubmitButton, Task, value_of};
use crate::wording;

/// Signed in, and the engine is opening this browser's data.
#[component]
pub(super) fn Opening() -> impl IntoView {
    let app = use_app();
    let words = move || app.state.progress.with(|view| view.as_ref().map_or("Opening your messages…", |view| wording::step(&view.step)));
    app.title("Opening");
    view! {
        <main class="opening" id="main" tabindex="-1" aria-busy="true">
            {brand()}
            <p role="status">{words}</p>
        </main>
    }
    .erase()
}

/// Signing out, and what remains to do when the server can't be reached.
#[component]
pub(super) fn SigningOut() -> impl IntoView {
    let app = use_app();
    let unaware = move || app.state.leaving.get() == Some(Leaving::ServerUnaware);
    app.title("Signing out");
    view! {
        <main class="opening" id="main" tabindex="-1">
            {brand()}
            <p role="status">
                {move || match app.state.leaving.get() {
                    Some(Leaving::StartingOver) => "Starting over…",
                    Some(Leaving::ServerUnaware) => "You are signed out here. The server can’t be reached: it hears of it when you reload this page.",
                    Some(Leaving::Going) | None => "Signing out…",
                }}
            </p>
            <Show when=unaware>
                <button class="button" type="button" data-testid="reload" on:click=move |_| app.platform.run(|browser| browser.load("/"))>"Reload"</button>
            </Show>
        </main>
    }
    .erase()
}

/// Asks for the lock passphrase.
#[component]
pub(super) fn Locked() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let task = Task::new();
    let node = NodeRef::new();
    let name = move || {
        state.phase.with(|phase| match phase {
            Phase::Locked { name } => name.to_string(),
            _ => String::new(),
        })
    };
    let unlock = move |()| {
        let passphrase = value_of(node);
        task.run(async move {
            app.client.call(Command::Unlock { passphrase }).await?;
            Ok(())
        });
    };
    app.title("Locked");
    view! {
        <Front title="Locked" lead="Your messages in this browser are sealed under your passphrase.">
            <Form task on_submit=Callback::new(unlock)>
                <p class="me-line">"Signed in as "<code data-testid="me-username">{name}</code></p>
                <PasswordField id="unlock-pass" testid="unlock-passphrase" label="Passphrase" autocomplete="off" node/>
                <SubmitButton task testid="unlock-submit" words=task.words("Unlock", "Opening…")/>
            </Form>
            <ul class="links">
                <li>
                    <button class="link" type="button" data-testid="signout" on:click=move |_| state.dialog.set(Some(DialogKind::SignOut))>
                        "Forgot it? Sign out and wipe this device"
                    </button>
                </li>
            </ul>
            <SignOutDialog/>
        </Front>
    }
    .erase()
}

/// This browser is none of the account's devices any more.
#[component]
pub(super) fn Replaced() -> impl IntoView {
    let app = use_app();
    let again = move |_| app.state.phase.set(Phase::SignedOut { kept: replaced_name(app.state.phase.get_untracked()) });
    app.title("Signed out");
    view! {
        <Front
            title="This browser is none of your devices any more"
            lead="It was removed, or its data are an older copy. Sign in and it is a new device; that erases the messages which are kept here. You did not remove it? Then change your password."
        >
            <div class="row">
                <button class="button button-primary" type="button" data-testid="replaced-signin" on:click=again>"Sign in again"</button>
            </div>
        </Front>
    }
    .erase()
}

fn replaced_name(phase: Phase) -> Option<sotto_protocol::UserName> {
    match phase {
        Phase::Replaced { name } => Some(name),
        _ => None,
    }
}

/// Another tab runs Sotto, and this one can't be a view of it.
#[component]
pub(super) fn OtherTab() -> impl IntoView {
    let app = use_app();
    app.title("Open in another tab");
    view! {
        <Front title="Sotto is open in another tab" lead="Go on there, or use this tab: the other one then stops.">
            <div class="row" data-testid="other-tab">
                <button class="button button-primary" type="button" data-testid="use-this-tab" on:click=move |_| app.client.tell(Command::TakeOver)>
                    "Use this tab"
                </button>
            </div>
        </Front>
    }
    .erase()
}

/// The engine can't run, or this browser's data does not open.
#[component]
pub(super) fn Broken(code: ErrorCode) -> impl IntoView {
    let app = use_app();
    let title = match code {
        ErrorCode::Unsupported => "This browser can’t run Sotto",
        ErrorCode::StorageDamaged => "The data in this browser does not open",
        ErrorCode::StorageFull => "This browser is full",
        _ => "Sotto did not start",
    };
    let damaged = code == ErrorCode::StorageDamaged;
    let task = Task::new();
    app.title(title);
    view! {
        <Front title>
            <Banner text=Signal::derive(move || Some(task.error.get().unwrap_or_else(|| wording::error(code))))/>
            <div class="row">
                <button class="button button-primary" type="button" data-testid="reload" on:click=move |_| app.platform.run(|browser| browser.load("/"))>
                    "Reload"
                </button>
                {damaged.then(|| view! {
                    <button class="button" type="button" data-testid="start-over" on:click=move |_| task.run(flows::start_over(app))>
                        "Start over in this browser"
                    </button>
                    <button
                        class="button button-danger"
                        type="button"
                        data-testid="signout"
                        on:click=move |_| app.state.dialog.set(Some(DialogKind::SignOut))
                    >
                        "Sign out and wipe this device"
                    </button>
                }.erase())}
            </div>
            <SignOutDialog/>
        </Front>
    }
    .erase()
}

/// No such page.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    let app = use_app();
    app.title("Not here");
    view! {
        <Front title="There is no such page" lead="The address may be mistyped.">
            <div class="row"><a class="button button-primary" href="/" data-testid="home-link">"To Sotto"</a></div>
        </Front>
    }
    .erase()
}
