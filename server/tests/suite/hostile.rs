//! What a malicious member uploads to the real server, over HTTP and the socket: each refused by its code, and nothing of it stored.
//! Rig: cc. The lines whose removal makes these fail are named beside the same attacks in crates/sim/tests/hostile_member.rs.

#[path = "../../../crates/sim/tests/kit/attacks.rs"]
mod attacks;

use openmls::prelude::LeafNodeIndex;
use sotto_protocol::api::{CommitAck, RoomState};
use sotto_protocol::frames::{ClientFrame, Publish, ServerFrame};
use sotto_protocol::{Bytes, ErrorCode};
use sotto_rules::identity::DeviceCredential;

use crate::kit::client::{Client, decoded, error_of, pair};
use crate::kit::people::{self, Seat, idempotency};
use crate::kit::{Server, database};
use attacks::Attack;

/// A room of Mallory and somebody else, on a server of their own.
struct Stage {
    server: Server,
    mallory: Client,
    seat: Seat,
    eve: Client,
}

impl Stage {
    fn new() -> Self {
        let server = Server::start();
        let (mallory, _peer, seat) = pair(&server, ["mallory", "noor"]);
        let eve = Client::signed_up(&server, "eve");
        Self { server, mallory, seat, eve }
    }

    fn commits(&self) -> String {
        format!("/api/v1/rooms/{}/commits", self.seat.room)
    }

    fn state(&self) -> RoomState {
        decoded(&self.mallory.get(&self.server, &format!("/api/v1/rooms/{}/state", self.seat.room)))
    }

    /// The other's leaf and what stands in it.
    fn peers_leaf(&self) -> (LeafNodeIndex, DeviceCredential) {
        let own = self.seat.group.own_leaf_index();
        let member = self.seat.group.members().find(|member| member.index != own).unwrap();
        (member.index, DeviceCredential::decode(member.credential.serialized_content()).unwrap())
    }

    fn refused(&self, attacks: &[Attack]) {
        let before = database::rows(&self.server);
        for Attack { name, upload, code } in attacks {
            let answer = self.mallory.post(&self.server, &self.commits(), upload);
            assert!(answer.status >= 400, "{name} was taken");
            assert_eq!(error_of(&answer).code, *code, "{name}");
            assert!(database::rows(&self.server) == before, "{name} has changed something");
        }
    }

    /// What is in order is taken in the same way.
    fn still_works(&mut self) {
        let valid = attacks::valid(&self.mallory.person, &mut self.seat);
        let ack: CommitAck = decoded(&self.mallory.post(&self.server, &self.commits(), &valid));
        assert_eq!(ack.epoch, valid.epoch + 1);
    }
}

#[test]
fn r27_a_leaf_that_says_to_be_somebody_else_is_refused_over_the_wire() {
    let mut stage = Stage::new();
    let (state, (_, peer)) = (stage.state(), stage.peers_leaf());
    let attacks = attacks::swapped_identities(&stage.mallory.person, &mut stage.seat, &peer, &stage.eve.person, &state);
    stage.refused(&attacks);
    stage.still_works();
}

#[test]
fn r30_what_a_member_has_no_right_to_is_refused_over_the_wire() {
    let mut stage = Stage::new();
    let (victim, _) = stage.peers_leaf();
    let attacks = attacks::without_rights(&stage.mallory.person, &mut stage.seat, victim, &stage.eve.person);
    stage.refused(&attacks);
    stage.still_works();
}

#[test]
fn r31_what_rooms_do_not_use_is_refused_over_the_wire() {
    let mut stage = Stage::new();
    let state = stage.state();
    let attacks = attacks::unused_features(&stage.mallory.person, &mut stage.seat, &stage.eve.person, &state);
    stage.refused(&attacks);
    // A stranger's own session does not see the room.
    let external = &attacks.last().unwrap().upload;
    let answer = stage.eve.post(&stage.server, &stage.commits(), external);
    assert_eq!((answer.status, error_of(&answer).code), (404, ErrorCode::NotFound));
    // Nor does any of it pass for a message.
    let before = database::rows(&stage.server);
    let mut socket = stage.mallory.hello(&stage.server);
    for attack in &attacks {
        assert_eq!(published(&stage, &mut socket, &attack.upload.commit), ErrorCode::WrongSuite, "{}", attack.name);
    }
    assert_eq!(database::rows(&stage.server), before);
    stage.still_works();
}

fn published(stage: &Stage, socket: &mut crate::kit::socket::Socket, bytes: &Bytes) -> ErrorCode {
    let message = Publish { room: stage.seat.room, idempotency: idempotency(), epoch: 1, bytes: bytes.clone() };
    socket.send(&ClientFrame::Publish { messages: vec![message] });
    let refusals = socket.until(|frame| if let ServerFrame::Refusals { refusals } = frame { Some(refusals) } else { None }).unwrap();
    refusals.first().unwrap().code
}

#[test]
fn r38_commit_wedge_a_false_group_info_is_refused_over_the_wire() {
    let mut stage = Stage::new();
    let (victim, _) = stage.peers_leaf();
    let attacks = attacks::false_group_infos(&stage.mallory.person, &mut stage.seat, victim);
    stage.refused(&attacks);
    stage.still_works();
}

#[test]
fn r43_lifetimes_of_added_packages_are_checked_over_the_wire() {
    let mut stage = Stage::new();
    let attacks = attacks::wrong_lifetimes(&stage.mallory.person, &mut stage.seat);
    stage.refused(&attacks);
    stage.still_works();
}

#[test]
fn r48_tags_that_are_empty_or_cut_are_refused_over_the_wire() {
    let mut stage = Stage::new();
    let attacks = attacks::bent_tag_lengths(&stage.mallory.person, &mut stage.seat);
    stage.refused(&attacks);
    stage.still_works();
}

#[test]
fn a_second_leaf_under_one_key_by_self_update_is_refused_over_the_wire() {
    let mut stage = Stage::new();
    let (upload, phones_key) = attacks::second_device(&stage.mallory.person, &mut stage.seat);
    let _: CommitAck = decoded(&stage.mallory.post(&stage.server, &stage.commits(), &upload));
    stage.seat.group.merge_pending_commit(&stage.mallory.person.provider).unwrap();
    let doubled = attacks::doubled_leaf_key(&stage.mallory.person, &mut stage.seat, &phones_key);
    stage.refused(&[doubled]);
    stage.still_works();
}
