//! Builds the site: what a browser loads, under hashed names that never change their content.
//!
//! The order matters, since a file's name is the hash of its bytes and its bytes name others: fonts and static files,
//! then what refers to them (webmanifest, CSS), the WASM modules, the scripts of worker and scanner, and at last the page's script.
//! Two builds of one commit give the same bytes; nothing here reads a clock or an unsorted folder.

mod compress;
mod digest;
mod manifest;
mod scripts;
mod site;
mod style;
mod wasm;

use std::fs;

use anyhow::{Context, Result, bail};

pub(crate) use self::manifest::Manifest;
use self::{site::Site, wasm::Module};
use crate::paths::Paths;

/// How much work goes into a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// What is released: fat LTO, wasm-opt, strongest compression.
    Full,
    /// For `make watch`: built in seconds, megabytes larger.
    Quick,
}

impl Profile {
    /// The profile of that name on the command line.
    pub(crate) fn named(name: &str) -> Result<Self> {
        match name {
            "full" => Ok(Self::Full),
            "quick" => Ok(Self::Quick),
            other => bail!("unknown profile '{other}': full or quick"),
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Quick => "quick",
        }
    }
}

/// Builds the site into `target/site/` and says what is in it.
pub(crate) fn build(paths: &Paths, profile: Profile) -> Result<Manifest> {
    let page = wasm::build(paths, &Module::PAGE, profile)?;
    let worker = wasm::build(paths, &Module::WORKER, profile)?;
    let scanner = wasm::build(paths, &Module::SCANNER, profile)?;

    let mut site = Site::default();
    site.add_folder(&paths.root.join("style/fonts"), "fonts/")?;
    site.add_static(&paths.root.join("style/static"))?;
    let sheet = style::concatenate(&paths.root.join("style"))?;
    let sheet = style::minify(&style::rewrite_urls(&sheet, |name| site.hashed_name(name))?);
    site.add("app.css", sheet.into_bytes())?;
    site.add("page_bg.wasm", page.module)?;
    site.add("worker_bg.wasm", worker.module)?;
    site.add("scanner_bg.wasm", scanner.module)?;
    let script = scripts::worker(&worker.script, site.entry("worker_bg.wasm")?)?;
    site.add("worker.js", script.into_bytes())?;
    let script = scripts::scanner(&scanner.script, site.entry("scanner_bg.wasm")?)?;
    site.add("scanner.js", script.into_bytes())?;
    let script = scripts::page(&page.script, site.entry("page_bg.wasm")?, &site.addresses())?;
    site.add("page.js", script.into_bytes())?;

    let manifest = site.write(&paths.site(), &compress::Cache::open(&paths.web_work(), profile)?)?;
    println!("site: {} files, {} build, in {}", manifest.files.len(), profile.label(), paths.site().display());
    Ok(manifest)
}

/// Replaces a file in one step: a reader sees the old bytes or the new ones.
fn replace_file(path: &std::path::Path, bytes: &[u8]) -> Result<()> {
    let fresh = path.with_extension("new");
    fs::write(&fresh, bytes).with_context(|| format!("could not write {}", fresh.display()))?;
    fs::rename(&fresh, path).with_context(|| format!("could not replace {}", path.display()))
}
