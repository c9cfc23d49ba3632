//! A person with a session: server functions, `/api/v1` and the socket, as a browser would call them.

use minicbor::{Decode, Encode};
use openmls::prelude::{DeserializeBytes as _, OpenMlsProvider as _};
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, RatchetTreeIn, StagedWelcome};
use openmls_basic_credential::SignatureKeyPair;
use serde_json::{Value, json};
use sotto_protocol::api::{ClaimKeyPackages, ClaimedKeyPackages, CommitAck, ErrorBody, KeyPackageCount};
use sotto_protocol::codec;
use sotto_protocol::frames::Welcome;
use sotto_rules::config;

use super::Server;
use super::http::{Answer, Call};
use super::people::{Person, Seat};
use super::socket::Socket;

pub const COOKIE: &str = "__Host-sotto";

pub struct Client {
    pub person: Person,
    /// Value of the session cookie.
    pub cookie: Option<String>,
}

impl Client {
    pub fn new(name: &str) -> Self {
        Self { person: Person::new(name), cookie: None }
    }

    /// A new account with a session that is bound to its device.
    pub fn signed_up(server: &Server, name: &str) -> Self {
        let mut client = Self::new(name);
        let answer = client.sign_up(server);
        assert_eq!(answer.status, 200, "{}", answer.text());
        client
    }

    pub fn sign_up(&mut self, server: &Server) -> Answer {
        let request = self.person.sign_up_request();
        self.function(server, "sign_up", json!({ "request": request }))
    }

    pub fn sign_in(&mut self, server: &Server) -> Answer {
        let request = self.person.sign_in_request();
        self.function(server, "sign_in", json!({ "request": request }))
    }

    /// Calls a server function and takes its cookie.
    pub fn function(&mut self, server: &Server, name: &str, arguments: Value) -> Answer {
        let call = self.with_cookie(Call::post(format!("/api/account/{name}"))).header("origin", &server.url);
        let answer = call.body("application/json", arguments.to_string()).send(server.address);
        for line in answer.all("set-cookie") {
            let (name, rest) = line.split_once('=').unwrap();
            assert_eq!(name, COOKIE);
            let value = rest.split(';').next().unwrap();
            self.cookie = Some(value.to_owned()).filter(|value| !value.is_empty());
        }
        answer
    }

    pub fn with_cookie(&self, call: Call) -> Call {
        match &self.cookie {
            Some(cookie) => call.header("cookie", format!("{COOKIE}={cookie}")),
            None => call,
        }
    }

    pub fn get(&self, server: &Server, path: &str) -> Answer {
        self.with_cookie(Call::get(path)).send(server.address)
    }

    pub fn post(&self, server: &Server, path: &str, body: &impl Encode<()>) -> Answer {
        let call = self.with_cookie(Call::post(path)).header("origin", &server.url);
        call.body("application/cbor", codec::encode(body)).send(server.address)
    }

    pub fn socket(&self, server: &Server) -> Socket {
        Socket::connect(server, self.cookie.as_deref(), Some(&server.url)).unwrap()
    }

    /// A socket after `Hello` without cursors.
    pub fn hello(&self, server: &Server) -> Socket {
        let mut socket = self.socket(server);
        socket.hello(self.person.device, Vec::new());
        socket
    }

    pub fn publish_key_packages(&self, server: &Server) {
        let count: KeyPackageCount = decoded(&self.post(server, "/api/v1/key-packages", &self.person.upload(2)));
        assert_eq!((count.one_time, count.last_resort), (2, true));
    }

    /// Makes the room with `peer`, who has key packages.
    pub fn make_room(&self, server: &Server, peer: &Person) -> Seat {
        let claim = ClaimKeyPackages { name: peer.name.clone(), group: false };
        let claimed: ClaimedKeyPackages = decoded(&self.post(server, "/api/v1/key-packages/claim", &claim));
        let package = claimed.packages.first().unwrap().key_package.clone();
        let (create, mut seat) = self.person.room_with(peer, Some(package));
        let _: CommitAck = decoded(&self.post(server, "/api/v1/rooms", &create));
        seat.group.merge_pending_commit(&self.person.provider).unwrap();
        seat
    }
}

/// Joins by a Welcome.
pub fn seat_of(person: &Person, welcome: &Welcome) -> Seat {
    let message = MlsMessageIn::tls_deserialize_exact_bytes(welcome.welcome.as_slice()).unwrap();
    let MlsMessageBodyIn::Welcome(message) = message.extract() else { panic!("not a welcome") };
    let tree = RatchetTreeIn::tls_deserialize_exact_bytes(welcome.ratchet_tree.as_slice()).unwrap();
    let staged = StagedWelcome::new_from_welcome(&person.provider, &config::join_config(), message, Some(tree)).unwrap();
    let group = staged.into_group(&person.provider).unwrap();
    let own = group.own_leaf_node().unwrap().signature_key().as_slice().to_vec();
    let signer = SignatureKeyPair::read(person.provider.storage(), &own, config::SUITE.signature_algorithm()).unwrap();
    Seat { room: welcome.room, group, signer }
}

/// Two people with a room; the second has its Welcome on the server.
pub fn pair(server: &Server, names: [&str; 2]) -> (Client, Client, Seat) {
    let [one, two] = names.map(|name| Client::signed_up(server, name));
    two.publish_key_packages(server);
    let seat = one.make_room(server, &two.person);
    (one, two, seat)
}

pub fn decoded<T: for<'b> Decode<'b, ()>>(answer: &Answer) -> T {
    assert_eq!(answer.status, 200, "{:?}", codec::decode::<ErrorBody>(&answer.body, 10_000));
    codec::decode(&answer.body, 10_000_000).unwrap()
}

pub fn error_of(answer: &Answer) -> ErrorBody {
    assert!(answer.status >= 400, "{}", answer.status);
    assert_eq!(answer.header("content-type"), Some("application/cbor"));
    codec::decode(&answer.body, 10_000).unwrap()
}
