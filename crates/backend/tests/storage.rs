//! The files: what is in them, who may read them, and what happens when the disk is full.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::kit::*;
use crate::rig::*;
use sotto_backend::Caller;
use sotto_protocol::ErrorCode;

/// Every column that the server keeps, a line for each table, as the document has it.
fn documented() -> Vec<&'static str> {
    let document = include_str!("../../../docs/THREAT_MODEL.md");
    let (_, after) = document.split_once("```columns\n").unwrap();
    after.split_once("\n```").unwrap().0.lines().collect()
}

#[tokio::test]
async fn r54_metadata_allowlist_every_column_is_in_the_threat_model() {
    let rig = rig().await;
    let path = rig.dir.path().join("data/sotto.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}?mode=ro", path.display())).await.unwrap();
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT tables.name, group_concat(columns.name, ' ') FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' AND tables.name NOT LIKE '_sqlx%' GROUP BY tables.name ORDER BY 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let found: Vec<String> = rows.into_iter().map(|(table, columns)| format!("{table}: {columns}")).collect();
    assert_eq!(found, documented());
}

#[tokio::test]
async fn all_files_are_the_owners_alone() {
    let rig = rig().await;
    Person::signed_up(&rig.backend, "mira").await;
    let folder = rig.dir.path().join("data");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for file in folder.read_dir().unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        names.push(file.file_name().into_string().unwrap());
    }
    assert!(names.contains(&"sotto.db".into()) && names.contains(&"sotto.db-wal".into()) && names.contains(&"server.secret".into()));
}

// Fails when `commit` in writer.rs answers jobs before COMMIT, or hands a failed batch its jobs' own answers.
#[tokio::test]
async fn r61_dependency_faults_a_full_disk_is_unavailable_never_a_false_ack_and_recovers() {
    const DAY: u64 = 24 * 3_600_000;
    let rig = rig_with(|config| config.database_max_bytes = Some(400 * 1024)).await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let mut seat = mira.room(&rig.backend, &noor).await;
    let text = "x".repeat(8_000);
    let mut acked = Vec::new();
    let refused = loop {
        let batch: Vec<_> = (0..4).map(|_| mira.message(&mut seat, &text)).collect();
        match rig.backend.publish(&ctx(), mira.caller(), batch).await {
            Ok(answers) => {
                assert_eq!(answers.len(), 4, "an answer for each");
                acked.extend(answers.into_iter().map(Result::unwrap));
            }
            Err(error) => break error,
        }
        assert!(acked.len() < 1_000, "the disk never got full");
    };
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert!(refused.retry_after.is_some());
    // What was acked stands, what was refused does not.
    let head = rig.backend.heads(noor.caller()).await.unwrap()[0].seq;
    assert_eq!(head, acked.last().unwrap().seq);
    for ack in &acked {
        rig.backend.entry(noor.caller(), seat.room, ack.seq).await.unwrap();
    }
    assert_eq!(rig.backend.entry(noor.caller(), seat.room, head + 1).await.unwrap_err().code, ErrorCode::Gone);
    // Space comes back (here by retention), and with it the service, in the same process.
    rig.backend.run_retention(now() + 31 * DAY).await.unwrap();
    assert_eq!(mira.send(&rig.backend, &mut seat, "again").await.unwrap().seq, head + 1);
    rig.backend.health().await.unwrap();
}

// Fails without `jobs.try_recv()` after a failed batch in writer.rs: the last of so many then wait for four locks in a row.
#[tokio::test]
async fn r61_dependency_faults_many_who_wait_for_a_lock_hear_of_it_within_one_wait() {
    use sqlx::Connection as _;
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let mut seat = mira.room(&rig.backend, &noor).await;
    let message = mira.message(&mut seat, "text");
    let path = rig.dir.path().join("data/sotto.db");
    let mut holder = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut holder).await.unwrap();
    let begun = std::time::Instant::now();
    let jobs: Vec<_> = (0..4_000)
        .map(|_| {
            let (backend, caller, message) = (rig.backend.clone(), mira.caller().clone(), message.clone());
            tokio::spawn(async move { backend.publish(&ctx(), &caller, vec![message]).await })
        })
        .collect();
    for job in jobs {
        let refused = job.await.unwrap().unwrap_err();
        assert_eq!((refused.code, refused.retry_after.is_some()), (ErrorCode::Unavailable, true));
    }
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    assert_eq!(mira.send(&rig.backend, &mut seat, "again").await.unwrap().seq, 2);
    rig.backend.health().await.unwrap();
}

