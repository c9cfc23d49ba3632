//! What was acknowledged survives SIGKILL, once and in one order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use sotto_protocol::api::CommitAck;
use sotto_protocol::frames::{Ack, ClientFrame, Cursor, Publish, ServerFrame};
use sotto_protocol::{IdempotencyId, RoomId, Seq};

use crate::kit::client::{Client, decoded, pair, seat_of};
use crate::kit::people::{Seat, random};
use crate::kit::{Server, kill_points, lossy};

const WRITERS: usize = 8;
const BATCH: usize = 3;

struct Writer {
    client: Client,
    seat: Seat,
    /// Sent, not acked: sent again after a crash under the same ids, as a client does.
    open: Vec<Publish>,
    acked: Vec<Ack>,
}

impl Writer {
    /// Publishes batch after batch until the server is gone.
    fn write(&mut self, server: &Server, acks: &AtomicUsize) {
        let Ok(mut socket) = crate::kit::socket::Socket::connect(server, self.client.cookie.as_deref(), Some(&server.url)) else { return };
        let hello = ClientFrame::Hello { version: 1, device: self.client.person.device, cursors: Vec::new(), window: 0 };
        if socket.try_send(&hello).is_err() {
            return;
        }
        loop {
            while self.open.len() < BATCH {
                self.open.push(self.client.person.message(&mut self.seat, "durable"));
            }
            if socket.try_send(&ClientFrame::Publish { messages: self.open.clone() }).is_err() {
                return;
            }
            while !self.open.is_empty() {
                match socket.next() {
                    Err(_) => return,
                    Ok(ServerFrame::Acks { acks: more }) => {
                        for ack in more {
                            self.open.retain(|message| message.idempotency != ack.idempotency);
                            self.acked.push(ack);
                            acks.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    Ok(ServerFrame::Refusals { refusals }) => panic!("refused: {refusals:?}"),
                    Ok(_) => {}
                }
            }
        }
    }
}

fn writers(server: &Server) -> Vec<Writer> {
    let mut writers = Vec::new();
    for number in 0..WRITERS / 2 {
        let names = [format!("left-{number}"), format!("right-{number}")];
        let (one, two, seat) = pair(server, [&names[0], &names[1]]);
        let mut socket = two.hello(server);
        let welcome = socket.until(|frame| if let ServerFrame::Welcomes { welcomes } = frame { welcomes.into_iter().next() } else { None });
        let joined = seat_of(&two.person, &welcome.unwrap());
        writers.push(Writer { client: one, seat, open: Vec::new(), acked: Vec::new() });
        writers.push(Writer { client: two, seat: joined, open: Vec::new(), acked: Vec::new() });
    }
    writers
}

// Falls with `synchronous=FULL` only on power loss; with an ack before the transaction's end (backend's writer) at once.
#[test]
fn r60_ack_means_durable_every_acked_message_is_in_the_log_once_after_kills() {
    let mut server =
        Server::start_with(&[("SOTTO_LIMIT_SIGN_UP_ADDRESS", "1000/1m"), ("SOTTO_LIMIT_FRAMES", "100000/1s"), ("SOTTO_LOG", "info")]);
    let mut writers = writers(&server);
    for point in 0..kill_points(50) {
        let acks = AtomicUsize::new(0);
        // Some kills come before the first ack, some in the middle of many.
        let wanted = usize::from(random::<1>()[0]) % 120;
        std::thread::scope(|scope| {
            for writer in &mut writers {
                let (server, acks) = (&server, &acks);
                scope.spawn(move || writer.write(server, acks));
            }
            while acks.load(Ordering::SeqCst) < wanted {
                std::thread::yield_now();
            }
            server.kill_by_id();
        });
        server.reap();
        server.restart();
        check(&server, &writers, point);
    }
}

/// Both members see the same log: consecutive, every acked id where its ack said, none twice.
fn check(server: &Server, writers: &[Writer], point: usize) {
    for members in writers.chunks(2) {
        let room = members[0].seat.room;
        let logs: Vec<Vec<(Seq, IdempotencyId)>> = members.iter().map(|member| log_of(server, &member.client, room)).collect();
        assert_eq!(logs[0], logs[1], "one order");
        let seqs: Vec<Seq> = logs[0].iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, (1..=u64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>(), "no gap");
        let places: HashMap<IdempotencyId, Seq> = logs[0].iter().map(|(seq, id)| (*id, *seq)).collect();
        assert_eq!(places.len(), logs[0].len(), "none twice");
        for ack in members.iter().flat_map(|member| &member.acked) {
            assert_eq!(places.get(&ack.idempotency), Some(&ack.seq), "acked, after crash {point}");
        }
    }
}

fn log_of(server: &Server, client: &Client, room: RoomId) -> Vec<(Seq, IdempotencyId)> {
    let entries = client.hello(server).read_room(room, 0);
    entries.into_iter().map(|entry| (entry.seq, entry.idempotency)).collect()
}

// Rig: px, which loses the answer when it has left the server. Falls with the duplicate check before the epoch check in backend's
// `log::append_all`.
#[test]
fn r62_exactly_once_visible_a_lost_ack_and_ten_retries_make_one_message() {
    let mut server = Server::start();
    let (one, two, mut seat) = pair(&server, ["mira", "noor"]);
    // Both members look on from the beginning, each on a socket of its own.
    let mut watchers = [&one, &two].map(|client| {
        let mut socket = client.hello(&server);
        socket.send(&ClientFrame::Join { cursor: Cursor { room: seat.room, seq: 0 } });
        socket
    });
    let welcome =
        watchers[1].until(|frame| if let ServerFrame::Welcomes { welcomes } = frame { welcomes.into_iter().next() } else { None });
    let mut others = seat_of(&two.person, &welcome.unwrap());
    let message = one.person.message(&mut seat, "once");
    let ack = |answer: ServerFrame| {
        let ServerFrame::Acks { acks } = answer else { panic!("not acks: {answer:?}") };
        (acks[0].idempotency, acks[0].seq, acks[0].at)
    };
    let first = ack(lossy::publish_and_lose_the_answer(&server, &one, &message));
    assert_eq!(first.0, message.idempotency);
    let mut written = vec![message.idempotency];
    for round in 0..10 {
        // The room goes on: the other member writes, and in the middle a new epoch begins.
        if round % 3 == 0 {
            let reply = two.person.message(&mut others, "meanwhile");
            two.hello(&server).publish(&reply).unwrap();
            written.push(reply.idempotency);
        }
        if round == 4 {
            let update = one.person.self_update(&mut seat);
            let _: CommitAck = decoded(&one.post(&server, &format!("/api/v1/rooms/{}/commits", seat.room), &update));
            written.push(update.idempotency);
            let entry = one.hello(&server).read_room(seat.room, 0).pop().unwrap();
            two.person.receive(&mut others, &entry.bytes);
        }
        assert_eq!(ack(lossy::publish_and_lose_the_answer(&server, &one, &message)), first, "the first answer again");
    }
    // At last one answer comes through.
    assert_eq!(one.hello(&server).publish(&message).unwrap().seq, first.1);
    for watcher in &mut watchers {
        let mut seen = Vec::new();
        while seen.len() < 1 + written.len() {
            seen.extend(watcher.until(|frame| if let ServerFrame::Deliver { entries } = frame { Some(entries) } else { None }).unwrap());
        }
        let seen: Vec<_> = seen.into_iter().map(|entry| (entry.seq, entry.idempotency)).collect();
        assert!(seen.iter().zip(1..).all(|((own, _), seq)| *own == seq), "one order");
        assert!(seen.iter().skip(1).map(|(_, id)| id).eq(&written), "one message, as it was shown when it came");
    }
    server.kill();
    server.restart();
    for client in [&one, &two] {
        let log = log_of(&server, client, seat.room);
        assert!(log.iter().skip(1).map(|(_, id)| id).eq(&written), "and from the log, after a crash");
        assert_eq!(log.iter().find(|(_, id)| *id == message.idempotency).unwrap().0, first.1);
    }
}
