//! Invite links: made and ended in the members panel, followed in a dialog, and who waits in the list of rooms.

use std::sync::Arc;

use leptos::html::Select;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::{AskView, InviteView};
use sotto_client_api::{Command, Reply, Update};
use sotto_protocol::{ErrorCode, Millis, RoomId};

use crate::actions;
use crate::context::{AppContext, use_app};
use crate::time::{self, Local};
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Asked, CopyButton, Erase, Form, Modal, Question, Row, Rows, Show, SubmitButton, Task, effect};
use crate::wording;

const HOUR: Millis = 3_600_000;
/// How long a link may be good for, in hours.
const LIFETIMES: [(&str, Millis); 4] = [("1 hour", 1), ("1 day", 24), ("7 days", 7 * 24), ("30 days", 30 * 24)];
/// For how many.
const USES: [(&str, u32); 4] = [("1 person", 1), ("10 people", 10), ("100 people", 100), ("1,000 people", 1_000)];

/// Taking a link back.
const ENDING: Question = Question {
    testid: "invite-end",
    words: "End this link…",
    question: "End this link? Nobody gets in by it any more, also those who wait. Who is in stays.",
    sure: "End it",
    not: "Keep it",
};

/// The links of a group, for its admins.
#[component]
pub(super) fn Invites(room: RoomId) -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let (links, set_links) = signal(Vec::<InviteView>::new());
    let (lifetime, uses) = (NodeRef::<Select>::new(), NodeRef::<Select>::new());
    effect(move || {
        // Whoever comes in takes a place, and whoever is removed takes the links along.
        app.state.members.with(|_| ());
        spawn_local(load(app, room, set_links));
    });
    let make = move |()| {
        let lifetime = chosen(lifetime).and_then(|index| LIFETIMES.get(index)).map_or(0, |(_, hours)| hours * HOUR);
        let uses = chosen(uses).and_then(|index| USES.get(index)).map_or(0, |(_, uses)| *uses);
        task.run(async move {
            app.client.call(Command::MakeInvite { room, lifetime, uses }).await?;
            load(app, room, set_links).await;
            Ok(())
        });
    };
    let end = Arc::new(move |code: String| {
        spawn_local(async move {
            if let Err(code) = app.client.call(Command::EndInvite { room, code }).await {
                app.state.notify(code, Some(room));
            }
            load(app, room, set_links).await;
        });
    });
    let rows = move || {
        let row = |link: InviteView| {
            let (key, end) = (format!("{} {:?}", link.code, link.left), end.clone());
            Row::new(key, move || {
                let (code, end) = (link.code.clone(), end.clone());
                view! { <Invite link=link.clone() on_end=Callback::new(move |()| end(code.clone()))/> }.erase()
            })
        };
        links.get().into_iter().map(row).collect::<Vec<_>>()
    };
    view! {
        <section class="members" aria-labelledby="invites-title">
            <h3 id="invites-title">"Invite links"</h3>
            <ul class="member-list">
                <Rows rows/>
            </ul>
            <Form task on_submit=Callback::new(make)>
                <div class="invite-choices">
                    {choice("invite-lifetime", "Good for", lifetime, LIFETIMES.map(|(words, _)| words), 2)}
                    {choice("invite-uses", "Lets in", uses, USES.map(|(words, _)| words), 1)}
                </div>
                <SubmitButton task testid="invite-make" look="button" words=task.words("Make a link", "Making…")/>
            </Form>
            <p class="hint">"Whoever has a link gets in while an admin’s browser is open. Removing somebody ends all links."</p>
        </section>
    }
    .erase()
}

async fn load(app: AppContext, room: RoomId, links: WriteSignal<Vec<InviteView>>) {
    if let Ok(Reply::Invites(list)) = app.client.call(Command::Invites { room }).await {
        // The panel may be closed by now.
        let _gone = links.try_set(list);
    }
}

