//! The log of a room: days, messages, what happened; it sticks to its end while the reader is there.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::Command;
use sotto_client_api::views::{EntryBody, SystemLine};
use sotto_protocol::Seq;

use super::message::Message;
use crate::actions;
use crate::context::use_app;
use crate::state::RoomRow;
use crate::state::timeline::{EntryRow, Line, lines};
use crate::time::{self, Local};
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Erase, Row, Rows, Show};
use crate::wording;

/// So near to the end the reader counts as there, in pixels.
const NEAR_END: i32 = 96;

/// The scrolling log of one room.
#[component]
pub(super) fn TimelineLog(row: RoomRow) -> impl IntoView {
    let app = use_app();
    let state = app.state;
    let timeline = state.timeline;
    let room = row.room;
    let node = NodeRef::<leptos::html::Div>::new();
    let at_end = timeline.at_end;
    let (unseen, set_unseen) = signal(0_usize);
    let (loading, set_loading) = signal(false);
    let marked = StoredValue::new(None::<Seq>);

    let drawn = Memo::new(move |_| timeline.rows.with(|rows| lines(rows, |at| Local::of(at, app.platform).day)));
    // Also runs after a frame, when another room may have taken this one's place.
    let to_end = move || {
        if let Some(log) = node.try_get_untracked().flatten() {
            log.set_scroll_top(log.scroll_height());
        }
    };
    let on_scroll = move |_| {
        let Some(log) = node.get_untracked() else { return };
        let near = log.scroll_height() - log.scroll_top() - log.client_height() < NEAR_END;
        if near != at_end.get_untracked() {
            at_end.set(near);
        }
        if near {
            set_unseen.set(0);
        }
    };
    // New lines: follow them at the end, count them elsewhere, always follow one's own.
    Effect::new(move |before: Option<Option<(usize, Option<Seq>)>>| {
        let now = (timeline.rows.with(Vec::len), timeline.newest());
        let grown = before.flatten().filter(|(count, newest)| *count > 0 && now.0 > *count && now.1 >= *newest);
        let own_last = timeline.rows.with(|rows| rows.last().is_some_and(is_mine));
        if at_end.get_untracked() || own_last || before.is_none() {
            request_animation_frame(to_end);
        } else if let Some((count, newest)) = grown.filter(|(_, newest)| now.1 > *newest) {
            let _older = newest;
            set_unseen.update(|unseen| *unseen += now.0 - count);
        }
        Some(now)
    });
    // Read is what the person had on the screen: page in front, reader at the end.
    Effect::new(move || {
        let Some(seq) = timeline.newest().filter(|_| state.is_visible() && at_end.get()) else { return };
        if marked.get_value() < Some(seq) {
            marked.set_value(Some(seq));
            app.client.tell(Command::MarkRead { room, seq });
        }
    });
    let older = move |_| {
        if loading.get_untracked() {
            return;
        }
        set_loading.set(true);
        let before = node.get_untracked().map(|log| log.scroll_height() - log.scroll_top());
        spawn_local(async move {
            actions::load_older(app).await;
            let _gone = set_loading.try_set(false);
            // What was read stays where it was.
            request_animation_frame(move || {
                if let (Some(log), Some(before)) = (node.try_get_untracked().flatten(), before) {
                    log.set_scroll_top(log.scroll_height() - before);
                }
            });
        });
    };
    let begun = move || timeline.loaded.get() && timeline.rows.with(Vec::is_empty);
    let group = row.view.with_untracked(|view| view.peer.is_none());
    let label = row.view.with_untracked(|view| format!("Messages {} {}", if group { "in" } else { "with" }, wording::title(view)));
    let hello = row.view.with_untracked(|view| {
        if view.notes {
            "Notes that only you can read. Write the first one below.".to_owned()
        } else if group {
            "A group that only its members can read. Write the first message below.".to_owned()
        } else {
            format!("You and {}. Write the first message below.", wording::title(view))
        }
    });

    let draw_line = move |line: Line| {
        Row::new(line.key(), move || match &line {
            Line::Day { at, .. } => view! { <p class="day">{Local::of(*at, app.platform).day_label(time::now(app.platform))}</p> }.erase(),
            Line::Entry { row, grouped } => view! { <Entry row=row.clone() grouped=*grouped group/> }.erase(),
        })
    };
    let rows = move || drawn.get().into_iter().map(draw_line).collect::<Vec<_>>();
    view! {
        <div class="log-frame">
            <div
                class="log"
                node_ref=node
                data-testid="timeline"
                role="log"
                aria-live="polite"
                aria-relevant="additions"
                aria-label=label
                tabindex="0"
                on:scroll=on_scroll
            >
                <Show when=move || timeline.more.get()>
                    <button class="button older" type="button" data-testid="load-older" disabled=move || loading.get() on:click=older>
                        {move || if loading.get() { "Loading…" } else { "Load older messages" }}
                    </button>
                </Show>
                <Show when=begun>
                    <p class="log-empty">{draw(Icon::Lock)} {hello.clone()}</p>
                </Show>
                <Rows rows/>
            </div>
            <Show when=move || !at_end.get()>
                <button class="pill" type="button" data-testid="new-messages" on:click=move |_| to_end()>
                    {draw(Icon::Down)}
                    {move || match unseen.get() {
                        0 => "To the newest".to_owned(),
                        1 => "1 new message".to_owned(),
                        count => format!("{count} new messages"),
                    }}
                </button>
            </Show>
        </div>
    }
    .erase()
}

fn is_mine(row: &EntryRow) -> bool {
    row.entry.with_untracked(|entry| matches!(&entry.body, EntryBody::Message(message) if message.mine && entry.seq.is_none()))
}

/// One entry: a message or a line about the room.
#[component]
fn Entry(row: EntryRow, grouped: bool, group: bool) -> impl IntoView {
    let app = use_app();
    let system = row.entry.with_untracked(|entry| match &entry.body {
        EntryBody::Message(_) => None,
        EntryBody::System(line) => Some(line.clone()),
    });
    match system {
        None => view! { <Message row grouped group/> }.erase(),
        Some(line) => {
            let me = app.state.me().map(|me| me.name.to_string()).unwrap_or_default();
            let icon = match line {
                SystemLine::Created { .. } | SystemLine::Members { .. } | SystemLine::Named { .. } | SystemLine::Shared { .. } => {
                    Icon::Lock
                }
                SystemLine::Described { .. } | SystemLine::Pictured { .. } => Icon::Pen,
                SystemLine::NewDevice { .. } | SystemLine::JoinedHere | SystemLine::SeatTakenAgain { .. } => Icon::Device,
                SystemLine::WentBack | SystemLine::Missing { .. } | SystemLine::Missed { .. } | SystemLine::Withheld { .. } => Icon::Clock,
                SystemLine::NotReadable | SystemLine::IdentityChanged { .. } => Icon::Alert,
            };
            let alarm = matches!(line, SystemLine::NotReadable | SystemLine::IdentityChanged { .. });
            view! {
                <p class="system" data-testid="system-line" data-alarm=alarm.then_some("true")>
                    {draw(icon)} {wording::system_line(&line, &me)}
                </p>
            }
            .erase()
        }
    }
}
