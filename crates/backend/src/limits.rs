//! Rate limits in memory: for each key the time at which its quota will be whole again (GCRA), by the injected clock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use sotto_protocol::{AccountId, ErrorCode, Millis, UserName};

use crate::config::{Limits, Quota};
use crate::error::ServiceError;

/// Keys that are remembered at most; beyond that those that are whole again go, then the oldest.
const KEYS: usize = 200_000;

/// What is limited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Limit {
    /// Failed sign-ins from an address.
    LoginAddress(IpAddr),
    /// Failed sign-ins to a name, known or not: both must answer alike.
    LoginAccount(UserName),
    /// Failed proofs of the password within sessions of an account.
    Reauthentication(AccountId),
    /// Sign-ups from an address.
    SignUpAddress(IpAddr),
    /// Key package claims of an account.
    KeyClaims(AccountId),
    /// People searches of an account.
    PeopleSearch(AccountId),
    /// Device lists that an account asks for: as many as searches.
    DeviceLists(AccountId),
    /// Invite links by which an account asks: as many as searches.
    Asks(AccountId),
    /// Failed recovery codes from an address.
    RecoveryAddress(IpAddr),
    /// Failed recovery codes for a name.
    RecoveryAccount(UserName),
}

/// All counters.
pub(crate) struct RateLimits {
    limits: Limits,
    /// Limit -> theoretical arrival time.
    whole_at: Mutex<HashMap<Limit, Millis>>,
}

impl RateLimits {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, whole_at: Mutex::new(HashMap::new()) }
    }

    /// Takes one try of each limit, or none and says how long to wait.
    pub(crate) fn take(&self, now: Millis, of: &[Limit]) -> Result<(), ServiceError> {
        let mut whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        for limit in of {
            let quota = self.quota(limit);
            let at = whole_at.get(&network(limit)).copied().unwrap_or(0).max(now);
            let next = at.saturating_add(step(quota));
            let per = millis(quota);
            if next.saturating_sub(now) > per {
                let wait = next.saturating_sub(now).saturating_sub(per);
                let seconds = u32::try_from(wait.div_ceil(1000)).unwrap_or(u32::MAX).max(1);
                return Err(ServiceError::retry(ErrorCode::TooManyTries, seconds));
            }
        }
        if whole_at.len() >= KEYS {
            make_room(&mut whole_at, now);
        }
        for limit in of {
            let step = step(self.quota(limit));
            let at = whole_at.entry(network(limit)).or_insert(0);
            *at = (*at).max(now).saturating_add(step);
        }
        Ok(())
    }

    /// Gives a try back: what succeeded was no guess.
    pub(crate) fn give_back(&self, of: &[Limit]) {
        let mut whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        for limit in of {
            let step = step(self.quota(limit));
            if let Some(at) = whole_at.get_mut(&network(limit)) {
                *at = at.saturating_sub(step);
            }
        }
    }

    fn quota(&self, limit: &Limit) -> Quota {
        match limit {
            Limit::LoginAddress(_) => self.limits.login_address,
            Limit::LoginAccount(_) | Limit::Reauthentication(_) => self.limits.login_account,
            Limit::SignUpAddress(_) => self.limits.sign_up_address,
            Limit::KeyClaims(_) => self.limits.key_claims,
            Limit::PeopleSearch(_) | Limit::DeviceLists(_) | Limit::Asks(_) => self.limits.people_search,
            Limit::RecoveryAddress(_) => self.limits.recovery_address,
            Limit::RecoveryAccount(_) => self.limits.recovery_account,
        }
    }
}

/// One person has a whole IPv6 /64, so that is what counts as an address.
fn network(limit: &Limit) -> Limit {
    let cut = |address: &IpAddr| match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    };
    match limit {
        Limit::LoginAddress(address) => Limit::LoginAddress(cut(address)),
        Limit::SignUpAddress(address) => Limit::SignUpAddress(cut(address)),
        Limit::RecoveryAddress(address) => Limit::RecoveryAddress(cut(address)),
        other => other.clone(),
    }
}

fn millis(quota: Quota) -> Millis {
    u64::try_from(quota.per.as_millis()).unwrap_or(u64::MAX)
}

fn step(quota: Quota) -> Millis {
    millis(quota) / u64::from(quota.burst.max(1))
}

fn make_room(whole_at: &mut HashMap<Limit, Millis>, now: Millis) {
    whole_at.retain(|_, at| *at > now);
    if whole_at.len() < KEYS {
        return;
    }
    // A flood of fresh keys: forget those that come back soonest, half of all.
    let mut times: Vec<Millis> = whole_at.values().copied().collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    whole_at.retain(|_, at| *at > median);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn limit(last: u8) -> Limit {
        Limit::LoginAddress(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn a_burst_passes_then_waits_and_refills_evenly() {
        let limits = RateLimits::new(Limits { login_address: Quota::per_minutes(3, 3), ..Limits::default() });
        for _ in 0..3 {
            limits.take(1_000, &[limit(1)]).unwrap();
        }
        let refused = limits.take(1_000, &[limit(1)]).expect_err("over the quota");
        assert_eq!((refused.code, refused.retry_after), (ErrorCode::TooManyTries, Some(60)));
        limits.take(1_000, &[limit(2)]).unwrap();
        limits.take(61_000, &[limit(1)]).unwrap();
        assert!(limits.take(61_000, &[limit(1)]).is_err());
        limits.give_back(&[limit(1)]);
        limits.take(61_000, &[limit(1)]).unwrap();
    }

    #[test]
    fn a_refused_take_takes_nothing_of_the_others() {
        let limits = RateLimits::new(Limits { login_address: Quota::per_minutes(1, 1), ..Limits::default() });
        limits.take(0, &[limit(1)]).unwrap();
        assert!(limits.take(0, &[limit(2), limit(1)]).is_err());
        limits.take(0, &[limit(2)]).unwrap();
    }
}
