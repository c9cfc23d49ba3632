//! The stock of key packages: filled, renewed in time, and their private keys erased as soon as no Welcome can come for them.
//!
//! The server says which packages a Welcome may still come for. Every other one is spent, replaced or burnt; its Welcome, if there was
//! one, was stored before that was said, and is here by now: at the end of catching up, and later because the server goes on naming
//! a package for a while after its end.

use sotto_protocol::api::{KeyPackageCount, UploadKeyPackages};
use sotto_protocol::{Bytes, ErrorCode, Millis, codec, limits};

use super::net::Pending;
use super::{Engine, Turn};
use crate::{mls, packages};

/// How often a device that stays connected asks what became of its packages.
const LOOK_MS: Millis = 3_600_000;
/// When it asks again after it has found something to do: not at once, because a server may say the same thing for ever.
const SOON_MS: Millis = 60_000;
/// In seconds. A package of which the server does not know stays for so long: its upload may be on the way. And a last resort is renewed
/// so long before nobody may use it any more.
const DAY: u64 = 24 * 3600;

/// Packages to make.
#[derive(Clone, Copy, Default)]
pub(super) struct Missing {
    pub(super) one_time: usize,
    pub(super) last_resort: bool,
}

impl Engine {
    /// Fills the server's stock of this device's key packages. Of a device that has made some the server is asked what it holds.
    pub(super) fn publish_key_packages(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        let first = packages::all(&self.data()?.provider)?.is_empty();
        let one_time = if first { limits::ONE_TIME_KEY_PACKAGES } else { 0 };
        self.upload_key_packages(turn, Missing { one_time, last_resort: first })
    }

    /// The server ran low.
    pub(super) fn refill_key_packages(&mut self, turn: &mut Turn, left: u32) -> Result<(), ErrorCode> {
        self.upload_missing(turn, Missing { one_time: missing(left), last_resort: false })
    }

    /// A last resort was used: whoever has a copy of its keys could open the next Welcome too.
    pub(super) fn last_resort_used(&mut self, turn: &mut Turn, hash: Bytes) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let mut record = data.record()?;
        record.last_resorts_used.push(hash);
        data.put_record(&record)?;
        self.upload_missing(turn, Missing { one_time: 0, last_resort: true })
    }

    /// All Welcomes are here that the server had when this connection began.
    pub(super) fn fill_stock(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.take_stock(turn)?;
        let missing = std::mem::take(&mut self.net.missing);
        self.upload_missing(turn, missing)
    }

    /// Asks the server what it holds, and brings what was missing when it last said so. Keys in rooms where nobody says anything are
    /// looked after with it.
    pub(super) fn look_after_stock(&mut self, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.net.look_at = Some(turn.now + LOOK_MS);
        for record in self.data()?.rooms()? {
            self.commit_what_is_due(turn, record.room, false)?;
        }
        let missing = std::mem::take(&mut self.net.missing);
        if self.asked() { Ok(()) } else { self.upload_key_packages(turn, missing) }
    }

    fn upload_missing(&mut self, turn: &mut Turn, missing: Missing) -> Result<(), ErrorCode> {
        if missing.one_time == 0 && !missing.last_resort || self.asked() { Ok(()) } else { self.upload_key_packages(turn, missing) }
    }

    fn asked(&self) -> bool {
        self.requests.values().any(|pending| matches!(pending, Pending::KeyPackages))
    }

    fn upload_key_packages(&mut self, turn: &mut Turn, missing: Missing) -> Result<(), ErrorCode> {
        let data = self.data()?;
        let leaf_key = data.leaf_key()?;
        let make = |last: bool| mls::key_package(&data.provider, &data.device, &leaf_key, last, turn.now / 1000);
        let one_time = (0..missing.one_time).map(|_| make(false)).collect::<Result<Vec<_>, _>>()?;
        let last_resort = missing.last_resort.then(|| make(true)).transpose()?;
        self.post(turn, "/api/v1/key-packages", &UploadKeyPackages { one_time, last_resort }, Pending::KeyPackages);
        Ok(())
    }

    pub(super) fn key_packages_published(&mut self, turn: &mut Turn, body: &[u8]) -> Result<(), ErrorCode> {
        let count: KeyPackageCount = codec::decode(body, limits::API_BODY)?;
        let data = self.data()?;
        let mut record = data.record()?;
        if !record.registered {
            record.registered = true;
            data.put_record(&record)?;
            return self.connect(turn);
        }
        self.net.stock = Some((count.one_time, count.held));
        if self.net.caught_up() { self.take_stock(turn) } else { Ok(()) }
    }

    /// Everything that the server had sent is here: keys that no Welcome can come for any more are erased.
    fn take_stock(&mut self, turn: &Turn) -> Result<(), ErrorCode> {
        let Some((left, held)) = self.net.stock.take() else { return Ok(()) };
        // A Welcome that is too long for the socket comes with a room's state.
        if self.requests.values().any(|pending| matches!(pending, Pending::RoomState { .. })) {
            self.net.look_at = Some(turn.now + SOON_MS);
            return Ok(());
        }
        let now = turn.now / 1000;
        let data = self.data()?;
        let mut record = data.record()?;
        let mut last_resort = false;
        for package in packages::all(&data.provider)? {
            let is_held = held.contains(&package.hash);
            if package.not_after < now || !is_held && package.not_before + DAY < now {
                package.erase(&data.provider)?;
                record.last_resorts_used.retain(|used| *used != package.hash);
            } else if is_held && package.last_resort {
                let good = package.not_after >= now + limits::KEY_PACKAGE_REST + DAY;
                last_resort |= good && !record.last_resorts_used.contains(&package.hash);
            }
        }
        data.put_record(&record)?;
        let missing = Missing { one_time: missing(left), last_resort: !last_resort };
        let wait = if missing.one_time > 0 || missing.last_resort { SOON_MS } else { LOOK_MS };
        self.net.missing = missing;
        self.net.look_at = Some(turn.now + wait);
        Ok(())
    }
}

/// How many one-time packages are to be made where so many are left.
fn missing(left: u32) -> usize {
    let left = left as usize;
    if left > limits::REFILL_AT { 0 } else { limits::ONE_TIME_KEY_PACKAGES - left }
}
