//! Seeds of the world: `SEEDS` says how many (200 by default), `FROM` where they begin, `SEED` plays one again and prints its history.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use sotto_sim::{Beginning, Failure, Faults, Summary};

/// A name that comes again is one more browser of that person.
const PEOPLE: [&str; 5] = ["mira", "jonas", "noor", "mira", "jonas"];
/// Seeds that are lived twice.
const REPLAYED: core::ops::Range<u64> = 300..310;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

// Rig: fi, everything of ARCHITECTURE's "The simulated world". Fails without `entry.seq <= room.cursor` in the
// engine's `expected`.
#[tokio::test]
async fn r68_simulation_every_accepted_message_arrives_once_and_in_one_order() {
    let beginning = Beginning::new(&PEOPLE).await.unwrap();
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let from = number("FROM").unwrap_or(0);
            from..from + number("SEEDS").unwrap_or(200)
        }
    };
    let mut all = Summary::default();
    let mut failures = Vec::new();
    for seed in seeds.clone() {
        let summary = match beginning.live(seed, None).await {
            Ok(summary) => summary,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        if seeds.end - seeds.start == 1 {
            println!("{}", summary.history.join("\n"));
        }
        all.events += summary.events;
        all.kills += summary.kills;
        all.texts += summary.texts;
    }
    println!("{} seeds: {} events, {} deaths, {} texts", seeds.end - seeds.start, all.events, all.kills, all.texts);
    let names: Vec<u64> = failures.iter().map(|failure| failure.seed).collect();
    assert!(failures.is_empty(), "{}\nseeds that fail: {names:?}", failures[0]);
}

/// A failure tells its history to its end.
fn told(summary: Result<Summary, Failure>) -> Summary {
    summary.unwrap_or_else(|failure| panic!("{failure}"))
}

// The same over SQLite's real files: what a database adds of its own.
#[tokio::test]
async fn r68_simulation_a_smaller_set_of_seeds_lives_on_sqlite() {
    let beginning = Beginning::on_sqlite(&PEOPLE).await.unwrap();
    for seed in 0..20 {
        told(beginning.live(seed, None).await);
    }
}

// What a seed does may depend on nothing but the seed: not on the world before it, on the order in which something is hashed, on a thread,
// nor on the hour. Fails when the KEM draws from the system, when key packages live by the real clock, when the bus of the backend keeps
// its rooms in a `HashSet`, and when OpenMLS has rayon's threads for the paths of three and more leaves.
#[tokio::test]
async fn r68_simulation_a_seed_replays_to_the_byte() {
    let beginning = Beginning::new(&PEOPLE).await.unwrap();
    let again = beginning.again().await.unwrap();
    let mut first = Vec::new();
    for seed in REPLAYED {
        first.push((seed, told(beginning.live(seed, None).await)));
    }
    for (seed, before) in first.into_iter().rev() {
        let after = told(again.live(seed, None).await);
        let differ = before.history.iter().zip(&after.history).position(|(one, other)| one != other);
        assert_eq!(differ.map(|at| (&before.history[at], &after.history[at])), None, "seed {seed}");
        assert_eq!((before.history.len(), before.ends), (after.history.len(), after.ends), "seed {seed}");
    }
}

// Browsers die at two effects in a hundred, requests and answers get lost, and every room's keys are old again and again. Fails
// without the arm for a pending commit in the engine's `resume_seats`, and when a commit is merged before the log shows it.
#[tokio::test]
async fn r39_own_commit_crash_ends_in_merged_or_cleared() {
    let beginning = Beginning::new(&["mira", "jonas"]).await.unwrap();
    let faults = Faults { kill_client: 200, lose_request: 2_000, skew: 8_000, ..Faults::NONE };
    for seed in 0..20 {
        told(beginning.live(seed, Some(faults.clone())).await);
    }
}
