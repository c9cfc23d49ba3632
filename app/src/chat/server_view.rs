//! What the server sees: a message's plaintext beside the server's own row, fetched from the server at this moment.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_client_api::views::ServerRowView;
use sotto_client_api::{Command, Reply};
use sotto_protocol::{ErrorCode, MessageId, RoomId};

use crate::context::use_app;
use crate::time::Local;
use crate::widgets::icon::{Icon, draw};
use crate::widgets::{Erase, effect};
use crate::wording;

/// The row of one message.
#[component]
pub(super) fn ServerView(room: RoomId, message: MessageId) -> impl IntoView {
    let app = use_app();
    let (answer, set_answer) = signal(None::<Result<ServerRowView, ErrorCode>>);
    let ask = move || {
        spawn_local(async move {
            let outcome = match app.client.call(Command::ServerRow { room, message }).await {
                Ok(Reply::ServerRow(row)) => Ok(row),
                Ok(_) => Err(ErrorCode::Malformed),
                Err(code) => Err(code),
            };
            let _gone = set_answer.try_set(Some(outcome));
        });
    };
    effect(ask);
    let state = move || {
        answer.with(|answer| match answer {
            None => "loading",
            Some(Ok(row)) if row.unaltered == Some(false) => "altered",
            Some(Ok(_)) => "stored",
            Some(Err(ErrorCode::Gone)) => "gone",
            Some(Err(_)) => "error",
        })
    };
    view! {
        <section class="server-view" data-testid="server-view" data-state=state data-message-id=message.to_string() aria-live="polite">
            {move || match answer.get() {
                None => view! { <p class="hint">"Asking the server for its row…"</p> }.erase(),
                Some(Ok(row)) => view! { <RowBesideText row/> }.erase(),
                Some(Err(ErrorCode::Gone)) => view! {
                    <p class="server-gone" data-testid="server-gone">{draw(Icon::Clock)} <strong>"Deleted from the server."</strong></p>
                    <p class="hint">{wording::error(ErrorCode::Gone)} " The text is on your devices only."</p>
                }.erase(),
                Some(Err(code)) => view! {
                    <div class="banner banner-error" role="alert" data-testid="error-banner">{draw(Icon::Alert)} <span>{wording::error(code)}</span></div>
                }.erase(),
            }}
            <button class="button" type="button" data-testid="server-view-refresh" on:click=move |_| ask()>{draw(Icon::Retry)} "Fetch again"</button>
        </section>
    }
    .erase()
}

/// Plaintext and row.
#[component]
fn RowBesideText(row: ServerRowView) -> impl IntoView {
    let app = use_app();
    let shown = row.hex.len() * 16;
    let more = usize::try_from(row.length).unwrap_or(0).saturating_sub(shown);
    let altered = row.unaltered == Some(false);
    let fields = [
        ("room", short(&row.room.to_string())),
        ("seq", row.seq.to_string()),
        ("epoch", row.epoch.to_string()),
        ("from", row.sender.map_or_else(|| "unknown".to_owned(), |name| name.to_string())),
        ("device", short(&row.device.to_string())),
        ("at", Local::of(row.at, app.platform).full()),
        ("until", Local::of(row.deleted_at, app.platform).full()),
    ];
    view! {
        {altered.then(|| view! {
            <div class="banner banner-error" role="alert" data-testid="server-altered">
                {draw(Icon::Alert)}
                <span>"The server’s row is not what this device sent or received: it was altered. The text here is the one that verified."</span>
            </div>
        }.erase())}
        <div class="pair" data-altered=altered.then_some("true")>
            <div class="pair-plain">
                <h3>"You read"</h3>
                <p class="message-text" data-testid="server-view-text" dir="auto">{row.text}</p>
            </div>
            <div class="pair-server">
                <h3>{format!("The server has, {} bytes", row.length)}</h3>
                <pre class="hex" data-testid="server-view-bytes" tabindex="0" aria-label="Stored bytes">{bytes(&row.hex)}</pre>
                {(more > 0).then(|| view! { <p class="hint">{format!("and {more} bytes more")}</p> }.erase())}
                <dl class="fields" data-testid="server-view-fields">
                    {fields.into_iter().map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }.erase()).collect_view()}
                </dl>
            </div>
        </div>
        <p class="hint">"It knows who wrote to whom and when, never what."</p>
    }
    .erase()
}

/// Pairs of digits with spaces between, so that lines break anywhere between bytes at every width.
fn bytes(lines: &[String]) -> String {
    let digits: Vec<char> = lines.iter().flat_map(|line| line.chars()).filter(char::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| pair.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// First and last four digits of an id.
fn short(id: &str) -> String {
    match (id.get(..4), id.get(id.len().saturating_sub(4)..)) {
        (Some(head), Some(tail)) if id.len() > 8 => format!("{head}…{tail}"),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, short};

    #[test]
    fn bytes_stand_apart_and_ids_are_shortened() {
        assert_eq!(bytes(&["00 ff".to_owned(), "1a2b".to_owned()]), "00 ff 1a 2b");
        assert_eq!(short("c41f9e770a5b064c"), "c41f…064c");
    }
}
