//! The form in which messages cross between page and worker: postcard, because both ends come from one build (nothing has to
//! tell its own fields) and its code is a third of JSON's in a module whose size people wait for.

use serde::{Serialize, de::DeserializeOwned};
use sotto_protocol::ErrorCode;

/// The bytes of a message.
///
/// # Errors
/// `malformed`: no message of this crate gives it.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, ErrorCode> {
    postcard::to_allocvec(message).map_err(|_| ErrorCode::Malformed)
}

/// The message in `bytes`, which must hold nothing else.
///
/// # Errors
/// `malformed`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ErrorCode> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        _ => Err(ErrorCode::Malformed),
    }
}

/// The id of a [`ToWorker`](crate::ToWorker) whose command can't be read, so that whoever waits for its reply gets one.
#[must_use]
pub fn id_of(bytes: &[u8]) -> Option<u32> {
    postcard::take_from_bytes(bytes).ok().map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sotto_protocol::{RoomId, UserName};

    use super::*;
    use crate::views::{ConnectionView, Phase};
    use crate::{Command, FromWorker, Reply, ToWorker, Update};

    #[test]
    fn messages_come_back() {
        let name: UserName = "mira".parse().unwrap();
        let command = ToWorker { id: 300, command: Command::OpenRoomWith { name: name.clone() } };
        let back: ToWorker = decode(&encode(&command).unwrap()).unwrap();
        assert!(matches!(back, ToWorker { id: 300, command: Command::OpenRoomWith { name: there } } if there == name));

        let room = RoomId([7; 16]);
        let reply = FromWorker::Reply { id: 1, result: Ok(Reply::Timeline { room, entries: Vec::new(), more: true, draft: "…".into() }) };
        let back: FromWorker = decode(&encode(&reply).unwrap()).unwrap();
        assert!(matches!(back, FromWorker::Reply { id: 1, result: Ok(Reply::Timeline { room: there, more: true, .. }) } if there == room));

        for update in [
            Update::Connection(ConnectionView::Online),
            Update::Phase(Phase::Booting),
            Update::Progress { step: "deriving".into(), permille: None },
        ] {
            let back: FromWorker = decode(&encode(&FromWorker::Update(update.clone())).unwrap()).unwrap();
            assert_eq!(format!("{back:?}"), format!("{:?}", FromWorker::Update(update)));
        }
    }

    // Fails when `decode` takes what is left over.
    #[test]
    fn broken_messages_are_errors_and_never_panics() {
        let command = ToWorker { id: 7, command: Command::CheckPassword { password: "pass".into(), name: "mira".into() } };
        let bytes = encode(&command).unwrap();
        for end in 0..bytes.len() {
            assert_eq!(decode::<ToWorker>(&bytes[..end]).err(), Some(ErrorCode::Malformed));
            assert_eq!(id_of(&bytes[..end]), (end > 0).then_some(7));
        }
        assert_eq!(decode::<ToWorker>(&[bytes.as_slice(), &[0]].concat()).err(), Some(ErrorCode::Malformed));
        // A variant that does not exist; a text that announces more bytes than there are.
        assert_eq!(decode::<ToWorker>(&[7, 200, 1]).err(), Some(ErrorCode::Malformed));
        assert_eq!(decode::<Vec<String>>(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f]).err(), Some(ErrorCode::Malformed));
        assert_eq!(id_of(&[]), None);
    }
}
