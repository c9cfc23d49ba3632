//! Key packages: published, counted, claimed once.

use sotto_protocol::api::{ClaimedKeyPackage, KeyPackageCount};
use sotto_protocol::{AccountId, DeviceId, ErrorCode, Millis, limits};
use sqlx::SqliteConnection;

use super::{Columns as _, SqliteStore, blob, int};
use crate::store::{Claimed, KeyPackageRow, StoreResult};

impl SqliteStore {
    /// Publishes packages of a current device; known ones (by hash, used or not) are left as they are.
    pub(crate) async fn add_key_packages(
        &self,
        account: AccountId,
        device: DeviceId,
        packages: Vec<KeyPackageRow>,
    ) -> StoreResult<KeyPackageCount> {
        self.write(move |connection| {
            Box::pin(async move {
                require_device(connection, account, device).await?;
                if packages.iter().any(|package| package.last_resort) {
                    sqlx::query("DELETE FROM key_packages WHERE account = ? AND device = ? AND last_resort = 1")
                        .bind(blob(&account.0))
                        .bind(blob(&device.0))
                        .execute(&mut *connection)
                        .await?;
                }
                for package in packages {
                    sqlx::query(
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
                }
                let count = count(connection, account, device, 0).await?;
                if usize::try_from(count.one_time).unwrap_or(usize::MAX) > limits::STORED_KEY_PACKAGES {
                    return Err(ErrorCode::TooLarge.into());
                }
                Ok(count)
            })
        })
        .await
    }

    /// What is left of a device's packages that live past `not_before`.
    pub(crate) async fn count_key_packages(&self, account: AccountId, device: DeviceId, usable_at: Millis) -> StoreResult<KeyPackageCount> {
        let mut reader = self.readers.acquire().await?;
        count(&mut reader, account, device, usable_at).await
    }

    /// Takes one package of each current device: a one-time one where there is one, else the last resort, which stays.
    pub(crate) async fn claim_key_packages(&self, account: AccountId, usable_at: Millis) -> StoreResult<Claimed> {
        self.write(move |connection| {
            Box::pin(async move {
                let devices =
                    sqlx::query("SELECT device FROM devices WHERE account = ?").bind(blob(&account.0)).fetch_all(&mut *connection).await?;
                let mut claimed = Claimed { packages: Vec::new(), left: Vec::new() };
                for row in &devices {
                    claim_one(connection, account, row.device("device")?, usable_at, &mut claimed).await?;
                }
                Ok(claimed)
            })
        })
        .await
    }
}

async fn claim_one(
    connection: &mut SqliteConnection,
    account: AccountId,
    device: DeviceId,
    usable_at: Millis,
    claimed: &mut Claimed,
) -> StoreResult<()> {
    let row = sqlx::query(
        "SELECT id, last_resort, package FROM key_packages WHERE account = ? AND device = ? AND used = 0 AND not_after >= ?
         ORDER BY last_resort, id LIMIT 1",
    )
    .bind(blob(&account.0))
    .bind(blob(&device.0))
    .bind(int(usable_at))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(()) };
    if row.uint("last_resort")? == 0 {
        sqlx::query("UPDATE key_packages SET used = 1, package = x'' WHERE id = ?")
            .bind(int(row.uint("id")?))
            .execute(&mut *connection)
            .await?;
        claimed.left.push((device, count(connection, account, device, usable_at).await?.one_time));
    }
    claimed.packages.push(ClaimedKeyPackage { device, key_package: row.bytes("package")? });
    Ok(())
}

async fn count(connection: &mut SqliteConnection, account: AccountId, device: DeviceId, usable_at: Millis) -> StoreResult<KeyPackageCount> {
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE last_resort = 0) AS one_time, count(*) FILTER (WHERE last_resort = 1) AS last_resort
         FROM key_packages WHERE account = ? AND device = ? AND used = 0 AND not_after >= ?",
    )
    .bind(blob(&account.0))
    .bind(blob(&device.0))
    .bind(int(usable_at))
    .fetch_one(connection)
    .await?;
    Ok(KeyPackageCount { one_time: u32::try_from(row.uint("one_time")?).unwrap_or(u32::MAX), last_resort: row.uint("last_resort")? > 0 })
}

/// The device must stand in the newest device list at the time of writing.
pub(super) async fn require_device(connection: &mut SqliteConnection, account: AccountId, device: DeviceId) -> StoreResult<()> {
    let row = sqlx::query("SELECT 1 FROM devices WHERE account = ? AND device = ?")
        .bind(blob(&account.0))
        .bind(blob(&device.0))
        .fetch_optional(connection)
        .await?;
    if row.is_none() { Err(ErrorCode::DeviceUnknown.into()) } else { Ok(()) }
}
