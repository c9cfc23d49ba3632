//! Sign in with user name and password.

use leptos::prelude::*;
use sotto_client_api::views::Phase;
use sotto_protocol::ErrorCode;

use super::Front;
use super::account_form::{AccountFlow, AccountForm};
use crate::context::use_app;
use crate::flows;
use crate::widgets::{Erase, EraseGuard, PasswordField, Show, effect, value_of};
use crate::wording;

/// The form; `again` over a session that ended, with a way back to what is readable.
#[component]
pub(crate) fn SignIn(#[prop(optional)] again: bool) -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let flow = AccountFlow::new(EraseGuard::new());
    let (new_salt, set_new_salt) = signal(false);
    let password_node = NodeRef::new();

    let known_name = move || {
        state.phase.with(|phase| match phase {
            Phase::SignedOut { kept: Some(name) } | Phase::Replaced { name } => Some(name.to_string()),
            Phase::SessionEnded { me } => Some(me.name.to_string()),
            _ => None,
        })
    };
    effect(move || {
        // Only into an empty field that nobody is in: never over or between what the person types.
        if let (Some(name), Some(input)) = (known_name(), flow.name_node.get())
            && input.value().is_empty()
            && input.matches(":focus") != Ok(true)
        {
            input.set_value(&name);
        }
    });

    let submit = move |accept_new_salt: bool| {
        set_new_salt.set(false);
        flow.submit(|name| {
            let password = value_of(password_node);
            if password.is_empty() {
                return Err("Type your password.");
            }
            Ok(Box::pin(async move {
                match flows::sign_in(app, name, password, accept_new_salt).await {
                    Err(failure) if failure.code == ErrorCode::KdfSaltChanged => {
                        // The page changes by the engine's phase; this form may be gone by now.
                        let _gone = set_new_salt.try_set(true);
                        Ok(())
                    }
                    outcome => outcome,
                }
            }))
        });
    };

    app.title("Sign in");
    view! {
        <Front title=if again { "Sign in again" } else { "Sign in" }>
            <AccountForm
                flow
                on_submit=Callback::new(move |()| submit(false))
                name_id="signin-name"
                name_testid="signin-username"
                submit_testid="signin-submit"
                words=flow.task.words("Sign in", "Signing in…")
            >
                <PasswordField
                    id="signin-pass"
                    testid="signin-password"
                    label="Password"
                    autocomplete="current-password"
                    node=password_node
                />
                <Show when=move || new_salt.get()>
                    <div class="banner banner-warn" role="alert" data-testid="salt-question">
                        <p>{wording::error(ErrorCode::KdfSaltChanged)}</p>
                        <button class="button" type="button" data-testid="salt-accept" on:click=move |_| submit(true)>
                            "Yes, I changed it. Go on"
                        </button>
                    </div>
                </Show>
            </AccountForm>
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
