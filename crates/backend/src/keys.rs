//! Key packages: checked when they come, given away once.

use openmls::prelude::{KeyPackageIn, ProtocolVersion};
use sha2::{Digest as _, Sha256};
use sotto_crypto::Crypto;
use sotto_protocol::api::{ClaimKeyPackages, ClaimedKeyPackages, KeyPackageCount, UploadKeyPackages};
use sotto_protocol::device_list::DeviceList;
use sotto_protocol::{Bytes, DeviceId, ErrorCode, Millis, limits};
use sotto_rules::commit::check_key_package;
use sotto_rules::identity::{credential_in_list, decode_device_list};
use tls_codec::Deserialize as _;

use crate::backend::Backend;
use crate::context::{Caller, RequestContext};
use crate::error::ServiceError;
use crate::limits::Limit;
use crate::store::{KeyPackageRow, Pair};

impl Backend {
    /// Publishes key packages of the session's device: each a valid one of just this device, under the one suite.
    ///
    /// # Errors
    /// `device_unknown`, `not_authentic`, `wrong_suite`, `wrong_clock`, `no_key_package` (less than 28 days left), `too_large`,
    /// `malformed`, `unavailable`.
    pub async fn upload_key_packages(
        &self,
        ctx: &RequestContext,
        caller: &Caller,
        request: UploadKeyPackages,
    ) -> Result<KeyPackageCount, ServiceError> {
        let device = caller.require_device()?;
        if request.one_time.len() > limits::STORED_KEY_PACKAGES {
            return Err(ErrorCode::TooLarge.into());
        }
        let account = self.0.store.find_account_by_id(caller.account).await?.ok_or(ErrorCode::SignedOut)?;
        let list = decode_device_list(account.device_list.as_slice(), Some(caller.account)).map_err(|_| ErrorCode::Internal)?;
        let now = ctx.now;
        let packages = self
            .heavy(move || {
                let one_time = request.one_time.into_iter().map(|package| (package, false));
                let all = one_time.chain(request.last_resort.map(|package| (package, true)));
                all.map(|(package, last_resort)| check(package, last_resort, &list, device, now)).collect::<Result<Vec<_>, _>>()
            })
            .await??;
        Ok(self.0.store.add_key_packages(caller.account, device, packages, now).await?)
    }

    /// What is left of the session's device's packages.
    ///
    /// # Errors
    /// `device_unknown`, `unavailable`.
    pub async fn count_key_packages(&self, ctx: &RequestContext, caller: &Caller) -> Result<KeyPackageCount, ServiceError> {
        Ok(self.0.store.count_key_packages(caller.account, caller.require_device()?, ctx.now).await?)
    }

    /// Takes one package of each device of an account, but for the asking one: none where the pair has a room, unless for one that exists.
    /// What the caller has claimed and not used yet it gets again, as long as that is kept for it.
    ///
    /// # Errors
    /// `not_found`, `too_many_tries`, `unavailable`.
    pub async fn claim_key_packages(
        &self,
        ctx: &RequestContext,
        caller: &Caller,
        request: ClaimKeyPackages,
    ) -> Result<ClaimedKeyPackages, ServiceError> {
        let account = self.0.store.find_account(&request.name).await?.ok_or(ErrorCode::NotFound)?;
        let pair = Pair::of(caller.account, account.account);
        let room = if request.group { None } else { self.0.store.find_pair_room(pair).await? };
        let mut answer = ClaimedKeyPackages {
            account: account.account,
            name: account.name,
            device_list: account.device_list,
            packages: Vec::new(),
            room,
        };
        let own = account.account == caller.account;
        if room.is_some() || (own && !request.group) {
            return Ok(answer);
        }
        // Only what takes something is counted: draining somebody's packages is the attack.
        self.0.limits.take(ctx.now, &[Limit::KeyClaims(caller.account)])?;
        let claimed = self.0.store.claim_key_packages(account.account, caller.device, caller.account, ctx.now).await?;
        for (device, left) in &claimed.left {
            if usize::try_from(*left).unwrap_or(usize::MAX) <= limits::REFILL_AT {
                self.0.bus.key_packages(account.account, *device, *left);
            }
        }
        tracing::debug!(packages = claimed.packages.len(), one_time = claimed.left.len(), "key packages claimed");
        answer.packages = claimed.packages;
        Ok(answer)
    }
}

/// A package must live this long to be given away: the Add that uses it needs 28 days.
pub(crate) fn usable_at(now: Millis) -> Millis {
    now.saturating_add(limits::KEY_PACKAGE_REST * 1000)
}

/// A package that was claimed (or replaced, if it was the last resort) after this time may still come in a commit.
pub(crate) fn kept_since(now: Millis) -> Millis {
    now.saturating_sub(limits::KEY_PACKAGE_RESERVATION_MS)
}

/// Of one that was claimed, replaced or spent after this time a Welcome may still be on its way to the device.
pub(crate) fn held_since(now: Millis) -> Millis {
    kept_since(kept_since(now))
}

/// What a package is known by.
pub(crate) fn hash(encoded: &[u8]) -> [u8; 32] {
    Sha256::digest(encoded).into()
}

fn check(package: Bytes, last_resort: bool, list: &DeviceList, device: DeviceId, now: Millis) -> Result<KeyPackageRow, ErrorCode> {
    if package.0.len() > limits::KEY_PACKAGE {
        return Err(ErrorCode::TooLarge);
    }
    let parsed = KeyPackageIn::tls_deserialize_exact(package.as_slice()).map_err(|_| ErrorCode::Malformed)?;
    let checked = parsed.validate(&Crypto, ProtocolVersion::Mls10).map_err(|_| ErrorCode::NotAuthentic)?;
    let credential = check_key_package(&checked, now / 1000)?;
    if credential.device != device || !credential_in_list(&credential, list) {
        return Err(ErrorCode::NotAuthentic);
    }
    if checked.last_resort() != last_resort {
        return Err(ErrorCode::Malformed);
    }
    Ok(KeyPackageRow {
        hash: hash(package.as_slice()),
        last_resort,
        not_after: checked.life_time().not_after().saturating_mul(1000),
        package,
    })
}
