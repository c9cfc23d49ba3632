//! Settings: profile, appearance, devices, history, blocked people, password, recovery code, lock, the end, and what the server learns.

mod about;
mod archive;
mod blocked;
mod data;
mod deletion;
mod devices;
mod lock;
mod password;
mod profile;
mod recovery;
mod sign_out;
mod theme;

use leptos::prelude::*;

use crate::context::use_app;
use crate::state::DialogKind;
use crate::widgets::{Erase, Modal};

pub(crate) use sign_out::SignOutDialog;

/// The settings dialog.
#[component]
pub(crate) fn Settings() -> impl IntoView {
    let dialog = use_app().state.dialog;
    let close = move |()| {
        if dialog.get_untracked() == Some(DialogKind::Settings) {
            dialog.set(None);
        }
    };
    view! {
        <Modal
            id="settings"
            title="Settings"
            open=Signal::derive(move || dialog.get() == Some(DialogKind::Settings))
            on_close=Callback::new(close)
        >
            <profile::ProfileSection/>
            <theme::ThemeSection/>
            <devices::DevicesSection/>
            <archive::ArchiveSection/>
            <blocked::BlockedSection/>
            <password::PasswordSection/>
            <recovery::RecoverySection/>
            <lock::LockSection/>
            <data::DataSection/>
            <deletion::DeletionSection/>
            <about::AboutSection/>
        </Modal>
    }
    .erase()
}
