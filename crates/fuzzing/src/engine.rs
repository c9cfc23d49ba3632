//! The whole engine on alice's browser, with a server that says anything.

use sotto_client::Engine;
use sotto_client::io::{Effect, Input};
use sotto_client_api::views::{EntryBody, EntryView};
use sotto_client_api::{Command, FromWorker, Reply, Update};
use sotto_protocol::api::ErrorBody;
use sotto_protocol::frames::{Entry, EntryKind, ServerFrame};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, IdempotencyId, Millis, RoomId, codec};
use sotto_sim::ProfileCopy;
use sotto_sim::fixture::Fixture;
use unicode_normalization::UnicodeNormalization as _;

use crate::genuine::{Opener, SAID, newest_fixture};

/// Everything that was ever said in the fixture's room, and what bob says in a genuine message.
const TEXTS: [&str; 5] = ["The tide is out.", "Then we walk to the island.", "Bring a lamp.", "Written without a network.", SAID];
/// Steps of one input.
const STEPS: usize = 24;

struct Rig {
    fixture: Fixture,
    profile: ProfileCopy,
    cursor: u64,
    epoch: u64,
}

/// A script: kind, length (two bytes), that many bytes; and again.
pub fn engine(data: &[u8]) -> bool {
    thread_local! {
        static RIG: Rig = Rig::new();
    }
    RIG.with(|rig| {
        let mut session = Session::boot(rig);
        let mut rest = data;
        for _ in 0..STEPS {
            let Some((&[kind, high, low], after)) = rest.split_first_chunk() else { break };
            let length = usize::from(u16::from_be_bytes([high, low])).min(after.len());
            let (bytes, after) = after.split_at(length);
            rest = after;
            session.act(kind, bytes);
        }
        session.heard_bob
    })
}

impl Rig {
    fn new() -> Self {
        let fixture = newest_fixture();
        let alice = Opener::of(&fixture, 0);
        let epoch = alice.group(&alice.provider()).epoch().as_u64();
        Self { profile: fixture.profile(0).expect("the profile can be read"), cursor: alice.room.cursor, epoch, fixture }
    }
}

struct Session<'a> {
    rig: &'a Rig,
    engine: Engine,
    now: Millis,
    /// Requests that wait for an answer.
    requests: Vec<u64>,
    seq: u64,
    /// Whether the genuine message was shown.
    heard_bob: bool,
}

impl<'a> Session<'a> {
    fn boot(rig: &'a Rig) -> Self {
        let engine = Engine::new(|text| text.nfkc().collect());
        let mut session = Self { rig, engine, now: rig.fixture.notes.now, requests: Vec::new(), seq: rig.cursor, heard_bob: false };
        session.step(Input::Command { id: 1, command: Command::Boot { signed_in: true } });
        session.step(Input::Command { id: 2, command: Command::OpenRoom { room: rig.fixture.notes.room, before: None } });
        session.step(Input::SocketOpened);
        session
    }

    fn act(&mut self, kind: u8, bytes: &[u8]) {
        let room = self.rig.fixture.notes.room;
        match kind % 8 {
            0 => self.step(Input::Frame(bytes.to_vec())),
            1 | 2 => {
                // An entry at its right place, with any bytes.
                self.seq += 1;
                let commit = kind % 8 == 2;
                let frame = ServerFrame::Deliver { entries: vec![self.entry(room, commit, bytes)] };
                self.step(Input::Frame(codec::encode(&frame)));
            }
            3 => self.step(Input::Frame(codec::encode(&ServerFrame::CaughtUp))),
            4 => {
                if let Some(id) = self.requests.pop() {
                    self.step(Input::Response { id, result: Ok(bytes.to_vec()) });
                }
            }
            5 => {
                if let Some(id) = self.requests.pop() {
                    let error = codec::decode::<ErrorBody>(bytes, 1024);
                    let error = error.unwrap_or_else(|code| ErrorBody { code, retry_after: None, room: None, epoch: None });
                    self.step(Input::Response { id, result: Err(error) });
                }
            }
            6 => {
                self.step(Input::SocketClosed);
                self.now += 60_000;
                self.step(Input::Tick);
                self.step(Input::SocketOpened);
            }
            _ => {
                let seconds = bytes.iter().fold(0_u64, |seconds, byte| seconds << 8 | u64::from(*byte)) % 100_000;
                self.now += seconds * 1000;
                self.step(Input::Tick);
            }
        }
    }

    fn entry(&self, room: RoomId, commit: bool, bytes: &[u8]) -> Entry {
        Entry {
            room,
            seq: self.seq,
            kind: if commit { EntryKind::Commit } else { EntryKind::Message },
            epoch: self.rig.epoch,
            account: AccountId([1; 32]),
            device: DeviceId([2; 16]),
            at: self.now,
            idempotency: IdempotencyId([4; 16]),
            bytes: Bytes(bytes.to_vec()),
        }
    }

    /// One input with everything that follows from it on a disk that works.
    fn step(&mut self, input: Input) {
        let mut inputs = vec![input];
        for _ in 0..200 {
            let Some(input) = inputs.pop() else { return };
            for effect in self.engine.step(self.now, input) {
                match effect {
                    Effect::Open => inputs.push(Input::Opened(Ok(self.rig.profile.open()))),
                    Effect::Persist { id, .. } => inputs.push(Input::Persisted { id, result: Ok(()) }),
                    Effect::Load { id, .. } => inputs.push(Input::Loaded { id, result: Ok(Vec::new()) }),
                    Effect::Request { id, .. } => self.requests.push(id),
                    Effect::Emit(message) => self.heard_bob |= heard(message),
                    Effect::Wipe => panic!("a server may not wipe a browser"),
                    Effect::Connect | Effect::Disconnect | Effect::Send(_) | Effect::WakeAt(_) => {}
                }
            }
        }
        panic!("one input keeps the engine busy for ever");
    }
}

/// Nothing is shown but what bob and alice said.
fn heard(message: FromWorker) -> bool {
    match message {
        FromWorker::Update(Update::Entries { entries, .. }) => entries.iter().any(shown),
        FromWorker::Update(Update::Message { message, .. }) => said(&message.text),
        FromWorker::Update(Update::Notice { code, .. }) => {
            assert_ne!(code, ErrorCode::StorageDamaged, "a server can't damage rows");
            false
        }
        FromWorker::Reply { result: Ok(Reply::Timeline { entries, .. }), .. } => entries.iter().any(shown),
        _ => false,
    }
}

fn shown(entry: &EntryView) -> bool {
    if let EntryBody::Message(message) = &entry.body { said(&message.text) } else { false }
}

fn said(text: &str) -> bool {
    assert!(TEXTS.contains(&text), "a text that nobody wrote");
    text == SAID
}
