//! Accounts: sign-up, password and recovery halves, device lists.

use sotto_protocol::accounts::{KdfParams, VaultSlot};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, SessionId, UserName};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection, ValueRef as _};

use super::{Columns as _, SqliteStore, blob, int, sessions};
use crate::store::{AccountRow, NewSessionRow, NextList, PasswordRow, RecoveryRow, StoreError, StoreResult};

impl SqliteStore {
    /// The account of a name, unless it was deleted.
    pub(crate) async fn find_account(&self, name: &UserName) -> StoreResult<Option<AccountRow>> {
        let row = sqlx::query("SELECT * FROM accounts WHERE name = ? AND deleted_at IS NULL")
            .bind(name.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(account).transpose()
    }

    /// The account of an id, unless it was deleted.
    pub(crate) async fn find_account_by_id(&self, id: AccountId) -> StoreResult<Option<AccountRow>> {
        let row = sqlx::query("SELECT * FROM accounts WHERE account = ? AND deleted_at IS NULL")
            .bind(blob(&id.0))
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(account).transpose()
    }

    /// Newest device list of an account, also of one that was deleted.
    pub(crate) async fn device_list(&self, account: AccountId) -> StoreResult<Option<Bytes>> {
        let row = sqlx::query("SELECT device_list FROM accounts WHERE account = ?");
        let row = row.bind(blob(&account.0)).fetch_optional(&self.readers).await?;
        row.map(|row| row.bytes("device_list")).transpose()
    }

    /// Makes an account with its first device and session.
    pub(crate) async fn create_account(&self, new: AccountRow, device: DeviceId, session: NewSessionRow) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                let taken = sqlx::query("SELECT 1 FROM accounts WHERE name = ? OR account = ?")
                    .bind(new.name.as_str())
                    .bind(blob(&new.account.0))
                    .fetch_optional(&mut *connection)
                    .await?;
                if taken.is_some() {
                    return Err(ErrorCode::NameTaken.into());
                }
                insert(connection, &new).await?;
                put_devices(connection, new.account, &[device]).await?;
                sessions::insert(connection, &session).await
            })
        })
        .await
    }

    /// Puts a hash in the place of the one that was just verified.
    pub(crate) async fn renew_password_hash(&self, account: AccountId, before: String, hash: String) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                // Compared, because the password may have been changed meanwhile.
                sqlx::query("UPDATE accounts SET password_hash = ? WHERE account = ? AND password_hash = ?")
                    .bind(hash)
                    .bind(blob(&account.0))
                    .bind(before)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// New password half and device list; this session gets a new token, all others end. Gives the ended ones.
    pub(crate) async fn change_password(
        &self,
        account: AccountId,
        verified: String,
        password: PasswordRow,
        next: NextList,
        session: SessionId,
        token_hash: [u8; 32],
    ) -> StoreResult<Vec<SessionId>> {
        self.write(move |connection| {
            Box::pin(async move {
                put_password(connection, account, &verified, &password).await?;
                put_list(connection, account, &next).await?;
                sessions::rotate(connection, session, token_hash).await?;
                sessions::end_others(connection, account, session).await
            })
        })
        .await
    }

    /// New recovery half; this session gets a new token.
    pub(crate) async fn change_recovery(
        &self,
        account: AccountId,
        verified: String,
        recovery: RecoveryRow,
        session: SessionId,
        token_hash: [u8; 32],
    ) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query(
                    "UPDATE accounts SET recovery_hash = ?, recovery_slot = ?, recovery_version = ? WHERE account = ? AND password_hash = ?",
                )
                .bind(recovery.hash)
                .bind(recovery.slot.sealed.0)
                .bind(int(recovery.slot.version))
                .bind(blob(&account.0))
                .bind(verified)
                .execute(&mut *connection)
                .await?;
                changed_one(done.rows_affected())?;
                sessions::rotate(connection, session, token_hash).await
            })
        })
        .await
    }

    /// Both halves and the device list anew, after a recovery code was proven; one new session, all others end.
    pub(crate) async fn finish_recovery(
        &self,
        account: AccountId,
        verified: String,
        password: PasswordRow,
        recovery: RecoveryRow,
        next: NextList,
        session: NewSessionRow,
    ) -> StoreResult<Vec<SessionId>> {
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query(
                    "UPDATE accounts SET recovery_hash = ?, recovery_slot = ?, recovery_version = ?,
                         password_hash = ?, password_slot = ?, password_version = ?,
                         kdf_memory_kib = ?, kdf_passes = ?, kdf_lanes = ?, kdf_salt = ?
                     WHERE account = ? AND recovery_hash = ?",
                )
                .bind(recovery.hash)
                .bind(recovery.slot.sealed.0)
                .bind(int(recovery.slot.version))
                .bind(password.hash)
                .bind(password.slot.sealed.0)
                .bind(int(password.slot.version))
                .bind(password.kdf.memory_kib)
                .bind(password.kdf.passes)
                .bind(password.kdf.lanes)
                .bind(password.kdf.salt.0)
                .bind(blob(&account.0))
                .bind(verified)
                .execute(&mut *connection)
                .await?;
                changed_one(done.rows_affected())?;
                put_list(connection, account, &next).await?;
                sessions::insert(connection, &session).await?;
                sessions::end_others(connection, account, session.session).await
            })
        })
        .await
    }

    /// Makes the list's devices the account's devices and binds the session to one of them. Drops sessions, key packages and Welcomes of
    /// those that are gone.
    pub(crate) async fn put_devices(&self, account: AccountId, next: NextList, session: SessionId, device: DeviceId) -> StoreResult<()> {
        self.write(move |connection| {
            Box::pin(async move {
                // First, because the session may be one of a device that goes.
                sessions::bind(connection, session, device).await?;
                if next.before == next.list {
                    return Ok(());
                }
                sessions::end_of_other_devices(connection, account, &next.devices).await?;
                put_list(connection, account, &next).await
            })
        })
        .await
    }
}

