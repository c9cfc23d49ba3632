//! Rooms: made with their first commit, moved on by commits, listed by member.

use sotto_protocol::api::{Person, RoomInfo};
use sotto_protocol::frames::{Entry, EntryKind};
use sotto_protocol::{AccountId, DeviceId, Epoch, ErrorCode, IdempotencyId, Millis, RoomId, Seq};

use super::MemoryStore;
use super::keys::Packages;
use super::tables::{Room, Tables, all_differ, constraint};
use crate::error::ServiceError;
use crate::store::{CommitRow, Pair, ProposalRow, RoomForCommit, RoomStateRow, Standing, StoreError, StoreResult};

impl MemoryStore {
    pub(crate) fn find_pair_room(&self, pair: Pair) -> StoreResult<Option<RoomId>> {
        self.read(|tables| tables.find_pair(pair))
    }

    pub(crate) fn rooms_of(&self, account: AccountId) -> StoreResult<Vec<RoomInfo>> {
        self.read(|tables| tables.wanted_rooms_of(account).map(|(id, room)| tables.info(id, room)).collect())
    }

    pub(crate) fn room_state(&self, account: AccountId, room: RoomId) -> StoreResult<Option<(RoomInfo, RoomStateRow)>> {
        self.read(|tables| tables.room_for(account, room).map(|found| (tables.info(room, found), found.state.clone())))
    }

    pub(crate) fn room_for_commit(&self, account: AccountId, room: RoomId) -> StoreResult<Option<RoomForCommit>> {
        self.read(|tables| {
            let found = tables.room_for(account, room)?;
            Some(RoomForCommit { epoch: found.epoch, pair: found.pair, public_group: found.state.public_group.clone() })
        })
    }

    pub(crate) fn find_commit(&self, room: RoomId, device: DeviceId, id: IdempotencyId) -> StoreResult<Option<Standing>> {
        self.read(|tables| tables.find_standing(room, device, id))
    }

    pub(crate) fn create_room(&self, pair: Option<Pair>, suite: u16, first: CommitRow) -> StoreResult<(Seq, Millis)> {
        self.write(|tables| {
            tables.require_device(first.account, first.device)?;
            if let Some(standing) = tables.find_standing(first.room, first.device, first.idempotency) {
                return Ok((standing.seq, standing.at));
            }
            if let Some(room) = pair.and_then(|pair| tables.find_pair(pair)) {
                return Err(ServiceError::room_exists(room).into());
            }
            if tables.rooms.contains_key(&first.room) {
                return Err(ErrorCode::CommitRefused.into());
            }
            let packages = tables.check_commit(&first)?;
            let room = Room {
                suite,
                epoch: first.epoch,
                head: 0,
                lost_upto: 0,
                created_at: first.at,
                pair,
                // Replaced at once by the first commit's.
                state: first.state.clone(),
            };
            tables.rooms.insert(first.room, room);
            tables.move_on(first, packages)
        })
    }

    pub(crate) fn commit(&self, row: CommitRow) -> StoreResult<(Seq, Millis)> {
        self.write(|tables| {
            if let Some(known) = tables.find_repeated((row.account, row.device), row.room, row.epoch, row.idempotency)? {
                return Ok(known);
            }
            let packages = tables.check_commit(&row)?;
            tables.move_on(row, packages)
        })
    }

    pub(crate) fn propose(&self, row: ProposalRow) -> StoreResult<(Seq, Millis)> {
        self.write(|tables| {
            if let Some(known) = tables.find_repeated((row.account, row.device), row.room, row.epoch, row.idempotency)? {
                return Ok(known);
            }
            let room = tables.rooms.get_mut(&row.room).ok_or(StoreError::Bug("row not found"))?;
            // Another proposal of the epoch came in between: it may not be lost.
            if room.state.public_group != row.before {
                return Err(ErrorCode::Unavailable.into());
            }
            room.state.public_group = row.after.clone();
            room.head += 1;
            let (head, at) = (room.head, row.at);
            if row.alone {
                tables.members.insert((row.account, row.room), Some(head));
                tables.unwanted_rooms.remove(&(row.account, row.room));
            }
            tables.push_entry(row.entry(head));
            Ok((head, at))
        })
    }
}

impl Tables {
    /// A room, for a member of it.
    pub(super) fn room_for(&self, account: AccountId, room: RoomId) -> Option<&Room> {
        self.rooms.get(&room).filter(|_| self.members.get(&(account, room)) == Some(&None))
    }

