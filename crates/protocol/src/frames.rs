//! Frames of the sync socket `/api/v1/sync`: one CBOR value in one binary WebSocket message, batches both ways.
//!
//! The client opens with [`ClientFrame::Hello`]. The server answers [`ServerFrame::Ready`], then delivers every room from the
//! named cursor on, then whatever comes. Within a room, entries arrive with consecutive `seq`s; a client that sees a gap closes
//! and says `Hello` again (or shows what retention took).

use minicbor::{Decode, Encode};

use crate::{AccountId, Bytes, DeviceId, Epoch, ErrorCode, IdempotencyId, Millis, RoomId, Seq};

/// Version of this protocol, in `Hello`.
pub const VERSION: u32 = 1;

/// What an entry of a room's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum EntryKind {
    /// MLS PublicMessage with a commit; only by `POST …/commits`.
    #[n(0)]
    Commit,
    /// MLS PrivateMessage with application data.
    #[n(1)]
    Message,
    /// MLS PublicMessage with a SelfRemove, which a commit of the same epoch carries out; only by `POST …/proposals`.
    #[n(2)]
    Proposal,
    /// The account was deleted: its last [`crate::device_list::SignedDeviceList`], which names no device. The server's own, in every room in
    /// which the account is; the room's MLS state does not change by it.
    #[n(3)]
    Deleted,
}

/// One entry of a room's log, exactly as stored: the same bytes for every member.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// The room.
    #[n(0)]
    pub room: RoomId,
    /// Position in the room's log.
    #[n(1)]
    pub seq: Seq,
    /// What `bytes` is.
    #[n(2)]
    pub kind: EntryKind,
    /// For a message or proposal the epoch it was made in, for a commit the epoch it ended.
    #[n(3)]
    pub epoch: Epoch,
    /// Who sent it, by session. Authorship for people is taken from MLS, never from here.
    #[n(4)]
    pub account: AccountId,
    /// From which device, by session.
    #[n(5)]
    pub device: DeviceId,
    /// Server time of acceptance.
    #[n(6)]
    pub at: Millis,
    /// The publish that made it, so that a sender recognises its own after a lost ack.
    #[n(7)]
    pub idempotency: IdempotencyId,
    /// TLS-encoded MLSMessage, but for [`EntryKind::Deleted`]. Empty for a message of somebody whom the reader's account had blocked: its position alone is told.
    #[n(8)]
    pub bytes: Bytes,
}

/// How far a device has stored a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Cursor {
    /// The room.
    #[n(0)]
    pub room: RoomId,
    /// Newest seq that the device has durably stored.
    #[n(1)]
    pub seq: Seq,
}

/// An application message to append.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Publish {
    /// The room.
    #[n(0)]
    pub room: RoomId,
    /// A repeated id gets the first answer again, before the epoch is looked at.
    #[n(1)]
    pub idempotency: IdempotencyId,
    /// The epoch it was made in; must be the room's current one.
    #[n(2)]
    pub epoch: Epoch,
    /// TLS-encoded MLSMessage with a PrivateMessage.
    #[n(3)]
    pub bytes: Bytes,
}

