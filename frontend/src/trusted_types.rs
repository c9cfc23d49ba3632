//! A `default` Trusted Types policy: Leptos mounts its static fragments through `innerHTML` of a template, so markup passes
//! only when it is as plain as those are, and a script URL only when it is one that the page's HTML names: the engine's worker, the reader of
//! codes.

use js_sys::{Function, Object, Reflect};
use sotto_app::markup::is_plain;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// Installs the policy where the browser has Trusted Types. Once, before anything is mounted.
pub(crate) fn install(scripts: [String; 2]) {
    let Some(factory) = web_sys::window().and_then(|window| get(&window, "trustedTypes")) else { return };
    let Some(create) = get(&factory, "createPolicy").and_then(|create| create.dyn_into::<Function>().ok()) else { return };

    let html = Closure::<dyn Fn(String) -> JsValue>::new(|html: String| if is_plain(&html) { html.into() } else { JsValue::NULL });
    let script_url =
        Closure::<dyn Fn(String) -> JsValue>::new(move |url: String| if scripts.contains(&url) { url.into() } else { JsValue::NULL });

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
