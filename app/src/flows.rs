//! Sign-up, sign-in, recovery and their like: who is asked in which order, engine and server by turns.
//!
//! The engine derives and seals, the server function stores; the page passes values between them and holds no key of its own.

use leptos::prelude::{RwSignal, Set, untrack};
use sotto_client_api::{Command, RecoveryCode, Reply};
use sotto_protocol::accounts::{SignInRequest, SignedIn};
use sotto_protocol::{DeviceId, ErrorCode, UserName};

use crate::account_api::{self as server, AccountFault};
use crate::context::AppContext;
use crate::handle::flag;
use crate::state::Leaving;
use crate::wording;

/// Why a flow stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    pub(crate) retry_after: Option<u32>,
}

impl Failure {
    /// The sentence for it.
    pub(crate) fn sentence(self) -> String {
        wording::error_after(self.code, self.retry_after)
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self { code, retry_after: None }
    }
}

impl From<AccountFault> for Failure {
    fn from(AccountFault(error): AccountFault) -> Self {
        Self { code: error.code, retry_after: error.retry_after }
    }
}

/// The engine answered with another reply than the command has: page and worker are not of one build.
const MISMATCH: Failure = Failure { code: ErrorCode::Malformed, retry_after: None };

/// Makes an account and puts its recovery code into `code` as soon as the account exists, whatever comes after.
pub(crate) async fn sign_up(
    app: AppContext,
    name: UserName,
    password: String,
    code: RwSignal<Option<RecoveryCode>>,
) -> Result<(), Failure> {
    let Reply::SignUp { request, recovery_code } = app.client.call(Command::PrepareSignUp { name, password }).await? else {
        return Err(MISMATCH);
    };
    let signed_in = server::sign_up(request).await?;
    show(app, code, recovery_code);
    become_ready(app, signed_in, false).await
}

/// Hands the server's answer to the engine.
async fn become_ready(app: AppContext, signed_in: SignedIn, make_room: bool) -> Result<(), Failure> {
    app.client.call(Command::SignedIn { signed_in, make_room }).await?;
    // From here on this browser keeps something that nobody else has; where it asks the person, they see why.
    app.platform.run(|browser| browser.ask_to_keep());
    Ok(())
}

/// Derives the auth key of a password by the server's parameters.
async fn prepare(app: AppContext, name: UserName, password: String, accept_new_salt: bool) -> Result<SignInRequest, Failure> {
    let kdf = server::login_params(name.clone()).await?;
    match app.client.call(Command::PrepareSignIn { name, password, kdf, accept_new_salt }).await? {
        Reply::SignIn(request) => Ok(request),
        _ => Err(MISMATCH),
    }
}

/// What the person has agreed to while signing in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The password was changed elsewhere: `kdf_salt_changed` asks.
    pub(crate) new_salt: bool,
    /// The oldest device is removed: `too_many_devices` asks.
    pub(crate) make_room: bool,
}

/// Signs in. Where that ends in a question, call again with the person's yes.
pub(crate) async fn sign_in(app: AppContext, name: UserName, password: String, agreed: Agreed) -> Result<(), Failure> {
    let request = prepare(app, name, password, agreed.new_salt).await?;
    let signed_in = server::sign_in(request).await?;
    become_ready(app, signed_in, agreed.make_room).await
}

/// Removes another device of the account, with the password.
pub(crate) async fn remove_device(app: AppContext, password: String, device: DeviceId) -> Result<(), Failure> {
    let signed_in = open_vault(app, password).await?;
    app.client.call(Command::RemoveDevice { signed_in, device }).await?;
    Ok(())
}

/// Proves the current password and fetches the vault that it opens.
async fn open_vault(app: AppContext, password: String) -> Result<SignedIn, Failure> {
    let Some(me) = untrack(|| app.state.me()) else { return Err(ErrorCode::NotReady.into()) };
    let request = prepare(app, me.name, password, false).await?;
    Ok(server::open_vault(request.auth_key).await?)
}

/// Deletes the account for good, and wipes this browser.
pub(crate) async fn delete_account(app: AppContext, password: String) -> Result<(), Failure> {
    let signed_in = open_vault(app, password).await?;
    let Reply::DeleteAccount(request) = app.client.call(Command::PrepareDeletion { signed_in }).await? else { return Err(MISMATCH) };
    server::delete_account(request).await?;
    sign_out(app, false).await
}

