//! Rooms: made with their first commit, moved on by commits, listed by member.

use sotto_protocol::api::{Person, RoomInfo};
use sotto_protocol::frames::{Entry, EntryKind};
use sotto_protocol::{AccountId, DeviceId, Epoch, ErrorCode, IdempotencyId, Millis, RoomId, Seq};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection, ValueRef as _};

use super::{Columns as _, SqliteStore, blob, blocking, int, invites, keys, log, welcomes};
use crate::error::ServiceError;
use crate::store::{CommitRow, DeletionRow, Pair, ProposalRow, RoomForCommit, RoomStateRow, Standing, StoreResult, kind_number};

impl SqliteStore {
    /// The live room of a pair.
    pub(crate) async fn find_pair_room(&self, pair: Pair) -> StoreResult<Option<RoomId>> {
        let mut reader = self.readers.acquire().await?;
        find_pair(&mut reader, pair).await
    }

    /// The accounts in a room.
    pub(crate) async fn members(&self, room: RoomId) -> StoreResult<Vec<Person>> {
        let rows = sqlx::query(
            "SELECT accounts.account, name FROM members JOIN accounts ON accounts.account = members.account
             WHERE room = ? AND gone_at IS NULL ORDER BY name",
        )
        .bind(blob(&room.0))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok(Person { account: row.account("account")?, name: row.name("name")? })).collect()
    }

    /// All rooms of an account.
    pub(crate) async fn rooms_of(&self, account: AccountId) -> StoreResult<Vec<RoomInfo>> {
        // One query for all, ordered by room: never one for each.
        let rows = sqlx::query(
            "SELECT rooms.room, epoch, head, accounts.account, name FROM members AS own
             JOIN rooms ON rooms.room = own.room JOIN members AS every ON every.room = own.room
             JOIN accounts ON accounts.account = every.account
             WHERE own.account = ?1 AND own.gone_at IS NULL AND every.gone_at IS NULL
             AND own.room NOT IN (SELECT room FROM unwanted_rooms WHERE account = ?1) ORDER BY rooms.room, name",
        )
        .bind(blob(&account.0))
        .fetch_all(&self.readers)
        .await?;
        let mut rooms: Vec<RoomInfo> = Vec::new();
        for row in &rows {
            let room = row.room("room")?;
            let person = Person { account: row.account("account")?, name: row.name("name")? };
            match rooms.last_mut() {
                Some(last) if last.room == room => last.members.push(person),
                _ => rooms.push(RoomInfo { room, members: vec![person], epoch: row.uint("epoch")?, head: row.uint("head")? }),
            }
        }
        Ok(rooms)
    }

    /// A room's state for one of its members; `None` for everybody else.
    pub(crate) async fn room_state(&self, account: AccountId, room: RoomId) -> StoreResult<Option<(RoomInfo, RoomStateRow)>> {
        let row = sqlx::query(
            "SELECT epoch, head, public_group, group_info, ratchet_tree FROM rooms
             JOIN room_states ON room_states.room = rooms.room JOIN members ON members.room = rooms.room
             WHERE members.account = ? AND members.room = ? AND gone_at IS NULL",
        )
        .bind(blob(&account.0))
        .bind(blob(&room.0))
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let info = RoomInfo { room, members: self.members(room).await?, epoch: row.uint("epoch")?, head: row.uint("head")? };
        let state = RoomStateRow {
            public_group: row.bytes("public_group")?,
            group_info: row.bytes("group_info")?,
            ratchet_tree: row.bytes("ratchet_tree")?,
        };
        Ok(Some((info, state)))
    }

    /// What a member's commit is validated against.
    pub(crate) async fn room_for_commit(&self, account: AccountId, room: RoomId) -> StoreResult<Option<RoomForCommit>> {
        let row = sqlx::query(
            "SELECT epoch, low, high, public_group FROM rooms
             JOIN room_states ON room_states.room = rooms.room JOIN members ON members.room = rooms.room
             LEFT JOIN pairs ON pairs.room = rooms.room WHERE members.account = ? AND members.room = ? AND gone_at IS NULL",
        )
        .bind(blob(&account.0))
        .bind(blob(&room.0))
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| Ok(RoomForCommit { epoch: row.uint("epoch")?, pair: pair_of(&row)?, public_group: row.bytes("public_group")? }))
            .transpose()
    }

    /// Where a device's commit of an idempotency id stands, if it does.
    pub(crate) async fn find_commit(&self, room: RoomId, device: DeviceId, id: IdempotencyId) -> StoreResult<Option<Standing>> {
        let mut reader = self.readers.acquire().await?;
        log::find_standing(&mut reader, room, device, id).await
    }

    /// Makes the room of a pair, or a group, together with its first commit.
    pub(crate) async fn create_room(&self, pair: Option<Pair>, suite: u16, first: CommitRow) -> StoreResult<(Seq, Millis)> {
        self.write(move |connection| {
            Box::pin(async move {
                keys::require_device(connection, first.account, first.device).await?;
                if let Some(standing) = log::find_standing(connection, first.room, first.device, first.idempotency).await? {
                    return Ok((standing.seq, standing.at));
                }
                if let Some(pair) = pair
                    && let Some(room) = find_pair(connection, pair).await?
                {
                    return Err(ServiceError::room_exists(room).into());
                }
                let taken =
                    sqlx::query("SELECT 1 FROM rooms WHERE room = ?").bind(blob(&first.room.0)).fetch_optional(&mut *connection).await?;
                if taken.is_some() {
                    return Err(ErrorCode::CommitRefused.into());
                }
                sqlx::query("INSERT INTO rooms (room, suite, epoch, head, lost_upto, created_at) VALUES (?, ?, ?, 0, 0, ?)")
                    .bind(blob(&first.room.0))
                    .bind(suite)
                    .bind(int(first.epoch))
                    .bind(int(first.at))
                    .execute(&mut *connection)
                    .await?;
                if let Some(pair) = pair {
                    sqlx::query("INSERT INTO pairs (low, high, room) VALUES (?, ?, ?)")
                        .bind(blob(&pair.low.0))
                        .bind(blob(&pair.high.0))
                        .bind(blob(&first.room.0))
                        .execute(&mut *connection)
                        .await?;
                }
                move_on(connection, &first).await
            })
        })
        .await
    }

    /// Appends a validated commit if the room is still in the epoch that it was validated against.
    pub(crate) async fn commit(&self, row: CommitRow) -> StoreResult<(Seq, Millis)> {
        self.write(move |connection| {
            Box::pin(async move {
                match find_repeated(connection, (row.account, row.device), row.room, row.epoch, row.idempotency).await? {
                    Some(known) => Ok(known),
                    None => move_on(connection, &row).await,
                }
            })
        })
        .await
    }

    /// Appends a validated SelfRemove if the room is still in the state that it was validated against.
    pub(crate) async fn propose(&self, row: ProposalRow) -> StoreResult<(Seq, Millis)> {
        self.write(move |connection| {
            Box::pin(async move {
                if let Some(known) = find_repeated(connection, (row.account, row.device), row.room, row.epoch, row.idempotency).await? {
                    return Ok(known);
                }
                let kept = sqlx::query("UPDATE room_states SET public_group = ? WHERE room = ? AND public_group = ?")
                    .bind(row.after.as_slice())
                    .bind(blob(&row.room.0))
                    .bind(row.before.as_slice())
                    .execute(&mut *connection)
                    .await?;
                // Another proposal of the epoch came in between: it may not be lost.
                if kept.rows_affected() == 0 {
                    return Err(ErrorCode::Unavailable.into());
                }
                let head = sqlx::query("UPDATE rooms SET head = head + 1 WHERE room = ? RETURNING head")
                    .bind(blob(&row.room.0))
                    .fetch_one(&mut *connection)
                    .await?
                    .uint("head")?;
                let (account, room, at, alone) = (row.account, row.room, row.at, row.alone);
                insert_entry(connection, &row.entry(head)).await?;
                if alone {
                    gone(connection, account, room, head).await?;
                }
                Ok((head, at))
            })
        })
        .await
    }
}

