//! Invite links and blocking, over real sockets: who is told what, and when.

use sotto_protocol::api::{BlockPerson, Blocked, CommitAck};
use sotto_protocol::frames::{EntryKind, ServerFrame};
use sotto_protocol::invites::{AskIn, Asks, MakeInvite, NameInvite};
use sotto_protocol::{Bytes, ErrorCode, InviteId, limits};

use crate::kit::Server;
use crate::kit::client::{Client, decoded, error_of, pair};
use crate::kit::people::now;
use crate::kit::socket::Socket;

fn told_of_asks(socket: &mut Socket) -> bool {
    socket.until(|frame| matches!(frame, ServerFrame::Asks).then_some(())).is_ok()
}

// Fails without the frame in `woken` (server/src/sync/connection.rs).
#[test]
fn who_asks_by_a_link_is_told_to_the_groups_people_and_its_end_to_who_asks() {
    let server = Server::start();
    let [mira, noor] = ["mira", "noor"].map(|name| Client::signed_up(&server, name));
    let (create, seat) = mira.person.new_room(&mira.person.own_group(), None, None);
    let _: CommitAck = decoded(&mira.post(&server, "/api/v1/rooms", &create));
    let (mut miras, mut noors) = (mira.hello(&server), noor.hello(&server));
    let invite = InviteId([7; 16]);
    let link = MakeInvite { room: seat.room, invite, expires_at: now() + 3_600_000, uses: 1 };
    let refused = noor.post(&server, "/api/v1/invites", &link);
    assert_eq!((refused.status, error_of(&refused).code), (403, ErrorCode::Forbidden));
    assert_eq!(mira.post(&server, "/api/v1/invites", &link).status, 200);

    let ask = AskIn { invite, proof: Bytes(vec![1; limits::INVITE_PROOF]) };
    assert_eq!(noor.post(&server, "/api/v1/invites/ask", &ask).status, 200);
    assert!(told_of_asks(&mut miras));
    let asks: Asks = decoded(&mira.get(&server, "/api/v1/invites/asks"));
    assert_eq!((asks.open.len(), asks.open[0].person.account, &asks.open[0].proof), (1, noor.person.account(), &ask.proof));
    assert_eq!(mira.post(&server, "/api/v1/invites/delete", &NameInvite { invite }).status, 200);
    assert!(told_of_asks(&mut noors));
    let asks: Asks = decoded(&noor.get(&server, "/api/v1/invites/asks"));
    assert!(asks.own.is_empty());
    let refused = noor.post(&server, "/api/v1/invites/ask", &ask);
    assert_eq!((refused.status, error_of(&refused).code), (410, ErrorCode::InviteEnded));
}

// Fails without the routes, and when `entry_for` gives the bytes to everybody.
#[test]
fn r69_blocking_over_the_wire_keeps_the_bytes_back_and_answers_the_sender_as_ever() {
    let server = Server::start();
    let (mira, noor, mut seat) = pair(&server, ["mira", "noor"]);
    let whom = BlockPerson { account: mira.person.account() };
    assert_eq!(noor.post(&server, "/api/v1/blocked", &whom).status, 200);
    let blocked: Blocked = decoded(&noor.get(&server, "/api/v1/blocked"));
    assert_eq!(blocked.people.iter().map(|person| person.account).collect::<Vec<_>>(), [mira.person.account()]);
    let said = mira.person.message(&mut seat, "can you hear me?");
    let ack = mira.hello(&server).publish(&said).unwrap();
    let path = format!("/api/v1/rooms/{}/entries/{}", seat.room, ack.seq);
    let [hers, noors] = [&mira, &noor].map(|who| decoded::<sotto_protocol::api::StoredEntry>(&who.get(&server, &path)).entry);
    assert_eq!((hers.kind, hers.bytes == said.bytes), (EntryKind::Message, true));
    assert_eq!((noors.kind, noors.bytes.0.is_empty()), (EntryKind::Message, true));
    assert_eq!(noor.post(&server, "/api/v1/blocked/delete", &whom).status, 200);
    assert!(decoded::<Blocked>(&noor.get(&server, "/api/v1/blocked")).people.is_empty());
}
