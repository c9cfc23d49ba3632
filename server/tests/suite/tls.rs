//! TLS from certificate and key files: what browsers get, and what an operator reads when a file is wrong.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sotto_protocol::codec;
use sotto_protocol::frames::{ClientFrame, ServerFrame, VERSION};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::handshake::HandshakeError;
use tungstenite::{Error, Message, WebSocket};

use crate::kit::client::COOKIE;
use crate::kit::http::{Answer, Call};
use crate::kit::people::Person;
use crate::kit::{Server, refused_start};
use crate::silence::{FIRST_WITHIN, assert_closed, connect};

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A self-signed certificate and its key, in files.
struct Identity {
    dir: tempfile::TempDir,
    certificate: CertificateDer<'static>,
    secret: String,
}

impl Identity {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let secret = made.signing_key.serialize_pem();
        std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(dir.path().join("key.pem"), &secret).unwrap();
        Self { dir, certificate: made.cert.der().clone(), secret }
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Another file beside them.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn start(&self) -> Server {
        let server = Server::start_with(&[("SOTTO_TLS_CERT", &self.file("cert.pem")), ("SOTTO_TLS_KEY", &self.file("key.pem"))]);
        assert_eq!(server.url, format!("https://{}", server.address));
        server
    }

    /// A connection that trusts this certificate and no other. The handshake is made by the first write.
    fn connect(&self, server: &Server) -> Stream {
        let mut trusted = RootCertStore::empty();
        trusted.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let name = ServerName::from(server.address.ip());
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
    }

    fn call(&self, server: &Server, call: Call) -> Answer {
        call.try_send_over(self.connect(server), server.address).expect("an answer over TLS")
    }

    /// Upgrades to the sync socket, or gives the status with which it was refused.
    fn socket(&self, server: &Server, cookie: Option<&str>) -> Result<WebSocket<Stream>, u16> {
        let mut request = format!("wss://{}/api/v1/sync", server.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", server.url.parse().unwrap());
        if let Some(cookie) = cookie {
            request.headers_mut().insert("cookie", format!("{COOKIE}={cookie}").parse().unwrap());
        }
        match tungstenite::client(request, self.connect(server)) {
            Ok((socket, _)) => Ok(socket),
            Err(HandshakeError::Failure(Error::Http(answer))) => Err(answer.status().as_u16()),
            Err(error) => panic!("no answer over TLS: {error}"),
        }
    }
}

// Falls with `server.acceptor(…)` in server/src/serve.rs.
#[test]
fn with_certificate_and_key_nothing_is_said_in_plain() {
    let identity = Identity::new();
    let server = identity.start();
    assert_eq!(identity.call(&server, Call::get("/health")).status, 200);
    for path in ["/health", "/"] {
        assert!(Call::get(path).try_send(server.address).is_none(), "{path} in plain");
    }
    let stranger = Identity::new();
    assert!(Call::get("/health").try_send_over(stranger.connect(&server), server.address).is_none(), "another's certificate");
}

// Falls with STRICT_TRANSPORT_SECURITY in server/src/headers.rs; the socket's address with `socket_origin` in config/values.rs.
#[test]
fn a_page_over_tls_keeps_browsers_on_tls() {
    let identity = Identity::new();
    let server = identity.start();
    let page = identity.call(&server, Call::get("/signin"));
    assert_eq!(page.status, 200);
    for answer in [identity.call(&server, Call::get("/")), page] {
        assert_eq!(answer.all("strict-transport-security"), ["max-age=63072000; includeSubDomains"]);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains(&format!("connect-src 'self' wss://{};", server.address)), "{policy}");
    }
}

// Falls with `asking.signed_in()` in server/src/sync/mod.rs; the cookie with `ATTRIBUTES` in cookie.rs, the goodbye with
// `stopping.cancelled()` in sync/connection.rs.
#[test]
fn a_session_and_its_socket_work_over_tls() {
    let identity = Identity::new();
    let mut server = identity.start();
    assert_eq!(identity.socket(&server, None).err(), Some(401));
    let person = Person::new("mira");
    let body = serde_json::json!({ "request": person.sign_up_request() }).to_string();
    let call = Call::post("/api/account/sign_up").header("origin", &server.url).body("application/json", body);
    let answer = identity.call(&server, call);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let [line] = answer.all("set-cookie")[..] else { panic!("one cookie: {:?}", answer.all("set-cookie")) };
    let (pair, attributes) = line.split_once("; ").unwrap();
    let cookie = pair.strip_prefix("__Host-sotto=").unwrap();
    for attribute in ["Path=/", "Secure", "HttpOnly"] {
        assert!(attributes.split("; ").any(|own| own == attribute), "{line}");
    }
    let rooms = |call: Call| identity.call(&server, call).status;
    assert_eq!(rooms(Call::get("/api/v1/rooms")), 401);
    assert_eq!(rooms(Call::get("/api/v1/rooms").header("cookie", pair)), 200);
    let mut socket = identity.socket(&server, Some(cookie)).unwrap();
    let hello = ClientFrame::Hello { version: VERSION, device: person.device, cursors: Vec::new(), window: 0 };
    socket.send(Message::Binary(codec::encode(&hello).into())).unwrap();
    assert!(matches!(next_frame(&mut socket), ServerFrame::Ready { .. }));
    server.terminate();
    while !matches!(next_frame(&mut socket), ServerFrame::Bye { .. }) {}
    drop(socket);
    assert!(server.wait().success());
}

