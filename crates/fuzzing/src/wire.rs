//! What passes between client and server, and between page and worker: frames, bodies, messages.

use core::fmt::Debug;

use minicbor::{Decode, Encode};
use serde::{Serialize, de::DeserializeOwned};
use sotto_client_api::{FromWorker, ToWorker, wire};
use sotto_protocol::frames::{ClientFrame, ServerFrame};
use sotto_protocol::{ErrorCode, UserName, accounts, api, codec, limits};

use crate::choose;

/// Frames of the sync socket, as the server (0) and the client (1) read them.
pub fn frames(data: &[u8]) -> bool {
    match choose(data, 2) {
        Some((0, rest)) => cbor::<ClientFrame>(rest, limits::SYNC_FRAME),
        Some((_, rest)) => cbor::<ServerFrame>(rest, limits::SYNC_FRAME),
        None => false,
    }
}

/// Bodies of `/api/v1`, those that the server reads and those that the client reads.
pub fn api_bodies(data: &[u8]) -> bool {
    const BODIES: [fn(&[u8], usize) -> bool; 19] = [
        cbor::<api::PutDevices>,
        cbor::<api::UploadKeyPackages>,
        cbor::<api::ClaimKeyPackages>,
        cbor::<api::CreateRoom>,
        cbor::<api::UploadCommit>,
        cbor::<api::KeyPackageCount>,
        cbor::<api::ClaimedKeyPackages>,
        cbor::<api::People>,
        cbor::<api::Rooms>,
        cbor::<api::CommitAck>,
        cbor::<api::RoomState>,
        cbor::<api::StoredEntry>,
        cbor::<api::ErrorBody>,
        cbor::<api::Devices>,
        cbor::<api::PutPages>,
        cbor::<api::PagesPut>,
        cbor::<api::ReadPages>,
        cbor::<api::ArchivePages>,
        cbor::<api::DeleteShelves>,
    ];
    choose(data, 19).is_some_and(|(kind, rest)| BODIES[usize::from(kind)](rest, limits::COMMIT_BODY))
}

/// Bodies of the account server functions.
pub fn account_bodies(data: &[u8]) -> bool {
    const BODIES: [fn(&[u8]) -> bool; 12] = [
        json::<accounts::SignUpRequest>,
        json::<accounts::SignInRequest>,
        json::<accounts::ChangePasswordRequest>,
        json::<accounts::NewRecoveryRequest>,
        json::<accounts::RecoveryOpenRequest>,
        json::<accounts::RecoveryFinishRequest>,
        json::<accounts::SignedIn>,
        json::<accounts::RecoveryOpened>,
        json::<accounts::KdfParams>,
        json::<accounts::WhoAmI>,
        json::<Vec<accounts::SessionInfo>>,
        json::<accounts::AccountError>,
    ];
    if let Ok(name) = serde_json::from_slice::<UserName>(data) {
        assert_eq!(UserName::parse(name.as_str()), Ok(name), "a name that nobody may type");
    }
    choose(data, 12).is_some_and(|(kind, rest)| BODIES[usize::from(kind)](rest))
}

/// What page (0) and worker (1) say to each other.
pub fn page_messages(data: &[u8]) -> bool {
    match choose(data, 2) {
        Some((0, rest)) => {
            if let Ok(message) = wire::decode::<ToWorker>(rest) {
                assert_eq!(wire::id_of(rest), Some(message.id), "who waits would get no reply");
            }
            postcard::<ToWorker>(rest)
        }
        Some((_, rest)) => postcard::<FromWorker>(rest),
        None => false,
    }
}

/// Decodes to the same again, holds to its limit, and takes nothing behind the value.
pub(crate) fn cbor<T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug>(data: &[u8], limit: usize) -> bool {
    let Ok(value) = codec::decode::<T>(data, limit) else { return false };
    assert!(data.len() <= limit);
    let encoded = codec::encode(&value);
    assert_eq!(codec::decode::<T>(&encoded, usize::MAX).as_ref(), Ok(&value), "another value after a round trip");
    assert_eq!(codec::decode::<T>(data, data.len() - 1), Err(ErrorCode::TooLarge));
    let longer = [data, &[0]].concat();
    assert_eq!(codec::decode::<T>(&longer, usize::MAX), Err(ErrorCode::Malformed), "bytes after the value");
    true
}

fn json<T: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<T>(data) else { return false };
    let encoded = serde_json::to_vec(&value).expect("what was decoded can be encoded");
    assert_eq!(serde_json::from_slice::<T>(&encoded).ok().as_ref(), Some(&value), "another value after a round trip");
    true
}

fn postcard<T: Serialize + DeserializeOwned>(data: &[u8]) -> bool {
    let Ok(value) = wire::decode::<T>(data) else { return false };
    let encoded = wire::encode(&value).expect("what was decoded can be encoded");
    let again: T = wire::decode(&encoded).expect("what was encoded can be decoded");
    assert_eq!(wire::encode(&again).ok().as_ref(), Some(&encoded), "another message after a round trip");
    assert!(wire::decode::<T>(&[data, &[0]].concat()).is_err(), "bytes after the message");
    true
}
