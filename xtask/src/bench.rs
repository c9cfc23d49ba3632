//! Benchmarks: two things in one run, and their ratio.

use std::process::Command;

use anyhow::Result;

use crate::{
    command::{cargo, run, step},
    paths::Paths,
    web::{self, Profile},
};

/// Argon2id in the browser's worker beside the same code compiled for this machine.
pub(crate) fn bench(paths: &Paths) -> Result<()> {
    step("site", || web::build(paths, Profile::Full).map(drop))?;
    step("server", || run(&mut cargo(&paths.root, ["build", "--locked", "--package", "sotto-server"])))?;
    step("native", || {
        run(&mut cargo(&paths.root, ["build", "--locked", "--release", "--package", "sotto-client", "--example", "argon2"]))
    })?;
    step("benchmarks", || {
        run(Command::new("npx")
            .args(["--no-install", "playwright", "test", "--config", "bench.config.ts"])
            .current_dir(paths.root.join("end2end"))
            .env("SOTTO_ARGON2", paths.target.join("release/examples/argon2"))
            .env("SOTTO_SITE_DIR", paths.site())
            .env("SOTTO_ASSETS", paths.site())
            .env("SOTTO_BIN", paths.server_binary()))
    })
}
