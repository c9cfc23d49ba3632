//! A readable copy of the person's conversations.

use leptos::prelude::*;

use crate::context::use_app;
use crate::export::export;
use crate::widgets::{Erase, Form, Show, SubmitButton, Task};

/// The download.
#[component]
pub(super) fn DataSection() -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let (lines, set_lines) = signal(0_usize);
    let (done, set_done) = signal(false);
    let begin = move |()| {
        set_done.set(false);
        task.run(async move {
            let parts = export(app, move |count| _ = set_lines.try_set(count)).await?;
            app.platform.run(|browser| browser.save_file("sotto-conversations.html", "text/html", &parts));
            let _gone = set_done.try_set(true);
            Ok(())
        });
    };
    view! {
        <section class="setting" aria-labelledby="data-title">
            <h3 id="data-title">"Your data"</h3>
            <p class="hint">
                "A copy of your conversations as one file that every browser opens. It is made here and is not encrypted: keep it where nobody else reads."
            </p>
            <Form task on_submit=Callback::new(begin)>
                <SubmitButton task testid="export" look="button" words=task.words("Download a readable copy", "Reading…")/>
                <Show when=move || { lines.get() > 0 }>
                    <p class="hint" role="status" data-testid="export-count" data-done=move || done.get().to_string()>
                        {move || if done.get() { format!("Done: {} lines.", lines.get()) } else { format!("{} lines so far", lines.get()) }}
                    </p>
                </Show>
            </Form>
        </section>
    }
    .erase()
}
