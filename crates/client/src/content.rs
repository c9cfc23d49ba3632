//! What stands inside an MLS application message: canonical CBOR that unknown readers can skip through.
//!
//! Author and room are taken from MLS, never from here; the room id is repeated only to refuse content that was made for another
//! room and replayed by a member.

use minicbor::{Decode, Encode};
use sotto_protocol::directory::SignedRoot;
use sotto_protocol::{AccountId, Bytes, ErrorCode, MessageId, Millis, RoomId, Seq, UserName, codec, limits};

use crate::choices::Card;
use crate::invite::Invite;
use crate::random;

/// [`Content::kind`] of a text.
pub const KIND_TEXT: u32 = 1;
/// [`Content::kind`] of a receipt.
pub const KIND_RECEIPT: u32 = 2;

/// [`Content::kind`] of a group's settings.
pub const KIND_SETTINGS: u32 = 3;
/// [`Content::kind`] of a change of a group's invite links.
pub const KIND_INVITE: u32 = 5;
/// [`Content::kind`] of a part of a group's history.
pub const KIND_HISTORY: u32 = 6;
/// [`Content::kind`] of a message that says nothing but how its author is shown.
pub const KIND_CARD: u32 = 4;

/// One application message. A reader that does not know `kind` shows that something newer was said.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Content {
    /// What it is.
    #[n(0)]
    pub kind: u32,
    /// Chosen by the author, UUIDv7.
    #[n(1)]
    pub id: MessageId,
    /// The room that it was made for.
    #[n(2)]
    pub room: RoomId,
    /// With [`KIND_TEXT`].
    #[n(3)]
    pub text: Option<String>,
    /// With [`KIND_RECEIPT`].
    #[n(4)]
    pub receipt: Option<Receipt>,
    /// The author's newest device list, so that rollback and forks are noticed.
    #[n(5)]
    pub list: Option<ListHead>,
    /// With [`KIND_SETTINGS`].
    #[n(6)]
    pub settings: Option<Settings>,
    /// How many messages of this device the log had shown it when it encrypted this one: whoever has heard fewer lacks some.
    #[n(7)]
    pub said: Option<u64>,
    /// How the author wants to be shown: with the first message to who has not heard it yet.
    #[n(8)]
    pub card: Option<ToldCard>,
    /// The newest root of the server's directory that the author was shown: with the first message since there is one.
    #[n(9)]
    pub root: Option<SignedRoot>,
    /// With [`KIND_INVITE`].
    #[n(10)]
    pub invite: Option<InviteChange>,
    /// With [`KIND_HISTORY`].
    #[n(11)]
    pub history: Option<History>,
}

/// A part of what was said in a group before somebody came. It holds when an admin says it, as that admin's word.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct History {
    /// For whom.
    #[n(0)]
    pub to: AccountId,
    /// Ascending by position.
    #[n(1)]
    pub lines: Vec<PastLine>,
    /// Whether it is the first part: the room is told of that.
    #[n(2)]
    pub first: bool,
}

/// A text that was said before.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PastLine {
    /// Its position in the log.
    #[n(0)]
    pub seq: Seq,
    /// Server time.
    #[n(1)]
    pub at: Millis,
    /// Whose.
    #[n(2)]
    pub author: AccountId,
    /// What they were called.
    #[n(3)]
    pub name: UserName,
    /// Author's id of it.
    #[n(4)]
    pub id: MessageId,
    /// The text, at most [`limits::TEXT`] bytes.
    #[n(5)]
    pub text: String,
}

/// A link is made, or ends. It holds when an admin says it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct InviteChange {
    /// Which.
    #[n(0)]
    pub invite: Invite,
    /// Nobody is let in by it any more.
    #[n(1)]
    pub ended: bool,
}

/// How somebody wants to be shown. The latest that they chose holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ToldCard {
    /// When they chose it.
    #[n(0)]
    pub at: Millis,
    /// As they chose it.
    #[n(1)]
    pub card: Card,
}

/// What a group is called. The newest in the log holds; it is said again to devices that came later.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Settings {
    /// Its name, at most [`limits::ROOM_NAME`] bytes.
    #[n(0)]
    pub name: String,
    /// Said again: position of the message by which the group was named so. A newer name stays. None for a new name.
    #[n(1)]
    pub since: Option<Seq>,
    /// What it is about, at most [`limits::ROOM_ABOUT`] bytes. None in what a build from before there were such says: it stays.
    #[n(2)]
    pub about: Option<String>,
    /// Its picture, a JPEG of at most [`limits::PICTURE`] bytes; empty for none. As with `about`.
    #[n(3)]
    pub picture: Option<Bytes>,
    /// Said again by an admin: links by which people are let in, for devices that came later.
    #[n(4)]
    pub invites: Option<Vec<Invite>>,
}

impl Settings {
    fn is_too_large(&self) -> bool {
        self.name.len() > limits::ROOM_NAME
            || self.about.as_ref().is_some_and(|about| about.len() > limits::ROOM_ABOUT)
            || self.picture.as_ref().is_some_and(|picture| picture.0.len() > limits::PICTURE)
    }
}

