//! People on the real engine and the real backend, in one process, with a network that loses nothing.
#![allow(dead_code, reason = "each test binary uses its part")]

use sotto_backend::{Backend, BackendConfig};
use sotto_client_api::views::DeviceView;
use sotto_client_api::{Command, Reply};
use sotto_protocol::RoomId;
use sotto_sim::Host;

pub(crate) const PASSWORD: &str = "a quiet evening by the sea";

pub(crate) struct World {
    pub(crate) backend: Backend,
    pub(crate) now: u64,
    pub(crate) dir: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backend = Backend::open(BackendConfig::new(dir.path().to_owned())).await.unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        Self { backend, now: u64::try_from(now).unwrap(), dir }
    }

    /// One that begins four weeks ago, for tests that go on by weeks: the server's OpenMLS judges lifetimes by the real clock, and would
    /// refuse the key packages of a browser that is in the future.
    pub(crate) async fn weeks_ago() -> Self {
        Self { now: sotto_sim::four_weeks_ago(), ..Self::new().await }
    }

    /// Alice and bob, online, and their room, which is open at her and accepted by him.
    pub(crate) async fn pair(&self) -> (Host, Host, RoomId) {
        let (mut alice, mut bob) = (self.person("alice-1").await, self.person("bob-1").await);
        settle(&mut [&mut alice, &mut bob]).await;
        let room = alice.open_with("bob-1").await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
        bob.call(Command::AcceptRequest { room }).await.unwrap();
        settle(&mut [&mut alice, &mut bob]).await;
        (alice, bob, room)
    }

    /// Another server on a copy of the data as they are now.
    pub(crate) async fn copy(&self) -> (Backend, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(self.dir.path()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        (Backend::open(BackendConfig::new(folder.path().to_owned())).await.unwrap(), folder)
    }

    pub(crate) async fn person(&self, name: &str) -> Host {
        let mut host = Host::new(&self.backend, self.now);
        host.sign_up(name, PASSWORD).await.unwrap();
        host
    }

    /// One more browser of somebody, whose clock begins at `now`.
    pub(crate) async fn second(&self, name: &str, now: u64) -> Host {
        let mut host = Host::new(&self.backend, now);
        host.sign_in(name, PASSWORD).await.unwrap();
        host
    }
}

/// What a browser shows of the room that is open.
pub(crate) fn said(host: &Host) -> Vec<String> {
    host.texts().into_iter().map(|(text, _)| text).collect()
}

/// Time passes until nothing waits to be written to the archive.
pub(crate) async fn write_down(hosts: &mut [&mut Host]) {
    seconds(hosts, 20).await;
}

/// So many seconds pass for all of them.
pub(crate) async fn seconds(hosts: &mut [&mut Host], count: usize) {
    for _ in 0..count {
        hosts.iter_mut().for_each(|host| host.pass_time());
        settle(hosts).await;
    }
}

/// Runs everybody until nobody has anything left to do.
pub(crate) async fn settle(hosts: &mut [&mut Host]) {
    for _ in 0..40 {
        let mut worked = false;
        for host in hosts.iter_mut() {
            worked |= host.run().await;
        }
        if !worked {
            return;
        }
    }
    panic!("they never come to rest");
}

/// Connects again, as soon as the engine tries to; then so many seconds pass for that browser.
pub(crate) async fn online(hosts: &mut [&mut Host], back: usize, seconds: usize) {
    hosts[back].set_online(true);
    hosts[back].call(Command::Nudge).await.unwrap();
    for _ in 0..seconds {
        hosts[back].pass_time();
        settle(hosts).await;
    }
}

/// The devices of a browser's account.
pub(crate) async fn devices(host: &mut Host) -> Vec<DeviceView> {
    let Reply::Devices(devices) = host.call(Command::Devices).await.unwrap() else { panic!("no devices") };
    devices
}

/// A minute passes for both, with time for everything in it.
pub(crate) async fn pass_a_minute(alice: &mut Host, bob: &mut Host) {
    seconds(&mut [alice, bob], 60).await;
}
