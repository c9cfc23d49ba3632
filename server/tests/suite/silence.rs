//! Connections on which nothing is said: the server lets them go, in each state that a peer can stop in.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::kit::Server;

/// `FIRST_WITHIN` in server/src/serve.rs.
pub const FIRST_WITHIN: Duration = Duration::from_secs(10);
/// A busy machine may be late, but not by so much.
const GRACE: Duration = Duration::from_secs(10);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection on which so much is said and no more.
pub fn connect(server: &Server, said: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(said).unwrap();
    stream
}

/// Waits until the server closes the connection, whatever it says before, and sees that this was in time.
pub fn assert_closed(mut stream: impl Read, since: Instant, within: Duration, state: &str) {
    // A reset is an end too, and so is TLS without a goodbye.
    if let Err(error) = stream.read_to_end(&mut Vec::new()) {
        assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{state}: still open");
    }
    let after = since.elapsed();
    assert!((within - Duration::from_secs(1)..within + GRACE).contains(&after), "{state}: closed after {after:?}");
}

// Falls with `first_request_timeout` in server/src/serve.rs.
#[test]
fn a_connection_without_a_whole_first_request_is_closed() {
    let server = Server::start();
    let states: [(&str, &[u8]); 4] = [
        ("nothing", b""),
        ("half a preface", &PREFACE[..10]),
        ("half a head", b"GET /health HTTP/1.1\r\nhost: "),
        ("HTTP/2 without a request", &[PREFACE, &SETTINGS].concat()),
    ];
    let since = Instant::now();
    let silent = states.map(|(state, said)| (state, connect(&server, said)));
    for (state, stream) in silent {
        assert_closed(stream, since, FIRST_WITHIN, state);
    }
}

// Falls with `keep_alive_interval` in server/src/serve.rs.
#[test]
fn an_idle_http2_peer_stays_while_it_answers_pings_and_is_closed_when_it_does_not() {
    let server = Server::start();
    // The first to be asked, so it would be the first to go if its answer did not count.
    let mut answering = Http2::connect(&server);
    answering.get_health();
    let mut silent = Http2::connect(&server);
    silent.get_health();
    let since = Instant::now();
    let question = answering.until(PING);
    answering.send(PING, ACK, 0, &question);
    // PING_AFTER and PONG_WITHIN in serve.rs.
    assert_closed(silent.stream, since, Duration::from_secs(30 + 10), "HTTP/2 without an answer");
    answering.get_health();
}

/// Types and flags of frames (RFC 9113 §6).
const HEADERS: u8 = 1;
const PING: u8 = 6;
const ACK: u8 = 1;
const END_STREAM_AND_HEADERS: u8 = 5;
/// A frame without settings, as it opens a connection.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// HTTP/2 by hand, with prior knowledge: a library would answer pings by itself.
struct Http2 {
    stream: TcpStream,
    /// Of the next request; a client's numbers are odd.
    number: u8,
}

impl Http2 {
    fn connect(server: &Server) -> Self {
        Self { stream: connect(server, &[PREFACE, &SETTINGS].concat()), number: 1 }
    }

    fn get_health(&mut self) {
        // HPACK: indexed `:method: GET` and `:scheme: http`, then `:path` and `:authority` with literal values.
        let head = [b"\x82\x86\x44\x07/health".as_slice(), b"\x41\x09localhost"].concat();
        self.send(HEADERS, END_STREAM_AND_HEADERS, self.number, &head);
        self.number += 2;
        assert_eq!(self.until(HEADERS)[0], 0x88, "`:status: 200`");
    }

    fn send(&mut self, kind: u8, flags: u8, number: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).unwrap();
        let frame = [&[0, 0, length, kind, flags, 0, 0, 0, number], payload].concat();
        self.stream.write_all(&frame).unwrap();
    }

    /// The payload of the next frame of a kind.
    fn until(&mut self, wanted: u8) -> Vec<u8> {
        loop {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).unwrap();
            let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
            self.stream.read_exact(&mut payload).unwrap();
            if head[3] == wanted {
                return payload;
            }
        }
    }
}
