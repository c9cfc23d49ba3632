//! Server functions of account and session: JSON by POST, three lines each over the backend.
//!
//! Input is never form-encoded, so that a cross-site form can't reach one (the server also checks Origin and content type).

use std::sync::Arc;

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, JsonEncoding};
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};
use sotto_protocol::accounts::{
    AccountError, ChangePasswordRequest, DeleteAccountRequest, KdfParams, NewRecoveryRequest, RecoveryFinishRequest, RecoveryOpenRequest,
    RecoveryOpened, SessionInfo, SignInRequest, SignUpRequest, SignedIn, WhoAmI,
};
use sotto_protocol::{Bytes, ErrorCode, SessionId, UserName};

/// Why a server function did not do it: the protocol's error, or what stands for a failed transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountFault(pub AccountError);

impl From<AccountError> for AccountFault {
    fn from(error: AccountError) -> Self {
        Self(error)
    }
}

impl FromServerFnError for AccountFault {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        Self(AccountError::from(match error {
            // Only the browser's fetch makes this one: the request did not reach the server.
            ServerFnErrorErr::Request(_) => ErrorCode::Offline,
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Serialization(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_) => ErrorCode::Malformed,
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Response(_) => ErrorCode::Internal,
        }))
    }
}

/// What a server function does to the session cookie of its answer.
#[derive(Clone, PartialEq, Eq)]
pub enum CookieChange {
    /// A new token.
    Set(String),
    /// No session any more; the browser keeps its sealed data.
    Clear,
    /// No session any more, and the browser is told to drop everything it stored for this site.
    ClearAndWipe,
}

/// Changes the session cookie of an answer. The server gives one by context with every call, and alone knows the cookie's form.
#[derive(Clone)]
pub struct SessionCookie(Arc<dyn Fn(CookieChange) + Send + Sync>);

impl SessionCookie {
    /// A cookie that is changed by `change`.
    pub fn new(change: impl Fn(CookieChange) + Send + Sync + 'static) -> Self {
        Self(Arc::new(change))
    }

    /// Puts the change into the answer.
    pub fn apply(&self, change: CookieChange) {
        (self.0)(change);
    }
}

/// How the password of `name` is derived; a name that nobody has gets a stable fake salt.
///
/// # Errors
/// `too_many_tries`.
#[server(name = LoginParams, prefix = "/api/account", endpoint = "login_params", input = Json, output = Json)]
pub async fn login_params(name: UserName) -> Result<KdfParams, AccountFault> {
    use sotto_backend::{Backend, RequestContext};
    let (backend, context) = (expect_context::<Backend>(), expect_context::<RequestContext>());
    Ok(backend.login_params(&context, &name).await.map_err(|error| error.account_error())?)
}

/// Makes an account and signs this browser in.
///
/// # Errors
/// `name_taken`, `registration_closed`, `too_many_tries`, `device_list_refused`, `kdf_refused`, `malformed`, `unavailable`.
#[server(name = SignUp, prefix = "/api/account", endpoint = "sign_up", input = Json, output = Json)]
pub async fn sign_up(request: SignUpRequest) -> Result<SignedIn, AccountFault> {
    use sotto_backend::{Backend, Caller, RequestContext};
    let (backend, context) = (expect_context::<Backend>(), expect_context::<RequestContext>());
    let before = expect_context::<Option<Caller>>();
    let new = backend.sign_up(&context, before.as_ref(), request).await.map_err(|error| error.account_error())?;
    expect_context::<SessionCookie>().apply(CookieChange::Set(new.token.expose()));
    Ok(new.signed_in)
}

/// Signs in with a name and the auth key of its password.
///
/// # Errors
/// `wrong_credentials`, `too_many_tries`, `unavailable`.
#[server(name = SignIn, prefix = "/api/account", endpoint = "sign_in", input = Json, output = Json)]
pub async fn sign_in(request: SignInRequest) -> Result<SignedIn, AccountFault> {
    use sotto_backend::{Backend, Caller, RequestContext};
    let (backend, context) = (expect_context::<Backend>(), expect_context::<RequestContext>());
    let before = expect_context::<Option<Caller>>();
    let new = backend.sign_in(&context, before.as_ref(), request).await.map_err(|error| error.account_error())?;
    expect_context::<SessionCookie>().apply(CookieChange::Set(new.token.expose()));
    Ok(new.signed_in)
}

