//! A peer that stops reading while much is said to it.

use std::time::{Duration, Instant};

use sotto_protocol::frames::{ClientFrame, Cursor, ServerFrame};

use crate::kit::Server;
use crate::kit::client::pair;
use crate::kit::memory::{MEGABYTE, Memory};
use crate::kit::socket::{Closed, Socket};
use crate::kit::witness::Witness;

/// `SEND_WITHIN` in server/src/sync/connection.rs.
const SEND_WITHIN: Duration = Duration::from_secs(30);
/// Said while nobody is slow: what the others are compared with.
const CONTROL: usize = 20_000;
const QUEUED: usize = 100_000;

// Rig: cc, 100,000 messages (copies of one, under ids of their own) for one who never reads. Fails without `sleep_until(deadline)` in
// server/src/sync/connection.rs (the place stays taken).
#[test]
fn r58_slow_reader_costs_bounded_memory_is_let_go_and_catches_up() {
    let server = Server::start_with(&[("SOTTO_LIMIT_FRAMES", "100000000/1s"), ("SOTTO_LIMIT_ACCOUNT_SOCKETS", "1"), ("SOTTO_LOG", "info")]);
    let (one, two, mut seat) = pair(&server, ["mira", "noor"]);
    let mut witness = Witness::new(&server);
    let quiet = witness.waits(100);
    let message = one.person.message(&mut seat, "of a hundred thousand");
    let mut writer = one.hello(&server);
    let (mut ids, busy) = witness.waits_during(|| writer.flood(&message, CONTROL));

    // The same again, five times as much, with one who asks for all of it and reads nothing.
    let mut reader = two.hello(&server);
    reader.send(&ClientFrame::Join { cursor: Cursor { room: seat.room, seq: 0 } });
    let memory = Memory::watch(&server);
    let start = Instant::now();
    let (more, busier) = witness.waits_during(|| writer.flood(&message, QUEUED));
    let flooded = Instant::now();
    ids.extend(more);
    let bytes = ids.len() * message.bytes.0.len();
    eprintln!("{QUEUED} messages in {:?}; the server grew by {} kB of {} kB", start.elapsed(), memory.grown() / 1024, bytes / 1024);
    assert!(memory.grown() < 20 * MEGABYTE, "{} bytes for {bytes} that nobody reads", memory.grown());
    busier.assert_no_slower_than(&busy, "beside a writer and a slow reader");
    witness.waits(100).assert_no_slower_than(&quiet, "beside a slow reader");

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
    assert!(taken < ids.len(), "everything was on its way to who did not read");

    // Rows are truth: what was not taken is read from them.
    fresh.hello(two.person.device, Vec::new());
    let entries = fresh.read_room(seat.room, 0);
    assert!(entries.iter().zip(1..).all(|(entry, seq)| entry.seq == seq));
    // After the commit that made the room.
    assert!(entries.iter().skip(1).map(|entry| entry.idempotency).eq(ids), "every message, once, in the order of the acks");
    assert!(memory.grown() < 25 * MEGABYTE, "{} bytes after catching up", memory.grown());
}
