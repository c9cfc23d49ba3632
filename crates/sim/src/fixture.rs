//! A world as a release left it: the server's folder and two browsers' data, kept as files so that every later release can be asked
//! to open them and go on.
//!
//! `cargo run --package sotto-sim --example fixtures` writes `crates/sim/fixtures/<version>/` anew; a folder of a version that was
//! released is never written again.

use std::fs;
use std::path::{Path, PathBuf};

use minicbor::{Decode, Encode};
use sotto_backend::{Backend, BackendConfig, SessionToken};
use sotto_protocol::{ErrorCode, Millis, RoomId, codec};

use crate::host::{Host, ProfileCopy, SimError};

/// Password of both people.
pub const PASSWORD: &str = "a quiet evening by the sea";
/// Bob's lock passphrase: his storage key lies in the fixture under this alone.
pub const PASSPHRASE: &str = "a lighthouse in the fog";
/// The two, in this order.
pub const NAMES: [&str; 2] = ["alice-1", "bob-1"];
/// Longest file beside the database.
const MAX: usize = 64 * 1024 * 1024;

/// What can't be seen from database and profiles.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Notes {
    /// The clock when everything stopped.
    #[n(0)]
    pub now: Millis,
    /// The room of the two.
    #[n(1)]
    pub room: RoomId,
    /// The two cookies.
    #[n(2)]
    pub tokens: Vec<String>,
    /// The two recovery codes.
    #[n(3)]
    pub recovery_codes: Vec<String>,
}

/// A fixture's folder.
#[derive(Clone, Debug)]
pub struct Fixture {
    folder: PathBuf,
    /// Its notes.
    pub notes: Notes,
}

/// Anything that goes wrong with files is a broken tree.
fn broken<E>(_: E) -> SimError {
    SimError(ErrorCode::Internal, "fixture")
}

impl Fixture {
    /// The folder of all fixtures.
    #[must_use]
    pub fn folders() -> PathBuf {
        // Asked at run time where it can be: a cache that checkouts share may hold a program that was built in another one.
        let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        match std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from) {
            Some(manifest) if manifest.join("fixtures").is_dir() => manifest.join("fixtures"),
            Some(manifest) if manifest.join("../sim/fixtures").is_dir() => manifest.join("../sim/fixtures"),
            _ => own.join("fixtures"),
        }
    }

    /// Every fixture there is, oldest version first.
    ///
    /// # Errors
    /// When one can't be read.
    pub fn all() -> Result<Vec<Self>, SimError> {
        let mut folders: Vec<PathBuf> = fs::read_dir(Self::folders())
            .map_err(broken)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(broken)?;
        folders.sort();
        folders.iter().map(|folder| Self::read(folder)).collect()
    }

    /// The one in a folder.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(folder: &Path) -> Result<Self, SimError> {
        let notes = fs::read(folder.join("notes.cbor")).map_err(broken)?;
        Ok(Self { folder: folder.to_owned(), notes: codec::decode(&notes, MAX).map_err(broken)? })
    }

    /// One of its files.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn file(&self, name: &str) -> Result<Vec<u8>, SimError> {
        fs::read(self.folder.join(name)).map_err(broken)
    }

    /// Copies the server's folder, for a server that may write there.
    ///
    /// # Errors
    /// When it can't be copied.
    pub fn copy_server(&self, to: &Path) -> Result<(), SimError> {
        fs::create_dir_all(to).map_err(broken)?;
        for name in ["sotto.db", "server.secret"] {
            fs::copy(self.folder.join("server").join(name), to.join(name)).map_err(broken)?;
        }
        Ok(())
    }

    /// The browser of one of the two, not booted.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn profile(&self, who: usize) -> Result<ProfileCopy, SimError> {
        ProfileCopy::decode(&self.file(NAMES.get(who).ok_or(SimError(ErrorCode::Internal, "who"))?)?).map_err(broken)
    }

    /// One of the two with their cookie, not booted, at the fixture's time.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn host(&self, who: usize, backend: &Backend) -> Result<Host, SimError> {
        let mut host = Host::new(backend, self.notes.now);
        host.token = self.notes.tokens.get(who).and_then(|token| SessionToken::parse(token));
        host.put_profile(self.profile(who)?);
        Ok(host)
    }
}