/// Tells a room of the end of an account.
pub(super) async fn append_deleted(connection: &mut SqliteConnection, row: &DeletionRow, room: RoomId) -> StoreResult<()> {
    let found = sqlx::query("UPDATE rooms SET head = head + 1 WHERE room = ? RETURNING head, epoch").bind(blob(&room.0));
    let found = found.fetch_one(&mut *connection).await?;
    insert_entry(connection, &row.entry(room, found.uint("epoch")?, found.uint("head")?)).await
}

/// The epoch of a room, for a member of it.
async fn member_epoch(connection: &mut SqliteConnection, account: AccountId, room: RoomId) -> StoreResult<Epoch> {
    let row = sqlx::query(
        "SELECT epoch FROM rooms JOIN members ON members.room = rooms.room
         WHERE members.account = ? AND members.room = ? AND gone_at IS NULL",
    )
    .bind(blob(&account.0))
    .bind(blob(&room.0))
    .fetch_optional(connection)
    .await?;
    row.ok_or(ErrorCode::NotFound)?.uint("epoch")
}

/// What is no message, in the log.
async fn insert_entry(connection: &mut SqliteConnection, entry: &Entry) -> StoreResult<()> {
    sqlx::query("INSERT INTO log (room, seq, kind, epoch, account, device, at, idempotency, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(blob(&entry.room.0))
        .bind(int(entry.seq))
        .bind(kind_number(entry.kind))
        .bind(int(entry.epoch))
        .bind(blob(&entry.account.0))
        .bind(blob(&entry.device.0))
        .bind(int(entry.at))
        .bind(blob(&entry.idempotency.0))
        .bind(entry.bytes.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// An account is not in a room any more, and keeps the log up to `head`.
async fn gone(connection: &mut SqliteConnection, account: AccountId, room: RoomId, head: Seq) -> StoreResult<()> {
    sqlx::query("UPDATE members SET gone_at = ? WHERE account = ? AND room = ?")
        .bind(int(head))
        .bind(blob(&account.0))
        .bind(blob(&room.0))
        .execute(&mut *connection)
        .await?;
    blocking::wanted(connection, account, room).await
}

/// What a member's upload that changes a room has to bear out before it is looked at: its device, its room and epoch. Answers what became of the
/// same upload before.
async fn find_repeated(
    connection: &mut SqliteConnection,
    (account, device): (AccountId, DeviceId),
    room: RoomId,
    epoch: Epoch,
    idempotency: IdempotencyId,
) -> StoreResult<Option<(Seq, Millis)>> {
    keys::require_device(connection, account, device).await?;
    let current = member_epoch(connection, account, room).await?;
    if let Some(standing) = log::find_standing(connection, room, device, idempotency).await? {
        return Ok(Some((standing.seq, standing.at)));
    }
    // Compare and swap: validation ran outside of the writer, and one commit wins an epoch.
    if current == epoch { Ok(None) } else { Err(ServiceError::stale(current).into()) }
}

/// Everything that a commit changes: log, epoch, public state, members, Welcomes, the packages that it adds.
async fn move_on(connection: &mut SqliteConnection, row: &CommitRow) -> StoreResult<(Seq, Millis)> {
    for (account, device) in &row.unlisted {
        // Asked in the transaction: a list that comes at the same time is before it or after it.
        if keys::is_listed(connection, *account, *device).await? {
            return Err(ErrorCode::CommitRefused.into());
        }
    }
    let epoch = row.epoch + 1;
    let head = sqlx::query("UPDATE rooms SET epoch = ?, head = head + 1 WHERE room = ? RETURNING head")
        .bind(int(epoch))
        .bind(blob(&row.room.0))
        .fetch_one(&mut *connection)
        .await?
        .uint("head")?;
    let entry = Entry {
        room: row.room,
        seq: head,
        kind: EntryKind::Commit,
        epoch: row.epoch,
        account: row.account,
        device: row.device,
        at: row.at,
        idempotency: row.idempotency,
        bytes: row.commit.clone(),
    };
    insert_entry(connection, &entry).await?;
    sqlx::query("INSERT OR REPLACE INTO room_states (room, public_group, group_info, ratchet_tree) VALUES (?, ?, ?, ?)")
        .bind(blob(&row.room.0))
        .bind(row.state.public_group.as_slice())
        .bind(row.state.group_info.as_slice())
        .bind(row.state.ratchet_tree.as_slice())
        .execute(&mut *connection)
        .await?;
    put_members(connection, row.room, head, row.account, &row.members).await?;
    welcomes::insert(connection, row.room, epoch, head, row.at, &row.welcomes, &row.state.ratchet_tree).await?;
    for added in &row.added {
        keys::spend(connection, added, row.account, row.at).await?;
    }
    Ok((head, row.at))
}

/// Who is in the room after somebody's commit at `head`. Whoever is not any more keeps the log up to there.
async fn put_members(
    connection: &mut SqliteConnection,
    room: RoomId,
    head: Seq,
    committer: AccountId,
    members: &[AccountId],
) -> StoreResult<()> {
    let before = sqlx::query("SELECT account FROM members WHERE room = ? AND gone_at IS NULL").bind(blob(&room.0));
    let before = before.fetch_all(&mut *connection).await?.iter().map(|row| row.account("account")).collect::<StoreResult<Vec<_>>>()?;
    for account in &before {
        if !members.contains(account) {
            gone(connection, *account, room, head).await?;
        }
    }
    for account in members {
        let known = sqlx::query(
            "INSERT INTO members (account, room) SELECT account, ?2 FROM accounts WHERE account = ?1
             ON CONFLICT (account, room) DO UPDATE SET gone_at = NULL",
        )
        .bind(blob(&account.0))
        .bind(blob(&room.0))
        .execute(&mut *connection)
        .await?;
        // A leaf of an account that nobody has signed up.
        if known.rows_affected() == 0 {
            return Err(ErrorCode::CommitRefused.into());
        }
        if !before.contains(account) {
            invites::came(connection, *account, room).await?;
            blocking::brought(connection, *account, room, committer).await?;
        }
    }
    blocking::wanted(connection, committer, room).await
}

fn pair_of(row: &SqliteRow) -> StoreResult<Option<Pair>> {
    if row.try_get_raw("low")?.is_null() {
        return Ok(None);
    }
    Ok(Some(Pair { low: row.account("low")?, high: row.account("high")? }))
}

async fn find_pair(connection: &mut SqliteConnection, pair: Pair) -> StoreResult<Option<RoomId>> {
    let row = sqlx::query("SELECT room FROM pairs WHERE low = ? AND high = ?")
        .bind(blob(&pair.low.0))
        .bind(blob(&pair.high.0))
        .fetch_optional(connection)
        .await?;
    row.map(|row| row.room("room")).transpose()
}
