//! Welcomes and the trees of their epochs.

use sotto_protocol::frames::Welcome;
use sotto_protocol::{AccountId, Bytes, DeviceId, Epoch, Millis, RoomId, Seq};
use sqlx::SqliteConnection;

use super::{Columns as _, SqliteStore, blob, int};
use crate::store::{StoreResult, WelcomeRow};

impl SqliteStore {
    /// Welcomes that wait for a device, oldest first: of one room where one is named, otherwise of all that its account hears of.
    pub(crate) async fn welcomes(&self, account: AccountId, device: DeviceId, room: Option<RoomId>) -> StoreResult<Vec<Welcome>> {
        let rows = sqlx::query(
            "SELECT welcomes.room, welcomes.epoch, seq, welcome, ratchet_tree FROM welcomes
             JOIN welcome_trees ON welcome_trees.room = welcomes.room AND welcome_trees.epoch = welcomes.epoch
             WHERE account = ?1 AND device = ?2 AND CASE WHEN ?3 IS NULL
                 THEN welcomes.room NOT IN (SELECT room FROM unwanted_rooms WHERE account = ?1) ELSE welcomes.room = ?3 END
             ORDER BY id",
        )
        .bind(blob(&account.0))
        .bind(blob(&device.0))
        .bind(room.as_ref().map(|room| blob(&room.0)))
        .fetch_all(&self.readers)
        .await?;
        let mut welcomes = Vec::with_capacity(rows.len());
        for row in &rows {
            let room = row.room("room")?;
            welcomes.push(Welcome {
                room,
                epoch: row.uint("epoch")?,
                seq: row.uint("seq")?,
                welcome: row.bytes("welcome")?,
                ratchet_tree: row.bytes("ratchet_tree")?,
                members: self.members(room).await?,
            });
        }
        Ok(welcomes)
    }

    /// Drops a device's Welcomes of a room up to an epoch.
    pub(crate) async fn welcome_done(&self, account: AccountId, device: DeviceId, room: RoomId, epoch: Epoch) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM welcomes WHERE account = ? AND device = ? AND room = ? AND epoch <= ?")
                    .bind(blob(&account.0))
                    .bind(blob(&device.0))
                    .bind(blob(&room.0))
                    .bind(int(epoch))
                    .execute(&mut *connection)
                    .await?;
                drop_unused_trees(connection).await
            })
        })
        .await
    }
}

/// Stores Welcomes with the tree of their epoch. One for a device that was replaced meanwhile would wait for nobody: left out.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    room: RoomId,
    epoch: Epoch,
    seq: Seq,
    now: Millis,
    welcomes: &[WelcomeRow],
    tree: &Bytes,
) -> StoreResult<()> {
    if welcomes.is_empty() {
        return Ok(());
    }
    sqlx::query("INSERT INTO welcome_trees (room, epoch, ratchet_tree) VALUES (?, ?, ?)")
        .bind(blob(&room.0))
        .bind(int(epoch))
        .bind(tree.as_slice())
        .execute(&mut *connection)
        .await?;
    for welcome in welcomes {
        sqlx::query(
            "INSERT INTO welcomes (account, device, room, epoch, seq, created_at, welcome)
             SELECT account, device, ?3, ?4, ?5, ?6, ?7 FROM devices WHERE account = ?1 AND device = ?2",
        )
        .bind(blob(&welcome.account.0))
        .bind(blob(&welcome.device.0))
        .bind(blob(&room.0))
        .bind(int(epoch))
        .bind(int(seq))
        .bind(int(now))
        .bind(welcome.welcome.as_slice())
        .execute(&mut *connection)
        .await?;
    }
    drop_unused_trees(connection).await
}

/// Deletes the trees that no Welcome needs any more. The table is small: it holds epochs that somebody is still invited into.
pub(super) async fn drop_unused_trees(connection: &mut SqliteConnection) -> StoreResult<()> {
    sqlx::query("DELETE FROM welcome_trees WHERE (room, epoch) NOT IN (SELECT room, epoch FROM welcomes)").execute(connection).await?;
    Ok(())
}