/// Ends the use of a recovery code: new password, new code, all other sessions ended, this browser signed in.
///
/// # Errors
/// `wrong_credentials`, `no_recovery_code`, `too_many_tries`, `device_list_refused`, `kdf_refused`, `unavailable`.
#[server(name = RecoveryFinish, prefix = "/api/account", endpoint = "recovery_finish", input = Json, output = Json)]
pub async fn recovery_finish(request: RecoveryFinishRequest) -> Result<SignedIn, AccountFault> {
    use sotto_backend::{Backend, Caller, RequestContext};
    let (backend, context) = (expect_context::<Backend>(), expect_context::<RequestContext>());
    let before = expect_context::<Option<Caller>>();
    let new = backend.recovery_finish(&context, before.as_ref(), request).await.map_err(|error| error.account_error())?;
    expect_context::<SessionCookie>().apply(CookieChange::Set(new.token.expose()));
    Ok(new.signed_in)
}

/// Opens the vault again for a change that needs the password; the session's token is rotated.
///
/// # Errors
/// `signed_out`, `wrong_credentials`, `too_many_tries`.
#[server(name = OpenVault, prefix = "/api/account", endpoint = "open_vault", input = Json, output = Json)]
pub async fn open_vault(auth_key: Bytes) -> Result<SignedIn, AccountFault> {
    use sotto_backend::{Backend, Caller, RequestContext};
    let (backend, context) = (expect_context::<Backend>(), expect_context::<RequestContext>());
    let caller = expect_context::<Option<Caller>>().ok_or(AccountError::from(ErrorCode::SignedOut))?;
    let new = backend.open_vault(&context, &caller, &auth_key).await.map_err(|error| error.account_error())?;
    expect_context::<SessionCookie>().apply(CookieChange::Set(new.token.expose()));
    Ok(new.signed_in)
}

/// Replaces password and vault slot at once, ends all other sessions and rotates this one's token.
///
/// # Errors
/// `signed_out`, `wrong_credentials`, `too_many_tries`, `device_list_refused`, `kdf_refused`.
#[server(name = ChangePassword, prefix = "/api/account", endpoint = "change_password", input = Json, output = Json)]
pub async fn change_password(request: ChangePasswordRequest) -> Result<(), AccountFault> {
    use sotto_backend::{Backend, Caller, RequestContext};
    let (backend, context) = (expect_context::<Backend>(), expect_context::<RequestContext>());
    let caller = expect_context::<Option<Caller>>().ok_or(AccountError::from(ErrorCode::SignedOut))?;
    let token = backend.change_password(&context, &caller, request).await.map_err(|error| error.account_error())?;
    expect_context::<SessionCookie>().apply(CookieChange::Set(token.expose()));
    Ok(())
}

/// Deletes the account. What the browser keeps is the engine's to wipe.
///
/// # Errors
/// `signed_out`, `device_list_refused`, `last_owner`, `unavailable`.
#[server(name = DeleteAccount, prefix = "/api/account", endpoint = "delete_account", input = Json, output = Json)]
pub async fn delete_account(request: DeleteAccountRequest) -> Result<(), AccountFault> {
    use sotto_backend::{Backend, Caller, RequestContext};
    let (backend, context) = (expect_context::<Backend>(), expect_context::<RequestContext>());
    let caller = expect_context::<Option<Caller>>().ok_or(AccountError::from(ErrorCode::SignedOut))?;
    backend.delete_account(&context, &caller, request).await.map_err(|error| error.account_error())?;
    // The engine empties the browser; emptied under its hands it could not say that it is done.
    expect_context::<SessionCookie>().apply(CookieChange::Clear);
    Ok(())
}

