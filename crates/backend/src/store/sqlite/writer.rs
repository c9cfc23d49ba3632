//! The one writer: takes everything queued into one transaction, and answers after its COMMIT (group commit).
//!
//! While one batch is being synced the next one gathers by itself, so there is no timer. Each job has its own SAVEPOINT: a job that
//! is refused leaves the others alone. When the disk fails, the whole batch is rolled back and every job of it is told so.

use std::pin::Pin;
use std::time::Instant;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

use super::{discard, log};
use crate::store::{AppendRow, Appended, BUSY, StoreError, StoreResult};

pub(crate) type BoxFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

/// Jobs that may wait; more make their senders wait.
const QUEUE: usize = 4_096;
/// Jobs in one transaction: bounds how long the first of them waits.
const BATCH: usize = 1_024;

const STOPPING: StoreError = StoreError::Unavailable("stopping");

/// A job whose answer type is hidden.
trait Job: Send {
    /// Does the work; keeps the answer until the batch is durable.
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, StoreResult<()>>;
    /// Answers: with the kept answer, or with what went wrong.
    fn finish(self: Box<Self>, outcome: StoreResult<()>);
}

struct Typed<T, F> {
    work: Option<F>,
    answer: Option<T>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<T, F> Job for Typed<T, F>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, StoreResult<T>> + Send + 'static,
{
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, StoreResult<()>> {
        Box::pin(async move {
            let work = self.work.take().ok_or(StoreError::Bug("a job ran twice"))?;
            self.answer = Some(work(connection).await?);
            Ok(())
        })
    }

    fn finish(self: Box<Self>, outcome: StoreResult<()>) {
        let Self { answer, reply, .. } = *self;
        let answer = outcome.and_then(|()| answer.ok_or(StoreError::Bug("a job without an answer")));
        // Nobody waits any more: the work is durable all the same.
        let _ = reply.send(answer);
    }
}

/// Messages are most of all writes, so those that wait together are appended together.
struct Append {
    rows: Vec<AppendRow>,
    answers: Vec<Appended>,
    reply: oneshot::Sender<StoreResult<Vec<Appended>>>,
}

enum Queued {
    Job(Box<dyn Job>),
    Append(Append),
}

impl Queued {
    fn finish(self, outcome: StoreResult<()>) {
        match self {
            Self::Job(job) => job.finish(outcome),
            Self::Append(append) => {
                let _ = append.reply.send(outcome.map(|()| append.answers));
            }
        }
    }
}

/// Handle of the writer task.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Queued>,
    stop: watch::Sender<bool>,
}

impl Writer {
    pub(super) fn start(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(run(options, connection, jobs, stopped));
        Self { queue, stop }
    }

    pub(super) async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, StoreResult<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Typed { work: Some(work), answer: None, reply });
        self.queue.send(Queued::Job(job)).await.map_err(|_| STOPPING)?;
        answer.await.map_err(|_| STOPPING)?
    }

    pub(super) async fn append(&self, rows: Vec<AppendRow>) -> StoreResult<Vec<Appended>> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Queued::Append(Append { rows, answers: Vec::new(), reply })).await.map_err(|_| STOPPING)?;
        answer.await.map_err(|_| STOPPING)?
    }

    /// Takes no more jobs, finishes those that wait, closes the connection.
    pub(super) async fn close(&self) {
        self.stop.send_replace(true);
        // Not `queue.closed()`: that returns when no more jobs are taken, with those that wait still to be done. This receiver is
        // dropped by the task's end.
        self.stop.closed().await;
    }
}

async fn run(
    options: SqliteConnectOptions,
    connection: SqliteConnection,
    mut jobs: mpsc::Receiver<Queued>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connection = Some(connection);
    let mut stopping = false;
    loop {
        let first = tokio::select! {
            biased;
            first = jobs.recv() => first,
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                jobs.close();
                continue;
            }
        };
        let Some(first) = first else { break };
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Ok(next) = jobs.try_recv() else { break };
            batch.push(next);
        }
        let Some(mut open) = take_or_connect(&mut connection, &options).await else {
            batch.into_iter().for_each(|job| job.finish(Err(StoreError::Unavailable("can't open"))));
            continue;
        };
        match commit(&mut open, batch).await {
            Ok(()) => connection = Some(open),
            Err(kind) => {
                discard(open).await;
                // Somebody else holds the lock, and whoever came meanwhile has waited for it as well: batch after batch, each with a
                // wait of its own, the last of many would hear nothing for minutes.
                while kind == BUSY
                    && let Ok(next) = jobs.try_recv()
                {
                    next.finish(Err(StoreError::Unavailable(kind)));
                }
            }
        }
    }
    if let Some(connection) = connection {
        discard(connection).await;
    }
}

