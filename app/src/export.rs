//! A readable copy of everything that this browser can show: one HTML file without a script, made here.

use sotto_client_api::views::{EntryBody, EntryView, RoomView};
use sotto_client_api::{Command, Reply};
use sotto_protocol::ErrorCode;

use crate::context::AppContext;
use crate::time::Local;
use crate::wording;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}time,small{color:#666}\
h2{margin-top:3rem;border-bottom:1px solid #ccc}p{margin:.3rem 0;white-space:pre-wrap;overflow-wrap:anywhere}p.s{color:#666;font-style:italic}";

/// Reads all conversations to their beginning, as far as this browser and the archive have them. `told` hears how many lines have come.
///
/// # Errors
/// What the engine answers, `offline` for instance where older pages can't be fetched.
pub(crate) async fn export(app: AppContext, told: impl Fn(usize)) -> Result<Vec<String>, ErrorCode> {
    let me = app.state.me().ok_or(ErrorCode::SignedOut)?;
    let rooms: Vec<RoomView> = app.state.room_views();
    let mut parts = vec![head(me.name.as_str(), &crate::time::now(app.platform).full())];
    let mut count = 0;
    for room in rooms {
        let mut pages = Vec::new();
        let mut before = None;
        loop {
            let Reply::Timeline { entries, more, .. } = app.client.call(Command::ReadRoom { room: room.room, before }).await? else {
                return Err(ErrorCode::Malformed);
            };
            count += entries.len();
            told(count);
            let oldest = entries.iter().filter_map(|entry| entry.seq).min();
            pages.push(entries.iter().map(|entry| line(app, entry, me.name.as_str())).collect::<String>());
            // Nothing older came: whatever the archive may have, it does not give it now.
            if !more || oldest.is_none() || oldest == before {
                break;
            }
            before = oldest;
        }
        parts.push(format!("<h2>{}</h2>\n{}", escape(&wording::title(&room)), known_by(&room)));
        parts.extend(pages.into_iter().rev());
    }
    parts.push("</body></html>\n".into());
    Ok(parts)
}

fn head(name: &str, at: &str) -> String {
    let name = escape(name);
    format!(
        "<!doctype html><html><head><meta charset=\"utf-8\"><title>Sotto: {name}</title><style>{STYLE}</style></head><body>\n\
         <h1>Conversations of {name}</h1>\n<p><small>Made {}. Everything here is readable to whoever has this file.</small></p>\n",
        escape(at)
    )
}

fn known_by(room: &RoomView) -> String {
    let peer = room.peer.as_ref().filter(|peer| peer.shown.is_some());
    peer.map_or_else(String::new, |peer| format!("<p><small>{}</small></p>\n", escape(peer.name.as_str())))
}

fn line(app: AppContext, entry: &EntryView, me: &str) -> String {
    let at = Local::of(entry.at, app.platform).full();
    match &entry.body {
        EntryBody::Message(message) => drawn(&at, message.author.shown(), &message.text),
        EntryBody::System(line) => format!("<p class=\"s\"><time>{}</time> {}</p>\n", escape(&at), escape(&wording::system_line(line, me))),
    }
}

fn drawn(at: &str, author: &str, text: &str) -> String {
    format!("<p><time>{}</time> <b>{}</b>: {}</p>\n", escape(at), escape(author), escape(text))
}

/// Text as it may stand in HTML (OWASP's rule for element content).
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    // Fails without any one arm of `escape`.
    #[test]
    fn nothing_that_was_said_becomes_a_part_of_the_file() {
        assert_eq!(
            drawn("12:00", "<b>", "<script>alert(\"1\" + '2')</script> &amp;"),
            "<p><time>12:00</time> <b>&lt;b&gt;</b>: &lt;script&gt;alert(&quot;1&quot; + &#39;2&#39;)&lt;/script&gt; &amp;amp;</p>\n"
        );
    }
}
