//! Sign in with user name and password.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::Phase;
use sotto_protocol::{ErrorCode, UserName};

use super::Front;
use crate::context::use_app;
use crate::flows;
use crate::widgets::{Banner, Busy, Erase, EraseGuard, EraseQuestion, PasswordField, Show, effect, use_hydrated, value_of};
use crate::wording;

/// The form; `again` over a session that ended, with a way back to what is readable.
#[component]
pub(crate) fn SignIn(#[prop(optional)] again: bool) -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let hydrated = use_hydrated();
    let (busy, set_busy) = signal(false);
    let (error, set_error) = signal(None::<String>);
    let guard = EraseGuard::new();
    let (new_salt, set_new_salt) = signal(false);
    let name_node = NodeRef::<leptos::html::Input>::new();
    let password_node = NodeRef::<leptos::html::Input>::new();

    let known_name = move || {
        state.phase.with(|phase| match phase {
            Phase::SignedOut { kept: Some(name) } | Phase::Replaced { name } => Some(name.to_string()),
            Phase::SessionEnded { me } => Some(me.name.to_string()),
            _ => None,
        })
    };
    effect(move || {
        // Only into an empty field: never over what the person types.
        if let (Some(name), Some(input)) = (known_name(), name_node.get())
            && input.value().is_empty()
        {
            input.set_value(&name);
        }
    });

    let submit = move |accept_new_salt: bool| {
        if busy.get_untracked() {
            return;
        }
        set_error.set(None);
        set_new_salt.set(false);
        let name = match UserName::parse(&value_of(name_node)) {
            Ok(name) => name,
            Err(code) => return set_error.set(Some(wording::error(code))),
        };
        let password = value_of(password_node);
        if password.is_empty() {
            return set_error.set(Some("Type your password.".into()));
        }
        set_busy.set(true);
        spawn_local(async move {
            if !guard.passes(app, &name).await {
                let _gone = set_busy.try_set(false);
                return;
            }
            let outcome = flows::sign_in(app, name, password, accept_new_salt).await;
            state.progress.set(None);
            // The page changes by the engine's phase; this form may be gone by now.
            let _gone = set_busy.try_set(false);
            match outcome {
                Err(failure) if failure.code == ErrorCode::KdfSaltChanged => {
                    let _gone = set_new_salt.try_set(true);
                }
                Err(failure) => {
                    let _gone = set_error.try_set(Some(failure.sentence()));
                }
                Ok(()) => {}
            }
        });
    };
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        submit(false);
    };

    app.title("Sign in");
    view! {
        <Front title=if again { "Sign in again" } else { "Sign in" }>
            <form class="form" novalidate on:submit=on_submit>
                <Banner text=error/>
                <div class="field">
                    <label for="signin-name">"User name"</label>
                    <input
                        id="signin-name"
                        class="mono"
                        node_ref=name_node
                        data-testid="signin-username"
                        type="text"
                        autocomplete="username"
                        autocapitalize="off"
                        spellcheck="false"
                        required
                    />
                </div>
                <PasswordField
                    id="signin-pass"
                    testid="signin-password"
                    label="Password"
                    autocomplete="current-password"
                    node=password_node
                />
                <EraseQuestion guard typed=Callback::new(move |()| UserName::parse(&value_of(name_node)).ok()) on_yes=Callback::new(move |()| submit(false))/>
                <Show when=move || new_salt.get()>
                    <div class="banner banner-warn" role="alert" data-testid="salt-question">
                        <p>{wording::error(ErrorCode::KdfSaltChanged)}</p>
                        <button class="button" type="button" data-testid="salt-accept" on:click=move |_| submit(true)>
                            "Yes, I changed it. Go on"
                        </button>
                    </div>
                </Show>
                <button class="button button-primary" type="submit" data-testid="signin-submit" disabled=move || !hydrated.get() || busy.get()>
                    {move || if busy.get() { "Signing in…" } else { "Sign in" }}
                </button>
                <Busy busy/>
            </form>
            <ul class="links">
                {if again {
                    view! {
                        <li>
                            <button class="link" type="button" data-testid="signin-back" on:click=move |_| state.signing_in_again.set(false)>
                                "Back to your messages"
                            </button>
                        </li>
                    }.erase()
                } else {
                    view! { <li>"New here? "<a href="/signup" data-testid="signup-link">"Create an account"</a></li> }.erase()
                }}
                <li><a href="/forgot" data-testid="forgot-password">"Forgot your password?"</a></li>
            </ul>
        </Front>
    }
    .erase()
}
