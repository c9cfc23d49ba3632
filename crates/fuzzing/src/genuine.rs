//! The fixture's people, and what they really said: the only bytes that a target may see accepted.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use minicbor::{Decode, Encode};
use openmls::prelude::OpenMlsProvider as _;
use sotto_client::identity::{AccountIdentity, DeviceIdentity};
use sotto_client::io::Opened;
use sotto_client::leaf_key::LeafKey;
use sotto_client::password::Password;
use sotto_client::profile::ProfileRecord;
use sotto_client::records::{DeviceRecord, RoomRecord, key};
use sotto_client::ring::Ring;
use sotto_client::seal::{self, StorageKey, Wrap};
use sotto_client::storage::{JournaledStorage, Provider};
use sotto_client::{kdf, mls};
use sotto_protocol::{Bytes, RoomId, codec};
use sotto_sim::fixture::{Fixture, PASSPHRASE};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// What bob says in [`Genuine::message`].
pub const SAID: &str = "The lamp is lit.";
const MAX: usize = 1024 * 1024;

/// Real MLS objects of the fixture's room, none of which it has seen yet. Made by `--example corpus`.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Genuine {
    /// An application message of bob's.
    #[n(0)]
    pub message: Bytes,
    /// A commit of bob's.
    #[n(1)]
    pub commit: Bytes,
    /// Encoded `UploadCommit` of alice's.
    #[n(2)]
    pub upload: Bytes,
}

impl Genuine {
    fn path() -> PathBuf {
        crate::corpus("../genuine.cbor")
    }

    /// As it was made for the newest fixture.
    #[must_use]
    pub fn read() -> Self {
        let bytes = std::fs::read(Self::path()).expect("run --example corpus");
        codec::decode(&bytes, MAX).expect("the file is whole")
    }

    /// Keeps it.
    pub fn write(&self) {
        std::fs::write(Self::path(), codec::encode(self)).expect("fuzz/ can be written");
    }
}

/// The time, in seconds.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// A key package that an account made just now.
#[must_use]
pub fn key_package_of_today() -> Bytes {
    let account = AccountIdentity::from_secret(&[0x33; 32]);
    let identity = DeviceIdentity::generate(&account).expect("there is randomness");
    let provider = Provider::default();
    provider.storage().begin().expect("no journal is open");
    let key = LeafKey::generate().expect("there is randomness");
    mls::key_package(&provider, &identity, &key, false, now()).expect("a key package")
}

/// The fixture that the targets use.
#[must_use]
pub fn newest_fixture() -> Fixture {
    Fixture::all().expect("the fixtures can be read").pop().expect("there is a fixture")
}

/// One of the two with everything open.
pub struct Opener {
    /// Who.
    pub identity: DeviceIdentity,
    /// Key of the browser's rows.
    pub storage_key: StorageKey,
    /// Rows of the state table, opened.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// The room.
    pub room: RoomRecord,
    /// The device's record.
    pub device: DeviceRecord,
}

impl Opener {
    /// Opens alice's (0) or bob's (1) browser.
    #[must_use]
    pub fn of(fixture: &Fixture, who: usize) -> Self {
        let opened = fixture.profile(who).expect("the profile can be read").open();
        let storage_key = storage_key(&opened);
        let profile = opened.profile.as_deref().and_then(|bytes| ProfileRecord::decode(bytes).ok()).expect("the profile decodes");
        let again = StorageKey::from_bytes(storage_key.bytes());
        let (_, rows) = Ring::open(again, opened.slots.as_ref(), profile.slot, &opened.state).expect("the rows open");
        let find = |wanted: &[u8]| rows.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_slice()).expect("the row is there");
        let device: DeviceRecord = codec::decode(find(key::DEVICE), MAX).expect("the device's row decodes");
        let room = codec::decode(find(&key::room(fixture.notes.room)), MAX).expect("the room's row decodes");
        let identity = DeviceIdentity::decode(device.identity.as_slice()).expect("the identity decodes");
        Self { identity, storage_key, rows, room, device }
    }

    /// MLS state of their own, as OpenMLS loads it.
    #[must_use]
    pub fn provider(&self) -> Provider {
        let provider = Provider::new(JournaledStorage::from_rows(self.rows.clone()));
        provider.storage().begin().expect("no journal is open");
        provider
    }

    /// The key in their leaf.
    #[must_use]
    pub fn leaf_key(&self) -> LeafKey {
        let public = if self.room.leaf_key.as_slice().is_empty() { &self.device.leaf_key } else { &self.room.leaf_key };
        let row = self.rows.iter().find(|(row, _)| *row == key::leaf_key(public.as_slice()));
        LeafKey::from_secret(&row.expect("the leaf key is there").1).expect("the leaf key decodes")
    }

    /// Their group.
    #[must_use]
    pub fn group(&self, provider: &Provider) -> openmls::prelude::MlsGroup {
        mls::load(provider, self.room_id()).expect("the group loads")
    }

    /// The room.
    #[must_use]
    pub fn room_id(&self) -> RoomId {
        self.room.room
    }
}

fn storage_key(opened: &Opened) -> StorageKey {
    if let Some(key) = &opened.storage_key {
        return StorageKey::from_bytes(Zeroizing::new(**key));
    }
    let profile = opened.profile.as_deref().and_then(|bytes| ProfileRecord::decode(bytes).ok()).expect("the profile decodes");
    let owner = profile.owner.expect("somebody's");
    let lock = owner.lock.expect("locked");
    let passphrase = Password::new(PASSPHRASE, |text| text.nfkc().collect()).expect("short enough");
    let lock_key = kdf::derive_lock_key(&passphrase, &lock.kdf.params()).expect("it can be derived");
    seal::unwrap_key(&lock_key, Wrap::Lock, owner.account, lock.wrap.as_slice()).expect("it opens")
}
