//! A button that asks once more before it does what can't be undone.

use leptos::prelude::*;

use super::flow::{Erase, Show};

/// What the button and its question say, and by which test ids they are found: `testid`, `testid-sure`, `testid-not`.
pub(crate) struct Question {
    pub(crate) testid: &'static str,
    /// On the button.
    pub(crate) words: &'static str,
    pub(crate) question: &'static str,
    /// On the button that does it.
    pub(crate) sure: &'static str,
    /// On the one that does not.
    pub(crate) not: &'static str,
}

/// The button, or its question once it was pressed.
#[component]
pub(crate) fn Asked(ask: Question, #[prop(into)] on_sure: Callback<()>) -> impl IntoView {
    let asked = RwSignal::new(false);
    let sure = move |_| {
        asked.set(false);
        on_sure.run(());
    };
    let Question { testid, words, question, sure: sure_words, not } = ask;
    view! {
        <Show when=move || !asked.get()>
            <button class="button" type="button" data-testid=testid on:click=move |_| asked.set(true)>{words}</button>
        </Show>
        <Show when=move || asked.get()>
            <div class="member-choices" role="alert">
                <p>{question}</p>
                <button class="button button-danger" type="button" data-testid=format!("{testid}-sure") on:click=sure>{sure_words}</button>
                <button class="button" type="button" data-testid=format!("{testid}-not") on:click=move |_| asked.set(false)>{not}</button>
            </div>
        </Show>
    }
    .erase()
}
