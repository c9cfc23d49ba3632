//! Invite links of groups: who may make one, who asks by one, and who hears of that. Whether somebody is let in is decided by the devices of the
//! group's admins, which know the secret of the link; their commit adds the account and ends its asking.

use std::collections::BTreeSet;

use sotto_protocol::invites::{AskIn, Asks, Living, MakeInvite, NameInvite};
use sotto_protocol::{AccountId, ErrorCode, RoomId, limits};
use sotto_rules::config::CLOCK_TOLERANCE;
use sotto_rules::roles::Role;

use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::limits::Limit;
use crate::store::InviteRow;

impl Backend {
    /// Keeps a link of a group.
    ///
    /// # Errors
    /// `forbidden` for who is no admin of the group, `malformed` for a link that is over or good for too long or too many, `too_large` for
    /// more than [`limits::INVITES`] in one group, `unavailable`.
    pub async fn make_invite(&self, ctx: &RequestContext, caller: &Caller, request: MakeInvite) -> Result<(), ServiceError> {
        let MakeInvite { room, invite, expires_at, uses } = request;
        self.check_admin(caller.account, room).await?;
        let last = ctx.now.saturating_add(limits::INVITE_LIFETIME_MS).saturating_add(CLOCK_TOLERANCE * 1000);
        if uses == 0 || uses > limits::INVITE_USES || expires_at <= ctx.now || expires_at > last {
            return Err(ErrorCode::Malformed.into());
        }
        Ok(self.0.store.put_invite(InviteRow { invite, room, expires_at, uses }, ctx.now, limits::INVITES).await?)
    }

    /// Ends a link: whoever still asks by it is told.
    ///
    /// # Errors
    /// `forbidden` for who is no admin of its group, `unavailable`.
    pub async fn delete_invite(&self, caller: &Caller, request: NameInvite) -> Result<(), ServiceError> {
        let Some(room) = self.0.store.find_invite(request.invite).await? else { return Ok(()) };
        self.check_admin(caller.account, room).await?;
        for asker in self.0.store.delete_invite(request.invite).await? {
            self.0.bus.asks(asker);
        }
        Ok(())
    }

    /// Asks to be let in by a link, until an admin's device does. Whoever is in the group already asks nothing.
    ///
    /// # Errors
    /// `invite_ended` for a link that is not there, is over, or whose places others ask for, `malformed`, `too_large` for more than [`limits::ASKS`] at a
    /// time, `too_many_tries`, `unavailable`.
    pub async fn ask_in(&self, ctx: &RequestContext, caller: &Caller, request: AskIn) -> Result<(), ServiceError> {
        if request.proof.as_slice().len() != limits::INVITE_PROOF {
            return Err(ErrorCode::Malformed.into());
        }
        self.0.limits.take(ctx.now, &[Limit::Asks(caller.account)])?;
        for member in self.0.store.ask_in(caller.account, request.invite, request.proof, ctx.now, limits::ASKS).await? {
            self.0.bus.asks(member);
        }
        Ok(())
    }

    /// Asks by a link no more.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn withdraw_ask(&self, caller: &Caller, request: NameInvite) -> Result<(), ServiceError> {
        Ok(self.0.store.withdraw_ask(caller.account, request.invite).await?)
    }

    /// By which links the caller asks, and who asks to be let into the groups of which the caller is an admin.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn asks(&self, ctx: &RequestContext, caller: &Caller) -> Result<Asks, ServiceError> {
        let account = caller.account;
        let (own, links, mut open) = self.0.store.asks(account, ctx.now).await?;
        let mut admits = BTreeSet::new();
        for room in links.iter().map(|link| link.room).collect::<BTreeSet<_>>() {
            if self.is_admin(account, room).await? {
                admits.insert(room);
            }
        }
        let admits = |room: &RoomId| admits.contains(room);
        open.retain(|ask| admits(&ask.room));
        let living = links.iter().filter(|link| admits(&link.room)).map(|link| Living { invite: link.invite, left: link.uses });
        Ok(Asks { own, open, living: living.collect() })
    }

    async fn check_admin(&self, account: AccountId, room: RoomId) -> Result<(), ServiceError> {
        if self.is_admin(account, room).await? { Ok(()) } else { Err(ErrorCode::Forbidden.into()) }
    }

    /// Whether an account is an admin, or an owner, of a group that it is in.
    async fn is_admin(&self, account: AccountId, room: RoomId) -> Result<bool, ServiceError> {
        let found = self.0.store.room_for_commit(account, room).await?.filter(|found| found.pair.is_none());
        let Some(found) = found else { return Ok(false) };
        Ok(self.role_in(room, found.public_group, account).await? >= Role::Admin)
    }
}
