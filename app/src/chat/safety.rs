//! The safety number: 60 digits and a QR code that two people compare, and the mark that they did.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::{PersonView, SafetyView, Trust};
use sotto_client_api::{Command, Reply};
use sotto_protocol::ErrorCode;

use crate::context::use_app;
use crate::time::{self, Local};
use crate::widgets::{Banner, Erase, effect};
use crate::wording;

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
