//! `test`: everything that CI checks, in the order in which it fails soonest. `check`: the same for a crate at hand.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::{
    budget, command,
    command::{cargo, run, step},
    paths::Paths,
    serve,
};

/// Crates for the browser, each alone (see `web::wasm`).
const WASM_PACKAGES: [&str; 3] = ["sotto-frontend", "sotto-worker", "sotto-scanner"];

/// Everything.
pub(crate) fn test(paths: &Paths) -> Result<()> {
    step("format", || format(paths, &["--all"]))?;
    step("clippy", || run(&mut clippy(paths, &["--all-targets"])))?;
    for package in WASM_PACKAGES {
        step(&format!("clippy {package}"), || {
            run(&mut clippy(paths, &["--package", package, "--lib", "--target", "wasm32-unknown-unknown"]))
        })?;
    }
    step("tests", || run(&mut tests(paths, &[])))?;
    step("site", || budget::sizes(paths))?;
    step("server", || serve::build_server(paths))?;
    step("journeys", || run(&mut playwright(paths)?))?;
    println!("all steps passed");
    Ok(())
}

/// Format, clippy and tests of the named crates; of everything that is quick when none is named.
pub(crate) fn check(paths: &Paths, crates: &[&str]) -> Result<()> {
    let named: Vec<&str> = crates.iter().flat_map(|name| ["--package", name]).collect();
    step("format", || format(paths, if named.is_empty() { &["--all"] } else { &named }))?;
    step("clippy", || run(&mut clippy(paths, &[&["--all-targets"], named.as_slice()].concat())))?;
    step("tests", || run(&mut tests(paths, &named)))
}

/// Debian's compiler comes without rustfmt: then another toolchain's does, and only where there is none it is left out.
fn format(paths: &Paths, which: &[&str]) -> Result<()> {
    let arguments = |fmt: &mut Command| {
        fmt.args(which).arg("--check");
    };
    let mut own = cargo(&paths.root, ["fmt"]);
    if command::answers(&mut cargo(&paths.root, ["fmt", "--version"])) {
        arguments(&mut own);
        return run(&mut own);
    }
    let toolchains = command::output(Command::new("rustup").args(["toolchain", "list", "--quiet"])).unwrap_or_default();
    let other = toolchains.lines().find(|name| command::answers(Command::new("rustup").args(["which", "--toolchain", name, "rustfmt"])));
    let Some(other) = other else {
        println!("no toolchain here has rustfmt: THE FORMAT WAS NOT CHECKED");
        return Ok(());
    };
    own.env("RUSTUP_TOOLCHAIN", other);
    arguments(&mut own);
    run(&mut own)
}

fn clippy(paths: &Paths, which: &[&str]) -> Command {
    let mut call = cargo(&paths.root, ["clippy", "--locked"]);
    call.args(which).args(["--", "--deny", "warnings"]);
    call
}

/// nextest where it is, since it runs the tests of all crates side by side; cargo's own otherwise.
pub(crate) fn tests(paths: &Paths, which: &[&str]) -> Command {
    let nextest = command::answers(&mut cargo(&paths.root, ["nextest", "--version"]));
    let mut call = cargo(&paths.root, if nextest { ["nextest", "run"].as_slice() } else { &["test"] });
    call.arg("--locked").args(which);
    if nextest {
        call.args(["--no-fail-fast", "--status-level", "slow", "--final-status-level", "fail"]);
    }
    call
}

/// A Playwright run in `end2end/` against what was built. The crowd of catching-up.spec.ts is an example of sotto-sim: the tests, which come
/// before, have built it.
pub(crate) fn playwright(paths: &Paths) -> Result<Command> {
    let folder = paths.root.join("end2end");
    ensure!(folder.join("node_modules/.bin/playwright").exists(), "Playwright is missing: make setup");
    let mut call = Command::new("npx");
    call.args(["--no-install", "playwright", "test"])
        .current_dir(folder)
        .env("SOTTO_SITE_DIR", paths.site())
        .env("SOTTO_ASSETS", paths.site())
        .env("SOTTO_BIN", paths.server_binary())
        .env("SOTTO_CROWD", paths.target.join("debug/examples/crowd"));
    Ok(call)
}
