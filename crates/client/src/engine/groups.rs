//! Groups: what a person wants of them, and the commits that make it so.
//!
//! A wish is a goal that is stored with the room ([`Wanted`]): it is committed, together with whatever else is due, on whatever epoch is
//! current, until the room is so. A commit that lost its race leaves the wish where it was.

use std::collections::BTreeSet;

use openmls::prelude::LeafNodeIndex;
use sotto_client_api::{Reply, Update, views};
use sotto_protocol::api::{ClaimKeyPackages, ClaimedKeyPackage};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, RoomId, Seq, UserName, limits};
use sotto_rules::identity::{DeviceCredential, device_key};
use sotto_rules::roles::{Kind, Role, Roles};

use super::cards::checked_picture;
use super::net::Pending;
use super::{Engine, Turn};
use crate::content::{self, Content, Settings};
use crate::mls::{self, Joiner};
use crate::random;
use crate::records::{Change, Changed, EntryKindRecord, RoomRecord, Seat, Wanted};

/// How often packages are claimed again for one wish.
const CLAIMS: u8 = 3;

impl Engine {
    /// `given`: the room's id, when a tab may ask twice because its leader died before it answered.
    pub(super) fn create_group(&mut self, turn: &mut Turn, id: u32, name: &str, given: Option<RoomId>) -> Result<(), ErrorCode> {
        let name = checked_name(name)?;
        if let Some(known) = given.map(|given| self.data()?.find_room(given)).transpose()?.flatten() {
            return self.answer_when_it_lives(turn, id, known);
        }
        let room = given.map_or_else(|| random::bytes().map(RoomId), Ok)?;
        self.create_room(turn, Some(id), None, &[], Some((room, name)))
    }

    /// Asks for packages of a person's devices.
    pub(super) fn add_person(&mut self, turn: &mut Turn, reply: u32, room: RoomId, name: UserName) -> Result<(), ErrorCode> {
        self.group(room, Role::Admin)?;
        let claim = ClaimKeyPackages { name: name.clone(), group: true };
        self.post(turn, "/api/v1/key-packages/claim", &claim, Pending::ClaimFor { room, name, reply: Some(reply) });
        Ok(())
    }

    /// They are here: from now on the person is wanted in the group, or the own devices in the room.
    pub(super) fn claimed_for(
        &mut self,
        turn: &mut Turn,
        room: RoomId,
        name: &UserName,
        reply: Option<u32>,
        body: &[u8],
    ) -> Result<(), ErrorCode> {
        let own = *name == self.data()?.record()?.name;
        let (account, packages) = self.verify_packages(turn, room, name, body)?;
        let mut record = if own { self.data()?.room(room)? } else { self.group(room, Role::Admin)? };
        let tries = match (record.wanted.iter().find(|wanted| wanted.is_about(account)), reply) {
            (_, Some(_)) => 0,
            (Some(Wanted::Added { tries, .. }), None) => *tries,
            // Nobody wants it any more.
            (_, None) => return Ok(()),
        };
        record.want_in(account, packages, tries);
        self.data()?.put_room(&record)?;
        if let Some(reply) = reply {
            turn.reply(reply, Reply::Done);
        }
        self.commit_what_is_due(turn, room, false)
    }

    /// Whose packages these are, and those of devices that the account itself has signed; anything else is a ghost (SECURITY_TESTS.md 26).
    ///
    /// # Errors
    /// `no_key_package` when there is none for somebody who is not in the room.
    pub(super) fn verify_packages(
        &mut self,
        turn: &mut Turn,
        room: RoomId,
        name: &UserName,
        body: &[u8],
    ) -> Result<(AccountId, Vec<ClaimedKeyPackage>), ErrorCode> {
        let (claimed, list) = self.verify_claimed(turn, name, body)?;
        let account = claimed.account;
        let signed = claimed.packages.into_iter().filter(|package| device_key(&list, package.device).is_some());
        let packages: Vec<ClaimedKeyPackage> = signed.collect();
        for package in &packages {
            self.joiner(turn, account, package)?;
        }
        let inside = self.data_mut()?.with_group(room, |_, group| mls::members(group))?;
        if packages.is_empty() && !inside.iter().any(|(_, credential)| credential.account() == account) {
            return Err(ErrorCode::NoKeyPackage);
        }
        Ok((account, packages))
    }

