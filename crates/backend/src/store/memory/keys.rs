//! Key packages: published, counted, claimed for a while, spent once.

use std::collections::BTreeMap;

use sotto_protocol::api::{ClaimedKeyPackage, KeyPackageCount};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, Millis, limits};

use super::MemoryStore;
use super::tables::{KeyPackage, RowId, Tables, push};
use crate::keys::{held_since, kept_since, usable_at};
use crate::store::{AddedRow, Claimed, KeyPackageRow, StoreResult};

pub(super) type Packages = BTreeMap<RowId, KeyPackage>;

impl MemoryStore {
    pub(crate) fn add_key_packages(
        &self,
        account: AccountId,
        device: DeviceId,
        packages: Vec<KeyPackageRow>,
        now: Millis,
    ) -> StoreResult<KeyPackageCount> {
        self.write(|tables| {
            tables.require_device(account, device)?;
            // On a copy, because how many there are is known only at the end.
            let mut stored = tables.key_packages.clone();
            burn(&mut stored, Some(account), now);
            for row in packages {
                if stored.values().any(|old| old.row.hash == row.hash) {
                    continue;
                }
                let replaced = |old: &&mut KeyPackage| old.is_of(account, device) && old.row.last_resort && !old.used;
                for old in stored.values_mut().filter(replaced).filter(|_| row.last_resort) {
                    old.empty();
                    old.claimed_at = Some(now);
                }
                push(&mut stored, KeyPackage { account, device, used: false, row, claimed_by: None, claimed_at: None });
            }
            let count = count(&stored, account, device, now);
            if usize::try_from(count.one_time).unwrap_or(usize::MAX) > limits::STORED_KEY_PACKAGES {
                return Err(ErrorCode::TooLarge.into());
            }
            tables.key_packages = stored;
            Ok(count)
        })
    }

    pub(crate) fn count_key_packages(&self, account: AccountId, device: DeviceId, now: Millis) -> StoreResult<KeyPackageCount> {
        self.read(|tables| count(&tables.key_packages, account, device, now))
    }

    pub(crate) fn claim_key_packages(&self, account: AccountId, but: Option<DeviceId>, by: AccountId, now: Millis) -> StoreResult<Claimed> {
        self.write(|tables| {
            tables.burn(Some(account), now);
            let mut claimed = Claimed { packages: Vec::new(), left: Vec::new() };
            for (_, device) in tables.devices.iter().filter(|(owner, device)| *owner == account && but != Some(*device)) {
                claim_one(&mut tables.key_packages, account, *device, by, now, &mut claimed);
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

    pub(super) fn burn(&mut self, account: Option<AccountId>, now: Millis) {
        burn(&mut self.key_packages, account, now);
    }

    pub(super) fn spend(&self, packages: &mut Packages, added: &AddedRow, by: AccountId, now: Millis) -> StoreResult<()> {
        let Some(known) = packages.values_mut().find(|package| package.row.hash == added.hash) else {
            if !added.last_resort && self.devices.contains(&(added.account, added.device)) {
                let row = KeyPackageRow { hash: added.hash, last_resort: false, not_after: added.not_after, package: Bytes::default() };
                let (account, device) = (added.account, added.device);
                push(packages, KeyPackage { account, device, used: true, row, claimed_by: None, claimed_at: Some(now) });
            }
            return Ok(());
        };
        let kept = known.claimed_at.is_some_and(|at| at > kept_since(now));
        match (known.row.last_resort, known.used) {
            (true, used) if !used || kept => Ok(()),
            (false, false) if kept && known.claimed_by == Some(by) => {
                known.empty();
                known.claimed_at = Some(now);
                Ok(())
            }
            _ => Err(ErrorCode::NoKeyPackage.into()),
        }
    }
}

impl KeyPackage {
    fn is_of(&self, account: AccountId, device: DeviceId) -> bool {
        self.account == account && self.device == device
    }

    fn is_in_stock(&self, account: AccountId, device: DeviceId, now: Millis) -> bool {
        self.is_of(account, device) && !self.used && self.claimed_at.is_none() && self.row.not_after >= usable_at(now)
    }

    /// The hash stays behind, so that a late repeated upload can't bring the package back.
    fn empty(&mut self) {
        self.used = true;
        self.row.package = Bytes::default();
        self.claimed_by = None;
    }
}

fn burn(packages: &mut Packages, account: Option<AccountId>, now: Millis) {
    for package in packages.values_mut().filter(|package| !package.used && account.is_none_or(|account| account == package.account)) {
        if package.row.not_after < usable_at(now) || package.claimed_at.is_some_and(|at| at <= kept_since(now)) {
            package.empty();
        }
    }
}

fn claim_one(packages: &mut Packages, account: AccountId, device: DeviceId, by: AccountId, now: Millis, claimed: &mut Claimed) {
    let own = packages.values().find(|package| package.is_of(account, device) && package.claimed_by == Some(by));
    if let Some(own) = own {
        claimed.packages.push(ClaimedKeyPackage { device, key_package: own.row.package.clone() });
        return;
    }
    let stock = packages.iter_mut().filter(|(_, package)| package.is_in_stock(account, device, now));
    let Some((_, package)) = stock.min_by_key(|(id, package)| (package.row.last_resort, **id)) else { return };
    claimed.packages.push(ClaimedKeyPackage { device, key_package: package.row.package.clone() });
    if !package.row.last_resort {
        package.claimed_by = Some(by);
        package.claimed_at = Some(now);
        claimed.left.push((device, count(packages, account, device, now).one_time));
    }
}

fn count(packages: &Packages, account: AccountId, device: DeviceId, now: Millis) -> KeyPackageCount {
    let stock = || packages.values().filter(|package| package.is_in_stock(account, device, now));
    let one_time = stock().filter(|package| !package.row.last_resort).count();
    let on_the_way = |package: &KeyPackage| package.is_of(account, device) && package.claimed_at.is_some_and(|at| at > held_since(now));
    let held = packages.values().filter(|package| package.is_in_stock(account, device, now) || on_the_way(package));
    KeyPackageCount {
        one_time: u32::try_from(one_time).unwrap_or(u32::MAX),
        last_resort: stock().any(|package| package.row.last_resort),
        held: held.map(|package| Bytes(package.row.hash.to_vec())).collect(),
    }
}
