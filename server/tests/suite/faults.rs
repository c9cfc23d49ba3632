//! A disk that is full and a database that somebody else holds: what is refused can be tried again, what is acked is there.

use std::collections::HashSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sotto_protocol::ErrorCode;
use sotto_protocol::frames::{Ack, ClientFrame, Entry, Publish, ServerFrame};

use crate::kit::Server;
use crate::kit::client::{Client, error_of, pair};
use crate::kit::database::{self, WriteLock};
use crate::kit::http::{Answer, Call};
use crate::kit::people::Seat;
use crate::kit::socket::Socket;

/// Longest that anybody may wait for an answer: a lock is waited for during 5 seconds, by the use of the session that is noted
/// each minute and then by the request itself.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// Somebody who goes on writing whatever the server says.
struct Writer {
    client: Client,
    peer: Client,
    seat: Seat,
    socket: Option<Socket>,
    acked: Vec<(Instant, Ack)>,
    refused: Vec<Publish>,
    slowest: Duration,
}

impl Writer {
    fn new(server: &Server, names: [&str; 2]) -> Self {
        let (client, peer, seat) = pair(server, names);
        Self { client, peer, seat, socket: None, acked: Vec::new(), refused: Vec::new(), slowest: Duration::ZERO }
    }

    /// Publishes a message and says what became of it; a connection that the server ended as `unavailable` is made again.
    fn publish(&mut self, server: &Server, message: &Publish) -> bool {
        let begun = Instant::now();
        let taken = self.try_publish(server, message);
        self.slowest = self.slowest.max(begun.elapsed());
        let is_taken = taken.is_some();
        match taken {
            Some(ack) => self.acked.push((Instant::now(), ack)),
            None => self.refused.push(message.clone()),
        }
        is_taken
    }

    fn try_publish(&mut self, server: &Server, message: &Publish) -> Option<Ack> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => {
                let mut socket = match Socket::connect(server, self.client.cookie.as_deref(), Some(&server.url)) {
                    Ok(socket) => socket,
                    Err(status) => {
                        assert_eq!(status, 503);
                        return None;
                    }
                };
                socket.within(ANSWERED_WITHIN);
                let device = self.client.person.device;
                socket.send(&ClientFrame::Hello { version: 1, device, cursors: Vec::new(), window: 0 });
                socket
            }
        };
        socket.try_send(&ClientFrame::Publish { messages: vec![message.clone()] }).ok()?;
        let answer = socket.until(|frame| match frame {
            ServerFrame::Acks { mut acks } => Some(acks.pop()),
            ServerFrame::Refusals { refusals } => {
                assert_eq!(refusals[0].code, ErrorCode::Unavailable);
                Some(None)
            }
            ServerFrame::Bye { code } => {
                assert_eq!(code, ErrorCode::Unavailable);
                Some(None)
            }
            _ => None,
        });
        let ack = answer.ok()??;
        assert_eq!(ack.idempotency, message.idempotency);
        self.socket = Some(socket);
        Some(ack)
    }

    /// New messages of a length until one is refused.
    fn fill(&mut self, server: &Server, length: usize) {
        loop {
            let message = self.client.person.message(&mut self.seat, &"x".repeat(length));
            if !self.publish(server, &message) {
                return;
            }
            assert!(self.acked.len() < 5_000, "the disk never got full");
        }
    }

    /// What was refused is sent again, but for the first, which its writer gives up.
    fn send_again(&mut self, server: &Server) -> Option<Publish> {
        let mut refused = std::mem::take(&mut self.refused).into_iter();
        let given_up = refused.next();
        for message in refused {
            assert!(self.publish(server, &message), "it works again");
        }
        given_up
    }

    /// Both members read the same log: what was acked, once, where its ack said, and nothing else.
    fn check(&self, server: &Server) {
        let logs = [&self.client, &self.peer].map(|client| client.hello(server).read_room(self.seat.room, 0));
        let place = |entry: &Entry| (entry.seq, entry.idempotency);
        assert!(logs[0].iter().map(place).eq(logs[1].iter().map(place)), "one order");
        assert!(logs[0].iter().zip(1..).all(|(entry, seq)| entry.seq == seq), "no gap");
        let acked: HashSet<_> = self.acked.iter().map(|(_, ack)| (ack.seq, ack.idempotency)).collect();
        assert_eq!(acked.len(), self.acked.len(), "none acked twice");
        let told: HashSet<_> = logs[0].iter().skip(1).map(place).collect();
        assert_eq!(told, acked, "acked and there are the same");
    }
}

