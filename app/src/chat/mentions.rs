//! `@name`: choosing somebody of the group while writing, and showing who is meant while reading.

use leptos::ev::KeyboardEvent;
use leptos::html::Textarea;
use leptos::prelude::*;
use sotto_protocol::UserName;

use crate::context::{AppContext, use_app};
use crate::widgets::{Avatar, Erase};

/// Id of the list of names under choice.
pub(super) const LIST_ID: &str = "mention-list";

/// Most names that are offered at once.
const MOST: usize = 6;

/// Names offered while one is being typed, in a group; copies are one offer.
#[derive(Clone, Copy)]
pub(super) struct Offer {
    app: AppContext,
    group: bool,
    names: RwSignal<Vec<UserName>>,
    active: RwSignal<usize>,
}

impl Offer {
    /// Offers nothing yet; never anything outside a group.
    pub(super) fn new(group: bool) -> Self {
        Self { app: use_app(), group, names: RwSignal::new(Vec::new()), active: RwSignal::new(0) }
    }

    pub(super) const fn is_there(self) -> bool {
        self.group
    }

    /// What is offered follows from the text before the caret.
    pub(super) fn look(self, node: NodeRef<Textarea>) {
        let Some((text, caret)) = self.group.then(|| before_caret(node)).flatten() else { return };
        let me = self.app.state.me().map(|me| me.name);
        let others = self.app.state.members.with_untracked(|list| {
            list.iter().map(|member| &member.person.name).filter(|name| Some(*name) != me.as_ref()).cloned().collect::<Vec<_>>()
        });
        let names = begun(&text, caret).map_or_else(Vec::new, |(_, typed)| offered(typed, &others));
        self.active.set(0);
        self.names.set(names);
    }

    pub(super) fn close(self) {
        // A field that is taken away with the focus in it says so after all this is gone.
        if self.names.try_with_untracked(|names| !names.is_empty()) == Some(true) {
            self.names.set(Vec::new());
        }
    }

    /// Whether a key was for the list.
    pub(super) fn takes_key(self, event: &KeyboardEvent, node: NodeRef<Textarea>) -> bool {
        let count = self.names.with_untracked(Vec::len);
        if count == 0 || event.is_composing() {
            return false;
        }
        match event.key().as_str() {
            "ArrowDown" => self.active.update(|active| *active = (*active + 1) % count),
            "ArrowUp" => self.active.update(|active| *active = (*active + count - 1) % count),
            "Enter" | "Tab" if !event.shift_key() => self.take(self.active.get_untracked(), node),
            "Escape" => {
                event.stop_propagation();
                self.close();
            }
            _ => return false,
        }
        event.prevent_default();
        true
    }

    /// Puts a name in the place of what was typed of it.
    fn take(self, index: usize, node: NodeRef<Textarea>) {
        let name = self.names.with_untracked(|names| names.get(index).cloned());
        let place = before_caret(node).and_then(|(text, caret)| begun(&text, caret).map(|(at, _)| (text.clone(), at, caret)));
        self.close();
        let (Some(name), Some((text, at, caret))) = (name, place) else { return };
        let before = format!("{}@{name} ", &text[..at]);
        let behind = u32::try_from(before.encode_utf16().count()).unwrap_or(u32::MAX);
        self.app.state.draft.set(before + &text[caret..]);
        // Once the text stands there.
        request_animation_frame(move || {
            if let Some(field) = node.try_get_untracked().flatten() {
                // Refused only by inputs of other types.
                let _moved = field.set_selection_range(behind, behind);
            }
        });
    }

    /// Id of the name that Enter takes.
    pub(super) fn active_id(self) -> Option<String> {
        self.names.with(|names| !names.is_empty()).then(|| format!("{LIST_ID}-{}", self.active.get()))
    }

    pub(super) fn draw(self, node: NodeRef<Textarea>) -> AnyView {
        let option = move |(index, name): (usize, UserName)| {
            let person = self
                .app
                .state
                .members
                .with_untracked(|list| list.iter().find(|member| member.person.name == name).map(|member| member.person.clone()));
            view! {
                <li
                    id=format!("{LIST_ID}-{index}")
                    class="option"
                    role="option"
                    data-testid="mention-option"
                    data-name=name.to_string()
                    aria-selected=move || (self.active.get() == index).to_string()
                    // Before the field loses its focus, which would close the list under the pointer.
                    on:mousedown=|event| event.prevent_default()
                    on:click=move |_| self.take(index, node)
                >
                    {person.map(|person| view! { <Avatar face=person.into()/> }.erase())}
                    <span class="mono">{name.to_string()}</span>
                </li>
            }
            .erase()
        };
        view! {
            <ul id=LIST_ID class="options mentions" role="listbox" aria-label="People of the group" hidden=move || self.names.with(Vec::is_empty)>
                {move || self.names.get().into_iter().enumerate().map(option).collect_view().into_any()}
            </ul>
        }
        .erase()
    }
}

