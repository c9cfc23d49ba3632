//! The log of every room: appended in one order, read after a cursor.

use std::collections::HashMap;
use std::collections::hash_map::Entry as GateEntry;

use sotto_protocol::frames::{Cursor, Entry, EntryKind};
use sotto_protocol::{AccountId, DeviceId, Epoch, ErrorCode, IdempotencyId, Millis, RoomId, Seq, UserName};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, ValueRef as _};

use super::{Columns as _, SqliteStore, blob, int};
use crate::error::ServiceError;
use crate::store::{AppendRow, Appended, Standing, StoreError, StoreResult, kind_number};

/// Rows in one INSERT: eleven values each, far below SQLite's bound of parameters, and few enough statements to keep prepared.
const ROWS: usize = 16;

impl SqliteStore {
    /// Appends messages in order. Returns when all that were accepted are durable.
    pub(crate) async fn append(&self, rows: Vec<AppendRow>) -> StoreResult<Vec<Appended>> {
        self.writer.append(rows).await
    }

    /// Entries after a position, ascending; for an account that left up to where it did, none for one that never was in the room.
    pub(crate) async fn read_after(&self, account: AccountId, room: RoomId, after: Seq, most: u32) -> StoreResult<Vec<Entry>> {
        let rows = sqlx::query(
            "SELECT room, seq, kind, epoch, account, device, at, idempotency,
                 CASE WHEN withheld_from = ?3 THEN x'' ELSE bytes END AS bytes
             FROM log WHERE room = ?1 AND seq > ?2
             AND seq <= (SELECT coalesce(gone_at, 9223372036854775807) FROM members WHERE account = ?3 AND room = ?1)
             ORDER BY seq LIMIT ?4",
        )
        .bind(blob(&room.0))
        .bind(int(after))
        .bind(blob(&account.0))
        .bind(most)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(entry).collect()
    }

    /// One entry that an account may read, and the name of its sender.
    pub(crate) async fn find_entry(&self, account: AccountId, room: RoomId, seq: Seq) -> StoreResult<Option<(Entry, Option<UserName>)>> {
        let row = sqlx::query(
            "SELECT room, seq, kind, epoch, log.account, device, at, idempotency, name,
                 CASE WHEN withheld_from = ?3 THEN x'' ELSE bytes END AS bytes
             FROM log LEFT JOIN accounts ON accounts.account = log.account WHERE room = ?1 AND seq = ?2
             AND seq <= (SELECT coalesce(gone_at, 9223372036854775807) FROM members WHERE account = ?3 AND room = ?1)",
        )
        .bind(blob(&room.0))
        .bind(int(seq))
        .bind(blob(&account.0))
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| Ok((entry(&row)?, row.name("name").ok()))).transpose()
    }

    /// Newest position of every room of an account.
    pub(crate) async fn heads(&self, account: AccountId) -> StoreResult<Vec<Cursor>> {
        let rows = sqlx::query(
            "SELECT rooms.room, head FROM members JOIN rooms ON rooms.room = members.room WHERE members.account = ?1 AND gone_at IS NULL
             AND rooms.room NOT IN (SELECT room FROM unwanted_rooms WHERE account = ?1)",
        )
        .bind(blob(&account.0))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok(Cursor { room: row.room("room")?, seq: row.uint("head")? })).collect()
    }

    /// Newest position that retention took; `None` when the account never was in the room.
    pub(crate) async fn lost_upto(&self, account: AccountId, room: RoomId) -> StoreResult<Option<Seq>> {
        let row = sqlx::query(
            "SELECT lost_upto FROM rooms JOIN members ON members.room = rooms.room WHERE members.account = ? AND members.room = ?",
        )
        .bind(blob(&account.0))
        .bind(blob(&room.0))
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| row.uint("lost_upto")).transpose()
    }
}

/// What the messages of one sender into one room need to know of it.
struct Gate {
    refused: Option<ErrorCode>,
    epoch: Epoch,
    /// The other one of the pair, who has blocked the sender.
    withheld_from: Option<AccountId>,
}

/// A message with its position, and whom it is not for.
type Accepted<'a> = (Seq, Option<AccountId>, &'a AppendRow);

