//! What a person chooses once for all own devices: sealed under the archive key, on a shelf of its own, so that the server can tell it from no
//! page of history. Devices change it without asking each other: of two values of one choice the later one holds everywhere.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use sotto_protocol::{AccountId, Bytes, DeviceId, Millis, RoomId, Seq, UserName};

/// A value, and when it was chosen by the clock of the device on which that was.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Choice<T> {
    /// When: 0 for what nobody has chosen.
    #[n(0)]
    pub at: Millis,
    /// What.
    #[n(1)]
    pub value: T,
}

/// How the person is shown to those they write with.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Card {
    /// What they are called, at most [`sotto_protocol::limits::SHOWN_NAME`] bytes; empty for the user name alone.
    #[n(0)]
    pub name: String,
    /// A JPEG of at most [`sotto_protocol::limits::PICTURE`] bytes; empty for none.
    #[n(1)]
    pub picture: Bytes,
}

/// Somebody whose identity the person has compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Verified {
    /// Their name then.
    #[n(0)]
    pub name: UserName,
    /// The public key that was compared.
    #[n(1)]
    pub account_key: Bytes,
}

/// What is chosen of one room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct RoomChoices {
    /// Its messages are neither announced nor counted.
    #[n(0)]
    pub muted: Choice<bool>,
    /// It is not in the archive.
    #[n(1)]
    pub unarchived: Choice<bool>,
    /// Up to this position of its log it is not, whatever was chosen since.
    #[n(2)]
    pub unarchived_upto: Seq,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Choices {
    /// How the person is shown.
    #[n(0)]
    pub card: Choice<Card>,
    /// There is no archive at all.
    #[n(1)]
    pub unarchived: Choice<bool>,
    /// By room.
    #[n(2)]
    pub rooms: BTreeMap<RoomId, RoomChoices>,
    /// Whose identity was compared; none where that was taken back.
    #[n(3)]
    pub verified: BTreeMap<AccountId, Choice<Option<Verified>>>,
    /// What own devices are called.
    #[n(4)]
    pub devices: BTreeMap<DeviceId, Choice<String>>,
}

impl<T: Ord + Clone> Choice<T> {
    /// Chooses anew: later than what it replaces, whatever this device's clock says.
    pub fn set(&mut self, value: T, now: Millis) {
        *self = Self { at: now.max(self.at.saturating_add(1)), value };
    }

    fn merge(&mut self, other: &Self) {
        if *other > *self {
            *self = other.clone();
        }
    }
}

impl Choices {
    /// What holds of these and those of another device: the same on both, in whatever order they meet.
    pub fn merge(&mut self, other: &Self) {
        self.card.merge(&other.card);
        self.unarchived.merge(&other.unarchived);
        for (room, theirs) in &other.rooms {
            let own = self.rooms.entry(*room).or_default();
            own.muted.merge(&theirs.muted);
            own.unarchived.merge(&theirs.unarchived);
            own.unarchived_upto = own.unarchived_upto.max(theirs.unarchived_upto);
        }
        merge_all(&mut self.verified, &other.verified);
        merge_all(&mut self.devices, &other.devices);
    }

    /// Whether nothing of a room goes to the archive.
    #[must_use]
    pub fn is_unarchived(&self, room: RoomId) -> bool {
        self.unarchived.value || self.rooms.get(&room).is_some_and(|choices| choices.unarchived.value)
    }

    /// Where the part of a room's log ends that does not go to the archive.
    #[must_use]
    pub fn unarchived_upto(&self, room: RoomId) -> Seq {
        self.rooms.get(&room).map_or(0, |choices| choices.unarchived_upto)
    }

    /// Whether a room's messages are neither announced nor counted.
    #[must_use]
    pub fn is_muted(&self, room: RoomId) -> bool {
        self.rooms.get(&room).is_some_and(|choices| choices.muted.value)
    }
}

fn merge_all<K: Ord + Copy, T: Ord + Clone>(own: &mut BTreeMap<K, Choice<T>>, others: &BTreeMap<K, Choice<T>>) {
    for (key, theirs) in others {
        match own.get_mut(key) {
            Some(choice) => choice.merge(theirs),
            None => _ = own.insert(*key, theirs.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn muted(room: u8, at: Millis, value: bool) -> Choices {
        let muted = RoomChoices { muted: Choice { at, value }, ..RoomChoices::default() };
        Choices { rooms: BTreeMap::from([(RoomId([room; 16]), muted)]), ..Choices::default() }
    }

    // Fails when `Choice::merge` takes the other value whatever its time is.
    #[test]
    fn the_later_of_two_choices_holds_in_whatever_order_devices_meet() {
        let (early, late, other) = (muted(1, 5, true), muted(1, 9, false), muted(2, 7, true));
        let mut one = early.clone();
        one.merge(&late);
        one.merge(&other);
        let mut two = other;
        two.merge(&late);
        two.merge(&early);
        assert_eq!(one, two);
        assert!(!one.is_muted(RoomId([1; 16])) && one.is_muted(RoomId([2; 16])));
    }

    // Fails without `.max(…)` in `Choice::set`.
    #[test]
    fn a_choice_replaces_an_earlier_one_that_a_fast_clock_made() {
        let mut name = Choice { at: 1_000, value: "Jonas".to_owned() };
        let old = name.clone();
        name.set("Jo".into(), 10);
        name.merge(&old);
        assert_eq!(name.value, "Jo");
    }
}
