//! Messages that did not come, though later ones of the same device did: a server can leave some out and number the rest anew.
//!
//! Every message says how many of its device's the log had shown to that device ([`Content::said`](crate::content::Content::said)), over
//! all epochs. What is under way does not count, so no race makes a false alarm: whoever has heard fewer lacks the difference.

use sotto_protocol::DeviceId;

use crate::mls::Processed;
use crate::records::{Heard, RoomRecord};

impl RoomRecord {
    /// One message of a device. Answers how many before it are missing. The first of a device that was here before is where counting
    /// begins: what it had said by then stands before this device's own seat.
    pub(super) fn hear(&mut self, device: DeviceId, said: Option<u64>) -> u32 {
        let Some(said) = said else { return 0 };
        let Some(heard) = self.heard.iter_mut().find(|heard| heard.device == device) else {
            self.heard.push(Heard { device, count: said.saturating_add(1), again: false });
            return 0;
        };
        let missing = said.saturating_sub(heard.count);
        if missing > 0 || heard.again {
            heard.count = said;
            heard.again = false;
        }
        heard.count = heard.count.saturating_add(1);
        u32::try_from(missing).unwrap_or(u32::MAX)
    }

    /// These devices have said nothing yet.
    pub(super) fn hear_from_the_start(&mut self, devices: &[DeviceId]) {
        self.heard.retain(|heard| !devices.contains(&heard.device));
        self.heard.extend(devices.iter().map(|device| Heard { device: *device, count: 0, again: false }));
    }

    /// Who came and who went by another's commit. Whoever is added begins anew; whoever takes a seat may go on where it was.
    pub(super) fn hear_others(&mut self, commit: &Processed) {
        let Processed::Commit { device: committer, joined, removed, .. } = commit else { return };
        self.heard.retain(|heard| !removed.iter().any(|gone| gone.1 == heard.device && !joined.contains(gone)));
        if let Some(heard) =
            self.heard.iter_mut().find(|heard| heard.device == *committer && joined.iter().any(|(_, came)| came == committer))
        {
            heard.again = true;
        }
        let added: Vec<DeviceId> = joined.iter().map(|(_, came)| *came).filter(|came| came != committer).collect();
        self.hear_from_the_start(&added);
    }
}
