//! Key packages: published, counted, claimed for a while, spent once.

use sotto_protocol::api::{ClaimedKeyPackage, KeyPackageCount};
use sotto_protocol::{AccountId, DeviceId, ErrorCode, Millis, limits};
use sqlx::{Row as _, SqliteConnection};

use super::{Columns as _, SqliteStore, blob, int};
use crate::keys::{held_since, kept_since, usable_at};
use crate::store::{AddedRow, Claimed, KeyPackageRow, StoreResult};

impl SqliteStore {
    /// Publishes packages of a current device; known ones (by hash, used or not) are left as they are. A new last resort takes the place
    /// of the one before.
    pub(crate) async fn add_key_packages(
        &self,
        account: AccountId,
        device: DeviceId,
        packages: Vec<KeyPackageRow>,
        now: Millis,
    ) -> StoreResult<KeyPackageCount> {
        self.write(move |connection| {
            Box::pin(async move {
                require_device(connection, account, device).await?;
                burn(connection, Some(account), now).await?;
                for package in packages {
                    add(connection, account, device, package, now).await?;
                }
                let count = count(connection, account, device, now).await?;
                if usize::try_from(count.one_time).unwrap_or(usize::MAX) > limits::STORED_KEY_PACKAGES {
                    return Err(ErrorCode::TooLarge.into());
                }
                Ok(count)
            })
        })
        .await
    }

    /// What is left of a device's packages, and which of them a Welcome may still come for.
    pub(crate) async fn count_key_packages(&self, account: AccountId, device: DeviceId, now: Millis) -> StoreResult<KeyPackageCount> {
        let mut reader = self.readers.acquire().await?;
        count(&mut reader, account, device, now).await
    }

    /// Takes one package of each current device (`but` one): that which is kept for `by`, or else a one-time one where there is one, or
    /// else the last resort, which stays.
    pub(crate) async fn claim_key_packages(
        &self,
        account: AccountId,
        but: Option<DeviceId>,
        by: AccountId,
        now: Millis,
    ) -> StoreResult<Claimed> {
        self.write(move |connection| {
            Box::pin(async move {
                burn(connection, Some(account), now).await?;
                let devices =
                    sqlx::query("SELECT device FROM devices WHERE account = ?").bind(blob(&account.0)).fetch_all(&mut *connection).await?;
                let mut claimed = Claimed { packages: Vec::new(), left: Vec::new() };
                for row in &devices {
                    let device = row.device("device")?;
                    if but != Some(device) {
                        claim_one(connection, account, device, by, now, &mut claimed).await?;
                    }
                }
                Ok(claimed)
            })
        })
        .await
    }
}

