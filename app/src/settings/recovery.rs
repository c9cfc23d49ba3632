//! A new recovery code, for the current password.

use leptos::prelude::*;
use sotto_client_api::RecoveryCode;

use crate::context::use_app;
use crate::flows;
use crate::pages::RecoveryCodeCard;
use crate::widgets::{Erase, Form, PasswordField, SubmitButton, Task, value_of};

/// The form, then the code.
#[component]
pub(super) fn RecoverySection() -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let made = RwSignal::new(None::<RecoveryCode>);
    let node = NodeRef::new();
    let make = move |()| {
        let password = value_of(node);
        if password.is_empty() {
            return task.refuse("Type your password.".into());
        }
        task.run(async move {
            let code = flows::new_recovery_code(app, password).await?;
            let _gone = made.try_set(Some(code));
            Ok(())
        });
    };
    let form = move || {
        view! {
            <Form task on_submit=Callback::new(make)>
                <p class="hint">"With it you can set a new password when you forgot yours. Making a new one ends the old one."</p>
                <PasswordField id="recovery-pass" testid="recovery-password" label="Your password" autocomplete="current-password" node/>
                <SubmitButton task testid="recovery-new" words=task.words("Make a new recovery code", "Making the code…") look="button"/>
            </Form>
        }
    };
    view! {
        <section class="setting" aria-labelledby="new-recovery-title">
            <h3 id="new-recovery-title">"Recovery code"</h3>
            {move || match made.get() {
                None => form().erase(),
                Some(code) => view! {
                    <RecoveryCodeCard code wait=Signal::derive(|| false) on_done=Callback::new(move |()| made.set(None))/>
                }.erase(),
            }}
        </section>
    }
    .erase()
}
