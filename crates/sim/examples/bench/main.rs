//! Costs of the engine's steps and of the server's publish path, each beside its floor in the same run: `make bench`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod archive;
mod engine;
mod publish;

use std::time::Duration;

fn main() {
    let which = std::env::args().nth(1);
    if which.as_deref() != Some("publish") {
        engine::run();
        archive::run();
    }
    if which.as_deref() != Some("engine") {
        publish::run();
    }
}

/// The middle one.
fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}
