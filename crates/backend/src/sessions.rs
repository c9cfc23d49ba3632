//! Sessions: proven by a token, ended by time, by their owner, or by a change of the password.

use std::time::Duration;

use sotto_protocol::accounts::SessionInfo;
use sotto_protocol::{AccountId, DeviceId, ErrorCode, Millis, SessionId};

use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::store::{BUSY, NewSessionRow, SessionRow, StoreError};
use crate::token::SessionToken;

const MINUTE: Millis = 60_000;

impl Backend {
    /// The session of a token, if it lives.
    ///
    /// # Errors
    /// `signed_out`, `unavailable`.
    pub async fn authenticate(&self, ctx: &RequestContext, token: &SessionToken) -> Result<Caller, ServiceError> {
        let row = self.0.store.find_session_by_token(token.hash()).await?;
        self.live(ctx, row).await
    }

    /// The same for a socket that has been open for a while: whether its session still lives, and what it is bound to now.
    ///
    /// # Errors
    /// `signed_out`, `unavailable`.
    pub async fn check_session(&self, ctx: &RequestContext, caller: &Caller) -> Result<Caller, ServiceError> {
        let row = self.0.store.find_session(caller.session).await?;
        self.live(ctx, row).await
    }

    /// Gives the session a new token; the one before is worth nothing from then on.
    ///
    /// # Errors
    /// `signed_out`, `unavailable`.
    pub async fn rotate_session(&self, _ctx: &RequestContext, caller: &Caller) -> Result<SessionToken, ServiceError> {
        let token = SessionToken::generate()?;
        self.0.store.rotate_session(caller.session, token.hash()).await?;
        Ok(token)
    }

    /// All live sessions of the account, newest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn sessions(&self, ctx: &RequestContext, caller: &Caller) -> Result<Vec<SessionInfo>, ServiceError> {
        let rows = self.0.store.sessions_of(caller.account).await?;
        let live = rows.into_iter().filter(|row| self.ends(row) > ctx.now);
        Ok(live
            .map(|row| SessionInfo {
                session: row.session,
                current: row.session == caller.session,
                label: row.label,
                created_at: row.created_at,
                last_seen_at: row.last_seen_at,
                device: row.device,
            })
            .collect())
    }

    /// Ends a session of the caller's account and closes its sockets.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn revoke_session(&self, caller: &Caller, session: SessionId) -> Result<(), ServiceError> {
        self.0.store.end_session(caller.account, session).await?;
        self.0.bus.sessions_ended(caller.account, &[session]);
        Ok(())
    }

    /// Ends the caller's own session. One that ended meanwhile is fine.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), ServiceError> {
        match self.revoke_session(caller, caller.session).await {
            Err(gone) if gone.code == ErrorCode::NotFound => Ok(()),
            done => done,
        }
    }

    /// A session to store, and its token. It replaces the one before, so that none lives on without its cookie.
    pub(crate) fn fresh_session(
        &self,
        ctx: &RequestContext,
        before: Option<&Caller>,
        account: AccountId,
        device: Option<DeviceId>,
    ) -> Result<(SessionToken, NewSessionRow), ErrorCode> {
        let token = SessionToken::generate()?;
        let session = SessionId(crate::random::bytes()?);
        let label = label(ctx.user_agent.as_deref().unwrap_or_default());
        let replaces = before.map(|caller| caller.session);
        Ok((token.clone(), NewSessionRow { session, token_hash: token.hash(), account, device, label, now: ctx.now, replaces }))
    }

    /// Closes the sockets of the session that a stored one has replaced.
    pub(crate) fn replaced(&self, before: Option<&Caller>) {
        if let Some(before) = before {
            self.0.bus.sessions_ended(before.account, &[before.session]);
        }
    }

    async fn live(&self, ctx: &RequestContext, row: Option<SessionRow>) -> Result<Caller, ServiceError> {
        let row = row.filter(|row| self.ends(row) > ctx.now).ok_or(ErrorCode::SignedOut)?;
        // To the minute: it is enough for expiry, and more would be a diary and a write for each request.
        let minute = ctx.now - ctx.now % MINUTE;
        if minute > row.last_seen_at {
            match self.0.store.touch_session(row.session, minute).await {
                // Nothing can be noted on a full disk, but what stands there can be read. The session ends earlier for it, never
                // later. A lock was waited for: nobody shall wait for it again and again in one request.
                Err(StoreError::Unavailable(kind)) if kind != BUSY => {}
                touched => touched?,
            }
        }
        let expires_at = row.created_at.saturating_add(millis(self.config().session_absolute));
        Ok(Caller { account: row.account, name: row.name, session: row.session, device: row.device, expires_at })
    }

    fn ends(&self, row: &SessionRow) -> Millis {
        let idle = row.last_seen_at.saturating_add(millis(self.config().session_idle));
        idle.min(row.created_at.saturating_add(millis(self.config().session_absolute)))
    }
}

pub(crate) fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// "Chromium on Linux": enough to recognise a session by; the header itself is not kept.
fn label(user_agent: &str) -> String {
    const BROWSERS: [(&str, &str); 7] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chromium/", "Chromium"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("sotto", "Sotto"),
    ];
    const SYSTEMS: [(&str, &str); 6] =
        [("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Mac OS", "macOS"), ("Windows", "Windows"), ("Linux", "Linux")];
    let find = |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn labels_are_short_and_known_words_only() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36";
        assert_eq!(label(chrome), "Chrome on Linux");
        assert_eq!(label("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox on Windows");
        assert_eq!(label("<script>"), "Unknown browser");
    }
}
