//! People search by name.

use sotto_protocol::api::Person;

use super::MemoryStore;
use crate::store::{AccountRow, StoreResult};

impl MemoryStore {
    pub(crate) fn search_people(&self, part: &str, most: u32) -> StoreResult<Vec<Person>> {
        self.read(|tables| {
            let mut found: Vec<&AccountRow> = tables.living().filter(|row| row.name.as_str().contains(part)).collect();
            // Those that begin with it first.
            found.sort_by_key(|row| (!row.name.as_str().starts_with(part), row.name.as_str()));
            found.into_iter().take(most as usize).map(|row| Person { account: row.account, name: row.name.clone() }).collect()
        })
    }
}
