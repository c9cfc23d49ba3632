//! The sync socket: who may use it, what it takes, and what it refuses.

use sotto_protocol::frames::{ClientFrame, Cursor, Publish, ServerFrame, VERSION};
use sotto_protocol::{DeviceId, ErrorCode, IdempotencyId, RoomId, codec, limits};
use tungstenite::Message;

use crate::kit::Server;
use crate::kit::client::{Client, pair};
use crate::kit::people::random;
use crate::kit::socket::{Closed, Socket};

fn refusal_or_error(frame: ServerFrame) -> Option<ErrorCode> {
    match frame {
        ServerFrame::Error { code } => Some(code),
        ServerFrame::Refusals { refusals } => refusals.first().map(|refusal| refusal.code),
        _ => None,
    }
}

// Falls with `asking.signed_in()` in server/src/sync/mod.rs; the member checks are backend's `read_after` and `publish`.
#[test]
fn r18_websocket_authorization_needs_a_session_and_membership() {
    let server = Server::start();
    let (one, _, mut seat) = pair(&server, ["mira", "noor"]);
    let stranger = Client::signed_up(&server, "mallory");
    assert_eq!(Socket::connect(&server, None, Some(&server.url)).err(), Some(401));
    let cookie = one.cookie.clone().unwrap();
    for target in [format!("/api/v1/sync?token={cookie}"), format!("/api/v1/sync?__Host-sotto={cookie}")] {
        assert_eq!(Socket::connect_to(&server, &target, None, Some(&server.url)).err(), Some(401), "no token in a URL");
    }

    let mut socket = stranger.hello(&server);
    socket.send(&ClientFrame::Join { cursor: Cursor { room: seat.room, seq: 0 } });
    let code = socket.until(refusal_or_error).unwrap();
    assert!(matches!(code, ErrorCode::NotFound | ErrorCode::Forbidden), "{code}");
    let message = one.person.message(&mut seat, "mine");
    socket.send(&ClientFrame::Publish { messages: vec![message.clone()] });
    let code = socket.until(refusal_or_error).unwrap();
    assert!(matches!(code, ErrorCode::NotFound | ErrorCode::Forbidden), "{code}");
    // The member's own message still goes through: nothing was spoilt, and the stranger is told nothing of it.
    assert_eq!(one.hello(&server).publish(&message).unwrap().seq, 2);
    socket.send(&ClientFrame::Ping { nonce: 1 });
    loop {
        match socket.next().unwrap() {
            ServerFrame::Pong { .. } => break,
            ServerFrame::Deliver { entries } => panic!("a stranger got {} entries", entries.len()),
            _ => {}
        }
    }

    // Another device's name is refused.
    let mut socket = one.socket(&server);
    socket.send(&ClientFrame::Hello { version: VERSION, device: DeviceId([9; 16]), cursors: Vec::new(), window: 0 });
    assert_eq!(socket.farewell().0, ErrorCode::DeviceUnknown);
}

// Falls with the guard on `length` in server/src/sync/connection.rs, and with `max_frame_size` in server/src/sync/mod.rs.
#[test]
fn r57_websocket_limits_close_what_is_too_long_with_1009() {
    let server = Server::start();
    let client = Client::signed_up(&server, "mira");
    let mut socket = client.hello(&server);
    socket.send_raw(Message::Binary(vec![0xff; limits::SYNC_FRAME].into())).unwrap();
    assert_eq!(socket.until(refusal_or_error), Ok(ErrorCode::Malformed), "a frame of the limit is read");
    socket.send_raw(Message::Binary(vec![0xff; limits::SYNC_FRAME + 1].into())).unwrap();
    assert_eq!(socket.until(refusal_or_error), Err(Closed(Some(1009))));

    // What is far too long is not even taken in: the connection ends, with or without a word.
    let mut socket = client.hello(&server);
    if socket.send_raw(Message::Binary(vec![0xff; 16 * limits::SYNC_FRAME].into())).is_ok() {
        assert!(matches!(socket.until(refusal_or_error), Err(Closed(Some(1009) | None))));
    }
}

