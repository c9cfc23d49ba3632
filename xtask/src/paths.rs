//! Where things are: the workspace, cargo's target folder and what the build writes there.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The folders of one build.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    /// The workspace root.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, honouring `CARGO_TARGET_DIR`.
    pub(crate) target: PathBuf,
}

impl Paths {
    /// The folders of the workspace that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").context("start xtask by cargo: cargo xtask …")?;
        let root = Path::new(&manifest).parent().context("xtask has no parent folder")?.to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => env::current_dir()?.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// What the server serves.
    pub(crate) fn site(&self) -> PathBuf {
        self.target.join("site")
    }

    /// Intermediate results of `build-web`, safe to delete.
    pub(crate) fn web_work(&self) -> PathBuf {
        self.target.join("web-work")
    }

    /// The server's binary as the dev profile builds it.
    pub(crate) fn server_binary(&self) -> PathBuf {
        self.target.join("debug").join("sotto")
    }
}
