//! The sync socket, blocking: what arrives is waited for, with a limit only against a test that hangs.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use sotto_protocol::frames::{Ack, ClientFrame, Cursor, Entry, Publish, ServerFrame, VERSION};
use sotto_protocol::{DeviceId, ErrorCode, IdempotencyId, RoomId, Seq, codec, limits};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

use super::Server;
use super::client::COOKIE;
use super::people::idempotency;

pub struct Socket(WebSocket<TcpStream>);

/// How the server ended it: the close code, or none where the connection just broke.
#[derive(Debug, PartialEq, Eq)]
pub struct Closed(pub Option<u16>);

impl Socket {
    /// Connects, or gives the status with which the upgrade was refused.
    pub fn connect(server: &Server, cookie: Option<&str>, origin: Option<&str>) -> Result<Self, u16> {
        Self::connect_to(server, "/api/v1/sync", cookie, origin)
    }

    pub fn connect_to(server: &Server, target: &str, cookie: Option<&str>, origin: Option<&str>) -> Result<Self, u16> {
        let stream = TcpStream::connect(server.address).map_err(|_| 0_u16)?;
        Self::over(stream, server, target, cookie, origin)
    }

    /// The same over a connection that is there, such as one with losses.
    pub fn over(stream: TcpStream, server: &Server, target: &str, cookie: Option<&str>, origin: Option<&str>) -> Result<Self, u16> {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = format!("ws://{}{target}", server.address).into_client_request().unwrap();
        if let Some(cookie) = cookie {
            request.headers_mut().insert("cookie", format!("{COOKIE}={cookie}").parse().unwrap());
        }
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        // Its own buffer is 128 KiB, which thousands of sockets would be too many of.
        let config = WebSocketConfig::default().read_buffer_size(8 * 1024);
        match tungstenite::client::client_with_config(request, stream, Some(config)) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(Error::Http(answer))) => Err(answer.status().as_u16()),
            Err(_) => Err(0),
        }
    }

    /// Says `Hello` and waits for `Ready`.
    pub fn hello(&mut self, device: DeviceId, cursors: Vec<Cursor>) -> ServerFrame {
        self.send(&ClientFrame::Hello { version: VERSION, device, cursors, window: 0 });
        let ready = self.next().unwrap();
        assert!(matches!(ready, ServerFrame::Ready { .. }), "{ready:?}");
        ready
    }

    pub fn send(&mut self, frame: &ClientFrame) {
        self.try_send(frame).unwrap();
    }

    pub fn try_send(&mut self, frame: &ClientFrame) -> Result<(), ()> {
        self.send_raw(Message::Binary(codec::encode(frame).into()))
    }

    pub fn send_raw(&mut self, message: Message) -> Result<(), ()> {
        self.0.send(message).map_err(|_| ())
    }

    /// What is awaited from now on must come within the limit that a requirement names.
    pub fn within(&mut self, limit: Duration) {
        self.0.get_ref().set_read_timeout(Some(limit)).unwrap();
    }

    /// What is sent from now on must be taken by the network within the limit.
    pub fn writes_within(&mut self, limit: Duration) {
        self.0.get_ref().set_write_timeout(Some(limit)).unwrap();
    }

    /// Breaks the connection without a word.
    pub fn cut(self) {
        let _ = self.0.get_ref().shutdown(std::net::Shutdown::Both);
    }

    /// The next frame, or how it ended.
    pub fn next(&mut self) -> Result<ServerFrame, Closed> {
        let hangs_at = Instant::now() + Duration::from_secs(60);
        loop {
            assert!(Instant::now() < hangs_at, "nothing but pings came for a minute");
            match self.0.read() {
                Ok(Message::Binary(bytes)) => return Ok(codec::decode(&bytes, 4_000_000).unwrap()),
                Ok(Message::Close(frame)) => {
                    let _ = self.0.flush();
                    return Err(Closed(frame.map(|frame| frame.code.into())));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("nothing came in time"),
                Err(_) => return Err(Closed(None)),
            }
        }
    }

    /// The next frame that `wanted` takes; others are passed over.
    pub fn until<T>(&mut self, mut wanted: impl FnMut(ServerFrame) -> Option<T>) -> Result<T, Closed> {
        loop {
            if let Some(found) = wanted(self.next()?) {
                return Ok(found);
            }
        }
    }

    /// The `Bye` before the close, and the close.
    pub fn farewell(&mut self) -> (ErrorCode, Closed) {
        let code = self.until(|frame| if let ServerFrame::Bye { code } = frame { Some(code) } else { None }).unwrap();
        (code, self.next().expect_err("closed after Bye"))
    }

    /// Publishes one message and waits for its ack.
    pub fn publish(&mut self, message: &Publish) -> Result<Ack, Closed> {
        self.try_send(&ClientFrame::Publish { messages: vec![message.clone()] }).map_err(|()| Closed(None))?;
        self.until(|frame| match frame {
            ServerFrame::Acks { acks } => acks.into_iter().find(|ack| ack.idempotency == message.idempotency),
            ServerFrame::Refusals { refusals } => panic!("refused: {refusals:?}"),
            _ => None,
        })
    }

    /// Publishes copies of a message under ids of their own, as many in a frame as fit and several frames on their way at once. Gives
    /// the ids in the order of the log.
    pub fn flood(&mut self, message: &Publish, count: usize) -> Vec<IdempotencyId> {
        const ON_THEIR_WAY: usize = 8;
        let in_a_frame = limits::SYNC_FRAME / (message.bytes.0.len() + 64);
        let messages: Vec<_> = (0..count).map(|_| Publish { idempotency: idempotency(), ..message.clone() }).collect();
        let frames: Vec<_> = messages.chunks(in_a_frame).collect();
        let mut acked = Vec::with_capacity(count);
        for (number, frame) in frames.iter().enumerate() {
            self.send(&ClientFrame::Publish { messages: frame.to_vec() });
            if number + 1 >= ON_THEIR_WAY {
                acked.extend(self.acks());
            }
        }
        while acked.len() < count {
            acked.extend(self.acks());
        }
        assert!(acked.iter().eq(messages.iter().map(|message| &message.idempotency)));
        acked
    }

    fn acks(&mut self) -> Vec<IdempotencyId> {
        let acks = self.until(|frame| match frame {
            ServerFrame::Acks { acks } => Some(acks),
            ServerFrame::Refusals { refusals } => panic!("refused: {refusals:?}"),
            _ => None,
        });
        acks.unwrap().into_iter().map(|ack| ack.idempotency).collect()
    }

    /// Everything in a room after `seq`, up to where the server says that this is all.
    pub fn read_room(&mut self, room: RoomId, seq: Seq) -> Vec<Entry> {
        self.send(&ClientFrame::Join { cursor: Cursor { room, seq } });
        let mut entries = Vec::new();
        let mut frames = 0;
        loop {
            match self.next().unwrap() {
                ServerFrame::Deliver { entries: more } => entries.extend(more.into_iter().filter(|entry| entry.room == room)),
                ServerFrame::CaughtUp if frames > 0 || !entries.is_empty() => return entries,
                // The one that answers `Hello`, which named no room.
                ServerFrame::CaughtUp => frames += 1,
                _ => {}
            }
        }
    }
}

impl Socket {
    /// As [`Self::until`], for a reader that also answers.
    pub fn until_with<T>(&mut self, mut wanted: impl FnMut(&mut Self, ServerFrame) -> Option<T>) -> Result<T, Closed> {
        loop {
            let frame = self.next()?;
            if let Some(found) = wanted(self, frame) {
                return Ok(found);
            }
        }
    }
}
