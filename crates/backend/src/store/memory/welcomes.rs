//! Welcomes and the trees of their epochs.

use std::collections::BTreeSet;

use sotto_protocol::frames::Welcome;
use sotto_protocol::{AccountId, Bytes, DeviceId, Epoch, Millis, RoomId, Seq};

use super::MemoryStore;
use super::tables::{StoredWelcome, Tables, push};
use crate::store::{StoreResult, WelcomeRow};

impl MemoryStore {
    pub(crate) fn welcomes(&self, account: AccountId, device: DeviceId, room: Option<RoomId>) -> StoreResult<Vec<Welcome>> {
        self.read(|tables| {
            let own = tables.welcomes.values().filter(|row| row.account == account && row.device == device);
            let asked = own.filter(|row| match room {
                Some(room) => row.room == room,
                None => !tables.unwanted_rooms.contains_key(&(account, row.room)),
            });
            let whole = asked.filter_map(|row| {
                Some(Welcome {
                    room: row.room,
                    epoch: row.epoch,
                    seq: row.seq,
                    welcome: row.welcome.clone(),
                    ratchet_tree: tables.welcome_trees.get(&(row.room, row.epoch))?.clone(),
                    members: tables.people_in(row.room),
                })
            });
            whole.collect()
        })
    }

    pub(crate) fn welcome_done(&self, account: AccountId, device: DeviceId, room: RoomId, epoch: Epoch) -> StoreResult<()> {
        self.write(|tables| {
            let done = |row: &StoredWelcome| row.account == account && row.device == device && row.room == room && row.epoch <= epoch;
            tables.welcomes.retain(|_, row| !done(row));
            tables.drop_unused_trees();
            Ok(())
        })
    }
}

impl Tables {
    /// Stores Welcomes with the tree of their epoch. One for a device that was replaced meanwhile would wait for nobody: left out.
    pub(super) fn put_welcomes(&mut self, room: RoomId, epoch: Epoch, seq: Seq, now: Millis, welcomes: Vec<WelcomeRow>, tree: Bytes) {
        for WelcomeRow { account, device, welcome } in welcomes {
            if self.devices.contains(&(account, device)) {
                push(&mut self.welcomes, StoredWelcome { account, device, room, epoch, seq, created_at: now, welcome });
                self.welcome_trees.entry((room, epoch)).or_insert_with(|| tree.clone());
            }
        }
        self.drop_unused_trees();
    }

    /// Deletes the trees that no Welcome needs any more.
    pub(super) fn drop_unused_trees(&mut self) {
        let needed: BTreeSet<(RoomId, Epoch)> = self.welcomes.values().map(|row| (row.room, row.epoch)).collect();
        self.welcome_trees.retain(|epoch, _| needed.contains(epoch));
    }
}
