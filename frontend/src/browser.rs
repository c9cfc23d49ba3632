//! The browser behind [`Browser`]: clock, theme, clipboard, print, flags, focus. Plain calls, no state.

use core::future::Future;
use core::panic::Location;
use core::pin::Pin;

use js_sys::Date;
use sotto_app::Theme;
use sotto_app::handle::Browser;
use sotto_app::theme::THEME_COOKIE;
use sotto_client_api::protocol::Millis;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlDocument, HtmlElement, Storage, Window};

/// The page's browser.
pub(crate) struct Page;

/// A `data-` attribute of the document element, by its JavaScript name.
pub(crate) fn document_data(name: &str) -> Option<String> {
    root()?.dataset().get(name)
}

/// The page panicked: nothing of it works from here on, so the sentence that waits in the body shows. The place of the panic goes
/// to the console, its text does not, because it could quote data.
pub(crate) fn say_that_it_broke(place: Option<&Location>) {
    let place = place.map(ToString::to_string).unwrap_or_default();
    web_sys::console::error_2(&"Sotto stopped at".into(), &place.into());
    if let Some(root) = root() {
        // Fails only for names that are no attribute names.
        let _valid = root.dataset().set("boot", "failed");
    }
}

/// Path of the address.
pub(crate) fn path() -> String {
    web_sys::window().and_then(|window| window.location().pathname().ok()).unwrap_or_default()
}

/// Whether no element has the focus: then it is with the body.
pub(crate) fn nothing_has_focus() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    document.and_then(|document| document.active_element()).is_none_or(|active| active.local_name() == "body")
}

fn root() -> Option<HtmlElement> {
    web_sys::window()?.document()?.document_element()?.dyn_into().ok()
}

fn storage() -> Option<Storage> {
    // Browsers that forbid storage throw here; flags are then simply absent.
    web_sys::window()?.local_storage().ok().flatten()
}

fn element(id: &str) -> Option<HtmlElement> {
    web_sys::window()?.document()?.get_element_by_id(id)?.dyn_into().ok()
}

impl Browser for Page {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a clock before 1970 reads as 1970
    fn now(&self) -> Millis {
        Date::now() as Millis
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // offsets are whole minutes under a day
    fn utc_offset_minutes(&self, at: Millis) -> i32 {
        -Date::new(&JsValue::from_f64(at as f64)).get_timezone_offset() as i32
    }

    fn set_theme(&self, theme: Theme) {
        if let Some(root) = root() {
            // Fails only for names that are no attribute names.
            let _valid = root.dataset().set("theme", theme.as_str());
        }
        let document = web_sys::window().and_then(|window| window.document());
        if let Some(document) = document.and_then(|document| document.dyn_into::<HtmlDocument>().ok()) {
            let year = 365 * 24 * 3600;
            let cookie = format!("{THEME_COOKIE}={}; Path=/; Max-Age={year}; SameSite=Lax; Secure", theme.as_str());
            let _stored = document.set_cookie(&cookie);
        }
    }

    fn theme(&self) -> Theme {
        Theme::from_name(&document_data("theme").unwrap_or_default())
    }

    fn small_picture(&self, input: &str, most: usize) -> Pin<Box<dyn Future<Output = Option<String>>>> {
        Box::pin(crate::picture::small(input.to_owned(), most))
    }

    fn save_file(&self, name: &str, kind: &str, parts: &[String]) {
        // Refused by no browser that got this far.
        let _saved = crate::download::save(name, kind, parts);
    }

    fn copy(&self, text: String) -> Pin<Box<dyn Future<Output = bool>>> {
        Box::pin(async move {
            let Some(window) = web_sys::window() else { return false };
            JsFuture::from(window.navigator().clipboard().write_text(&text)).await.is_ok()
        })
    }

    fn ask_to_keep(&self) {
        // A browser that does not promise it now may do so when the site is used more.
        let _asked = web_sys::window().map(|window| window.navigator().storage().persist());
    }

    fn can_scan(&self) -> bool {
        crate::camera::can_scan()
    }

    fn scan(&self, video: &str) -> Pin<Box<dyn Future<Output = Option<String>>>> {
        Box::pin(crate::camera::scan(video.to_owned()))
    }

    fn print(&self) {
        let _printed = web_sys::window().map(|window: Window| window.print());
    }

    fn load(&self, path: &str) {
        let _left = web_sys::window().map(|window| window.location().assign(path));
    }

    fn set_title(&self, title: &str) {
        if let Some(document) = web_sys::window().and_then(|window| window.document()) {
            document.set_title(title);
        }
    }

    fn replace_path(&self, path: &str) {
        // Refused only for addresses of another origin.
        let _replaced = web_sys::window()
            .and_then(|window| window.history().ok())
            .map(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(path)));
    }

    fn fragment(&self) -> String {
        web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default()
    }

    fn origin(&self) -> String {
        web_sys::window().and_then(|window| window.location().origin().ok()).unwrap_or_default()
    }

    fn flag(&self, name: &str) -> Option<String> {
        storage()?.get_item(name).ok().flatten()
    }

    fn set_flag(&self, name: &str, value: Option<&str>) {
        let Some(storage) = storage() else { return };
        let _stored = match value {
            Some(value) => storage.set_item(name, value),
            None => storage.remove_item(name),
        };
    }

    fn focus(&self, id: &str) {
        let _focused = element(id).map(|element| element.focus());
    }

    fn focus_sibling(&self, selector: &str, step: i32) {
        let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
        let Ok(found) = document.query_selector_all(selector) else { return };
        let items: Vec<HtmlElement> = (0..found.length()).filter_map(|index| found.get(index)?.dyn_into().ok()).collect();
        let Ok(count) = i32::try_from(items.len()) else { return };
        if count == 0 {
            return;
        }
        let active = document.active_element();
        let at = items.iter().position(|item| active.as_ref() == Some(item.as_ref())).and_then(|index| i32::try_from(index).ok());
        let next = at.map_or(if step > 0 { 0 } else { count - 1 }, |index| (index + step).rem_euclid(count));
        let _focused = usize::try_from(next).ok().and_then(|index| items.get(index)).map(|item| item.focus());
    }
}
