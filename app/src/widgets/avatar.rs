//! A person's picture, or initials on a colour that follows from the account id.

use leptos::prelude::*;
use sotto_client_api::views::{PersonView, RoomView};

use super::flow::Erase;
use crate::context::use_app;
use crate::state::{Picture, Whose};

/// Hues in `style/avatar.css`.
const HUES: u8 = 12;

/// How somebody or a group is drawn: the picture, or initials until there is one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Face {
    hue: u8,
    name: String,
    picture: Option<Picture>,
}

impl From<PersonView> for Face {
    fn from(person: PersonView) -> Self {
        let picture = person.picture.map(|number| Picture { whose: Whose::Person(person.account), number });
        Self { hue: person.account.0[0] % HUES, name: person.shown().to_owned(), picture }
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
        let group = room.picture.map(|number| Picture { whose: Whose::Group(room.room), number });
        let person = |peer: &PersonView| peer.picture.map(|number| Picture { whose: Whose::Person(peer.account), number });
        Self { hue: first % HUES, name: room.title.clone(), picture: room.peer.as_ref().map_or(group, person) }
    }
}

/// Picture or initials of a person or group; a pen for notes. Decoration: the name stands beside it.
#[component]
pub(crate) fn Avatar(face: Face, #[prop(optional)] notes: bool) -> impl IntoView {
    let app = use_app();
    let class = format!("avatar hue-{}", face.hue);
    let letters = initials(&face.name);
    let picture = face.picture.filter(|_| !notes).map(|picture| app.state.pictures.get(app.client, picture));
    let drawn = move || match picture.as_ref().and_then(Get::get) {
        Some(address) => view! { <img src=address alt="" data-testid="avatar-picture"/> }.into_any(),
        None if notes => super::icon::draw(super::icon::Icon::Pen),
        None => letters.clone().into_any(),
    };
    view! { <span class=class aria-hidden="true">{drawn}</span> }.erase()
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
