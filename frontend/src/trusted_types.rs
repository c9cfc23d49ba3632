//! A `default` Trusted Types policy: Leptos mounts its static fragments through `innerHTML` of a template, so markup passes
//! only when it can't run anything, and a script URL only when it is the engine's worker.

use js_sys::{Function, Object, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// Markup with one of these never comes from our views: a script, a frame, a plugin, a handler or a script URL.
const ACTIVE: [&str; 8] = ["<script", "<iframe", "<object", "<embed", "<base", "<meta", "javascript:", "srcdoc"];

/// Installs the policy where the browser has Trusted Types. Once, before anything is mounted.
pub(crate) fn install(worker_url: &str) {
    let Some(factory) = web_sys::window().and_then(|window| get(&window, "trustedTypes")) else { return };
    let Some(create) = get(&factory, "createPolicy").and_then(|create| create.dyn_into::<Function>().ok()) else { return };

    let html = Closure::<dyn Fn(String) -> JsValue>::new(|html: String| if is_inert(&html) { html.into() } else { JsValue::NULL });
    let worker_url = worker_url.to_owned();
    let script_url =
        Closure::<dyn Fn(String) -> JsValue>::new(move |url: String| if url == worker_url { url.into() } else { JsValue::NULL });

    let rules = Object::new();
    // Setting a property of a fresh object can't fail.
    let _set = Reflect::set(&rules, &"createHTML".into(), html.as_ref());
    let _set = Reflect::set(&rules, &"createScriptURL".into(), script_url.as_ref());
    // Refused when the policy's name is not in the CSP: then nothing passes, and the page says that it did not load.
    let _policy = create.call2(&factory, &"default".into(), &rules);
    html.forget();
    script_url.forget();
}

fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}

fn is_inert(html: &str) -> bool {
    let html = html.to_ascii_lowercase();
    !ACTIVE.iter().any(|active| html.contains(active)) && !has_handler(&html)
}

/// Whether an attribute begins with "on", as all event handlers do.
fn has_handler(html: &str) -> bool {
    html.split(['<', '>']).skip(1).step_by(2).any(|tag| {
        tag.split(|c: char| c.is_ascii_whitespace() || c == '/' || c == '"' || c == '\'').any(|word| {
            word.strip_prefix("on").is_some_and(|rest| rest.split('=').next().is_some_and(|name| !name.is_empty()) && word.contains('='))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::is_inert;

    #[test]
    fn static_fragments_pass_and_anything_active_does_not() {
        assert!(is_inert(r#"<p class="hint">one on = two</p>"#));
        assert!(is_inert(r#"<svg class="icon"><path d="M1 1"></path></svg>"#));
        for bad in ["<img src=x onerror=alert(1)>", "<SCRIPT>", "<a href='JavaScript:x'>", "<svg/onload=x>", "<iframe srcdoc=x>"] {
            assert!(!is_inert(bad), "{bad}");
        }
    }
}