async fn take_or_connect(connection: &mut Option<SqliteConnection>, options: &SqliteConnectOptions) -> Option<SqliteConnection> {
    match connection.take() {
        Some(open) => Some(open),
        None => options.connect().await.inspect_err(|_| tracing::warn!("the database can't be opened again yet")).ok(),
    }
}

/// Runs a batch as one transaction and answers every job of it. An error says what failed: the connection is not to be trusted any more.
async fn commit(connection: &mut SqliteConnection, mut batch: Vec<Queued>) -> Result<(), &'static str> {
    let begun = Instant::now();
    let jobs = batch.len();
    match transaction(connection, &mut batch).await {
        Ok(outcomes) => {
            tracing::trace!(jobs, micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX), "committed");
            batch.into_iter().zip(outcomes).for_each(|(job, outcome)| job.finish(outcome));
            Ok(())
        }
        Err(error) => {
            // Never a false ack: nothing of the batch is durable, whatever each job made of itself.
            let kind = if let StoreError::Unavailable(kind) | StoreError::Bug(kind) = error { kind } else { "refused" };
            tracing::warn!(jobs, kind, "a transaction failed and was rolled back");
            let _ = connection.execute("ROLLBACK").await;
            batch.into_iter().for_each(|job| job.finish(Err(StoreError::Unavailable(kind))));
            Err(kind)
        }
    }
}

async fn transaction(connection: &mut SqliteConnection, batch: &mut [Queued]) -> StoreResult<Vec<StoreResult<()>>> {
    connection.execute("BEGIN IMMEDIATE").await?;
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut rest = batch;
    while !rest.is_empty() {
        let count = rest.iter().take_while(|queued| matches!(queued, Queued::Append(_))).count();
        let (appends, after) = rest.split_at_mut(count.max(1));
        if let [Queued::Job(job)] = appends {
            outcomes.push(one(connection, job.as_mut()).await?);
            rest = after;
            continue;
        }
        // A refused message is a value in the answers, so an error here is the database's: it fails the batch.
        append(connection, appends).await?;
        outcomes.extend(std::iter::repeat_n(Ok(()), count));
        rest = after;
    }
    connection.execute("COMMIT").await?;
    Ok(outcomes)
}

/// One job in its own savepoint. `Err` is the database failing, which fails the batch; a refusal is inside.
async fn one(connection: &mut SqliteConnection, job: &mut dyn Job) -> StoreResult<StoreResult<()>> {
    connection.execute("SAVEPOINT job").await?;
    match job.run(connection).await {
        Ok(()) => {
            connection.execute("RELEASE job").await?;
            Ok(Ok(()))
        }
        Err(error @ StoreError::Unavailable(_)) => Err(error),
        Err(error) => {
            connection.execute("ROLLBACK TO job").await?;
            connection.execute("RELEASE job").await?;
            Ok(Err(error))
        }
    }
}

async fn append(connection: &mut SqliteConnection, appends: &mut [Queued]) -> StoreResult<()> {
    let mut of = Vec::new();
    let mut rows = Vec::new();
    for (index, queued) in appends.iter_mut().enumerate() {
        if let Queued::Append(append) = queued {
            of.extend(std::iter::repeat_n(index, append.rows.len()));
            rows.append(&mut append.rows);
        }
    }
    let answers = log::append_all(connection, &rows).await?;
    for (index, answer) in of.into_iter().zip(answers) {
        if let Some(Queued::Append(append)) = appends.get_mut(index) {
            append.answers.push(answer);
        }
    }
    Ok(())
}
