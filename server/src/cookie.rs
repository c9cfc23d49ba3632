//! The session cookie: the only place that knows its name and attributes.

use axum::http::{HeaderMap, HeaderValue, header};
use leptos_axum::ResponseOptions;
use sotto_app::account_api::{CookieChange, SessionCookie};
use sotto_backend::SessionToken;

/// `__Host-`: browsers take it only with Secure, Path=/ and no Domain, so no sibling host can plant one.
const NAME: &str = "__Host-sotto";
/// Lax, not Strict: a link from a mail must open signed in. Mutations are guarded by Origin.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// The token that a request carries.
pub(crate) fn token(headers: &HeaderMap) -> Option<SessionToken> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).and_then(|(_, value)| SessionToken::parse(value))
}

/// The way in which a server function changes the cookie of its answer.
pub(crate) fn of_answer(answer: ResponseOptions, max_age_seconds: u64) -> SessionCookie {
    SessionCookie::new(move |change| {
        let cookie = match &change {
            CookieChange::Set(token) => format!("{NAME}={token}; Max-Age={max_age_seconds}; {ATTRIBUTES}"),
            CookieChange::Clear | CookieChange::ClearAndWipe => format!("{NAME}=; Max-Age=0; {ATTRIBUTES}"),
        };
        // A token is base64url, so this is always a header value.
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            answer.append_header(header::SET_COOKIE, value);
        }
        if change == CookieChange::ClearAndWipe {
            answer.insert_header(axum::http::HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"storage\""));
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies_and_by_its_full_name_only() {
        let value = "A".repeat(43);
        let with = |line: &str| HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(line).unwrap())]);
        assert!(token(&with(&format!("a=b; __Host-sotto={value}; c=d"))).is_some());
        for line in [format!("sotto={value}"), format!("x__Host-sotto={value}"), "__Host-sotto=short".into(), "__Host-sotto".into()] {
            assert!(token(&with(&line)).is_none(), "{line}");
        }
    }
}