/// Replaces the password.
pub(crate) async fn change_password(app: AppContext, current: String, new_password: String) -> Result<(), Failure> {
    let signed_in = open_vault(app, current).await?;
    let Reply::ChangePassword(request) = app.client.call(Command::PrepareChangePassword { new_password, signed_in }).await? else {
        return Err(MISMATCH);
    };
    server::change_password(request).await?;
    app.client.call(Command::PasswordChanged).await?;
    Ok(())
}

/// Replaces the recovery code.
pub(crate) async fn new_recovery_code(app: AppContext, password: String) -> Result<RecoveryCode, Failure> {
    let signed_in = open_vault(app, password).await?;
    let Reply::NewRecovery { request, recovery_code } = app.client.call(Command::PrepareNewRecovery { signed_in }).await? else {
        return Err(MISMATCH);
    };
    server::new_recovery_code(request).await?;
    unsaved(app);
    Ok(recovery_code)
}

/// Sets a new password by the recovery code; the new one goes into `new_code` as soon as it is in force.
pub(crate) async fn recover(
    app: AppContext,
    name: UserName,
    code: String,
    new_password: String,
    new_code: RwSignal<Option<RecoveryCode>>,
) -> Result<(), Failure> {
    let Reply::RecoveryOpen(request) = app.client.call(Command::PrepareRecovery { name, code }).await? else { return Err(MISMATCH) };
    let opened = server::recovery_open(request).await?;
    let Reply::RecoveryFinish { request, recovery_code } = app.client.call(Command::FinishRecovery { opened, new_password }).await? else {
        return Err(MISMATCH);
    };
    let signed_in = server::recovery_finish(request).await?;
    show(app, new_code, recovery_code);
    // Whoever has lost the password may have lost the devices with it.
    become_ready(app, signed_in, true).await
}

fn show(app: AppContext, code: RwSignal<Option<RecoveryCode>>, new: RecoveryCode) {
    unsaved(app);
    // The form may be gone by now.
    let _gone = code.try_set(Some(new));
}

/// A code was made: it counts as skipped until the person says that it is saved, however they leave it.
fn unsaved(app: AppContext) {
    app.platform.run(|browser| browser.set_flag(flag::RECOVERY, Some("skipped")));
}

/// Signs out and loads the page anew: the engine that signed out has stopped. Offline, a flag of this browser remembers to
/// tell the server at the next load.
pub(crate) async fn sign_out(app: AppContext, keep: bool) -> Result<(), Failure> {
    let leaving = app.state.leaving;
    // The signed-out engine's sign-in page must not flash up: what is typed there would be lost by the load below.
    leaving.set(Some(Leaving::Going));
    if let Err(code) = app.client.call(Command::SignOut { keep }).await {
        leaving.set(None);
        return Err(code.into());
    }
    app.platform.run(|browser| {
        browser.set_flag(flag::SIGNING_OUT, Some(if keep { "keep" } else { "wipe" }));
        if !keep {
            browser.set_flag(flag::RECOVERY, None);
        }
    });
    if finish_sign_out(app, !keep).await {
        app.platform.run(|browser| browser.load("/"));
    } else {
        leaving.set(Some(Leaving::ServerUnaware));
    }
    Ok(())
}

/// Empties this browser, whose data do not open, and loads the page anew. The session stays: by it the server knows which device is gone.
pub(crate) async fn start_over(app: AppContext) -> Result<(), Failure> {
    app.state.leaving.set(Some(Leaving::StartingOver));
    if let Err(code) = app.client.call(Command::SignOut { keep: false }).await {
        app.state.leaving.set(None);
        return Err(code.into());
    }
    app.platform.run(|browser| browser.load("/"));
    Ok(())
}

/// Tells the server of a sign-out that this browser has made; leaves the flag and answers `false` when it can't.
pub(crate) async fn finish_sign_out(app: AppContext, wipe: bool) -> bool {
    // A session that is gone already is what was asked for.
    let told = server::sign_out(wipe).await.map_err(Failure::from);
    let told = told.is_ok() || told.is_err_and(|failure| failure.code == ErrorCode::SignedOut);
    if told {
        app.platform.run(|browser| browser.set_flag(flag::SIGNING_OUT, None));
    }
    told
}
