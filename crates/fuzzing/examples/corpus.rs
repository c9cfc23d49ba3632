//! Writes the seeds of every corpus under `fuzz/corpus/`, from real values of the newest fixture:
//! `cargo run --package sotto-fuzzing --example corpus`. To be run again whenever the fixture or a format has changed.
#![allow(clippy::expect_used, missing_docs)]

use minicbor::Encode;
use openmls::prelude::{KeyPackage, Lifetime, OpenMlsProvider as _};
use serde::Serialize;
use sotto_client::content::{Content, ListHead, Receipt};
use sotto_client::identity::{AccountIdentity, DeviceIdentity};
use sotto_client::leaf_key::LeafKey;
use sotto_client::mls::{self, Signing};
use sotto_client::recovery::Code;
use sotto_client::seal::{self, StorageKey, Wrap};
use sotto_client::storage::Provider;
use sotto_client::vault::{SlotKind, Vault};
use sotto_client_api::{Command, FromWorker, Reply, ToWorker, Update, wire};
use sotto_fuzzing::genuine::{Genuine, Opener, SAID, newest_fixture, now};
use sotto_protocol::accounts::{KdfParams, PasswordEntry, RecoveryEntry, SessionInfo, SignInRequest, SignUpRequest, SignedIn, VaultSlot};
use sotto_protocol::api::{
    ArchivePage, ArchivePages, CommitAck, CreateRoom, DeleteShelves, ErrorBody, KeyPackageCount, PageWanted, PagesPut, Person, PutDevices,
    PutPages, ReadPages, RoomInfo, RoomState, Rooms, UploadCommit, UploadKeyPackages,
};
use sotto_protocol::device_list::DeviceEntry;
use sotto_protocol::frames::{Ack, ClientFrame, Cursor, Entry, EntryKind, Publish, Refusal, ServerFrame, VERSION, Welcome};
use sotto_protocol::{Bytes, DeviceId, ErrorCode, IdempotencyId, MessageId, RoomId, SessionId, ShelfId, UserName, codec};
use sotto_rules::config;
use sotto_rules::roles::Kind;
use zeroize::Zeroizing;

/// A window as clients ask for it.
const WINDOW: u64 = sotto_protocol::limits::DELIVERY_WINDOW as u64;

