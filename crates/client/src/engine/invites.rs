//! Invite links: an admin makes one, whoever has it asks to be let in, and a device of an admin that is online adds them.
//!
//! The group knows its links (a message tells of each, and holds when an admin says it), so that every admin's device can let people in. Whoever is
//! removed may know them: a removal ends them all. The server is told of a link's age and places and keeps who asks; a proof that it makes up is none.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use sotto_client_api::views::{AskView, InviteView};
use sotto_client_api::{Reply, Update};
use sotto_protocol::api::{ClaimKeyPackages, ErrorBody};
use sotto_protocol::invites::{Ask, AskIn, Asks, MakeInvite, NameInvite};
use sotto_protocol::{AccountId, Bytes, ErrorCode, InviteId, Millis, RoomId, codec, limits};
use sotto_rules::roles::Role;

use super::net::Pending;
use super::{Engine, Turn};
use crate::content::{self, Content, InviteChange, Settings};
use crate::invite::{Invite, Link};
use crate::mls;
use crate::records::{AskRecord, RoomRecord, Seat, Wanted};

/// How much later than the admin's device before it each one lets somebody in.
const RANK_MS: Millis = 1_500;

const WHO_ASKS: &str = "/api/v1/invites/asks";

/// Links of a group that are remembered, with those that are over.
const KNOWN: usize = 2 * limits::INVITES;

/// What the server has told of asking, on this connection.
#[derive(Default)]
pub(super) struct Door {
    /// Whom this device lets in, and when, if no other one was faster.
    due: Vec<(Ask, Millis)>,
    /// How many each living link still lets in.
    left: Vec<(InviteId, u32)>,
    /// Own asks that the server did not name when it was asked last.
    unnamed: BTreeSet<RoomId>,
    /// Whether it has to be asked once more: it could not answer, or its answer may be older than what it has said meanwhile.
    again: bool,
}

impl Engine {
    pub(super) fn make_invite(&mut self, turn: &mut Turn, id: u32, room: RoomId, lifetime: Millis, uses: u32) -> Result<(), ErrorCode> {
        let record = self.group(room, Role::Admin)?;
        if record.invites.iter().filter(|invite| invite.expires_at > turn.now).count() >= limits::INVITES {
            return Err(ErrorCode::TooLarge);
        }
        let invite = Invite::new(turn.now.saturating_add(lifetime.min(limits::INVITE_LIFETIME_MS)), uses)?;
        let body = MakeInvite { room, invite: invite.link(room).id()?, expires_at: invite.expires_at, uses };
        self.post(turn, "/api/v1/invites", &body, Pending::MakeInvite { room, invite, reply: id });
        Ok(())
    }

    /// The server keeps it: now the group hears of it.
    pub(super) fn invite_made(&mut self, turn: &mut Turn, room: RoomId, invite: Invite, reply: u32) -> Result<(), ErrorCode> {
        self.net.door.left.push((invite.link(room).id()?, invite.uses));
        self.say_invite(turn, room, invite, false)?;
        turn.reply(reply, Reply::Done);
        self.flush_outbox(turn)
    }

    /// Nobody is let in by it any more. The group hears of that first: what the server does then does not matter.
    pub(super) fn end_invite(&mut self, turn: &mut Turn, id: u32, room: RoomId, code: &str) -> Result<(), ErrorCode> {
        let record = self.group(room, Role::Admin)?;
        let link = Link::parse(code)?;
        let invites = self.invites_as_they_will_be(&record)?;
        let invite = invites.into_iter().find(|invite| invite.link(room) == link).ok_or(ErrorCode::NotFound)?;
        self.say_invite(turn, room, invite, true)?;
        self.end_at_server(turn, &link)?;
        turn.reply(id, Reply::Done);
        self.flush_outbox(turn)
    }

    fn end_at_server(&mut self, turn: &mut Turn, link: &Link) -> Result<(), ErrorCode> {
        self.post(turn, "/api/v1/invites/delete", &NameInvite { invite: link.id()? }, Pending::EndInvite);
        Ok(())
    }

    fn say_invite(&self, turn: &Turn, room: RoomId, invite: Invite, ended: bool) -> Result<(), ErrorCode> {
        let content = Content::invite(content::message_id(turn.now)?, room, InviteChange { invite, ended });
        self.queue(turn, &content).map(|_| ())
    }