/// A list to choose from, by index.
fn choice(id: &'static str, label: &'static str, node: NodeRef<Select>, words: [&'static str; 4], first: usize) -> AnyView {
    let option = move |(index, words): (usize, &'static str)| view! { <option selected=index == first>{words}</option> }.erase();
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select id=id node_ref=node data-testid=id>{words.into_iter().enumerate().map(option).collect_view()}</select>
        </div>
    }
    .erase()
}

fn chosen(node: NodeRef<Select>) -> Option<usize> {
    usize::try_from(node.get_untracked()?.selected_index()).ok()
}

/// One link.
#[component]
fn Invite(link: InviteView, on_end: Callback<()>) -> impl IntoView {
    let app = use_app();
    let until = Local::of(link.expires_at, app.platform);
    let words = wording::invite(link.uses, link.left, &format!("{}, {}", until.day_ahead(time::now(app.platform)), until.clock()));
    let address = format!("{}/#join={}", app.platform.with(String::new(), |browser| browser.origin()), link.code);
    view! {
        <li class="invite" data-testid="invite" data-left=link.left.map(|left| left.to_string())>
            <code class="mono invite-address" data-testid="invite-address">{address.clone()}</code>
            <span class="hint">{words}</span>
            <div class="row">
                <CopyButton text=Signal::stored(address) label="Copy the link" testid="invite-copy"/>
                <Asked ask=ENDING on_sure=on_end/>
            </div>
        </li>
    }
    .erase()
}

/// Asks whether to join, when a link was followed and this browser is ready.
#[component]
pub(super) fn JoinDialog() -> impl IntoView {
    let app = use_app();
    let close = move |()| forget(app);
    view! {
        <Modal id="join-dialog" title="Join a group" open=Signal::derive(move || app.state.invite.with(Option::is_some)) on_close=Callback::new(close)>
            <JoinForm/>
        </Modal>
    }
    .erase()
}

#[component]
fn JoinForm() -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let join = move |()| {
        let Some(code) = app.state.invite.get_untracked() else { return };
        task.run(async move {
            match app.client.call(Command::AskIn { code }).await {
                Ok(Reply::Room(view)) => {
                    let room = view.room;
                    app.state.apply(Update::Room(view));
                    actions::open_room(app, room);
                }
                Ok(_) => {}
                Err(ErrorCode::Malformed) => return Err(ErrorCode::InviteEnded.into()),
                Err(code) => return Err(code.into()),
            }
            forget(app);
            Ok(())
        });
    };
    view! {
        <Form task on_submit=Callback::new(join)>
            <p>"You followed an invite link. Everybody in the group sees your user name, and you read what is said from then on."</p>
            <div class="row">
                <SubmitButton task testid="join-submit" words=task.words("Join", "Asking…")/>
                <button class="button" type="button" data-testid="join-not" on:click=move |_| forget(app)>"Not now"</button>
            </div>
        </Form>
    }
    .erase()
}

/// The link is done with: nobody who looks at the address later should find it.
fn forget(app: AppContext) {
    app.state.invite.set(None);
    app.platform.run(|browser| browser.replace_path("/"));
}

/// Groups that wait to let the person in, above the rooms.
#[component]
pub(super) fn Asks() -> impl IntoView {
    let app = use_app();
    let rows = move || {
        let row = |ask: AskView| Row::new(ask.room.to_string(), move || view! { <AskItem ask/> }.erase());
        app.state.asks.get().into_iter().map(row).collect::<Vec<_>>()
    };
    view! {
        <Show when=move || app.state.asks.with(|asks| !asks.is_empty())>
            <ul class="asks" aria-live="polite" aria-label="Groups that you asked to join">
                <Rows rows/>
            </ul>
        </Show>
    }
    .erase()
}

#[component]
fn AskItem(ask: AskView) -> impl IntoView {
    let app = use_app();
    let room = ask.room;
    let since = Local::of(ask.at, app.platform).short(time::now(app.platform));
    let withdraw = move |_| {
        spawn_local(async move {
            if let Err(code) = app.client.call(Command::WithdrawAsk { room }).await {
                app.state.notify(code, None);
            }
        });
    };
    view! {
        <li class="ask" data-testid="ask-item">
            {draw(Icon::Clock)}
            <span>
                "Waiting to be let into a group"
                <span class="hint">{format!("Since {since}. It happens by itself as soon as an admin’s browser is open.")}</span>
            </span>
            <button class="button" type="button" data-testid="ask-withdraw" aria-label="Withdraw the request to join a group" on:click=withdraw>"Withdraw"</button>
        </li>
    }
    .erase()
}
