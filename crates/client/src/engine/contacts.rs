//! The devices of other people: every leaf of somebody else is held against that account's own signed list.
//!
//! A leaf that the newest list known here does not name is a doubt ([`Unlisted`]), stored with the room: nothing is encrypted there until
//! the leaf is gone or a list names it. The commit that brought it stays merged: whoever refuses what others merge has forked itself.
//! Lists only rise. Accounts name their newest one inside messages, so that a server which shows an older one is found out.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::LeafNodeIndex;
use sotto_client_api::Update;
use sotto_protocol::api::{Devices, ErrorBody};
use sotto_protocol::device_list::{DeviceEntry, DeviceList};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, RoomId, codec, limits};
use sotto_rules::identity::{DeviceCredential, VerifiedHead, check_rising, decode_device_list};

use super::groups::Due;
use super::net::Pending;
use super::{Engine, Turn};
use crate::content::ListHead;
use crate::mls;
use crate::records::{Change, Changed, Doubt, ListRecord, RoomRecord, Seat, Unlisted};

/// Lists that are asked for at one time: who comes into a big group knows none of its people's.
const LISTS_AT_ONCE: usize = 8;

/// What a list has changed.
pub(super) struct Pinned {
    /// The list, verified.
    pub(super) list: DeviceList,
    /// What the one before it named.
    former: Option<Vec<DeviceEntry>>,
    /// Whether the account has named a newer list, or another one of this version.
    falls_short: bool,
}

impl ListRecord {
    /// Nothing is known yet.
    pub(super) const fn new(account: AccountId) -> Self {
        Self { account, version: 0, hash: Bytes(Vec::new()), devices: None, named: None }
    }

    /// Whether the newest list names nobody: the account was deleted.
    pub(super) fn is_empty(&self) -> bool {
        self.devices.as_ref().is_some_and(Vec::is_empty)
    }

    fn names(&self, leaf: &DeviceCredential) -> bool {
        let same = |entry: &DeviceEntry| entry.device == leaf.device && entry.device_key.as_slice() == leaf.device_key;
        self.devices.iter().flatten().any(same)
    }
}

impl RoomRecord {
    fn doubt(&self, account: AccountId, device: DeviceId) -> Option<Doubt> {
        self.unlisted.iter().find(|known| known.account == account && known.device == device).map(|known| known.doubt)
    }

    /// Whether a device stands in the room that its account does not vouch for.
    pub(super) fn has_ghost(&self) -> bool {
        self.unlisted.iter().any(|known| known.doubt == Doubt::Ghost)
    }
}

