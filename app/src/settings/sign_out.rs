//! Signing out: keep this device, or wipe it.

use leptos::prelude::*;

use crate::context::use_app;
use crate::flows;
use crate::state::DialogKind;
use crate::widgets::{Banner, Erase, Modal, Task};

/// The question before signing out.
#[component]
pub(crate) fn SignOutDialog() -> impl IntoView {
    let app = use_app();
    let dialog = app.state.dialog;
    let task = Task::new();
    let sign_out = move |keep: bool| task.run(flows::sign_out(app, keep));
    let close = move |()| {
        if dialog.get_untracked() == Some(DialogKind::SignOut) {
            dialog.set(None);
        }
    };
    view! {
        <Modal
            id="signout-dialog"
            title="Sign out of this device?"
            open=Signal::derive(move || dialog.get() == Some(DialogKind::SignOut))
            on_close=Callback::new(close)
        >
            <Banner text=task.error/>
            <div class="choice">
                <p><strong>"Keep this device."</strong>" Your messages stay here, sealed until you sign in again. What people send meanwhile arrives then."</p>
                <button class="button button-primary" type="button" data-testid="signout-keep" disabled=move || task.busy.get() on:click=move |_| sign_out(true)>
                    "Sign out and keep"
                </button>
            </div>
            <div class="choice">
                <p><strong>"Wipe this device."</strong>" The history here is gone. What is not on another device of yours can’t be read any more, by you or by anybody."</p>
                <button class="button button-danger" type="button" data-testid="signout-wipe" disabled=move || task.busy.get() on:click=move |_| sign_out(false)>
                    "Sign out and wipe"
                </button>
            </div>
            <button class="button button-quiet" type="button" data-testid="signout-cancel" on:click=move |_| dialog.set(None)>"Stay signed in"</button>
        </Modal>
    }
    .erase()
}
