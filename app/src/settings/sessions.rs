//! Where the account is signed in, and ending a sign-in from here.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_protocol::SessionId;
use sotto_protocol::accounts::SessionInfo;

use crate::account_api;
use crate::context::use_app;
use crate::flows::Failure;
use crate::time::{self, Local};
use crate::widgets::{Banner, Erase, effect};

/// The list of sessions.
#[component]
pub(super) fn SessionsSection() -> impl IntoView {
    let app = use_app();
    let (sessions, set_sessions) = signal(None::<Vec<SessionInfo>>);
    let (error, set_error) = signal(None::<String>);
    let load = move || {
        spawn_local(async move {
            match account_api::list_sessions().await {
                Ok(list) => drop(set_sessions.try_set(Some(list))),
                Err(fault) => drop(set_error.try_set(Some(Failure::from(fault).sentence()))),
            }
        });
    };
    effect(load);
    let revoke = move |session: SessionId| {
        set_error.set(None);
        spawn_local(async move {
            if let Err(fault) = account_api::revoke_session(session).await {
                let _gone = set_error.try_set(Some(Failure::from(fault).sentence()));
            }
            load();
        });
    };
    let when = move |at| {
        let (at, now) = (Local::of(at, app.platform), time::now(app.platform));
        format!("{} {}", at.day_label(now), at.clock())
    };
    view! {
        <section class="setting" aria-labelledby="sessions-title">
            <h3 id="sessions-title">"Where you are signed in"</h3>
            <Banner text=error/>
            <ul class="sessions" data-testid="devices-list">
                {move || sessions.get().unwrap_or_default().into_iter().map(|info| {
                    let session = info.session;
                    let label = format!("Sign out {}", info.label);
                    view! {
                        <li class="session" data-testid="session" data-session-id=session.to_string() data-current=info.current.to_string()>
                            <div>
                                <strong>{info.label}</strong>
                                <p class="hint">{format!("Signed in: {}. Last seen: {}.", when(info.created_at), when(info.last_seen_at))}</p>
                            </div>
                            {if info.current {
                                view! { <span class="tag">"This browser"</span> }.erase()
                            } else {
                                view! {
                                    <button class="button" type="button" data-testid="session-revoke" aria-label=label on:click=move |_| revoke(session)>
                                        "Sign out"
                                    </button>
                                }.erase()
                            }}
                        </li>
                    }
                    .erase()
                }).collect_view().into_any()}
            </ul>
        </section>
    }
    .erase()
}
