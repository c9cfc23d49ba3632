//! The window: how much the server sends to who has not worked off what came before.

use sotto_protocol::frames::{ClientFrame, Cursor, Entry, ServerFrame, VERSION};
use sotto_protocol::{RoomId, codec, limits};

use crate::kit::Server;
use crate::kit::client::{Client, pair};
use crate::kit::socket::Socket;

const WINDOW: u64 = limits::DELIVERY_WINDOW as u64;
/// Some three windows.
const MESSAGES: usize = 1_200;

/// A device that counts what comes, and says `Took` when it is asked to.
struct Reader {
    socket: Socket,
    entries: Vec<Entry>,
    welcomes: Vec<RoomId>,
    /// Bytes of frames that came and were not said to be taken.
    held: u64,
    caught_up: bool,
}

impl Reader {
    /// Asks for rooms from their beginning, with a window.
    fn of(client: &Client, server: &Server, rooms: &[RoomId]) -> Self {
        let mut socket = client.socket(server);
        let cursors = rooms.iter().map(|room| Cursor { room: *room, seq: 0 }).collect();
        socket.send(&ClientFrame::Hello { version: VERSION, device: client.person.device, cursors, window: WINDOW });
        let ready = socket.next().unwrap();
        assert!(matches!(ready, ServerFrame::Ready { window: WINDOW, .. }), "{ready:?}");
        Self { socket, entries: Vec::new(), welcomes: Vec::new(), held: 0, caught_up: false }
    }

    fn take(&mut self, frame: ServerFrame) {
        let length = codec::encode(&frame).len() as u64;
        match frame {
            ServerFrame::Deliver { entries } => {
                self.held += length;
                self.entries.extend(entries);
            }
            ServerFrame::Welcomes { welcomes } => self.welcomes.extend(welcomes.iter().map(|welcome| welcome.room)),
            ServerFrame::CaughtUp => self.caught_up = true,
            _ => {}
        }
    }

    /// Reads until a window is full.
    fn fill(&mut self) {
        while self.held < WINDOW {
            let frame = self.socket.next().unwrap();
            self.take(frame);
        }
    }

    /// Reads what comes while the server answers a hundred pings: all that it has to say without being asked for more.
    fn listen(&mut self) {
        for nonce in 0..100 {
            self.socket.send(&ClientFrame::Ping { nonce });
            loop {
                match self.socket.next().unwrap() {
                    ServerFrame::Pong { .. } => break,
                    frame => self.take(frame),
                }
            }
        }
    }

    fn took(&mut self, bytes: u64, next: Option<RoomId>) {
        self.socket.send(&ClientFrame::Took { bytes, next });
        self.held = self.held.saturating_sub(bytes);
    }
}

/// Two rooms of noor's with so many messages in each.
fn two_full_rooms(server: &Server) -> (Client, [RoomId; 2]) {
    let (mira, noor, mut first) = pair(server, ["mira", "noor"]);
    let zoe = Client::signed_up(server, "zoe");
    let mut second = zoe.make_room(server, &noor.person);
    for (client, seat) in [(&mira, &mut first), (&zoe, &mut second)] {
        let message = client.person.message(seat, "one of many");
        client.hello(server).flood(&message, MESSAGES);
    }
    (noor, [first.room, second.room])
}

// Rig: cc. Fails without `self.on_its_way < self.window` in backend's `Backlog::is_due` (everything comes at once), and without
// `saturating_sub(bytes)` (nothing comes any more) or the place of `next` (the other room comes first) in `Backlog::took`.
#[test]
fn r58_slow_reader_that_works_nothing_off_gets_a_window_and_one_frame() {
    let server = Server::start_with(&[("SOTTO_LIMIT_FRAMES", "100000000/1s")]);
    let (noor, [first, second]) = two_full_rooms(&server);
    let mut reader = Reader::of(&noor, &server, &[first, second]);
    reader.fill();
    reader.listen();
    let most = WINDOW + limits::SYNC_FRAME as u64;
    assert!((WINDOW..most).contains(&reader.held), "{} bytes are on their way", reader.held);
    assert!(!reader.caught_up && reader.entries.iter().all(|entry| entry.room == first), "one room after the other");

    // What is not of the log passes by the window.
    let third = Client::signed_up(&server, "dora").make_room(&server, &noor.person).room;
    reader.listen();
    assert!(reader.welcomes.contains(&third) && reader.held < most, "{} bytes", reader.held);

    // As much as was worked off follows, and no more; who claims to have worked off more than came opens one window, not two.
    let came = reader.entries.len();
    reader.took(limits::SYNC_FRAME as u64, None);
    reader.listen();
    assert!(reader.entries.len() > came && (WINDOW..most).contains(&reader.held), "{} bytes", reader.held);
    reader.took(u64::MAX, None);
    reader.fill();
    reader.listen();
    assert!((WINDOW..most).contains(&reader.held), "{} bytes after a false count", reader.held);

    // The room that is wanted next comes next.
    let came = reader.entries.len();
    reader.took(reader.held, Some(second));
    reader.fill();
    assert!(reader.entries[came..].iter().all(|entry| entry.room == second), "another room came first");

    while !reader.caught_up {
        reader.took(reader.held, None);
        reader.listen();
    }
    for room in [first, second] {
        let seqs: Vec<_> = reader.entries.iter().filter(|entry| entry.room == room).map(|entry| entry.seq).collect();
        assert!(seqs.iter().copied().eq(1..=MESSAGES as u64 + 1), "every entry once and in order: {} came", seqs.len());
    }
}
