//! A person's initials on a colour that follows from the account id.

use leptos::prelude::*;
use sotto_client_api::views::PersonView;

use super::flow::Erase;

/// Hues in `style/avatar.css`.
const HUES: u8 = 12;

/// Initials of a person; a pen for notes. Decoration: the name stands beside it.
#[component]
pub(crate) fn Avatar(person: PersonView, #[prop(optional)] notes: bool) -> impl IntoView {
    let class = format!("avatar hue-{}", person.account.0.first().copied().unwrap_or(0) % HUES);
    view! {
        <span class=class aria-hidden="true">
            {if notes { super::icon::draw(super::icon::Icon::Pen)  } else { initials(person.name.as_str()).into_any() }}
        </span>
    }
    .erase()
}

/// "mira-k" is MK, "elin" is EL.
fn initials(name: &str) -> String {
    let mut parts = name.split(['-', '_']).filter_map(|part| part.chars().next());
    let pair = match (parts.next(), parts.next()) {
        (Some(first), Some(second)) => vec![first, second],
        _ => name.chars().filter(char::is_ascii_alphanumeric).take(2).collect(),
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
