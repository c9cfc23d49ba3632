//! What a person chooses for all own devices, and how people are shown to each other, through real engines and the real backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use kit::{World, said, settle, write_down};
use sotto_client_api::views::ChoicesView;
use sotto_client_api::{Command, Reply};
use sotto_protocol::{AccountId, ErrorCode, RoomId};
use sotto_sim::Host;

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3];

async fn choices(host: &mut Host) -> ChoicesView {
    let Reply::Choices(choices) = host.call(Command::Choices).await.unwrap() else { panic!("no choices") };
    choices
}

async fn picture(host: &mut Host, account: AccountId) -> Vec<u8> {
    let Reply::Picture(jpeg) = host.call(Command::Picture { account }).await.unwrap() else { panic!("no picture") };
    jpeg
}

async fn be_called(host: &mut Host, name: &str, picture: &[u8]) {
    host.call(Command::SetCard { name: name.into(), picture: picture.to_vec() }).await.unwrap();
}

/// Makes a browser look at what the others have chosen.
async fn come_back(host: &mut Host) {
    for _ in 0..2 {
        host.now += 61_000;
        host.call(Command::Nudge).await.unwrap();
        settle(&mut [host]).await;
    }
}

fn title(host: &Host, room: RoomId) -> &str {
    &host.rooms[&room].title
}

// Fails without `read_choices` in `begin_choices` (the laptop), without it in `look_at_choices` (the phone), and when `choices_read` does not
// merge.
#[tokio::test]
async fn what_is_chosen_on_one_browser_holds_on_all() {
    let world = World::new().await;
    let (mut phone, mut bob, room) = world.pair().await;
    be_called(&mut phone, "Alice A.", JPEG).await;
    phone.call(Command::SetMuted { room, muted: true }).await.unwrap();
    settle(&mut [&mut phone, &mut bob]).await;

    let mut laptop = world.second("alice-1", phone.now).await;
    settle(&mut [&mut phone, &mut bob, &mut laptop]).await;
    assert_eq!(choices(&mut laptop).await, ChoicesView { name: "Alice A.".into(), picture: JPEG.to_vec(), archive: true });
    assert!(laptop.rooms[&room].muted);

    // Both choose while they don't hear of each other: of one thing the later holds, of two both do.
    phone.set_online(false);
    phone.now += 1_000;
    phone.call(Command::SetMuted { room, muted: false }).await.unwrap();
    be_called(&mut phone, "Early", &[]).await;
    laptop.now = phone.now + 1_000;
    be_called(&mut laptop, "Late", &[]).await;
    settle(&mut [&mut laptop]).await;
    phone.set_online(true);
    phone.now = laptop.now + 61_000;
    phone.call(Command::Nudge).await.unwrap();
    settle(&mut [&mut phone]).await;
    come_back(&mut laptop).await;
    for host in [&mut phone, &mut laptop] {
        assert_eq!(choices(host).await.name, "Late");
        assert!(!host.rooms[&room].muted);
        host.reload().await.unwrap();
        assert_eq!(choices(host).await.name, "Late");
    }
}

// Fails without `choose_verified` in `set_verified`, and without the loop over `verified` in `choices_changed`.
#[tokio::test]
async fn an_identity_that_was_compared_is_so_on_a_new_browser() {
    let world = World::new().await;
    let (mut phone, mut bob, room) = world.pair().await;
    let account = phone.rooms[&room].peer.as_ref().unwrap().account;
    phone.call(Command::SetVerified { account, verified: true }).await.unwrap();
    settle(&mut [&mut phone, &mut bob]).await;
    let mut laptop = world.second("alice-1", phone.now).await;
    settle(&mut [&mut phone, &mut bob, &mut laptop]).await;
    assert_eq!(laptop.rooms[&room].trust, sotto_client_api::views::Trust::Verified);
    laptop.call(Command::SetVerified { account, verified: false }).await.unwrap();
    settle(&mut [&mut laptop]).await;
    come_back(&mut phone).await;
    assert_eq!(phone.rooms[&room].trust, sotto_client_api::views::Trust::Pinned);
}