    /// The server does not take a commit for a key package in it. The packages of every wish are claimed again, a few times. Answers
    /// whether there are any.
    pub(super) fn claim_anew(&mut self, turn: &mut Turn, room: RoomId) -> Result<bool, ErrorCode> {
        let mut record = self.data()?.room(room)?;
        let claimed = |wanted: &Wanted| matches!(wanted, Wanted::Added { packages, .. } if !packages.is_empty());
        if record.pending.is_none() || !record.wanted.iter().any(claimed) {
            return Ok(false);
        }
        let open = std::mem::take(&mut record.wanted).into_iter();
        record.wanted = open.filter_map(|wanted| if claimed(&wanted) { unclaimed(turn, room, wanted) } else { Some(wanted) }).collect();
        self.clear_commit(record)?;
        Ok(true)
    }

    /// Packages for a wish that had some before.
    pub(super) fn claimed_anew(&mut self, turn: &mut Turn, room: RoomId, name: &UserName, body: &[u8]) -> Result<(), ErrorCode> {
        match self.claimed_for(turn, room, name, None, body) {
            // Out of step, or removed: the wish is looked at again, or is gone with the seat.
            Ok(()) | Err(ErrorCode::NotReady | ErrorCode::NotMember | ErrorCode::StorageDamaged) => Ok(()),
            Err(code) => {
                self.undo_turn(turn)?;
                self.not_claimed_anew(turn, room, name, code)
            }
        }
    }

    pub(super) fn not_claimed_anew(&mut self, turn: &mut Turn, room: RoomId, name: &UserName, code: ErrorCode) -> Result<(), ErrorCode> {
        if matches!(code, ErrorCode::Offline | ErrorCode::Unavailable | ErrorCode::TooManyTries) {
            self.retry_later(turn.now);
            return Ok(());
        }
        let data = self.data()?;
        if let (Some(mut record), Some(contact)) = (data.find_room(room)?, data.find_contact_named(name)?) {
            record.wanted.retain(|wanted| !wanted.is_about(contact.account));
            data.put_room(&record)?;
        }
        turn.emit(Update::Notice { code, room: Some(room) });
        Ok(())
    }

    pub(super) fn remove_person(&mut self, turn: &mut Turn, id: u32, room: RoomId, account: AccountId) -> Result<(), ErrorCode> {
        let mut record = self.group(room, Role::Admin)?;
        let (own, kind) = (self.data()?.account(), self.data_mut()?.with_group(room, |_, group| mls::kind(group))?);
        if account == own || kind.role(own) <= kind.role(account) {
            return Err(ErrorCode::CommitRefused);
        }
        record.wanted.retain(|wanted| wanted.account() != account);
        record.wanted.push(Wanted::Removed { account });
        self.data()?.put_room(&record)?;
        turn.reply(id, Reply::Done);
        self.commit_what_is_due(turn, room, false)
    }

    /// # Errors
    /// `commit_refused` for who is no owner, `not_found` for who is not in the group, `last_owner` for the only one who steps down.
    pub(super) fn set_role(&mut self, turn: &mut Turn, id: u32, room: RoomId, account: AccountId, role: Role) -> Result<(), ErrorCode> {
        let mut record = self.group(room, Role::Owner)?;
        let (members, kind) = self.data_mut()?.with_group(room, |_, group| Ok((mls::members(group)?, mls::kind(group)?)))?;
        let accounts: BTreeSet<AccountId> = members.iter().map(|(_, leaf)| leaf.account()).collect();
        if !accounts.contains(&account) {
            return Err(ErrorCode::NotFound);
        }
        if role < Role::Owner && !accounts.iter().any(|other| *other != account && kind.role(*other) == Role::Owner) {
            return Err(ErrorCode::LastOwner);
        }
        record.wanted.retain(|wanted| !matches!(wanted, Wanted::InRole { account: whose, .. } if *whose == account));
        record.wanted.push(Wanted::InRole { account, role });
        self.data()?.put_room(&record)?;
        turn.reply(id, Reply::Done);
        self.commit_what_is_due(turn, room, false)
    }

