//! The question before another account takes the place of the one whose messages this browser keeps.

use leptos::prelude::*;
use sotto_protocol::UserName;

use super::flow::{Erase, Show};
use super::icon::{Icon, draw};
use crate::state::ClientState;

/// Lets a form go on when nothing of anybody else is lost by it, or when the person said so.
#[derive(Clone, Copy)]
pub(crate) struct EraseGuard {
    /// Whose messages would go: asked while it is there.
    whose: RwSignal<Option<UserName>>,
    /// The account for which the answer was yes.
    agreed: StoredValue<Option<UserName>>,
}

impl EraseGuard {
    pub(crate) fn new() -> Self {
        Self { whose: RwSignal::new(None), agreed: StoredValue::new(None) }
    }

    /// Whether `name` may go on; asks otherwise.
    pub(crate) fn passes(self, state: ClientState, name: &UserName) -> bool {
        let kept = state.kept_name().filter(|kept| kept != name && self.agreed.with_value(|agreed| agreed.as_ref() != Some(name)));
        let passes = kept.is_none();
        self.whose.set(kept);
        passes
    }

    fn agree(self, name: UserName) {
        self.agreed.set_value(Some(name));
        self.whose.set(None);
    }
}

/// The question; `on_yes` submits the form once more.
#[component]
pub(crate) fn EraseQuestion(guard: EraseGuard, typed: Callback<(), Option<UserName>>, on_yes: Callback<()>) -> AnyView {
    let words = move || {
        let whose = guard.whose.get().map_or_else(String::new, |name| name.to_string());
        format!("This browser keeps the sealed messages of {whose}. They are only here: going on erases them.")
    };
    let yes = move |_| {
        if let Some(name) = typed.run(()) {
            guard.agree(name);
            on_yes.run(());
        }
    };
    view! {
        <Show when=move || guard.whose.with(Option::is_some)>
            <div class="banner banner-warn" role="alert" data-testid="erase-question">
                {draw(Icon::Alert)}
                <span>{words}</span>
                <button class="button button-danger" type="button" data-testid="erase-accept" on:click=yes>"Erase and go on"</button>
            </div>
        </Show>
    }
    .erase()
}
