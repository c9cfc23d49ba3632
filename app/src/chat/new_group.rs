//! The dialog that makes a group: a name, and who is in it.

use std::sync::Arc;

use leptos::prelude::*;
use sotto_protocol::{ErrorCode, UserName, limits};

use crate::actions;
use crate::context::use_app;
use crate::state::DialogKind;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Erase, Form, Modal, PersonPicker, Row, Rows, SubmitButton, Task, value_of};

const NAME_ID: &str = "group-name";

/// The dialog, when it is open.
#[component]
pub(super) fn NewGroup() -> impl IntoView {
    let dialog = use_app().state.dialog;
    let close = move |()| {
        if dialog.get_untracked() == Some(DialogKind::NewGroup) {
            dialog.set(None);
        }
    };
    view! {
        <Modal
            id="new-group-dialog"
            title="New group"
            open=Signal::derive(move || dialog.get() == Some(DialogKind::NewGroup))
            on_close=Callback::new(close)
        >
            <NewGroupForm/>
        </Modal>
    }
    .erase()
}

#[component]
fn NewGroupForm() -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let node = NodeRef::new();
    let chosen = RwSignal::new(Vec::<UserName>::new());
    let typed = RwSignal::new(String::new());
    let take = move |name: UserName| {
        let own = app.state.me().is_some_and(|me| me.name == name);
        if !own && !chosen.with_untracked(|list| list.contains(&name)) {
            chosen.update(|list| list.push(name));
        }
    };
    // Whether there is somebody by that name is asked at once: afterwards the group would be there without them.
    let choose = Arc::new(move |name: UserName| -> crate::widgets::Job {
        Box::pin(async move {
            take(actions::find_person(app, name).await?.name);
            Ok(())
        })
    });
    let create = move |()| {
        let name = value_of(node);
        task.run(async move {
            // What still stands in the box was meant, too.
            let rest = typed.get_untracked();
            if !rest.trim().is_empty() {
                take(actions::find_person(app, UserName::parse(&rest)?).await?.name);
                typed.set(String::new());
            }
            let people = chosen.get_untracked();
            let name = if name.trim().is_empty() { named_after(app.state.me().map(|me| me.name), &people) } else { name };
            if name.len() > limits::ROOM_NAME {
                return Err(ErrorCode::TooLarge.into());
            }
            actions::create_group(app, name, people).await?;
            Ok(())
        });
    };
    let rows = move || {
        let person = |name: UserName| Row::new(name.to_string(), move || view! { <Chosen name=name.clone() chosen/> }.erase());
        chosen.get().into_iter().map(person).collect::<Vec<_>>()
    };
    view! {
        <Form task on_submit=Callback::new(create)>
            <div class="field">
                <label for=NAME_ID>"Name of the group"</label>
                <input id=NAME_ID node_ref=node data-testid="group-name" type="text" autocomplete="off" dir="auto" aria-describedby="group-name-hint"/>
                <p id="group-name-hint" class="hint">"Only its members learn it. Left empty, it is called after them."</p>
            </div>
            <PersonPicker id="group-people" testid="group-add-member" label="Add a user name" busy_words="Looking for them…" choose=choose.clone() typed/>
            <ul class="chips" aria-label="In the group">
                <Rows rows/>
            </ul>
            <SubmitButton task testid="group-create" words=task.words("Create group", "Creating…")/>
        </Form>
    }
    .erase()
}

/// Somebody who was chosen, and the way to think again.
#[component]
fn Chosen(name: UserName, chosen: RwSignal<Vec<UserName>>) -> impl IntoView {
    let words = name.to_string();
    let label = format!("Leave out {name}");
    let remove = move |_| chosen.update(|list| list.retain(|other| *other != name));
    view! {
        <li class="chip" data-testid="group-chosen">
            <span class="mono">{words}</span>
            <button class="chip-remove" type="button" data-testid="group-chosen-remove" aria-label=label on:click=remove>{draw(Icon::Close)}</button>
        </li>
    }
    .erase()
}

/// The people's names, as many as fit.
fn named_after(me: Option<UserName>, people: &[UserName]) -> String {
    let mut text = String::new();
    for name in me.iter().chain(people) {
        if text.len() + name.as_str().len() + 2 > limits::ROOM_NAME {
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name.as_str());
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_group_without_a_name_is_called_after_its_people_as_far_as_they_fit() {
        let name = |text: &str| UserName::parse(text).unwrap();
        assert_eq!(named_after(Some(name("mira")), &[name("jonas"), name("noor")]), "mira, jonas, noor");
        let many: Vec<_> = (0..40).map(|number| name(&format!("somebody-{number:02}"))).collect();
        let text = named_after(None, &many);
        assert!(text.len() <= limits::ROOM_NAME && text.ends_with("14"), "{text}");
    }
}