// Falls with `MAX_BAD_FRAMES` in server/src/sync/connection.rs.
#[test]
fn r57_websocket_limits_bad_frames_are_answered_and_then_end_the_connection() {
    let server = Server::start();
    let client = Client::signed_up(&server, "mira");
    let ping = codec::encode(&ClientFrame::Ping { nonce: u64::MAX });
    // [kind 99, []]
    let unknown = [0x82, 0x18, 0x63, 0x80];
    let trailing = [ping.as_slice(), &[0]].concat();
    // A publish that announces 2^40 messages and has none: memory must not be taken on its word.
    let lying = [0x82, 0x01, 0x81, 0x9b, 0, 0, 1, 0, 0, 0, 0, 0];
    let cases: [(Message, ErrorCode); 6] = [
        (Message::Binary(vec![0xff; 10].into()), ErrorCode::Malformed),
        (Message::Binary(ping[..ping.len() - 1].to_vec().into()), ErrorCode::Malformed),
        (Message::Binary(trailing.into()), ErrorCode::Malformed),
        (Message::Binary(lying.to_vec().into()), ErrorCode::Malformed),
        (Message::Binary(unknown.to_vec().into()), ErrorCode::UnknownKind),
        (Message::Text("{}".into()), ErrorCode::Malformed),
    ];
    for (message, expected) in &cases {
        let mut socket = client.hello(&server);
        for _ in 0..3 {
            socket.send_raw(message.clone()).unwrap();
            assert_eq!(socket.until(refusal_or_error), Ok(*expected), "{message:?}");
        }
        assert_eq!(socket.until(refusal_or_error), Err(Closed(Some(1008))));
    }
    // Every truncation and every flipped bit of a real frame: an answer, never a panic.
    let publish = ClientFrame::Publish {
        messages: vec![Publish { room: RoomId([1; 16]), idempotency: IdempotencyId(random()), epoch: 1, bytes: vec![1, 2, 3].into() }],
    };
    let bytes = codec::encode(&publish);
    let cut = (0..bytes.len()).map(|end| bytes[..end].to_vec());
    let flipped = (0..bytes.len() * 8).map(|bit| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let mut socket = client.hello(&server);
    for broken in cut.chain(flipped) {
        let sent = socket.send_raw(Message::Binary(broken.into()));
        let pinged = sent.and_then(|()| socket.try_send(&ClientFrame::Ping { nonce: 5 }));
        let answered =
            pinged.map_err(|()| Closed(None)).and_then(|()| socket.until(|frame| matches!(frame, ServerFrame::Pong { .. }).then_some(())));
        if answered.is_err() {
            socket = client.hello(&server);
        }
    }
    assert!(!server.log().contains("panicked"), "no panic");
}

#[test]
fn a_sender_that_floods_is_read_later_and_loses_nothing() {
    let server = Server::start_with(&[("SOTTO_LIMIT_FRAMES", "20/1s")]);
    let client = Client::signed_up(&server, "mira");
    let mut socket = client.hello(&server);
    for nonce in 0..60 {
        socket.send(&ClientFrame::Ping { nonce });
    }
    let mut next = 0;
    while next < 60 {
        next += socket.until(|frame| if let ServerFrame::Pong { nonce } = frame { Some(u64::from(nonce == next)) } else { None }).unwrap();
    }
}

#[test]
fn a_member_gets_the_welcome_and_then_everything_in_order() {
    let server = Server::start();
    let (one, two, mut seat) = pair(&server, ["mira", "noor"]);
    let mut listener = two.hello(&server);
    let welcome = listener.until(|frame| if let ServerFrame::Welcomes { welcomes } = frame { welcomes.into_iter().next() } else { None });
    let welcome = welcome.unwrap();
    assert_eq!((welcome.room, welcome.seq), (seat.room, 1));
    listener.send(&ClientFrame::Join { cursor: Cursor { room: seat.room, seq: welcome.seq } });
    let mut sender = one.hello(&server);
    for number in 0..100 {
        let message = one.person.message(&mut seat, &format!("{number}"));
        sender.publish(&message).unwrap();
    }
    let mut seqs = Vec::new();
    while seqs.len() < 100 {
        let more = listener.until(|frame| if let ServerFrame::Deliver { entries } = frame { Some(entries) } else { None }).unwrap();
        seqs.extend(more.iter().map(|entry| entry.seq));
    }
    assert_eq!(seqs, (2..=101).collect::<Vec<_>>());
}
