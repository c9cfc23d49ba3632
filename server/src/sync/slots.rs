//! Places for sync connections: bounded in all and for each account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sotto_protocol::AccountId;

use crate::config::SocketLimits;

struct Taken {
    limits: SocketLimits,
    all: usize,
    by_account: HashMap<AccountId, usize>,
}

/// The places.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Mutex<Taken>>);

/// One place; free again when dropped.
pub(crate) struct Slot {
    slots: Slots,
    account: AccountId,
}

impl Slots {
    pub(crate) fn new(limits: SocketLimits) -> Self {
        Self(Arc::new(Mutex::new(Taken { limits, all: 0, by_account: HashMap::new() })))
    }

    /// A place, unless all are taken.
    pub(crate) fn take(&self, account: AccountId) -> Option<Slot> {
        let mut taken = self.lock();
        let own = taken.by_account.get(&account).copied().unwrap_or(0);
        if taken.all >= taken.limits.total || own >= taken.limits.account {
            return None;
        }
        taken.all += 1;
        taken.by_account.insert(account, own + 1);
        Some(Slot { slots: self.clone(), account })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        taken.all -= 1;
        let own = taken.by_account.get(&self.account).copied().unwrap_or(0);
        if own > 1 {
            taken.by_account.insert(self.account, own - 1);
        } else {
            taken.by_account.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sotto_backend::Quota;

    #[test]
    fn places_are_bounded_and_come_back() {
        let slots = Slots::new(SocketLimits { total: 3, account: 2, frames: Quota::per_minutes(1, 1) });
        let (one, two) = (AccountId([1; 32]), AccountId([2; 32]));
        let held = [slots.take(one).unwrap(), slots.take(one).unwrap()];
        assert!(slots.take(one).is_none(), "one account");
        let third = slots.take(two).unwrap();
        assert!(slots.take(AccountId([3; 32])).is_none(), "all");
        drop((held, third));
        assert!(slots.lock().by_account.is_empty() && slots.lock().all == 0);
    }
}
