//! Everything that is drawn, in one place: made once in the root, changed only by updates, replies and the person's own clicks.

mod pictures;
mod rooms;
pub(crate) mod timeline;

use leptos::prelude::*;
use sotto_client_api::Update as Report;
use sotto_client_api::views::{AskView, ConnectionView, EntryBody, EntryView, MemberView, PersonView, Phase, RoomView, Standing};
use sotto_protocol::{ErrorCode, MessageId, RoomId, UserName};

pub(crate) use pictures::{Picture, Pictures, Whose, data_url};
pub(crate) use rooms::RoomRow;
pub(crate) use timeline::{EntryRow, Timeline};

/// What the server's first page knew; the same on both sides, so that hydration finds what it expects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstPage {
    /// Whether the request came with a live session.
    pub signed_in: bool,
    /// The theme of the cookie.
    pub theme: crate::theme::Theme,
    /// The page that was asked for.
    pub route: crate::route::Route,
}

/// A long step that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProgressView {
    pub(crate) step: String,
    pub(crate) permille: Option<u16>,
}

/// Something the person should know, until it is put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) id: u32,
    pub(crate) code: ErrorCode,
    pub(crate) room: Option<RoomId>,
}

/// The panel beside the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    /// The lock's sentence and the safety number.
    Lock,
    /// Who is in the group.
    Members,
    /// What the server sees of a message.
    ServerRow(MessageId),
}

/// The dialog that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialogKind {
    Settings,
    SignOut,
    NewGroup,
}

/// How far a sign-out is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// The engine or the server is at it.
    Going,
    /// Done here; the server can't be reached and hears of it at the next load.
    ServerUnaware,
    /// The data here did not open, and is emptied.
    StartingOver,
}

/// All state of the page. The signals live in the root owner, so they outlive every component; rows have their own.
#[derive(Clone, Copy)]
pub struct ClientState {
    pub(crate) phase: RwSignal<Phase>,
    pub(crate) connection: RwSignal<ConnectionView>,
    pub(crate) progress: RwSignal<Option<ProgressView>>,
    pub(crate) rooms: RwSignal<Vec<RoomRow>>,
    pub(crate) timeline: Timeline,
    /// Groups that wait to let the person in.
    pub(crate) asks: RwSignal<Vec<AskView>>,
    /// An invite link that was followed and not answered yet.
    pub(crate) invite: RwSignal<Option<String>>,
    /// Of the open group.
    pub(crate) members: RwSignal<Vec<MemberView>>,
    pub(crate) draft: RwSignal<String>,
    pub(crate) pictures: Pictures,
    pub(crate) notices: RwSignal<Vec<Notice>>,
    pub(crate) panel: RwSignal<Option<Panel>>,
    pub(crate) dialog: RwSignal<Option<DialogKind>>,
    /// Key of the message whose menu is open.
    pub(crate) menu: RwSignal<Option<String>>,
    /// Read out by screen readers.
    pub(crate) announcement: RwSignal<String>,
    /// The form to sign in again over a session that ended.
    pub(crate) signing_in_again: RwSignal<bool>,
    /// An account flow holds the page (a recovery code is on the screen): a ready engine does not navigate away from it.
    pub(crate) held: RwSignal<bool>,
    /// Signing out, until the page is loaded anew.
    pub(crate) leaving: RwSignal<Option<Leaving>>,
    visible: RwSignal<bool>,
    online: RwSignal<bool>,
    next_notice: StoredValue<u32>,
}

impl Default for ClientState {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientState {
    /// State before anything is known. Call it in the root owner.
    #[must_use]
    pub fn new() -> Self {
        Self {
            phase: RwSignal::new(Phase::Booting),
            connection: RwSignal::new(ConnectionView::Off),
            progress: RwSignal::new(None),
            rooms: RwSignal::new(Vec::new()),
            timeline: Timeline::new(),
            asks: RwSignal::new(Vec::new()),
            invite: RwSignal::new(None),
            members: RwSignal::new(Vec::new()),
            draft: RwSignal::new(String::new()),
            pictures: Pictures::new(),
            notices: RwSignal::new(Vec::new()),
            panel: RwSignal::new(None),
            dialog: RwSignal::new(None),
            menu: RwSignal::new(None),
            announcement: RwSignal::new(String::new()),
            signing_in_again: RwSignal::new(false),
            held: RwSignal::new(false),
            leaving: RwSignal::new(None),
            visible: RwSignal::new(true),
            online: RwSignal::new(true),
            next_notice: StoredValue::new(0),
        }
    }

