//! Change of the password.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::context::use_app;
use crate::flows;
use crate::widgets::{Banner, Busy, Erase, PasswordField, StrengthMeter, use_hydrated, value_of};

/// The form.
#[component]
pub(super) fn PasswordSection() -> impl IntoView {
    let app = use_app();
    let hydrated = use_hydrated();
    let (busy, set_busy) = signal(false);
    let (done, set_done) = signal(false);
    let (error, set_error) = signal(None::<String>);
    let (typed, set_typed) = signal(String::new());
    let current = NodeRef::<leptos::html::Input>::new();
    let new = NodeRef::<leptos::html::Input>::new();
    let name = Signal::derive(move || app.state.me().map(|me| me.name.to_string()).unwrap_or_default());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let (old_password, new_password) = (value_of(current), value_of(new));
        if old_password.is_empty() || new_password.is_empty() {
            return set_error.set(Some("Type your current password and the new one.".into()));
        }
        set_error.set(None);
        set_done.set(false);
        set_busy.set(true);
        spawn_local(async move {
            let outcome = flows::change_password(app, old_password, new_password).await;
            app.state.progress.set(None);
            let _gone = set_busy.try_set(false);
            match outcome {
                Ok(()) => {
                    for node in [current, new] {
                        if let Some(input) = node.try_get_untracked().flatten() {
                            input.set_value("");
                        }
                    }
                    let _gone = set_typed.try_set(String::new());
                    let _gone = set_done.try_set(true);
                }
                Err(failure) => {
                    let _gone = set_error.try_set(Some(failure.sentence()));
                }
            }
        });
    };
    view! {
        <section class="setting" aria-labelledby="password-title">
            <h3 id="password-title">"Password"</h3>
            <form class="form" novalidate on:submit=on_submit>
                <Banner text=error/>
                <PasswordField
                    id="change-current"
                    testid="current-password"
                    label="Current password"
                    autocomplete="current-password"
                    node=current
                />
                <PasswordField
                    id="change-new"
                    testid="new-password"
                    label="New password"
                    autocomplete="new-password"
                    node=new
                    described_by="change-strength"
                    on_input=Callback::new(move |typed| set_typed.set(typed))
                />
                <StrengthMeter id="change-strength" password=typed name/>
                <button class="button" type="submit" data-testid="change-password" disabled=move || !hydrated.get() || busy.get()>
                    {move || if busy.get() { "Changing…" } else { "Change password" }}
                </button>
                <Busy busy/>
                <p class="hint" role="status" data-testid="password-changed" data-done=move || done.get().to_string()>
                    {move || if done.get() { "Your password is changed. Every other browser is signed out." } else { "" }}
                </p>
            </form>
        </section>
    }
    .erase()
}
