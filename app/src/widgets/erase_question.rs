//! The question before another account takes the place of the one whose messages this browser keeps.

use leptos::prelude::*;
use sotto_client_api::Command;
use sotto_protocol::UserName;

use super::flow::{Erase, Show};
use super::icon::{Icon, draw};
use crate::context::{AppContext, use_app};
use crate::route::MAIN_ID;

/// Lets a form go on when nothing of anybody else is lost by it, or when the person said so.
#[derive(Clone, Copy)]
pub(crate) struct EraseGuard {
    /// Whose messages would go: asked while it is there.
    whose: RwSignal<Option<UserName>>,
    /// The account for which the answer was yes.
    agreed: StoredValue<Option<UserName>>,
    /// Whether the own messages would go, too.
    own_go: bool,
}

impl EraseGuard {
    /// For forms by which another account's messages go.
    pub(crate) fn new() -> Self {
        Self { whose: RwSignal::new(None), agreed: StoredValue::new(None), own_go: false }
    }

    /// For forms by which whatever is kept here goes: the forgotten password alone opens it.
    pub(crate) fn for_all() -> Self {
        Self { own_go: true, ..Self::new() }
    }

    /// Whether `name` may go on; asks otherwise.
    pub(crate) async fn passes(self, app: AppContext, name: &UserName) -> bool {
        // Where the engine can't run, nothing is erased either.
        let _looked = app.client.call(Command::Ready).await;
        let agreed = self.agreed.try_get_value().flatten();
        let kept = app.state.kept_name().filter(|kept| (self.own_go || kept != name) && agreed.as_ref() != Some(name));
        let passes = kept.is_none();
        // The form may be gone by now: then nobody goes on.
        self.whose.try_set(kept).is_none() && passes
    }

    /// The typed name changes, and with it what is at stake: the form asks anew when it is sent.
    pub(crate) fn withdraw(self) {
        self.whose.set(None);
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
    let app = use_app();
    let yes = move |_| {
        if let Some(name) = typed.run(()) {
            // The button goes now, and the submit button rests: the focus would be lost with it.
            app.platform.run(|browser| browser.focus(MAIN_ID));
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