fn next_frame(socket: &mut WebSocket<Stream>) -> ServerFrame {
    loop {
        if let Message::Binary(bytes) = socket.read().unwrap() {
            return codec::decode(&bytes, 4_000_000).unwrap();
        }
    }
}

// Falls with `first_request_timeout` in server/src/serve.rs, and with a longer `handshake_timeout` there.
#[test]
fn a_connection_without_a_handshake_or_a_request_is_closed() {
    let identity = Identity::new();
    let server = identity.start();
    let since = Instant::now();
    let mute = connect(&server, b"");
    // The head of a record that would hold a ClientHello of 512 bytes.
    let cut = connect(&server, &[22, 3, 1, 2, 0]);
    let mut greeted = identity.connect(&server);
    while greeted.conn.is_handshaking() {
        greeted.conn.complete_io(&mut greeted.sock).unwrap();
    }
    assert_closed(mute, since, FIRST_WITHIN, "no handshake");
    assert_closed(cut, since, FIRST_WITHIN, "half a handshake");
    assert_closed(greeted, since, FIRST_WITHIN, "a handshake and no request");
}

// Falls with any of the complaints in server/src/config/tls.rs.
#[test]
fn a_wrong_certificate_or_key_stops_the_start_and_names_its_setting() {
    const CERT: &str = "SOTTO_TLS_CERT";
    const KEY: &str = "SOTTO_TLS_KEY";
    let (own, other) = (Identity::new(), Identity::new());
    let folder = own.dir.path().display().to_string();
    let (cert, key) = (own.file("cert.pem"), own.file("key.pem"));
    let none = own.file("none.pem");
    let empty = own.write("empty.pem", "");
    let prose = own.write("prose.pem", "a certificate\n");
    let cut = own.write("cut.pem", &own.secret[..60]);
    let cut_cert = own.write("cut-cert.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let unreadable_cert = own.write("unreadable-cert.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let unreadable_key = own.write("unreadable-key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let encrypted = own.write("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let two = own.write("two.pem", &format!("{}{}", own.secret, other.secret));
    let foreign = other.file("key.pem");
    for (wrong, cert, key, reason) in [
        (CERT, &none, &key, "No such file"),
        (CERT, &folder, &key, "Is a directory"),
        (CERT, &empty, &key, "no certificate"),
        (CERT, &prose, &key, "no certificate"),
        (CERT, &key, &cert, "no certificate"),
        (CERT, &cut_cert, &key, "not a PEM file"),
        (CERT, &unreadable_cert, &key, "can't be read"),
        (KEY, &cert, &none, "No such file"),
        (KEY, &cert, &folder, "Is a directory"),
        (KEY, &cert, &empty, "no private key"),
        (KEY, &cert, &prose, "no private key"),
        (KEY, &cert, &cert, "no private key"),
        (KEY, &cert, &encrypted, "no private key"),
        (KEY, &cert, &cut, "not a PEM file"),
        (KEY, &cert, &unreadable_key, "expected an RSA"),
        (KEY, &cert, &two, "more than one private key"),
        (KEY, &cert, &foreign, "does not belong to the certificate"),
    ] {
        let said = refused_start(&[(CERT, cert), (KEY, key)], None);
        let file = if wrong == CERT { cert } else { key };
        assert!(said.starts_with(&format!("sotto: {wrong}: {file}: ")) && said.contains(reason), "{cert} {key}: {said}");
        assert_eq!(said.lines().count(), 1, "a sentence, not a panic: {said}");
        let inside = own.secret.lines().chain(other.secret.lines()).filter(|line| !line.starts_with('-'));
        assert!(inside.into_iter().all(|line| !said.contains(line)), "a key is never said: {said}");
    }
    let said = refused_start(&[], Some(&format!("tls_cert = {cert:?}\ntls_key = {foreign:?}")));
    assert!(said.starts_with("sotto: tls_key in "), "{said}");
}
