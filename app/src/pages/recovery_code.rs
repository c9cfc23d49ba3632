//! The recovery code, shown once: copy, print, or skip.

use leptos::prelude::*;
use sotto_client_api::RecoveryCode;
use sotto_client_api::views::Phase;

use super::Front;
use crate::context::use_app;
use crate::handle::flag;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Banner, Busy, CopyButton, Erase};

/// The code with its buttons; `on_done` hears whether the person says to have saved it.
#[component]
pub(crate) fn RecoveryCodeCard(code: RecoveryCode, #[prop(into)] wait: Signal<bool>, on_done: Callback<bool>) -> impl IntoView {
    let app = use_app();
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
                    on:click=move |_| on_done.run(true)
                >
                    "I have saved it"
                </button>
                <button
                    class="button button-quiet"
                    type="button"
                    data-testid="recovery-skip"
                    disabled=move || wait.get()
                    on:click=move |_| on_done.run(false)
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
pub(super) fn RecoveryStep(code: RecoveryCode, busy: ReadSignal<bool>, error: ReadSignal<Option<String>>) -> impl IntoView {
    let app = use_app();
    let on_done = Callback::new(move |saved: bool| {
        app.platform.run(|browser| browser.set_flag(flag::RECOVERY, (!saved).then_some("skipped")));
        app.state.held.set(false);
        app.go_home();
    });
    let ready = move || app.state.phase.with(|phase| matches!(phase, Phase::Ready { .. }));
    view! {
        <Front
            title="Save your recovery code"
            lead="If you forget your password, this code is the only way back in. Nobody else has it, and it is shown once."
        >
            <Banner text=error/>
            // Going on waits for the engine, or for its refusal: the chat must find it ready.
            <RecoveryCodeCard code wait=Signal::derive(move || busy.get() && !ready()) on_done/>
            <Busy busy/>
        </Front>
    }
    .erase()
}
