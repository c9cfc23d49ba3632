//! The members panel of a group: who is in it and what they may do, adding and removing, its name, muting.

use std::sync::Arc;

use leptos::prelude::*;
use sotto_client_api::views::{MemberView, Role, Standing, Trust};
use sotto_client_api::{Command, Reply};
use sotto_protocol::{AccountId, RoomId};

use super::invites::Invites;
use super::switches::RoomSwitches;
use crate::actions;
use crate::context::use_app;
use crate::state::RoomRow;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{
    Asked, Avatar, Erase, Form, Job, PersonPicker, PictureField, Question, Row, Rows, Show, SubmitButton, Task, effect, value_of,
};
use crate::wording;

/// Leaving the group.
const LEAVING: Question = Question {
    testid: "group-leave",
    words: "Leave group…",
    question: "Leave this group? You read nothing that is said from then on. What you have read stays here.",
    sure: "Leave",
    not: "Stay",
};

/// What is asked about, or chosen, in the row of somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chosen {
    /// What may be done with them.
    Choices(AccountId),
    /// Whether to share earlier messages with them.
    Sharing(AccountId),
    /// Whether to remove them.
    Removal(AccountId),
}

/// The panel's content.
#[component]
pub(super) fn Members(row: RoomRow) -> impl IntoView {
    let app = use_app();
    let members = app.state.members;
    let room = row.room;
    let asked = RwSignal::new(None::<Chosen>);
    let own = move || app.state.me().map(|me| me.account);
    let role =
        Memo::new(move |_| members.with(|list| list.iter().find(|member| Some(member.person.account) == own()).map(|member| member.role)));
    let admits = move || role.get() >= Some(Role::Admin);
    let described = row.clone();
    let add = Arc::new(move |name| -> Job {
        Box::pin(async move {
            app.client.call(Command::AddPerson { room, name }).await?;
            actions::load_members(app, room).await;
            Ok(())
        })
    });
    let rows = move || {
        let (mine, me) = (role.get(), own());
        let row = |member: MemberView| {
            let key = format!("{:?} {:?} {:?} {mine:?}", member.person, member.role, member.standing);
            Row::new(key, move || view! { <Member room member=member.clone() me mine asked/> }.erase())
        };
        members.get().into_iter().map(row).collect::<Vec<_>>()
    };
    let count = move || wording::people(app.state.member_count());
    let coming = move || members.with(Vec::len) - app.state.member_count();
    view! {
        <section class="members" data-testid="members-panel" aria-labelledby="members-title">
            <h3 id="members-title" data-testid="members-count">{count}</h3>
            <Show when=admits>
                <PersonPicker id="member-add" testid="group-add-member" label="Add a user name" busy_words="Adding…" choose=add.clone()/>
            </Show>
            <Show when=move || { coming() > 0 }>
                <p class="hint" role="status" data-testid="members-coming">{move || format!("Being added: {}", wording::people(coming()))}</p>
            </Show>
            <ul class="member-list">
                <Rows rows/>
            </ul>
        </section>
        <Show when=admits>
            <Invites room/>
        </Show>
        <Show when=move || role.get().is_some()>
            <Rename room/>
            <Describe row=described.clone()/>
        </Show>
        <RoomSwitches row=row.clone()/>
        <Show when=move || role.get().is_some()>
            <Asked ask=LEAVING on_sure=move |()| actions::tell(app, room, Command::LeaveGroup { room })/>
        </Show>
    }
    .erase()
}

