//! Starts the server on a freshly built site, and puts a release together.

use std::{
    env, fs,
    path::Path,
    process::{Child, Command},
};

use anyhow::{Context, Result};

use crate::{
    budget,
    command::{cargo, run as run_command},
    paths::Paths,
    web::{self, Profile},
};

/// Builds site and server, and serves until stopped. The server prints its address itself.
pub(crate) fn run(paths: &Paths) -> Result<()> {
    web::build(paths, Profile::Full)?;
    build_server(paths)?;
    let mut server = serve(paths)?;
    let status = server.wait()?;
    anyhow::ensure!(status.success(), "the server ended with {status}");
    Ok(())
}

/// Builds the server as tests and `make run` use it: quick to build, one cache for both.
pub(crate) fn build_server(paths: &Paths) -> Result<()> {
    run_command(&mut cargo(&paths.root, ["build", "--locked", "--package", "sotto-server"]))
}

/// Starts the built server on `data/`, or wherever the caller's environment says.
pub(crate) fn serve(paths: &Paths) -> Result<Child> {
    let mut command = Command::new(paths.server_binary());
    command.arg("serve").current_dir(&paths.root).env("SOTTO_SITE_DIR", paths.site());
    if env::var_os("SOTTO_DATA_DIR").is_none() {
        command.env("SOTTO_DATA_DIR", paths.root.join("data"));
    }
    command.spawn().context("could not start the server")
}

/// The optimised binary with its site beside it, where the server looks for it.
pub(crate) fn release(paths: &Paths) -> Result<()> {
    budget::sizes(paths)?;
    run_command(&mut cargo(&paths.root, ["build", "--locked", "--release", "--package", "sotto-server"]))?;
    let folder = paths.target.join("dist");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("site/assets"))?;
    fs::copy(paths.target.join("release/sotto"), folder.join("sotto"))?;
    fs::copy(paths.site().join("manifest.json"), folder.join("site/manifest.json"))?;
    copy_files(&paths.site().join("assets"), &folder.join("site/assets"))?;
    for name in ["LICENSE", "LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(paths.root.join(name), folder.join(name))?;
    }
    println!("release in {}", folder.display());
    Ok(())
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    for item in fs::read_dir(from)? {
        let path = item?.path();
        fs::copy(&path, to.join(path.file_name().context("a file without a name")?))?;
    }
    Ok(())
}
