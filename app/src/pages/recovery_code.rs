//! The recovery code, shown once: copy, print, or skip.

use leptos::prelude::*;
use sotto_client_api::RecoveryCode;
use sotto_client_api::views::Phase;

use super::{Front, brand};
use crate::context::use_app;
use crate::handle::flag;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Banner, Busy, CopyButton, Erase, Task};

/// The code with its buttons; `on_done` hears that the person goes on.
#[component]
pub(crate) fn RecoveryCodeCard(code: RecoveryCode, #[prop(into)] wait: Signal<bool>, on_done: Callback<()>) -> impl IntoView {
    let app = use_app();
    let saved = move |_| {
        app.platform.run(|browser| browser.set_flag(flag::RECOVERY, None));
        on_done.run(());
    };
    let text = code.0;
    let groups: Vec<String> = text.split('-').map(ToOwned::to_owned).collect();
    let last = groups.len().saturating_sub(1);
    let shown = groups
        .into_iter()
        .enumerate()
        .map(|(index, group)| view! { <span>{if index < last { format!("{group}-") } else { group }}</span> }.erase())
        .collect_view();
    view! {
        <section class="recovery printable" aria-labelledby="recovery-title">
            <h2 id="recovery-title" class="recovery-title">"Recovery code"</h2>
            <p class="print-only">"Sotto recovery code. Whoever has it and your user name can set a new password: keep it like a key."</p>
            <output class="recovery-code mono" data-testid="recovery-code" tabindex="0" aria-label="Recovery code">{shown}</output>
            <div class="row no-print">
                <CopyButton text=Signal::derive(move || text.clone()) label="Copy" testid="recovery-copy"/>
                <button class="button" type="button" data-testid="recovery-print" on:click=move |_| app.platform.run(|browser| browser.print())>
                    {draw(Icon::Print)} "Print"
                </button>
            </div>
            <div class="row no-print">
                <button
                    class="button button-primary"
                    type="button"
                    data-testid="recovery-done"
                    disabled=move || wait.get()
                    on:click=saved
                >
                    "I have saved it"
                </button>
                <button
                    class="button button-quiet"
                    type="button"
                    data-testid="recovery-skip"
                    disabled=move || wait.get()
                    on:click=move |_| on_done.run(())
                >
                    "Skip for now"
                </button>
            </div>
        </section>
    }
    .erase()
}

/// The whole page with the code, after sign-up and after recovery: it stays until the person goes on.
#[component]
pub(super) fn RecoveryStep(code: RecoveryCode, task: Task) -> impl IntoView {
    let app = use_app();
    // Whichever way it is left: by a button, or by going back.
    on_cleanup(move || app.state.held.set(false));
    let ready = move || app.state.phase.with(|phase| matches!(phase, Phase::Ready { .. }));
    view! {
        <Front
            brand=brand()
            title="Save your recovery code"
            lead="If you forget your password, this code is the only way back in. Nobody else has it, and it is shown once."
        >
            <Banner text=task.error/>
            // Going on waits for the engine, or for its refusal: the chat must find it ready.
            <RecoveryCodeCard code wait=Signal::derive(move || task.busy.get() && !ready()) on_done=Callback::new(move |()| app.go_home())/>
            <Busy busy=task.busy/>
        </Front>
    }
    .erase()
}
