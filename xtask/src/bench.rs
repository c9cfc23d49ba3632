//! Benchmarks: two things in one run, and their ratio.

use anyhow::Result;

use crate::{
    checks,
    command::{cargo, run, step},
    paths::Paths,
    serve,
    web::{self, Profile},
};

/// Steps of the engine and the server's publish path, then Argon2id in the browser's worker beside the same code compiled for this machine.
pub(crate) fn bench(paths: &Paths) -> Result<()> {
    step("engine and publish path", || {
        run(&mut cargo(&paths.root, ["run", "--locked", "--release", "--package", "sotto-sim", "--example", "bench"]))
    })?;
    step("site", || web::build(paths, Profile::Full).map(drop))?;
    step("server", || serve::build_server(paths))?;
    step("native", || {
        run(&mut cargo(&paths.root, ["build", "--locked", "--release", "--package", "sotto-client", "--example", "argon2"]))
    })?;
    step("benchmarks", || {
        run(checks::playwright(paths)?
            .args(["--config", "bench.config.ts"])
            .env("SOTTO_ARGON2", paths.target.join("release/examples/argon2")))
    })
}