/// Lives a small life and writes it down: a room with texts both ways, receipts, a key update, a text that waits for the network, a
/// draft, a compared safety number; alice's storage key as her browser would give it back, bob's under a lock passphrase.
///
/// # Errors
/// When life goes wrong or the folder can't be written.
pub async fn write(folder: &Path, now: Millis) -> Result<(), SimError> {
    let server = folder.join("server");
    fs::create_dir_all(&server).map_err(broken)?;
    let backend = Backend::open(BackendConfig::new(&server)).await.map_err(broken)?;
    let notes = life::live(&backend, folder, now).await?;
    backend.close().await;
    fs::write(folder.join("notes.cbor"), codec::encode(&notes)).map_err(broken)
}

mod life {
    use sotto_client_api::Command;

    use super::{Backend, ErrorCode, Host, Millis, NAMES, Notes, PASSPHRASE, PASSWORD, Path, SimError, broken, fs};

    const WEEK: Millis = 7 * 24 * 3_600_000;

    pub(super) async fn live(backend: &Backend, folder: &Path, now: Millis) -> Result<Notes, SimError> {
        let (mut alice, mut bob) = (Host::new(backend, now), Host::new(backend, now));
        let mut recovery_codes = Vec::new();
        for (host, name) in [&mut alice, &mut bob].into_iter().zip(NAMES) {
            recovery_codes.push(host.sign_up(name, PASSWORD).await?);
        }
        settle([&mut alice, &mut bob]).await;
        let room = alice.open_with(NAMES[1]).await?;
        settle([&mut alice, &mut bob]).await;
        bob.open(room).await?;

        alice.say(room, "The tide is out.").await?;
        bob.say(room, "Then we walk to the island.").await?;
        settle([&mut alice, &mut bob]).await;
        // A week later alice renews her keys. bob, who was away, has not yet: his leaf is as his key package made it, with a lifetime.
        alice.now += WEEK + 60_000;
        // Her socket was silent for a week.
        alice.run().await;
        alice.call(Command::Nudge).await?;
        settle([&mut alice, &mut bob]).await;
        bob.say(room, "Bring a lamp.").await?;
        settle([&mut alice, &mut bob]).await;
        let Some(peer) = alice.rooms.get(&room).and_then(|room| room.peer.as_ref()).map(|peer| peer.account) else {
            return Err(broken(()));
        };
        alice.call(Command::SetVerified { account: peer, verified: true }).await?;
        alice.call(Command::SaveDraft { room, text: "And shoes that".into() }).await?;
        settle([&mut alice, &mut bob]).await;
        alice.set_online(false);
        alice.say(room, "Written without a network.").await?;
        bob.call(Command::SetLockPassphrase { passphrase: Some(PASSPHRASE.into()) }).await?;
        settle([&mut alice, &mut bob]).await;

        alice.open(room).await?;
        let states: Vec<_> = alice.texts().into_iter().map(|(_, state)| state).collect();
        if alice.epochs().map_err(broken)?.get(&room) != Some(&2) || states != ["delivered", "read", "read", "sending"] {
            return Err(SimError(ErrorCode::Internal, "another life than the one to be told"));
        }
        let mut tokens = Vec::new();
        for (host, name) in [&alice, &bob].into_iter().zip(NAMES) {
            fs::write(folder.join(name), host.copy_profile().encode()).map_err(broken)?;
            tokens.push(host.token.as_ref().map(sotto_backend::SessionToken::expose).unwrap_or_default());
        }
        Ok(Notes { now: alice.now.max(bob.now), room, tokens, recovery_codes })
    }

    async fn settle(mut hosts: [&mut Host; 2]) {
        for _ in 0..40 {
            let mut worked = false;
            for host in &mut hosts {
                worked |= host.run().await;
            }
            if !worked {
                return;
            }
        }
    }
}
