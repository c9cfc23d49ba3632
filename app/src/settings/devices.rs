//! The devices of the account: which they are, where they are signed in, signing one out and removing one.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::DeviceView;
use sotto_client_api::{Command, Reply};
use sotto_protocol::accounts::SessionInfo;
use sotto_protocol::{DeviceId, ErrorCode, SessionId};

use crate::account_api;
use crate::context::use_app;
use crate::flows::{self, Failure};
use crate::time::{self, Local};
use crate::widgets::{Banner, Erase, Form, PasswordField, SubmitButton, Task, effect, value_of};
use crate::wording;

/// The list of devices.
#[component]
pub(super) fn DevicesSection() -> impl IntoView {
    let app = use_app();
    let (devices, set_devices) = signal(Vec::<DeviceView>::new());
    let (sessions, set_sessions) = signal(Vec::<SessionInfo>::new());
    let (error, set_error) = signal(None::<String>);
    let (asked, set_asked) = signal(None::<DeviceId>);
    let (naming, set_naming) = signal(None::<(DeviceId, String)>);
    let load = move || {
        spawn_local(async move {
            match app.client.call(Command::Devices).await {
                Ok(Reply::Devices(list)) => drop(set_devices.try_set(list)),
                Ok(_) => drop(set_error.try_set(Some(wording::error(ErrorCode::Malformed)))),
                Err(code) => drop(set_error.try_set(Some(wording::error(code)))),
            }
            // Without these the list is there all the same.
            match account_api::list_sessions().await {
                Ok(list) => drop(set_sessions.try_set(list)),
                Err(fault) => drop(set_error.try_set(Some(Failure::from(fault).sentence()))),
            }
        });
    };
    effect(load);
    let when = move |at| {
        let (at, now) = (Local::of(at, app.platform), time::now(app.platform));
        format!("{} {}", at.day_label(now), at.clock())
    };
    let sign_out = move |session: SessionId| {
        set_error.set(None);
        spawn_local(async move {
            if let Err(fault) = account_api::revoke_session(session).await {
                let _gone = set_error.try_set(Some(Failure::from(fault).sentence()));
            }
            load();
        });
    };
    let row = move |device: Option<DeviceView>, session: Option<SessionInfo>| {
        let called = session.as_ref().map_or_else(|| "Signed out".to_owned(), |info| info.label.clone());
        let name = device.as_ref().and_then(|device| device.name.clone());
        // What the browser says of itself stays readable: a name can be anything.
        let by_itself = name.as_ref().map_or_else(String::new, |_| format!("{called}. "));
        let label = name.unwrap_or(called);
        let added = device.as_ref().map_or_else(String::new, |device| format!("Added: {}. ", when(device.added_at)));
        let seen = session.as_ref().map_or_else(String::new, |info| format!("Last seen: {}.", when(info.last_seen_at)));
        let current = device.as_ref().is_some_and(|device| device.current);
        let (out_name, remove_name, rename_name) = (format!("Sign out {label}"), format!("Remove {label}"), format!("Rename {label}"));
        let rename = device.as_ref().map(|device| {
            let (device, is) = (device.device, label.clone());
            let ask = move |_| set_naming.set(Some((device, is.clone())));
            view! {
                <button class="button" type="button" data-testid="device-rename" aria-label=rename_name on:click=ask>"Rename…"</button>
            }
            .erase()
        });
        let out = session.filter(|_| !current).map(|info| {
            view! {
                <button class="button" type="button" data-testid="session-revoke" aria-label=out_name on:click=move |_| sign_out(info.session)>
                    "Sign out"
                </button>
            }
            .erase()
        });
        let remove = device.filter(|_| !current).map(|device| {
            let ask = move |_| set_asked.set(Some(device.device));
            view! {
                <button class="button" type="button" data-testid="device-remove" aria-label=remove_name on:click=ask>"Remove…"</button>
            }
            .erase()
        });
        view! {
            <li class="session" data-testid="device" data-current=current.to_string()>
                <div>
                    <strong>{label}</strong>
                    <p class="hint">{by_itself + &added + &seen}</p>
                </div>
                {current.then(|| view! { <span class="tag">"This browser"</span> }.erase())}
                {rename}
                {out}
                {remove}
            </li>
        }
        .erase()
    };
    // Devices with their sign-ins, then sign-ins that have no device yet.
    let rows = move || {
        let (devices, mut sessions) = (devices.get(), sessions.get());
        let mut rows = Vec::new();
        for device in devices {
            let bound = sessions.iter().position(|info| info.device == Some(device.device)).map(|index| sessions.swap_remove(index));
            rows.push(row(Some(device), bound));
        }
        rows.extend(sessions.into_iter().filter(|info| !info.current).map(|info| row(None, Some(info))));
        rows.into_iter().collect_view().into_any()
    };
    let done = Callback::new(move |()| {
        set_asked.set(None);
        set_naming.set(None);
        load();
    });
    view! {
        <section class="setting" aria-labelledby="devices-title">
            <h3 id="devices-title">"Your devices"</h3>
            <Banner text=error/>
            <ul class="sessions" data-testid="devices-list">
                {rows}
            </ul>
            {move || naming.get().map(|(device, name)| view! { <NameQuestion device name done/> }.erase())}
            {move || asked.get().map(|device| view! { <RemoveQuestion device done/> }.erase())}
        </section>
    }
    .erase()
}

/// Asks what a device is to be called.
#[component]
fn NameQuestion(device: DeviceId, name: String, done: Callback<()>) -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let node = NodeRef::new();
    let rename = move |()| {
        let name = value_of(node);
        task.run(async move {
            app.client.call(Command::NameDevice { device, name }).await?;
            done.run(());
            Ok(())
        });
    };
    view! {
        <Form task on_submit=Callback::new(rename)>
            <div class="field">
                <label for="device-name">"Name of the device"</label>
                <input id="device-name" node_ref=node data-testid="device-name" type="text" autocomplete="off" dir="auto" value=name/>
                <p class="hint">"Only your own devices see it."</p>
            </div>
            <SubmitButton task testid="device-name-submit" look="button" words=task.words("Rename", "Renaming…")/>
        </Form>
    }
    .erase()
}

/// Asks for the password: only who has it removes a device.
#[component]
fn RemoveQuestion(device: DeviceId, done: Callback<()>) -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let node = NodeRef::new();
    let remove = move |()| {
        let password = value_of(node);
        task.run(async move {
            flows::remove_device(app, password, device).await?;
            done.run(());
            Ok(())
        });
    };
    view! {
        <Form task on_submit=Callback::new(remove)>
            <p>"It is signed out for good and leaves all conversations. What is stored on it stays there until somebody signs in on it."</p>
            <PasswordField id="device-pass" testid="device-password" label="Your password" autocomplete="current-password" node/>
            <SubmitButton task testid="device-remove-submit" words=task.words("Remove this device", "Removing…")/>
        </Form>
    }
    .erase()
}
