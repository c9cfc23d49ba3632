//! A tab's own side: what its page asked and was not answered yet, and what it shows, so that another leader can take both on.

use std::collections::BTreeMap;

use sotto_client_api::views::Phase;
use sotto_client_api::{Command, FromWorker, Reply, ToWorker, Update};
use sotto_protocol::{ErrorCode, Millis, RoomId};

use super::desk::closes_rooms;
use crate::content;
use crate::random;

/// Ids from here on are of commands that no page has asked.
const OWN_IDS: u32 = 1 << 31;

/// One tab.
#[derive(Default)]
pub struct View {
    /// What the next leader's engine has to know to boot: whether there is a session. `None` until the page has said so.
    signed_in: Option<bool>,
    unanswered: BTreeMap<u32, Command>,
    room: Option<RoomId>,
    draft: String,
}

impl View {
    /// Takes a command of the page. Answers what goes to the leader, when there is one.
    ///
    /// # Errors
    /// `unsupported` without a source of randomness.
    pub fn asked(&mut self, now: Millis, ToWorker { id, mut command }: ToWorker) -> Result<ToWorker, ErrorCode> {
        match &mut command {
            Command::Boot { signed_in } => self.signed_in = Some(*signed_in),
            Command::OpenRoom { room, .. } => self.show(Some(*room)),
            Command::CloseRoom { .. } => self.show(None),
            Command::SaveDraft { room, text } if self.room == Some(*room) => self.draft.clone_from(text),
            // Here, once for all times it is asked.
            Command::SendText { room, message, .. } => {
                *message = Some(content::message_id(now)?);
                if self.room == Some(*room) {
                    self.draft.clear();
                }
            }
            Command::CreateGroup { room, .. } => *room = Some(RoomId(random::bytes()?)),
            _ => {}
        }
        self.unanswered.insert(id, command.clone());
        Ok(ToWorker { id, command })
    }

    /// Takes what the leader says. Answers what the page is told.
    pub fn heard(&mut self, message: FromWorker) -> Option<FromWorker> {
        match &message {
            FromWorker::Reply { id, result } if *id >= OWN_IDS => match result {
                // The page of now, after another leader: what came in between is in it.
                Ok(Reply::Timeline { room, entries, .. }) => {
                    Some(FromWorker::Update(Update::Entries { room: *room, entries: entries.clone() }))
                }
                _ => None,
            },
            // An answer that came before, of an earlier leader, is enough.
            FromWorker::Reply { id, .. } => self.unanswered.remove(id).map(|_| message),
            FromWorker::Update(update) => {
                if let Update::Phase(phase) = update {
                    // Otherwise the next leader tries: a session that has ended says so, one that lives does not.
                    self.signed_in = self.signed_in.map(|_| !matches!(phase, Phase::SessionEnded { .. }));
                }
                if closes_rooms(update) {
                    self.show(None);
                }
                Some(message)
            }
        }
    }

    /// There is another leader. Answers what it has to hear: that this tab is there, what it shows, and what was not answered.
    #[must_use]
    pub fn attach(&self) -> Vec<ToWorker> {
        let mut own: Vec<Command> = self.signed_in.map(|signed_in| Command::Boot { signed_in }).into_iter().collect();
        if let Some(room) = self.room {
            own.push(Command::OpenRoom { room, before: None });
            if !self.draft.is_empty() {
                own.push(Command::SaveDraft { room, text: self.draft.clone() });
            }
        }
        let own = (OWN_IDS..).zip(own);
        let unanswered = self.unanswered.iter().map(|(id, command)| (*id, command.clone()));
        own.chain(unanswered).map(|(id, command)| ToWorker { id, command }).collect()
    }

    /// Whether the page waits for an answer.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.unanswered.is_empty()
    }

    fn show(&mut self, room: Option<RoomId>) {
        if self.room != room {
            self.draft.clear();
        }
        self.room = room;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sotto_protocol::MessageId;

    use super::*;

    const ROOM: RoomId = RoomId([7; 16]);

    fn ask(view: &mut View, id: u32, command: Command) -> Command {
        view.asked(1_000, ToWorker { id, command }).unwrap().command
    }

    fn names(view: &View) -> Vec<&'static str> {
        view.attach().iter().map(|message| message.command.name()).collect()
    }

    fn id_of(command: &Command) -> Option<MessageId> {
        if let Command::SendText { message, .. } = command { *message } else { None }
    }

    fn done(id: u32) -> FromWorker {
        FromWorker::Reply { id, result: Ok(Reply::Done) }
    }

    // Fails when `asked` leaves the id to the engine, or `attach` the unanswered out.
    #[test]
    fn a_text_without_an_answer_is_asked_again_under_its_id() {
        let mut view = View::default();
        ask(&mut view, 0, Command::Boot { signed_in: true });
        let text = |text: &str| Command::SendText { room: ROOM, text: text.into(), message: None };
        let first = id_of(&ask(&mut view, 1, text("one"))).unwrap();
        let second = id_of(&ask(&mut view, 2, text("two"))).unwrap();
        assert_ne!(first, second);
        assert!(view.heard(done(1)).is_some());
        assert!(view.heard(done(1)).is_none(), "the page hears an answer once");
        let again: Vec<_> = view.attach().iter().filter_map(|message| id_of(&message.command)).collect();
        assert_eq!(again, [second]);
    }

    // Fails without the room and the draft in `attach`.
    #[test]
    fn another_leader_hears_what_the_tab_shows() {
        let mut view = View::default();
        ask(&mut view, 3, Command::OpenRoom { room: ROOM, before: None });
        assert_eq!(names(&view), ["OpenRoom", "OpenRoom"], "nothing boots before the page says whether there is a session");
        ask(&mut view, 4, Command::Boot { signed_in: true });
        ask(&mut view, 5, Command::SaveDraft { room: ROOM, text: "not yet".into() });
        (3..=5).for_each(|id| drop(view.heard(done(id))));
        assert_eq!(names(&view), ["Boot", "OpenRoom", "SaveDraft"]);
        assert!(!view.waits());

        let timeline = Reply::Timeline { room: ROOM, entries: Vec::new(), more: true, draft: String::new() };
        let told = view.heard(FromWorker::Reply { id: OWN_IDS + 1, result: Ok(timeline) });
        assert!(matches!(told, Some(FromWorker::Update(Update::Entries { room: ROOM, .. }))));
        assert!(view.heard(done(OWN_IDS)).is_none(), "the page did not ask");

        view.heard(FromWorker::Update(Update::Phase(Phase::SignedOut { kept: None })));
        assert_eq!(names(&view), ["Boot"]);
    }

    // Fails when `heard` does not look at the phase: a tab that was opened before the sign-in would boot as if there were none.
    #[test]
    fn a_later_sign_in_counts_for_the_next_leader() {
        let mut view = View::default();
        ask(&mut view, 0, Command::Boot { signed_in: false });
        let signed_in = |view: &View| matches!(view.attach()[0].command, Command::Boot { signed_in: true });
        assert!(!signed_in(&view));
        view.heard(FromWorker::Update(Update::Phase(Phase::Booting)));
        assert!(signed_in(&view));
        let name = "mira".parse().unwrap();
        let me = sotto_client_api::views::PersonView::plain(sotto_protocol::AccountId([1; 32]), name);
        view.heard(FromWorker::Update(Update::Phase(Phase::SessionEnded { me })));
        assert!(!signed_in(&view));
    }
}
