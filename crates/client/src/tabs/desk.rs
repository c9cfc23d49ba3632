//! The leader's side: commands of all tabs to one engine, and its answers back to whoever asked.

use std::collections::BTreeMap;

use sotto_client_api::views::Phase;
use sotto_client_api::{Command, FromWorker, ToWorker, Update};
use sotto_protocol::RoomId;

use super::TabId;
use crate::io::Input;

/// Stands between the tabs and the engine.
#[derive(Default)]
pub struct Desk {
    /// By the id that the engine knows a command by: who asked, under which id.
    asked: BTreeMap<u32, (TabId, u32)>,
    next: u32,
    tabs: BTreeMap<TabId, Shown>,
}

/// What a tab shows.
#[derive(Default)]
struct Shown {
    room: Option<RoomId>,
    /// What stands in the composer of that room, as far as it was stored.
    draft: Option<String>,
}

impl Desk {
    /// Takes a tab's command. Answers what the engine has to hear, in order.
    pub fn ask(&mut self, tab: TabId, ToWorker { id, command }: ToWorker) -> Vec<Input> {
        let mut inputs = Vec::new();
        let command = match command {
            Command::OpenRoom { room, .. } => {
                inputs.extend(self.show(tab, Some(room)));
                command
            }
            // Another tab may still show it: then there is nothing to do.
            Command::CloseRoom { .. } => self.left(tab, None).map_or(Command::Ready, |room| Command::CloseRoom { room }),
            Command::SaveDraft { room, text } => Command::SaveDraft { room, text: self.draft(tab, room, text) },
            other => other,
        };
        self.next = self.next.wrapping_add(1);
        self.asked.insert(self.next, (tab, id));
        inputs.push(Input::Command { id: self.next, command });
        inputs
    }

    /// Takes what the engine says. Answers to whom it goes (`None`: to all tabs), in that tab's words.
    pub fn tell(&mut self, message: FromWorker) -> Option<(Option<TabId>, FromWorker)> {
        match message {
            FromWorker::Reply { id, result } => {
                let (tab, id) = self.asked.remove(&id)?;
                Some((Some(tab), FromWorker::Reply { id, result }))
            }
            FromWorker::Update(update) => {
                if closes_rooms(&update) {
                    self.tabs.clear();
                }
                Some((None, FromWorker::Update(update)))
            }
        }
    }

    /// A tab is gone. Answers what the engine has to hear.
    pub fn gone(&mut self, tab: TabId) -> Vec<Input> {
        self.asked.retain(|_, (asker, _)| *asker != tab);
        let close = self.show(tab, None);
        self.tabs.remove(&tab);
        close.into_iter().collect()
    }

    /// Another room is open in a tab: the engine closes the one before, unless another tab shows it. Nobody waits for its reply.
    fn show(&mut self, tab: TabId, room: Option<RoomId>) -> Option<Input> {
        let room = self.left(tab, room)?;
        self.next = self.next.wrapping_add(1);
        Some(Input::Command { id: self.next, command: Command::CloseRoom { room } })
    }

    /// The room that no tab shows any more when `tab` shows `room`.
    fn left(&mut self, tab: TabId, room: Option<RoomId>) -> Option<RoomId> {
        let shown = self.tabs.entry(tab).or_default();
        if shown.room == room {
            return None;
        }
        let left = core::mem::replace(shown, Shown { room, draft: None }).room?;
        (!self.tabs.values().any(|other| other.room == Some(left))).then_some(left)
    }

    /// What is to be stored as the draft of a room. A tab that empties its composer must not take away what stands in another's.
    fn draft(&mut self, tab: TabId, room: RoomId, text: String) -> String {
        if let Some(shown) = self.tabs.get_mut(&tab).filter(|shown| shown.room == Some(room)) {
            shown.draft = Some(text.clone()).filter(|text| !text.is_empty());
        }
        let mut others = self.tabs.values().filter(|shown| shown.room == Some(room)).filter_map(|shown| shown.draft.clone());
        if text.is_empty() { others.next().unwrap_or_default() } else { text }
    }
}

