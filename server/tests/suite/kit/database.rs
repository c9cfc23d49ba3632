//! The database as somebody with the files sees it.

use super::{Server, people};

/// Every row but those of sessions, whose last use moves on its own.
pub fn rows(server: &Server) -> Vec<String> {
    let lines = run(people::dump_of(&server.data_dir()));
    lines.into_iter().filter(|line| !line.starts_with("sessions ")).collect()
}

/// Runs statements beside the server, or while it is down.
pub fn execute(server: &Server, statements: &[&'static str]) {
    use sqlx::Connection as _;
    let url = format!("sqlite://{}", server.data_dir().join("sotto.db").display());
    run(async {
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        for statement in statements {
            sqlx::query(*statement).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    });
}

/// The database's write lock, held by this process.
pub struct WriteLock {
    connection: sqlx::SqliteConnection,
    runtime: tokio::runtime::Runtime,
}

impl WriteLock {
    pub fn take(server: &Server) -> Self {
        use sqlx::Connection as _;
        let url = format!("sqlite://{}", server.data_dir().join("sotto.db").display());
        let runtime = runtime();
        let connection = runtime.block_on(async {
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await.unwrap();
            connection
        });
        Self { connection, runtime }
    }

    pub fn release(self) {
        use sqlx::Connection as _;
        self.runtime.block_on(self.connection.close()).unwrap();
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    runtime().block_on(work)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