impl Engine {
    /// Holds the leaves of a room against the newest lists known here.
    pub(super) fn check_leaves(&mut self, record: &mut RoomRecord) -> Result<(), ErrorCode> {
        let (leaves, kind) = self.data_mut()?.with_group(record.room, |_, group| Ok((mls::leaves(group)?, mls::kind(group)?)))?;
        let data = self.data()?;
        let own = data.account();
        let mut lists = BTreeMap::new();
        let mut unlisted = Vec::new();
        for leaf in leaves {
            let account = leaf.account();
            if account == own {
                continue;
            }
            let list = match lists.entry(account) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(data.find_list(account)?),
            };
            if list.as_ref().is_some_and(|list| list.names(&leaf)) {
                continue;
            }
            let doubt = match list.as_ref().filter(|list| list.is_empty()) {
                // Of an account that was deleted. Whoever can't remove it does not wait for that.
                Some(_) if !kind.may_remove(own, account) => continue,
                Some(_) => Doubt::Gone,
                None => record.doubt(account, leaf.device).unwrap_or(Doubt::Asked),
            };
            unlisted.push(Unlisted { account, device: leaf.device, doubt });
        }
        record.unlisted = unlisted;
        record.leaves_known = true;
        Ok(())
    }

    /// A commit has changed which devices are in a room.
    pub(super) fn leaves_changed(
        &mut self,
        turn: &mut Turn,
        record: &mut RoomRecord,
        joined: &[(AccountId, DeviceId)],
    ) -> Result<(), ErrorCode> {
        self.check_leaves(record)?;
        if joined.is_empty() {
            return Ok(());
        }
        // Whoever came has not heard yet which list of this account is the newest.
        record.list_said = 0;
        record.card_said = 0;
        // What is on its way may take the leaf out again: everything is asked for when the log was read.
        if self.net.caught_up() {
            let new = record.unlisted.iter().filter(|known| joined.contains(&(known.account, known.device)));
            let accounts: BTreeSet<AccountId> = new.map(|known| known.account).collect();
            accounts.into_iter().for_each(|account| self.ask_list(turn, account));
        }
        Ok(())
    }

    /// Asks for an account's newest list. An answer that is on its way may be too old.
    pub(super) fn ask_list(&mut self, turn: &mut Turn, account: AccountId) {
        if self.is_list_asked(account) {
            self.net.overtaken.insert(account);
        } else {
            self.request_list(turn, account);
        }
    }

    fn request_list(&mut self, turn: &mut Turn, account: AccountId) {
        self.get(turn, format!("/api/v1/accounts/{account}/devices"), Pending::Devices { account });
    }

    /// Whether a list of the account is on its way.
    fn is_list_asked(&self, account: AccountId) -> bool {
        self.requests.values().any(|pending| matches!(pending, Pending::Devices { account: asked } if *asked == account))
    }

    /// Asks for every list that something waits for, a few at a time: of leaves that the known ones don't name, and of accounts that have
    /// named a newer one. Once a connection, unless something new comes.
    pub(super) fn ask_lists(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        if !self.net.caught_up() {
            return Ok(());
        }
        let mut wanted = BTreeSet::new();
        for mut record in self.data()?.rooms()?.into_iter().filter(|record| record.seat == Seat::Taken) {
            if !record.leaves_known {
                match self.check_leaves(&mut record) {
                    // Found out where the room is worked on.
                    Err(ErrorCode::StorageDamaged) => continue,
                    checked => checked?,
                }
                self.data()?.put_room(&record)?;
            }
            wanted.extend(record.unlisted.iter().filter(|known| known.doubt != Doubt::Gone).map(|known| known.account));
        }
        let is_behind = |list: &ListRecord| list.named.as_ref().is_some_and(|named| named.version > list.version);
        wanted.extend(self.data()?.lists()?.into_iter().filter(is_behind).map(|list| list.account));
        let asked = self.requests.values().filter(|pending| matches!(pending, Pending::Devices { .. })).count();
        if !self.net.devices_known {
            wanted.insert(self.data()?.account());
        }
        wanted.retain(|account| !self.net.lists_asked.contains(account) && !self.is_list_asked(*account));
        for account in wanted.into_iter().take(LISTS_AT_ONCE.saturating_sub(asked)) {
            self.ask_list(turn, account);
        }
        Ok(())
    }

    /// Another account's newest list, as the server says.
    pub(super) fn list_told(&mut self, turn: &mut Turn, account: AccountId, body: &[u8]) -> Result<(), ErrorCode> {
        let told: Devices = codec::decode(body, limits::API_BODY)?;
        let newest = !self.net.overtaken.remove(&account);
        let former = match self.pin_list(account, told.device_list.as_slice()) {
            Ok(Pinned { former, falls_short, .. }) => {
                // An answer that a newer word of the account has overtaken hides nothing.
                if falls_short && newest {
                    self.list_alarm(turn, account)?;
                }
                self.look_up(turn, vec![account])?;
                former
            }
            // An older list, another one of the same version, or one that is not the account's: somebody hides a device, or shows one
            // that is none. What is known stays, and is what leaves are judged by.
            Err(ErrorCode::DeviceListRefused | ErrorCode::NotAuthentic | ErrorCode::Malformed) => {
                self.list_alarm(turn, account)?;
                None
            }
            Err(code) => return Err(code),
        };
        if newest {
            self.net.lists_asked.insert(account);
        } else {
            self.ask_list(turn, account);
        }
        self.judge_leaves(turn, account, former.as_deref(), newest)?;
        self.ask_lists(turn)
    }

    pub(super) fn list_not_told(&mut self, turn: &mut Turn, account: AccountId, error: &ErrorBody) -> Result<(), ErrorCode> {
        let newest = !self.net.overtaken.remove(&account);
        if matches!(error.code, ErrorCode::Offline | ErrorCode::Unavailable | ErrorCode::TooManyTries) {
            // An earlier answer on this connection is not the one that is wanted now.
            self.net.lists_asked.remove(&account);
            self.retry_later(turn.now);
            return Ok(());
        }
        if account == self.data()?.account() {
            return Ok(());
        }
        if !newest {
            self.request_list(turn, account);
            return Ok(());
        }
        // The server knows no such account, or says so: then nobody vouches for its leaves.
        self.net.lists_asked.insert(account);
        self.judge_leaves(turn, account, None, true)?;
        self.ask_lists(turn)
    }

    /// Verifies a list of an account against what is remembered, and remembers it.
    ///
    /// # Errors
    /// `device_list_refused` for an older one or another one of the same version; `not_authentic`, `malformed`.
    pub(super) fn pin_list(&self, account: AccountId, signed: &[u8]) -> Result<Pinned, ErrorCode> {
        let data = self.data()?;
        let list = decode_device_list(signed, Some(account))?;
        let known = data.find_list(account)?.unwrap_or_else(|| ListRecord::new(account));
        if known.version > 0 {
            let hash = known.hash.as_slice().try_into().map_err(|_| ErrorCode::StorageDamaged)?;
            check_rising(&VerifiedHead { version: known.version, hash }, &list)?;
        }
        let VerifiedHead { version, hash } = VerifiedHead::of(&list);
        let is_other = |named: &ListHead| named.version > version || named.version == version && named.hash.as_slice() != hash;
        let named = known.named.filter(is_other);
        let falls_short = named.is_some();
        data.put_list(&ListRecord { account, version, hash: Bytes(hash.to_vec()), devices: Some(list.devices.clone()), named })?;
        Ok(Pinned { list, former: known.devices, falls_short })
    }

    /// What a list that came with something else means for the account's leaves.
    pub(super) fn list_came(&mut self, turn: &mut Turn, account: AccountId, pinned: &Pinned) -> Result<(), ErrorCode> {
        if pinned.falls_short {
            self.list_alarm(turn, account)?;
        }
        self.judge_leaves(turn, account, pinned.former.as_deref(), false)
    }

    /// Holds an account's leaves in all rooms against its list. `former`: what the list before named. `newest`: the list was asked for
    /// after these leaves came.
    fn judge_leaves(&mut self, turn: &mut Turn, account: AccountId, former: Option<&[DeviceEntry]>, newest: bool) -> Result<(), ErrorCode> {
        let devices = self.data()?.find_list(account)?.and_then(|list| list.devices).unwrap_or_default();
        let former = former.unwrap_or_default();
        let is_shorter = former.iter().any(|entry| !devices.contains(entry));
        for mut record in self.data()?.rooms()?.into_iter().filter(|record| record.seat == Seat::Taken) {
            let doubted = record.unlisted.iter().any(|known| known.account == account);
            let concerned = doubted || (is_shorter && record.peer.is_none_or(|peer| peer == account));
            if !concerned {
                continue;
            }
            let before = record.unlisted.clone();
            match self.check_leaves(&mut record) {
                Err(ErrorCode::StorageDamaged) => continue,
                checked => checked?,
            }
            let mut found = false;
            for known in record.unlisted.iter_mut().filter(|known| known.account == account && known.doubt == Doubt::Asked) {
                if former.iter().any(|entry| entry.device == known.device) {
                    known.doubt = Doubt::Gone;
                } else if newest {
                    known.doubt = Doubt::Ghost;
                    found = true;
                }
            }
            if record.unlisted == before {
                continue;
            }
            self.data()?.put_room(&record)?;
            if found {
                turn.emit(Update::Notice { code: ErrorCode::GhostDevice, room: Some(record.room) });
            }
            self.show_room(turn, &record)?;
            self.commit_what_is_due(turn, record.room, false)?;
        }
        self.flush_outbox(turn)
    }

    /// Leaves of others that go with the next commit. Answers whether one is to be made for them alone: for a ghost, and before something
    /// is said. Others are left to their own account and to whoever says something next, so that a big group does not race.
    pub(super) fn unlisted_due(
        &self,
        record: &RoomRecord,
        members: &[(LeafNodeIndex, DeviceCredential)],
        due: &mut Due,
    ) -> Result<bool, ErrorCode> {
        // The server has refused it on this connection: by its lists they may stay.
        if self.net.kept_leaves.contains(&record.room) {
            return Ok(false);
        }
        let doubt = |leaf: &DeviceCredential| record.doubt(leaf.account(), leaf.device);
        // An account keeps a leaf: nobody is put out of a room by this, but who was deleted.
        let keeps = |account| members.iter().any(|(_, leaf)| leaf.account() == account && doubt(leaf).is_none());
        let mut found = None;
        for (index, leaf) in members {
            let account = leaf.account();
            let Some(doubt @ (Doubt::Gone | Doubt::Ghost)) = doubt(leaf) else { continue };
            if due.removed.contains(index) || due.leaving.contains(index) {
                continue;
            }
            match keeps(account) {
                true => due.others.push(Changed { account, what: Change::DeviceWent }),
                false if self.is_deleted(account)? => {}
                false => continue,
            }
            due.removed.push(*index);
            found = Some(found == Some(true) || doubt == Doubt::Ghost);
        }
        match found {
            None => Ok(false),
            Some(true) => Ok(true),
            Some(false) => Ok(self.data()?.outbox()?.iter().any(|outgoing| outgoing.room == record.room && !outgoing.failed)),
        }
    }

    /// The server does not take a commit. If it was for leaves that are not listed, they stay until the next connection. Answers whether
    /// it was.
    pub(super) fn keep_leaves(&mut self, room: RoomId) -> Result<bool, ErrorCode> {
        let record = self.data()?.room(room)?;
        let removable = record.unlisted.iter().any(|known| known.doubt != Doubt::Asked);
        if record.pending.is_none() || !removable || !self.net.kept_leaves.insert(room) {
            return Ok(false);
        }
        self.clear_commit(record)?;
        Ok(true)
    }

    /// An account has named its newest list in a message.
    pub(super) fn list_named(&mut self, turn: &mut Turn, account: AccountId, named: &ListHead) -> Result<(), ErrorCode> {
        // What is no hash is not kept.
        if named.hash.as_slice().len() != 32 {
            return Ok(());
        }
        if account == self.data()?.account() {
            return if named.version > self.own_head()?.version { self.ask_own_devices(turn) } else { Ok(()) };
        }
        let mut known = self.data()?.find_list(account)?.unwrap_or_else(|| ListRecord::new(account));
        let of_before = known.named.as_ref().map_or((known.version, &known.hash), |named| (named.version, &named.hash));
        if named.version < of_before.0 || named == &(ListHead { version: of_before.0, hash: of_before.1.clone() }) {
            return Ok(());
        }
        // Two lists of one version: somebody is shown another one than others are.
        if named.version == of_before.0 {
            return self.list_alarm(turn, account);
        }
        known.named = Some(named.clone());
        self.data()?.put_list(&known)?;
        if self.net.caught_up() {
            self.ask_list(turn, account);
        }
        Ok(())
    }

    /// The server's list of an account, or the account's own word, does not fit what is known.
    pub(super) fn list_alarm(&self, turn: &mut Turn, account: AccountId) -> Result<(), ErrorCode> {
        let room = self.data()?.rooms()?.into_iter().find(|record| record.peer == Some(account)).map(|record| record.room);
        turn.emit(Update::Notice { code: ErrorCode::ContactListRefused, room });
        Ok(())
    }
}
