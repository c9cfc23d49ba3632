//! The long tests: the same ones as in `test`, with more rounds.

use std::process::Command;

use anyhow::Result;

use crate::{budget, checks, command, paths::Paths, serve};

/// What the tests read to know how often: rounds of random steps, kill points and property cases.
const COUNTS: [&str; 2] = ["SOTTO_SOAK_COUNT", "PROPTEST_CASES"];
/// Journeys that have rounds, too.
const JOURNEYS: [&str; 3] = ["killed-tab", "two-tabs", "catching-up"];

/// Lives as many seeds as `SEEDS` says, or the one that `SEED` names, and shows what the test prints.
pub(crate) fn sim(paths: &Paths) -> Result<()> {
    let call = ["test", "--locked", "--package", "sotto-sim", "--test", "seeds", "--", "--nocapture"];
    command::step("sim", || command::run(&mut command::cargo(&paths.root, call)))
}

/// Runs the tests of engine, server and simulation with that many rounds, and the journeys that count.
pub(crate) fn soak(paths: &Paths, count: Option<u32>) -> Result<()> {
    let count = count.unwrap_or(1000).to_string();
    let which = ["--package", "sotto-client", "--package", "sotto-backend", "--package", "sotto-server", "--package", "sotto-sim"];
    let counted = |call: &mut Command| {
        for name in COUNTS {
            call.env(name, &count);
        }
        command::run(call)
    };
    command::step(&format!("soak, {count} rounds"), || counted(&mut checks::tests(paths, &which)))?;
    command::step("site", || budget::sizes(paths))?;
    command::step("server", || serve::build_server(paths))?;
    command::step("journeys", || counted(checks::playwright(paths)?.args(JOURNEYS)))
}