#[tokio::test]
async fn one_refused_job_does_not_fail_its_neighbours() {
    let rig = rig().await;
    let mut jobs = Vec::new();
    for number in 0..40 {
        let backend = rig.backend.clone();
        // Every name twice: one of each pair is refused inside the transaction or before it.
        jobs.push(tokio::spawn(async move { Person::new(&format!("person{}", number / 2)).sign_up(&backend).await.is_ok() }));
    }
    let mut made = 0;
    for job in jobs {
        made += usize::from(job.await.unwrap());
    }
    assert_eq!(made, 20);
}

#[tokio::test]
async fn closing_finishes_what_was_taken_on() {
    let rig = rig().await;
    let (mira, noor) = (Person::ready(&rig.backend, "mira").await, Person::ready(&rig.backend, "noor").await);
    let mut seat = mira.room(&rig.backend, &noor).await;
    let messages: Vec<_> = (0..50).map(|_| mira.message(&mut seat, "text")).collect();
    let jobs: Vec<_> = messages
        .into_iter()
        .map(|message| {
            let (backend, caller) = (rig.backend.clone(), mira.caller().clone());
            tokio::spawn(async move { backend.publish(&ctx(), &caller, vec![message]).await })
        })
        .collect();
    tokio::task::yield_now().await;
    rig.backend.close().await;
    let mut acked = 0;
    for job in jobs {
        match job.await.unwrap() {
            Ok(answers) => acked += answers.iter().filter(|answer| answer.is_ok()).count(),
            Err(error) => assert_eq!(error.code, ErrorCode::Unavailable),
        }
    }
    assert_eq!(rig.backend.health().await.unwrap_err().code, ErrorCode::Unavailable);
    let rig = rig.reopen(|_| {}).await;
    let head = rig.backend.heads(mira.caller()).await.unwrap()[0].seq;
    assert_eq!(head, 1 + acked as u64);
}

// Fails when `sessions::insert` does not end what is replaced, when that is a transaction of its own, and without `replaced`.
#[tokio::test]
async fn a_new_session_and_the_end_of_the_one_before_are_one_transaction() {
    let rig = rig().await;
    let mira = Person::signed_up(&rig.backend, "mira").await;
    let enter = async |way: &str, before: &Caller| match way {
        "sign-up" => rig.backend.sign_up(&ctx(), Some(before), Person::new("noor").sign_up_request()).await,
        "sign-in" => rig.backend.sign_in(&ctx(), Some(before), mira.sign_in_request()).await,
        _ => rig.backend.recovery_finish(&ctx(), Some(before), mira.recovery_finish_request()).await,
    };
    for way in ["sign-up", "sign-in", "recovery"] {
        let before = Person::signed_up(&rig.backend, &format!("before-{way}")).await;
        let socket = rig.backend.subscribe(before.caller()).unwrap();
        execute(&rig, "CREATE TRIGGER stuck BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'stuck'); END").await;
        let rows = rig.dump().await;
        assert_eq!(enter(way, before.caller()).await.unwrap_err().code, ErrorCode::Internal, "{way}");
        assert!(rig.dump().await == rows, "{way}: nothing was done");
        execute(&rig, "DROP TRIGGER stuck").await;
        let new = enter(way, before.caller()).await.unwrap();
        rig.backend.authenticate(&ctx(), &new.token).await.unwrap();
        let ended = rig.backend.authenticate(&ctx(), before.token.as_ref().unwrap()).await;
        assert_eq!(ended.unwrap_err().code, ErrorCode::SignedOut, "{way}");
        let wake = tokio::time::timeout(Duration::from_secs(5), socket.changed()).await.unwrap();
        assert_eq!(wake.ended, Some(ErrorCode::SignedOut));
    }
}

async fn execute(rig: &Rig, statement: &'static str) {
    use sqlx::Connection as _;
    let path = rig.dir.path().join("data/sotto.db");
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
