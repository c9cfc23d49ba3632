//! What clicks and keys do: commands to the engine, and the state that follows their replies.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::PersonView;
use sotto_client_api::{Command, Reply};
use sotto_protocol::{ErrorCode, MessageId, RoomId, UserName};

use crate::context::AppContext;

/// Id of the composer's text field, for focus.
pub(crate) const COMPOSER_ID: &str = "composer";
/// Id of the recipient box, for focus.
pub(crate) const RECIPIENT_ID: &str = "recipient";

/// Opens a room of the list.
pub(crate) fn open_room(app: AppContext, room: RoomId) {
    let state = app.state;
    state.panel.set(None);
    state.menu.set(None);
    if state.timeline.room.get_untracked() != Some(room) {
        state.members.set(Vec::new());
        state.draft.set(String::new());
        state.timeline.open(room);
    }
    spawn_local(async move {
        let answer = app.client.call(Command::OpenRoom { room, before: None }).await;
        // Another room may have been opened meanwhile.
        if state.timeline.room.get_untracked() != Some(room) {
            return;
        }
        match answer {
            Ok(Reply::Timeline { entries, more, draft, .. }) => {
                state.timeline.put(room, entries);
                state.timeline.more.set(more);
                if !state.timeline.loaded.get_untracked() && state.draft.with_untracked(String::is_empty) {
                    state.draft.set(draft);
                }
                state.timeline.loaded.set(true);
            }
            Ok(_) => state.notify(ErrorCode::Malformed, Some(room)),
            Err(code) => state.notify(code, Some(room)),
        }
        app.platform.run(|browser| browser.focus(COMPOSER_ID));
    });
}

/// Leaves the open room (the back button on a phone).
pub(crate) fn close_room(app: AppContext) {
    app.state.panel.set(None);
    app.state.menu.set(None);
    let room = app.state.timeline.room.get_untracked();
    app.state.timeline.close();
    if let Some(room) = room {
        app.client.tell(Command::CloseRoom { room });
    }
}

/// Opens the room with a person, making it where it is new.
pub(crate) async fn open_with(app: AppContext, name: UserName) -> Result<(), ErrorCode> {
    match app.client.call(Command::OpenRoomWith { name }).await? {
        Reply::Room(view) => {
            let room = view.room;
            app.state.apply(sotto_client_api::Update::Room(view));
            open_room(app, room);
            Ok(())
        }
        _ => Err(ErrorCode::Malformed),
    }
}

/// Opens the room with a person from elsewhere than the recipient box.
pub(crate) fn write_to(app: AppContext, name: UserName) {
    spawn_local(async move {
        if let Err(code) = open_with(app, name).await {
            app.state.notify(code, None);
        }
    });
}

/// The person of exactly this name.
pub(crate) async fn find_person(app: AppContext, name: UserName) -> Result<PersonView, ErrorCode> {
    match app.client.call(Command::FindPeople { typed: name.to_string() }).await? {
        Reply::People(found) => found.into_iter().find(|person| person.name == name).ok_or(ErrorCode::NotFound),
        _ => Err(ErrorCode::Malformed),
    }
}

/// Makes a group, adds people and opens it: what is written first is for them, too. Who can't be added is told about; the group is there all the
/// same.
pub(crate) async fn create_group(app: AppContext, name: String, people: Vec<UserName>) -> Result<(), ErrorCode> {
    let Reply::Room(view) = app.client.call(Command::CreateGroup { name, room: None }).await? else { return Err(ErrorCode::Malformed) };
    let room = view.room;
    app.state.apply(sotto_client_api::Update::Room(view));
    for name in people {
        if let Err(code) = app.client.call(Command::AddPerson { room, name }).await {
            app.state.notify(code, Some(room));
        }
    }
    app.state.dialog.set(None);
    open_room(app, room);
    Ok(())
}

/// Asks who is in the open group.
pub(crate) async fn load_members(app: AppContext, room: RoomId) {
    match app.client.call(Command::Members { room }).await {
        // Another room may have been opened meanwhile.
        Ok(Reply::Members(members)) if app.state.timeline.room.get_untracked() == Some(room) => app.state.members.set(members),
        Ok(_) => {}
        Err(code) => app.state.notify(code, Some(room)),
    }
}

/// Fetches the page before the oldest entry.
pub(crate) async fn load_older(app: AppContext) {
    let timeline = app.state.timeline;
    let (Some(room), Some(before)) = (timeline.room.get_untracked(), timeline.oldest()) else { return };
    match app.client.call(Command::OpenRoom { room, before: Some(before) }).await {
        Ok(Reply::Timeline { entries, more, .. }) => {
            timeline.put(room, entries);
            timeline.more.set(more);
        }
        Ok(_) => app.state.notify(ErrorCode::Malformed, Some(room)),
        Err(code) => app.state.notify(code, Some(room)),
    }
}

/// Sends what stands in the composer. On refusal the text comes back, unless something new was typed.
pub(crate) fn send(app: AppContext) {
    let state = app.state;
    let text = state.draft.get_untracked();
    let Some(room) = state.timeline.room.get_untracked().filter(|_| !text.trim().is_empty()) else { return };
    state.draft.set(String::new());
    spawn_local(async move {
        match app.client.call(Command::SendText { room, text: text.clone(), message: None }).await {
            Ok(_) => save_draft(app, room),
            Err(code) => {
                if state.timeline.room.get_untracked() == Some(room) && state.draft.with_untracked(String::is_empty) {
                    state.draft.set(text);
                }
                state.notify(code, Some(room));
            }
        }
    });
}

/// Stores what stands in the composer of the open room, or nothing when another room is open.
pub(crate) fn save_draft(app: AppContext, room: RoomId) {
    if app.state.timeline.room.get_untracked() == Some(room) {
        app.client.tell(Command::SaveDraft { room, text: app.state.draft.get_untracked() });
    }
}

/// Tries a failed message again.
pub(crate) fn resend(app: AppContext, room: RoomId, message: MessageId) {
    tell(app, room, Command::Resend { room, message });
}

/// Asks something of a group, and who is in it afterwards.
pub(crate) fn tell_and_load(app: AppContext, room: RoomId, command: Command) {
    spawn_local(async move {
        if let Err(code) = app.client.call(command).await {
            app.state.notify(code, Some(room));
        }
        load_members(app, room).await;
    });
}

/// Asks something of a room; what refuses it is told.
pub(crate) fn tell(app: AppContext, room: RoomId, command: Command) {
    spawn_local(async move {
        if let Err(code) = app.client.call(command).await {
            app.state.notify(code, Some(room));
        }
    });
}
