//! Peers that take more than their share, and what the others notice of it.

use std::time::{Duration, Instant};

use serde_json::json;
use sotto_protocol::accounts::SignInRequest;
use sotto_protocol::frames::{ClientFrame, Cursor, ServerFrame};
use sotto_protocol::{Bytes, RoomId};

use crate::kit::Server;
use crate::kit::client::{Client, pair};
use crate::kit::people::Seat;
use crate::kit::socket::{Closed, Socket};

/// `SEND_WITHIN` in server/src/sync/connection.rs.
const SEND_WITHIN: Duration = Duration::from_secs(30);
const MEGABYTE: u64 = 1 << 20;

/// Somebody who goes on talking beside a flood.
struct Witness {
    client: Client,
    seat: Seat,
    socket: Socket,
}

impl Witness {
    fn new(server: &Server) -> Self {
        let (client, _, seat) = pair(server, ["wren", "wanda"]);
        let socket = client.hello(server);
        Self { client, seat, socket }
    }

    /// Sends that many messages, one after the other. How long each waited for its ack, ascending.
    fn waits(&mut self, count: usize) -> Vec<Duration> {
        let mut waits: Vec<_> = (0..count)
            .map(|_| {
                let message = self.client.person.message(&mut self.seat, "and you?");
                let start = Instant::now();
                self.socket.publish(&message).unwrap();
                start.elapsed()
            })
            .collect();
        waits.sort_unstable();
        waits
    }
}

/// What others wait for stays what it was, as far as a machine that runs other tests beside this one can tell.
fn assert_not_slower(before: &[Duration], during: &[Duration]) {
    let at = |waits: &[Duration], percent: usize| waits[(waits.len() - 1) * percent / 100];
    for (percent, slack) in [(50, 250), (99, 2_000)] {
        let (quiet, busy) = (at(before, percent), at(during, percent));
        assert!(busy < quiet * 4 + Duration::from_millis(slack), "{percent} of 100 waited {quiet:?} before and {busy:?} during the flood");
    }
}

