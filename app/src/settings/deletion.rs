//! Deleting the account.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::{Command, Reply};

use crate::context::use_app;
use crate::flows;
use crate::widgets::{Erase, Form, PasswordField, SubmitButton, Task, value_of};

/// What stands between the person and the end.
#[derive(Clone, PartialEq, Eq)]
enum Step {
    Rest,
    /// These groups have to be handed over first.
    HandOver(Vec<String>),
    Sure,
}

/// The button, what has to be done before, and the question.
#[component]
pub(super) fn DeletionSection() -> impl IntoView {
    let app = use_app();
    let (step, set_step) = signal(Step::Rest);
    let ask = move |_| {
        spawn_local(async move {
            let groups = match app.client.call(Command::GroupsToHandOver).await {
                Ok(Reply::Rooms(rooms)) => rooms,
                // The server asks the same.
                _ => Vec::new(),
            };
            let views = app.state.room_views();
            let titles: Vec<_> = views.into_iter().filter(|view| groups.contains(&view.room)).map(|view| view.title).collect();
            let _gone = set_step.try_set(if titles.is_empty() { Step::Sure } else { Step::HandOver(titles) });
        });
    };
    let shown = move || match step.get() {
        Step::Rest => view! {
            <button class="button" type="button" data-testid="delete-account" on:click=ask>"Delete this account…"</button>
        }
        .erase(),
        Step::HandOver(titles) => view! {
            <div role="status" data-testid="delete-account-first">
                <p>"You are the only owner of these groups. Make somebody else an owner there first, or remove everybody:"</p>
                <ul>{titles.into_iter().map(|title| view! { <li>{title}</li> }.erase()).collect_view()}</ul>
                <button class="button" type="button" data-testid="delete-account-again" on:click=ask>"Look again"</button>
            </div>
        }
        .erase(),
        Step::Sure => view! { <Question on_close=Callback::new(move |()| set_step.set(Step::Rest))/> }.erase(),
    };
    view! {
        <section class="setting" aria-labelledby="deletion-title">
            <h3 id="deletion-title">"Delete account"</h3>
            {shown}
        </section>
    }
    .erase()
}

/// The last question, with the password.
#[component]
fn Question(on_close: Callback<()>) -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let node = NodeRef::new();
    let delete = move |()| task.run(flows::delete_account(app, value_of(node)));
    view! {
        <Form task on_submit=Callback::new(delete)>
            <p>
                "This can’t be undone. Your devices are signed out, and the server deletes your keys, your history and your sessions. What others have received stays with them, and they see that you are gone. Nobody can take your name again."
            </p>
            <PasswordField id="delete-pass" testid="delete-account-password" label="Your password" autocomplete="current-password" node/>
            <div class="row">
                <SubmitButton task testid="delete-account-submit" look="button button-danger" words=task.words("Delete for good", "Deleting…")/>
                <button class="button button-quiet" type="button" data-testid="delete-account-not" on:click=move |_| on_close.run(())>"Keep it"</button>
            </div>
        </Form>
    }
    .erase()
}
