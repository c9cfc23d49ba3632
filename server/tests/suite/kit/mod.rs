//! Test kit: the real binary as a process of its own, and clients that speak to it over real sockets.

pub mod client;
pub mod database;
pub mod files;
pub mod http;
pub mod lossy;
pub mod memory;
/// People with real keys and real OpenMLS state.
#[path = "../../../../crates/backend/tests/kit/mod.rs"]
pub mod people;
pub mod socket;
pub mod witness;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_sotto");

/// Crashes to survive: few in `make test`, more in `make soak`.
pub fn kill_points(default: usize) -> usize {
    std::env::var("SOTTO_KILL_POINTS").map_or(default, |count| count.parse().expect("SOTTO_KILL_POINTS is a number"))
}

/// A running server with a folder of its own. Killed when dropped.
pub struct Server {
    child: Child,
    /// What starts the program, where it isn't started by itself.
    under: Vec<String>,
    environment: Vec<(String, String)>,
    dir: tempfile::TempDir,
    pub address: SocketAddr,
    /// The origin that it expects.
    pub url: String,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(environment: &[(&str, &str)]) -> Self {
        Self::start_in(prepared_folder(), &[], environment)
    }

    /// Started by a program that sets its limits or its view of the disks and then becomes it.
    pub fn start_under(under: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_in(prepared_folder(), under, environment)
    }

    /// On a folder where a server may have been before.
    pub fn start_on(dir: tempfile::TempDir) -> Self {
        Self::start_in(dir, &[], &[])
    }

    fn start_in(dir: tempfile::TempDir, under: &[&str], environment: &[(&str, &str)]) -> Self {
        let under: Vec<_> = under.iter().map(|word| (*word).to_owned()).collect();
        let mut all = vec![("SOTTO_LISTEN".to_owned(), "127.0.0.1:0".to_owned())];
        all.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let (child, url) = spawn(dir.path(), &under, &all).expect("the server starts");
        let address: SocketAddr = url.rsplit('/').next().unwrap().parse().unwrap();
        // A restart must be reachable under the same URL.
        all[0].1 = address.to_string();
        Self { child, under, environment: all, dir, address, url }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// A server whose origin is another than the address it listens on.
    pub fn start_behind_proxy(public_url: &str) -> Self {
        // The ready line names the public URL, so the port has to be known before.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("127.0.0.1:{port}");
        let dir = tempfile::tempdir().unwrap();
        write_site(&dir.path().join("site"));
        let environment = vec![("SOTTO_LISTEN".to_owned(), listen.clone()), ("SOTTO_PUBLIC_URL".to_owned(), public_url.to_owned())];
        let (child, url) = spawn(dir.path(), &[], &environment).expect("the server starts");
        Self { child, under: Vec::new(), environment, dir, address: listen.parse().unwrap(), url }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL from beside running clients; [`Self::reap`] follows.
    pub fn kill_by_id(&self) {
        let sent = Command::new("kill").args(["-KILL", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub fn reap(&mut self) {
        self.child.wait().unwrap();
    }

    /// SIGKILL: nothing is flushed, nothing is said.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn restart(&mut self) {
        let (child, url) = spawn(self.dir.path(), &self.under, &self.environment).expect("the server starts again");
        assert_eq!(url, self.url);
        self.child = child;
    }

    /// A start after the end that must be refused; what the operator reads.
    pub fn refused_restart(&self) -> String {
        refused_in(self.dir.path(), &self.environment)
    }

    /// SIGTERM, not waited for.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the server\n{}", self.log());
        }
    }
}

fn command(dir: &Path, under: &[String], environment: &[(String, String)]) -> Command {
    let mut words = under.iter().map(String::as_str).chain([PROGRAM, "serve"]);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("SOTTO_DATA_DIR", dir.join("data"))
        .env("SOTTO_SITE_DIR", dir.join("site"))
        .env("SOTTO_LOG", "trace")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null());
    command
}

/// Starts and waits for the ready line; what it said on stderr where it does not come.
fn spawn(dir: &Path, under: &[String], environment: &[(String, String)]) -> Result<(Child, String), String> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
    let mut child = command(dir, under, environment).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    match line.trim_end().strip_prefix("listening on ") {
        Some(url) => Ok((child, url.to_owned())),
        None => {
            child.wait().unwrap();
            Err(std::fs::read_to_string(dir.join("log")).unwrap())
        }
    }
}

/// A folder with a site and no data.
pub fn prepared_folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_site(&dir.path().join("site"));
    dir
}

/// Starts, and kills `later` after a file is there. Says whether the server was not ready yet.
pub fn killed_start(dir: &Path, file: &Path, later: Duration) -> bool {
    let environment = [("SOTTO_LISTEN".to_owned(), "127.0.0.1:0".to_owned())];
    let mut child = command(dir, &[], &environment).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while !file.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    }
    std::thread::sleep(later);
    child.kill().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    child.wait().unwrap();
    said.is_empty()
}

/// Runs a start that must be refused; what the operator reads.
pub fn refused_start(environment: &[(&str, &str)], file: Option<&str>) -> String {
    let dir = tempfile::tempdir().unwrap();
    write_site(&dir.path().join("site"));
    let mut all: Vec<_> = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    if let Some(text) = file {
        let path = dir.path().join("sotto.toml");
        std::fs::write(&path, text).unwrap();
        all.push(("SOTTO_CONFIG".to_owned(), path.display().to_string()));
    }
    refused_in(dir.path(), &all)
}

/// Runs a second server on another's folder; what it says.
pub fn second_server_on(server: &Server) -> String {
    let data = ("SOTTO_DATA_DIR".to_owned(), server.data_dir().display().to_string());
    let dir = tempfile::tempdir().unwrap();
    write_site(&dir.path().join("site"));
    refused_in(dir.path(), &[("SOTTO_LISTEN".to_owned(), "127.0.0.1:0".to_owned()), data])
}

fn refused_in(dir: &Path, environment: &[(String, String)]) -> String {
    let mut child = command(dir, &[], environment).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut said, mut printed) = (String::new(), String::new());
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut printed).unwrap();
    if !printed.is_empty() {
        // It runs; whoever waits for its end waits for ever.
        child.kill().unwrap();
    }
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!child.wait().unwrap().success(), "it must not start");
    assert_eq!(printed, "", "no ready line");
    said
}

pub const STYLE_FILE: &str = "/assets/app-0000000000000001.css";
pub const MODULE_FILE: &str = "/assets/page_bg-0000000000000002.wasm";

/// A site of two files, in the form that xtask writes.
fn write_site(site: &Path) {
    let assets = site.join("assets");
    std::fs::create_dir_all(&assets).unwrap();
    let manifest = serde_json::json!({ "version": 1, "base": "/assets/", "files": {
        "app.css": { "file": "app-0000000000000001.css", "sha256": "00", "sri": "sha384-AAAA", "type": "text/css; charset=utf-8",
                     "bytes": 5, "gzip": 4, "brotli": 3 },
        "page_bg.wasm": { "file": "page_bg-0000000000000002.wasm", "sha256": "00", "sri": "sha384-BBBB", "type": "application/wasm",
                          "bytes": 4 } } });
    std::fs::write(site.join("manifest.json"), manifest.to_string()).unwrap();
    for (name, text) in [
        ("app-0000000000000001.css", "plain"),
        ("app-0000000000000001.css.gz", "gzip"),
        ("app-0000000000000001.css.br", "br!"),
        ("page_bg-0000000000000002.wasm", "\0asm"),
    ] {
        std::fs::write(assets.join(name), text).unwrap();
    }
}
