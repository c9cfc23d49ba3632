//! One WASM module: cargo for wasm32, wasm-bindgen, wasm-opt. Results are kept by what went in.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use super::{Profile, digest};
use crate::{command, paths::Paths};

const TARGET: &str = "wasm32-unknown-unknown";

/// For wasm-opt, beside the level. It makes one function of all that are called once: bigger ones are not faster for it, and brotli finds
/// less in them that repeats (a hundredth of the engine's module).
const SMALLER: [&str; 2] = ["--converge", "--one-caller-inline-max-function-size=40"];

/// What the browsers we support have. `--all-features` makes modules that they refuse.
const FEATURES: [&str; 7] =
    ["bulk-memory", "nontrapping-float-to-int", "sign-ext", "mutable-globals", "reference-types", "multivalue", "simd"];

/// A crate that becomes a module.
#[derive(Debug)]
pub(super) struct Module {
    package: &'static str,
    /// Of the files: `page.js`, `page_bg.wasm`.
    name: &'static str,
    profile: &'static str,
    /// For wasm-opt. `-Oz` makes the engine's module slower, and in brotli not even smaller.
    level: &'static str,
}

impl Module {
    pub(super) const PAGE: Self = Self { package: "sotto-frontend", name: "page", profile: "wasm-page", level: "-Oz" };
    pub(super) const WORKER: Self = Self { package: "sotto-worker", name: "worker", profile: "wasm-worker", level: "-O2" };
    /// Loaded by whoever scans a code.
    pub(super) const SCANNER: Self = Self { package: "sotto-scanner", name: "scanner", profile: "wasm-page", level: "-Oz" };
}

/// A module and the script that wasm-bindgen wrote for it.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) script: String,
    pub(super) module: Vec<u8>,
}

/// Builds a module, or takes the last result where nothing that goes into it has changed.
pub(super) fn build(paths: &Paths, module: &Module, profile: Profile) -> Result<Built> {
    let compiled = compile(paths, module, profile)?;
    let bytes = fs::read(&compiled).with_context(|| format!("cargo wrote no {}", compiled.display()))?;
    let tools = fs::read_to_string(paths.root.join("xtask/npm/package-lock.json"))?;
    let recipe = format!("{} {SMALLER:?} {} {FEATURES:?} {tools}", module.level, profile.label());
    let key = digest::sha256_hex(format!("{} {}", digest::sha256_hex(&bytes), recipe).as_bytes());

    let work = paths.web_work().join(format!("{}-{}", module.name, profile.label()));
    let script = work.join(format!("{}.js", module.name));
    let output = work.join(format!("{}_bg.wasm", module.name));
    if fs::read_to_string(work.join("key")).is_ok_and(|there| there == key) {
        return Ok(Built { script: fs::read_to_string(script)?, module: fs::read(output)? });
    }
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    bind(&compiled, &work, module, profile)?;
    if profile == Profile::Full {
        optimise(paths, &output, module)?;
    }
    fs::write(work.join("key"), key)?;
    Ok(Built { script: fs::read_to_string(script)?, module: fs::read(output)? })
}

/// Each module alone: built together, features of one would leak into the other (tachys' `ssr`, above all).
fn compile(paths: &Paths, module: &Module, profile: Profile) -> Result<PathBuf> {
    let profile = match profile {
        Profile::Full => module.profile,
        Profile::Quick => "wasm-quick",
    };
    println!("building {} for {TARGET} ({profile})", module.package);
    command::run(command::cargo(&paths.root, ["build", "--locked", "--package", module.package, "--profile", profile]).args([
        "--target",
        TARGET,
        "--config",
        &remapped_paths(paths)?,
    ]))?;
    Ok(paths.target.join(TARGET).join(profile).join(format!("{}.wasm", module.package.replace('-', "_"))))
}

/// Panic messages name source files: the names of this machine's folders would make every clone's modules differ.
fn remapped_paths(paths: &Paths) -> Result<String> {
    let metadata =
        command::output(&mut command::cargo(&paths.root, ["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let registry = packages
        .iter()
        .filter(|package| package["name"] == "wasm-bindgen")
        .find_map(|package| Path::new(package["manifest_path"].as_str()?).parent()?.parent())
        .context("wasm-bindgen is not among the packages")?;
    let flags: Vec<String> = [(paths.root.as_path(), "sotto"), (&paths.target, "target"), (registry, "crates")]
        .iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect();
    // Joined with the flags of .cargo/config.toml, where the RUSTFLAGS variable would replace them.
    Ok(format!("target.{TARGET}.rustflags={}", serde_json::to_string(&flags)?))
}

fn bind(compiled: &Path, work: &Path, module: &Module, profile: Profile) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.web(true)?.input_path(compiled).out_name(module.name).typescript(false).omit_default_module_path(true);
    // Names make a stack trace readable in development; outside they are half the module.
    bindgen.remove_name_section(profile == Profile::Full).remove_producers_section(true);
    bindgen.generate(work).with_context(|| format!("wasm-bindgen failed on {}", compiled.display()))?;
    ensure!(
        !work.join("snippets").exists(),
        "{} uses wasm_bindgen's inline_js or module: such files would be served without hash and manifest",
        module.package
    );
    Ok(())
}

fn optimise(paths: &Paths, file: &Path, module: &Module) -> Result<()> {
    println!("wasm-opt {} on {}", module.level, module.name);
    let tool = paths.root.join("xtask/npm/node_modules/binaryen/bin/wasm-opt");
    ensure!(tool.exists(), "wasm-opt is missing: make setup");
    let mut call = Command::new("node");
    call.arg(tool).arg(module.level).args(SMALLER).args(FEATURES.map(|feature| format!("--enable-{feature}")));
    call.args(["--strip-debug", "--strip-producers", "--strip-target-features", "--output"]).arg(file).arg(file);
    command::run(&mut call)
}