    /// The links of a group when what was changed here has gone out.
    fn invites_as_they_will_be(&self, record: &RoomRecord) -> Result<Vec<Invite>, ErrorCode> {
        let mut invites = record.invites.clone();
        for outgoing in self.data()?.outbox()?.iter().filter(|outgoing| outgoing.room == record.room && outgoing.text.is_none()) {
            let content = Content::decode(outgoing.content.as_slice(), record.room).map_err(|_| ErrorCode::StorageDamaged)?;
            content.invite.into_iter().for_each(|change| apply(&mut invites, change));
        }
        Ok(invites)
    }

    /// Asks the server how many each link still lets in, then answers.
    pub(super) fn invites(&mut self, turn: &mut Turn, id: u32, room: RoomId) -> Result<(), ErrorCode> {
        self.group(room, Role::Admin)?;
        self.get(turn, WHO_ASKS.into(), Pending::Asks { wanted: Some((id, room)) });
        Ok(())
    }

    /// The links of a group, with what the server has said of them last. `fresh`: just now, so one that it does not name lets nobody in.
    pub(super) fn show_invites(&mut self, turn: &mut Turn, id: u32, room: RoomId, fresh: bool) -> Result<(), ErrorCode> {
        let record = self.group(room, Role::Admin)?;
        let mut views = Vec::new();
        for invite in self.invites_as_they_will_be(&record)?.iter().filter(|invite| invite.expires_at > turn.now) {
            let link = invite.link(room);
            let name = link.id()?;
            let told = self.net.door.left.iter().find(|(known, _)| *known == name);
            views.push(InviteView {
                code: link.code(),
                expires_at: invite.expires_at,
                uses: invite.uses,
                left: told.map(|(_, left)| *left).or(fresh.then_some(0)),
            });
        }
        turn.reply(id, Reply::Invites(views));
        Ok(())
    }

    /// A member says that a link is made or ends.
    pub(super) fn change_invites(&mut self, room: &mut RoomRecord, by: AccountId, change: InviteChange) {
        if self.admits(room.room, by) {
            apply(&mut room.invites, change);
        }
    }

    /// Links that a member says again hold as well when an admin says them.
    pub(super) fn by_right(&mut self, room: RoomId, by: AccountId, mut settings: Settings) -> Settings {
        let holds = |invites: &Vec<Invite>| invites.len() <= KNOWN && invites.iter().all(Invite::is_sane);
        settings.invites = settings.invites.filter(|invites| self.admits(room, by) && holds(invites));
        settings
    }

    /// What an admin says again of the links.
    pub(super) fn invites_to_repeat(&mut self, record: &RoomRecord) -> Result<Option<Vec<Invite>>, ErrorCode> {
        let own = self.data()?.account();
        Ok(self.admits(record.room, own).then(|| record.invites.clone()).filter(|invites| !invites.is_empty()))
    }

    /// Whether an account may let people in, and say what they are told.
    pub(super) fn admits(&mut self, room: RoomId, account: AccountId) -> bool {
        let role = self.data_mut().and_then(|data| data.with_group(room, |_, group| Ok(mls::kind(group)?.role(account))));
        role.is_ok_and(|role| role >= Role::Admin)
    }

    /// Somebody was taken out of a group, who may know its links. Whoever did it tells the server.
    pub(super) fn end_invites(&mut self, turn: &mut Turn, record: &mut RoomRecord, mine: bool) -> Result<(), ErrorCode> {
        for invite in std::mem::take(&mut record.invites).into_iter().filter(|_| mine) {
            self.end_at_server(turn, &invite.link(record.room))?;
        }
        Ok(())
    }

    /// Asks to be let in, or opens the group where this account is in it.
    pub(super) fn ask_in(&mut self, turn: &mut Turn, id: u32, code: &str) -> Result<(), ErrorCode> {
        let link = Link::parse(code)?;
        if let Some(record) = self.data()?.find_room(link.room)?.filter(|record| record.seat != Seat::Removed) {
            turn.reply(id, Reply::Room(self.room_view(&record)?));
            return Ok(());
        }
        let invite = link.id()?;
        let proof = Bytes(link.proof(self.data()?.account())?.to_vec());
        self.post(turn, "/api/v1/invites/ask", &AskIn { invite, proof }, Pending::AskIn { room: link.room, invite, reply: id });
        Ok(())
    }

