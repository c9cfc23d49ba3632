//! Leaving a group: what a device that leaves says, and how those who stay carry it out.
//!
//! Nobody can commit the own removal (RFC 9420 §12.4). So a device says that it leaves, by a SelfRemove in the log, and says it again in
//! every epoch; whoever is online among those who stay commits it, the first leaf at once and each later one some time after that.

use std::collections::BTreeSet;

use openmls::prelude::LeafNodeIndex;
use sotto_client_api::{Reply, Update};
use sotto_protocol::{AccountId, Bytes, ErrorCode, Millis, RoomId, codec};
use sotto_rules::identity::DeviceCredential;
use sotto_rules::roles::Role;

use super::groups::Due;
use super::net::Pending;
use super::{Engine, Turn};
use crate::mls;
use crate::records::{Change, Changed, EntryKindRecord, Leaving, RoomRecord};

/// How much later than the leaf before it each leaf commits what others have said of leaving.
const RANK_MS: Millis = 200;

impl Engine {
    /// # Errors
    /// `last_owner` while others stay; `not_ready` and `not_member` without a seat.
    pub(super) fn leave_group(&mut self, turn: &mut Turn, id: u32, room: RoomId) -> Result<(), ErrorCode> {
        let mut record = self.group(room, Role::Member)?;
        let own = self.data()?.account();
        self.data_mut()?.with_group(room, |_, group| mls::may_leave(group, own, &BTreeSet::new()))?;
        record.wanted.clear();
        record.leave();
        self.data()?.put_room(&record)?;
        turn.reply(id, Reply::Done);
        self.show_room(turn, &record)?;
        self.commit_what_is_due(turn, room, false)
    }

    /// Says in the current epoch that this device leaves, or says it again where it may not have arrived.
    pub(super) fn propose_leave(&mut self, turn: &mut Turn, mut record: RoomRecord) -> Result<(), ErrorCode> {
        let room = record.room;
        let asked = self.requests.values().any(|pending| matches!(pending, Pending::Leave { room: of } if *of == room));
        let Some(leaving) = record.leaving.take().filter(|_| !asked && self.net.live()) else { return Ok(()) };
        let data = self.data_mut()?;
        let (epoch, said) =
            data.with_group(room, |_, group| Ok((group.epoch().as_u64(), mls::leaving(group).contains(&group.own_leaf_index()))))?;
        if said {
            return Ok(());
        }
        let mut upload = leaving.upload;
        if leaving.epoch != epoch || upload.as_slice().is_empty() {
            let leaf_key = data.room_leaf_key(&record)?;
            let made = data.with_group(room, |provider, group| mls::propose_leave(provider, group, &leaf_key))?;
            upload = Bytes(codec::encode(&made));
            record.leaving = Some(Leaving { epoch, upload: upload.clone() });
            data.put_room(&record)?;
        }
        self.post_bytes(turn, format!("/api/v1/rooms/{room}/proposals"), upload.0, Pending::Leave { room });
        Ok(())
    }

    pub(super) fn leave_refused(&mut self, turn: &mut Turn, room: RoomId, code: ErrorCode) -> Result<(), ErrorCode> {
        match code {
            // The commit that ended the epoch, or that removed this account, is on its way.
            ErrorCode::StaleEpoch | ErrorCode::NotFound => Ok(()),
            ErrorCode::Offline | ErrorCode::Unavailable | ErrorCode::TooManyTries => {
                self.retry_later(turn.now);
                Ok(())
            }
            // The other owner was faster, say: the person stays, and is told.
            code => {
                let Some(mut record) = self.data()?.find_room(room)?.filter(|record| record.leaving.is_some()) else { return Ok(()) };
                record.leaving = None;
                self.data()?.put_room(&record)?;
                turn.emit(Update::Notice { code, room: Some(room) });
                self.show_room(turn, &record)
            }
        }
    }

    /// The log shows that a device leaves. An account leaves with all of its devices, so the own ones want it from now on; who is alone is
    /// out at once.
    pub(super) fn leaves(
        &mut self,
        turn: &mut Turn,
        record: &mut RoomRecord,
        account: AccountId,
    ) -> Result<Option<EntryKindRecord>, ErrorCode> {
        if account != self.data()?.account() {
            return Ok(None);
        }
        let leaves = self.data_mut()?.with_group(record.room, |_, group| mls::leaves(group))?;
        if leaves.iter().any(|leaf| leaf.account() != account) {
            record.leave();
            return Ok(None);
        }
        self.removed_from(turn, record)?;
        let others = vec![Changed { account, what: Change::Left }];
        Ok(Some(EntryKindRecord::Members { by: account, came: Vec::new(), went: Vec::new(), others }))
    }

    /// What others have said of leaving, as far as it can be carried out together: a group keeps an owner. Answers whether it is this
    /// device's turn.
    pub(super) fn leaves_due(
        &mut self,
        turn: &Turn,
        room: RoomId,
        members: &[(LeafNodeIndex, DeviceCredential)],
        due: &mut Due,
    ) -> Result<bool, ErrorCode> {
        let own = self.data()?.device.device();
        let (epoch, waiting) = self.data_mut()?.with_group(room, |_, group| Ok((group.epoch().as_u64(), mls::leaving(group))))?;
        for index in &waiting {
            let Some((_, leaf)) = members.iter().find(|(leaf, _)| leaf == index) else { continue };
            let account = leaf.account();
            let may = self.data_mut()?.with_group(room, |_, group| Ok(mls::may_leave(group, account, &due.left).is_ok()))?;
            if may || due.left.contains(&account) {
                due.leaving.push(*index);
                due.left.insert(account);
            }
        }
        let goes = |leaf: &DeviceCredential| due.left.contains(&leaf.account());
        let rank = members.iter().filter(|(_, leaf)| !goes(leaf)).position(|(_, leaf)| leaf.device == own).unwrap_or(0);
        let others = members.iter().filter(|(index, leaf)| goes(leaf) && !due.leaving.contains(index)).map(|(index, _)| *index);
        due.removed.extend(others);
        due.others.extend(due.left.iter().map(|account| Changed { account: *account, what: Change::Left }));
        let at = turn.now.saturating_add(RANK_MS.saturating_mul(rank as u64));
        let known = self.net.leaves_at.entry(room).or_insert((epoch, at));
        if known.0 != epoch {
            *known = (epoch, at);
        }
        let at = known.1;
        if at <= turn.now {
            return Ok(true);
        }
        self.net.retry_at = Some(self.net.retry_at.map_or(at, |retry_at| retry_at.min(at)));
        Ok(false)
    }
}

impl RoomRecord {
    fn leave(&mut self) {
        self.leaving.get_or_insert(Leaving { epoch: 0, upload: Bytes::default() });
    }
}
