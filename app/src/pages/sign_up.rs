//! Make an account with a user name and a password, nothing else.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::RecoveryCode;
use sotto_protocol::UserName;

use super::Front;
use super::recovery_code::RecoveryStep;
use crate::context::use_app;
use crate::flows;
use crate::widgets::{Banner, Busy, Erase, EraseGuard, EraseQuestion, PasswordField, StrengthMeter, effect, use_hydrated, value_of};
use crate::wording;

/// The page at `/signup`: the form, then the recovery code.
#[component]
pub(crate) fn SignUp() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let hydrated = use_hydrated();
    let (busy, set_busy) = signal(false);
    let guard = EraseGuard::new();
    let (error, set_error) = signal(None::<String>);
    let (code, set_code) = signal(None::<RecoveryCode>);
    let (name, set_name) = signal(String::new());
    let (password, set_password) = signal(String::new());
    let name_node = NodeRef::<leptos::html::Input>::new();
    let password_node = NodeRef::<leptos::html::Input>::new();

    // What was typed before the page was live counts too.
    effect(move || {
        if name_node.get().is_some() && password_node.get().is_some() {
            set_name.set(value_of(name_node));
            set_password.set(value_of(password_node));
        }
    });
    let name_words = move || {
        name.with(|typed| match UserName::parse(typed) {
            _ if typed.is_empty() => "3 to 32 of a to z, 0 to 9, _ and -. No mail address, no phone number.".to_owned(),
            Ok(name) => format!("You will be {name}."),
            Err(code) => wording::error(code),
        })
    };
    let name_bad = move || name.with(|typed| typed.chars().count() >= UserName::MIN && UserName::parse(typed).is_err());

    let submit = move || {
        if busy.get_untracked() {
            return;
        }
        set_error.set(None);
        let name = match UserName::parse(&value_of(name_node)) {
            Ok(name) => name,
            Err(code) => return set_error.set(Some(wording::error(code))),
        };
        let password = value_of(password_node);
        if password.is_empty() {
            return set_error.set(Some("Choose a password.".into()));
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
            let outcome = flows::sign_up(app, name, password, show).await;
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
            <Front title="Create an account" lead="A name and a password. Your keys are made here, in this browser.">
                <form class="form" novalidate on:submit=on_submit>
                    <Banner text=error/>
                    <div class="field">
                        <label for="signup-name">"User name"</label>
                        <input
                            id="signup-name"
                            class="mono"
                            node_ref=name_node
                            data-testid="signup-username"
                            type="text"
                            autocomplete="username"
                            autocapitalize="off"
                            spellcheck="false"
                            required
                            aria-describedby="signup-name-hint"
                            aria-invalid=move || name_bad().to_string()
                            on:input=move |_| set_name.set(value_of(name_node))
                        />
                        <p id="signup-name-hint" class="hint" role="status">{name_words}</p>
                    </div>
                    <PasswordField
                        id="signup-pass"
                        testid="signup-password"
                        label="Password"
                        autocomplete="new-password"
                        node=password_node
                        described_by="signup-strength"
                        on_input=Callback::new(move |typed| set_password.set(typed))
                    />
                    <StrengthMeter id="signup-strength" password name/>
                    <p class="note">"We cannot read or reset this password. It never leaves this browser."</p>
                    <EraseQuestion guard typed=Callback::new(move |()| UserName::parse(&value_of(name_node)).ok()) on_yes=Callback::new(move |()| submit())/>
                    <button class="button button-primary" type="submit" data-testid="signup-submit" disabled=move || !hydrated.get() || busy.get()>
                        {move || if busy.get() { "Creating your account…" } else { "Create account" }}
                    </button>
                    <Busy busy/>
                </form>
                <ul class="links"><li>"Have an account? "<a href="/" data-testid="signin-link">"Sign in"</a></li></ul>
            </Front>
        }
    };

    app.title("Create an account");
    (move || match code.get() {
        None => form().erase(),
        Some(code) => view! { <RecoveryStep code busy error/> }.erase(),
    })
    .into_any()
}
