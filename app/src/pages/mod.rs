//! The pages: what a visitor sees before, and instead of, the conversations.

mod account_form;
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

use crate::context::use_app;
use crate::widgets::{Erase, Show};

/// The brand where it is no link: on screens that a slip of the finger must not leave.
fn brand() -> AnyView {
    view! { <span class="brand" data-testid="brand"><i aria-hidden="true"></i>"sotto"</span> }.erase()
}

fn brand_link() -> AnyView {
    view! { <a class="brand" href="/" data-testid="brand"><i aria-hidden="true"></i>"sotto"</a> }.erase()
}

/// Frame of the pages outside the chat: brand, one column, one line of what Sotto is.
#[component]
fn Front(
    #[prop(default = brand_link())] brand: AnyView,
    title: &'static str,
    #[prop(optional)] lead: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    let invite = use_app().state.invite;
    view! {
        <main class="front" id="main" tabindex="-1">
            <div class="front-card">
                {brand}
                <h1>{title}</h1>
                {lead.map(|lead| view! { <p class="lead">{lead}</p> }.erase())}
                <Show when=move || invite.with(Option::is_some)>
                    <p class="banner" role="status" data-testid="invited">"You followed an invite link. Sign in, or create an account: then you can join the group."</p>
                </Show>
                {children()}
            </div>
            <p class="front-foot">"Encrypted in your browser. The server passes on bytes that it cannot read."</p>
        </main>
    }
    .erase()
}
