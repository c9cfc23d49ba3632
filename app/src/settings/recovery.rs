//! A new recovery code, for the current password.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::RecoveryCode;

use crate::context::use_app;
use crate::flows;
use crate::pages::RecoveryCodeCard;
use crate::widgets::{Banner, Busy, Erase, PasswordField, use_hydrated, value_of};

/// The form, then the code.
#[component]
pub(super) fn RecoverySection() -> impl IntoView {
    let app = use_app();
    let hydrated = use_hydrated();
    let (busy, set_busy) = signal(false);
    let (error, set_error) = signal(None::<String>);
    let (code, set_code) = signal(None::<RecoveryCode>);
    let node = NodeRef::<leptos::html::Input>::new();
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let password = value_of(node);
        if password.is_empty() {
            return set_error.set(Some("Type your password.".into()));
        }
        set_error.set(None);
        set_busy.set(true);
        spawn_local(async move {
            let outcome = flows::new_recovery_code(app, password).await;
            app.state.progress.set(None);
            let _gone = set_busy.try_set(false);
            match outcome {
                Ok(code) => drop(set_code.try_set(Some(code))),
                Err(failure) => drop(set_error.try_set(Some(failure.sentence()))),
            }
        });
    };
    let form = move || {
        view! {
            <form class="form" novalidate on:submit=on_submit>
                <p class="hint">"With it you can set a new password when you forgot yours. Making a new one ends the old one."</p>
                <Banner text=error/>
                <PasswordField id="recovery-pass" testid="recovery-password" label="Your password" autocomplete="current-password" node/>
                <button class="button" type="submit" data-testid="recovery-new" disabled=move || !hydrated.get() || busy.get()>
                    {move || if busy.get() { "Making the code…" } else { "Make a new recovery code" }}
                </button>
                <Busy busy/>
            </form>
        }
    };
    view! {
        <section class="setting" aria-labelledby="new-recovery-title">
            <h3 id="new-recovery-title">"Recovery code"</h3>
            {move || match code.get() {
                None => form().erase(),
                Some(code) => view! {
                    <RecoveryCodeCard code wait=Signal::derive(|| false) on_done=Callback::new(move |_saved| set_code.set(None))/>
                }.erase(),
            }}
        </section>
    }
    .erase()
}
