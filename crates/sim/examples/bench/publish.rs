//! The server's publish path through the real services on SQLite on disk, at 1, 64 and 512 concurrent senders, beside what the disk alone
//! would do: the same bytes in a bare SQLite table with the same durability, and appended to a bare file.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use sotto_backend::{Backend, BackendConfig, Caller, RequestContext, SessionToken};
use sotto_protocol::frames::Publish;
use sotto_protocol::{Bytes, Epoch, IdempotencyId, RoomId};
use sotto_sim::fixture::Fixture;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::{median, millis};

const SENDERS: [usize; 3] = [1, 64, 512];
const ROUNDS: usize = 3;
const LONG: Duration = Duration::from_secs(4);

/// Messages a second, and how long one waits at the median and at the 99th percentile.
#[derive(Clone, Copy)]
struct Rate(f64, Duration, Duration);

impl Rate {
    fn of(mut waits: Vec<Duration>, time: Duration) -> Self {
        waits.sort_unstable();
        let at = |part: f64| waits[((waits.len() - 1) as f64 * part) as usize];
        Self(waits.len() as f64 / time.as_secs_f64(), at(0.5), at(0.99))
    }
}

struct Server {
    backend: Backend,
    context: RequestContext,
    caller: Caller,
    room: RoomId,
    epoch: Epoch,
    /// A real message of the room's epoch; the server can't tell that it is always the same.
    message: Bytes,
}

impl Server {
    async fn open(folder: &Path) -> Self {
        let fixture = Fixture::all().unwrap().pop().unwrap();
        fixture.copy_server(folder).unwrap();
        let backend = Backend::open(BackendConfig::new(folder)).await.unwrap();
        let context = RequestContext { address: [127, 0, 0, 1].into(), user_agent: None, now: fixture.notes.now };
        let caller = backend.authenticate(&context, &SessionToken::parse(&fixture.notes.tokens[0]).unwrap()).await.unwrap();
        let room = fixture.notes.room;
        let epoch = backend.room_state(&caller, room).await.unwrap().info.epoch;
        let entries = backend.read_after(&caller, room, 0, 64, usize::MAX).await.unwrap();
        let message = entries.into_iter().rev().find(|entry| entry.kind == sotto_protocol::frames::EntryKind::Message).unwrap();
        assert_eq!(message.epoch, epoch);
        Self { backend, context, caller, room, epoch, message: message.bytes }
    }

    /// Every sender waits for its ack before it sends the next.
    async fn measure(self: &std::sync::Arc<Self>, senders: usize) -> Rate {
        let start = Instant::now();
        let senders: Vec<_> = (0..senders)
            .map(|_| {
                let server = std::sync::Arc::clone(self);
                tokio::spawn(async move {
                    let mut waits = Vec::new();
                    while start.elapsed() < LONG {
                        let idempotency = IdempotencyId(sotto_client::random::bytes().unwrap());
                        let publish = Publish { room: server.room, idempotency, epoch: server.epoch, bytes: server.message.clone() };
                        let begin = Instant::now();
                        let answers = server.backend.publish(&server.context, &server.caller, vec![publish]).await.unwrap();
                        assert!(answers.iter().all(Result::is_ok));
                        waits.push(begin.elapsed());
                    }
                    waits
                })
            })
            .collect();
        let mut waits = Vec::new();
        for sender in senders {
            waits.extend(sender.await.unwrap());
        }
        Rate::of(waits, start.elapsed())
    }
}

/// Rows of that size, `group` in each transaction, in a table with an index on (room, seq): WAL, `synchronous=FULL`.
async fn bare_sqlite(file: &Path, group: usize, bytes: &[u8]) -> Rate {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await.unwrap();
    sqlx::query("CREATE TABLE IF NOT EXISTS log (room BLOB, seq INTEGER, bytes BLOB)").execute(&mut connection).await.unwrap();
    sqlx::query("CREATE UNIQUE INDEX IF NOT EXISTS log_place ON log (room, seq)").execute(&mut connection).await.unwrap();
    let mut next: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM log").fetch_one(&mut connection).await.unwrap();
    let statement = format!("INSERT INTO log VALUES {}", vec!["(?, ?, ?)"; group].join(", "));
    let (start, mut waits) = (Instant::now(), Vec::new());
    while start.elapsed() < LONG {
        let begin = Instant::now();
        let mut insert = sqlx::query(sqlx::AssertSqlSafe(statement.clone()));
        for _ in 0..group {
            next += 1;
            insert = insert.bind([7_u8; 16].to_vec()).bind(next).bind(bytes.to_vec());
        }
        insert.execute(&mut connection).await.unwrap();
        waits.extend(vec![begin.elapsed(); group]);
    }
    Rate::of(waits, start.elapsed())
}

/// That many bytes appended and synced, `group` messages at once.
fn bare_file(file: &Path, group: usize, bytes: &[u8]) -> Rate {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
    let batch = bytes.repeat(group);
    let (start, mut waits) = (Instant::now(), Vec::new());
    while start.elapsed() < LONG {
        let begin = Instant::now();
        file.write_all(&batch).unwrap();
        file.sync_data().unwrap();
        waits.extend(vec![begin.elapsed(); group]);
    }
    Rate::of(waits, start.elapsed())
}

pub(crate) fn run() {
    // On the disk that the build is on, not in a folder that may be memory.
    let place = std::env::current_exe().unwrap();
    let dir = tempfile::tempdir_in(place.parent().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = std::sync::Arc::new(runtime.block_on(Server::open(&dir.path().join("server"))));
    let bytes = server.message.as_slice();
    println!("\npublish, ack after it is durable ({} bytes a message; median of {ROUNDS} interleaved rounds)", bytes.len());
    println!("{:>8} {:<28} {:>10} {:>9} {:>9} {:>9}", "senders", "what", "msg/s", "p50 ms", "p99 ms", "of floor");
    for senders in SENDERS {
        let mut rates = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            rates[0].push(runtime.block_on(server.measure(senders)));
            rates[1].push(runtime.block_on(bare_sqlite(&dir.path().join("bare.db"), senders, bytes)));
            rates[2].push(bare_file(&dir.path().join("bare.log"), senders, bytes));
        }
        let middle: Vec<Rate> = rates
            .into_iter()
            .map(|mut rates| {
                rates.sort_by(|one, other| one.0.total_cmp(&other.0));
                Rate(
                    rates[ROUNDS / 2].0,
                    median(rates.iter().map(|rate| rate.1).collect()),
                    median(rates.iter().map(|rate| rate.2).collect()),
                )
            })
            .collect();
        for (what, rate) in ["the server", "bare SQLite, WAL and FULL", "bare file, fdatasync"].into_iter().zip(&middle) {
            let share = middle[0].0 / rate.0;
            println!("{senders:>8} {what:<28} {:>10.0} {:>9} {:>9} {share:>9.2}", rate.0, millis(rate.1), millis(rate.2));
        }
    }
    runtime.block_on(server.backend.close());
}