    pub(super) fn rename_group(&mut self, turn: &mut Turn, id: u32, room: RoomId, name: &str) -> Result<(), ErrorCode> {
        let mut record = self.as_it_will_be(room)?;
        record.name = Some(checked_name(name)?);
        self.change_settings(turn, id, &record)
    }

    pub(super) fn describe_group(&mut self, turn: &mut Turn, id: u32, room: RoomId, about: &str) -> Result<(), ErrorCode> {
        let mut record = self.as_it_will_be(room)?;
        about.trim().clone_into(&mut record.about);
        if record.about.len() > limits::ROOM_ABOUT {
            return Err(ErrorCode::TooLarge);
        }
        self.change_settings(turn, id, &record)
    }

    pub(super) fn picture_group(&mut self, turn: &mut Turn, id: u32, room: RoomId, picture: Vec<u8>) -> Result<(), ErrorCode> {
        let mut record = self.as_it_will_be(room)?;
        record.picture = Bytes(checked_picture(picture)?);
        self.change_settings(turn, id, &record)
    }

    pub(super) fn room_picture(&self, turn: &mut Turn, id: u32, room: RoomId) -> Result<(), ErrorCode> {
        turn.reply(id, Reply::Picture(self.data()?.room(room)?.picture.0));
        Ok(())
    }

    /// A group as it is when what was changed here has gone out: each change says all of it.
    fn as_it_will_be(&mut self, room: RoomId) -> Result<RoomRecord, ErrorCode> {
        let mut record = self.group(room, Role::Member)?;
        for outgoing in self.data()?.outbox()?.iter().filter(|outgoing| outgoing.room == room && outgoing.text.is_none()) {
            let content = Content::decode(outgoing.content.as_slice(), room).map_err(|_| ErrorCode::StorageDamaged)?;
            if let Some(settings) = content.settings.filter(|settings| settings.since.is_none()) {
                record.name = Some(settings.name);
                record.about = settings.about.unwrap_or(record.about);
                record.picture = settings.picture.unwrap_or(record.picture);
            }
        }
        Ok(record)
    }

    /// Says what the group is like from now on. It is so here when the log shows it.
    fn change_settings(&mut self, turn: &mut Turn, id: u32, wanted: &RoomRecord) -> Result<(), ErrorCode> {
        self.queue_settings(turn, wanted, None)?;
        turn.reply(id, Reply::Done);
        self.flush_outbox(turn)
    }

    /// Says for the first time what a group is called.
    pub(super) fn give_name(&mut self, turn: &Turn, record: &RoomRecord) -> Result<(), ErrorCode> {
        self.queue_settings(turn, record, None)
    }

    /// Says again what a group is called, where that is known.
    pub(super) fn repeat_name(&mut self, turn: &Turn, record: &mut RoomRecord) -> Result<(), ErrorCode> {
        // Who does not know it yet says it when it is known.
        record.name_owed = record.peer.is_none() && record.name.is_none();
        let since = record.named_at;
        self.queue_settings(turn, record, Some(since))
    }

