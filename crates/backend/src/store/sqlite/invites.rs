//! Invite links of groups, and who asks by them.

use sotto_protocol::api::Person;
use sotto_protocol::invites::Ask;
use sotto_protocol::{AccountId, Bytes, ErrorCode, InviteId, Millis, RoomId};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::{Columns as _, SqliteStore, blob, int};
use crate::store::{InviteRow, StoreResult};

/// Members of the group of a link.
const MEMBERS: &str =
    "SELECT account FROM members JOIN invites ON invites.room = members.room WHERE invite = ? AND gone_at IS NULL ORDER BY account";

impl SqliteStore {
    /// Keeps a link; refuses when more than `most` of its group would live.
    pub(crate) async fn put_invite(&self, row: InviteRow, now: Millis, most: usize) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO invites (invite, room, expires_at, uses) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
                    .bind(blob(&row.invite.0))
                    .bind(blob(&row.room.0))
                    .bind(int(row.expires_at))
                    .bind(row.uses)
                    .execute(&mut *connection)
                    .await?;
                let living = sqlx::query("SELECT count(*) AS count FROM invites WHERE room = ? AND expires_at > ? AND uses > 0")
                    .bind(blob(&row.room.0))
                    .bind(int(now))
                    .fetch_one(connection)
                    .await?;
                if living.uint("count")? > most as u64 { Err(ErrorCode::TooLarge.into()) } else { Ok(()) }
            })
        })
        .await
    }

    /// The group of a link.
    pub(crate) async fn find_invite(&self, invite: InviteId) -> StoreResult<Option<RoomId>> {
        let row = sqlx::query("SELECT room FROM invites WHERE invite = ?").bind(blob(&invite.0)).fetch_optional(&self.readers).await?;
        row.map(|row| row.room("room")).transpose()
    }

    /// Ends a link. Gives those who asked by it.
    pub(crate) async fn delete_invite(&self, invite: InviteId) -> StoreResult<Vec<AccountId>> {
        self.write(move |connection| {
            Box::pin(async move {
                let askers = sqlx::query("SELECT account FROM asks WHERE invite = ? ORDER BY account").bind(blob(&invite.0));
                let askers = accounts(askers.fetch_all(&mut *connection).await?)?;
                sqlx::query("DELETE FROM invites WHERE invite = ?").bind(blob(&invite.0)).execute(connection).await?;
                Ok(askers)
            })
        })
        .await
    }

    /// Asks to be let in by a link that lives and has a place that nobody else asks for. Gives the members of its group; nobody when the account is one.
    pub(crate) async fn ask_in(
        &self,
        account: AccountId,
        invite: InviteId,
        proof: Bytes,
        now: Millis,
        most: usize,
    ) -> StoreResult<Vec<AccountId>> {
        self.write(move |connection| {
            Box::pin(async move {
                let members = accounts(sqlx::query(MEMBERS).bind(blob(&invite.0)).fetch_all(&mut *connection).await?)?;
                if members.contains(&account) {
                    return Ok(Vec::new());
                }
                let living = sqlx::query(
                    "SELECT 1 FROM invites WHERE invite = ?1 AND expires_at > ?2
                     AND uses > (SELECT count(*) FROM asks WHERE invite = ?1 AND account != ?3)",
                )
                .bind(blob(&invite.0))
                .bind(int(now))
                .bind(blob(&account.0));
                if living.fetch_optional(&mut *connection).await?.is_none() {
                    return Err(ErrorCode::InviteEnded.into());
                }
                sqlx::query(
                    "INSERT INTO asks (account, invite, proof) VALUES (?, ?, ?) ON CONFLICT (account, invite) DO UPDATE SET proof = excluded.proof",
                )
                .bind(blob(&account.0))
                .bind(blob(&invite.0))
                .bind(proof.as_slice())
                .execute(&mut *connection)
                .await?;
                let own = sqlx::query("SELECT count(*) AS count FROM asks WHERE account = ?").bind(blob(&account.0)).fetch_one(connection);
                if own.await?.uint("count")? > most as u64 { Err(ErrorCode::TooLarge.into()) } else { Ok(members) }
            })
        })
        .await
    }

    /// Asks by a link no more.
    pub(crate) async fn withdraw_ask(&self, account: AccountId, invite: InviteId) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM asks WHERE account = ? AND invite = ?")
                    .bind(blob(&account.0))
                    .bind(blob(&invite.0))
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// By which links an account asks; the living links of rooms that it is in; who asks by these.
    pub(crate) async fn asks(&self, account: AccountId, now: Millis) -> StoreResult<(Vec<InviteId>, Vec<InviteRow>, Vec<Ask>)> {
        let own = sqlx::query("SELECT asks.invite FROM asks JOIN invites ON invites.invite = asks.invite WHERE account = ? AND expires_at > ? ORDER BY asks.invite")
            .bind(blob(&account.0))
            .bind(int(now))
            .fetch_all(&self.readers)
            .await?;
        let living = sqlx::query(
            "SELECT invite, invites.room, expires_at, uses FROM invites JOIN members ON members.room = invites.room
             WHERE members.account = ? AND gone_at IS NULL AND expires_at > ? AND uses > 0 ORDER BY invite",
        )
        .bind(blob(&account.0))
        .bind(int(now))
        .fetch_all(&self.readers)
        .await?;
        let open = sqlx::query(
            "SELECT asks.invite, invites.room, asks.account, name, proof FROM asks JOIN invites ON invites.invite = asks.invite
             JOIN accounts ON accounts.account = asks.account JOIN members ON members.room = invites.room
             WHERE members.account = ? AND gone_at IS NULL AND expires_at > ? AND uses > 0 ORDER BY asks.invite, asks.account",
        )
        .bind(blob(&account.0))
        .bind(int(now))
        .fetch_all(&self.readers)
        .await?;
        let ask = |row: &SqliteRow| {
            let person = Person { account: row.account("account")?, name: row.name("name")? };
            Ok(Ask { room: row.room("room")?, invite: row.invite("invite")?, person, proof: row.bytes("proof")? })
        };
        Ok((
            own.iter().map(|row| row.invite("invite")).collect::<StoreResult<_>>()?,
            living.iter().map(invite_row).collect::<StoreResult<_>>()?,
            open.iter().map(ask).collect::<StoreResult<_>>()?,
        ))
    }

    /// Deletes links that are over.
    pub(crate) async fn delete_invites(&self, now: Millis) -> StoreResult<u64> {
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM invites WHERE expires_at <= ? OR uses = 0").bind(int(now)).execute(connection).await?;
                Ok(done.rows_affected())
            })
        })
        .await
    }
}

/// An account has come into a room: it asks for that no more, and each link by which it did lets one fewer in.
pub(super) async fn came(connection: &mut SqliteConnection, account: AccountId, room: RoomId) -> StoreResult<()> {
    for statement in [
        "UPDATE invites SET uses = max(uses - 1, 0) WHERE room = ?2 AND invite IN (SELECT invite FROM asks WHERE account = ?1)",
        "DELETE FROM asks WHERE account = ?1 AND invite IN (SELECT invite FROM invites WHERE room = ?2)",
    ] {
        sqlx::query(statement).bind(blob(&account.0)).bind(blob(&room.0)).execute(&mut *connection).await?;
    }
    Ok(())
}

fn invite_row(row: &SqliteRow) -> StoreResult<InviteRow> {
    let uses = u32::try_from(row.uint("uses")?).map_err(|_| crate::store::StoreError::Bug("uses"))?;
    Ok(InviteRow { invite: row.invite("invite")?, room: row.room("room")?, expires_at: row.uint("expires_at")?, uses })
}

fn accounts(rows: Vec<SqliteRow>) -> StoreResult<Vec<AccountId>> {
    rows.iter().map(|row| row.account("account")).collect()
}