    /// Takes one report of the engine.
    pub fn apply(self, update: Report) {
        match update {
            Report::Phase(phase) => self.set_phase(phase),
            Report::Connection(view) => set_if_new(self.connection, view),
            Report::Progress { step, permille } => self.progress.set(Some(ProgressView { step, permille })),
            Report::Rooms(views) => rooms::replace(self.rooms, views),
            Report::Room(view) => {
                // What came while this browser was away is seen in the list; read out one by one it would be noise.
                if !matches!(self.connection.get_untracked(), ConnectionView::CatchingUp { .. }) {
                    self.announce_unread(&view);
                }
                rooms::upsert(self.rooms, view);
            }
            Report::Entries { room, entries } => self.timeline.put(room, entries),
            Report::Message { room, message } => {
                let entry = EntryView { key: message.id.to_string(), seq: message.seq, at: message.at, body: EntryBody::Message(message) };
                self.timeline.put(room, vec![entry]);
            }
            Report::Asks(asks) => set_if_new(self.asks, asks),
            Report::Notice { code, room } => self.notify(code, room),
        }
    }

    /// The tab came to the front or went to the back.
    pub fn set_visible(self, visible: bool) {
        set_if_new(self.visible, visible);
    }

    /// The browser went online or offline.
    pub fn set_online(self, online: bool) {
        set_if_new(self.online, online);
    }

    /// The engine can't run here: its module did not load, or the browser lacks something.
    pub fn set_broken(self, code: ErrorCode) {
        self.phase.set(Phase::Broken { code });
    }

    /// Whether the person can see the page (tracked).
    pub(crate) fn is_visible(self) -> bool {
        self.visible.get()
    }

    /// Whether the browser says that it has a network (tracked).
    pub(crate) fn is_online(self) -> bool {
        self.online.get()
    }

    /// Puts a notice up, once for each code and room.
    pub(crate) fn notify(self, code: ErrorCode, room: Option<RoomId>) {
        let known = self.notices.with_untracked(|list| list.iter().any(|notice| notice.code == code && notice.room == room));
        if known {
            return;
        }
        let id = self.next_notice.get_value();
        self.next_notice.set_value(id.wrapping_add(1));
        self.notices.update(|list| list.push(Notice { id, code, room }));
    }

    /// Puts a notice away.
    pub(crate) fn dismiss(self, id: u32) {
        self.notices.update(|list| list.retain(|notice| notice.id != id));
    }

    /// The signed-in person (tracked), also after the session ended.
    pub(crate) fn me(self) -> Option<PersonView> {
        self.phase.with(|phase| match phase {
            Phase::Ready { me, .. } | Phase::SessionEnded { me } => Some(me.clone()),
            _ => None,
        })
    }

    /// Whose messages this browser holds.
    pub(crate) fn kept_name(self) -> Option<UserName> {
        self.phase.with_untracked(|phase| match phase {
            Phase::SignedOut { kept } => kept.clone(),
            Phase::Replaced { name } | Phase::Locked { name } => Some(name.clone()),
            Phase::Ready { me, .. } | Phase::SessionEnded { me } => Some(me.name.clone()),
            _ => None,
        })
    }

    /// Opens a panel, or closes it where it is open.
    pub(crate) fn toggle_panel(self, panel: Panel) {
        self.panel.update(|open| *open = if *open == Some(panel) { None } else { Some(panel) });
    }

    /// How many are in the open group (tracked).
    pub(crate) fn member_count(self) -> usize {
        self.members.with(|list| list.iter().filter(|member| member.standing != Standing::Coming).count())
    }

    /// All rooms as they are now.
    pub(crate) fn room_views(self) -> Vec<RoomView> {
        self.rooms.with_untracked(|rows| rows.iter().map(|row| row.view.get_untracked()).collect())
    }

    /// The row of a room (tracked by the list, not by the row).
    pub(crate) fn find_room(self, room: RoomId) -> Option<RoomRow> {
        self.rooms.with(|rows| rows.iter().find(|row| row.room == room).cloned())
    }

    fn set_phase(self, phase: Phase) {
        if matches!(phase, Phase::Ready { .. }) {
            self.signing_in_again.set(false);
        }
        if matches!(phase, Phase::SignedOut { .. } | Phase::Evicted | Phase::Locked { .. } | Phase::Replaced { .. }) {
            // What was readable must leave the page together with the right to read it.
            self.rooms.set(Vec::new());
            self.timeline.close();
            self.asks.set(Vec::new());
            self.members.set(Vec::new());
            self.draft.set(String::new());
            self.pictures.forget();
            self.panel.set(None);
            self.dialog.set(None);
        }
        set_if_new(self.phase, phase);
    }

    fn announce_unread(self, view: &RoomView) {
        let before = self.rooms.with_untracked(|rows| {
            rows.iter().find(|row| row.room == view.room).map_or(0, |row| row.view.with_untracked(|old| old.unread))
        });
        let reading = self.timeline.room.get_untracked() == Some(view.room) && self.visible.get_untracked();
        // A request waits in the list, and calls nobody.
        if view.unread > before && !reading && !view.muted && view.request.is_none() {
            self.announcement.set(format!("New message from {}", view.title));
        }
    }
}

fn set_if_new<T: PartialEq + Clone + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}