    pub(super) fn asked_in(&mut self, turn: &mut Turn, room: RoomId, invite: InviteId, reply: u32) -> Result<(), ErrorCode> {
        // The Welcome may have been faster.
        if !self.is_in(room)? {
            self.data()?.put_ask(&AskRecord { room, invite, at: turn.now })?;
        }
        turn.reply(reply, Reply::Done);
        self.show_asks(turn)
    }

    pub(super) fn withdraw_ask(&mut self, turn: &mut Turn, id: u32, room: RoomId) -> Result<(), ErrorCode> {
        let ask = self.data()?.find_ask(room)?.ok_or(ErrorCode::NotFound)?;
        self.post(turn, "/api/v1/invites/withdraw", &NameInvite { invite: ask.invite }, Pending::WithdrawAsk { room, reply: id });
        Ok(())
    }

    pub(super) fn ask_withdrawn(&self, turn: &mut Turn, room: RoomId, reply: u32) -> Result<(), ErrorCode> {
        self.data()?.delete_ask(room)?;
        turn.reply(reply, Reply::Done);
        self.show_asks(turn)
    }

    fn is_in(&self, room: RoomId) -> Result<bool, ErrorCode> {
        Ok(self.data()?.find_room(room)?.is_some_and(|record| record.seat == Seat::Taken))
    }

    pub(super) fn show_asks(&self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let asks = self.data()?.asks()?.into_iter().map(|ask| AskView { room: ask.room, at: ask.at });
        turn.emit(Update::Asks(asks.collect()));
        Ok(())
    }

    /// This account has come into a group. Answers whether it had asked for that.
    pub(super) fn was_asked_for(&self, turn: &mut Turn, room: RoomId) -> Result<bool, ErrorCode> {
        let asked = self.data()?.find_ask(room)?.is_some();
        if asked {
            self.data()?.delete_ask(room)?;
            self.show_asks(turn)?;
        }
        Ok(asked)
    }

    /// Asks the server who asks, where that concerns this account.
    pub(super) fn ask_who_asks(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let concerned = !data.asks()?.is_empty() || data.rooms()?.iter().any(|record| !record.invites.is_empty());
        if self.requests.values().any(|pending| matches!(pending, Pending::Asks { wanted: None })) {
            self.net.door.again = true;
        } else if concerned {
            self.get(turn, WHO_ASKS.into(), Pending::Asks { wanted: None });
        }
        Ok(())
    }

    pub(super) fn asks_told(&mut self, turn: &mut Turn, wanted: Option<(u32, RoomId)>, body: &[u8]) -> Result<(), ErrorCode> {
        let told: Asks = codec::decode(body, limits::API_BODY)?;
        self.net.door.left = told.living.iter().map(|living| (living.invite, living.left)).collect();
        if let Some((id, room)) = wanted {
            return self.show_invites(turn, id, room, true);
        }
        if std::mem::take(&mut self.net.door.again) {
            return self.ask_who_asks(turn);
        }
        self.look_at_own_asks(turn, &told.own)?;
        self.net.door.due.clear();
        for ask in told.open {
            if let Some(rank) = self.rank_to_admit(turn, &ask)? {
                self.net.door.due.push((ask, turn.now.saturating_add(RANK_MS.saturating_mul(rank as u64))));
            }
        }
        self.admit_due(turn)
    }

    /// An own ask that the server names no more is over, or this account is in: its Welcome may be on its way, so it is asked once more.
    fn look_at_own_asks(&mut self, turn: &mut Turn, named: &[InviteId]) -> Result<(), ErrorCode> {
        let unnamed: Vec<AskRecord> = self.data()?.asks()?.into_iter().filter(|ask| !named.contains(&ask.invite)).collect();
        let before = std::mem::take(&mut self.net.door.unnamed);
        for ask in unnamed {
            if self.is_in(ask.room)? {
                self.data()?.delete_ask(ask.room)?;
            } else if before.contains(&ask.room) {
                self.data()?.delete_ask(ask.room)?;
                turn.emit(Update::Notice { code: ErrorCode::InviteEnded, room: None });
            } else {
                self.net.door.unnamed.insert(ask.room);
                self.retry_later(turn.now);
            }
        }
        self.show_asks(turn)
    }

