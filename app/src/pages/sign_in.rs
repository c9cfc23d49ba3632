//! Sign in with user name and password.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::Phase;
use sotto_protocol::ErrorCode;

use super::Front;
use super::account_form::{AccountFlow, AccountForm};
use crate::account_api;
use crate::context::use_app;
use crate::flows::{self, Agreed};
use crate::widgets::{Erase, EraseGuard, PasswordField, Show, effect, value_of};
use crate::wording;

/// The form; `again` over a session that ended, with a way back to what is readable.
#[component]
pub(crate) fn SignIn(#[prop(optional)] again: bool) -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let flow = AccountFlow::new(EraseGuard::new());
    // What signing in has asked, and what was agreed to so far.
    let (question, set_question) = signal(None::<ErrorCode>);
    let agreed = StoredValue::new(Agreed::default());
    let password_node = NodeRef::new();

    // The rows that said whose browser this was may be gone; the server still knows.
    let (told, set_told) = signal(None::<String>);
    let evicted = move || state.phase.with(|phase| *phase == Phase::Evicted);
    effect(move || {
        if evicted() {
            spawn_local(async move {
                if let Ok(Some(me)) = account_api::who_am_i().await {
                    let _gone = set_told.try_set(Some(me.name.to_string()));
                }
            });
        }
    });
    let known_name = move || {
        state.phase.with(|phase| match phase {
            Phase::Evicted => told.get(),
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

    let submit = move |agreed: Agreed| {
        set_question.set(None);
        flow.submit(|name| {
            let password = value_of(password_node);
            if password.is_empty() {
                return Err("Type your password.");
            }
            Ok(Box::pin(async move {
                match flows::sign_in(app, name, password, agreed).await {
                    Err(failure) if matches!(failure.code, ErrorCode::KdfSaltChanged | ErrorCode::TooManyDevices) => {
                        // The page changes by the engine's phase; this form may be gone by now.
                        let _gone = set_question.try_set(Some(failure.code));
                        Ok(())
                    }
                    outcome => outcome,
                }
            }))
        });
    };

    let yes = move |_| {
        agreed.update_value(|agreed| match question.get_untracked() {
            Some(ErrorCode::KdfSaltChanged) => agreed.new_salt = true,
            _ => agreed.make_room = true,
        });
        submit(agreed.get_value());
    };
    let begin = move |()| {
        agreed.set_value(Agreed::default());
        submit(Agreed::default());
    };

    app.title("Sign in");
    view! {
        <Front title=if again { "Sign in again" } else { "Sign in" }>
            <Show when=evicted>
                <div class="banner banner-warn" role="status" data-testid="evicted">
                    <p>
                        "This browser has deleted what Sotto kept in it. Sign in, and this browser is a new device of yours: it gets your conversations back, and the device that it was is removed."
                    </p>
                </div>
            </Show>
            <AccountForm
                flow
                on_submit=Callback::new(begin)
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
                {move || question.get().map(|code| {
                    let (testid, accept, words) = match code {
                        ErrorCode::KdfSaltChanged => ("salt-question", "salt-accept", "Yes, I changed it. Go on"),
                        _ => ("devices-question", "devices-accept", "Remove it and go on"),
                    };
                    view! {
                        <div class="banner banner-warn" role="alert" data-testid=testid>
                            <p>{wording::error(code)}</p>
                            <button class="button" type="button" data-testid=accept on:click=yes>{words}</button>
                        </div>
                    }
                    .erase()
                })}
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