/// One person.
#[component]
fn Member(room: RoomId, member: MemberView, me: Option<AccountId>, mine: Option<Role>, asked: RwSignal<Option<Chosen>>) -> impl IntoView {
    let app = use_app();
    let account = member.person.account;
    let name = member.person.name.to_string();
    let own = me == Some(account);
    let tags = wording::member_tags(&member, own);
    let removable = !own && matches!(member.standing, Standing::In | Standing::Coming) && mine > Some(member.role);
    // Who owns a group says who else may do what, other owners and oneself included.
    let changeable = member.standing == Standing::In && mine == Some(Role::Owner) && !own;
    let writes = !own && matches!(member.standing, Standing::In | Standing::Going);
    let tell = move |command: Command| {
        asked.set(None);
        actions::tell_and_load(app, room, command);
    };
    let toggle = move |_| {
        let open = asked
            .get_untracked()
            .is_some_and(|open| matches!(open, Chosen::Choices(of) | Chosen::Sharing(of) | Chosen::Removal(of) if of == account));
        asked.set(if open { None } else { Some(Chosen::Choices(account)) });
    };
    let more_name = format!("What to do with {name}");
    let shares = !own && member.standing == Standing::In && mine >= Some(Role::Admin);
    let sharing = format!(
        "Share up to 500 of the newest messages in this browser with {name}? That can’t be taken back, and everybody in the group sees that you did."
    );
    let question = format!("Remove {name}? They read nothing that is said from then on; what they have read stays with them.");
    let roles = [(Role::Owner, "Make owner"), (Role::Admin, "Make admin"), (Role::Member, "Make plain member")];
    let now = member.role;
    let person = member.person.name.clone();
    view! {
        <li class="member" data-testid="member" data-name=name.clone() data-role=wording::role_state(member.role) data-standing=wording::standing_state(member.standing)>
            <div class="member-row">
                <Avatar face=member.person.clone().into()/>
                <div class="member-who">
                    {member.person.shown.clone().map(|shown| view! { <span dir="auto">{shown}</span> }.erase())}
                    <span class="mono">{name.clone()}</span>
                    <span class="hint">{tags}</span>
                </div>
                {(member.trust == Trust::Verified).then(|| view! { <span class="tag" title="You compared safety numbers">"Verified"</span> }.erase())}
                {(writes || removable || changeable).then(|| view! {
                    <button class="icon-button" type="button" data-testid="member-menu" aria-label=more_name aria-expanded=move || (asked.get() == Some(Chosen::Choices(account))).to_string() on:click=toggle>
                        {draw(Icon::More)}
                    </button>
                }.erase())}
            </div>
            <Show when=move || asked.get() == Some(Chosen::Choices(account))>
                <div class="member-choices">
                    {writes.then(|| {
                        let person = person.clone();
                        view! {
                            <button class="button" type="button" data-testid="member-write" on:click=move |_| actions::write_to(app, person.clone())>"Write to them"</button>
                        }.erase()
                    })}
                    {roles.into_iter().filter(|(role, _)| changeable && *role != now).map(|(role, words)| view! {
                        <button
                            class="button"
                            type="button"
                            data-testid=format!("member-make-{}", wording::role_state(role))
                            on:click=move |_| tell(Command::SetRole { room, account, role })
                        >
                            {words}
                        </button>
                    }.erase()).collect_view()}
                    {shares.then(|| view! {
                        <button class="button" type="button" data-testid="member-share" on:click=move |_| asked.set(Some(Chosen::Sharing(account)))>
                            "Share earlier messages…"
                        </button>
                    }.erase())}
                    {removable.then(|| view! {
                        <button class="button button-danger" type="button" data-testid="member-remove" on:click=move |_| asked.set(Some(Chosen::Removal(account)))>
                            "Remove…"
                        </button>
                    }.erase())}
                </div>
            </Show>
            <Show when=move || asked.get() == Some(Chosen::Sharing(account))>
                <div class="member-choices" role="alert">
                    <p>{sharing.clone()}</p>
                    <button class="button button-primary" type="button" data-testid="member-share-sure" on:click=move |_| tell(Command::ShareHistory { room, account })>
                        "Share"
                    </button>
                    <button class="button" type="button" data-testid="member-share-not" on:click=move |_| asked.set(None)>"Don’t share"</button>
                </div>
            </Show>
            <Show when=move || asked.get() == Some(Chosen::Removal(account))>
                <div class="member-choices" role="alert">
                    <p>{question.clone()}</p>
                    <button class="button button-danger" type="button" data-testid="member-remove-sure" on:click=move |_| tell(Command::RemovePerson { room, account })>
                        "Remove"
                    </button>
                    <button class="button" type="button" data-testid="member-remove-not" on:click=move |_| asked.set(None)>"Keep"</button>
                </div>
            </Show>
        </li>
    }
    .erase()
}

/// Another name for the group.
#[component]
fn Rename(room: RoomId) -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let node = NodeRef::new();
    let rename = move |()| {
        let name = value_of(node);
        task.run(async move {
            app.client.call(Command::RenameGroup { room, name }).await?;
            crate::widgets::clear(node);
            Ok(())
        });
    };
    view! {
        <Form task on_submit=Callback::new(rename)>
            <div class="field">
                <label for="group-rename">"Another name for the group"</label>
                <input id="group-rename" node_ref=node data-testid="group-rename" type="text" autocomplete="off" dir="auto"/>
            </div>
            <SubmitButton task testid="group-rename-submit" look="button" words=task.words("Rename", "Renaming…")/>
        </Form>
    }
    .erase()
}

/// What the group is about, and its picture.
#[component]
fn Describe(row: RoomRow) -> impl IntoView {
    let app = use_app();
    let room = row.room;
    let task = Task::new();
    let node = NodeRef::new();
    let picture = RwSignal::new(Vec::new());
    let about = row.view.with_untracked(|view| view.about.clone());
    let version = Memo::new(move |_| row.view.with(|view| view.picture));
    effect(move || {
        // Another one than what is shown.
        version.with(|_| ());
        leptos::task::spawn_local(async move {
            if let Ok(Reply::Picture(jpeg)) = app.client.call(Command::RoomPicture { room }).await {
                let _gone = picture.try_set(jpeg);
            }
        });
    });
    let describe = move |()| {
        let about = value_of(node);
        task.run(async move {
            app.client.call(Command::DescribeGroup { room, about }).await?;
            Ok(())
        });
    };
    let chosen = move |picture| actions::tell(app, room, Command::PictureGroup { room, picture });
    view! {
        <Form task on_submit=Callback::new(describe)>
            <div class="field">
                <label for="group-about">"What the group is about"</label>
                <input id="group-about" node_ref=node data-testid="group-about" type="text" autocomplete="off" dir="auto" value=about/>
            </div>
            <SubmitButton task testid="group-about-submit" look="button" words=task.words("Describe", "Describing…")/>
        </Form>
        <PictureField id="group-picture" label="Choose a picture for the group…" picture on_choice=Callback::new(chosen)/>
    }
    .erase()
}