    /// Where this device stands among those that may let somebody in; nothing where it may not.
    fn rank_to_admit(&mut self, turn: &Turn, ask: &Ask) -> Result<Option<usize>, ErrorCode> {
        let account = ask.person.account;
        let known = self.data()?.find_room(ask.room)?.filter(|record| record.seat == Seat::Taken && record.leaving.is_none());
        let Some(record) = known else { return Ok(None) };
        let living = record.invites.iter().filter(|invite| invite.expires_at > turn.now).map(|invite| invite.link(ask.room));
        let link = living.map(|link| Ok((link.id()? == ask.invite).then_some(link)));
        let link = link.collect::<Result<Vec<Option<Link>>, ErrorCode>>()?.into_iter().flatten().next();
        if !link.map_or(Ok(false), |link| link.is_proven(account, ask.proof.as_slice()))? || self.is_blocked(account)? {
            return Ok(None);
        }
        let own = self.data()?.device.device();
        let rank = self.data_mut()?.with_group(ask.room, |_, group| {
            let (members, kind) = (mls::members(group)?, mls::kind(group)?);
            if members.iter().any(|(_, leaf)| leaf.account() == account) {
                return Ok(None);
            }
            Ok(members.iter().filter(|(_, leaf)| kind.role(leaf.account()) >= Role::Admin).position(|(_, leaf)| leaf.device == own))
        });
        // One that does not load is healed when it is worked on, and others wait for other rooms.
        if rank == Err(ErrorCode::StorageDamaged) { Ok(None) } else { rank }
    }

    /// Lets in whose time has come.
    pub(super) fn admit_due(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        for (ask, at) in std::mem::take(&mut self.net.door.due) {
            if at > turn.now {
                self.net.retry_at = Some(self.net.retry_at.map_or(at, |retry_at| retry_at.min(at)));
                self.net.door.due.push((ask, at));
                continue;
            }
            // Somebody may have been faster, or the link is over by now.
            if self.rank_to_admit(turn, &ask)?.is_some() {
                let claim = ClaimKeyPackages { name: ask.person.name.clone(), group: true };
                self.post(turn, "/api/v1/key-packages/claim", &claim, Pending::Admit { ask });
            }
        }
        Ok(())
    }

    /// Packages of somebody who is to be let in are here.
    pub(super) fn admit(&mut self, turn: &mut Turn, ask: &Ask, body: &[u8]) -> Result<(), ErrorCode> {
        let wanted = |record: &RoomRecord| {
            record.wanted.iter().any(|wanted| matches!(wanted, Wanted::Added { account, .. } if *account == ask.person.account))
        };
        if self.rank_to_admit(turn, ask)?.is_none() || wanted(&self.data()?.room(ask.room)?) {
            return Ok(());
        }
        // What the server gives for the name has to be of the account that has proven itself.
        match self.verify_packages(turn, ask.room, &ask.person.name, body) {
            Ok((account, packages)) if account == ask.person.account => {
                let mut record = self.data()?.room(ask.room)?;
                record.want_in(account, packages, 0);
                self.data()?.put_room(&record)?;
                self.commit_what_is_due(turn, ask.room, false)
            }
            Ok(_) | Err(ErrorCode::NoKeyPackage | ErrorCode::NotAuthentic | ErrorCode::IdentityChanged | ErrorCode::Malformed) => {
                self.undo_turn(turn)
            }
            Err(code) => Err(code),
        }
    }

    /// The server could not say who asks, or give their packages: it is asked again.
    pub(super) fn door_stays_shut(&mut self, turn: &Turn, error: &ErrorBody) {
        if matches!(error.code, ErrorCode::Offline | ErrorCode::Unavailable | ErrorCode::TooManyTries) {
            self.net.door.again = true;
            self.retry_later(turn.now);
        }
    }

    /// What could not be asked before is asked now.
    pub(super) fn knock_again(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        if std::mem::take(&mut self.net.door.again) || !self.net.door.unnamed.is_empty() {
            self.ask_who_asks(turn)?;
        }
        self.admit_due(turn)
    }
}

fn apply(invites: &mut Vec<Invite>, InviteChange { invite, ended }: InviteChange) {
    if ended {
        invites.retain(|known| known.secret != invite.secret);
    } else if invite.is_sane() && !invites.contains(&invite) {
        invites.push(invite);
        // Those that are over go first.
        invites.sort_by_key(|invite| Reverse(invite.expires_at));
        invites.truncate(KNOWN);
    }
}
