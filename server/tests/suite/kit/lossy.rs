//! A network between one client and the server that loses one answer, and then the connection.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use sotto_protocol::codec;
use sotto_protocol::frames::{ClientFrame, Publish, ServerFrame};

use super::Server;
use super::client::Client;
use super::socket::{Closed, Socket};

/// Publishes over such a network: the server's answer leaves the server and arrives nowhere. Gives that answer.
pub fn publish_and_lose_the_answer(server: &Server, client: &Client, message: &Publish) -> ServerFrame {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (losing, lost) = between(listener.accept().unwrap().0, TcpStream::connect(server.address).unwrap());
    let mut socket = Socket::over(near, server, "/api/v1/sync", client.cookie.as_deref(), Some(&server.url)).unwrap();
    socket.hello(client.person.device, Vec::new());
    // Nothing more comes by itself after this.
    socket.until(|frame| matches!(frame, ServerFrame::CaughtUp).then_some(())).unwrap();
    losing.store(true, Ordering::SeqCst);
    socket.send(&ClientFrame::Publish { messages: vec![message.clone()] });
    assert_eq!(socket.next().unwrap_err(), Closed(None), "the client hears nothing");
    frame_of(&lost.join().unwrap())
}

/// Carries bytes both ways until told to lose what the server says next; gives what was lost.
fn between(mut near: TcpStream, mut far: TcpStream) -> (Arc<AtomicBool>, JoinHandle<Vec<u8>>) {
    let losing = Arc::new(AtomicBool::new(false));
    let (mut up_from, mut up_to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut up_from, &mut up_to));
    let told = Arc::clone(&losing);
    let down = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        loop {
            let count = far.read(&mut bytes).unwrap();
            assert!(count > 0, "the server closed");
            if told.load(Ordering::SeqCst) {
                let _ = (near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both));
                return bytes[..count].to_vec();
            }
            near.write_all(&bytes[..count]).unwrap();
        }
    });
    (losing, down)
}

/// One short binary WebSocket message (RFC 6455 §5.2), whole.
fn frame_of(bytes: &[u8]) -> ServerFrame {
    assert_eq!(bytes[0], 0x82, "a final binary frame");
    assert_eq!(usize::from(bytes[1]), bytes.len() - 2, "unmasked and short");
    codec::decode(&bytes[2..], 1_000).unwrap()
}
