//! Conditions, lists and effects, each in one concrete type. Leptos' own `<Show>` and `<For>` are compiled anew for every use of
//! them, and so is everything that a view's type goes through; a fifth of the page's module was that.

use std::sync::Arc;

use leptos::prelude::*;

/// Forgets the type of a view.
pub(crate) trait Erase {
    /// Like `into_any`, but of what stands in the [`View`]: one type for each element instead of two.
    fn erase(self) -> AnyView;
}

impl<T: RenderHtml + Send + 'static> Erase for View<T> {
    fn erase(self) -> AnyView {
        self.into_inner().into_any()
    }
}

/// Draws its children while `when` holds.
#[component]
pub(crate) fn Show(#[prop(into)] when: Signal<bool>, children: ChildrenFn) -> AnyView {
    let when = Memo::new(move |_| when.get());
    (move || if when.get() { children() } else { ().into_any() }).into_any()
}

/// A row of [`Rows`].
#[derive(Clone)]
pub(crate) struct Row {
    key: String,
    draw: Arc<dyn Fn() -> AnyView + Send + Sync>,
}

impl Row {
    /// A row that is drawn once for as long as its key is in the list.
    pub(crate) fn new(key: String, draw: impl Fn() -> AnyView + Send + Sync + 'static) -> Self {
        Self { key, draw: Arc::new(draw) }
    }
}

/// A keyed list: rows move instead of being made anew.
#[component]
pub(crate) fn Rows(#[prop(into)] rows: Signal<Vec<Row>>) -> AnyView {
    view! { <For each=move || rows.get() key=|row| row.key.clone() children=|row| (row.draw)()/> }.into_any()
}

/// An effect that reads no earlier value of its own.
pub(crate) fn effect(run: impl Fn() + 'static) {
    let run: Box<dyn Fn()> = Box::new(run);
    Effect::new(run);
}
