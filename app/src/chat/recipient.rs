//! The recipient box: whom to write to.

use std::sync::Arc;

use leptos::prelude::*;

use crate::actions::{self, RECIPIENT_ID};
use crate::context::use_app;
use crate::widgets::{Erase, PersonPicker};

/// Finds a person and opens the conversation with them.
#[component]
pub(super) fn RecipientBox() -> impl IntoView {
    let app = use_app();
    view! {
        <PersonPicker
            id=RECIPIENT_ID
            testid="recipient-input"
            label="Write to a user name"
            busy_words="Opening the conversation…"
            choose=Arc::new(move |name| Box::pin(async move { Ok(actions::open_with(app, name).await?) }))
            shortcut="Control+K"
        />
    }
    .erase()
}