async fn insert(connection: &mut SqliteConnection, new: &AccountRow) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO accounts (account, name, created_at, kdf_memory_kib, kdf_passes, kdf_lanes, kdf_salt,
             password_hash, password_slot, password_version, recovery_hash, recovery_slot, recovery_version, device_list)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(blob(&new.account.0))
    .bind(new.name.as_str())
    .bind(int(new.created_at))
    .bind(new.password.kdf.memory_kib)
    .bind(new.password.kdf.passes)
    .bind(new.password.kdf.lanes)
    .bind(new.password.kdf.salt.as_slice())
    .bind(&new.password.hash)
    .bind(new.password.slot.sealed.as_slice())
    .bind(int(new.password.slot.version))
    .bind(&new.recovery.hash)
    .bind(new.recovery.slot.sealed.as_slice())
    .bind(int(new.recovery.slot.version))
    .bind(new.device_list.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_password(connection: &mut SqliteConnection, account: AccountId, verified: &str, password: &PasswordRow) -> StoreResult<()> {
    let done = sqlx::query(
        "UPDATE accounts SET password_hash = ?, password_slot = ?, password_version = ?,
             kdf_memory_kib = ?, kdf_passes = ?, kdf_lanes = ?, kdf_salt = ?
         WHERE account = ? AND password_hash = ?",
    )
    .bind(&password.hash)
    .bind(password.slot.sealed.as_slice())
    .bind(int(password.slot.version))
    .bind(password.kdf.memory_kib)
    .bind(password.kdf.passes)
    .bind(password.kdf.lanes)
    .bind(password.kdf.salt.as_slice())
    .bind(blob(&account.0))
    .bind(verified)
    .execute(connection)
    .await?;
    changed_one(done.rows_affected())
}

/// The secret was verified outside of the transaction: when it was changed meanwhile, it is the wrong one now.
fn changed_one(rows: u64) -> StoreResult<()> {
    if rows == 1 { Ok(()) } else { Err(ErrorCode::WrongCredentials.into()) }
}

async fn put_list(connection: &mut SqliteConnection, account: AccountId, next: &NextList) -> StoreResult<()> {
    let done = sqlx::query("UPDATE accounts SET device_list = ?, published = 0 WHERE account = ? AND device_list = ?")
        .bind(next.list.as_slice())
        .bind(blob(&account.0))
        .bind(next.before.as_slice())
        .execute(&mut *connection)
        .await?;
    if done.rows_affected() != 1 {
        return Err(ErrorCode::DeviceListRefused.into());
    }
    put_devices(connection, account, &next.devices).await?;
    for statement in [
        "DELETE FROM key_packages WHERE account = ?1 AND device NOT IN (SELECT device FROM devices WHERE account = ?1)",
        "DELETE FROM welcomes WHERE account = ?1 AND device NOT IN (SELECT device FROM devices WHERE account = ?1)",
        "UPDATE sessions SET device = NULL WHERE account = ?1 AND device NOT IN (SELECT device FROM devices WHERE account = ?1)",
    ] {
        sqlx::query(statement).bind(blob(&account.0)).execute(&mut *connection).await?;
    }
    super::welcomes::drop_unused_trees(connection).await
}

async fn put_devices(connection: &mut SqliteConnection, account: AccountId, devices: &[DeviceId]) -> StoreResult<()> {
    sqlx::query("DELETE FROM devices WHERE account = ?").bind(blob(&account.0)).execute(&mut *connection).await?;
    for device in devices {
        sqlx::query("INSERT INTO devices (account, device) VALUES (?, ?)")
            .bind(blob(&account.0))
            .bind(blob(&device.0))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn account(row: &SqliteRow) -> StoreResult<AccountRow> {
    let small = |column| u32::try_from(row.uint(column)?).map_err(|_| StoreError::Bug("a number too large"));
    Ok(AccountRow {
        account: row.account("account")?,
        name: row.name("name")?,
        created_at: row.uint("created_at")?,
        password: PasswordRow {
            kdf: KdfParams {
                memory_kib: small("kdf_memory_kib")?,
                passes: small("kdf_passes")?,
                lanes: small("kdf_lanes")?,
                salt: row.bytes("kdf_salt")?,
            },
            hash: row.text("password_hash")?,
            slot: VaultSlot { version: row.uint("password_version")?, sealed: row.bytes("password_slot")? },
        },
        recovery: RecoveryRow {
            hash: row.text("recovery_hash")?,
            slot: VaultSlot { version: row.uint("recovery_version")?, sealed: row.bytes("recovery_slot")? },
        },
        device_list: row.bytes("device_list")?,
        deleted_at: if row.try_get_raw("deleted_at")?.is_null() { None } else { Some(row.uint("deleted_at")?) },
    })
}