/// Most memory that the server has ever had.
fn peak(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn from_the_start(room: RoomId) -> ClientFrame {
    ClientFrame::Join { cursor: Cursor { room, seq: 0 } }
}

// Rig: cc; 80 MB for one who never reads (100,000 messages are the same path for longer). Fails without `sleep_until(deadline)` in
// server/src/sync/connection.rs (the place stays taken), and with delivery that reads ahead of what the socket takes (the memory grows).
#[test]
fn r58_slow_reader_costs_bounded_memory_is_let_go_and_catches_up() {
    const MESSAGES: usize = 2_000;
    let server = Server::start_with(&[
        ("SOTTO_LIMIT_FRAMES", "1000000/1s"),
        ("SOTTO_LIMIT_SIGN_UP_ADDRESS", "1000/1m"),
        ("SOTTO_LIMIT_ACCOUNT_SOCKETS", "1"),
        ("SOTTO_LOG", "info"),
    ]);
    let (one, two, mut seat) = pair(&server, ["mira", "noor"]);
    let mut witness = Witness::new(&server);
    let quiet = witness.waits(60);

    let mut writer = one.hello(&server);
    let mut reader = two.hello(&server);
    reader.send(&from_the_start(seat.room));
    let before = peak(&server);
    let text = "x".repeat(40_000);
    for _ in 0..MESSAGES {
        writer.publish(&one.person.message(&mut seat, &text)).unwrap();
    }
    let flooded = Instant::now();
    let grown = peak(&server).saturating_sub(before);
    assert!(grown < 40 * MEGABYTE, "{grown} bytes for 80 MB that nobody reads");
    assert_not_slower(&quiet, &witness.waits(60));

    // One socket for each account: who never reads keeps the place only so long.
    let mut fresh = loop {
        match Socket::connect(&server, two.cookie.as_deref(), Some(&server.url)) {
            Ok(socket) => break socket,
            Err(status) => assert_eq!(status, 429),
        }
        assert!(flooded.elapsed() < SEND_WITHIN + Duration::from_secs(20), "the slow reader is still there");
        std::thread::sleep(Duration::from_millis(200));
    };
    let mut taken = 0;
    let end = loop {
        match reader.next() {
            Ok(ServerFrame::Deliver { entries }) => taken += entries.len(),
            Ok(_) => {}
            Err(end) => break end,
        }
    };
    assert_eq!(end, Closed(None));
    assert!(taken < MESSAGES, "everything was on its way to who did not read");

    // Rows are truth: what was not taken is read from them.
    fresh.hello(two.person.device, Vec::new());
    let entries = fresh.read_room(seat.room, 0);
    assert_eq!(entries.len(), 1 + MESSAGES);
    assert!(entries.iter().zip(1..).all(|(entry, seq)| entry.seq == seq));
    assert!(peak(&server).saturating_sub(before) < 60 * MEGABYTE);
}

// Fails without `own >= taken.limits.account` in server/src/sync/slots.rs.
#[test]
fn r59_floods_of_sockets_meet_their_limit_and_others_still_come_in() {
    let server = Server::start_with(&[("SOTTO_LIMIT_ACCOUNT_SOCKETS", "8"), ("SOTTO_LIMIT_SOCKETS", "100")]);
    let mallory = Client::signed_up(&server, "mallory");
    let open: Vec<_> = (0..200).map(|_| Socket::connect(&server, mallory.cookie.as_deref(), Some(&server.url))).collect();
    assert_eq!(open.iter().filter(|socket| socket.is_ok()).count(), 8);
    assert!(open.iter().all(|socket| matches!(socket, Ok(_) | Err(429))));
    assert_eq!(Witness::new(&server).waits(5).len(), 5);
}

// Fails without the larger capacity in backend's `passwords::argon2` (the allocator then keeps some 340 MB), and without
// `try_acquire_owned` there (none is told to come back).
#[test]
fn r59_floods_of_logins_are_computed_a_few_at_a_time() {
    const LOGINS: usize = 200;
    let server = Server::start_with(&[
        ("SOTTO_LIMIT_LOGIN_ACCOUNT", "100000/1m"),
        ("SOTTO_LIMIT_LOGIN_ADDRESS", "100000/1m"),
        ("SOTTO_LOG", "info"),
    ]);
    let mallory = Client::signed_up(&server, "mallory");
    let mut witness = Witness::new(&server);
    let quiet = witness.waits(40);
    let flood = |guess: &SignInRequest| -> Vec<u16> {
        std::thread::scope(|scope| {
            let login = || Client::new("guess").function(&server, "sign_in", json!({ "request": guess })).status;
            let logins: Vec<_> = (0..LOGINS).map(|_| scope.spawn(login)).collect();
            logins.into_iter().map(|login| login.join().unwrap()).collect()
        })
    };
    let mut guess = mallory.person.sign_in_request();
    // Refused before anything is computed: what so many requests cost anyway.
    guess.auth_key.0.truncate(31);
    assert!(flood(&guess).iter().all(|status| *status == 400));
    let before = peak(&server);
    guess.auth_key = Bytes(vec![7; 32]);
    let (statuses, busy) = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(&guess));
        let busy = witness.waits(40);
        (flooding.join().unwrap(), busy)
    });
    assert_not_slower(&quiet, &busy);
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!(count(401) + count(429) + count(503), LOGINS, "{statuses:?}");
    assert!(count(401) > 0 && count(503) > 0, "{statuses:?}");
    // Two hashes of 19 MiB at once.
    let grown = peak(&server).saturating_sub(before);
    assert!(grown < 120 * MEGABYTE, "{grown} bytes for {LOGINS} logins");
}

// Fails without `ready_at <= now` in server/src/sync/connection.rs.
#[test]
fn r59_floods_of_messages_are_read_at_their_pace_and_others_dont_notice() {
    const LONG: Duration = Duration::from_secs(5);
    let server = Server::start_with(&[("SOTTO_LIMIT_FRAMES", "200/2s"), ("SOTTO_LOG", "info")]);
    let (mallory, _, mut seat) = pair(&server, ["mallory", "noor"]);
    let mut witness = Witness::new(&server);
    let quiet = witness.waits(60);
    let mut flood = mallory.hello(&server);
    let messages: Vec<_> = (0..1_500).map(|_| mallory.person.message(&mut seat, "flood")).collect();
    let start = Instant::now();
    let acks = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| {
            // Ten in a frame, and frame after frame; acks are taken as they come.
            let mut acks = 0;
            for batch in messages.chunks(10) {
                flood.send(&ClientFrame::Publish { messages: batch.to_vec() });
            }
            while start.elapsed() < LONG {
                if let Ok(ServerFrame::Acks { acks: more }) = flood.next() {
                    acks += more.len();
                }
            }
            acks
        });
        let busy = witness.waits(60);
        let acks = flooding.join().unwrap();
        assert_not_slower(&quiet, &busy);
        acks
    });
    // A burst of 200 units, then 100 a second; a batch of ten counts eleven.
    let most = 200 + 100 * usize::try_from(start.elapsed().as_secs() + 1).unwrap();
    assert!(acks <= most, "{acks} in {:?}", start.elapsed());
    assert!(acks >= 200, "{acks} in {:?}", start.elapsed());
}
