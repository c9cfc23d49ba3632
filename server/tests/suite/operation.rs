//! What an operator meets: settings, files, health, a stop.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use sotto_protocol::ErrorCode;
use sotto_protocol::frames::{ClientFrame, ServerFrame};

use crate::kit::client::pair;
use crate::kit::http::Call;
use crate::kit::socket::Closed;
use crate::kit::{PROGRAM, Server, refused_start, second_server_on};

#[test]
fn wrong_settings_stop_the_start_and_name_their_key() {
    for (key, value) in [
        ("SOTTO_LISTEN", "nowhere"),
        ("SOTTO_LISTEN", "127.0.0.1:99999"),
        ("SOTTO_PUBLIC_URL", "http://chat.example"),
        ("SOTTO_PUBLIC_URL", "chat.example"),
        ("SOTTO_PASSWORD_HASH", "md5"),
        ("SOTTO_REGISTRATION", "maybe"),
        ("SOTTO_RETENTION_DAYS", "0"),
        ("SOTTO_RETENTION_DAYS", "many"),
        ("SOTTO_TRUSTED_PROXIES", "proxy"),
        ("SOTTO_SESSION_IDLE", "long"),
        ("SOTTO_LIMIT_LOGIN_ACCOUNT", "ten"),
        ("SOTTO_LIMIT_SOCKETS", "0"),
        ("SOTTO_LOG", "sotto=loud"),
        ("SOTTO_LOG_FORMAT", "xml"),
        ("SOTTO_SITE_DIR", "/nowhere"),
        ("SOTTO_CONFIG", "/nowhere.toml"),
    ] {
        let said = refused_start(&[(key, value)], None);
        assert!(said.contains(&format!("sotto: {key}: ")), "{key}={value}: {said}");
    }
    let said = refused_start(&[("SOTTO_TLS_CERT", "/nowhere.pem"), ("SOTTO_TLS_KEY", "/nowhere.pem")], None);
    assert!(said.contains("sotto: SOTTO_TLS_CERT: "), "{said}");
    let said = refused_start(&[("SOTTO_LISTEN", "0.0.0.0:0")], None);
    assert!(said.contains("sotto: SOTTO_PUBLIC_URL: "), "{said}");
    for (file, key) in [("retention = 3", "retention"), ("[limits]\nlogin = \"1/1m\"", "limits.login"), ("listen = true", "listen in ")] {
        let said = refused_start(&[], Some(file));
        assert!(said.contains(key), "{file}: {said}");
    }
}

#[test]
fn the_command_line_says_what_it_takes() {
    let run = |arguments: &[&str]| Command::new(PROGRAM).args(arguments).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&run(&["--version"]).stdout), format!("sotto {}\n", env!("CARGO_PKG_VERSION")));
    assert!(String::from_utf8_lossy(&run(&["--help"]).stdout).contains("SOTTO_DATA_DIR"));
    for wrong in [&[][..], &["server"], &["serve", "now"], &["--verbose"]] {
        assert!(!run(wrong).status.success(), "{wrong:?}");
    }
}

#[test]
fn health_answers_and_the_folder_is_for_its_owner_alone_and_for_one_server() {
    let server = Server::start();
    assert_eq!(Call::get("/health").send(server.address).status, 200);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&server.data_dir()), 0o700);
    let files: Vec<_> = std::fs::read_dir(server.data_dir()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 2);
    for file in files {
        assert_eq!(mode(&file), if file.is_dir() { 0o700 } else { 0o600 }, "{}", file.display());
    }
    let said = second_server_on(&server);
    assert!(said.contains("another sotto uses "), "{said}");
}

// Falls with `stopping.cancelled()` in server/src/sync/connection.rs; the WAL stays without `self.stop.closed()` in backend's
// writer, and when its readers are closed after it (`SqliteStore::close`).
#[test]
fn a_stop_finishes_acks_says_bye_and_exits_well() {
    let mut server = Server::start();
    let (one, two, mut seat) = pair(&server, ["mira", "noor"]);
    let (mut first, mut second) = (one.hello(&server), two.hello(&server));
    let messages: Vec<_> = (0..50).map(|number| one.person.message(&mut seat, &number.to_string())).collect();
    first.send(&ClientFrame::Publish { messages: messages.clone() });
    // The first ack shows that the batch is under way or done; the stop must not take the rest away.
    let mut acks = first.until(|frame| if let ServerFrame::Acks { acks } = frame { Some(acks) } else { None }).unwrap();
    server.terminate();
    let code = first
        .until(|frame| match frame {
            ServerFrame::Acks { acks: more } => {
                acks.extend(more);
                None
            }
            ServerFrame::Bye { code } => Some(code),
            _ => None,
        })
        .unwrap();
    assert_eq!((code, acks.len()), (ErrorCode::Unavailable, messages.len()));
    assert_eq!(second.farewell(), (ErrorCode::Unavailable, Closed(Some(1000))));
    drop((first, second));
    assert!(server.wait().success());
    // Whoever copies the database after a stop has everything.
    assert!(!server.data_dir().join("sotto.db-wal").exists(), "the WAL is folded in");
    server.restart();
    let entries = one.hello(&server).read_room(seat.room, 0);
    assert_eq!(entries.len(), 1 + messages.len());
}