    fn queue_settings(&mut self, turn: &Turn, record: &RoomRecord, since: Option<Seq>) -> Result<(), ErrorCode> {
        let Some(name) = record.name.clone() else { return Ok(()) };
        let settings = Settings {
            name,
            since,
            about: Some(record.about.clone()),
            picture: Some(record.picture.clone()),
            invites: if since.is_some() { self.invites_to_repeat(record)? } else { None },
        };
        let content = Content::settings(content::message_id(turn.now)?, record.room, settings);
        self.queue(turn, &content).map(|_| ())
    }

    /// A device took a seat in a group by itself: the message that names the group may be one that it can't read. The first in the tree
    /// says the name again, or whoever has something to say before that. Not the account's own: its leaf may be one that is gone.
    pub(super) fn owe_name(&mut self, turn: &Turn, room: &mut RoomRecord, newcomer: AccountId) -> Result<(), ErrorCode> {
        room.name_owed = true;
        let members = self.data_mut()?.with_group(room.room, |_, group| mls::members(group))?;
        let first = members.iter().find(|(_, leaf)| leaf.account() != newcomer);
        let own = self.data()?.device.device();
        if first.is_some_and(|(_, leaf)| leaf.device == own) { self.repeat_name(turn, room) } else { Ok(()) }
    }

    /// A group was named, at this position or, said again, at an earlier one. What is said again is no news.
    pub(super) fn named(room: &mut RoomRecord, by: AccountId, settings: Settings, seq: Seq) -> Option<EntryKindRecord> {
        let at = settings.since.unwrap_or(seq).min(seq);
        if room.peer.is_some() || at < room.named_at {
            // Whoever says an old name again has not heard of the newer one.
            room.name_owed |= room.peer.is_none();
            return None;
        }
        let newcomer = room.named_at == 0;
        (room.named_at, room.name_owed) = (at, newcomer && room.name_owed);
        let Settings { name, since, about, picture, invites } = settings;
        let about = about.filter(|about| room.about != *about);
        let picture = picture.and_then(|picture| checked_picture(picture.0).ok()).filter(|picture| room.picture.0 != *picture);
        let renamed = room.name.as_ref() != Some(&name);
        // One thing is changed at a time.
        let line = if renamed {
            Some(EntryKindRecord::Named { by, name: name.clone() })
        } else if let Some(about) = &about {
            Some(EntryKindRecord::Described { by, about: about.clone() })
        } else {
            picture.as_ref().map(|_| EntryKindRecord::Pictured { by })
        };
        room.name = Some(name);
        if let Some(invites) = invites.filter(|_| newcomer) {
            room.invites = invites;
        }
        room.about = about.unwrap_or_else(|| std::mem::take(&mut room.about));
        room.picture = picture.map_or_else(|| std::mem::take(&mut room.picture), Bytes);
        line.filter(|_| since.is_none())
    }

    /// A group in which this account has at least a role.
    pub(super) fn group(&mut self, room: RoomId, least: Role) -> Result<RoomRecord, ErrorCode> {
        let record = self.data()?.room(room)?;
        match (record.peer, &record.seat) {
            (None, Seat::Taken) => {}
            (None, Seat::Removed) => return Err(ErrorCode::NotMember),
            _ => return Err(ErrorCode::NotReady),
        }
        let own = self.data()?.account();
        let kind = self.data_mut()?.with_group(room, |_, group| mls::kind(group))?;
        if kind.role(own) < least { Err(ErrorCode::CommitRefused) } else { Ok(record) }
    }

    pub(super) fn joiner(&self, turn: &Turn, account: AccountId, package: &ClaimedKeyPackage) -> Result<Joiner, ErrorCode> {
        mls::joiner(&self.data()?.provider, package.key_package.as_slice(), account, package.device, turn.now / 1000)
    }

