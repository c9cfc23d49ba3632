//! What clients send to the server about rooms and keys: every body goes through the real services on a copy of the fixture.

use std::cell::RefCell;

use sotto_backend::{Backend, BackendConfig, Caller, RequestContext, SessionToken};
use sotto_protocol::api::{CreateRoom, RoomState, UploadCommit, UploadKeyPackages};
use sotto_protocol::frames::Publish;
use sotto_protocol::{Bytes, ErrorCode, IdempotencyId, RoomId, codec, limits};
use tokio::runtime::Runtime;

use crate::choose;
use crate::genuine::{Genuine, newest_fixture};

struct Rig {
    runtime: Runtime,
    backend: Backend,
    context: RequestContext,
    alice: Caller,
    room: RoomId,
    before: RoomState,
    genuine: UploadCommit,
    _dir: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let fixture = newest_fixture();
        // In memory where there is such a folder: the target is about decoding, not about the disk.
        let memory = std::path::Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("there is a folder");
        fixture.copy_server(dir.path()).expect("the fixture can be copied");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there is a runtime");
        let context = RequestContext { address: [127, 0, 0, 1].into(), user_agent: None, now: fixture.notes.now };
        let token = SessionToken::parse(&fixture.notes.tokens[0]).expect("the token is one");
        let room = fixture.notes.room;
        let (backend, alice, before) = runtime.block_on(async {
            let backend = Backend::open(BackendConfig::new(dir.path())).await.expect("the fixture opens");
            let alice = backend.authenticate(&context, &token).await.expect("the session lives");
            let before = backend.room_state(&alice, room).await.expect("the room is there");
            (backend, alice, before)
        });
        let genuine = codec::decode(Genuine::read().upload.as_slice(), limits::COMMIT_BODY).expect("the upload decodes");
        Self { runtime, backend, context, alice, room, before, genuine, _dir: dir }
    }
}

/// A commit's body (0), one with another commit (1), GroupInfo (2) or Welcome (3) in it, a room's (4), one with another GroupInfo and tree
/// (5), a message (6), a key package (7). What is refused changes nothing; nothing is taken but what alice made.
pub fn uploads(data: &[u8]) -> bool {
    thread_local! {
        static RIG: RefCell<Option<Rig>> = const { RefCell::new(None) };
    }
    let Some((kind, rest)) = choose(data, 8) else { return false };
    RIG.with_borrow_mut(|slot| {
        let rig = slot.get_or_insert_with(Rig::new);
        let taken = match kind {
            0..=3 => commit(rig, kind, rest),
            4 | 5 => creation(rig, kind, rest),
            6 => message(rig, rest),
            _ => key_package(rig, rest),
        };
        if taken {
            *slot = None;
        }
        taken
    })
}

fn commit(rig: &Rig, kind: u8, data: &[u8]) -> bool {
    let upload = match kind {
        0 => match codec::decode::<UploadCommit>(data, limits::COMMIT_BODY) {
            Ok(upload) => upload,
            Err(_) => return false,
        },
        1 => UploadCommit { commit: data.into(), ..rig.genuine.clone() },
        2 => UploadCommit { group_info: data.into(), ..rig.genuine.clone() },
        _ => {
            let welcome = sotto_protocol::api::AddressedWelcome { account: rig.alice.account, device: rig.device(), welcome: data.into() };
            UploadCommit { welcomes: vec![welcome], ..rig.genuine.clone() }
        }
    };
    let (sent, mut made) = (upload.clone(), rig.genuine.clone());
    // The id is the client's to choose; the rest is hers alone.
    made.idempotency = sent.idempotency;
    let result = rig.runtime.block_on(rig.backend.upload_commit(&rig.context, &rig.alice, rig.room, upload));
    if result.is_ok() {
        assert_eq!(sent, made, "a commit that alice did not make");
        return true;
    }
    rig.unchanged();
    false
}

fn creation(rig: &Rig, kind: u8, data: &[u8]) -> bool {
    let create = if kind == 4 {
        let Ok(create) = codec::decode::<CreateRoom>(data, limits::COMMIT_BODY) else { return false };
        create
    } else {
        let (head, tree) = data.split_at(data.len() / 2);
        let commit = UploadCommit { epoch: 0, ..rig.genuine.clone() };
        // Notes: the one pair of hers that has no room yet.
        CreateRoom { room: RoomId([8; 16]), peer: Some(rig.alice.account), group_info: head.into(), ratchet_tree: tree.into(), commit }
    };
    let result = rig.runtime.block_on(rig.backend.create_room(&rig.context, &rig.alice, create));
    assert!(result.is_err(), "a room that nobody made");
    false
}

/// The epoch is over, so nothing is appended; the form is judged before that.
fn message(rig: &Rig, data: &[u8]) -> bool {
    let epoch = rig.before.info.epoch - 1;
    let publish = Publish { room: rig.room, idempotency: IdempotencyId([3; 16]), epoch, bytes: data.into() };
    let answers = rig.runtime.block_on(rig.backend.publish(&rig.context, &rig.alice, vec![publish])).expect("the store works");
    let refusal = answers.into_iter().next().and_then(Result::err).expect("a message of a past epoch is refused");
    let known = [ErrorCode::StaleEpoch, ErrorCode::TooLarge, ErrorCode::Malformed, ErrorCode::WrongSuite];
    assert!(known.contains(&refusal.code), "{}", refusal.code);
    assert!(refusal.code != ErrorCode::StaleEpoch || data.len() <= limits::MESSAGE);
    false
}

fn key_package(rig: &Rig, data: &[u8]) -> bool {
    let upload = UploadKeyPackages { one_time: vec![Bytes(data.to_vec())], last_resort: None };
    let before = rig.runtime.block_on(rig.backend.count_key_packages(&rig.context, &rig.alice)).expect("the store works");
    match rig.runtime.block_on(rig.backend.upload_key_packages(&rig.context, &rig.alice, upload)) {
        Ok(_) => {
            assert!(data.len() <= limits::KEY_PACKAGE);
            true
        }
        Err(_) => {
            let after = rig.runtime.block_on(rig.backend.count_key_packages(&rig.context, &rig.alice)).expect("the store works");
            assert_eq!(after, before, "a refused package was stored");
            false
        }
    }
}

impl Rig {
    fn device(&self) -> sotto_protocol::DeviceId {
        self.alice.device.expect("the session has a device")
    }

    fn unchanged(&self) {
        let after = self.runtime.block_on(self.backend.room_state(&self.alice, self.room)).expect("the room is there");
        assert_eq!(after, self.before, "a refused commit changed the room");
    }
}
