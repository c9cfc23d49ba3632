//! What a browser has to load, against limits. Exceeding one fails the build. ARCHITECTURE says why two are over DESIGN's first ones.

use anyhow::{Context, Result, ensure};

use crate::{
    paths::Paths,
    web::{self, Manifest, Profile},
};

/// Brotli sizes in bytes (kB are thousands).
const BUDGETS: [(&str, u64); 4] =
    [("page_bg.wasm", 300_000), ("worker_bg.wasm", 573_000), ("scanner_bg.wasm", 95_000), ("app.css", 25_000)];

/// Builds the site as it is released and holds it against the budgets.
pub(crate) fn sizes(paths: &Paths) -> Result<()> {
    report(&web::build(paths, Profile::Full)?)
}

/// Prints raw, gzip and brotli sizes; an error names every budget that is exceeded.
fn report(manifest: &Manifest) -> Result<()> {
    println!("{:<24} {:>11} {:>11} {:>11} {:>11}", "file", "raw", "gzip", "brotli", "budget");
    for (name, entry) in &manifest.files {
        let packed = |size: Option<u64>| size.map_or_else(String::new, |size| size.to_string());
        let budget = packed(BUDGETS.iter().find(|(file, _)| file == name).map(|(_, limit)| *limit));
        println!("{name:<24} {:>11} {:>11} {:>11} {budget:>11}", entry.bytes, packed(entry.gzip), packed(entry.brotli));
    }
    let exceeded = exceeded(manifest)?;
    ensure!(exceeded.is_empty(), "over budget: {}", exceeded.join("; "));
    Ok(())
}

fn exceeded(manifest: &Manifest) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (name, limit) in BUDGETS {
        let entry = manifest.files.get(name).with_context(|| format!("the site has no {name}"))?;
        let size = entry.brotli.with_context(|| format!("{name} has no brotli sibling"))?;
        if size > limit {
            found.push(format!("{name} is {size} bytes in brotli, its limit {limit}"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn manifest(page: u64) -> Manifest {
        let entry = |size: u64| serde_json::json!({ "file": "f", "sha256": "", "sri": "", "type": "", "bytes": size * 3, "gzip": size * 2, "brotli": size });
        let mut files: serde_json::Map<String, serde_json::Value> =
            BUDGETS.iter().map(|(name, limit)| ((*name).to_owned(), entry(*limit))).collect();
        files.insert("page_bg.wasm".into(), entry(page));
        serde_json::from_value(serde_json::json!({ "version": 1, "base": "/assets/", "files": files })).unwrap()
    }

    #[test]
    fn a_budget_is_kept_to_the_byte() {
        assert!(report(&manifest(300_000)).is_ok());
        let error = report(&manifest(300_001)).unwrap_err().to_string();
        assert!(error.contains("page_bg.wasm is 300001"), "{error}");
    }

    #[test]
    fn a_site_without_a_budgeted_file_is_an_error_and_not_a_pass() {
        let mut manifest = manifest(1);
        manifest.files.remove("app.css");
        assert!(report(&manifest).is_err());
    }
}
