//! A person's initials on a colour that follows from the account id.

use leptos::prelude::*;
use sotto_client_api::views::{PersonView, RoomView};

use super::flow::Erase;

/// Hues in `style/avatar.css`.
const HUES: u8 = 12;

/// Whose initials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Face {
    hue: u8,
    name: String,
}

impl From<PersonView> for Face {
    fn from(person: PersonView) -> Self {
        Self { hue: person.account.0[0] % HUES, name: person.name.to_string() }
    }
}

impl Face {
    /// Which of the colours.
    pub(crate) const fn hue(&self) -> u8 {
        self.hue
    }

    /// That of a room: of the other person, or of the group.
    pub(crate) fn of(room: &RoomView) -> Self {
        let first = room.peer.as_ref().map_or(room.room.0[0], |peer| peer.account.0[0]);
        Self { hue: first % HUES, name: room.title.clone() }
    }
}

/// Initials of a person or group; a pen for notes. Decoration: the name stands beside it.
#[component]
pub(crate) fn Avatar(face: Face, #[prop(optional)] notes: bool) -> impl IntoView {
    let class = format!("avatar hue-{}", face.hue);
    view! {
        <span class=class aria-hidden="true">
            {if notes { super::icon::draw(super::icon::Icon::Pen)  } else { initials(&face.name).into_any() }}
        </span>
    }
    .erase()
}

/// "mira-k" is MK, "elin" is EL.
fn initials(name: &str) -> String {
    let mut parts = name.split(['-', '_', ' ']).filter_map(|part| part.chars().next());
    let pair = match (parts.next(), parts.next()) {
        (Some(first), Some(second)) => vec![first, second],
        _ => name.chars().filter(|letter| !letter.is_ascii_punctuation()).take(2).collect(),
    };
    pair.into_iter().collect::<String>().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_come_from_parts_or_the_first_letters() {
        assert_eq!(["mira-k", "elin", "a_b_c", "--x", "___"].map(initials).join(" "), "MK EL AB X ");
    }
}
