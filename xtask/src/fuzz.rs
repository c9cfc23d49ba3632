//! `fuzz`: every target of `fuzz/` for a while, one after the other, beyond the corpora that `test` replays.

use std::{env, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{
    command::{answers, cargo, output, run, step},
    paths::Paths,
};

/// Seconds for each target, where `FUZZ_SECONDS` does not say.
const SECONDS: u32 = 600;

/// Runs the named targets, or all. What they find goes to the target folder; `fuzz/corpus/` is read only.
pub(crate) fn fuzz(paths: &Paths, named: &[&str]) -> Result<()> {
    let seconds = env::var("FUZZ_SECONDS").map_or(Ok(SECONDS), |text| text.parse()).context("FUZZ_SECONDS is a number")?;
    let targets = if named.is_empty() { targets(&paths.root)? } else { named.iter().map(|name| (*name).to_owned()).collect() };
    ensure!(answers(Command::new("cargo").args(["fuzz", "--version"])), "cargo-fuzz is missing: cargo install --locked cargo-fuzz");
    for target in targets {
        let found = paths.target.join("fuzz-corpus").join(&target);
        fs::create_dir_all(&found)?;
        step(&format!("fuzz {target}, {seconds} s"), || {
            let mut call = cargo_fuzz(paths);
            call.arg(&target).arg(&found).arg(paths.root.join("fuzz/corpus").join(&target));
            call.args(["--", "-print_final_stats=1", "-timeout=20", &format!("-max_total_time={seconds}")]);
            run(&mut call)
        })?;
    }
    Ok(())
}

/// By a nightly compiler with its address sanitizer where there is one, by the own one without it otherwise. `-O` and no `cfg(fuzzing)`:
/// what is fuzzed is what runs.
fn cargo_fuzz(paths: &Paths) -> Command {
    let mut call = cargo(&paths.root, ["fuzz", "run", "-O", "--no-cfg-fuzzing"]);
    call.env("CARGO_TARGET_DIR", paths.target.join("fuzz"));
    let toolchains = output(Command::new("rustup").args(["toolchain", "list", "--quiet"])).unwrap_or_default();
    match toolchains.lines().find(|name| name.starts_with("nightly")) {
        Some(nightly) => call.env("RUSTUP_TOOLCHAIN", nightly),
        None => call.args(["--sanitizer", "none"]).env("RUSTC_BOOTSTRAP", "1"),
    };
    call
}

fn targets(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(root.join("fuzz/fuzz_targets"))? {
        let path = file?.path();
        names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
