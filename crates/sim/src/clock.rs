//! Where time begins in a simulation.

use std::time::{SystemTime, UNIX_EPOCH};

use sotto_protocol::Millis;

const DAY: Millis = 24 * 3_600_000;

/// The midnight (UTC) of four weeks ago.
///
/// OpenMLS judges lifetimes by the real clock, whatever ours say, so a simulation can't begin at any time. A key package lives for twelve
/// weeks: who begins four weeks ago has four weeks to go before one is made in OpenMLS's future, and eight before one is over for it.
/// Within these, our own clocks alone decide. It begins at midnight so that the hour of a run is not in any byte: what is lived
/// twice on one day is the same.
#[must_use]
pub fn four_weeks_ago() -> Millis {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
    let now = Millis::try_from(now).unwrap_or(Millis::MAX);
    (now - now % DAY).saturating_sub(28 * DAY)
}
