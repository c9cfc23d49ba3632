//! Key packages: published, counted, claimed once.

use std::collections::BTreeMap;

use sotto_protocol::api::{ClaimedKeyPackage, KeyPackageCount};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, Millis, limits};

use super::MemoryStore;
use super::tables::{KeyPackage, RowId, Tables, push};
use crate::store::{Claimed, KeyPackageRow, StoreResult};

type Packages = BTreeMap<RowId, KeyPackage>;

impl MemoryStore {
    pub(crate) fn add_key_packages(
        &self,
        account: AccountId,
        device: DeviceId,
        packages: Vec<KeyPackageRow>,
    ) -> StoreResult<KeyPackageCount> {
        self.write(|tables| {
            tables.require_device(account, device)?;
            // On a copy, because how many there are is known only at the end.
            let mut stored = tables.key_packages.clone();
            if packages.iter().any(|package| package.last_resort) {
                stored.retain(|_, old| !(old.account == account && old.device == device && old.row.last_resort));
            }
            for row in packages {
                if stored.values().all(|old| old.row.hash != row.hash) {
                    push(&mut stored, KeyPackage { account, device, used: false, row });
                }
            }
            let count = count(&stored, account, device, 0);
            if usize::try_from(count.one_time).unwrap_or(usize::MAX) > limits::STORED_KEY_PACKAGES {
                return Err(ErrorCode::TooLarge.into());
            }
            tables.key_packages = stored;
            Ok(count)
        })
    }

    pub(crate) fn count_key_packages(&self, account: AccountId, device: DeviceId, usable_at: Millis) -> StoreResult<KeyPackageCount> {
        self.read(|tables| count(&tables.key_packages, account, device, usable_at))
    }

    pub(crate) fn claim_key_packages(&self, account: AccountId, usable_at: Millis) -> StoreResult<Claimed> {
        self.write(|tables| {
            let mut claimed = Claimed { packages: Vec::new(), left: Vec::new() };
            for (_, device) in tables.devices.iter().filter(|(owner, _)| *owner == account) {
                claim_one(&mut tables.key_packages, account, *device, usable_at, &mut claimed);
            }
            Ok(claimed)
        })
    }
}

impl Tables {
    /// The device must stand in the newest device list at the time of writing.
    pub(super) fn require_device(&self, account: AccountId, device: DeviceId) -> StoreResult<()> {
        if self.devices.contains(&(account, device)) { Ok(()) } else { Err(ErrorCode::DeviceUnknown.into()) }
    }
}

fn claim_one(packages: &mut Packages, account: AccountId, device: DeviceId, usable_at: Millis, claimed: &mut Claimed) {
    let usable = packages.iter_mut().filter(|(_, package)| is_usable(package, account, device, usable_at));
    let Some((_, package)) = usable.min_by_key(|(id, package)| (package.row.last_resort, **id)) else { return };
    if package.row.last_resort {
        claimed.packages.push(ClaimedKeyPackage { device, key_package: package.row.package.clone() });
        return;
    }
    package.used = true;
    // The hash stays behind, so that a late repeated upload can't bring the package back.
    let key_package: Bytes = std::mem::take(&mut package.row.package);
    claimed.left.push((device, count(packages, account, device, usable_at).one_time));
    claimed.packages.push(ClaimedKeyPackage { device, key_package });
}

fn count(packages: &Packages, account: AccountId, device: DeviceId, usable_at: Millis) -> KeyPackageCount {
    let usable = || packages.values().filter(|package| is_usable(package, account, device, usable_at));
    let one_time = usable().filter(|package| !package.row.last_resort).count();
    KeyPackageCount { one_time: u32::try_from(one_time).unwrap_or(u32::MAX), last_resort: usable().any(|package| package.row.last_resort) }
}

fn is_usable(package: &KeyPackage, account: AccountId, device: DeviceId, usable_at: Millis) -> bool {
    package.account == account && package.device == device && !package.used && package.row.not_after >= usable_at
}
