//! Key packages over the wire.

use std::collections::{BTreeMap, BTreeSet};

use sotto_protocol::api::{ClaimKeyPackages, ClaimedKeyPackages, CommitAck, KeyPackageCount};
use sotto_protocol::{Bytes, ErrorCode, limits};

use crate::kit::Server;
use crate::kit::client::{Client, decoded, error_of};
use crate::kit::http::Answer;

const CLAIMERS: usize = 20;
const CLAIMS: usize = 50;

fn claim(server: &Server, who: &Client, of: &Client) -> Answer {
    let claim = ClaimKeyPackages { name: of.person.name.clone(), group: true };
    who.post(server, "/api/v1/key-packages/claim", &claim)
}

fn claimed(answer: &Answer) -> Bytes {
    decoded::<ClaimedKeyPackages>(answer).packages.remove(0).key_package
}

// Rig: the binary. Fails without the UPDATE of `claimed_by` in the store's `claim_one`, without `spend` in `move_on`, and without
// `Limit::KeyClaims`.
#[test]
fn r41_key_package_single_use_over_a_thousand_parallel_claims_over_the_wire() {
    let server = Server::start();
    let owner = Client::signed_up(&server, "noor-1");
    let upload = owner.person.upload(limits::STORED_KEY_PACKAGES);
    let count: KeyPackageCount = decoded(&owner.post(&server, "/api/v1/key-packages", &upload));
    assert_eq!((count.one_time as usize, count.held.len()), (limits::STORED_KEY_PACKAGES, limits::STORED_KEY_PACKAGES + 1));
    let claimers: Vec<Client> = (0..CLAIMERS).map(|number| Client::signed_up(&server, &format!("claimer-{number}"))).collect();

    let mut given: BTreeMap<Bytes, BTreeSet<usize>> = BTreeMap::new();
    std::thread::scope(|scope| {
        let (server, owner) = (&server, &owner);
        let threads: Vec<_> = claimers
            .iter()
            .map(|who| scope.spawn(move || (0..CLAIMS).map(|_| claimed(&claim(server, who, owner))).collect::<Vec<_>>()))
            .collect();
        for (number, thread) in threads.into_iter().enumerate() {
            for package in thread.join().unwrap() {
                given.entry(package).or_default().insert(number);
            }
        }
    });
    assert_eq!(given.len(), CLAIMERS, "one each, the same again and again");
    assert!(given.values().all(|claimers| claimers.len() == 1), "one package for two people");

    // It makes one room.
    let who = &claimers[0];
    let package = claimed(&claim(&server, who, &owner));
    let add = || Some((owner.person.account(), owner.person.device, package.clone()));
    let room = || who.person.new_room(&who.person.own_group(), None, add()).0;
    let ack: CommitAck = decoded(&who.post(&server, "/api/v1/rooms", &room()));
    assert_eq!(ack.epoch, 1);
    let refused = who.post(&server, "/api/v1/rooms", &room());
    assert_eq!((refused.status, error_of(&refused).code), (409, ErrorCode::NoKeyPackage));

    // And nobody asks for ever.
    let refused = (0..600).map(|_| claim(&server, who, &owner)).find(|answer| answer.status != 200).unwrap();
    assert_eq!((refused.status, error_of(&refused).code), (429, ErrorCode::TooManyTries));
}
