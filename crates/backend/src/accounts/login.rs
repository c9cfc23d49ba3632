//! Signing in. A name that exists and one that does not are answered alike, at the same cost.

use sotto_protocol::accounts::{KdfParams, SignInRequest, SignedIn};
use sotto_protocol::{AccountId, Bytes, DeviceId, ErrorCode, SessionId, UserName, limits};

use super::NewSession;
use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::limits::Limit;
use crate::passwords::Verdict;
use crate::store::AccountRow;
use crate::token::SessionToken;

impl Backend {
    /// How a name's password is derived. Names that don't exist have parameters too, always the same ones.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn login_params(&self, _ctx: &RequestContext, name: &UserName) -> Result<KdfParams, ServiceError> {
        // Derived for known names as well, so that both take the same way.
        let fake = KdfParams {
            memory_kib: limits::KDF_MEMORY_KIB,
            passes: limits::KDF_PASSES,
            lanes: limits::KDF_LANES,
            salt: Bytes(self.0.secret.fake_salt(name).to_vec()),
        };
        Ok(self.0.store.find_account(name).await?.map_or(fake, |account| account.password.kdf))
    }

    /// Signs in with the key derived from the password. The session `before` that this browser had ends with it.
    ///
    /// # Errors
    /// `wrong_credentials`, `too_many_tries`, `malformed`, `unavailable`.
    pub async fn sign_in(&self, ctx: &RequestContext, before: Option<&Caller>, request: SignInRequest) -> Result<NewSession, ServiceError> {
        let tries = [Limit::LoginAddress(ctx.address), Limit::LoginAccount(request.name.clone())];
        self.0.limits.take(ctx.now, &tries)?;
        let found = self.0.store.find_account(&request.name).await?;
        let account = self.verified(found, &request.auth_key).await?;
        self.0.limits.give_back(&tries);
        let (token, row) = self.fresh_session(ctx, before, account.account, None)?;
        let session = row.session;
        self.0.store.create_session(row, account.password.hash.clone()).await?;
        self.replaced(before);
        tracing::info!(account = %self.0.log_salt.hide(account.account.as_bytes()), "signed in");
        let before = device_before(before, account.account);
        Ok(NewSession { signed_in: SignedIn { before, ..signed_in(account, session) }, token })
    }

    /// Proves the password again within a session and gives the vault; the token is rotated.
    ///
    /// # Errors
    /// `wrong_credentials`, `too_many_tries`, `malformed`, `signed_out`, `unavailable`.
    pub async fn open_vault(&self, ctx: &RequestContext, caller: &Caller, auth_key: &Bytes) -> Result<NewSession, ServiceError> {
        let account = self.reauthenticated(ctx, caller, auth_key).await?;
        let token = SessionToken::generate()?;
        self.0.store.rotate_session(caller.session, token.hash()).await?;
        Ok(NewSession { signed_in: signed_in(account, caller.session), token })
    }

    /// The caller's account, after its password was proven. Counted apart from sign-ins: strangers who guess must not lock out a
    /// session that lives.
    pub(super) async fn reauthenticated(
        &self,
        ctx: &RequestContext,
        caller: &Caller,
        auth_key: &Bytes,
    ) -> Result<AccountRow, ServiceError> {
        let tries = [Limit::Reauthentication(caller.account)];
        self.0.limits.take(ctx.now, &tries)?;
        let found = self.0.store.find_account_by_id(caller.account).await?;
        let account = self.verified(found, auth_key).await?;
        self.0.limits.give_back(&tries);
        Ok(account)
    }

    async fn verified(&self, found: Option<AccountRow>, auth_key: &Bytes) -> Result<AccountRow, ServiceError> {
        let stored = found.as_ref().map(|account| account.password.hash.clone());
        match (self.0.passwords.verify(auth_key, stored).await?, found) {
            (Verdict::Right { renewed: None }, Some(account)) => Ok(account),
            (Verdict::Right { renewed: Some(hash) }, Some(mut account)) => {
                let before = std::mem::replace(&mut account.password.hash, hash.clone());
                self.0.store.renew_password_hash(account.account, before, hash).await?;
                Ok(account)
            }
            _ => Err(ErrorCode::WrongCredentials.into()),
        }
    }
}

fn signed_in(account: AccountRow, session: SessionId) -> SignedIn {
    let AccountRow { account, name, password, device_list, .. } = account;
    SignedIn { account, name, session, slot: password.slot, device_list, before: None }
}

/// The device of the account that the browser was in the session before.
pub(super) fn device_before(before: Option<&Caller>, account: AccountId) -> Option<DeviceId> {
    before.filter(|before| before.account == account).and_then(|before| before.device)
}