    /// Commits everything that is due in a room at once: what was wanted of it, leaves of own devices that are no more (looked for when
    /// `devices`), those of others that are not listed ([`Engine::unlisted_due`]), and new keys for this device's leaf when its keys are
    /// old or were used often (RFC 9420 §16.6: what was learned of them is worth nothing from then on). Of two who commit at once one is refused, and what it wanted stays due.
    pub(super) fn commit_what_is_due(&mut self, turn: &mut Turn, room: RoomId, devices: bool) -> Result<(), ErrorCode> {
        let mut record = self.data()?.room(room)?;
        if !self.may_commit(&record) {
            return Ok(());
        }
        if record.leaving.is_some() {
            return self.propose_leave(turn, record);
        }
        let mut due = Due::default();
        let mut at_once = false;
        let leaves = self.data_mut()?.with_group(room, |_, group| Ok(group.has_pending_proposals()))?;
        if devices || leaves || !record.wanted.is_empty() || !record.unlisted.is_empty() {
            let members = self.data_mut()?.with_group(room, |_, group| mls::members(group))?;
            if leaves && !self.leaves_due(turn, room, &members, &mut due)? {
                return Ok(());
            }
            if devices && self.net.devices_known {
                let (own, listed) = (self.data()?.account(), self.own_devices()?);
                for (index, _) in members.iter().filter(|(_, leaf)| leaf.account() == own && !listed.contains(&leaf.device)) {
                    due.removed.push(*index);
                    due.others.push(Changed { account: own, what: Change::DeviceWent });
                }
            }
            self.look_at_wishes(turn, &mut record, &members, &mut due)?;
            at_once = !due.is_nothing();
            at_once |= self.unlisted_due(&record, &members, &mut due)?;
        }
        let old = turn.now.saturating_sub(record.updated_at) >= limits::UPDATE_AFTER_MS;
        if !at_once && !old && record.sends < limits::UPDATE_AFTER_SENDS {
            return Ok(());
        }
        self.commit(turn, record, due)
    }

    /// Sorts wishes into what is so already (forgotten) and what is to be committed.
    fn look_at_wishes(
        &mut self,
        turn: &mut Turn,
        record: &mut RoomRecord,
        members: &[(LeafNodeIndex, DeviceCredential)],
        due: &mut Due,
    ) -> Result<(), ErrorCode> {
        let seated: BTreeSet<(AccountId, DeviceId)> = members.iter().map(|(_, leaf)| (leaf.account(), leaf.device)).collect();
        let before = record.wanted.len();
        let (mut open, mut changed) = (Vec::new(), false);
        for wanted in std::mem::take(&mut record.wanted) {
            match &wanted {
                // Who leaves does not want any of it. Taken out, there is nobody to remove any more.
                Wanted::Added { account, .. } if due.left.contains(account) => continue,
                Wanted::Removed { account } if due.left.contains(account) => {}
                Wanted::Added { account, packages, .. } if packages.is_empty() => {
                    let own = self.data()?.account() == *account;
                    if own && !self.net.devices_known {
                        open.push(wanted);
                        continue;
                    }
                    let is_seated = |device| seated.contains(&(*account, device));
                    let so = if own {
                        self.own_devices()?.into_iter().all(is_seated)
                    } else {
                        seated.iter().any(|(member, _)| member == account)
                    };
                    if so {
                        continue;
                    }
                    let name = if own { self.data()?.record()?.name } else { self.contact(*account)?.name };
                    let asked = |pending: &Pending| matches!(pending, Pending::ClaimFor { room, name: of, .. } if *room == record.room && *of == name);
                    if !self.requests.values().any(asked) {
                        let claim = ClaimKeyPackages { name: name.clone(), group: true };
                        let pending = Pending::ClaimFor { room: record.room, name, reply: None };
                        self.post(turn, "/api/v1/key-packages/claim", &claim, pending);
                    }
                }
                Wanted::Added { account, packages, .. } => {
                    let missing: Vec<_> = packages.iter().filter(|package| !seated.contains(&(*account, package.device))).collect();
                    if missing.is_empty() {
                        continue;
                    }
                    if due.joiners.len() + missing.len() <= limits::ADDED_AT_ONCE {
                        match missing.into_iter().map(|package| self.joiner(turn, *account, package)).collect::<Result<Vec<_>, _>>() {
                            Ok(joiners) => due.joiners.extend(joiners),
                            // Too old by now.
                            Err(ErrorCode::NoKeyPackage) => {
                                changed = true;
                                open.extend(unclaimed(turn, record.room, wanted.clone()));
                                self.retry_later(turn.now);
                                continue;
                            }
                            Err(code) => {
                                turn.emit(Update::Notice { code, room: Some(record.room) });
                                continue;
                            }
                        }
                        if seated.iter().any(|(member, _)| member == account) {
                            due.others.push(Changed { account: *account, what: Change::DeviceCame });
                        } else {
                            due.came.push(*account);
                        }
                    }
                }
                Wanted::Removed { account } => {
                    let leaves: Vec<_> = members.iter().filter(|(_, leaf)| leaf.account() == *account).map(|(index, _)| *index).collect();
                    if leaves.is_empty() {
                        continue;
                    }
                    due.removed.extend(leaves);
                    due.went.push(*account);
                }
                Wanted::InRole { .. } => {}
            }
            open.push(wanted);
        }
        record.wanted = open;
        self.look_at_roles(turn, record, &seated, due)?;
        changed |= record.wanted.len() != before;
        if changed { self.data()?.put_room(record) } else { Ok(()) }
    }

