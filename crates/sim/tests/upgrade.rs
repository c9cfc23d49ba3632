//! What earlier releases left on disks opens, and life goes on from there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod kit;

use kit::{said, settle};
use sotto_backend::{Backend, BackendConfig};
use sotto_client_api::views::Phase;
use sotto_client_api::{Command, Reply};
use sotto_protocol::ErrorCode;
use sotto_sim::Host;
use sotto_sim::fixture::{Fixture, NAMES, PASSPHRASE, PASSWORD};

const DAY: u64 = 24 * 3_600_000;
/// What the fixture's people had said.
const SAID: [&str; 3] = ["The tide is out.", "Then we walk to the island.", "Bring a lamp."];

/// A fixture, opened by today's server on a copy of its folder, and both browsers as they were.
struct Old {
    backend: Backend,
    alice: Host,
    bob: Host,
    dir: tempfile::TempDir,
}

impl Old {
    async fn open(fixture: &Fixture) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fixture.copy_server(dir.path()).unwrap();
        let backend = Backend::open(BackendConfig::new(dir.path())).await.unwrap();
        let [alice, bob] = [0, 1].map(|who| fixture.host(who, &backend).unwrap());
        Self { backend, alice, bob, dir }
    }

    async fn settle(&mut self) {
        settle(&mut [&mut self.alice, &mut self.bob]).await;
    }

    /// Both browsers are opened again, bob's with his passphrase.
    async fn reload(&mut self) {
        self.alice.reload().await.unwrap();
        self.bob.reload().await.unwrap();
        assert!(matches!(self.bob.phase, Phase::Locked { .. }), "{:?}", self.bob.phase);
        self.bob.call(Command::Unlock { passphrase: PASSPHRASE.into() }).await.unwrap();
    }
}

// Rig: cc, on the files of every release. Fails with any format that is read otherwise than it was written: a field of `RoomRecord`
// without `#[cbor(default)]`, another `VERSION` in client's `storage/codec.rs`, another label in `seal.rs`, a migration that changes.
#[tokio::test]
async fn r67_upgrade_every_release_opens_and_its_conversation_goes_on() {
    for fixture in Fixture::all().unwrap() {
        let mut old = Old::open(&fixture).await;
        let room = fixture.notes.room;
        old.reload().await;
        for host in [&mut old.alice, &mut old.bob] {
            host.open(room).await.unwrap();
            assert_eq!(said(host)[..3], SAID);
        }
        // What waited for the network goes out as it was encrypted.
        old.settle().await;
        old.bob.say(room, "It is already here.").await.unwrap();
        old.settle().await;
        let expected = [&SAID[..], &["Written without a network.", "It is already here."]].concat();
        assert_eq!(said(&old.alice), expected);
        assert_eq!(said(&old.bob), expected);
        assert_eq!((old.alice.notices.as_slice(), old.bob.notices.as_slice()), ([].as_slice(), [].as_slice()));

        // Keys are renewed in the old trees.
        let before = old.alice.epochs().unwrap()[&room];
        for host in [&mut old.alice, &mut old.bob] {
            host.now += 8 * DAY;
            host.run().await;
            host.call(Command::Nudge).await.unwrap();
        }
        old.settle().await;
        old.alice.say(room, "In a new epoch.").await.unwrap();
        old.settle().await;
        assert!(old.alice.epochs().unwrap()[&room] > before);
        assert_eq!(said(&old.bob).last().unwrap(), "In a new epoch.");
        assert_eq!(old.alice.epochs().unwrap(), old.bob.epochs().unwrap());
    }
}

