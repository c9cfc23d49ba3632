//! Makes the scripts of wasm-bindgen start by themselves, with hashed addresses and integrity of their module.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::manifest::Entry;

/// The function of wasm-bindgen's `web` target that fetches and instantiates.
const INIT: &str = "async function __wbg_init(";

/// The page's script: tells where the other files are, starts the module, and marks the document when that fails, so that
/// prepared HTML can say so although nothing of the program runs.
pub(super) fn page(bindings: &str, module: &Entry, addresses: &BTreeMap<&str, String>) -> Result<String> {
    ensure!(bindings.contains(INIT), "wasm-bindgen's script has changed: no __wbg_init");
    Ok(format!(
        r#"{bindings}
globalThis.sottoAssets = Object.freeze({});
const boot = document.documentElement.dataset;
__wbg_init({{ module_or_path: {} }}).then(
  () => {{ boot.boot = "ready"; }},
  (cause) => {{ boot.boot = "failed"; console.error("Sotto did not start:", cause); }},
);
"#,
        serde_json::to_string(addresses)?,
        fetch(module),
    ))
}

/// The worker's script: holds back what the page posts before the module can hear it.
pub(super) fn worker(bindings: &str, module: &Entry) -> Result<String> {
    ensure!(bindings.contains(INIT), "wasm-bindgen's script has changed: no __wbg_init");
    Ok(format!(
        r#"{bindings}
const early = [];
const hold = (event) => {{ early.push(event); event.stopImmediatePropagation(); }};
addEventListener("message", hold);
__wbg_init({{ module_or_path: {} }}).then(
  () => {{
    removeEventListener("message", hold);
    for (const {{ data, ports }} of early) dispatchEvent(new MessageEvent("message", {{ data, ports: [...ports] }}));
  }},
  (cause) => {{ postMessage({{ sotto: "boot-failed", reason: String(cause) }}); }},
);
"#,
        fetch(module),
    ))
}

/// The script of the reader of codes: promises its one function to whoever has loaded it.
pub(super) fn scanner(bindings: &str, module: &Entry) -> Result<String> {
    ensure!(bindings.contains(INIT), "wasm-bindgen's script has changed: no __wbg_init");
    Ok(format!("{bindings}\nglobalThis.sottoScanner = __wbg_init({{ module_or_path: {} }}).then(() => read_code);\n", fetch(module)))
}

// The script itself is under the integrity of the page's HTML, so the chain reaches the module.
fn fetch(module: &Entry) -> String {
    format!(r#"fetch("{}", {{ integrity: "{}" }})"#, module.address(), module.sri)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_page_starts_its_module_under_its_integrity_and_names_the_worker() {
        let module = Entry::of("page_bg.wasm", b"module").unwrap();
        let addresses = BTreeMap::from([("worker.js", "/assets/worker-1.js".to_owned())]);
        let script = page("async function __wbg_init(module_or_path) {}", &module, &addresses).unwrap();
        assert!(script.contains(r#"{"worker.js":"/assets/worker-1.js"}"#), "{script}");
        assert!(script.contains(&format!(r#"fetch("{}", {{ integrity: "{}" }})"#, module.address(), module.sri)), "{script}");
    }

    #[test]
    fn a_script_without_the_known_start_is_refused() {
        let module = Entry::of("worker_bg.wasm", b"module").unwrap();
        for made in [worker, scanner] {
            assert!(made("export function other() {}", &module).is_err());
        }
    }
}
