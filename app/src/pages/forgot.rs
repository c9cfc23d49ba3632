//! Forgot the password: the recovery code, a new password, a new code.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::RecoveryCode;
use sotto_protocol::UserName;

use super::Front;
use super::recovery_code::RecoveryStep;
use crate::context::use_app;
use crate::flows;
use crate::widgets::{Banner, Busy, Erase, EraseGuard, EraseQuestion, PasswordField, StrengthMeter, use_hydrated, value_of};
use crate::wording;

/// The page at `/forgot`.
#[component]
pub(crate) fn Forgot() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let hydrated = use_hydrated();
    let (busy, set_busy) = signal(false);
    let guard = EraseGuard::for_all();
    let (error, set_error) = signal(None::<String>);
    let (code, set_code) = signal(None::<RecoveryCode>);
    let (name, set_name) = signal(String::new());
    let (password, set_password) = signal(String::new());
    let name_node = NodeRef::<leptos::html::Input>::new();
    let code_node = NodeRef::<leptos::html::Input>::new();
    let password_node = NodeRef::<leptos::html::Input>::new();

    let submit = move || {
        if busy.get_untracked() {
            return;
        }
        set_error.set(None);
        let name = match UserName::parse(&value_of(name_node)) {
            Ok(name) => name,
            Err(code) => return set_error.set(Some(wording::error(code))),
        };
        let (typed, password) = (value_of(code_node), value_of(password_node));
        if typed.trim().is_empty() || password.is_empty() {
            return set_error.set(Some("Type your recovery code and a new password.".into()));
        }
        set_busy.set(true);
        spawn_local(async move {
            if !guard.passes(app, &name).await {
                let _gone = set_busy.try_set(false);
                return;
            }
            state.held.set(true);
            let show = move |code| {
                let _gone = set_code.try_set(Some(code));
            };
            let outcome = flows::recover(app, name, typed, password, show).await;
            state.progress.set(None);
            let _gone = set_busy.try_set(false);
            if let Err(failure) = outcome {
                let _gone = set_error.try_set(Some(failure.sentence()));
            }
            if code.try_get_untracked().flatten().is_none() {
                state.held.set(false);
            }
        });
    };
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        submit();
    };

    let form = move || {
        view! {
            <Front title="Forgot your password" lead="With your recovery code you set a new one. You are signed out everywhere else.">
                <form class="form" novalidate on:submit=on_submit>
                    <Banner text=error/>
                    <div class="field">
                        <label for="forgot-name">"User name"</label>
                        <input
                            id="forgot-name"
                            class="mono"
                            node_ref=name_node
                            data-testid="recovery-username"
                            type="text"
                            autocomplete="username"
                            autocapitalize="off"
                            spellcheck="false"
                            required
                            on:input=move |_| set_name.set(value_of(name_node))
                        />
                    </div>
                    <div class="field">
                        <label for="forgot-code">"Recovery code"</label>
                        <input
                            id="forgot-code"
                            class="mono"
                            node_ref=code_node
                            data-testid="recovery-input"
                            type="text"
                            autocomplete="off"
                            autocapitalize="off"
                            spellcheck="false"
                            required
                            aria-describedby="forgot-code-hint"
                        />
                        <p id="forgot-code-hint" class="hint">"Capitals, spaces and dashes don’t matter."</p>
                    </div>
                    <PasswordField
                        id="forgot-pass"
                        testid="new-password"
                        label="New password"
                        autocomplete="new-password"
                        node=password_node
                        described_by="forgot-strength"
                        on_input=Callback::new(move |typed| set_password.set(typed))
                    />
                    <StrengthMeter id="forgot-strength" password name/>
                    <p class="note">"Without password and code nobody can open the account: not you, and not us."</p>
                    <EraseQuestion guard typed=Callback::new(move |()| UserName::parse(&value_of(name_node)).ok()) on_yes=Callback::new(move |()| submit())/>
                    <button class="button button-primary" type="submit" data-testid="recovery-submit" disabled=move || !hydrated.get() || busy.get()>
                        {move || if busy.get() { "Setting the new password…" } else { "Set new password" }}
                    </button>
                    <Busy busy/>
                </form>
                <ul class="links"><li><a href="/" data-testid="signin-link">"Back to sign in"</a></li></ul>
            </Front>
        }
    };

    app.title("Forgot your password");
    (move || match code.get() {
        None => form().erase(),
        Some(code) => view! { <RecoveryStep code busy error/> }.erase(),
    })
    .into_any()
}