fn health(server: &Server) -> u16 {
    Call::get("/health").send(server.address).status
}

/// 503, with a code and a time to try it again.
fn assert_retryable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{:?}", answer.headers);
}

/// How the disk gets small and large again.
enum Disk {
    /// A file system of its own in memory, with ballast on it.
    Own(&'static [&'static str]),
    /// No file may grow beyond a size (EFBIG in the place of ENOSPC): for machines that mount nothing.
    Quota,
}

impl Disk {
    const MOUNT: &str =
        "mkdir -p \"$SOTTO_DATA_DIR\" && mount -t tmpfs -o size=16m,mode=700 none \"$SOTTO_DATA_DIR\" && exec \"$0\" \"$@\"";
    const BALLAST: usize = 4 << 20;

    /// A namespace in which this user may mount.
    fn own() -> Option<Self> {
        const WAYS: [&[&str]; 2] = [&["unshare", "-rm", "sh", "-c", Disk::MOUNT], &["unshare", "-m", "sh", "-c", Disk::MOUNT]];
        WAYS.into_iter()
            .find(|way| {
                let folder = tempfile::tempdir().unwrap();
                let mut probe = Command::new(way[0]);
                probe.args(&way[1..]).arg("true").env("SOTTO_DATA_DIR", folder.path().join("data")).stderr(std::process::Stdio::null());
                probe.status().is_ok_and(|status| status.success())
            })
            .map(Self::Own)
    }

    fn start(&self) -> Server {
        let environment = [("SOTTO_LIMIT_FRAMES", "1000000/1s"), ("SOTTO_LOG", "info")];
        let server = match self {
            Self::Own(way) => Server::start_under(way, &environment),
            // The signal that comes with it would end the server.
            Self::Quota => Server::start_under(&["sh", "-c", "trap '' XFSZ && exec \"$0\" \"$@\""], &environment),
        };
        match self {
            Self::Own(_) => std::fs::write(ballast(&server), vec![1; Self::BALLAST]).unwrap(),
            Self::Quota => limit_files(&server, "8388608:"),
        }
        server
    }

    fn free(&self, server: &Server) {
        match self {
            Self::Own(_) => std::fs::remove_file(ballast(server)).unwrap(),
            Self::Quota => limit_files(server, "unlimited:"),
        }
    }
}

/// In the file system that the server sees.
fn ballast(server: &Server) -> String {
    format!("/proc/{}/root{}", server.id(), server.data_dir().join("ballast").display())
}

fn limit_files(server: &Server, limit: &str) {
    let set = Command::new("prlimit").args(["--pid", &server.id().to_string(), &format!("--fsize={limit}")]).status().unwrap();
    assert!(set.success());
}

fn a_full_disk_refuses_and_comes_back(disk: &Disk) {
    let server = disk.start();
    let mut writers: Vec<_> = ["one", "two", "three"].map(|name| Writer::new(&server, [name, &format!("{name}-peer")])).into();
    assert_eq!(health(&server), 200);
    std::thread::scope(|scope| {
        for writer in &mut writers {
            scope.spawn(|| {
                writer.fill(&server, 30_000);
                // What a long one did not fill.
                writer.fill(&server, 10);
            });
        }
    });
    // Pages that a refused write has taken are used by a smaller one: each `ok` was a write that happened.
    let told = (0..500).map(|_| health(&server)).find(|status| *status != 200);
    assert_eq!(told, Some(503), "a full disk is no health");
    if matches!(disk, Disk::Quota) {
        // The use of a session is noted each minute: that it can't be now must not keep anybody from reading.
        // Folding the WAL would make room in it.
        database::execute(&server, &["PRAGMA wal_autocheckpoint = 0", "UPDATE sessions SET last_seen_at = last_seen_at - 120000"]);
    }
    for writer in &mut writers {
        let message = writer.client.person.message(&mut writer.seat, "no");
        assert!(!writer.publish(&server, &message));
        let answer = writer.client.post(&server, "/api/v1/key-packages", &writer.client.person.upload(1));
        assert_retryable(&answer);
        assert_eq!(error_of(&answer).code, ErrorCode::Unavailable);
        assert!(writer.refused.len() >= 3);
        // What is there is read all the same.
        writer.check(&server);
    }
    assert_retryable(&Client::new("newcomer").sign_up(&server));

    disk.free(&server);
    assert_eq!(health(&server), 200, "without a restart");
    for writer in &mut writers {
        assert!(writer.send_again(&server).is_some());
        let message = writer.client.person.message(&mut writer.seat, "again");
        assert!(writer.publish(&server, &message));
        writer.check(&server);
        assert!(writer.slowest < ANSWERED_WITHIN, "{:?}", writer.slowest);
    }
    let _ = Client::signed_up(&server, "newcomer");
}