// The cookies are dead, and once the calendar is three months further the lifetime of bob's old leaf is over. Fails without
// `skip_lifetime_validation` in client's `join_externally` then, and at once without whatever opens slots and wraps: bob comes on a
// browser that kept nothing.
#[tokio::test]
async fn r67_upgrade_long_after_the_password_opens_what_was_kept() {
    for fixture in Fixture::all().unwrap() {
        let mut old = Old::open(&fixture).await;
        let room = fixture.notes.room;
        // The server's OpenMLS judges lifetimes by the real clock. While the fixture is younger than 31 days the server's calendar is
        // ahead of it, and the browsers', which make key packages, is not.
        let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let today = u64::try_from(today).unwrap();
        let now = today.max(fixture.notes.now + 31 * DAY);
        let skew = today.cast_signed() - now.cast_signed();
        (old.alice.now, old.alice.skew) = (now, skew);
        old.alice.reload().await.unwrap();
        old.alice.sign_in(NAMES[0], PASSWORD).await.unwrap();
        old.alice.open(room).await.unwrap();
        assert_eq!(said(&old.alice)[..3], SAID);

        // bob's laptop is gone: the vault opens, another device takes a seat.
        old.bob = Host::new(&old.backend, now);
        old.bob.skew = skew;
        old.bob.sign_in(NAMES[1], PASSWORD).await.unwrap();
        old.settle().await;
        old.bob.open(room).await.unwrap();
        old.bob.say(room, "I am back.").await.unwrap();
        old.settle().await;
        assert_eq!(said(&old.alice).last().unwrap(), "I am back.");
        old.alice.say(room, "At last.").await.unwrap();
        old.settle().await;
        assert_eq!(said(&old.bob).last().unwrap(), "At last.");
    }
}

// Fails with another label in client's `recovery.rs` or another AAD in `vault.rs`.
#[tokio::test]
async fn r67_upgrade_an_old_recovery_code_opens_its_slot() {
    for fixture in Fixture::all().unwrap() {
        let old = Old::open(&fixture).await;
        let mut host = Host::new(&old.backend, fixture.notes.now);
        host.call(Command::Boot { signed_in: false }).await.unwrap();
        let prepare = Command::PrepareRecovery { name: NAMES[0].parse().unwrap(), code: fixture.notes.recovery_codes[0].clone() };
        let Reply::RecoveryOpen(request) = host.call(prepare).await.unwrap() else { panic!("no request") };
        let opened = old.backend.recovery_open(&host.context(), request).await.unwrap();
        let finish = Command::FinishRecovery { opened, new_password: "another evening by the sea".into() };
        let Reply::RecoveryFinish { request, .. } = host.call(finish).await.unwrap() else { panic!("no request") };
        old.backend.recovery_finish(&host.context(), None, request).await.unwrap();
    }
}

// A browser that a later release has written is left as it is. Fails without the version's comparison in `ProfileRecord::decode`.
#[tokio::test]
async fn r67_upgrade_a_newer_browser_profile_is_refused_and_stays_as_it_is() {
    for fixture in Fixture::all().unwrap() {
        let mut old = Old::open(&fixture).await;
        let newer = fixture.profile(0).unwrap().of_a_later_version();
        let before = newer.encode();
        old.alice.restore_profile(newer).await.unwrap();
        assert_eq!(old.alice.phase, Phase::Broken { code: ErrorCode::Unsupported });
        assert_eq!(old.alice.copy_profile().encode(), before);
    }
}

// A database that a later release has migrated is left as it is. Fails when migrations that are not known are ignored
// (`set_ignore_missing` in the store).
#[tokio::test]
async fn r67_upgrade_a_newer_database_is_refused_and_stays_as_it_is() {
    for fixture in Fixture::all().unwrap() {
        let old = Old::open(&fixture).await;
        old.backend.close().await;
        let path = old.dir.path().join("sotto.db");
        add_migration(&path).await;
        let before = std::fs::read(&path).unwrap();
        let refused = Backend::open(BackendConfig::new(old.dir.path())).await;
        assert!(refused.is_err(), "a newer database was opened");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

/// What a later release's first start leaves: one migration more.
async fn add_migration(path: &std::path::Path) {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (9999, 'later', '2030-01-01', 1, x'00', 1)").execute(&pool).await.unwrap();
    pool.close().await;
}