/// Whether no tab shows a room after this.
pub(super) const fn closes_rooms(update: &Update) -> bool {
    matches!(update, Update::Phase(Phase::SignedOut { .. } | Phase::Evicted | Phase::Locked { .. } | Phase::Replaced { .. }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sotto_client_api::Reply;

    use super::*;

    const ONE: TabId = TabId([1; 16]);
    const TWO: TabId = TabId([2; 16]);
    const ROOM: RoomId = RoomId([7; 16]);
    const OTHER: RoomId = RoomId([8; 16]);

    fn ask(desk: &mut Desk, tab: TabId, command: Command) -> Vec<(u32, Command)> {
        commands(desk.ask(tab, ToWorker { id: 0, command }))
    }

    fn commands(inputs: Vec<Input>) -> Vec<(u32, Command)> {
        let command = |input| if let Input::Command { id, command } = input { Some((id, command)) } else { None };
        inputs.into_iter().filter_map(command).collect()
    }

    fn closed(commands: &[(u32, Command)]) -> Vec<RoomId> {
        commands.iter().filter_map(|(_, command)| if let Command::CloseRoom { room } = command { Some(*room) } else { None }).collect()
    }

    const fn open(room: RoomId) -> Command {
        Command::OpenRoom { room, before: None }
    }

    // Fails when the desk hands the tabs' own ids on: two tabs would have the same.
    #[test]
    fn answers_find_the_tab_that_asked_and_its_id() {
        let mut desk = Desk::default();
        let first = commands(desk.ask(ONE, ToWorker { id: 5, command: Command::Nudge }))[0].0;
        let second = commands(desk.ask(TWO, ToWorker { id: 5, command: Command::Nudge }))[0].0;
        assert_ne!(first, second);
        let mut told = |id| desk.tell(FromWorker::Reply { id, result: Ok(Reply::Done) });
        assert!(matches!(told(second), Some((Some(TWO), FromWorker::Reply { id: 5, .. }))));
        assert!(matches!(told(first), Some((Some(ONE), FromWorker::Reply { id: 5, .. }))));
        assert!(told(first).is_none(), "an answer goes out once");
        assert!(matches!(desk.tell(FromWorker::Update(Update::Rooms(Vec::new()))), Some((None, FromWorker::Update(_)))));
    }

    // Fails without the look at the other tabs in `left`.
    #[test]
    fn a_room_is_closed_when_the_last_tab_leaves_it() {
        let mut desk = Desk::default();
        assert!(closed(&ask(&mut desk, ONE, open(ROOM))).is_empty());
        assert!(closed(&ask(&mut desk, TWO, open(ROOM))).is_empty());
        assert!(closed(&ask(&mut desk, ONE, open(OTHER))).is_empty(), "the other tab still shows it");
        assert_eq!(closed(&commands(desk.gone(TWO))), [ROOM]);
        let answered = ask(&mut desk, ONE, Command::CloseRoom { room: OTHER });
        assert_eq!(closed(&answered), [OTHER]);
        assert!(desk.tell(FromWorker::Reply { id: answered[0].0, result: Ok(Reply::Done) }).is_some(), "whoever closes a room is answered");
        assert_eq!(ask(&mut desk, ONE, Command::CloseRoom { room: OTHER })[0].1.name(), "Ready");
    }

    // Fails when `draft` answers the text of the tab that asks.
    #[test]
    fn a_tab_that_sent_its_text_leaves_the_draft_of_another_alone() {
        let saved = |desk: &mut Desk, tab, text: &str| {
            let Command::SaveDraft { text, .. } = ask(desk, tab, Command::SaveDraft { room: ROOM, text: text.into() }).remove(0).1 else {
                return None;
            };
            Some(text)
        };
        let mut desk = Desk::default();
        ask(&mut desk, ONE, open(ROOM));
        ask(&mut desk, TWO, open(ROOM));
        assert_eq!(saved(&mut desk, ONE, "from one").unwrap(), "from one");
        assert_eq!(saved(&mut desk, TWO, "from two").unwrap(), "from two");
        assert_eq!(saved(&mut desk, TWO, "").unwrap(), "from one");
        assert_eq!(saved(&mut desk, ONE, "").unwrap(), "");
        // What a tab that went elsewhere has left behind is stored, and no tab's any more.
        saved(&mut desk, ONE, "left behind");
        ask(&mut desk, ONE, open(OTHER));
        assert_eq!(saved(&mut desk, TWO, "").unwrap(), "");
    }
}
