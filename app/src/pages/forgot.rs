//! Forgot the password: the recovery code, a new password, a new code.

use leptos::prelude::*;

use super::Front;
use super::account_form::{AccountFlow, AccountForm};
use crate::context::use_app;
use crate::flows;
use crate::widgets::{Erase, EraseGuard, NewPassword, value_of};

/// The page at `/forgot`.
#[component]
pub(crate) fn Forgot() -> impl IntoView {
    let app = use_app();
    let flow = AccountFlow::new(EraseGuard::for_all());
    let password = RwSignal::new(String::new());
    let code_node = NodeRef::new();
    let password_node = NodeRef::new();
    let submit = move |()| {
        flow.submit_for_code(|name, code| {
            let (typed, password) = (value_of(code_node), value_of(password_node));
            if typed.trim().is_empty() || password.is_empty() {
                return Err("Type your recovery code and a new password.");
            }
            Ok(Box::pin(flows::recover(app, name, typed, password, code)))
        });
    };
    app.title("Forgot your password");
    flow.then_code(move || {
        view! {
            <Front title="Forgot your password" lead="With your recovery code you set a new one. You are signed out everywhere else.">
                <AccountForm
                    flow
                    on_submit=Callback::new(submit)
                    name_id="forgot-name"
                    name_testid="recovery-username"
                    submit_testid="recovery-submit"
                    words=flow.task.words("Set new password", "Setting the new password…")
                >
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
                    <NewPassword
                        id="forgot-pass"
                        strength_id="forgot-strength"
                        testid="new-password"
                        label="New password"
                        node=password_node
                        typed=password
                        name=flow.name
                    />
                    <p class="note">"Without password and code nobody can open the account: not you, and not us."</p>
                </AccountForm>
                <ul class="links"><li><a href="/" data-testid="signin-link">"Back to sign in"</a></li></ul>
            </Front>
        }
        .erase()
    })
}
