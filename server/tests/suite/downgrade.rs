//! One suite and two wire formats: everything else is refused by its code, and nothing of it is stored.

use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{
    Ciphersuite, KeyPackage, KeyPackageBuilder, MlsGroup, MlsGroupJoinConfig, OpenMlsProvider as _, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY,
};
use openmls_basic_credential::SignatureKeyPair;
use sotto_protocol::api::{CommitAck, CreateRoom, KeyPackageCount, UploadCommit, UploadKeyPackages};
use sotto_protocol::frames::{ClientFrame, Publish, ServerFrame};
use sotto_protocol::{Bytes, ErrorCode, RoomId};
use sotto_rules::config;
use sotto_sim::hostile::{downgrade, forgery, member};

use crate::kit::client::{Client, decoded, error_of};
use crate::kit::people::{Person, Seat, idempotency, now, random};
use crate::kit::socket::Socket;
use crate::kit::{Server, database};

fn key_package(person: &Person, suite: Ciphersuite, last_resort: bool) -> KeyPackage {
    let (signer, credential) = person.leaf();
    let finish = |builder: KeyPackageBuilder| if last_resort { builder.mark_as_last_resort() } else { builder };
    downgrade::key_package_under(suite, &person.provider, &signer, credential, finish).unwrap()
}

/// A room as `config::create_config` makes it, but for the suite.
fn group(person: &Person, suite: Ciphersuite, room: RoomId) -> (MlsGroup, SignatureKeyPair) {
    let (signer, credential) = person.leaf();
    (downgrade::room_under(suite, &person.provider, &signer, credential, room).unwrap(), signer)
}

fn commit(person: &Person, group: &mut MlsGroup, signer: &SignatureKeyPair, add: Option<(&Person, KeyPackage)>) -> UploadCommit {
    let joiner = add.as_ref().map(|(peer, _)| (peer.account(), peer.device));
    member::commit(&person.provider, group, signer, joiner, |builder| builder.propose_adds(add.map(|(_, package)| package))).unwrap()
}

/// The same device with an OpenMLS state that knows no room yet.
fn twin(person: &Person) -> Person {
    let (account_key, device_key) = (person.account_key.clone(), person.device_key.clone());
    Person { account_key, device_key, device: person.device, ..Person::new(person.name.as_str()) }
}

/// The room of `person` alone.
fn notes(person: &Person, suite: Ciphersuite) -> CreateRoom {
    let room = RoomId(random());
    let (mut group, signer) = group(person, suite, room);
    let group_info = group.export_group_info(person.provider.crypto(), &signer, false).unwrap().to_bytes().unwrap().into();
    let ratchet_tree = group.export_ratchet_tree().tls_serialize_detached().unwrap().into();
    let commit = commit(person, &mut group, &signer, None);
    CreateRoom { room, peer: Some(person.account()), group_info, ratchet_tree, commit }
}

// Falls with the suite check of `check_key_package_form` in rules (packages), and with those of `creation` (rooms) and `welcomes` in
// backend's rooms/validate.rs.
#[test]
fn r32_downgrade_another_suite_is_refused_and_not_stored() {
    let server = Server::start();
    let (one, two) = (Client::signed_up(&server, "mira"), Client::signed_up(&server, "noor"));
    two.publish_key_packages(&server);
    let package = two.person.key_package(config::key_package_lifetime(now() / 1000), false);
    let _: KeyPackageCount =
        decoded(&two.post(&server, "/api/v1/key-packages", &UploadKeyPackages { one_time: vec![package.clone()], last_resort: None }));
    // A room in epoch 1, for the commits.
    let (create, _) = one.person.room_with(&one.person, None);
    let _: CommitAck = decoded(&one.post(&server, "/api/v1/rooms", &create));
    let room = create.room;
    let commits = format!("/api/v1/rooms/{room}/commits");
    let before = database::rows(&server);

    for other in downgrade::OTHER_SUITES {
        let encoded = |last_resort| Bytes(key_package(&one.person, other, last_resort).tls_serialize_detached().unwrap());
        let ours = one.person.key_package(config::key_package_lifetime(now() / 1000), false);
        for upload in [
            UploadKeyPackages { one_time: vec![encoded(false)], last_resort: None },
            UploadKeyPackages { one_time: Vec::new(), last_resort: Some(encoded(true)) },
            // Not even the good one of two.
            UploadKeyPackages { one_time: vec![ours, encoded(false)], last_resort: None },
        ] {
            let answer = one.post(&server, "/api/v1/key-packages", &upload);
            assert_eq!((answer.status, error_of(&answer).code), (422, ErrorCode::WrongSuite), "{other:?}");
        }

        let answer = two.post(&server, "/api/v1/rooms", &notes(&two.person, other));
        assert_eq!((answer.status, error_of(&answer).code), (422, ErrorCode::WrongSuite), "{other:?}");

        // A Welcome under another suite beside a commit that is right.
        let (mut create, _) = one.person.room_with(&two.person, Some(package.clone()));
        let (mut weak, signer) = group(&one.person, other, RoomId(random()));
        let add = (&two.person, key_package(&two.person, other, false));
        create.commit.welcomes = commit(&one.person, &mut weak, &signer, Some(add)).welcomes;
        let answer = one.post(&server, "/api/v1/rooms", &create);
        assert_eq!((answer.status, error_of(&answer).code), (422, ErrorCode::WrongSuite), "{other:?}");

        // A commit names no suite: under another it just does not fit the room, whose id and epoch it has.
        let twin = twin(&one.person);
        let (mut weak, signer) = group(&twin, other, room);
        commit(&twin, &mut weak, &signer, None);
        weak.merge_pending_commit(&twin.provider).unwrap();
        let upload = commit(&twin, &mut weak, &signer, None);
        assert_eq!(upload.epoch, 1);
        let answer = one.post(&server, &commits, &upload);
        assert_eq!((answer.status, error_of(&answer).code), (422, ErrorCode::CommitRefused), "{other:?}");
    }
    assert_eq!(database::rows(&server), before);

    // The same objects under the one suite are taken.
    let upload = UploadKeyPackages {
        one_time: vec![Bytes(key_package(&one.person, config::SUITE, false).tls_serialize_detached().unwrap())],
        last_resort: None,
    };
    let _: KeyPackageCount = decoded(&one.post(&server, "/api/v1/key-packages", &upload));
    let _: CommitAck = decoded(&two.post(&server, "/api/v1/rooms", &notes(&two.person, config::SUITE)));
}