/// How far the author's device has come; both only rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Receipt {
    /// Stored up to this position.
    #[n(0)]
    pub delivered: Seq,
    /// Seen by the person up to this position.
    #[n(1)]
    pub read: Seq,
}

/// Version and hash of a device list.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ListHead {
    /// Version of the list.
    #[n(0)]
    pub version: u64,
    /// SHA-256 of the encoded list.
    #[n(1)]
    pub hash: Bytes,
}

impl Content {
    /// A text for a room.
    #[must_use]
    pub fn text(id: MessageId, room: RoomId, text: String) -> Self {
        Self { text: Some(text), ..Self::empty(KIND_TEXT, id, room) }
    }

    /// A receipt for a room.
    #[must_use]
    pub fn receipt(id: MessageId, room: RoomId, receipt: Receipt) -> Self {
        Self { receipt: Some(receipt), ..Self::empty(KIND_RECEIPT, id, room) }
    }

    /// A group's settings.
    #[must_use]
    pub fn settings(id: MessageId, room: RoomId, settings: Settings) -> Self {
        Self { settings: Some(settings), ..Self::empty(KIND_SETTINGS, id, room) }
    }

    /// A change of a group's links.
    #[must_use]
    pub fn invite(id: MessageId, room: RoomId, change: InviteChange) -> Self {
        Self { invite: Some(change), ..Self::empty(KIND_INVITE, id, room) }
    }

    /// A part of a group's history.
    #[must_use]
    pub fn history(id: MessageId, room: RoomId, history: History) -> Self {
        Self { history: Some(history), ..Self::empty(KIND_HISTORY, id, room) }
    }

    /// Nothing but what goes with every message.
    #[must_use]
    pub const fn card(id: MessageId, room: RoomId) -> Self {
        Self::empty(KIND_CARD, id, room)
    }

    const fn empty(kind: u32, id: MessageId, room: RoomId) -> Self {
        Self {
            kind,
            id,
            room,
            text: None,
            receipt: None,
            list: None,
            settings: None,
            said: None,
            card: None,
            root: None,
            invite: None,
            history: None,
        }
    }

    /// Encoded.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Decodes what a member sent, for the room that MLS says it came from.
    ///
    /// # Errors
    /// `malformed`, `too_large`, or `not_authentic` for another room's content.
    pub fn decode(bytes: &[u8], room: RoomId) -> Result<Self, ErrorCode> {
        let content: Self = codec::decode(bytes, limits::MESSAGE)?;
        if content.room != room {
            return Err(ErrorCode::NotAuthentic);
        }
        if content.text.as_ref().is_some_and(|text| text.len() > limits::TEXT) {
            return Err(ErrorCode::TooLarge);
        }
        if content.settings.as_ref().is_some_and(|settings| settings.is_too_large()) {
            return Err(ErrorCode::TooLarge);
        }
        let past = content.history.iter().flat_map(|history| &history.lines);
        if past.into_iter().any(|line| line.text.len() > limits::TEXT) {
            return Err(ErrorCode::TooLarge);
        }
        let told = content.card.as_ref().map(|told| &told.card);
        if told.is_some_and(|card| card.name.len() > limits::SHOWN_NAME || card.picture.0.len() > limits::PICTURE) {
            return Err(ErrorCode::TooLarge);
        }
        Ok(content)
    }
}

/// A fresh UUIDv7 (RFC 9562 §5.7): 48 bits of time, then randomness, so that ids sort by age.
///
/// # Errors
/// `unsupported` without a source of randomness.
pub fn message_id(now: Millis) -> Result<MessageId, ErrorCode> {
    let mut id: [u8; 16] = random::bytes()?;
    id[..6].copy_from_slice(&now.to_be_bytes()[2..]);
    id[6] = 0x70 | (id[6] & 0x0f);
    id[8] = 0x80 | (id[8] & 0x3f);
    Ok(MessageId(id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn content_of_another_room_is_refused_and_unknown_fields_are_skipped() {
        let content = Content::text(MessageId([1; 16]), RoomId([2; 16]), "hi".into());
        assert_eq!(Content::decode(&content.encode(), RoomId([2; 16])), Ok(content.clone()));
        assert_eq!(Content::decode(&content.encode(), RoomId([3; 16])), Err(ErrorCode::NotAuthentic));

        let mut newer = Vec::new();
        let mut e = minicbor::Encoder::new(&mut newer);
        e.array(14).unwrap().u32(99).unwrap().bytes(&[1; 16]).unwrap().bytes(&[2; 16]).unwrap();
        for _ in 0..9 {
            e.null().unwrap();
        }
        e.str("from the future").unwrap().u8(1).unwrap();
        assert_eq!(Content::decode(&newer, RoomId([2; 16])).map(|c| c.kind), Ok(99));
    }

    #[test]
    fn message_ids_sort_by_time() {
        assert!(message_id(1_000).unwrap() < message_id(2_000).unwrap());
    }
}
