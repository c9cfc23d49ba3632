//! When the ring of row keys is renewed ([`crate::ring`]): soon after the data were opened, a while after the first key was used since
//! the last time, and before this browser is locked or signed out with "keep". What was used in the last while before a crash
//! is erased at the next opening.

use sotto_protocol::{ErrorCode, Millis};

use super::{Engine, Turn, Work};
use crate::io::{DeviceWrap, SlotWrite};
use crate::profile::{self, ProfileRecord};
use crate::random;

/// Longest time in which a used key can still be found in the files of a browser that runs.
pub(super) const WINDOW_MS: Millis = 15 * 60 * 1000;
/// After opening: nobody has to wait for it before the first screen.
const SOON_MS: Millis = 2_000;
/// After a renewal that the disk refused.
const RETRY_MS: Millis = 60_000;

impl Engine {
    /// A turn that renews the ring.
    pub(super) fn renew_ring(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let (true, Some(data)) = (self.can_erase, &mut self.data) else { return Ok(()) };
        let secret = random::secret()?;
        data.ring.renew(&secret)?;
        // Never the slot that counts: until the batch is stored it is the one that opens the rows.
        let slot = u8::from(self.profile.slot == Some(0));
        self.change_profile(turn, DeviceWrap::Keep, |profile| {
            profile.version = profile::VERSION;
            profile.slot = Some(slot);
        });
        turn.slot = Some(SlotWrite { slot, secret });
        Ok(())
    }

    /// The data were opened.
    pub(super) fn renew_soon(&mut self) {
        self.renew_at = self.can_erase.then_some(self.clock + SOON_MS);
    }

    pub(super) fn renew_when_due(&mut self, now: Millis) {
        if self.renew_at.is_some_and(|at| at <= now) {
            self.renew_at = self.data.as_ref().map(|_| now + RETRY_MS);
            self.work.push_front(Work::Renew);
        }
    }

    /// The profile is on the disk as this turn left it.
    pub(super) fn profile_stored(&mut self, profile: ProfileRecord) {
        if profile.slot != self.profile.slot {
            self.renew_at = None;
        }
        self.profile = profile;
    }
}
