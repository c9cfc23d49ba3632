//! The lock passphrase of this browser.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::Command;
use sotto_client_api::views::Phase;

use crate::context::use_app;
use crate::widgets::{Banner, Busy, Erase, PasswordField, Show, use_hydrated, value_of};
use crate::wording;

/// Set, change, take away, lock now.
#[component]
pub(super) fn LockSection() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let hydrated = use_hydrated();
    let (busy, set_busy) = signal(false);
    let (error, set_error) = signal(None::<String>);
    let node = NodeRef::<leptos::html::Input>::new();
    let is_set = Memo::new(move |_| state.phase.with(|phase| matches!(phase, Phase::Ready { lock_set: true, .. })));
    let run = move |command: Command| {
        if busy.get_untracked() {
            return;
        }
        set_error.set(None);
        set_busy.set(true);
        spawn_local(async move {
            let outcome = app.client.call(command).await;
            state.progress.set(None);
            let _gone = set_busy.try_set(false);
            match outcome {
                Ok(_) => {
                    if let Some(input) = node.try_get_untracked().flatten() {
                        input.set_value("");
                    }
                }
                Err(code) => drop(set_error.try_set(Some(wording::error(code)))),
            }
        });
    };
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let passphrase = value_of(node);
        if passphrase.is_empty() {
            return set_error.set(Some("Type a passphrase.".into()));
        }
        run(Command::SetLockPassphrase { passphrase: Some(passphrase) });
    };
    view! {
        <section class="setting" aria-labelledby="lock-title">
            <h3 id="lock-title">"Lock on this browser"</h3>
            <p class="hint">
                "Seals the messages stored here under a passphrase that Sotto asks for at each start. It protects a copied browser profile, which nothing else does. If you forget it, sign out and in again."
            </p>
            <form class="form" novalidate on:submit=on_submit>
                <Banner text=error/>
                <PasswordField id="lock-pass" testid="lock-passphrase" label="Passphrase" autocomplete="off" node/>
                <div class="row">
                    <button class="button" type="submit" data-testid="lock-set" disabled=move || !hydrated.get() || busy.get()>
                        {move || if is_set.get() { "Change passphrase" } else { "Set passphrase" }}
                    </button>
                    <Show when=move || is_set.get()>
                        <button class="button" type="button" data-testid="lock-now" on:click=move |_| run(Command::Lock)>"Lock now"</button>
                        <button
                            class="button"
                            type="button"
                            data-testid="lock-remove"
                            on:click=move |_| run(Command::SetLockPassphrase { passphrase: None })
                        >
                            "Remove the lock"
                        </button>
                    </Show>
                </div>
                <Busy busy/>
                <p class="hint" role="status" data-testid="lock-state" data-set=move || is_set.get().to_string()>
                    {move || if is_set.get() { "The lock is on." } else { "The lock is off." }}
                </p>
            </form>
        </section>
    }
    .erase()
}
