//! What is in a database file, as lines.
#![allow(unreachable_pub, clippy::unwrap_used)]

use std::path::Path;

/// Every row of every table of the database in a data folder.
pub async fn dump_of(data: &Path) -> Vec<String> {
    use sqlx::{Column as _, Row as _, ValueRef as _};
    let path = data.join("sotto.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}?mode=ro", path.display())).await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetch_all(&pool).await.unwrap();
    let mut lines = Vec::new();
    for table in tables {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"))).fetch_all(&pool).await.unwrap();
        for row in rows {
            let mut line = table.clone();
            for column in row.columns() {
                let raw = row.try_get_raw(column.ordinal()).unwrap();
                let value = if raw.is_null() {
                    "null".to_owned()
                } else if let Ok(bytes) = row.try_get::<Vec<u8>, _>(column.ordinal()) {
                    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
                } else {
                    row.try_get::<i64, _>(column.ordinal()).map_or_else(|_| "?".to_owned(), |number| number.to_string())
                };
                line.push_str(&format!(" {}={value}", column.name()));
            }
            lines.push(line);
        }
    }
    pool.close().await;
    lines
}
