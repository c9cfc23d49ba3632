//! How people are shown: a name and a picture that each tells the others in messages, so the server sees neither.
//!
//! Who changes their card says so in every conversation; who has not heard it yet is told with the next message there. The user name stays what
//! the server and the safety number know somebody by, so it is never hidden where people are chosen or checked.

use sotto_client_api::Reply;
use sotto_client_api::views::PersonView;
use sotto_protocol::{AccountId, Bytes, ErrorCode, UserName, limits};

use super::{Engine, Turn};
use crate::choices::{Card, Choice};
use crate::content::{self, Content, ToldCard};
use crate::records::{CardRecord, RoomRecord, Seat, key};

/// Conversations that are told of a new card at once, the newest ones; the others are with their next message.
const TOLD_AT_ONCE: usize = 100;

impl Engine {
    /// The card of somebody, the own one included.
    pub(super) fn card(&self, account: AccountId) -> Result<CardRecord, ErrorCode> {
        let data = self.data()?;
        if account == data.account() {
            let Choice { at, value } = data.choices()?.choices.card.clone();
            return Ok(CardRecord { at, card: value });
        }
        Ok(data.find(&key::card(account))?.unwrap_or_default())
    }

    /// Somebody as they are drawn.
    pub(super) fn person_named(&self, account: AccountId, name: UserName) -> Result<PersonView, ErrorCode> {
        let CardRecord { at, card } = self.card(account)?;
        let shown = (!card.name.is_empty()).then_some(card.name);
        Ok(PersonView { account, name, shown, picture: (!card.picture.0.is_empty()).then_some(at) })
    }

    pub(super) fn picture(&self, turn: &mut Turn, id: u32, account: AccountId) -> Result<(), ErrorCode> {
        turn.reply(id, Reply::Picture(self.card(account)?.card.picture.0));
        Ok(())
    }

    /// The own card, for a message in a room where it is news.
    pub(super) fn card_to_tell(&self, room: &RoomRecord) -> Result<Option<ToldCard>, ErrorCode> {
        let known = self.data()?.choices()?;
        let Choice { at, value } = &known.choices.card;
        let news = *at > room.card_said && self.is_told_cards(room)?;
        Ok(news.then(|| ToldCard { at: *at, card: value.clone() }))
    }

    /// Whether the people of a room may know how the person is shown: not where that has not accepted them, nor where there is nobody else.
    fn is_told_cards(&self, room: &RoomRecord) -> Result<bool, ErrorCode> {
        let notes = room.peer == Some(self.data()?.account());
        Ok(!notes && room.request.is_none() && !self.is_silenced(room)?)
    }

    /// How the person is shown from now on.
    pub(super) fn set_card(&mut self, turn: &mut Turn, id: u32, name: &str, picture: Vec<u8>) -> Result<(), ErrorCode> {
        let card = Card { name: shown_name(name)?, picture: Bytes(checked_picture(picture)?) };
        self.choose(turn, |choices, now| choices.card.set(card, now))?;
        turn.reply(id, Reply::Done);
        self.draw_me(turn)?;
        self.tell_card(turn)
    }

    /// The own card is another.
    fn tell_card(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let mut rooms = self.data()?.rooms()?;
        rooms.retain(|room| room.seat == Seat::Taken);
        rooms.sort_by_key(|room| std::cmp::Reverse(room.active_at));
        for room in rooms.into_iter().take(TOLD_AT_ONCE) {
            if self.card_to_tell(&room)?.is_some() {
                self.queue(turn, &Content::card(content::message_id(turn.now)?, room.room))?;
            }
        }
        self.flush_outbox(turn)
    }

    /// Somebody says how they want to be shown. A picture that no browser should be given is left out.
    pub(super) fn card_told(&mut self, turn: &mut Turn, account: AccountId, told: ToldCard) -> Result<(), ErrorCode> {
        let data = self.data()?;
        if account == data.account() || told.at <= self.card(account)?.at {
            return Ok(());
        }
        let card = Card { name: plain_line(&told.card.name), picture: Bytes(checked_picture(told.card.picture.0).unwrap_or_default()) };
        data.put(&key::card(account), &CardRecord { at: told.at, card })?;
        for room in data.rooms()? {
            // Groups are drawn again when they are opened: who of them is shown how is asked for there.
            if room.peer == Some(account) || self.open.contains_key(&room.room) {
                turn.undrawn.room(room.room);
                self.redraw(turn, &room)?;
            }
        }
        Ok(())
    }
}

/// A name as it is shown: no longer than a line, and with nothing in it that changes how the line around it is read.
pub(super) fn shown_name(typed: &str) -> Result<String, ErrorCode> {
    let name = plain_line(typed);
    if name.len() > limits::SHOWN_NAME { Err(ErrorCode::TooLarge) } else { Ok(name) }
}

/// One line without control characters and without those that turn the direction of text around (Unicode's bidirectional controls).
fn plain_line(typed: &str) -> String {
    let turns = |c: char| matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain: String = typed.chars().filter(|c| !turns(*c) && (!c.is_control() || c.is_whitespace())).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A picture that a browser may be given: a JPEG, and a small one. Empty is none.
///
/// # Errors
/// `too_large`, `malformed`.
pub(super) fn checked_picture(picture: Vec<u8>) -> Result<Vec<u8>, ErrorCode> {
    match picture.as_slice() {
        _ if picture.len() > limits::PICTURE => Err(ErrorCode::TooLarge),
        [] | [0xff, 0xd8, 0xff, ..] => Ok(picture),
        _ => Err(ErrorCode::Malformed),
    }
}
