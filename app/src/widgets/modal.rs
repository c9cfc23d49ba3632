//! A native `<dialog>`: the browser traps the focus, closes on Escape and gives the focus back.

use leptos::prelude::*;

use super::flow::{Erase, Show, effect};
use super::icon::{Icon, draw};

/// A modal dialog with a title and a close button. Its content is made when it opens and dropped when it closes.
#[component]
pub(crate) fn Modal(
    /// Unique in the page; the title's id is made from it.
    id: &'static str,
    title: &'static str,
    open: Signal<bool>,
    on_close: Callback<()>,
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<leptos::html::Dialog>::new();
    effect(move || {
        let (Some(dialog), wanted) = (node.get(), open.get()) else { return };
        if wanted && !dialog.open() {
            // Fails only for a dialog outside the document, which can't show anyway.
            let _detached = dialog.show_modal();
        } else if !wanted && dialog.open() {
            dialog.close();
        }
    });
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    view! {
        <dialog class="modal" id=id node_ref=node aria-labelledby=labelled_by on:close=move |_| on_close.run(())>
            <Show when=move || open.get()>
                <header class="modal-head">
                    <h2 id=title_id.clone()>{title}</h2>
                    <button class="icon-button" type="button" data-testid="dialog-close" aria-label="Close" on:click=move |_| on_close.run(())>
                        {draw(Icon::Close)}
                    </button>
                </header>
                <div class="modal-body">{children()}</div>
            </Show>
        </dialog>
    }
    .erase()
}
