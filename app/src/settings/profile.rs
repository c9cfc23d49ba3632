//! How the person is shown to those they write with.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::{Command, Reply};

use crate::context::use_app;
use crate::widgets::{Erase, Form, PictureField, Show, SubmitButton, Task, effect, fill, value_of};

/// Name and picture.
#[component]
pub(super) fn ProfileSection() -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let node = NodeRef::new();
    let picture = RwSignal::new(Vec::new());
    let (saved, set_saved) = signal(false);
    let known = StoredValue::new(String::new());
    effect(move || {
        // Again when another device's choice comes, as it does soon after this one was signed in.
        app.state.me();
        spawn_local(async move {
            if let Ok(Reply::Choices(choices)) = app.client.call(Command::Choices).await {
                let _gone = picture.try_set(choices.picture);
                // What is being typed stays.
                if known.try_get_value() == Some(value_of(node)) {
                    fill(node, &choices.name);
                    known.set_value(choices.name);
                }
            }
        });
    });
    let save = move || {
        set_saved.set(false);
        let (name, picture) = (value_of(node), picture.get_untracked());
        task.run(async move {
            app.client.call(Command::SetCard { name, picture }).await?;
            let _gone = set_saved.try_set(true);
            Ok(())
        });
    };
    view! {
        <section class="setting" aria-labelledby="profile-title">
            <h3 id="profile-title">"Your profile"</h3>
            <Form task on_submit=Callback::new(move |()| save())>
                <div class="field">
                    <label for="profile-name">"Name"</label>
                    <input id="profile-name" node_ref=node data-testid="profile-name" type="text" autocomplete="name" dir="auto" aria-describedby="profile-hint"/>
                </div>
                <PictureField id="profile-picture" label="Choose a picture…" picture on_choice=Callback::new(move |_| save())/>
                <p id="profile-hint" class="hint">
                    "Those whom you write with see both; the server sees neither. Your user name stays beside it where it matters who you are."
                </p>
                <SubmitButton task testid="profile-save" look="button" words=task.words("Save", "Saving…")/>
                <Show when=move || saved.get()>
                    <p class="hint" role="status" data-testid="profile-saved">"Saved. It reaches people with your next message."</p>
                </Show>
            </Form>
        </section>
    }
    .erase()
}
