//! The tables: as those of the migrations, each in the order of its key.

use std::collections::{BTreeMap, BTreeSet};

use sotto_protocol::frames::Entry;
use sotto_protocol::{AccountId, Bytes, DeviceId, Epoch, IdempotencyId, InviteId, Millis, RoomId, Seq, SessionId, ShelfId};

use crate::store::{AccountRow, EpochRow, InviteRow, KeyPackageRow, Pair, RoomStateRow, StoreError, StoreResult};

/// A row's number, given in the order of inserting.
pub(super) type RowId = u64;

#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) accounts: BTreeMap<AccountId, AccountRow>,
    /// The devices of the newest lists.
    pub(super) devices: BTreeSet<(AccountId, DeviceId)>,
    pub(super) sessions: BTreeMap<RowId, Session>,
    pub(super) key_packages: BTreeMap<RowId, KeyPackage>,
    pub(super) rooms: BTreeMap<RoomId, Room>,
    /// With the position at which it left, for who did.
    pub(super) members: BTreeMap<(AccountId, RoomId), Option<Seq>>,
    /// In the order of appending.
    pub(super) log: BTreeMap<RowId, Entry>,
    pub(super) log_seqs: BTreeMap<(RoomId, Seq), RowId>,
    pub(super) log_ids: BTreeMap<(RoomId, DeviceId, IdempotencyId), RowId>,
    pub(super) welcomes: BTreeMap<RowId, StoredWelcome>,
    pub(super) welcome_trees: BTreeMap<(RoomId, Epoch), Bytes>,
    /// Entries of the log that are not for an account.
    pub(super) withheld_from: BTreeMap<RowId, AccountId>,
    /// Who has blocked whom.
    pub(super) blocks: BTreeSet<(AccountId, AccountId)>,
    /// With who brought the account into the room.
    pub(super) unwanted_rooms: BTreeMap<(AccountId, RoomId), AccountId>,
    pub(super) invites: BTreeMap<InviteId, InviteRow>,
    /// With the proof.
    pub(super) asks: BTreeMap<(AccountId, InviteId), Bytes>,
    /// Records of the directory's tree.
    pub(super) directory: BTreeMap<Bytes, Bytes>,
    pub(super) epochs: BTreeMap<u64, EpochRow>,
    /// Accounts whose newest list is in the directory.
    pub(super) published: BTreeSet<AccountId>,
    /// With the version of each page.
    pub(super) archive: BTreeMap<(AccountId, ShelfId, u64), (u64, Bytes)>,
}

#[derive(Clone)]
pub(super) struct Session {
    pub(super) session: SessionId,
    pub(super) token_hash: [u8; 32],
    pub(super) account: AccountId,
    pub(super) device: Option<DeviceId>,
    pub(super) label: String,
    pub(super) created_at: Millis,
    pub(super) last_seen_at: Millis,
}

#[derive(Clone)]
pub(super) struct KeyPackage {
    pub(super) account: AccountId,
    pub(super) device: DeviceId,
    pub(super) used: bool,
    pub(super) row: KeyPackageRow,
    pub(super) claimed_by: Option<AccountId>,
    pub(super) claimed_at: Option<Millis>,
}

#[derive(Clone)]
pub(super) struct Room {
    pub(super) suite: u16,
    pub(super) epoch: Epoch,
    pub(super) head: Seq,
    pub(super) lost_upto: Seq,
    pub(super) created_at: Millis,
    pub(super) pair: Option<Pair>,
    pub(super) state: RoomStateRow,
}

#[derive(Clone)]
pub(super) struct StoredWelcome {
    pub(super) account: AccountId,
    pub(super) device: DeviceId,
    pub(super) room: RoomId,
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
    pub(super) created_at: Millis,
    pub(super) welcome: Bytes,
}

/// Inserts a row under the next number.
pub(super) fn push<T>(table: &mut BTreeMap<RowId, T>, row: T) -> RowId {
    let number = table.last_key_value().map_or(0, |(newest, _)| *newest) + 1;
    table.insert(number, row);
    number
}

/// What a UNIQUE, a PRIMARY KEY or a REFERENCES of the migrations asks for.
pub(super) fn constraint(holds: bool) -> StoreResult<()> {
    if holds { Ok(()) } else { Err(StoreError::Bug("constraint")) }
}

/// Whether nothing comes twice.
pub(super) fn all_differ<T: Ord>(values: impl IntoIterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    values.into_iter().all(|value| seen.insert(value))
}