async fn add(
    connection: &mut SqliteConnection,
    account: AccountId,
    device: DeviceId,
    package: KeyPackageRow,
    now: Millis,
) -> StoreResult<()> {
    let added = sqlx::query(
        "INSERT INTO key_packages (account, device, hash, last_resort, used, not_after, package)
         VALUES (?, ?, ?, ?, 0, ?, ?) ON CONFLICT (hash) DO NOTHING",
    )
    .bind(blob(&account.0))
    .bind(blob(&device.0))
    .bind(blob(&package.hash))
    .bind(package.last_resort)
    .bind(int(package.not_after))
    .bind(package.package.0)
    .execute(&mut *connection)
    .await?;
    // A repeated upload that comes late must not drive out what came after it.
    if package.last_resort && added.rows_affected() > 0 {
        sqlx::query(
            "UPDATE key_packages SET used = 1, package = x'', claimed_at = ?
             WHERE account = ? AND device = ? AND last_resort = 1 AND used = 0 AND hash <> ?",
        )
        .bind(int(now))
        .bind(blob(&account.0))
        .bind(blob(&device.0))
        .bind(blob(&package.hash))
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Burns what can't be used any more, of one account or of all: packages without 28 days left, and claimed ones that were not used in
/// time. These don't go back to the others: their claimer knows them. The hash stays behind, so that a late repeated upload can't bring
/// a package back.
pub(super) async fn burn(connection: &mut SqliteConnection, account: Option<AccountId>, now: Millis) -> StoreResult<()> {
    sqlx::query(
        "UPDATE key_packages SET used = 1, package = x'', claimed_by = NULL
         WHERE (?1 IS NULL OR account = ?1) AND used = 0 AND (not_after < ?2 OR claimed_at <= ?3)",
    )
    .bind(account.as_ref().map(|account| blob(&account.0)))
    .bind(int(usable_at(now)))
    .bind(int(kept_since(now)))
    .execute(connection)
    .await?;
    Ok(())
}

/// A commit of `by` adds a package: a one-time one must be kept for it, and is spent. A last resort may be used again and again, also for
/// a while after it was replaced. One that was never published came from its owner by another way; it too is used once.
pub(super) async fn spend(connection: &mut SqliteConnection, added: &AddedRow, by: AccountId, now: Millis) -> StoreResult<()> {
    let known = sqlx::query(
        "SELECT id, last_resort, used, coalesce(claimed_by = ?, 0) AS own, coalesce(claimed_at > ?, 0) AS kept
         FROM key_packages WHERE hash = ?",
    )
    .bind(blob(&by.0))
    .bind(int(kept_since(now)))
    .bind(blob(&added.hash))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(known) = known else {
        return if added.last_resort { Ok(()) } else { remember(connection, added, now).await };
    };
    let is = |column| known.try_get::<bool, _>(column);
    let (last_resort, used, kept) = (is("last_resort")?, is("used")?, is("kept")?);
    if last_resort {
        return if !used || kept { Ok(()) } else { Err(ErrorCode::NoKeyPackage.into()) };
    }
    if !kept || !is("own")? {
        return Err(ErrorCode::NoKeyPackage.into());
    }
    sqlx::query("UPDATE key_packages SET used = 1, package = x'', claimed_by = NULL, claimed_at = ? WHERE id = ?")
        .bind(int(now))
        .bind(int(known.uint("id")?))
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that a package was used, if its device still stands in the newest list: nobody opens a Welcome for another one.
async fn remember(connection: &mut SqliteConnection, added: &AddedRow, now: Millis) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO key_packages (account, device, hash, last_resort, used, not_after, package, claimed_at)
         SELECT account, device, ?3, 0, 1, ?4, x'', ?5 FROM devices WHERE account = ?1 AND device = ?2",
    )
    .bind(blob(&added.account.0))
    .bind(blob(&added.device.0))
    .bind(blob(&added.hash))
    .bind(int(added.not_after))
    .bind(int(now))
    .execute(connection)
    .await?;
    Ok(())
}

async fn claim_one(
    connection: &mut SqliteConnection,
    account: AccountId,
    device: DeviceId,
    by: AccountId,
    now: Millis,
    claimed: &mut Claimed,
) -> StoreResult<()> {
    let own = sqlx::query("SELECT package FROM key_packages WHERE account = ? AND device = ? AND used = 0 AND claimed_by = ?")
        .bind(blob(&account.0))
        .bind(blob(&device.0))
        .bind(blob(&by.0))
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(own) = own {
        claimed.packages.push(ClaimedKeyPackage { device, key_package: own.bytes("package")? });
        return Ok(());
    }
    let row = sqlx::query(
        "SELECT id, last_resort, package FROM key_packages
         WHERE account = ? AND device = ? AND used = 0 AND claimed_at IS NULL AND not_after >= ? ORDER BY last_resort, id LIMIT 1",
    )
    .bind(blob(&account.0))
    .bind(blob(&device.0))
    .bind(int(usable_at(now)))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(()) };
    claimed.packages.push(ClaimedKeyPackage { device, key_package: row.bytes("package")? });
    if row.uint("last_resort")? == 0 {
        sqlx::query("UPDATE key_packages SET claimed_by = ?, claimed_at = ? WHERE id = ?")
            .bind(blob(&by.0))
            .bind(int(now))
            .bind(int(row.uint("id")?))
            .execute(&mut *connection)
            .await?;
        claimed.left.push((device, count(connection, account, device, now).await?.one_time));
    }
    Ok(())
}

async fn count(connection: &mut SqliteConnection, account: AccountId, device: DeviceId, now: Millis) -> StoreResult<KeyPackageCount> {
    let rows = sqlx::query(
        "SELECT * FROM (SELECT id, hash, last_resort, used = 0 AND claimed_at IS NULL AND not_after >= ?3 AS in_stock, claimed_at
         FROM key_packages WHERE account = ?1 AND device = ?2) WHERE in_stock OR claimed_at > ?4 ORDER BY id",
    )
    .bind(blob(&account.0))
    .bind(blob(&device.0))
    .bind(int(usable_at(now)))
    .bind(int(held_since(now)))
    .fetch_all(connection)
    .await?;
    let mut count = KeyPackageCount { one_time: 0, last_resort: false, held: Vec::with_capacity(rows.len()) };
    for row in &rows {
        count.held.push(row.bytes("hash")?);
        match (row.try_get("in_stock")?, row.try_get("last_resort")?) {
            (true, true) => count.last_resort = true,
            (true, false) => count.one_time += 1,
            _ => {}
        }
    }
    Ok(count)
}

/// The device must stand in the newest device list at the time of writing.
pub(super) async fn require_device(connection: &mut SqliteConnection, account: AccountId, device: DeviceId) -> StoreResult<()> {
    if is_listed(connection, account, device).await? { Ok(()) } else { Err(ErrorCode::DeviceUnknown.into()) }
}

/// Whether an account's newest list names a device.
pub(super) async fn is_listed(connection: &mut SqliteConnection, account: AccountId, device: DeviceId) -> StoreResult<bool> {
    let row = sqlx::query("SELECT 1 FROM devices WHERE account = ? AND device = ?")
        .bind(blob(&account.0))
        .bind(blob(&device.0))
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}
