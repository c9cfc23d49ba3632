//! What the person should know now: no connection, an ended session, notices of the engine, the recovery code once more.

use leptos::prelude::*;
use sotto_client_api::views::{ConnectionView, EntryBody, Phase};

use crate::context::use_app;
use crate::handle::flag;
use crate::state::{DialogKind, Notice};
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Erase, Row, Rows, Show, effect};
use crate::wording;

/// All notices, above the conversation.
#[component]
pub(super) fn Notices() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let ended = move || state.phase.with(|phase| matches!(phase, Phase::SessionEnded { .. }));
    let offline = move || !ended() && (!state.is_online() || matches!(state.connection.get(), ConnectionView::Waiting { .. }));
    let rows = move || {
        let draw = |notice: Notice| Row::new(notice.id.to_string(), move || view! { <EngineNotice notice/> }.erase());
        state.notices.get().into_iter().map(draw).collect::<Vec<_>>()
    };
    view! {
        <div class="notices">
            <Show when=ended>
                <div class="banner banner-warn" role="alert" data-testid="session-ended">
                    {draw(Icon::Alert)}
                    <span>"Your sign-in ended. You can read what is here; sign in again to send and receive."</span>
                    <button class="button" type="button" data-testid="signin-again" on:click=move |_| state.signing_in_again.set(true)>
                        "Sign in"
                    </button>
                </div>
            </Show>
            <Show when=offline>
                <div class="banner" role="status" data-testid="offline-banner">
                    {draw(Icon::Clock)}
                    <span>"No connection. Keep writing: messages wait here and go out by themselves."</span>
                </div>
            </Show>
            <Rows rows/>
            <RecoveryReminder/>
        </div>
    }
    .erase()
}

/// What the engine reported and nobody asked for.
#[component]
fn EngineNotice(notice: Notice) -> impl IntoView {
    let state = use_app().state;
    let row = notice.room.and_then(|room| state.find_room(room));
    let place = row.map_or_else(String::new, |row| row.view.with_untracked(|view| format!("{}: ", wording::title(view))));
    view! {
        <div class="banner banner-error" role="alert" data-testid="error-banner" data-code=notice.code.as_str()>
            {draw(Icon::Alert)}
            <span>{place + &wording::error(notice.code)}</span>
            <button class="icon-button" type="button" data-testid="notice-close" aria-label="Dismiss" on:click=move |_| state.dismiss(notice.id)>
                {draw(Icon::Close)}
            </button>
        </div>
    }
    .erase()
}

/// Asks once more for a skipped recovery code, after the first real conversation.
#[component]
fn RecoveryReminder() -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let (asking, set_asking) = signal(false);
    effect(move || {
        let answered = state.timeline.rows.with(|rows| {
            let wrote = |mine: bool| {
                rows.iter()
                    .any(|row| row.entry.with_untracked(|entry| matches!(&entry.body, EntryBody::Message(message) if message.mine == mine)))
            };
            wrote(true) && wrote(false)
        });
        if answered && app.platform.with(None, |browser| browser.flag(flag::RECOVERY)).as_deref() == Some("skipped") {
            app.platform.run(|browser| browser.set_flag(flag::RECOVERY, Some("asked")));
            set_asking.set(true);
        }
    });
    let make = move |_| {
        set_asking.set(false);
        state.dialog.set(Some(DialogKind::Settings));
    };
    view! {
        <Show when=move || asking.get()>
            <div class="banner banner-warn" role="status" data-testid="recovery-reminder">
                {draw(Icon::Alert)}
                <span>"You skipped the recovery code. Without it a forgotten password loses this account."</span>
                <button class="button" type="button" data-testid="recovery-reminder-make" on:click=make>"Make one"</button>
                <button class="icon-button" type="button" data-testid="notice-close" aria-label="Not now" on:click=move |_| set_asking.set(false)>
                    {draw(Icon::Close)}
                </button>
            </div>
        </Show>
    }
    .erase()
}
