//! Collects the files of a site under their logical names and writes them out, hashed and compressed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    compress::Cache,
    manifest::{BASE, Entry, Manifest},
    replace_file,
};

/// The files of a site, not yet on disk.
#[derive(Debug, Default)]
pub(super) struct Site {
    files: BTreeMap<String, (Entry, Vec<u8>)>,
}

impl Site {
    /// Adds a file; its hashed name is fixed from here on.
    pub(super) fn add(&mut self, logical: &str, bytes: Vec<u8>) -> Result<()> {
        let entry = Entry::of(logical, &bytes)?;
        ensure!(self.files.values().all(|(other, _)| other.file != entry.file), "two files of the site are called {}", entry.file);
        ensure!(self.files.insert(logical.to_owned(), (entry, bytes)).is_none(), "two files of the site are called {logical}");
        Ok(())
    }

    /// Adds every file of a folder that may be missing.
    pub(super) fn add_folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for path in files_of(folder)? {
            self.add(&format!("{prefix}{}", file_name(&path)?), read(&path)?)?;
        }
        Ok(())
    }

    /// Adds static files. A webmanifest names other ones, so it comes last and with their hashed names.
    pub(super) fn add_static(&mut self, folder: &Path) -> Result<()> {
        let (manifests, others): (Vec<PathBuf>, Vec<PathBuf>) =
            files_of(folder)?.into_iter().partition(|path| path.extension().is_some_and(|extension| extension == "webmanifest"));
        for path in others {
            self.add(file_name(&path)?, read(&path)?)?;
        }
        for path in manifests {
            let mut text = String::from_utf8(read(&path)?).with_context(|| format!("{} is not UTF-8", path.display()))?;
            for (logical, (entry, _)) in &self.files {
                text = text.replace(&format!("\"{logical}\""), &format!("\"{}\"", entry.address()));
            }
            self.add(file_name(&path)?, text.into_bytes())?;
        }
        Ok(())
    }

    /// What is known of a file.
    pub(super) fn entry(&self, logical: &str) -> Result<&Entry> {
        self.files.get(logical).map(|(entry, _)| entry).with_context(|| format!("the site has no {logical}"))
    }

    /// The hashed name of a file.
    pub(super) fn hashed_name(&self, logical: &str) -> Option<String> {
        self.files.get(logical).map(|(entry, _)| entry.file.clone())
    }

    /// Where each file so far is served.
    pub(super) fn addresses(&self) -> BTreeMap<&str, String> {
        self.files.iter().map(|(logical, (entry, _))| (logical.as_str(), entry.address())).collect()
    }

    /// Writes the site, the manifest last: a reader that finds the manifest finds what it names.
    pub(super) fn write(self, folder: &Path, cache: &Cache) -> Result<Manifest> {
        let assets = folder.join("assets");
        fs::create_dir_all(&assets).with_context(|| format!("could not create {}", assets.display()))?;
        let mut manifest = Manifest { version: 1, base: BASE.to_owned(), files: BTreeMap::new() };
        let mut written = Vec::new();
        for (logical, (mut entry, bytes)) in self.files {
            // Hashed names never change their content: what is there already is the same file.
            write_once(&assets.join(&entry.file), &bytes)?;
            written.push(entry.file.clone());
            if compressible(&entry.file) {
                let packed = cache.compress(&entry.sha256, &bytes)?;
                entry.brotli = Some(packed.brotli.len() as u64);
                entry.gzip = Some(packed.gzip.len() as u64);
                for (ending, bytes) in [("br", packed.brotli), ("gz", packed.gzip)] {
                    let name = format!("{}.{ending}", entry.file);
                    // The same bytes compressed more or less strongly share a name.
                    replace_file(&assets.join(&name), &bytes)?;
                    written.push(name);
                }
            }
            manifest.files.insert(logical, entry);
        }
        let mut text = serde_json::to_string_pretty(&manifest)?;
        text.push('\n');
        replace_file(&folder.join("manifest.json"), text.as_bytes())?;
        remove_others(&assets, &written)?;
        Ok(manifest)
    }
}

// Already compressed inside: another layer costs time and wins nothing.
fn compressible(file: &str) -> bool {
    !file.ends_with(".woff2") && !file.ends_with(".png")
}

fn write_once(path: &Path, bytes: &[u8]) -> Result<()> {
    match fs::read(path) {
        Ok(there) if there == bytes => Ok(()),
        _ => replace_file(path, bytes),
    }
}

fn remove_others(assets: &Path, keep: &[String]) -> Result<()> {
    for path in files_of(assets)? {
        if !keep.iter().any(|name| path.ends_with(name)) {
            fs::remove_file(&path).with_context(|| format!("could not remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// The files of a folder in the order of their names; none when there is no such folder.
pub(super) fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for item in fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))? {
        let path = item?.path();
        if path.is_dir() {
            bail!("{} is a folder: assets lie flat", path.display());
        }
        files.push(path);
    }
    files.sort();
    Ok(files)
}

fn file_name(path: &Path) -> Result<&str> {
    path.file_name().and_then(|name| name.to_str()).with_context(|| format!("no file name: {}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("could not read {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::web::Profile;

    #[test]
    fn two_builds_write_the_same_site_and_leave_nothing_of_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), Profile::Quick).unwrap();
        let mut manifests = Vec::new();
        for text in ["old", "new", "new"] {
            let mut site = Site::default();
            site.add("app.css", text.repeat(100).into_bytes()).unwrap();
            site.add("fonts/A.woff2", vec![1, 2, 3]).unwrap();
            site.write(&folder.path().join("site"), &cache).unwrap();
            manifests.push(fs::read(folder.path().join("site/manifest.json")).unwrap());
        }
        assert_ne!(manifests[0], manifests[1]);
        assert_eq!(manifests[1], manifests[2]);
        let names: Vec<_> = files_of(&folder.path().join("site/assets")).unwrap();
        assert_eq!(names.len(), 4, "{names:?}");
        let manifest: Manifest = serde_json::from_slice(&manifests[2]).unwrap();
        assert_eq!(manifest.files["app.css"].bytes, 300);
        assert!(manifest.files["app.css"].brotli.unwrap() < 300);
        assert_eq!(manifest.files["fonts/A.woff2"].brotli, None);
    }

    #[test]
    fn a_webmanifest_names_the_hashed_icons() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("favicon.svg"), "<svg/>").unwrap();
        fs::write(folder.path().join("site.webmanifest"), r#"{"icons":[{"src":"favicon.svg"}]}"#).unwrap();
        let mut site = Site::default();
        site.add_static(folder.path()).unwrap();
        let (_, text) = &site.files["site.webmanifest"];
        let icon = site.entry("favicon.svg").unwrap().address();
        assert_eq!(String::from_utf8_lossy(text), format!(r#"{{"icons":[{{"src":"{icon}"}}]}}"#));
    }
}
