//! Invite links of groups: what stands in one, what the server may know of it, and how somebody proves to have it.
//!
//! A link is the group's id and a secret. The server's name for it and every proof are one-way values of the secret (HKDF, RFC 5869), each with a
//! label of its own; a proof is bound to the account that asks, so nobody else can use it, the server included.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use sha2::Sha256;
use sotto_protocol::{AccountId, Bytes, ErrorCode, InviteId, Millis, RoomId, limits};
use subtle::ConstantTimeEq as _;

use crate::random;

const SECRET: usize = 32;

/// A link as the group's members know it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Invite {
    /// [`SECRET`] random bytes.
    #[n(0)]
    pub secret: Bytes,
    /// Nobody is let in by it afterwards.
    #[n(1)]
    pub expires_at: Millis,
    /// How many it was made for.
    #[n(2)]
    pub uses: u32,
}

impl Invite {
    /// A link with a fresh secret.
    ///
    /// # Errors
    /// `unsupported` without a source of randomness.
    pub fn new(expires_at: Millis, uses: u32) -> Result<Self, ErrorCode> {
        Ok(Self { secret: Bytes(random::secret::<SECRET>()?.to_vec()), expires_at, uses })
    }

    /// What stands in the link of a group.
    #[must_use]
    pub fn link(&self, room: RoomId) -> Link {
        Link { room, secret: self.secret.clone() }
    }

    /// Whether it is of the form that links have: what a member says is looked at before it is kept.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        self.secret.as_slice().len() == SECRET && (1..=limits::INVITE_USES).contains(&self.uses)
    }
}

/// A link of a group.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// The group.
    pub room: RoomId,
    secret: Bytes,
}

impl Link {
    /// As it stands behind the `#join=` of an address.
    #[must_use]
    pub fn code(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.room.as_bytes().as_slice(), self.secret.as_slice()].concat())
    }

    /// What [`Self::code`] made, or an address that ends with it.
    ///
    /// # Errors
    /// `malformed`.
    pub fn parse(typed: &str) -> Result<Self, ErrorCode> {
        let code = typed.trim().rsplit(['#', '=']).next().unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(code).map_err(|_| ErrorCode::Malformed)?;
        match bytes.split_first_chunk() {
            Some((room, secret)) if secret.len() == SECRET => Ok(Self { room: RoomId(*room), secret: Bytes(secret.to_vec()) }),
            _ => Err(ErrorCode::Malformed),
        }
    }

    /// The server's name for it.
    ///
    /// # Errors
    /// `internal` never happens for a name of this length.
    pub fn id(&self) -> Result<InviteId, ErrorCode> {
        self.derived(&[b"sotto invite id v1"]).map(InviteId)
    }

    /// That an account has it.
    ///
    /// # Errors
    /// `internal` never happens for a proof of this length.
    pub fn proof(&self, account: AccountId) -> Result<[u8; limits::INVITE_PROOF], ErrorCode> {
        self.derived(&[b"sotto invite proof v1", account.as_bytes()])
    }

    /// Whether a proof is the account's.
    ///
    /// # Errors
    /// As with [`Self::proof`].
    pub fn is_proven(&self, account: AccountId, proof: &[u8]) -> Result<bool, ErrorCode> {
        Ok(self.proof(account)?.as_slice().ct_eq(proof).into())
    }

    fn derived<const N: usize>(&self, info: &[&[u8]]) -> Result<[u8; N], ErrorCode> {
        let mut out = [0; N];
        let key = Hkdf::<Sha256>::new(Some(self.room.as_bytes()), self.secret.as_slice());
        key.expand_multi_info(info, &mut out).map_err(|_| ErrorCode::Internal)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    // Fails when the room, the account or a label is left out of what is derived.
    #[test]
    fn a_link_reads_back_and_everything_derived_from_it_is_bound_to_what_it_is_for() {
        let link = Invite { secret: Bytes(vec![7; SECRET]), expires_at: 1, uses: 1 }.link(RoomId([1; 16]));
        assert!(Link::parse(&format!(" https://chat.example/#join={}\n", link.code())).unwrap() == link);
        assert!(Link::parse(&link.code()[1..]).is_err() && Link::parse("").is_err());
        let elsewhere = Link { room: RoomId([2; 16]), ..link.clone() };
        assert_ne!(link.id(), elsewhere.id());
        let (mine, yours) = (AccountId([1; 32]), AccountId([2; 32]));
        let proof = link.proof(mine).unwrap();
        assert!(link.is_proven(mine, &proof).unwrap());
        assert!(!link.is_proven(yours, &proof).unwrap() && !elsewhere.is_proven(mine, &proof).unwrap());
        assert!(!link.is_proven(mine, &proof[1..]).unwrap());
        assert_ne!(proof[..16], link.id().unwrap().0);
    }
}