// Fails without `card` in `seal_outgoing` (nobody is told), without `tell_card` in `set_card` (bob hears at the next text only), and without
// `card_said = 0` for the newcomer.
#[tokio::test]
async fn a_card_reaches_who_is_written_with_and_who_comes_later() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    let account = bob.rooms[&room].peer.as_ref().unwrap().account;
    be_called(&mut alice, "Alice A.", JPEG).await;
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(title(&bob, room), "Alice A.");
    assert_eq!(picture(&mut bob, account).await, JPEG);
    assert_eq!(bob.rooms[&room].unread, 0, "a card is no message");
    // A browser that comes later hears of it with the next text.
    let mut tablet = world.second("bob-1", bob.now).await;
    settle(&mut [&mut alice, &mut bob, &mut tablet]).await;
    assert_eq!(title(&tablet, room), "alice-1");
    alice.say(room, "hello").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut tablet]).await;
    assert_eq!(title(&tablet, room), "Alice A.");
    // Taken back.
    be_called(&mut alice, "", &[]).await;
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(title(&bob, room), "alice-1");
    assert!(picture(&mut bob, account).await.is_empty());
}

// Fails without `plain_line` in `card_told`, and without the look at `request` in `room_view`.
#[tokio::test]
async fn a_card_can_not_pretend() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    be_called(&mut alice, "evil\u{202e}txt\n  two  lines", &[]).await;
    settle(&mut [&mut alice, &mut bob]).await;
    assert_eq!(title(&bob, room), "eviltxt two lines");
    // A stranger is who the server knows them as.
    let mut mallory = world.person("mallory-1").await;
    be_called(&mut mallory, "bob-1", JPEG).await;
    let stranger = mallory.open_with("alice-1").await.unwrap();
    mallory.say(stranger, "it is me").await.unwrap();
    settle(&mut [&mut alice, &mut mallory]).await;
    assert!(alice.rooms[&stranger].request.is_some());
    assert_eq!(title(&alice, stranger), "mallory-1");
    assert_eq!(alice.rooms[&stranger].peer.as_ref().unwrap().picture, None);
    alice.call(Command::AcceptRequest { room: stranger }).await.unwrap();
    assert_eq!(title(&alice, stranger), "bob-1");
    for (picture, code) in [(b"<svg/>".to_vec(), ErrorCode::Malformed), ([JPEG, &[0; 20_000]].concat(), ErrorCode::TooLarge)] {
        assert_eq!(mallory.call(Command::SetCard { name: String::new(), picture }).await.unwrap_err().0, code);
    }
    let name = "x".repeat(65);
    assert_eq!(mallory.call(Command::SetCard { name, picture: Vec::new() }).await.unwrap_err().0, ErrorCode::TooLarge);
}

// Fails without `card_to_tell`'s look at `request`.
#[tokio::test]
async fn who_has_not_accepted_tells_nothing_of_themselves() {
    let world = World::new().await;
    let mut alice = world.person("alice-1").await;
    let mut mallory = world.person("mallory-1").await;
    let room = mallory.open_with("alice-1").await.unwrap();
    mallory.say(room, "who are you").await.unwrap();
    settle(&mut [&mut alice, &mut mallory]).await;
    be_called(&mut alice, "Alice A.", &[]).await;
    settle(&mut [&mut alice, &mut mallory]).await;
    assert_eq!(title(&mallory, room), "alice-1");
    alice.say(room, "Alice").await.unwrap();
    settle(&mut [&mut alice, &mut mallory]).await;
    assert_eq!(title(&mallory, room), "Alice A.");
}

// Fails without `empty_shelves` (what was kept stays), without `is_unarchived` in `archive_what_is_due` (it is written again), and when
// `page_to_shelf` does not look at `unarchived_upto` (what was said meanwhile comes into the archive later).
#[tokio::test]
async fn a_conversation_that_is_not_archived_is_not_on_new_browsers() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    alice.say(room, "before").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    write_down(&mut [&mut alice, &mut bob]).await;
    alice.call(Command::SetArchiving { room: Some(room), on: false }).await.unwrap();
    assert!(!alice.rooms[&room].archived);
    alice.say(room, "between us").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    write_down(&mut [&mut alice, &mut bob]).await;
    let mut laptop = world.second("alice-1", alice.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    laptop.open(room).await.unwrap();
    assert!(said(&laptop).is_empty(), "{:?}", said(&laptop));
    assert!(!laptop.rooms[&room].archived);
    // From now on again.
    alice.call(Command::SetArchiving { room: Some(room), on: true }).await.unwrap();
    alice.say(room, "after").await.unwrap();
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    write_down(&mut [&mut alice, &mut bob]).await;
    let mut tablet = world.second("alice-1", alice.now).await;
    settle(&mut [&mut alice, &mut bob, &mut tablet]).await;
    tablet.open(room).await.unwrap();
    assert_eq!(said(&tablet), ["after"]);
}

