//! Names of the built files: logical name to URL and integrity, as the site's manifest says.

use std::collections::BTreeMap;
use std::sync::Arc;

/// One built file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Absolute path with the hashed name.
    pub url: String,
    /// Value of an `integrity` attribute.
    pub sri: Option<String>,
}

/// All built files, by logical name (`page.js`, `app.css`, …). The server reads them once and gives them by context.
#[derive(Clone, Debug, Default)]
pub struct Assets(Arc<BTreeMap<String, Asset>>);

impl FromIterator<(String, Asset)> for Assets {
    fn from_iter<I: IntoIterator<Item = (String, Asset)>>(files: I) -> Self {
        Self(Arc::new(files.into_iter().collect()))
    }
}

impl Assets {
    /// The path of a file. A name that was not built gives a path that answers 404, so that a page still renders.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        self.0.get(name).map_or_else(|| format!("/assets/{name}"), |asset| asset.url.clone())
    }

    /// The integrity of a file, if it was built.
    #[must_use]
    pub fn sri(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(|asset| asset.sri.clone())
    }
}
