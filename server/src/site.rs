//! The built site: files under hashed names, read once at start, so that no path of a request ever reaches the disk.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{self, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use sotto_app::assets::{Asset, Assets};

use crate::state::AppState;

/// Names change with content, so a browser never has to ask again.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

#[derive(Deserialize)]
struct Manifest {
    version: u32,
    files: BTreeMap<String, ManifestFile>,
}

#[derive(Deserialize)]
struct ManifestFile {
    file: String,
    #[serde(default)]
    sri: Option<String>,
    #[serde(rename = "type")]
    media_type: String,
    gzip: Option<u64>,
    brotli: Option<u64>,
}

struct SiteFile {
    media_type: HeaderValue,
    cache: HeaderValue,
    plain: Bytes,
    gzip: Option<Bytes>,
    brotli: Option<Bytes>,
}

/// All files, by served name, and their logical names for the page.
#[derive(Clone)]
pub(crate) struct Site {
    files: Arc<HashMap<String, SiteFile>>,
    assets: Assets,
}

impl Site {
    /// Reads the site from `folder`, or from where the build puts it.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, String> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => beside_program().ok_or("no built site found; make one with `cargo xtask build-web`")?,
        };
        let manifest_path = folder.join("manifest.json");
        let text = std::fs::read(&manifest_path)
            .map_err(|error| format!("{}: {error}; make the site with `cargo xtask build-web`", manifest_path.display()))?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", manifest_path.display()))?;
        if manifest.version != 1 {
            return Err(format!("{}: version {} is not known", manifest_path.display(), manifest.version));
        }
        let served = folder.join("assets");
        let mut files = HashMap::new();
        for entry in manifest.files.values() {
            files.insert(entry.file.clone(), SiteFile::read(&served, entry)?);
        }
        files.insert("manifest.json".into(), SiteFile::of_manifest(text));
        let assets = manifest.files.into_iter().map(|(name, entry)| {
            let url = format!("/assets/{}", entry.file);
            (name, Asset { url, sri: entry.sri })
        });
        Ok(Self { assets: assets.collect(), files: Arc::new(files) })
    }

    /// Logical names, for the document.
    pub(crate) fn assets(&self) -> Assets {
        self.assets.clone()
    }
}

impl SiteFile {
    fn read(folder: &Path, entry: &ManifestFile) -> Result<Self, String> {
        let read = |name: String| {
            let path = folder.join(&name);
            std::fs::read(&path).map(Bytes::from).map_err(|error| format!("{}: {error}", path.display()))
        };
        let sibling = |there: Option<u64>, suffix: &str| there.map(|_| read(format!("{}.{suffix}", entry.file))).transpose();
        Ok(Self {
            media_type: HeaderValue::from_str(&entry.media_type).map_err(|_| format!("{}: not a media type", entry.file))?,
            cache: FOR_EVER,
            plain: read(entry.file.clone())?,
            gzip: sibling(entry.gzip, "gz")?,
            brotli: sibling(entry.brotli, "br")?,
        })
    }

    fn of_manifest(text: Vec<u8>) -> Self {
        let media_type = HeaderValue::from_static("application/json");
        Self { media_type, cache: HeaderValue::from_static("no-cache"), plain: text.into(), gzip: None, brotli: None }
    }
}

fn beside_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    [folder.join("site"), folder.join("../site")].into_iter().find(|site| site.join("manifest.json").is_file())
}

/// `GET /assets/{file}`.
pub(crate) async fn serve(State(app): State<AppState>, extract::Path(name): extract::Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = app.site.files.get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let (body, encoding) = match (&file.brotli, &file.gzip) {
        (Some(brotli), _) if accepts(&headers, "br") => (brotli, Some("br")),
        (_, Some(gzip)) if accepts(&headers, "gzip") => (gzip, Some("gzip")),
        _ => (&file.plain, None),
    };
    let mut answer = body.clone().into_response();
    let sent = answer.headers_mut();
    sent.insert(header::CONTENT_TYPE, file.media_type.clone());
    sent.insert(header::CACHE_CONTROL, file.cache.clone());
    sent.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        sent.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    answer
}

/// Whether an encoding is named and not refused by `q=0`.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|offer| {
        let (name, weight) = offer.split_once(';').unwrap_or((offer, "q=1"));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case(encoding) && !refused
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn encodings_are_taken_when_named_and_not_refused() {
        let with = |line: &str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap())]);
        assert!(accepts(&with("gzip, br;q=0.5"), "br"));
        assert!(!accepts(&with("gzip, br;q=0"), "br"));
        assert!(!accepts(&with("gzip, brotli"), "br"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }
}
