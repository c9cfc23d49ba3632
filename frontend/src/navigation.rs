//! Links between our own pages without loading anything: the engine goes on, and what it does.

use leptos::prelude::{document, request_animation_frame, window};
use sotto_app::route::MAIN_ID;
use sotto_app::{AppContext, Route};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlAnchorElement, MouseEvent};

use crate::browser;

/// Follows links and the browser's back and forward for the life of the page.
pub(crate) fn follow(app: AppContext) {
    let on_click = Closure::<dyn Fn(MouseEvent)>::new(move |event: MouseEvent| {
        if let Some(path) = own_page(&event) {
            event.prevent_default();
            if path == browser::path() {
                return;
            }
            let pushed = window().history().and_then(|history| history.push_state_with_url(&JsValue::NULL, "", Some(&path)));
            if pushed.is_ok() {
                show_address(app);
                window().scroll_to_with_x_and_y(0.0, 0.0);
            }
        }
    });
    let on_back = Closure::<dyn Fn()>::new(move || show_address(app));
    // Fails only for a listener that is no function.
    let _added = document().add_event_listener_with_callback("click", on_click.as_ref().unchecked_ref());
    let _added = window().add_event_listener_with_callback("popstate", on_back.as_ref().unchecked_ref());
    on_click.forget();
    on_back.forget();
}

/// Shows the page at the address, and takes the keyboard there.
fn show_address(app: AppContext) {
    app.show(Route::of(&browser::path()));
    app.look_for_invite();
    // When it is drawn. The focus was lost with the old page, unless the new one has put it into a field.
    request_animation_frame(move || {
        if browser::nothing_has_focus() {
            app.platform.run(|browser| browser.focus(MAIN_ID));
        }
    });
}

/// The path, when a plain click on a link to one of our pages is what happened: every other click is the browser's.
fn own_page(event: &MouseEvent) -> Option<String> {
    if event.default_prevented() || event.button() != 0 || event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key() {
        return None;
    }
    let clicked: Element = event.target()?.dyn_into().ok()?;
    let link: HtmlAnchorElement = clicked.closest("a[href]").ok().flatten()?.dyn_into().ok()?;
    // A fragment (the skip link) is the browser's, too.
    let path = link.get_attribute("href")?;
    Route::PATHS.contains(&path.as_str()).then_some(path)
}
