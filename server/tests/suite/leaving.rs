//! Who is out of a group, by leaving or by being removed, over real sockets: a client that keeps its state and its socket gets nothing of what is
//! said later, and could read nothing of it.

use sotto_protocol::api::{ClaimKeyPackages, ClaimedKeyPackages, CommitAck, UploadCommit};
use sotto_protocol::frames::{Ack, ClientFrame, Cursor, Entry, EntryKind, ServerFrame};
use sotto_protocol::{Bytes, RoomId, Seq};

use crate::kit::Server;
use crate::kit::client::{Client, decoded, seat_of};
use crate::kit::people::Seat;
use crate::kit::socket::Socket;

/// A group of mira and noor, with noor's socket.
struct Group {
    server: Server,
    mira: Client,
    noor: Client,
    miras: Seat,
    noors: Seat,
    socket: Socket,
}

fn post_commit(server: &Server, person: &Client, seat: &mut Seat, upload: &UploadCommit) -> Seq {
    let ack: CommitAck = decoded(&person.post(server, &format!("/api/v1/rooms/{}/commits", seat.room), upload));
    seat.group.merge_pending_commit(&person.person.provider).unwrap();
    ack.seq
}

impl Group {
    fn new() -> Self {
        let server = Server::start();
        let [mira, noor] = ["mira", "noor"].map(|name| Client::signed_up(&server, name));
        noor.publish_key_packages(&server);
        let (create, mut miras) = mira.person.new_room(&mira.person.own_group(), None, None);
        let _: CommitAck = decoded(&mira.post(&server, "/api/v1/rooms", &create));
        miras.group.merge_pending_commit(&mira.person.provider).unwrap();
        let claim = ClaimKeyPackages { name: noor.person.name.clone(), group: true };
        let claimed: ClaimedKeyPackages = decoded(&mira.post(&server, "/api/v1/key-packages/claim", &claim));
        let package = claimed.packages.first().unwrap();
        let add = mira.person.add_package(&mut miras, (claimed.account, package.device, package.key_package.clone()));
        let seq = post_commit(&server, &mira, &mut miras, &add);
        let mut socket = noor.hello(&server);
        let welcome = socket.until(|frame| if let ServerFrame::Welcomes { mut welcomes } = frame { welcomes.pop() } else { None }).unwrap();
        let noors = seat_of(&noor.person, &welcome);
        socket.send(&ClientFrame::Join { cursor: Cursor { room: noors.room, seq } });
        Self { server, mira, noor, miras, noors, socket }
    }

    /// The next entry that noor's socket brings.
    fn next(&mut self) -> Entry {
        let room = self.noors.room;
        self.socket.until(|frame| of_room(frame, room)).unwrap()
    }

    /// Mira says something, and noor's client, whose newest entry was at `last`, gets and reads nothing of it.
    fn nothing_more(mut self, last: Seq) {
        let said = self.mira.person.message(&mut self.miras, "just us");
        let ack = self.mira.hello(&self.server).publish(&said).unwrap();
        assert_eq!(ack.seq, last + 1);
        // By its open socket, by asking, and by a new connection.
        let room = self.noors.room;
        assert_eq!(brought(&mut self.socket, room, last), None);
        let entry = self.noor.get(&self.server, &format!("/api/v1/rooms/{room}/entries/{}", ack.seq));
        assert_eq!(entry.status, 410);
        assert_eq!(brought(&mut self.noor.hello(&self.server), room, last), None);
        // Had it come: the key for it is not in what noor kept.
        assert!(!self.noors.group.is_active());
        let stolen = Bytes(said.bytes.0);
        let open = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.noor.person.receive(&mut self.noors, &stolen)));
        assert!(open.is_err(), "it opens");
    }
}

/// What a socket brings of a room after a position, until the server answers something that was asked later.
fn brought(socket: &mut Socket, room: RoomId, after: Seq) -> Option<Entry> {
    socket.send(&ClientFrame::Join { cursor: Cursor { room, seq: after } });
    socket.send(&ClientFrame::Ping { nonce: 7 });
    let until = |frame| match frame {
        ServerFrame::Pong { nonce: 7 } => Some(None),
        frame => of_room(frame, room).map(Some),
    };
    socket.until(until).unwrap()
}

fn of_room(frame: ServerFrame, room: RoomId) -> Option<Entry> {
    let ServerFrame::Deliver { entries } = frame else { return None };
    entries.into_iter().find(|entry| entry.room == room)
}

// Rig: cc. Fails without `gone_at` in the store's `read_after`.
#[test]
fn r44_who_left_gets_nothing_more_over_the_wire() {
    let mut group = Group::new();
    let leave = group.noor.person.leave(&mut group.noors);
    let path = format!("/api/v1/rooms/{}/proposals", group.noors.room);
    let ack: Ack = decoded(&group.noor.post(&group.server, &path, &leave));
    let proposal = group.next();
    assert_eq!((proposal.kind, proposal.seq), (EntryKind::Proposal, ack.seq));
    group.mira.person.keep(&mut group.miras, &proposal.bytes);
    let upload = group.mira.person.self_update(&mut group.miras);
    let gone = post_commit(&group.server, &group.mira, &mut group.miras, &upload);
    let commit = group.next();
    assert_eq!(commit.seq, gone);
    group.noor.person.receive(&mut group.noors, &commit.bytes);
    group.nothing_more(gone);
}

// Rig: cc. Fails without `gone_at` in the store's `read_after`.
#[test]
fn r44_who_was_removed_gets_nothing_more_over_the_wire() {
    let mut group = Group::new();
    let upload = group.mira.person.remove(&mut group.miras, &group.noor.person);
    let gone = post_commit(&group.server, &group.mira, &mut group.miras, &upload);
    let commit = group.next();
    assert_eq!(commit.seq, gone);
    group.noor.person.receive(&mut group.noors, &commit.bytes);
    group.nothing_more(gone);
}
