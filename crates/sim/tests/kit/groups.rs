//! A group of three, and what its people do and see.
use sotto_client_api::views::{self, SystemLine};
use sotto_client_api::{Command, Reply};
use sotto_protocol::{AccountId, RoomId, UserName};
use sotto_sim::{Host, SimError};

use crate::kit::{World, settle};

pub(crate) fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

pub(crate) async fn create(host: &mut Host, called: &str) -> RoomId {
    let Reply::Room(room) = host.call(Command::CreateGroup { name: called.into(), room: None }).await.unwrap() else { panic!("no room") };
    host.open(room.room).await.unwrap();
    room.room
}

pub(crate) async fn add(host: &mut Host, room: RoomId, whom: &str) -> Result<(), SimError> {
    host.call(Command::AddPerson { room, name: name(whom) }).await.map(|_| ())
}

pub(crate) fn account(host: &Host) -> AccountId {
    let views::Phase::Ready { me, .. } = &host.phase else { panic!("nobody") };
    me.account
}

pub(crate) async fn remove(host: &mut Host, room: RoomId, whom: &Host) -> Result<(), SimError> {
    host.call(Command::RemovePerson { room, account: account(whom) }).await.map(|_| ())
}

pub(crate) async fn set_role(host: &mut Host, room: RoomId, account: AccountId, role: views::Role) -> Result<(), SimError> {
    host.call(Command::SetRole { room, account, role }).await.map(|_| ())
}

/// Alice's group with bob and carol, open at everybody.
pub(crate) async fn three(world: &World) -> ([Host; 3], RoomId) {
    let mut hosts = [world.person("alice-1").await, world.person("bob-1").await, world.person("carol-1").await];
    let room = create(&mut hosts[0], "The board").await;
    add(&mut hosts[0], room, "bob-1").await.unwrap();
    add(&mut hosts[0], room, "carol-1").await.unwrap();
    all_settle(&mut hosts).await;
    for host in &mut hosts {
        host.open(room).await.unwrap();
    }
    (hosts, room)
}

pub(crate) async fn all_settle(hosts: &mut [Host]) {
    settle(&mut hosts.iter_mut().collect::<Vec<_>>()).await;
}

/// System lines in words.
pub(crate) fn told(host: &Host) -> Vec<String> {
    let line = |line: &SystemLine| match line {
        SystemLine::Members { by, came, went, others } if others.is_empty() => format!("{} +{came} -{went}", by.name),
        SystemLine::Members { by, others, .. } => {
            let others: Vec<_> = others.iter().map(|(change, whom)| (change, whom.name.as_str())).collect();
            format!("{} {others:?}", by.name)
        }
        SystemLine::NewDevice { who } => format!("{} on a new device", who.name),
        SystemLine::Named { by, name } => format!("{} named {name}", by.name),
        SystemLine::Created { by } => format!("{} began", by.name),
        other => format!("{other:?}"),
    };
    host.lines().iter().map(line).collect()
}

pub(crate) fn same_epochs(hosts: &mut [Host], room: RoomId) {
    let epochs: Vec<_> = hosts.iter_mut().map(|host| host.epochs().unwrap().remove(&room)).collect();
    assert!(epochs.iter().all(|epoch| epoch.is_some() && *epoch == epochs[0]), "{epochs:?}");
}

/// Who is in the group, as one of them sees it: name, role and standing.
pub(crate) async fn listed(host: &mut Host, room: RoomId) -> Vec<String> {
    let Reply::Members(members) = host.call(Command::Members { room }).await.unwrap() else { panic!("no members") };
    members.iter().map(|member| format!("{} {:?} {:?}", member.person.name, member.role, member.standing)).collect()
}
