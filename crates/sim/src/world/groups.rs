//! Groups in a world: what people do to them, and what must be true of them when the storm is over.

use std::collections::BTreeMap;

use sotto_client_api::Command;
use sotto_client_api::views::Role;
use sotto_protocol::{RoomId, Seq, UserName};

use super::oracle::{Timeline, is_beginning};
use super::person::Line;
use super::{World, history};

/// Groups of one world: in more of them fewer things meet.
const GROUPS: usize = 2;

impl World {
    /// A person makes, names or peoples a group; whoever may not is refused, which is seen in the history.
    pub(super) fn act_on_groups(&mut self, who: usize) {
        let groups: Vec<RoomId> = self.people[who].rooms.values().filter(|room| room.peer.is_none()).map(|room| room.room).collect();
        let Some(room) = self.rng.choice(groups) else {
            if self.groups < GROUPS {
                self.groups += 1;
                self.note_of(who, "makes a group");
                let name = format!("group {}", self.groups);
                self.command(who, Command::CreateGroup { name, room: None });
            }
            return;
        };
        let account = self.people[who].account;
        let others: Vec<usize> = (0..self.people.len()).filter(|other| self.people[*other].account != account).collect();
        let Some(whom) = self.rng.choice(others) else { return };
        let name = self.people[whom].name.clone();
        let (what, command) = match self.rng.u32(0..13) {
            0..5 => (format!("adds {name}"), Command::AddPerson { room, name }),
            5..8 => (format!("removes {name}"), Command::RemovePerson { room, account: self.people[whom].account }),
            8..10 => {
                let role = [Role::Member, Role::Admin, Role::Owner][self.rng.usize(0..3)];
                (format!("makes {name} {role:?}"), Command::SetRole { room, account: self.people[whom].account, role })
            }
            10 => ("leaves".to_owned(), Command::LeaveGroup { room }),
            _ => {
                self.names += 1;
                (format!("names it {}", self.names), Command::RenameGroup { room, name: format!("name {}", self.names) })
            }
        };
        self.note_of(who, format!("in group {} {what}", history::short(room)));
        self.command(who, command);
    }

    /// Everybody has a last word: with it a name is repeated for those who may not know it.
    pub(super) fn speak_in_groups(&mut self) {
        for who in self.awake() {
            let rooms = self.people[who].rooms.values();
            let groups: Vec<RoomId> = rooms.filter(|room| room.peer.is_none() && room.can_send.is_ok()).map(|room| room.room).collect();
            for room in groups {
                self.write(who, room);
            }
        }
    }

    pub(super) fn is_group(&self, who: usize, room: RoomId) -> bool {
        self.people[who].rooms.get(&room).is_some_and(|room| room.peer.is_none())
    }

    /// Who is in a group at the end has its keys, and nobody else; all of them know one name of it; and who was in it all the time, by
    /// the own timeline, has nothing from outside that time.
    pub(super) fn judge_group(&mut self, room: RoomId, readers: &[(usize, Timeline)]) -> Result<(), String> {
        let mut changes = Timeline::new();
        for (who, timeline) in readers {
            let name = &self.people[*who].name;
            // Who came by a Welcome does not know who else did.
            let is_change = |line: &Line| match line {
                Line::Created(_) => true,
                Line::Members { came, .. } => *came != [name.clone()],
                Line::Text(..) | Line::System(_) => false,
            };
            for (seq, line) in timeline.iter().filter(|(_, line)| is_change(line)) {
                if let Some(other) = changes.insert(*seq, line.clone()).filter(|other| other != line) {
                    return Err(format!("{} has {line:?} at {seq}, where another has {other:?}", name));
                }
            }
        }
        let has_all = |(who, timeline): &&(usize, Timeline)| self.people[*who].has_all_of(timeline);
        let known = readers.iter().filter(has_all).any(|(_, timeline)| timeline.values().any(|line| matches!(line, Line::Created(_))));
        let mut names: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        for who in self.awake() {
            let person = &mut self.people[who];
            let epochs = person.engine.epoch_authenticators().map_err(|code| format!("{}: {code:?}", person.label))?;
            let has_keys = epochs.contains_key(&room);
            // Its maker has seen every change.
            if known && has_keys != is_inside(&changes, &person.name, Seq::MAX) {
                return Err(format!("{} has keys of {room}: {has_keys}, which does not fit to {changes:?}", person.label));
            }
            if has_keys {
                let title = person.rooms.get(&room).map(|room| room.title.clone());
                names.entry(title).or_default().push(person.label.clone());
            }
        }
        if names.len() > 1 {
            return Err(format!("{room} is called {names:?}"));
        }
        let has_all = |(who, timeline): &&(usize, Timeline)| self.people[*who].has_all_of(timeline);
        for (who, timeline) in readers.iter().filter(has_all) {
            let name = &self.people[*who].name;
            if let Some((seq, line)) =
                timeline.iter().find(|(seq, line)| matches!(line, Line::Text(..)) && !is_inside(timeline, name, **seq))
            {
                return Err(format!("{name} has {line:?} at {seq}, which was not for this person"));
            }
        }
        Ok(())
    }
}

/// Whether a person stood in a group at a position, as the timeline of one of the person's browsers tells.
pub(super) fn is_inside(timeline: &Timeline, name: &UserName, at: Seq) -> bool {
    timeline.range(..at).fold(false, |inside, (_, line)| match line {
        Line::Created(by) => by == name,
        Line::Members { came, .. } if came.contains(name) => true,
        Line::Members { went, .. } if went.contains(name) => false,
        line if is_beginning(line) => true,
        _ => inside,
    })
}
