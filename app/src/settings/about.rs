//! What the server learns, what it can't, and whether its directory of keys holds.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::DirectoryView;
use sotto_client_api::{Command, Reply};
use sotto_protocol::ErrorCode;

use crate::context::use_app;
use crate::time::{self, Local};
use crate::widgets::{Erase, Show, Task, effect};
use crate::wording;

/// How far the server's directory of keys was checked, and the way on after an alarm.
#[component]
fn DirectoryStatus() -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let (known, set_known) = signal(None::<DirectoryView>);
    let load = move || {
        spawn_local(async move {
            if let Ok(Reply::Directory(view)) = app.client.call(Command::Directory).await {
                let _gone = set_known.try_set(view);
            }
        });
    };
    effect(load);
    let words = move || match known.get() {
        Some(DirectoryView { alarm: true, .. }) => wording::error(ErrorCode::DirectoryRefused),
        Some(DirectoryView { checked_at: at @ 1.., .. }) => {
            let (at, now) = (Local::of(at, app.platform), time::now(app.platform));
            let when = format!("{} {}", at.day_label(now), at.clock());
            format!("The server’s directory of keys holds together, and says of you what is true. Checked: {when}.")
        }
        _ => "The server’s directory of keys was not checked yet.".to_owned(),
    };
    let anew = move |_| {
        task.run(async move {
            app.client.call(Command::BeginDirectoryAnew).await?;
            load();
            Ok(())
        });
    };
    let alarm = move || known.get().is_some_and(|view| view.alarm);
    view! {
        <p class="hint" data-testid="directory" data-alarm=move || alarm().to_string()>{words}</p>
        <Show when=alarm>
            <button class="button" type="button" data-testid="directory-anew" on:click=anew>"Go on with what it shows now"</button>
        </Show>
    }
    .erase()
}

/// Plain words, no more than is true.
#[component]
pub(super) fn AboutSection() -> impl IntoView {
    view! {
        <section class="setting" aria-labelledby="about-title" data-testid="about">
            <h3 id="about-title">"What the server learns"</h3>
            <dl class="about">
                <dt>"It sees"</dt>
                <dd>"your user name, when and from which address you connect, who has a conversation with whom, when messages pass and how long they are, in steps."</dd>
                <dt>"It never sees"</dt>
                <dd>"what you write, your drafts, your password, or any key that opens a message."</dd>
                <dt>"It keeps"</dt>
                <dd>"sealed messages for a limited time, then deletes them. Your history is on your device."</dd>
                <dt>"It could do"</dt>
                <dd>"harm by serving a false page: a web page can’t prove its own code. Before you compared a safety number, it could also name a false first contact."</dd>
            </dl>
            <DirectoryStatus/>
        </section>
    }
    .erase()
}