// Rig: fi, a file system of 16 MB that three writers fill. Fails when `commit` in backend's writer.rs hands a failed batch its jobs' own
// answers (acked and not there).
#[test]
fn r61_dependency_faults_enospc_is_refused_with_503_never_a_false_ack_and_recovers_without_a_restart() {
    match Disk::own() {
        Some(disk) => a_full_disk_refuses_and_comes_back(&disk),
        None => eprintln!("SKIPPED: this machine lets nobody mount a file system of its own; the quota's test shows the same"),
    }
}

// The same where no file may grow beyond 8 MB. Fails without the arm for `Unavailable` in `live` of backend's sessions.rs, too (nobody
// reads, since nobody's minute is noted).
#[test]
fn r61_dependency_faults_a_file_that_cant_grow_is_refused_with_503_and_recovers_without_a_restart() {
    a_full_disk_refuses_and_comes_back(&Disk::Quota);
}

// Rig: fi, another process (this one) holds the write lock for 30 seconds. Fails when `commit` in backend's writer.rs hands a failed batch
// its jobs' own answers.
#[test]
fn r61_dependency_faults_a_lock_of_30_seconds_is_answered_with_503_never_a_false_ack_and_recovers_without_a_restart() {
    const HELD: Duration = Duration::from_secs(30);
    let server = Server::start_with(&[("SOTTO_LIMIT_FRAMES", "1000000/1s"), ("SOTTO_LOG", "info")]);
    let mut writers: Vec<_> = ["one", "two", "three"].map(|name| Writer::new(&server, [name, &format!("{name}-peer")])).into();
    let visitor = Client::signed_up(&server, "visitor");
    let released = AtomicBool::new(false);
    let (locked_at, released_at) = std::thread::scope(|scope| {
        for writer in &mut writers {
            let (server, released) = (&server, &released);
            scope.spawn(move || {
                while !released.load(Ordering::SeqCst) {
                    let message = writer.client.person.message(&mut writer.seat, "meanwhile");
                    writer.publish(server, &message);
                }
            });
        }
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(health(&server), 200);
        let lock = WriteLock::take(&server);
        let locked_at = Instant::now();
        let mut asked = 0;
        while locked_at.elapsed() < HELD - ANSWERED_WITHIN || asked == 0 {
            let begun = Instant::now();
            assert_eq!(health(&server), 503, "no write would be durable now");
            assert!(begun.elapsed() < ANSWERED_WITHIN);
            let begun = Instant::now();
            assert_retryable(&visitor.post(&server, "/api/v1/key-packages", &visitor.person.upload(1)));
            assert!(begun.elapsed() < ANSWERED_WITHIN, "{:?}", begun.elapsed());
            asked += 1;
        }
        std::thread::sleep(HELD.saturating_sub(locked_at.elapsed()));
        let released_at = Instant::now();
        lock.release();
        std::thread::sleep(Duration::from_secs(7));
        released.store(true, Ordering::SeqCst);
        (locked_at, released_at)
    });
    assert_eq!(health(&server), 200, "without a restart");
    for writer in &mut writers {
        assert!(!writer.refused.is_empty(), "they were told");
        let falsely = writer.acked.iter().filter(|(at, _)| *at > locked_at + Duration::from_secs(1) && *at < released_at).count();
        assert_eq!(falsely, 0, "acked what nobody could write");
        assert!(writer.acked.iter().any(|(at, _)| *at > released_at), "it works again by itself");
        assert!(writer.slowest < ANSWERED_WITHIN, "{:?}", writer.slowest);
        assert!(writer.send_again(&server).is_some());
        writer.check(&server);
    }
    visitor.publish_key_packages(&server);
}