    /// The roles as they are to be, with those wishes that still can be. Who is taken out of the group has none afterwards: whoever comes back is
    /// a member.
    fn look_at_roles(
        &mut self,
        turn: &mut Turn,
        record: &mut RoomRecord,
        seated: &BTreeSet<(AccountId, DeviceId)>,
        due: &mut Due,
    ) -> Result<(), ErrorCode> {
        let own = self.data()?.account();
        let Kind::Group(before) = self.data_mut()?.with_group(record.room, |_, group| mls::kind(group))? else { return Ok(()) };
        let owner = before.of(own) == Role::Owner;
        let mut roles = before.clone();
        let stays = |account: AccountId, due: &Due| {
            seated.iter().any(|(member, _)| *member == account) && !due.went.contains(&account) && !due.left.contains(&account)
        };
        let has_owner = |roles: &Roles, due: &Due| seated.iter().any(|(member, _)| roles.of(*member) == Role::Owner && stays(*member, due));
        let (mut open, mut refused) = (Vec::new(), None);
        for wanted in std::mem::take(&mut record.wanted) {
            if let Wanted::InRole { account, role } = wanted {
                let next = roles.clone().with(account, role);
                // It is so already, or can't be any more.
                if before.of(account) == role || role > Role::Member && !stays(account, due) {
                    continue;
                }
                // Another commit was first, after which this one would break a rule.
                if !owner || !has_owner(&next, due) {
                    refused = Some(if owner { ErrorCode::LastOwner } else { ErrorCode::CommitRefused });
                    continue;
                }
                roles = next;
                if stays(account, due) {
                    due.others.push(Changed { account, what: role.into() });
                }
            }
            open.push(wanted);
        }
        record.wanted = open;
        if let Some(code) = refused {
            turn.emit(Update::Notice { code, room: Some(record.room) });
        }
        if owner {
            roles = due.went.iter().fold(roles, |roles, account| roles.with(*account, Role::Member));
        }
        // Whoever commits it: with a role they would come back with it.
        roles = due.left.iter().fold(roles, |roles, account| roles.with(*account, Role::Member));
        due.roles = (roles != before).then_some(roles);
        Ok(())
    }

    /// What the person wanted can't be committed: said once, and not tried for ever.
    pub(super) fn give_up_wishes(turn: &mut Turn, record: &mut RoomRecord, code: ErrorCode) {
        if !record.wanted.is_empty() {
            record.wanted.clear();
            turn.emit(Update::Notice { code, room: Some(record.room) });
        }
    }

