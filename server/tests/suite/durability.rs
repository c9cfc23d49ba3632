//! What was acknowledged survives SIGKILL, once and in one order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use sotto_protocol::frames::{Ack, ClientFrame, Publish, ServerFrame};
use sotto_protocol::{IdempotencyId, RoomId, Seq};

use crate::kit::client::{Client, pair, seat_of};
use crate::kit::people::{Seat, random};
use crate::kit::{Server, kill_points};

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

// Falls with the duplicate check before the epoch check in backend's publish.
#[test]
fn r62_exactly_once_visible_a_lost_ack_and_ten_retries_make_one_message() {
    let server = Server::start();
    let (one, two, mut seat) = pair(&server, ["mira", "noor"]);
    let message = one.person.message(&mut seat, "once");
    let mut watcher = two.hello(&server);
    watcher.send(&ClientFrame::Join { cursor: sotto_protocol::frames::Cursor { room: seat.room, seq: 1 } });
    let mut cut = one.hello(&server);
    cut.send(&ClientFrame::Publish { messages: vec![message.clone()] });
    // The other member has it: the commit happened. The answer is cut off.
    let delivered = watcher.until(|frame| if let ServerFrame::Deliver { entries } = frame { Some(entries) } else { None }).unwrap();
    cut.cut();
    let later = one.person.message(&mut seat, "later");
    let mut seqs = Vec::new();
    for round in 0..10 {
        let mut socket = one.hello(&server);
        seqs.push(socket.publish(&message).unwrap().seq);
        if round == 5 {
            assert_eq!(socket.publish(&later).unwrap().seq, 3);
        }
        socket.cut();
    }
    assert_eq!(seqs, [delivered[0].seq; 10]);
    for client in [&one, &two] {
        let log = log_of(&server, client, seat.room);
        let ids: Vec<_> = log.iter().skip(1).map(|(_, id)| *id).collect();
        assert_eq!(ids, [message.idempotency, later.idempotency]);
    }
}