// Fails when `shelves_emptied` does not have the choices written again, and when `empty_shelves` is not tried by the next connection.
#[tokio::test]
async fn without_an_archive_nothing_is_kept_but_the_choices() {
    let world = World::new().await;
    let (mut alice, mut bob, room) = world.pair().await;
    alice.say(room, "before").await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    write_down(&mut [&mut alice, &mut bob]).await;
    be_called(&mut alice, "Alice A.", &[]).await;
    settle(&mut [&mut alice, &mut bob]).await;
    alice.set_online(false);
    alice.call(Command::SetArchiving { room: None, on: false }).await.unwrap();
    alice.set_online(true);
    alice.call(Command::Nudge).await.unwrap();
    write_down(&mut [&mut alice, &mut bob]).await;
    let mut laptop = world.second("alice-1", alice.now).await;
    settle(&mut [&mut alice, &mut bob, &mut laptop]).await;
    laptop.open(room).await.unwrap();
    assert!(said(&laptop).is_empty(), "{:?}", said(&laptop));
    let chosen = choices(&mut laptop).await;
    assert_eq!((chosen.name.as_str(), chosen.archive), ("Alice A.", false));
}

// Fails without `name_device` keeping it in the choices.
#[tokio::test]
async fn a_device_keeps_its_name_on_all() {
    let world = World::new().await;
    let (mut phone, mut bob, _) = world.pair().await;
    let devices = |reply| match reply {
        Reply::Devices(list) => list,
        _ => panic!("no devices"),
    };
    let own = devices(phone.call(Command::Devices).await.unwrap())[0].device;
    phone.call(Command::NameDevice { device: own, name: " My phone ".into() }).await.unwrap();
    settle(&mut [&mut phone, &mut bob]).await;
    let mut laptop = world.second("alice-1", phone.now).await;
    settle(&mut [&mut phone, &mut laptop]).await;
    let list = devices(laptop.call(Command::Devices).await.unwrap());
    assert_eq!(list.iter().map(|device| device.name.as_deref()).collect::<Vec<_>>(), [Some("My phone"), None]);
    let stranger = sotto_protocol::DeviceId([9; 16]);
    assert_eq!(phone.call(Command::NameDevice { device: stranger, name: "x".into() }).await.unwrap_err().0, ErrorCode::DeviceUnknown);
}

// Fails without `as_it_will_be` (the second change takes the first one back), and without the fields in `queue_settings`.
#[tokio::test]
async fn a_group_is_described_and_pictured_for_all_and_for_who_comes_later() {
    let world = World::new().await;
    let mut alice = world.person("alice-1").await;
    let mut bob = world.person("bob-1").await;
    let Reply::Room(view) = alice.call(Command::CreateGroup { name: "The board".into(), room: None }).await.unwrap() else {
        panic!("no group")
    };
    let room = view.room;
    alice.call(Command::DescribeGroup { room, about: " Thursdays ".into() }).await.unwrap();
    alice.call(Command::PictureGroup { room, picture: JPEG.to_vec() }).await.unwrap();
    settle(&mut [&mut alice]).await;
    alice.call(Command::AddPerson { room, name: "bob-1".parse().unwrap() }).await.unwrap();
    settle(&mut [&mut alice, &mut bob]).await;
    for host in [&mut alice, &mut bob] {
        assert_eq!((host.rooms[&room].title.as_str(), host.rooms[&room].about.as_str()), ("The board", "Thursdays"));
        assert!(host.rooms[&room].picture.is_some());
        let Reply::Picture(jpeg) = host.call(Command::RoomPicture { room }).await.unwrap() else { panic!("no picture") };
        assert_eq!(jpeg, JPEG);
    }
    let about = "x".repeat(1025);
    assert_eq!(bob.call(Command::DescribeGroup { room, about }).await.unwrap_err().0, ErrorCode::TooLarge);
}