/// Replaces the recovery code; the session's token is rotated.
///
/// # Errors
/// `signed_out`, `wrong_credentials`, `too_many_tries`.
#[server(name = NewRecoveryCode, prefix = "/api/account", endpoint = "new_recovery_code", input = Json, output = Json)]
pub async fn new_recovery_code(request: NewRecoveryRequest) -> Result<(), AccountFault> {
    use sotto_backend::{Backend, Caller, RequestContext};
    let (backend, context) = (expect_context::<Backend>(), expect_context::<RequestContext>());
    let caller = expect_context::<Option<Caller>>().ok_or(AccountError::from(ErrorCode::SignedOut))?;
    let token = backend.new_recovery_code(&context, &caller, request).await.map_err(|error| error.account_error())?;
    expect_context::<SessionCookie>().apply(CookieChange::Set(token.expose()));
    Ok(())
}

/// Proves a recovery code and gets the vault slot that it opens. Makes no session.
///
/// # Errors
/// `wrong_credentials`, `no_recovery_code`, `too_many_tries`.
#[server(name = RecoveryOpen, prefix = "/api/account", endpoint = "recovery_open", input = Json, output = Json)]
pub async fn recovery_open(request: RecoveryOpenRequest) -> Result<RecoveryOpened, AccountFault> {
    use sotto_backend::{Backend, RequestContext};
    let (backend, context) = (expect_context::<Backend>(), expect_context::<RequestContext>());
    Ok(backend.recovery_open(&context, request).await.map_err(|error| error.account_error())?)
}

/// Ends the session. With `wipe` the browser is told to drop what it stored for this site. Signed out already is fine.
///
/// # Errors
/// `unavailable`.
#[server(name = SignOut, prefix = "/api/account", endpoint = "sign_out", input = Json, output = Json)]
pub async fn sign_out(wipe: bool) -> Result<(), AccountFault> {
    use sotto_backend::{Backend, Caller};
    if let Some(caller) = expect_context::<Option<Caller>>() {
        expect_context::<Backend>().sign_out(&caller).await.map_err(|error| error.account_error())?;
    }
    expect_context::<SessionCookie>().apply(if wipe { CookieChange::ClearAndWipe } else { CookieChange::Clear });
    Ok(())
}

/// The account's sessions.
///
/// # Errors
/// `signed_out`.
#[server(name = ListSessions, prefix = "/api/account", endpoint = "list_sessions", input = Json, output = Json)]
pub async fn list_sessions() -> Result<Vec<SessionInfo>, AccountFault> {
    use sotto_backend::{Backend, Caller, RequestContext};
    let (backend, context) = (expect_context::<Backend>(), expect_context::<RequestContext>());
    let caller = expect_context::<Option<Caller>>().ok_or(AccountError::from(ErrorCode::SignedOut))?;
    Ok(backend.sessions(&context, &caller).await.map_err(|error| error.account_error())?)
}

/// Ends another session of the account (or this one).
///
/// # Errors
/// `signed_out`, `not_found`.
#[server(name = RevokeSession, prefix = "/api/account", endpoint = "revoke_session", input = Json, output = Json)]
pub async fn revoke_session(session: SessionId) -> Result<(), AccountFault> {
    use sotto_backend::{Backend, Caller};
    let caller = expect_context::<Option<Caller>>().ok_or(AccountError::from(ErrorCode::SignedOut))?;
    Ok(expect_context::<Backend>().revoke_session(&caller, session).await.map_err(|error| error.account_error())?)
}

/// Who is signed in here, if anybody.
///
/// # Errors
/// `offline` alone: being signed out is an answer.
#[server(name = WhoAmINow, prefix = "/api/account", endpoint = "who_am_i", input = Json, output = Json)]
pub async fn who_am_i() -> Result<Option<WhoAmI>, AccountFault> {
    use sotto_backend::Caller;
    let caller = expect_context::<Option<Caller>>();
    Ok(caller.map(|caller| WhoAmI { account: caller.account, name: caller.name }))
}
