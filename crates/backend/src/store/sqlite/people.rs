//! People search by name.

use sotto_protocol::api::Person;
use sqlx::sqlite::SqliteRow;

use super::{Columns as _, SqliteStore};
use crate::store::StoreResult;

impl SqliteStore {
    /// Accounts whose name begins with `part`, then those that contain it. `part` is of a name's characters only, so that it holds no
    /// wildcard; GLOB uses the index for the first query.
    pub(crate) async fn search_people(&self, part: &str, most: u32) -> StoreResult<Vec<Person>> {
        let begins = format!("{part}*");
        let rows = sqlx::query("SELECT account, name FROM accounts WHERE name GLOB ? AND deleted_at IS NULL ORDER BY name LIMIT ?")
            .bind(&begins)
            .bind(most)
            .fetch_all(&self.readers)
            .await?;
        let mut people = rows.iter().map(person).collect::<StoreResult<Vec<_>>>()?;
        let left = most.saturating_sub(u32::try_from(people.len()).unwrap_or(u32::MAX));
        if left > 0 {
            let rows = sqlx::query(
                "SELECT account, name FROM accounts WHERE name GLOB ? AND name NOT GLOB ? AND deleted_at IS NULL ORDER BY name LIMIT ?",
            )
            .bind(format!("?*{part}*"))
            .bind(&begins)
            .bind(left)
            .fetch_all(&self.readers)
            .await?;
            for row in &rows {
                people.push(person(row)?);
            }
        }
        Ok(people)
    }
}

fn person(row: &SqliteRow) -> StoreResult<Person> {
    Ok(Person { account: row.account("account")?, name: row.name("name")? })
}
