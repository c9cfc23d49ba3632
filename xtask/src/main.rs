//! `cargo xtask`: every build step of the project that cargo alone does not do. The Makefile calls it.
//!
//! `build-web` is the heart (module `web`): two WASM modules, CSS, fonts and static files become `target/site/`, with
//! hashed names, compressed siblings and a manifest of SHA-256 sums. The other commands order cargo, node and the server.
#![allow(clippy::print_stdout, reason = "a command line tool talks on standard output")]

mod bench;
mod budget;
mod checks;
mod command;
mod fuzz;
mod paths;
mod serve;
mod soak;
mod watch;
mod web;

use anyhow::{Result, bail};

use crate::{paths::Paths, web::Profile};

const USAGE: &str = "usage: cargo xtask <command>
  build-web [--profile full|quick]  the site under target/site
  run                                    build everything and start the server
  watch                                  run, and again after every change
  check [CRATE…]                         format, clippy and tests of the named crates
  test                                   everything that CI checks
  sizes                                  what a browser loads, against its budgets
  bench                                  the worker's Argon2id beside the native one
  soak [COUNT]                           the long tests
  sim                                    seeds of the simulated world (SEEDS=n how many, FROM=n where they begin, SEED=n one again)
  fuzz [TARGET…]                         fuzz targets, FUZZ_SECONDS=n each
  release                                binary and site under target/dist";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let paths = Paths::find()?;
    match arguments.as_slice() {
        ["build-web"] => web::build(&paths, Profile::Full).map(drop),
        ["build-web", "--profile", name] => web::build(&paths, Profile::named(name)?).map(drop),
        ["run"] => serve::run(&paths),
        ["watch"] => watch::watch(&paths),
        ["check", crates @ ..] => checks::check(&paths, crates),
        ["test"] => checks::test(&paths),
        ["sizes"] => budget::sizes(&paths),
        ["bench"] => bench::bench(&paths),
        ["sim"] => soak::sim(&paths),
        ["soak"] => soak::soak(&paths, None),
        ["soak", count] => soak::soak(&paths, Some(count.parse()?)),
        ["fuzz", targets @ ..] => fuzz::fuzz(&paths, targets),
        ["release"] => serve::release(&paths),
        _ => bail!("{USAGE}"),
    }
}
