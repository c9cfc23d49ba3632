//! This browser's rows: as sealed, and what is in them.

use minicbor::{Decode, Encode};
use openmls::prelude::OpenMlsProvider as _;
use sotto_client::identity::DeviceIdentity;
use sotto_client::io::Store;
use sotto_client::mls;
use sotto_client::profile::ProfileRecord;
use sotto_client::records::{ContactRecord, DeviceRecord, EntryRecord, OutboxRecord, RoomRecord};
use sotto_client::seal::{self, StorageKey};
use sotto_client::storage::{JournaledStorage, Provider};
use sotto_protocol::{ErrorCode, codec};
use zeroize::Zeroizing;

use crate::choose;
use crate::genuine::{Opener, newest_fixture};

type Row = (Vec<u8>, Vec<u8>);

const LIMIT: usize = 4 * 1024 * 1024;
pub(crate) const KEY: [u8; 32] = [0x66; 32];
pub(crate) const SEALED: &[u8] = b"what was sealed";

/// A row from the disk (0), and one that is sealed here and then bent (1).
pub fn sealed_rows(data: &[u8]) -> bool {
    let key = StorageKey::from_bytes(Zeroizing::new(KEY));
    match choose(data, 2) {
        Some((0, rest)) => {
            let opened = [Store::State, Store::Entries].map(|store| seal::open_row(&key, store, b"row", rest));
            for row in opened.iter().flatten() {
                assert_eq!((row.counter, row.plain.as_slice()), (3, SEALED));
            }
            opened.iter().any(Result::is_ok)
        }
        Some((_, rest)) => bent(&key, rest),
        None => false,
    }
}

fn bent(key: &StorageKey, data: &[u8]) -> bool {
    let Some((&[counter, at, mask, split], rest)) = data.split_first_chunk() else { return false };
    let (row_key, plain) = rest.split_at(usize::from(split).min(rest.len()));
    let sealed = seal::seal_row(key, Store::State, row_key, counter.into(), plain).expect("it can be sealed");
    let row = seal::open_row(key, Store::State, row_key, &sealed).expect("what was sealed opens");
    assert_eq!((row.counter, row.plain.as_slice()), (counter.into(), plain));
    assert!(seal::open_row(key, Store::Entries, row_key, &sealed).is_err(), "a row in another table");
    let other = [row_key, &[0]].concat();
    assert!(seal::open_row(key, Store::State, &other, &sealed).is_err(), "a row at another place");
    let mut wrong = sealed;
    let at = usize::from(at) % wrong.len();
    wrong[at] ^= mask | 1;
    assert!(seal::open_row(key, Store::State, row_key, &wrong).is_err(), "a bent row");
    true
}

/// Records of the engine (0), MLS state of which one row is what the input says (1), or some are missing (2): damage is said, and is never absence.
pub fn stored_rows(data: &[u8]) -> bool {
    match choose(data, 3) {
        Some((0, rest)) => record(rest),
        Some((1, rest)) => group(rest, replace),
        Some((_, rest)) => group(rest, remove),
        None => false,
    }
}

fn record(data: &[u8]) -> bool {
    const RECORDS: [fn(&[u8]) -> bool; 6] =
        [stable::<DeviceRecord>, stable::<RoomRecord>, stable::<ContactRecord>, stable::<OutboxRecord>, stable::<EntryRecord>, |data| {
            match ProfileRecord::decode(data) {
                Ok(profile) => {
                    assert_eq!(ProfileRecord::decode(&profile.encode()), Ok(profile));
                    true
                }
                Err(code) => {
                    assert!(matches!(code, ErrorCode::StorageDamaged | ErrorCode::Unsupported));
                    false
                }
            }
        }];
    let Some((kind, rest)) = choose(data, 7) else { return false };
    match RECORDS.get(usize::from(kind)) {
        Some(decode) => decode(rest),
        None => {
            let Ok(device) = DeviceIdentity::decode(rest) else { return false };
            let again = DeviceIdentity::decode(&device.encode()).expect("what was encoded decodes");
            assert_eq!((again.device(), again.public(), again.account()), (device.device(), device.public(), device.account()));
            true
        }
    }
}

/// Records can't be compared; their encodings can.
fn stable<T: Encode<()> + for<'b> Decode<'b, ()>>(data: &[u8]) -> bool {
    let Ok(value) = codec::decode::<T>(data, LIMIT) else { return false };
    let encoded = codec::encode(&value);
    let again = codec::decode::<T>(&encoded, LIMIT).expect("what was encoded decodes");
    assert_eq!(codec::encode(&again), encoded, "another record after a round trip");
    true
}

/// The first byte says which row, the rest is its value.
fn replace(mut rows: Vec<Row>, data: &[u8]) -> Vec<Row> {
    if let Some((&which, value)) = data.split_first() {
        let at = usize::from(which) % rows.len();
        rows[at].1 = value.to_vec();
    }
    rows
}

/// Each byte takes a row away, as long as there are two.
fn remove(mut rows: Vec<Row>, data: &[u8]) -> Vec<Row> {
    for which in data {
        if rows.len() > 1 {
            rows.remove(usize::from(*which) % rows.len());
        }
    }
    rows
}

/// Whether a row of the state table is OpenMLS's and belongs to a group: 0x01, main namespace, kind, length of the group's part.
#[must_use]
pub fn is_of_a_group(key: &[u8]) -> bool {
    matches!(key, [1, 0, _, high, low, ..] if *high > 0 || *low > 0)
}

fn group(data: &[u8], change: fn(Vec<Row>, &[u8]) -> Vec<Row>) -> bool {
    thread_local! {
        static ALICE: Opener = Opener::of(&newest_fixture(), 0);
    }
    ALICE.with(|alice| {
        let id = mls::group_id(alice.room_id());
        let (own, others): (Vec<Row>, Vec<Row>) = alice.rows.iter().cloned().partition(|(key, _)| is_of_a_group(key));
        let rows = change(own, data).into_iter().chain(others);
        let provider = Provider::new(JournaledStorage::from_rows(rows));
        assert!(provider.storage().has_group(&id).is_ok_and(|there| there));
        let loaded = provider.load_group(&id);
        assert!(!matches!(loaded, Ok(None)), "damage was taken for absence");
        loaded.is_ok()
    })
}
