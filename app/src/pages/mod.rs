//! The pages: what a visitor sees before, and instead of, the conversations.

mod forgot;
mod home;
mod recovery_code;
mod screens;
mod sign_in;
mod sign_up;

pub(crate) use forgot::Forgot;
pub(crate) use home::Home;
pub(crate) use recovery_code::RecoveryCodeCard;
pub(crate) use screens::NotFound;
pub(crate) use sign_up::SignUp;

use leptos::prelude::*;

use crate::widgets::Erase;

/// Frame of the pages outside the chat: brand, one column, one line of what Sotto is.
#[component]
fn Front(title: &'static str, #[prop(optional)] lead: Option<&'static str>, children: Children) -> impl IntoView {
    view! {
        <main class="front" id="main" tabindex="-1">
            <div class="front-card">
                <a class="brand" href="/" data-testid="brand"><i aria-hidden="true"></i>"sotto"</a>
                <h1>{title}</h1>
                {lead.map(|lead| view! { <p class="lead">{lead}</p> }.erase())}
                {children()}
            </div>
            <p class="front-foot">"Encrypted in your browser. The server passes on bytes that it cannot read."</p>
        </main>
    }
    .erase()
}