    /// The rooms of an account, by id.
    pub(super) fn rooms_of(&self, account: AccountId) -> impl Iterator<Item = (RoomId, &Room)> {
        let own = self.members.iter().filter(move |((member, _), gone_at)| *member == account && gone_at.is_none());
        own.filter_map(|((_, id), _)| Some((*id, self.rooms.get(id)?)))
    }

    /// Of these those that it hears of.
    pub(super) fn wanted_rooms_of(&self, account: AccountId) -> impl Iterator<Item = (RoomId, &Room)> {
        self.rooms_of(account).filter(move |(id, _)| !self.unwanted_rooms.contains_key(&(account, *id)))
    }

    /// The accounts in a room, by name.
    pub(super) fn people_in(&self, room: RoomId) -> Vec<Person> {
        let accounts = self.members.iter().filter(|((_, of), gone_at)| *of == room && gone_at.is_none());
        let accounts = accounts.filter_map(|((account, _), _)| self.accounts.get(account));
        let mut people: Vec<Person> = accounts.map(|row| Person { account: row.account, name: row.name.clone() }).collect();
        people.sort_by(|one, other| one.name.cmp(&other.name));
        people
    }

    fn info(&self, id: RoomId, room: &Room) -> RoomInfo {
        RoomInfo { room: id, members: self.people_in(id), epoch: room.epoch, head: room.head }
    }

    fn find_pair(&self, pair: Pair) -> Option<RoomId> {
        self.rooms.iter().find(|(_, room)| room.pair == Some(pair)).map(|(id, _)| *id)
    }

    /// What the tables ask of a commit, whoever validated it. Gives the key packages without those that it spends.
    fn check_commit(&self, row: &CommitRow) -> StoreResult<Packages> {
        // A leaf of an account that nobody has signed up.
        if !row.members.iter().all(|account| self.accounts.contains_key(account)) {
            return Err(ErrorCode::CommitRefused.into());
        }
        if row.unlisted.iter().any(|device| self.devices.contains(device)) {
            return Err(ErrorCode::CommitRefused.into());
        }
        constraint(all_differ(
            row.welcomes.iter().map(|welcome| (welcome.account, welcome.device)).filter(|to| self.devices.contains(to)),
        ))?;
        let mut packages = self.key_packages.clone();
        row.added.iter().try_for_each(|added| self.spend(&mut packages, added, row.account, row.at))?;
        Ok(packages)
    }

    /// What a member's upload that changes a room has to bear out before it is looked at: its device, its room and epoch. Answers what became of
    /// the same upload before.
    fn find_repeated(
        &self,
        (account, device): (AccountId, DeviceId),
        room: RoomId,
        epoch: Epoch,
        idempotency: IdempotencyId,
    ) -> StoreResult<Option<(Seq, Millis)>> {
        self.require_device(account, device)?;
        let current = self.room_for(account, room).map(|room| room.epoch).ok_or(ErrorCode::NotFound)?;
        if let Some(standing) = self.find_standing(room, device, idempotency) {
            return Ok(Some((standing.seq, standing.at)));
        }
        // Compare and swap: validation ran outside of the transaction, and one commit wins an epoch.
        if current == epoch { Ok(None) } else { Err(ServiceError::stale(current).into()) }
    }

    /// Everything that a commit changes: log, epoch, public state, members, Welcomes, the packages that it adds.
    fn move_on(&mut self, row: CommitRow, packages: Packages) -> StoreResult<(Seq, Millis)> {
        let epoch = row.epoch + 1;
        let room = self.rooms.get_mut(&row.room).ok_or(StoreError::Bug("row not found"))?;
        room.epoch = epoch;
        room.head += 1;
        let (head, tree) = (room.head, row.state.ratchet_tree.clone());
        room.state = row.state;
        self.push_entry(Entry {
            room: row.room,
            seq: head,
            kind: EntryKind::Commit,
            epoch: row.epoch,
            account: row.account,
            device: row.device,
            at: row.at,
            idempotency: row.idempotency,
            bytes: row.commit,
        });
        // Whoever is not in the room any more keeps the log up to here.
        for ((account, _), gone_at) in self.members.iter_mut().filter(|((_, of), _)| *of == row.room) {
            if !row.members.contains(account) {
                gone_at.get_or_insert(head);
                self.unwanted_rooms.remove(&(*account, row.room));
            }
        }
        for account in row.members {
            if self.members.insert((account, row.room), None) != Some(None) {
                self.asks_no_more(account, row.room);
                self.brought(account, row.room, row.account);
            }
        }
        self.unwanted_rooms.remove(&(row.account, row.room));
        self.put_welcomes(row.room, epoch, head, row.at, row.welcomes, tree);
        self.key_packages = packages;
        Ok((head, row.at))
    }
}