/// What stands in a field, and where the caret is in it, in bytes.
fn before_caret(node: NodeRef<Textarea>) -> Option<(String, usize)> {
    let field = node.get_untracked()?;
    let text = field.value();
    let caret = usize::try_from(field.selection_start().ok()??).ok()?;
    let caret = bytes_of(&text, caret);
    Some((text, caret))
}

/// Browsers count in UTF-16.
fn bytes_of(text: &str, units: usize) -> usize {
    let mut left = units;
    let mut bytes = 0;
    for letter in text.chars() {
        if left < letter.len_utf16() {
            break;
        }
        left -= letter.len_utf16();
        bytes += letter.len_utf8();
    }
    bytes
}

/// The name that is being typed right before the caret: where its `@` stands, and what follows it, both in bytes of `text`.
fn begun(text: &str, caret: usize) -> Option<(usize, &str)> {
    let before = text.get(..caret)?;
    let at = before.rfind('@')?;
    let name = &before[at + 1..];
    let alone = before[..at].chars().next_back().is_none_or(|letter| !is_of_name(letter));
    (alone && name.chars().all(is_of_name)).then_some((at, name))
}

/// Names that begin with what was typed.
fn offered(typed: &str, names: &[UserName]) -> Vec<UserName> {
    let typed = typed.to_ascii_lowercase();
    names.iter().filter(|name| name.as_str().starts_with(&typed)).take(MOST).cloned().collect()
}

/// A text in pieces; those with `true` name somebody of `names`.
fn pieces<'text>(text: &'text str, names: &[UserName]) -> Vec<(&'text str, bool)> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    for (at, _) in text.match_indices('@') {
        if at < begin {
            continue;
        }
        let rest = &text[at + 1..];
        let end = rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len());
        let alone = text[..at].chars().next_back().is_none_or(|letter| !is_of_name(letter));
        // A sentence may end with a name, and a dash may follow it: what is left without these counts as well.
        let word = rest[..end].to_ascii_lowercase();
        let name =
            [word.as_str(), word.trim_end_matches(['-', '_'])].into_iter().find(|word| names.iter().any(|name| name.as_str() == *word));
        if let Some(name) = name.filter(|_| alone) {
            let after = at + 1 + name.len();
            pieces.push((&text[begin..at], false));
            pieces.push((&text[at..after], true));
            begin = after;
        }
    }
    pieces.push((&text[begin..], false));
    pieces.retain(|(piece, _)| !piece.is_empty());
    pieces
}

/// Whether somebody is named in a text.
pub(super) fn names_me(text: &str, me: &UserName) -> bool {
    text.contains('@') && pieces(text, core::slice::from_ref(me)).iter().any(|(_, named)| *named)
}

/// The text of a message; whoever of the open group it names stands out.
pub(super) fn draw(text: String) -> AnyView {
    let state = use_app().state;
    if !text.contains('@') {
        return text.into_any();
    }
    (move || {
        let names = state.members.with(|list| list.iter().map(|member| member.person.name.clone()).collect::<Vec<_>>());
        let me = state.me().map(|me| me.name.to_string()).unwrap_or_default();
        let piece = |(piece, named): (&str, bool)| {
            let piece = piece.to_owned();
            if !named {
                return piece.into_any();
            }
            let own = piece.get(1..).is_some_and(|name| name.eq_ignore_ascii_case(&me));
            view! { <span class="mention" data-testid="mention" data-me=own.to_string()>{piece}</span> }.erase()
        };
        pieces(&text, &names).into_iter().map(piece).collect_view()
    })
    .into_any()
}

const fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names() -> Vec<UserName> {
        ["mira", "mira-k", "noor"].map(|name| UserName::parse(name).unwrap()).to_vec()
    }

    #[test]
    fn a_name_is_begun_by_an_at_that_stands_alone() {
        assert_eq!(begun("hi @mi", 6), Some((3, "mi")));
        assert_eq!(begun("@", 1), Some((0, "")));
        assert_eq!(begun("(@No there", 4), Some((1, "No")), "before the caret only");
        assert_eq!(begun("mira@home", 9), None, "an address");
        assert_eq!(begun("@mira said", 10), None);
        assert_eq!(begun("ü@m", 4), Some((2, "m")));
        assert_eq!(begun("ü", 1), None, "amid a letter");
        assert_eq!(offered("MI", &names()).len(), 2);
        assert_eq!([0, 1, 3, 4, 9].map(|units| bytes_of("ü😀a", units)), [0, 2, 6, 7, 7]);
    }

    // Fails without `alone`, and without `trim_end_matches`.
    #[test]
    fn only_who_is_in_the_group_is_named() {
        assert_eq!(
            pieces("@mira-k and @noor, not @eve", &names()),
            [("@mira-k", true), (" and ", false), ("@noor", true), (", not @eve", false)]
        );
        assert_eq!(pieces("mail me@noor", &names()), [("mail me@noor", false)]);
        assert_eq!(pieces("@Noor- who?", &names()), [("@Noor", true), ("- who?", false)]);
        let mira = UserName::parse("mira").unwrap();
        assert!(names_me("so @mira!", &mira) && !names_me("so @mira-k!", &mira) && !names_me("so mira!", &mira));
    }
}
