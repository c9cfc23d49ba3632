//! Choice of the theme.

use leptos::prelude::*;

use crate::context::use_app;
use crate::theme::Theme;
use crate::widgets::Erase;

/// The theme menu.
#[component]
pub(super) fn ThemeSection() -> impl IntoView {
    let app = use_app();
    let now = app.platform.with(Theme::default(), |browser| browser.theme());
    let choose = move |event| {
        let theme = Theme::from_name(&event_target_value(&event));
        app.platform.run(|browser| browser.set_theme(theme));
    };
    view! {
        <section class="setting" aria-labelledby="theme-title">
            <h3 id="theme-title">"Appearance"</h3>
            <div class="field">
                <label for="theme">"Theme"</label>
                <select id="theme" data-testid="theme-select" on:change=choose>
                    {Theme::ALL.into_iter().map(|theme| view! {
                        <option value=theme.as_str() selected=theme == now>{theme.label()}</option>
                    }.erase()).collect_view()}
                </select>
            </div>
        </section>
    }
    .erase()
}
