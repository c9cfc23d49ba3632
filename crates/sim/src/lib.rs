//! Real engines and the real backend in one process: what the browser and the network do is played by [`Host`], everything else
//! is the product's own code. Nothing is mocked: passwords are derived, groups are MLS groups, rows are in the backend's stores.

mod api;
mod clock;
mod disk;
pub mod fixture;
mod host;
pub mod hostile;
mod socket;
mod world;

pub use clock::four_weeks_ago;
pub use host::{Host, LogCount, ProfileCopy, SimError};
pub use world::{Beginning, Failure, Faults, Summary};
