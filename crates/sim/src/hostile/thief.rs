//! A thief: of the server's database, which he can also change, and of a browser's profile.

use std::collections::BTreeSet;
use std::path::Path;

use openmls::prelude::{MlsGroup, OpenMlsProvider as _};
use sotto_client::io::{Row, Store};
use sotto_client::leaf_key::LeafKey;
use sotto_client::mls;
use sotto_client::profile::ProfileRecord;
use sotto_client::records::key;
use sotto_client::ring::Ring;
use sotto_client::seal::StorageKey;
use sotto_client::storage::{JournaledStorage, Provider};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, RoomId};
use sqlx::Connection as _;

use crate::host::ProfileCopy;

/// Somebody with the database file of a running server.
pub struct Database(sqlx::SqliteConnection);

impl Database {
    /// Opens the database in a data folder.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn open(data: &Path) -> Result<Self, sqlx::Error> {
        sqlx::SqliteConnection::connect(&format!("sqlite://{}", data.join("sotto.db").display())).await.map(Self)
    }

    /// Adds a device to an account, without anybody's signature.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn add_device(&mut self, account: AccountId, device: DeviceId) -> Result<(), sqlx::Error> {
        let add = sqlx::query("INSERT INTO devices (account, device) VALUES (?, ?)");
        add.bind(account.as_bytes().to_vec()).bind(device.as_bytes().to_vec()).execute(&mut self.0).await.map(|_| ())
    }

    /// Publishes a key package in an account's name, which is given out before all others. Each takes a number of its own.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn add_key_package(&mut self, account: AccountId, device: DeviceId, package: &Bytes, number: u8) -> Result<(), sqlx::Error> {
        // They are given out in the order of their ids. By way of negative ones, so that none is in another's way.
        sqlx::query("UPDATE key_packages SET id = -id").execute(&mut self.0).await?;
        sqlx::query("UPDATE key_packages SET id = 1000 - id").execute(&mut self.0).await?;
        let add = sqlx::query(
            "INSERT INTO key_packages (id, account, device, hash, last_resort, used, not_after, package) VALUES (?, ?, ?, ?, 0, 0, ?, ?)",
        );
        add.bind(i64::from(number))
            .bind(account.as_bytes().to_vec())
            .bind(device.as_bytes().to_vec())
            .bind(vec![number; 32])
            .bind(i64::MAX)
            .bind(package.as_slice().to_vec())
            .execute(&mut self.0)
            .await
            .map(|_| ())
    }

    /// Puts another device list in the place of an account's.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn set_device_list(&mut self, account: AccountId, list: &Bytes) -> Result<(), sqlx::Error> {
        let set = sqlx::query("UPDATE accounts SET device_list = ? WHERE account = ?");
        set.bind(list.as_slice().to_vec()).bind(account.as_bytes().to_vec()).execute(&mut self.0).await.map(|_| ())
    }
}

/// Key and sealed value of a row.
pub type Version = (Vec<u8>, Vec<u8>);

/// A browser's data and the key that its device wrap held, opened: what malware on the device has.
pub struct Profile(Provider);

impl Profile {
    /// Opens every row.
    ///
    /// # Errors
    /// `storage_damaged`; `not_found` when the copy holds no key.
    pub fn open(copy: &ProfileCopy) -> Result<Self, ErrorCode> {
        let opened = copy.0.open();
        let storage_key = StorageKey::from_bytes(opened.storage_key.ok_or(ErrorCode::NotFound)?);
        let profile = ProfileRecord::decode(&opened.profile.ok_or(ErrorCode::NotFound)?)?;
        let (_, rows) = Ring::open(storage_key, opened.slots.as_ref(), profile.slot, &opened.state)?;
        let provider = Provider::new(JournaledStorage::from_rows(rows));
        provider.storage().begin().map_err(|_| ErrorCode::Internal)?;
        Ok(Self(provider))
    }

    /// Rows with keys, of all versions that were ever written, which open by the storage key and the slots of one copy, in whatever way
    /// old rows and old row keys are put together.
    ///
    /// # Errors
    /// As [`Profile::open`].
    pub fn versions_that_open(copy: &ProfileCopy, states: &[ProfileCopy]) -> Result<BTreeSet<Version>, ErrorCode> {
        let opened = copy.0.open();
        let storage_key = opened.storage_key.ok_or(ErrorCode::NotFound)?;
        let versions: BTreeSet<Version> = states.iter().flat_map(Self::versions).collect();
        let row = |(key, sealed): &Version| Row { store: Store::State, key: key.clone(), sealed: sealed.clone() };
        let opens = |version: &&Version| {
            let row_keys = versions.iter().filter(|(key, _)| key.split_first() == Some((&2, version.0.as_slice())));
            row_keys.into_iter().any(|row_key| {
                let both = [row(row_key), row(version)];
                let open = |slot| Ring::open(StorageKey::from_bytes(storage_key.clone()), opened.slots.as_ref(), Some(slot), &both);
                open(0).or(open(1)).is_ok()
            })
        };
        Ok(versions.iter().filter(opens).cloned().collect())
    }

    /// All rows of the state table.
    #[must_use]
    pub fn versions(copy: &ProfileCopy) -> BTreeSet<Version> {
        copy.0.open().state.into_iter().map(|row| (row.key, row.sealed)).collect()
    }

    /// The provider over the stolen state; its journal is open.
    #[must_use]
    pub const fn provider(&self) -> &Provider {
        &self.0
    }

    /// The stolen group of a room.
    ///
    /// # Errors
    /// `storage_damaged` when there is none.
    pub fn group(&self, room: RoomId) -> Result<MlsGroup, ErrorCode> {
        mls::load(&self.0, room)
    }

    /// Forgets a room's group, so that another can be built in its place.
    ///
    /// # Errors
    /// `internal` when the state can't be purged.
    pub fn forget_group(&self, room: RoomId) -> Result<(), ErrorCode> {
        self.0.storage().purge_group(&mls::group_id(room)).map_err(|_| ErrorCode::Internal)
    }

    /// The stolen signature key of the leaf in a group.
    ///
    /// # Errors
    /// `not_found` when the profile does not hold it.
    pub fn leaf_key(&self, group: &MlsGroup) -> Result<LeafKey, ErrorCode> {
        let leaf = group.own_leaf_node().ok_or(ErrorCode::NotFound)?;
        let row = self.0.storage().get(&key::leaf_key(leaf.signature_key().as_slice())).map_err(|_| ErrorCode::Internal)?;
        LeafKey::from_secret(&row.ok_or(ErrorCode::NotFound)?)
    }
}
