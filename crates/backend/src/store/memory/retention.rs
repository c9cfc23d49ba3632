//! Deleting what is too old.

use sotto_protocol::Millis;

use super::MemoryStore;
use super::tables::RowId;
use crate::store::{ENTRIES_DELETED_AT_ONCE, StoreResult};

impl MemoryStore {
    pub(crate) fn delete_entries(&self, before: Millis) -> StoreResult<u64> {
        self.write(|tables| {
            let oldest = tables.log.iter().take(usize::from(ENTRIES_DELETED_AT_ONCE));
            let old: Vec<RowId> = oldest.take_while(|(_, entry)| entry.at < before).map(|(id, _)| *id).collect();
            for id in &old {
                tables.withheld_from.remove(id);
                let Some(entry) = tables.log.remove(id) else { continue };
                tables.log_seqs.remove(&(entry.room, entry.seq));
                tables.log_ids.remove(&(entry.room, entry.device, entry.idempotency));
                if let Some(room) = tables.rooms.get_mut(&entry.room) {
                    room.lost_upto = room.lost_upto.max(entry.seq);
                }
            }
            Ok(old.len() as u64)
        })
    }

    pub(crate) fn delete_welcomes(&self, before: Millis) -> StoreResult<u64> {
        self.write(|tables| {
            let count = tables.welcomes.len();
            tables.welcomes.retain(|_, row| row.created_at >= before);
            tables.drop_unused_trees();
            Ok((count - tables.welcomes.len()) as u64)
        })
    }

    pub(crate) fn delete_key_packages(&self, now: Millis) -> StoreResult<u64> {
        self.write(|tables| {
            tables.burn(None, now);
            let count = tables.key_packages.len();
            tables.key_packages.retain(|_, package| package.row.not_after >= now);
            Ok((count - tables.key_packages.len()) as u64)
        })
    }

    pub(crate) fn delete_sessions(&self, created_before: Millis, seen_before: Millis) -> StoreResult<u64> {
        self.write(|tables| {
            let count = tables.sessions.len();
            tables.sessions.retain(|_, row| row.created_at >= created_before && row.last_seen_at >= seen_before);
            Ok((count - tables.sessions.len()) as u64)
        })
    }
}
