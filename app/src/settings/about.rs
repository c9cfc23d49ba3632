//! What the server learns, and what it can't.

use leptos::prelude::*;

use crate::widgets::Erase;

/// Plain words, no more than is true.
#[component]
pub(super) fn AboutSection() -> impl IntoView {
    view! {
        <section class="setting" aria-labelledby="about-title" data-testid="about">
            <h3 id="about-title">"What the server learns"</h3>
            <dl class="about">
                <dt>"It sees"</dt>
                <dd>"your user name, when and from which address you connect, who has a conversation with whom, when messages pass and how long they are, in steps."</dd>
                <dt>"It never sees"</dt>
                <dd>"what you write, your drafts, your password, or any key that opens a message."</dd>
                <dt>"It keeps"</dt>
                <dd>"sealed messages for a limited time, then deletes them. Your history is on your device."</dd>
                <dt>"It could do"</dt>
                <dd>"harm by serving a false page: a web page can’t prove its own code. Before you compared a safety number, it could also name a false first contact."</dd>
            </dl>
        </section>
    }
    .erase()
}