/// Seeds of one target.
struct Corpus(&'static str);

impl Corpus {
    fn of(target: &'static str) -> Self {
        let folder = sotto_fuzzing::corpus(target);
        std::fs::create_dir_all(&folder).expect("fuzz/ can be written");
        Self(target)
    }

    fn put(&self, name: &str, parts: &[&[u8]]) {
        let path = sotto_fuzzing::corpus(self.0).join(format!("seed-{name}"));
        std::fs::write(path, parts.concat()).expect("fuzz/ can be written");
    }

    fn cbor<T: Encode<()>>(&self, name: &str, kind: u8, value: &T) {
        self.put(name, &[&[kind], &codec::encode(value)]);
    }

    fn json<T: Serialize>(&self, name: &str, kind: u8, value: &T) {
        self.put(name, &[&[kind], &serde_json::to_vec(value).expect("JSON")]);
    }
}

fn main() {
    std::fs::create_dir_all(sotto_fuzzing::corpus("")).expect("fuzz/ can be written");
    let fixture = newest_fixture();
    let (alice, bob) = (Opener::of(&fixture, 0), Opener::of(&fixture, 1));
    let room = alice.room_id();
    let genuine = genuine(&alice, &bob, room);
    genuine.write();

    wire_seeds(&alice, &genuine, room);
    content_seeds(room);
    identity_seeds(&alice);
    vault_seeds();
    mls_seeds(&alice, &genuine, room);
    row_seeds(&alice);
    engine_seeds(&alice, &genuine, room);
}

/// What bob and alice would say next; neither browser in the fixture has seen it.
fn genuine(alice: &Opener, bob: &Opener, room: RoomId) -> Genuine {
    let id = MessageId([1; 16]);
    let content = Content::text(id, room, SAID.into()).encode();
    let message = {
        let provider = bob.provider();
        mls::encrypt(&provider, &mut bob.group(&provider), &bob.leaf_key(), &content).expect("bob can speak")
    };
    Genuine { message, commit: commit_of(bob).commit, upload: codec::encode(&commit_of(alice)).into() }
}

fn commit_of(who: &Opener) -> UploadCommit {
    let (provider, key) = (who.provider(), who.leaf_key());
    mls::stage_commit(&provider, &mut who.group(&provider), Signing::With(&key), &[], &[], &[], None).expect("a commit")
}

fn name() -> UserName {
    UserName::parse("mira").expect("a name")
}

fn cursor(room: RoomId) -> Cursor {
    Cursor { room, seq: 9 }
}

fn person(alice: &Opener) -> Person {
    Person { account: alice.identity.account(), name: name() }
}

fn wire_seeds(alice: &Opener, genuine: &Genuine, room: RoomId) {
    let (account, device, idempotency) = (alice.identity.account(), alice.identity.device(), IdempotencyId([3; 16]));
    let bytes = genuine.message.clone();
    let entry = Entry { room, seq: 12, kind: EntryKind::Message, epoch: 3, account, device, at: 1, idempotency, bytes: bytes.clone() };
    let welcome =
        Welcome { room, epoch: 1, seq: 1, welcome: Bytes(vec![7; 40]), ratchet_tree: Bytes(vec![8; 40]), members: vec![person(alice)] };

    let frames = Corpus::of("frames");
    for (name, frame) in [
        ("hello", ClientFrame::Hello { version: VERSION, device, cursors: vec![cursor(room)], window: 0 }),
        ("hello-window", ClientFrame::Hello { version: VERSION, device, cursors: Vec::new(), window: u64::MAX }),
        ("publish", ClientFrame::Publish { messages: vec![Publish { room, idempotency, epoch: 3, bytes }] }),
        ("join", ClientFrame::Join { cursor: cursor(room) }),
        ("welcome-done", ClientFrame::WelcomeDone { room, epoch: 1 }),
        ("ping", ClientFrame::Ping { nonce: u64::MAX }),
        ("took", ClientFrame::Took { bytes: u64::MAX, next: None }),
        ("took-next", ClientFrame::Took { bytes: 65_536, next: Some(room) }),
    ] {
        frames.cbor(name, 0, &frame);
    }
    let refusal = Refusal { room, idempotency, code: ErrorCode::StaleEpoch, epoch: Some(4) };
    for (name, frame) in [
        ("ready", ServerFrame::Ready { now: 1, key_packages: 20, heads: vec![cursor(room)], held: Vec::new(), window: 0 }),
        ("ready-window", ServerFrame::Ready { now: 1, key_packages: 0, heads: Vec::new(), held: vec![Bytes(vec![9; 32])], window: WINDOW }),
        ("deliver", ServerFrame::Deliver { entries: vec![entry.clone()] }),
        ("acks", ServerFrame::Acks { acks: vec![Ack { room, idempotency, seq: 12, at: 1 }] }),
        ("refusals", ServerFrame::Refusals { refusals: vec![refusal] }),
        ("welcomes", ServerFrame::Welcomes { welcomes: vec![welcome.clone()] }),
        ("key-packages", ServerFrame::KeyPackages { left: 3 }),
        ("pong", ServerFrame::Pong { nonce: 1 }),
        ("error", ServerFrame::Error { code: ErrorCode::Malformed }),
        ("bye", ServerFrame::Bye { code: ErrorCode::SignedOut }),
        ("lost", ServerFrame::Lost { upto: cursor(room) }),
        ("caught-up", ServerFrame::CaughtUp),
        ("devices", ServerFrame::Devices),
    ] {
        frames.cbor(name, 1, &frame);
    }

    let bodies = Corpus::of("api_bodies");
    let info = RoomInfo { room, members: vec![person(alice)], epoch: 3, head: 12 };
    let list = alice.device.device_list.clone();
    bodies.cbor("replace-device", 0, &PutDevices { device, device_list: list.clone() });
    bodies.cbor("key-packages", 1, &UploadKeyPackages { one_time: vec![Bytes(vec![1; 30])], last_resort: Some(Bytes(vec![2; 30])) });
    bodies.cbor("claim", 2, &sotto_protocol::api::ClaimKeyPackages { name: name(), group: true });
    bodies.put("upload", &[&[4], genuine.upload.as_slice()]);
    bodies.cbor("devices", 13, &sotto_protocol::api::Devices { device_list: list.clone() });
    bodies.cbor("count", 5, &KeyPackageCount { one_time: 20, last_resort: true, held: Vec::new() });
    let package = sotto_protocol::api::ClaimedKeyPackage { device, key_package: Bytes(vec![1; 30]) };
    let claimed =
        sotto_protocol::api::ClaimedKeyPackages { account, name: name(), device_list: list, packages: vec![package], room: Some(room) };
    bodies.cbor("claimed", 6, &claimed);
    bodies.cbor("people", 7, &sotto_protocol::api::People { people: vec![person(alice)] });
    bodies.cbor("rooms", 8, &Rooms { rooms: vec![info.clone()] });
    bodies.cbor("ack", 9, &CommitAck { room, seq: 1, epoch: 1, at: 1 });
    let state = RoomState { info, group_info: Bytes(vec![1; 30]), ratchet_tree: Bytes(vec![2; 30]), welcome: Some(welcome) };
    bodies.cbor("state", 10, &state);
    bodies.cbor("entry", 11, &sotto_protocol::api::StoredEntry { entry, sender_name: Some(name()), deleted_at: 5 });
    bodies.cbor("error", 12, &ErrorBody { code: ErrorCode::RoomExists, retry_after: Some(3), room: Some(room), epoch: Some(1) });

    archive_seeds(&bodies);

    let kdf = KdfParams { memory_kib: 65536, passes: 3, lanes: 1, salt: Bytes(vec![1; 16]) };
    let slot = VaultSlot { version: 1, sealed: Bytes(vec![2; 125]) };
    let password = PasswordEntry { kdf: kdf.clone(), auth_key: Bytes(vec![3; 32]), slot: slot.clone() };
    let recovery = RecoveryEntry { auth_key: Bytes(vec![4; 32]), slot: slot.clone() };
    let accounts = Corpus::of("account_bodies");
    let request = SignUpRequest { name: name(), password, recovery, device_list: Bytes(vec![5; 60]), device };
    accounts.json("sign-up", 0, &request);
    accounts.json("sign-in", 1, &SignInRequest { name: name(), auth_key: Bytes(vec![3; 32]) });
    accounts.json(
        "signed-in",
        6,
        &SignedIn { account, name: name(), session: SessionId([1; 16]), slot, device_list: Bytes(vec![5; 60]), before: None },
    );
    accounts.json("kdf", 8, &kdf);
    let session = SessionInfo {
        session: SessionId([1; 16]),
        label: "Chromium on Linux".into(),
        created_at: 1,
        last_seen_at: 2,
        current: true,
        device: None,
    };
    accounts.json("sessions", 10, &vec![session]);
    accounts.json("error", 11, &sotto_protocol::accounts::AccountError { code: ErrorCode::TooManyTries, retry_after: Some(30) });
    accounts.put("name", &[b"\"mira\""]);
    accounts.put("bad-name", &[b"\"mi ra\""]);

    let page = Corpus::of("page_messages");
    for command in [
        Command::Boot { signed_in: true },
        Command::PrepareSignIn { name: name(), password: "tide".into(), kdf, accept_new_salt: false },
        Command::SendText { room, text: "é".into(), message: None },
        Command::SetLockPassphrase { passphrase: Some("lamp".into()) },
        Command::OpenRoom { room, before: Some(7) },
        Command::SetVerified { account, verified: true },
        Command::Nudge,
    ] {
        let name = command.name();
        page.put(name, &[&[0], &wire::encode(&ToWorker { id: 300, command }).expect("postcard")]);
    }
    let me = sotto_client_api::views::PersonView::plain(account, name());
    let timeline = Reply::Timeline { room, entries: Vec::new(), more: true, draft: "…".into() };
    let sign_up = Reply::SignUp { request, recovery_code: sotto_client_api::RecoveryCode("0000".into()) };
    for (name, message) in [
        ("timeline", FromWorker::Reply { id: 1, result: Ok(timeline) }),
        ("sign-up", FromWorker::Reply { id: 1, result: Ok(sign_up) }),
        ("refused", FromWorker::Reply { id: 1, result: Err(ErrorCode::NotReady) }),
        ("ready", FromWorker::Update(Update::Phase(sotto_client_api::views::Phase::Ready { me, device, lock_set: true }))),
        ("progress", FromWorker::Update(Update::Progress { step: "deriving".into(), permille: Some(500) })),
        ("notice", FromWorker::Update(Update::Notice { code: ErrorCode::Forked, room: Some(room) })),
    ] {
        page.put(name, &[&[1], &wire::encode(&message).expect("postcard")]);
    }
}

fn archive_seeds(bodies: &Corpus) {
    let shelf = ShelfId([6; 16]);
    let page = ArchivePage { shelf, page: 3, version: 1, sealed: Bytes(vec![4; 60]) };
    bodies.cbor("put-pages", 14, &PutPages { pages: vec![page.clone()] });
    bodies.cbor("pages-put", 15, &PagesPut { refused: vec![0, 127] });
    let wanted = |below: Option<u64>| PageWanted { shelf, below };
    bodies.cbor("read-pages", 16, &ReadPages { wanted: vec![wanted(None), wanted(Some(3))] });
    bodies.cbor("archive-pages", 17, &ArchivePages { pages: vec![page], looked: 2 });
    bodies.cbor("delete-shelves", 18, &DeleteShelves { shelves: Some(vec![shelf]) });
    bodies.cbor("delete-all-shelves", 18, &DeleteShelves { shelves: None });
}

fn content_seeds(room: RoomId) {
    let content = Corpus::of("content");
    let text = Content::text(MessageId([1; 16]), room, "tide".into());
    let list = Some(ListHead { version: 2, hash: Bytes(vec![1; 32]) });
    content.put("text", &[&text.encode()]);
    content.put("list", &[&Content { list, ..text.clone() }.encode()]);
    content.put("receipt", &[&Content::receipt(MessageId([1; 16]), room, Receipt { delivered: 7, read: 5 }).encode()]);
    content.put("unknown", &[&Content { kind: 99, text: None, ..text.clone() }.encode()]);
    content.put("long", &[&Content::text(text.id, room, "x".repeat(sotto_protocol::limits::TEXT + 1)).encode()]);
}

fn identity_seeds(alice: &Opener) {
    let identity = Corpus::of("identity");
    let leaf = alice.leaf_key().public();
    let credential = alice.identity.leaf_credential(&leaf);
    identity.put("credential", &[&[0], &credential]);
    identity.put("leaf", &[&[1], &leaf, &credential]);
    identity.put("signed-list", &[&[2], alice.device.device_list.as_slice()]);
    // The account that the target signs with.
    let account = AccountIdentity::from_secret(&[0x41; 32]);
    let entry = |fill: u8| DeviceEntry { device: DeviceId([fill; 16]), device_key: Bytes(vec![fill; 32]), added_at: 5 };
    let first = account.first_list(entry(1));
    identity.put("list", &[&[3], first.list.as_slice()]);
    let list = sotto_rules::identity::verify_device_list(&first, None).expect("an own list");
    let next = account.next_list(&list, (1..=10).map(entry).collect(), 2);
    identity.put("next-list", &[&[3], next.list.as_slice()]);
    let crowded = account.next_list(&list, (1..=11).map(entry).collect(), 2);
    identity.put("crowded-list", &[&[3], crowded.list.as_slice()]);
    let twice = account.next_list(&list, vec![entry(1), entry(1)], 2);
    identity.put("device-twice", &[&[3], twice.list.as_slice()]);
}

fn vault_seeds() {
    let corpus = Corpus::of("vault");
    // Key, account and version of the target.
    let (key, account) = ([0x22; 32], AccountIdentity::from_secret(&[0x33; 32]));
    let vault = Vault::new(&account).expect("a vault");
    for (name, kind) in [("password", SlotKind::Password), ("recovery", SlotKind::Recovery)] {
        let slot = vault.seal(&key, account.account(), kind, 7).expect("it seals");
        corpus.put(name, &[&[0], slot.sealed.as_slice()]);
    }
    // Contents as docs/PROTOCOL.md says: format, account secret, archive root, archive version.
    let contents = |secret: u8| [&[0x84, 1, 0x58, 32], [secret; 32].as_slice(), &[0x58, 32], &[7; 32], &[1]].concat();
    corpus.put("contents", &[&[1], &contents(0x33)]);
    corpus.put("contents-of-another", &[&[1], &contents(0x34)]);
    let storage_key = StorageKey::from_bytes(Zeroizing::new([0x44; 32]));
    for (name, wrap) in [("keep", Wrap::Keep), ("lock", Wrap::Lock)] {
        corpus.put(name, &[&[2], seal::wrap_key(&key, wrap, account.account(), &storage_key).expect("it wraps").as_slice()]);
    }
    let code = Code::generate().expect("a code").to_text().0;
    corpus.put("code", &[&[3], code.as_bytes()]);
    corpus.put("code-typed", &[&[3], code.to_lowercase().replace('-', " ").as_bytes()]);
}

/// A package of alice's, of now.
fn key_package(alice: &Opener, last_resort: bool) -> Bytes {
    let provider = Provider::default();
    provider.storage().begin().expect("no journal is open");
    let key = LeafKey::generate().expect("a key");
    mls::key_package(&provider, &alice.identity, &key, last_resort, now()).expect("a key package")
}

/// A package that claims to live for a hundred years.
fn century() -> Vec<u8> {
    let provider = Provider::default();
    provider.storage().begin().expect("no journal is open");
    let (account, key) = (AccountIdentity::from_secret(&[2; 32]), LeafKey::generate().expect("a key"));
    let identity = DeviceIdentity::generate(&account).expect("a device");
    let bundle = KeyPackage::builder()
        .key_package_lifetime(Lifetime::new(100 * 365 * 24 * 3600))
        .leaf_node_capabilities(config::leaf_capabilities())
        .build(config::SUITE, &provider, &key, mls::credential(&identity, &key))
        .expect("a key package");
    tls_codec::Serialize::tls_serialize_detached(bundle.key_package()).expect("TLS")
}

/// A room of a stranger alone, which is not alice's: GroupInfo after its length, and tree.
fn other_room() -> Vec<u8> {
    let provider = Provider::default();
    provider.storage().begin().expect("no journal is open");
    let identity = DeviceIdentity::generate(&AccountIdentity::from_secret(&[1; 32])).expect("a device");
    let key = LeafKey::generate().expect("a key");
    let beginning = mls::create(&provider, &identity, &key, RoomId([8; 16]), &Kind::Direct, now()).expect("a room");
    let info = beginning.group_info.as_slice();
    let length = u16::try_from(info.len()).expect("short").to_be_bytes();
    [&length, info, beginning.ratchet_tree.as_slice()].concat()
}

/// A room that a stranger makes, and the commit that adds somebody there.
fn stranger(room: RoomId) -> CreateRoom {
    let provider = Provider::default();
    provider.storage().begin().expect("no journal is open");
    let identity = |fill: u8| {
        let account = AccountIdentity::from_secret(&[fill; 32]);
        (account.account(), DeviceIdentity::generate(&account).expect("a device"))
    };
    let ((_, creator), (account, guest)) = (identity(1), identity(2));
    let (key, guest_key) = (LeafKey::generate().expect("a key"), LeafKey::generate().expect("a key"));
    let package = {
        let provider = Provider::default();
        provider.storage().begin().expect("no journal is open");
        mls::key_package(&provider, &guest, &guest_key, false, now()).expect("a key package")
    };
    let joiner = mls::joiner(&provider, package.as_slice(), account, guest.device(), now()).expect("it verifies");
    let mut beginning = mls::create(&provider, &creator, &key, room, &Kind::Direct, now()).expect("a room");
    let commit = mls::stage_commit(&provider, &mut beginning.group, Signing::With(&key), &[joiner], &[], &[], None).expect("a commit");
    CreateRoom { room, peer: Some(account), group_info: beginning.group_info, ratchet_tree: beginning.ratchet_tree, commit }
}

fn mls_seeds(alice: &Opener, genuine: &Genuine, room: RoomId) {
    let packages = Corpus::of("key_packages");
    let (one_time, last_resort) = (key_package(alice, false), key_package(alice, true));
    packages.put("one-time", &[&[0], one_time.as_slice()]);
    packages.put("last-resort", &[&[0], last_resort.as_slice()]);
    packages.put("century", &[&[0], century().as_slice()]);
    packages.put("claimed", &[&[1], one_time.as_slice()]);

    let upload: UploadCommit = codec::decode(genuine.upload.as_slice(), usize::MAX).expect("an upload");
    let foreign = stranger(room);
    let uploads = Corpus::of("uploads");
    uploads.put("upload", &[&[0], genuine.upload.as_slice()]);
    uploads.put("commit", &[&[1], upload.commit.as_slice()]);
    uploads.put("bobs-commit", &[&[1], genuine.commit.as_slice()]);
    uploads.put("strangers-commit", &[&[1], foreign.commit.commit.as_slice()]);
    uploads.put("group-info", &[&[2], upload.group_info.as_slice()]);
    // Signed by alice's leaf, and of another commit than the one that it comes with.
    let other = commit_of(alice).group_info;
    uploads.put("other-group-info", &[&[2], other.as_slice()]);
    uploads.put("strangers-group-info", &[&[2], foreign.commit.group_info.as_slice()]);
    uploads.put("welcome", &[&[3], foreign.commit.welcomes[0].welcome.as_slice()]);
    uploads.cbor("room", 4, &foreign);
    uploads.put("room-parts", &[&[5], foreign.group_info.as_slice(), foreign.ratchet_tree.as_slice()]);
    uploads.put("message", &[&[6], genuine.message.as_slice()]);
    uploads.put("key-package", &[&[7], one_time.as_slice()]);
    uploads.put("last-resort", &[&[7], last_resort.as_slice()]);

    let messages = Corpus::of("mls_messages");
    messages.put("message", &[&[0], genuine.message.as_slice()]);
    messages.put("commit", &[&[1], genuine.commit.as_slice()]);
    messages.put("strangers-commit", &[&[1], foreign.commit.commit.as_slice()]);
    messages.put("own-commit", &[&[1], upload.commit.as_slice()]);
    messages.put("welcome", &[&[2], foreign.commit.welcomes[0].welcome.as_slice()]);
    messages.put("group-info", &[&[3], upload.group_info.as_slice()]);
    messages.put("strangers-group-info", &[&[3], foreign.group_info.as_slice()]);
    messages.put("strangers-tree", &[&[4], foreign.ratchet_tree.as_slice()]);
    let group = alice.group(&alice.provider());
    let tree = tls_codec::Serialize::tls_serialize_detached(&group.export_ratchet_tree()).expect("a tree");
    messages.put("tree", &[&[4], &tree]);
    messages.put("other-room", &[&[6], &other_room()]);
    messages.put("context", &[&[5], upload.group_info.as_slice()]);
}

fn row_seeds(alice: &Opener) {
    let sealed = Corpus::of("sealed_rows");
    let key = StorageKey::from_bytes(Zeroizing::new([0x66; 32]));
    let row = seal::seal_row(&key, sotto_client::io::Store::State, b"row", 3, b"what was sealed").expect("it seals");
    sealed.put("row", &[&[0], &row]);
    sealed.put("bent", &[&[1, 9, 20, 0x80, 4], b"keys and what is in them"]);

    let stored = Corpus::of("stored_rows");
    let of = |first: u8| alice.rows.iter().find(|(key, _)| key.first() == Some(&first)).map(|(_, value)| value.as_slice());
    for (name, kind, first) in [("device", 0, 0x10), ("room", 1, 0x20), ("contact", 2, 0x30), ("outbox", 3, 0x40)] {
        stored.put(name, &[&[0, kind], of(first).expect("alice has one")]);
    }
    stored.put("identity", &[&[0, 6], alice.device.identity.as_slice()]);
    let profile = newest_fixture().profile(0).expect("the profile").open().profile.expect("one");
    stored.put("profile", &[&[0, 5], &profile]);
    stored.put("half-a-group", &[&[2, 0, 1, 2]]);
    stored.put("all-but-one", &[&[2], &[0; 40]]);
    for (index, (_, value)) in (0_u8..).zip(alice.rows.iter().filter(|(key, _)| sotto_fuzzing::is_of_a_group(key))) {
        if value.len() < 20_000 {
            stored.put(&format!("mls-{index}"), &[&[1, index], value]);
        }
    }
}

fn engine_seeds(alice: &Opener, genuine: &Genuine, room: RoomId) {
    let corpus = Corpus::of("engine");
    let act = |kind: u8, bytes: &[u8]| [&[kind], u16::try_from(bytes.len()).expect("short").to_be_bytes().as_slice(), bytes].concat();
    let frame = |frame: &ServerFrame| act(0, &codec::encode(frame));
    let head = Cursor { room, seq: alice.room.cursor + 1 };
    let ready = frame(&ServerFrame::Ready { now: 1, key_packages: 20, heads: vec![head], held: Vec::new(), window: 0 });
    let few = frame(&ServerFrame::Ready {
        now: 1,
        key_packages: 1,
        heads: vec![Cursor { room: RoomId([5; 16]), seq: 3 }],
        held: Vec::new(),
        window: 0,
    });
    let (caught_up, answer) = (act(3, &[]), act(4, &[]));
    corpus.put("message", &[&ready, &act(1, genuine.message.as_slice()), &caught_up]);
    corpus.put("commit", &[&ready, &act(2, genuine.commit.as_slice()), &caught_up]);
    corpus.put("garbage", &[&ready, &act(2, &[1, 2, 3]), &caught_up, &answer, &answer]);
    corpus.put("refill", &[&few, &caught_up, &answer, &answer]);
    corpus.put("lost", &[&ready, &frame(&ServerFrame::Lost { upto: Cursor { room, seq: u64::MAX } }), &caught_up]);
    corpus.put("lost-behind", &[&ready, &frame(&ServerFrame::Lost { upto: Cursor { room, seq: 0 } }), &caught_up]);
    corpus.put("bye", &[&ready, &frame(&ServerFrame::Bye { code: ErrorCode::SignedOut }), &act(6, &[])]);
    corpus.put("replaced", &[&ready, &frame(&ServerFrame::Bye { code: ErrorCode::DeviceUnknown })]);
    let state = RoomState {
        info: RoomInfo { room, members: vec![person(alice)], epoch: 9, head: 99 },
        group_info: codec::decode::<UploadCommit>(genuine.upload.as_slice(), usize::MAX).expect("one").group_info,
        ratchet_tree: Bytes(vec![0; 8]),
        welcome: None,
    };
    corpus.put("state", &[&ready, &caught_up, &act(1, &[0; 20]), &act(4, &codec::encode(&state)), &act(7, &[0x10, 0])]);
    corpus.put("week", &[&ready, &caught_up, &act(7, &[1, 0x80, 0]), &act(6, &[]), &ready, &caught_up]);
    corpus.put(
        "refused",
        &[
            &ready,
            &caught_up,
            &act(5, &codec::encode(&ErrorBody { code: ErrorCode::StaleEpoch, retry_after: None, room: None, epoch: Some(9) })),
        ],
    );
    let entry = Entry {
        room,
        seq: alice.room.cursor + 1,
        kind: EntryKind::Message,
        epoch: 3,
        account: alice.identity.account(),
        device: alice.identity.device(),
        at: 1,
        idempotency: IdempotencyId([3; 16]),
        bytes: genuine.message.clone(),
    };
    let gap = Entry { seq: entry.seq + 5, ..entry.clone() };
    corpus.put("twice", &[&ready, &frame(&ServerFrame::Deliver { entries: vec![entry.clone(), entry] }), &caught_up]);
    corpus.put("gap", &[&ready, &frame(&ServerFrame::Deliver { entries: vec![gap.clone()] }), &caught_up, &act(7, &[5])]);
    // A window of one byte: the engine says `Took` after every frame.
    let narrow = frame(&ServerFrame::Ready { now: 1, key_packages: 20, heads: vec![head], held: Vec::new(), window: 1 });
    let full = frame(&ServerFrame::Deliver { entries: vec![gap; sotto_protocol::limits::ENTRIES_PER_FRAME] });
    corpus.put("window", &[&narrow, &act(1, genuine.message.as_slice()), &full, &frame(&ServerFrame::Deliver { entries: Vec::new() })]);
    corpus.put("devices", &[&ready, &frame(&ServerFrame::Devices), &act(4, &[]), &caught_up]);
}