/// Client to server.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ClientFrame {
    /// First frame.
    #[n(0)]
    Hello {
        /// [`VERSION`].
        #[n(0)]
        version: u32,
        /// Must be the session's device.
        #[n(1)]
        device: DeviceId,
        /// Where to go on, in the order in which the rooms are wanted; rooms that are left out (or not joined yet) are not delivered
        /// until [`ClientFrame::Join`].
        #[n(2)]
        cursors: Vec<Cursor>,
        /// Bytes of [`ServerFrame::Deliver`] frames that may be on their way before [`ClientFrame::Took`] says that some were worked
        /// off; 0 for a client that never says so.
        #[n(3)]
        #[cbor(default)]
        window: u64,
    },
    /// Messages to append, in this order.
    #[n(1)]
    Publish {
        /// At most what fits a frame.
        #[n(0)]
        messages: Vec<Publish>,
    },
    /// Begin (or begin again) delivering a room after `cursor.seq`.
    #[n(2)]
    Join {
        /// Where from.
        #[n(0)]
        cursor: Cursor,
    },
    /// A Welcome was used, or can't be: the server may drop it.
    #[n(3)]
    WelcomeDone {
        /// The room it was for.
        #[n(0)]
        room: RoomId,
        /// The epoch it was for.
        #[n(1)]
        epoch: Epoch,
    },
    /// Keeps the connection alive; answered by [`ServerFrame::Pong`].
    #[n(4)]
    Ping {
        /// Echoed.
        #[n(0)]
        nonce: u64,
    },
    /// Entries were worked off: as many may follow. Only on a connection whose [`ServerFrame::Ready`] named a window.
    #[n(5)]
    Took {
        /// Encoded length of their [`ServerFrame::Deliver`] frames.
        #[n(0)]
        bytes: u64,
        /// The room that is wanted before all others from now on: somebody looks at it.
        #[n(1)]
        next: Option<RoomId>,
    },
}

/// An accepted publish.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Ack {
    /// The room.
    #[n(0)]
    pub room: RoomId,
    /// Which publish.
    #[n(1)]
    pub idempotency: IdempotencyId,
    /// Its position.
    #[n(2)]
    pub seq: Seq,
    /// Server time.
    #[n(3)]
    pub at: Millis,
}

/// A refused publish. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Refusal {
    /// The room.
    #[n(0)]
    pub room: RoomId,
    /// Which publish.
    #[n(1)]
    pub idempotency: IdempotencyId,
    /// Why.
    #[n(2)]
    pub code: ErrorCode,
    /// With `stale_epoch`: the room's epoch.
    #[n(3)]
    pub epoch: Option<Epoch>,
}

/// An invitation to this device. Delivered until [`ClientFrame::WelcomeDone`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Welcome {
    /// The room; must equal the MLS group id inside.
    #[n(0)]
    pub room: RoomId,
    /// The epoch that the Welcome leads into.
    #[n(1)]
    pub epoch: Epoch,
    /// The seq of its commit: the joiner's first cursor.
    #[n(2)]
    pub seq: Seq,
    /// TLS-encoded MLSMessage with the Welcome.
    #[n(3)]
    pub welcome: Bytes,
    /// TLS-encoded ratchet tree of that epoch. Empty in a frame where it would not fit: ask `GET …/state`.
    #[n(4)]
    pub ratchet_tree: Bytes,
    /// The members, as the server names them (accounts are checked against the tree).
    #[n(5)]
    pub members: Vec<crate::api::Person>,
}

