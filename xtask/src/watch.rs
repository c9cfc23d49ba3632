//! Builds and serves again after every change. Looks at modification times: no watcher to install, and quick enough here.

use std::{
    fs,
    path::Path,
    process::Child,
    thread,
    time::{Duration, SystemTime},
};

use anyhow::Result;

use crate::{
    paths::Paths,
    serve,
    web::{self, Profile},
};

const SOURCES: [&str; 8] = ["app", "crates", "frontend", "server", "style", "worker", "Cargo.toml", "Cargo.lock"];
const PAUSE: Duration = Duration::from_millis(500);

/// Runs until stopped. A build that fails is reported and the server of the last good one keeps running.
pub(crate) fn watch(paths: &Paths) -> Result<()> {
    let mut server: Option<Child> = None;
    loop {
        let seen = newest(paths);
        match build(paths) {
            Ok(()) => {
                if let Some(mut old) = server.take() {
                    old.kill()?;
                    old.wait()?;
                }
                server = Some(serve::serve(paths)?);
            }
            Err(error) => println!("{error:#}"),
        }
        println!("watching {} for changes", paths.root.display());
        while newest(paths) == seen {
            thread::sleep(PAUSE);
        }
    }
}

fn build(paths: &Paths) -> Result<()> {
    web::build(paths, Profile::Quick)?;
    serve::build_server(paths)
}

fn newest(paths: &Paths) -> Option<SystemTime> {
    SOURCES.iter().filter_map(|name| newest_below(&paths.root.join(name))).max()
}

// A folder's own time counts: it changes when a file in it goes.
fn newest_below(path: &Path) -> Option<SystemTime> {
    let own = fs::metadata(path).ok()?.modified().ok();
    let inside = fs::read_dir(path).ok().into_iter().flatten().flatten().filter_map(|item| newest_below(&item.path())).max();
    own.max(inside)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_change_deep_inside_and_a_removed_file_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let file = deep.join("c.rs");
        fs::write(&file, "1").unwrap();
        let later = SystemTime::now() + Duration::from_secs(60);
        fs::File::open(&file).unwrap().set_modified(later).unwrap();
        assert_eq!(newest_below(folder.path()), Some(later));
        fs::remove_file(&file).unwrap();
        assert!(newest_below(folder.path()) < Some(later));
    }
}
