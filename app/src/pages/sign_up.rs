//! Make an account with a user name and a password, nothing else.

use leptos::prelude::*;

use super::Front;
use super::account_form::{AccountFlow, AccountForm};
use crate::context::use_app;
use crate::flows;
use crate::widgets::{Erase, EraseGuard, NewPassword, value_of};

/// The page at `/signup`: the form, then the recovery code.
#[component]
pub(crate) fn SignUp() -> impl IntoView {
    let app = use_app();
    let flow = AccountFlow::new(EraseGuard::new());
    let password = RwSignal::new(String::new());
    let password_node = NodeRef::new();
    let submit = move |()| {
        flow.submit_for_code(|name, code| {
            let password = value_of(password_node);
            if password.is_empty() {
                return Err("Choose a password.");
            }
            Ok(Box::pin(flows::sign_up(app, name, password, code)))
        });
    };
    app.title("Create an account");
    flow.then_code(move || {
        view! {
            <Front title="Create an account" lead="A name and a password. Your keys are made here, in this browser.">
                <AccountForm
                    flow
                    on_submit=Callback::new(submit)
                    name_id="signup-name"
                    name_testid="signup-username"
                    hint_id="signup-name-hint"
                    submit_testid="signup-submit"
                    words=flow.task.words("Create account", "Creating your account…")
                >
                    <NewPassword
                        id="signup-pass"
                        strength_id="signup-strength"
                        testid="signup-password"
                        label="Password"
                        node=password_node
                        typed=password
                        name=flow.name
                    />
                    <p class="note">"We cannot read or reset this password. It never leaves this browser."</p>
                </AccountForm>
                <ul class="links"><li>"Have an account? "<a href="/" data-testid="signin-link">"Sign in"</a></li></ul>
            </Front>
        }
        .erase()
    })
}
