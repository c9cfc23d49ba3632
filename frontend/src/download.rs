//! Files that the browser keeps for the person.

use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

/// Saves a file of these parts under a name.
///
/// # Errors
/// What the browser throws.
pub(crate) fn save(name: &str, kind: &str, parts: &[String]) -> Result<(), JsValue> {
    let list: js_sys::Array = parts.iter().map(|part| JsValue::from_str(part)).collect();
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let address = Url::create_object_url_with_blob(&Blob::new_with_str_sequence_and_options(&list, &options)?)?;
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let link: HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    link.set_href(&address);
    link.set_download(name);
    link.click();
    // The browser has taken hold of it by the click.
    Url::revoke_object_url(&address)
}