/// Checks and appends, all within the writer's transaction. A refusal is a value; an error is the database's.
pub(super) async fn append_all(connection: &mut SqliteConnection, rows: &[AppendRow]) -> StoreResult<Vec<Appended>> {
    let mut gates: HashMap<(RoomId, AccountId, DeviceId), Gate> = HashMap::new();
    let mut heads: HashMap<RoomId, Seq> = HashMap::new();
    let mut fresh: HashMap<(RoomId, DeviceId, IdempotencyId), (Seq, Millis)> = HashMap::new();
    let mut accepted: Vec<Accepted> = Vec::new();
    let mut answers = Vec::with_capacity(rows.len());
    for row in rows {
        let key = (row.room, row.account, row.device);
        let gate = match gates.entry(key) {
            GateEntry::Occupied(known) => known.into_mut(),
            GateEntry::Vacant(new) => new.insert(gate(connection, row, &mut heads).await?),
        };
        // Membership, size, then duplicate id, then epoch: a repeated publish gets its first answer even when the room went on.
        if let Some(code) = gate.refused.or((row.form == Err(ErrorCode::TooLarge)).then_some(ErrorCode::TooLarge)) {
            answers.push(Err(code.into()));
            continue;
        }
        let id = (row.room, row.device, row.idempotency);
        if let Some(first) = fresh.get(&id) {
            answers.push(Ok(*first));
            continue;
        }
        if let Some(first) = find_standing(connection, row.room, row.device, row.idempotency).await? {
            answers.push(Ok((first.seq, first.at)));
            continue;
        }
        if row.epoch != gate.epoch {
            answers.push(Err(ServiceError::stale(gate.epoch)));
            continue;
        }
        if let Err(code) = row.form {
            answers.push(Err(code.into()));
            continue;
        }
        let head = heads.entry(row.room).or_insert(0);
        *head += 1;
        fresh.insert(id, (*head, row.at));
        accepted.push((*head, gate.withheld_from, row));
        answers.push(Ok((*head, row.at)));
    }
    insert(connection, &accepted).await?;
    put_heads(connection, &accepted).await?;
    Ok(answers)
}

async fn gate(connection: &mut SqliteConnection, row: &AppendRow, heads: &mut HashMap<RoomId, Seq>) -> StoreResult<Gate> {
    let found = sqlx::query(
        "SELECT epoch, head, EXISTS (SELECT 1 FROM devices WHERE account = ?2 AND device = ?3) AS current,
             (SELECT blocks.account FROM pairs JOIN blocks ON blocks.account IN (low, high) AND blocked = ?2
              WHERE pairs.room = ?1 ORDER BY blocks.account LIMIT 1) AS withheld_from
         FROM rooms JOIN members ON members.room = rooms.room
         WHERE members.account = ?2 AND members.room = ?1 AND gone_at IS NULL",
    )
    .bind(blob(&row.room.0))
    .bind(blob(&row.account.0))
    .bind(blob(&row.device.0))
    .fetch_optional(connection)
    .await?;
    let Some(found) = found else {
        return Ok(Gate { refused: Some(ErrorCode::NotFound), epoch: 0, withheld_from: None });
    };
    let current = found.uint("current")? == 1;
    heads.entry(row.room).or_insert(found.uint("head")?);
    let withheld_from = if found.try_get_raw("withheld_from")?.is_null() { None } else { Some(found.account("withheld_from")?) };
    Ok(Gate { refused: (!current).then_some(ErrorCode::DeviceUnknown), epoch: found.uint("epoch")?, withheld_from })
}

async fn insert(connection: &mut SqliteConnection, accepted: &[Accepted<'_>]) -> StoreResult<()> {
    for chunk in accepted.chunks(ROWS) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO log (room, seq, kind, epoch, account, device, at, idempotency, bytes, withheld_from) ",
        );
        query.push_values(chunk, |mut values, (seq, withheld_from, row)| {
            values
                .push_bind(blob(&row.room.0))
                .push_bind(int(*seq))
                .push_bind(kind_number(EntryKind::Message))
                .push_bind(int(row.epoch))
                .push_bind(blob(&row.account.0))
                .push_bind(blob(&row.device.0))
                .push_bind(int(row.at))
                .push_bind(blob(&row.idempotency.0))
                .push_bind(row.bytes.as_slice())
                .push_bind(withheld_from.as_ref().map(|account| blob(&account.0)));
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn put_heads(connection: &mut SqliteConnection, accepted: &[Accepted<'_>]) -> StoreResult<()> {
    // Ascending within a room, so that the last one wins.
    let newest: HashMap<RoomId, Seq> = accepted.iter().map(|(seq, _, row)| (row.room, *seq)).collect();
    for (room, head) in newest {
        sqlx::query("UPDATE rooms SET head = ? WHERE room = ?").bind(int(head)).bind(blob(&room.0)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Where a device's entry of an idempotency id stands in a room.
pub(super) async fn find_standing(
    connection: &mut SqliteConnection,
    room: RoomId,
    device: DeviceId,
    idempotency: IdempotencyId,
) -> StoreResult<Option<Standing>> {
    let row = sqlx::query("SELECT seq, epoch, at FROM log WHERE idempotency = ? AND room = ? AND device = ?")
        .bind(blob(&idempotency.0))
        .bind(blob(&room.0))
        .bind(blob(&device.0))
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(Standing { seq: row.uint("seq")?, epoch: row.uint("epoch")?, at: row.uint("at")? })).transpose()
}

fn entry(row: &SqliteRow) -> StoreResult<Entry> {
    let kind = match row.uint("kind")? {
        0 => EntryKind::Commit,
        1 => EntryKind::Message,
        2 => EntryKind::Proposal,
        3 => EntryKind::Deleted,
        _ => return Err(StoreError::Bug("a kind of entry that is none")),
    };
    Ok(Entry {
        room: row.room("room")?,
        seq: row.uint("seq")?,
        kind,
        epoch: row.uint("epoch")?,
        account: row.account("account")?,
        device: row.device("device")?,
        at: row.uint("at")?,
        idempotency: row.idempotency("idempotency")?,
        bytes: row.bytes("bytes")?,
    })
}
