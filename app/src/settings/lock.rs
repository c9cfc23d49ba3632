//! The lock passphrase of this browser.

use leptos::prelude::*;
use sotto_client_api::Command;
use sotto_client_api::views::Phase;

use crate::context::use_app;
use crate::widgets::{Erase, Form, PasswordField, Show, SubmitButton, Task, clear, value_of};

/// Set, change, take away, lock now.
#[component]
pub(super) fn LockSection() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let task = Task::new();
    let node = NodeRef::new();
    let is_set = Memo::new(move |_| state.phase.with(|phase| matches!(phase, Phase::Ready { lock_set: true, .. })));
    let run = move |command: Command| {
        task.run(async move {
            app.client.call(command).await?;
            clear(node);
            Ok(())
        });
    };
    let set = move |()| {
        let passphrase = value_of(node);
        if passphrase.is_empty() {
            return task.refuse("Type a passphrase.".into());
        }
        run(Command::SetLockPassphrase { passphrase: Some(passphrase) });
    };
    view! {
        <section class="setting" aria-labelledby="lock-title">
            <h3 id="lock-title">"Lock on this browser"</h3>
            <p class="hint">
                "Seals the messages stored here under a passphrase that Sotto asks for at each start. It protects a copied browser profile, which nothing else does. If you forget it, sign out and in again."
            </p>
            <Form task on_submit=Callback::new(set)>
                <PasswordField id="lock-pass" testid="lock-passphrase" label="Passphrase" autocomplete="off" node/>
                <div class="row">
                    <SubmitButton
                        task
                        testid="lock-set"
                        words=Box::new(move || if is_set.get() { "Change passphrase" } else { "Set passphrase" })
                        look="button"
                    />
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
                <p class="hint" role="status" data-testid="lock-state" data-set=move || is_set.get().to_string()>
                    {move || if is_set.get() { "The lock is on." } else { "The lock is off." }}
                </p>
            </Form>
        </section>
    }
    .erase()
}
