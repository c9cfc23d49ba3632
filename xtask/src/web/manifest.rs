//! `manifest.json`: which file stands for which logical name, and its sums. The server and outside checkers read it.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::digest;

/// The folder that files are served from.
pub(super) const BASE: &str = "/assets/";

/// All files of a site by logical name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Of this format.
    pub(crate) version: u32,
    /// The path that every file name is appended to.
    pub(crate) base: String,
    /// By logical name, sorted.
    pub(crate) files: BTreeMap<String, Entry>,
}

/// One file of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its hashed name.
    pub(crate) file: String,
    /// SHA-256 of the uncompressed bytes, hex.
    pub(crate) sha256: String,
    /// Subresource integrity.
    pub(crate) sri: String,
    /// The content type to serve it with.
    #[serde(rename = "type")]
    pub(crate) content_type: String,
    /// Uncompressed length.
    pub(crate) bytes: u64,
    /// Length of the `.gz` sibling, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) gzip: Option<u64>,
    /// Length of the `.br` sibling, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) brotli: Option<u64>,
}

impl Entry {
    /// Names and sums of a file that is not compressed yet.
    pub(super) fn of(logical: &str, bytes: &[u8]) -> Result<Self> {
        let sha256 = digest::sha256_hex(bytes);
        let name = Path::new(logical);
        let stem = name.file_stem().and_then(|stem| stem.to_str()).with_context(|| format!("no file name: {logical}"))?;
        let extension = name.extension().and_then(|extension| extension.to_str()).with_context(|| format!("no extension: {logical}"))?;
        let hash = sha256.get(..16).context("a hash of 64 digits has 16")?;
        Ok(Self {
            file: format!("{stem}-{hash}.{extension}"),
            sri: digest::integrity(bytes),
            content_type: content_type(extension)?.to_owned(),
            bytes: bytes.len() as u64,
            sha256,
            gzip: None,
            brotli: None,
        })
    }

    /// Where a browser asks for it.
    pub(super) fn address(&self) -> String {
        format!("{BASE}{}", self.file)
    }
}

// A type that is not known here would be served with `nosniff` as something that browsers refuse: an error at build time.
fn content_type(extension: &str) -> Result<&'static str> {
    Ok(match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        other => anyhow::bail!("no content type for .{other}: add it in xtask/src/web/manifest.rs"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_carries_the_first_sixteen_digits_of_the_hash() {
        let entry = Entry::of("fonts/Inter.woff2", b"abc").unwrap();
        assert_eq!(entry.file, "Inter-ba7816bf8f01cfea.woff2");
        assert_eq!(entry.address(), "/assets/Inter-ba7816bf8f01cfea.woff2");
        assert_eq!(entry.content_type, "font/woff2");
    }

    #[test]
    fn an_unknown_kind_of_file_is_refused() {
        assert!(Entry::of("notes.docx", b"").is_err());
        assert!(Entry::of("LICENSE", b"").is_err());
    }
}
