//! Runs other programs: one line when one starts, an error that names it when it fails.

use std::{ffi::OsStr, path::Path, process::Command, time::Instant};

use anyhow::{Context, Result, ensure};

/// A cargo call by the same toolchain that runs xtask.
pub(crate) fn cargo(root: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments);
    forget_own_package(&mut command);
    command
}

/// `cargo run` tells xtask about xtask. Passed on, those variables would make build scripts that watch them
/// run again at every change between a call by hand and one from here.
fn forget_own_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "CARGO" {
            command.env_remove(&name);
        }
    }
}

/// Runs to the end; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = describe(command);
    let status = command.status().with_context(|| format!("could not start: {line}"))?;
    ensure!(status.success(), "failed ({status}): {line}");
    Ok(())
}

/// Runs to the end and gives back standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = describe(command);
    let output = command.output().with_context(|| format!("could not start: {line}"))?;
    ensure!(output.status.success(), "failed ({}): {line}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).with_context(|| format!("not UTF-8: {line}"))
}

/// Whether a program answers `arguments` with success, silently.
pub(crate) fn answers(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// A named step with its time, so that a slow or failed one is found at once.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("== {name}");
    let start = Instant::now();
    work().with_context(|| format!("step '{name}' failed"))?;
    println!("== {name}: ok, {:.0} s", start.elapsed().as_secs_f32());
    Ok(())
}

fn describe(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
