//! Change of the password.

use leptos::prelude::*;

use crate::context::use_app;
use crate::flows;
use crate::widgets::{Erase, Form, NewPassword, PasswordField, SubmitButton, Task, clear, value_of};

/// The form.
#[component]
pub(super) fn PasswordSection() -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let done = RwSignal::new(false);
    let typed = RwSignal::new(String::new());
    let current = NodeRef::new();
    let new = NodeRef::new();
    let name = Signal::derive(move || app.state.me().map(|me| me.name.to_string()).unwrap_or_default());
    let change = move |()| {
        let (old_password, new_password) = (value_of(current), value_of(new));
        if old_password.is_empty() || new_password.is_empty() {
            return task.refuse("Type your current password and the new one.".into());
        }
        task.run(async move {
            let _gone = done.try_set(false);
            flows::change_password(app, old_password, new_password).await?;
            clear(current);
            clear(new);
            let _gone = typed.try_set(String::new());
            let _gone = done.try_set(true);
            Ok(())
        });
    };
    view! {
        <section class="setting" aria-labelledby="password-title">
            <h3 id="password-title">"Password"</h3>
            <Form task on_submit=Callback::new(change)>
                <PasswordField
                    id="change-current"
                    testid="current-password"
                    label="Current password"
                    autocomplete="current-password"
                    node=current
                />
                <NewPassword
                    id="change-new"
                    strength_id="change-strength"
                    testid="new-password"
                    label="New password"
                    node=new
                    typed
                    name
                />
                <SubmitButton task testid="change-password" words=task.words("Change password", "Changing…") look="button"/>
                <p class="hint" role="status" data-testid="password-changed" data-done=move || done.get().to_string()>
                    {move || if done.get() { "Your password is changed. Every other browser is signed out." } else { "" }}
                </p>
            </Form>
        </section>
    }
    .erase()
}
