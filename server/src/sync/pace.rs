//! The pace of a sender: what comes faster is read later. TCP then holds the sender back, so a flood costs the server neither
//! memory nor a refusal for each message.

use std::time::Duration;

use sotto_backend::Quota;
use tokio::time::Instant;

/// When a connection's quota will be whole again (GCRA).
pub(super) struct Pace {
    step: Duration,
    per: Duration,
    whole_at: Instant,
}

impl Pace {
    pub(super) fn new(quota: Quota, now: Instant) -> Self {
        Self { step: quota.per / quota.burst.max(1), per: quota.per, whole_at: now }
    }

    /// Counts `units` that were read.
    pub(super) fn count(&mut self, units: usize, now: Instant) {
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        self.whole_at = self.whole_at.max(now) + self.step.saturating_mul(units);
    }

    /// The time at which the next frame may be read; in the past when it may be now.
    pub(super) fn ready_at(&self) -> Instant {
        self.whole_at.checked_sub(self.per).unwrap_or(self.whole_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_read_at_once_and_the_rest_evenly() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut pace = Pace::new(Quota { burst: 4, per: Duration::from_secs(4) }, start);
        (0..4).for_each(|_| pace.count(1, start));
        assert!(pace.ready_at() <= start);
        pace.count(1, start);
        assert_eq!(pace.ready_at(), start + Duration::from_secs(1));
        pace.count(1, start + Duration::from_secs(60));
        assert!(pace.ready_at() <= start + Duration::from_secs(60));
    }
}
