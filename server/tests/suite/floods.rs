//! Peers that take more than their share, and what the others notice of it.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use sotto_protocol::Bytes;
use sotto_protocol::accounts::SignInRequest;
use sotto_protocol::frames::{ClientFrame, Publish, ServerFrame};

use crate::kit::client::{Client, pair};
use crate::kit::http::Call;
use crate::kit::memory::{MEGABYTE, Memory};
use crate::kit::people::idempotency;
use crate::kit::socket::Socket;
use crate::kit::witness::Witness;
use crate::kit::{Server, files};

/// Default of `limits.sockets`.
const PLACES: usize = 10_000;
/// For witnesses, who send more than people do.
const FAST: &str = "1000000/1s";

/// Opens sockets of one account, all of which say `Hello` and stay; gives them, and how many were refused.
fn crowd(server: &Server, client: &Client, tries: usize) -> (Vec<Socket>, usize) {
    let (mut open, mut spoke) = (Vec::<Socket>::new(), Instant::now());
    for _ in 0..tries {
        // Who says nothing for 90 seconds is gone.
        if spoke.elapsed() > Duration::from_secs(20) {
            open.iter_mut().for_each(|socket| socket.send(&ClientFrame::Ping { nonce: 0 }));
            spoke = Instant::now();
        }
        match Socket::connect(server, client.cookie.as_deref(), Some(&server.url)) {
            Ok(mut socket) => {
                socket.hello(client.person.device, Vec::new());
                open.push(socket);
            }
            Err(status) => assert_eq!(status, 429),
        }
    }
    let refused = tries - open.len();
    (open, refused)
}

// Rig: cc; four accounts fill all places from one address, each up to what an account may have. Fails without `own >=
// taken.limits.account` in server/src/sync/slots.rs. The server begins with a soft limit of 1,024 files.
#[test]
fn r59_floods_of_sockets_ten_thousand_stand_more_are_refused_and_others_dont_notice() {
    let places = match files::allow(PLACES + 1_000) {
        true => PLACES,
        false => {
            eprintln!("SKIPPED IN PART: this machine allows too few open files for {PLACES} sockets, 400 were opened");
            400
        }
    };
    let (account, tries) = (places / 4, places / 4 + 10);
    let server = Server::start_under(
        &["prlimit", "--nofile=1024:"],
        &[
            ("SOTTO_LIMIT_SOCKETS", &places.to_string()),
            ("SOTTO_LIMIT_ACCOUNT_SOCKETS", &account.to_string()),
            ("SOTTO_LIMIT_FRAMES", FAST),
            ("SOTTO_LOG", "info"),
        ],
    );
    let mallories: Vec<_> = (0..4).map(|number| Client::signed_up(&server, &format!("mallory-{number}"))).collect();
    let newcomer = Client::signed_up(&server, "newcomer");
    let mut witness = Witness::new(&server);
    let quiet = witness.waits(200);
    let memory = Memory::watch(&server);
    let start = Instant::now();
    let (crowds, opening) = witness.waits_during(|| {
        std::thread::scope(|scope| {
            let crowds: Vec<_> = mallories.iter().map(|mallory| scope.spawn(|| crowd(&server, mallory, tries))).collect();
            crowds.into_iter().map(|crowd| crowd.join().unwrap()).collect::<Vec<_>>()
        })
    });
    let open: usize = crowds.iter().map(|(open, _)| open.len()).sum();
    eprintln!("{open} sockets in {:?}, {} kB each", start.elapsed(), memory.grown() / 1024 / open as u64);
    // One place is the witness's; whoever came last of the four found it taken.
    assert_eq!(open, places - 1);
    assert_eq!(crowds.iter().map(|(_, refused)| refused).sum::<usize>(), 41);
    assert!(crowds.iter().all(|(open, _)| open.len() <= account));
    assert_eq!(Socket::connect(&server, newcomer.cookie.as_deref(), Some(&server.url)).err(), Some(429), "all places are taken");
    assert_eq!(newcomer.get(&server, "/api/v1/rooms").status, 200, "requests need none");
    let (grown, most) = (memory.grown(), open as u64 * 24 * 1024);
    assert!(grown < most, "{grown} bytes for {open} sockets");
    witness.waits(200).assert_no_slower_than(&quiet, "beside sockets that stand");
    opening.assert_no_slower_than(&quiet, "while they are opened");
    drop(crowds);
    let mut tries = (0..100).map(|_| Socket::connect(&server, newcomer.cookie.as_deref(), Some(&server.url)));
    assert!(tries.any(|socket| socket.is_ok()), "places come back");
}

// Fails without the bound by the files that the system allows, `fitting` in server/src/files.rs: then connections hang that find no file.
#[test]
fn r59_floods_of_sockets_leave_files_for_others_where_the_system_allows_few() {
    let server = Server::start_under(&["prlimit", "--nofile=100:600"], &[("SOTTO_LIMIT_ACCOUNT_SOCKETS", "1000"), ("SOTTO_LOG", "info")]);
    let mallory = Client::signed_up(&server, "mallory");
    let mut witness = Witness::new(&server);
    let (open, refused) = crowd(&server, &mallory, 700);
    // 600 files, of which 256 are for everything else; one is the witness's socket.
    assert_eq!((open.len(), refused), (600 - 256 - 1, 700 - (600 - 256 - 1)));
    assert!(server.log().contains("fewer open files"), "the operator is told");
    let _ = Client::signed_up(&server, "newcomer");
    let _ = witness.waits(5);
}