/// Server to client.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ServerFrame {
    /// The `Hello` was accepted.
    #[n(0)]
    Ready {
        /// Server time, for the clock check.
        #[n(0)]
        now: Millis,
        /// One-time key packages left for this device.
        #[n(1)]
        key_packages: u32,
        /// Newest seq of every room of the account, to show progress and to find rooms that this device is not in.
        #[n(2)]
        heads: Vec<Cursor>,
        /// As [`crate::api::KeyPackageCount::held`]. Welcomes for others were stored before, and come before [`ServerFrame::CaughtUp`].
        #[n(3)]
        #[cbor(default)]
        held: Vec<Bytes>,
        /// The window of the `Hello`, from a server that keeps to it; 0 from one that does not know of windows.
        #[n(4)]
        #[cbor(default)]
        window: u64,
    },
    /// Entries, ascending by seq within each room; at most [`crate::limits::ENTRIES_PER_FRAME`] and the frame limit.
    #[n(1)]
    Deliver {
        /// The entries.
        #[n(0)]
        entries: Vec<Entry>,
    },
    /// Publishes that are durable now.
    #[n(2)]
    Acks {
        /// The acks.
        #[n(0)]
        acks: Vec<Ack>,
    },
    /// Publishes that were refused.
    #[n(3)]
    Refusals {
        /// The refusals.
        #[n(0)]
        refusals: Vec<Refusal>,
    },
    /// Invitations.
    #[n(4)]
    Welcomes {
        /// The invitations.
        #[n(0)]
        welcomes: Vec<Welcome>,
    },
    /// One-time key packages run low: publish more.
    #[n(5)]
    KeyPackages {
        /// How many are left.
        #[n(0)]
        left: u32,
    },
    /// Answer to a ping.
    #[n(6)]
    Pong {
        /// From the ping.
        #[n(0)]
        nonce: u64,
    },
    /// A frame was refused as a whole; the connection stays unless the code says otherwise.
    #[n(7)]
    Error {
        /// Why.
        #[n(0)]
        code: ErrorCode,
    },
    /// The server closes after this: `signed_out`, `device_unknown`, `unavailable` (stopping).
    #[n(8)]
    Bye {
        /// Why.
        #[n(0)]
        code: ErrorCode,
    },
    /// Everything before a `Join`ed or `Hello`ed cursor up to `seq` was taken by retention: say so where the gap is.
    #[n(9)]
    Lost {
        /// The room and the newest seq that is gone.
        #[n(0)]
        upto: Cursor,
    },
    /// Delivery has reached the head of every room that was asked for.
    #[n(10)]
    CaughtUp,
    /// The account's device list is another one now: ask for it.
    #[n(11)]
    Devices,
    /// Somebody asks to be let into a group by its link, or a link by which the account asks is over: ask who does.
    #[n(12)]
    Asks,
    /// The account came into a room, with other devices than this one: the newest position of every room that it is in.
    #[n(13)]
    Rooms {
        /// As in `Ready`.
        #[n(0)]
        heads: Vec<Cursor>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{codec, limits};

    /// `Hello` and `Ready` as they were before there were windows.
    #[derive(Encode, Decode)]
    enum OldHello {
        #[n(0)]
        Hello {
            #[n(0)]
            version: u32,
            #[n(1)]
            device: DeviceId,
            #[n(2)]
            cursors: Vec<Cursor>,
        },
    }
    #[derive(Encode, Decode)]
    enum OldReady {
        #[n(0)]
        Ready {
            #[n(0)]
            now: Millis,
            #[n(1)]
            key_packages: u32,
            #[n(2)]
            heads: Vec<Cursor>,
            #[n(3)]
            held: Vec<Bytes>,
        },
    }

    // Fails without `#[cbor(default)]` at either `window`.
    #[test]
    fn greetings_without_a_window_are_understood_and_those_with_one_by_older_builds() {
        let device = DeviceId([1; 16]);
        let old = codec::encode(&OldHello::Hello { version: VERSION, device, cursors: Vec::new() });
        let new = ClientFrame::Hello { version: VERSION, device, cursors: Vec::new(), window: 0 };
        assert_eq!(codec::decode::<ClientFrame>(&old, limits::SYNC_FRAME), Ok(new));
        let new = codec::encode(&ClientFrame::Hello { version: VERSION, device, cursors: Vec::new(), window: 9 });
        assert!(codec::decode::<OldHello>(&new, limits::SYNC_FRAME).is_ok());

        let old = codec::encode(&OldReady::Ready { now: 1, key_packages: 2, heads: Vec::new(), held: Vec::new() });
        let new = ServerFrame::Ready { now: 1, key_packages: 2, heads: Vec::new(), held: Vec::new(), window: 0 };
        assert_eq!(codec::decode::<ServerFrame>(&old, limits::SYNC_FRAME), Ok(new));
        let new = codec::encode(&ServerFrame::Ready { now: 1, key_packages: 2, heads: Vec::new(), held: Vec::new(), window: 9 });
        assert!(codec::decode::<OldReady>(&new, limits::SYNC_FRAME).is_ok());
    }
}
