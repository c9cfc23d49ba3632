//! The safety number: 60 digits and a QR code that two people compare, and the mark that they did.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::{Comparison, PersonView, SafetyView, Trust};
use sotto_client_api::{Command, Reply};
use sotto_protocol::{AccountId, ErrorCode};

use crate::context::use_app;
use crate::time::{self, Local};
use crate::widgets::{Banner, CopyButton, Erase, Form, Job, Show, SubmitButton, Task, effect, value_of};
use crate::wording;

/// Id of the camera's picture.
const CAMERA: &str = "safety-camera";
/// Light modules around a QR code (ISO/IEC 18004 asks for four).
const QUIET: u32 = 4;

/// Number, code and mark of one person.
#[component]
pub(super) fn Safety(peer: PersonView) -> impl IntoView {
    let app = use_app();
    let account = peer.account;
    let name = peer.name.to_string();
    let (safety, set_safety) = signal(None::<SafetyView>);
    let (error, set_error) = signal(None::<String>);
    let ask = move |command: Command| {
        spawn_local(async move {
            let outcome = match app.client.call(command).await {
                Ok(Reply::Safety(view)) => Ok(view),
                Ok(_) => Err(ErrorCode::Malformed),
                Err(code) => Err(code),
            };
            // The panel may be closed by now.
            match outcome {
                Ok(view) => drop(set_safety.try_set(Some(view))),
                Err(code) => drop(set_error.try_set(Some(wording::error(code)))),
            }
        });
    };
    effect(move || ask(Command::SafetyNumber { account }));
    let title = format!("Safety number with {name}");
    let hint = format!(
        "Same digits on your screen and on {name}’s mean that nobody stands between you. Compare by voice, or hold the codes side by side."
    );
    view! {
        <section class="safety" aria-labelledby="safety-title">
            <h3 id="safety-title">{title}</h3>
            <Banner text=error/>
            {move || safety.get().map_or_else(|| ().into_any(), |view| {
                let verified = view.trust == Trust::Verified;
                let words = match (verified, view.verified_at) {
                    (true, Some(at)) => format!("Verified on {}.", Local::of(at, app.platform).date(time::now(app.platform))),
                    (true, None) => "Verified.".to_owned(),
                    (false, _) => "Not verified yet.".to_owned(),
                };
                let path = qr_path(&view.qr, view.qr_width);
                let side = view.qr_width + 2 * QUIET;
                view! {
                    <div class="digits mono" data-testid="safety-number">
                        {view.groups.into_iter().map(|group| view! { <span>{group} " "</span> }.erase()).collect_view()}
                    </div>
                    <svg class="qr" data-testid="safety-qr" role="img" aria-label="Safety number as a QR code" viewBox=format!("0 0 {side} {side}")>
                        <rect class="qr-ground" width=side height=side></rect>
                        <path class="qr-ink" d=path></path>
                    </svg>
                    <p class="hint">{hint.clone()}</p>
                    <Compare account code=view.code on_done=Callback::new(move |()| ask(Command::SafetyNumber { account }))/>
                    <p class="verified" role="status" data-testid="safety-state" data-verified=verified.to_string()>{words}</p>
                    <button
                        class=if verified { "button" } else { "button button-primary" }
                        type="button"
                        data-testid="safety-verify"
                        aria-pressed=verified.to_string()
                        on:click=move |_| ask(Command::SetVerified { account, verified: !verified })
                    >
                        {if verified { "Take the mark back" } else { "They match: mark as verified" }}
                    </button>
                }
                .erase()
            })}
        </section>
    }
    .erase()
}

/// Comparing by code: scanned with the camera where the browser can, or as text.
#[component]
fn Compare(account: AccountId, code: String, on_done: Callback<()>) -> impl IntoView {
    let app = use_app();
    let task = Task::new();
    let node = NodeRef::new();
    let (result, set_result) = signal(None::<Comparison>);
    let (scanning, set_scanning) = signal(false);
    let compare = move |code: String| -> Job {
        set_result.set(None);
        Box::pin(async move {
            let Reply::Compared(comparison) = app.client.call(Command::CompareCode { account, code }).await? else {
                return Err(ErrorCode::Malformed.into());
            };
            let _gone = set_result.try_set(Some(comparison));
            if comparison == Comparison::Same {
                on_done.run(());
            }
            Ok(())
        })
    };
    let scan = move |_| {
        set_scanning.set(true);
        spawn_local(async move {
            let text = match app.platform.with(None, |browser| Some(browser.scan(CAMERA))) {
                Some(seen) => seen.await,
                None => None,
            };
            let open = scanning.try_get_untracked() == Some(true);
            let _gone = set_scanning.try_set(false);
            match text {
                Some(text) if open => task.run(compare(text)),
                None if open => task.refuse("The camera can’t be used. Compare the digits, or paste the code.".into()),
                _ => {}
            }
        });
    };
    let can_scan = app.platform.with(false, |browser| browser.can_scan());
    view! {
        <Form task on_submit=Callback::new(move |()| task.run(compare(value_of(node))))>
            <div class="row">
                {can_scan.then(|| view! {
                    <button class="button" type="button" data-testid="safety-scan" on:click=scan>"Scan their code"</button>
                }.erase())}
                <CopyButton text=Signal::stored(code) label="Copy your code" testid="safety-copy"/>
            </div>
            <Show when=move || scanning.get()>
                <video id=CAMERA class="camera" playsinline muted aria-label="What the camera sees"></video>
                <button class="button button-quiet" type="button" data-testid="safety-scan-stop" on:click=move |_| set_scanning.set(false)>"Stop"</button>
            </Show>
            <div class="field">
                <label for="safety-code">"Or paste their code"</label>
                <input id="safety-code" class="mono" node_ref=node data-testid="safety-code" type="text" autocomplete="off" autocapitalize="off" spellcheck="false"/>
            </div>
            <SubmitButton task testid="safety-compare" look="button" words=task.words("Compare", "Comparing…")/>
            {move || result.get().map(|result| {
                let (look, words) = wording::comparison(result);
                view! { <p class=look role="alert" data-testid="safety-result" data-same=(result == Comparison::Same).to_string()>{words}</p> }.erase()
            })}
        </Form>
    }
    .erase()
}

/// One square for each dark module, as a path. Runs in a row become one rectangle.
fn qr_path(modules: &[bool], width: u32) -> String {
    use core::fmt::Write as _;
    let mut path = String::new();
    let Some(columns) = usize::try_from(width).ok().filter(|columns| *columns > 0) else { return path };
    for (y, row) in modules.chunks(columns).enumerate() {
        let mut x = 0;
        while x < row.len() {
            let run = row.iter().skip(x).take_while(|dark| **dark).count();
            if run > 0 {
                let quiet = QUIET as usize;
                // Writing to a string can't fail.
                let _infallible = write!(path, "M{} {}h{run}v1h-{run}z", x + quiet, y + quiet);
            }
            x += run.max(1);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::qr_path;

    #[test]
    fn dark_runs_become_rectangles_inside_the_quiet_zone() {
        assert_eq!(qr_path(&[true, true, false, false, true, false, false, false, true], 3), "M4 4h2v1h-2zM5 5h1v1h-1zM6 6h1v1h-1z");
        assert_eq!(qr_path(&[true], 0), "");
    }
}