// Fails without `first_request_timeout` in server/src/serve.rs (nobody is let go).
#[test]
fn r59_floods_of_silent_connections_are_let_go_and_others_dont_notice() {
    let count = if files::allow(PLACES + 1_000) { PLACES } else { 400 };
    if count < PLACES {
        eprintln!("SKIPPED IN PART: this machine allows too few open files for {PLACES} connections, {count} were opened");
    }
    let server = Server::start_with(&[("SOTTO_LIMIT_FRAMES", FAST), ("SOTTO_LOG", "info")]);
    let mut witness = Witness::new(&server);
    let quiet = witness.waits(200);
    let memory = Memory::watch(&server);
    let connect = || (0..count).map(|_| TcpStream::connect(server.address).unwrap()).collect::<Vec<_>>();
    let (silent, _) = witness.waits_during(connect);
    let opened = Instant::now();
    witness.waits(200).assert_no_slower_than(&quiet, "beside silent connections");
    assert_eq!(Call::get("/health").send(server.address).status, 200);
    eprintln!("{count} silent connections, {} kB each", memory.grown() / 1024 / count as u64);
    assert!(memory.grown() < count as u64 * 12 * 1024, "{} bytes for {count} connections", memory.grown());
    for mut connection in silent {
        use std::io::Read as _;
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let end = connection.read(&mut [0]);
        assert!(!end.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "still there");
    }
    assert!(opened.elapsed() < Duration::from_secs(25), "{:?}", opened.elapsed());
}

// Fails without the larger capacity in backend's `passwords::argon2` (the allocator then keeps some 340 MB), and without
// `try_acquire_owned` there (none is told to come back).
#[test]
fn r59_floods_of_logins_are_computed_a_few_at_a_time() {
    const LOGINS: usize = 200;
    let server = Server::start_with(&[
        ("SOTTO_LIMIT_LOGIN_ACCOUNT", "100000/1m"),
        ("SOTTO_LIMIT_LOGIN_ADDRESS", "100000/1m"),
        ("SOTTO_LIMIT_FRAMES", FAST),
        ("SOTTO_LOG", "info"),
    ]);
    let mallory = Client::signed_up(&server, "mallory");
    let mut witness = Witness::new(&server);
    let quiet = witness.waits(100);
    let flood = |guess: &SignInRequest| -> Vec<u16> {
        std::thread::scope(|scope| {
            let login = || Client::new("guess").function(&server, "sign_in", json!({ "request": guess })).status;
            let logins: Vec<_> = (0..LOGINS).map(|_| scope.spawn(login)).collect();
            logins.into_iter().map(|login| login.join().unwrap()).collect()
        })
    };
    let mut guess = mallory.person.sign_in_request();
    // Refused before anything is computed: what so many requests cost anyway.
    guess.auth_key.0.truncate(31);
    assert!(flood(&guess).iter().all(|status| *status == 400));
    let memory = Memory::watch(&server);
    guess.auth_key = Bytes(vec![7; 32]);
    let (statuses, busy) = witness.waits_during(|| flood(&guess));
    busy.assert_no_slower_than(&quiet, "beside logins");
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!(count(401) + count(429) + count(503), LOGINS, "{statuses:?}");
    assert!(count(401) > 0 && count(503) > 0, "{statuses:?}");
    // Two hashes of 19 MiB at once.
    let grown = memory.grown();
    assert!(grown < 120 * MEGABYTE, "{grown} bytes for {LOGINS} logins");
}

// A thousand messages a second for five seconds, under the limit that is the default. Fails without `ready_at <= now` in
// server/src/sync/connection.rs.
#[test]
fn r59_floods_of_messages_are_read_at_their_pace_and_others_dont_notice() {
    const LONG: Duration = Duration::from_secs(5);
    let server = Server::start_with(&[("SOTTO_LOG", "info")]);
    let (mallory, noor, mut seat) = pair(&server, ["mallory", "noor"]);
    let mut witness = Witness::new(&server);
    // Under the same limit: fifty messages a second, one in a frame.
    witness.pause = Duration::from_millis(25);
    let quiet = witness.waits(100);
    let message = mallory.person.message(&mut seat, "flood");
    let memory = Memory::watch(&server);
    let start = Instant::now();
    let (tried, busy) = witness.waits_during(|| {
        let mut flood = mallory.hello(&server);
        let mut tried = 0;
        while start.elapsed() < LONG {
            let messages = (0..10).map(|_| Publish { idempotency: idempotency(), ..message.clone() }).collect();
            // Where the server does not read, TCP holds the sender back.
            flood.writes_within(LONG.saturating_sub(start.elapsed()).max(Duration::from_millis(1)));
            if flood.try_send(&ClientFrame::Publish { messages }).is_err() {
                break;
            }
            tried += 10;
            std::thread::sleep(Duration::from_millis(tried).saturating_sub(start.elapsed()));
        }
        flood.cut();
        tried
    });
    busy.assert_no_slower_than(&quiet, "beside a flood of messages");
    assert!(memory.grown() < 20 * MEGABYTE, "{} bytes", memory.grown());
    assert!(tried > 2_000, "that was no flood: {tried}");
    let ServerFrame::Ready { heads, .. } = noor.socket(&server).hello(noor.person.device, Vec::new()) else { panic!("not greeted") };
    let taken = heads.iter().find(|head| head.room == seat.room).unwrap().seq - 1;
    eprintln!("{taken} of {tried} messages were taken in {:?}", start.elapsed());
    // A burst of 400 units, then 100 a second; a batch of ten counts eleven.
    assert!((363..=400 + 100 * (start.elapsed().as_secs() + 1)).contains(&taken), "{taken} in {:?}", start.elapsed());
}