fn refused(socket: &mut Socket, seat: &Seat, bytes: &Bytes) -> ErrorCode {
    let message = Publish { room: seat.room, idempotency: idempotency(), epoch: seat.group.epoch().as_u64(), bytes: bytes.clone() };
    socket.send(&ClientFrame::Publish { messages: vec![message] });
    let code = socket.until(|frame| match frame {
        ServerFrame::Refusals { refusals } => Some(refusals[0].code),
        ServerFrame::Acks { .. } => panic!("taken"),
        _ => None,
    });
    code.unwrap()
}

// Falls with the `PublicMessage` arm and the content type of `check_form` in backend's delivery, and with the `PublicMessage`
// condition of `public_commit` in rooms/validate.rs.
#[test]
fn r32_downgrade_public_application_data_and_private_handshakes_are_refused_and_not_stored() {
    let server = Server::start();
    let one = Client::signed_up(&server, "mira");
    let (create, mut seat) = one.person.room_with(&one.person, None);
    let _: CommitAck = decoded(&one.post(&server, "/api/v1/rooms", &create));
    let (provider, commits) = (&one.person.provider, format!("/api/v1/rooms/{}/commits", seat.room));
    seat.group.merge_pending_commit(provider).unwrap();
    let before = database::rows(&server);
    let mut socket = one.hello(&server);

    let open = forgery::public_application(&seat.group, "for everybody to read").unwrap();
    let parsed = <openmls::prelude::MlsMessageIn as openmls::prelude::tls_codec::Deserialize>::tls_deserialize_exact(&open.0);
    assert!(parsed.is_ok(), "it is refused for what it is, not for its bytes: {parsed:?}");
    assert_eq!(refused(&mut socket, &seat, &open), ErrorCode::WrongSuite);

    let public = one.person.self_update(&mut seat);
    assert_eq!(refused(&mut socket, &seat, &public.commit), ErrorCode::WrongSuite, "a commit among messages");
    let answer = one.post(&server, &commits, &UploadCommit { idempotency: idempotency(), commit: open, ..public.clone() });
    assert_eq!((answer.status, error_of(&answer).code), (422, ErrorCode::CommitRefused));

    seat.group.clear_pending_commit(provider.storage()).unwrap();
    let hidden = MlsGroupJoinConfig::builder().wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY).build();
    seat.group.set_configuration(provider.storage(), &hidden).unwrap();
    let private = one.person.self_update(&mut seat);
    assert_eq!(refused(&mut socket, &seat, &private.commit), ErrorCode::WrongSuite, "a commit that the server can't check");
    let answer = one.post(&server, &commits, &private);
    assert_eq!((answer.status, error_of(&answer).code), (422, ErrorCode::WrongSuite));
    assert_eq!(database::rows(&server), before);

    seat.group.clear_pending_commit(provider.storage()).unwrap();
    seat.group.set_configuration(provider.storage(), &config::join_config()).unwrap();
    let message = one.person.message(&mut seat, "as it should be");
    assert_eq!(socket.publish(&message).unwrap().seq, 2);
    let commit = one.person.self_update(&mut seat);
    let _: CommitAck = decoded(&one.post(&server, &commits, &commit));
}