    /// Somebody removed this account: nothing of the group's keys stays, what was written and not sent says so.
    pub(super) fn removed_from(&mut self, turn: &mut Turn, record: &mut RoomRecord) -> Result<(), ErrorCode> {
        record.seat = Seat::Removed;
        record.wanted.clear();
        record.leaving = None;
        record.invites.clear();
        // Whoever comes back counts from nothing, and others do.
        record.said = 0;
        record.heard.clear();
        record.unlisted.clear();
        record.list_said = 0;
        record.card_said = 0;
        let leaf_keys = [std::mem::take(&mut record.leaf_key), std::mem::take(&mut record.former_leaf_key)];
        let room = record.room;
        let data = self.data_mut()?;
        for leaf_key in &leaf_keys {
            data.delete_leaf_key(leaf_key)?;
        }
        data.delete_group(room)?;
        for mut outgoing in self.data()?.outbox()?.into_iter().filter(|outgoing| outgoing.room == room) {
            self.fail_outgoing(turn, &mut outgoing)?;
        }
        Ok(())
    }
}

/// What one commit does.
#[derive(Default)]
pub(super) struct Due {
    pub(super) joiners: Vec<Joiner>,
    pub(super) removed: Vec<LeafNodeIndex>,
    /// Leaves that go by their own SelfRemove.
    pub(super) leaving: Vec<LeafNodeIndex>,
    /// The accounts of these, with every leaf.
    pub(super) left: BTreeSet<AccountId>,
    pub(super) came: Vec<AccountId>,
    pub(super) went: Vec<AccountId>,
    pub(super) others: Vec<Changed>,
    /// The roles, where they become others.
    pub(super) roles: Option<Roles>,
}

impl Due {
    const fn is_nothing(&self) -> bool {
        self.joiners.is_empty() && self.removed.is_empty() && self.leaving.is_empty() && self.roles.is_none()
    }
}

impl RoomRecord {
    /// From now on these devices of an account are wanted in the room; with none of them nothing is wanted about it any more.
    pub(super) fn want_in(&mut self, account: AccountId, packages: Vec<ClaimedKeyPackage>, tries: u8) {
        self.wanted.retain(|wanted| !wanted.is_about(account));
        if !packages.is_empty() {
            self.wanted.push(Wanted::Added { account, packages, tries });
        }
    }
}

impl Wanted {
    const fn account(&self) -> AccountId {
        match self {
            Self::Added { account, .. } | Self::Removed { account } | Self::InRole { account, .. } => *account,
        }
    }

    /// Whether it says that somebody is in the group, or is not.
    fn is_about(&self, account: AccountId) -> bool {
        self.account() == account && !matches!(self, Self::InRole { .. })
    }
}

/// A role as the page names it.
pub(super) const fn role_of(role: views::Role) -> Role {
    match role {
        views::Role::Member => Role::Member,
        views::Role::Admin => Role::Admin,
        views::Role::Owner => Role::Owner,
    }
}

pub(super) const fn role_view(role: Role) -> views::Role {
    match role {
        Role::Member => views::Role::Member,
        Role::Admin => views::Role::Admin,
        Role::Owner => views::Role::Owner,
    }
}

/// A wish whose packages are good for nothing, to be claimed again; nothing, and a notice, after so many times.
fn unclaimed(turn: &mut Turn, room: RoomId, wanted: Wanted) -> Option<Wanted> {
    let Wanted::Added { account, tries: tries @ ..CLAIMS, .. } = wanted else {
        turn.emit(Update::Notice { code: ErrorCode::NoKeyPackage, room: Some(room) });
        return None;
    };
    Some(Wanted::Added { account, packages: Vec::new(), tries: tries + 1 })
}

fn checked_name(name: &str) -> Result<String, ErrorCode> {
    let name = name.trim();
    match name.len() {
        0 => Err(ErrorCode::Malformed),
        1..=limits::ROOM_NAME => Ok(name.to_owned()),
        _ => Err(ErrorCode::TooLarge),
    }
}
