//! Invite links of groups. The server knows that there is one, how long it is good and for how many; what lets somebody in is a secret that it
//! never sees: whoever asks proves to the group's admins that they have it, and a device of one of them adds them.

use minicbor::{Decode, Encode};

use crate::api::Person;
use crate::{Bytes, InviteId, Millis, RoomId};

/// Tells the server of a link. Asked again it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct MakeInvite {
    /// The group; the caller is an admin of it.
    #[n(0)]
    pub room: RoomId,
    /// Comes from the link's secret and tells nothing of it.
    #[n(1)]
    pub invite: InviteId,
    /// Nobody asks by it afterwards; at most [`crate::limits::INVITE_LIFETIME_MS`] ahead.
    #[n(2)]
    pub expires_at: Millis,
    /// How many it lets in; 1 to [`crate::limits::INVITE_USES`].
    #[n(3)]
    pub uses: u32,
}

/// Asks to be let in by a link. Asked again it replaces the proof.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AskIn {
    /// Which.
    #[n(0)]
    pub invite: InviteId,
    /// That the caller has the secret, for admins; [`crate::limits::INVITE_PROOF`] bytes.
    #[n(1)]
    pub proof: Bytes,
}

/// Names a link that an admin ends, or by which the caller asks no more. Both may be asked twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NameInvite {
    /// Which.
    #[n(0)]
    pub invite: InviteId,
}

/// Who asks to be let in, as far as it concerns the caller.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Asks {
    /// Links by which the caller asks.
    #[n(0)]
    pub own: Vec<InviteId>,
    /// Who asks to be let into groups of which the caller is an admin.
    #[n(1)]
    pub open: Vec<Ask>,
    /// Living links of these groups, and how many each still lets in.
    #[n(2)]
    pub living: Vec<Living>,
}

/// Somebody who asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Ask {
    /// The group.
    #[n(0)]
    pub room: RoomId,
    /// By which link.
    #[n(1)]
    pub invite: InviteId,
    /// Who; the proof is bound to the account.
    #[n(2)]
    pub person: Person,
    /// As in [`AskIn`].
    #[n(3)]
    pub proof: Bytes,
}

/// A link that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Living {
    /// Which.
    #[n(0)]
    pub invite: InviteId,
    /// How many it still lets in.
    #[n(1)]
    pub left: u32,
}
