//! What goes wrong in a world, and how often. Each seed has only some of the faults, so that one does not hide another.

use fastrand::Rng;
use sotto_protocol::Millis;

/// Chances in ten thousand, each at every occasion for it.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Shortest and longest way of anything through the network.
    pub delay: (Millis, Millis),
    /// A frame breaks its connection. The other side hears of it, or (one in four) doesn't.
    pub break_connection: u32,
    /// A frame from the server comes twice.
    pub duplicate: u32,
    /// Two frames from the server change places.
    pub reorder: u32,
    /// A request gets lost on its way, or its answer on the way back.
    pub lose_request: u32,
    /// The server dies, just before or just after it has written.
    pub kill_server: u32,
    /// A browser dies at an effect: what comes after it in the same step is not carried out.
    pub kill_client: u32,
    /// A transaction of a browser fails.
    pub fail_persist: u32,
    /// A person loses the network for a while, at an action.
    pub partition: u32,
    /// A person's clock jumps by up to two minutes, or by a week, at an action.
    pub skew: u32,
    /// A person makes a backup of the browser, or starts it from the backup that is there, at an action.
    pub restore: u32,
    /// A person loses the browser with all that is in it and signs in with another, at an action.
    pub replace: u32,
    /// Of all browsers that are somebody's second one, this share takes part: the others stay shut, with their seats.
    pub seconds: u32,
    /// A person removes another of the own browsers, at an action.
    pub remove: u32,
    /// The server's disk is full for a while, beginning at an action: it reads and can't write.
    pub full_disk: u32,
    /// No fault: an action that is about groups. They are made, named, people come in and go.
    pub groups: u32,
}

impl Faults {
    /// Nothing goes wrong, and the network is quick.
    pub const NONE: Self = Self {
        delay: (1, 20),
        break_connection: 0,
        duplicate: 0,
        reorder: 0,
        lose_request: 0,
        kill_server: 0,
        kill_client: 0,
        fail_persist: 0,
        partition: 0,
        skew: 0,
        restore: 0,
        replace: 0,
        seconds: 0,
        remove: 0,
        full_disk: 0,
        groups: 0,
    };

    /// The faults of a seed: each kind with an even chance.
    pub fn of(rng: &mut Rng) -> Self {
        Self {
            break_connection: some_of(rng, 400),
            duplicate: some_of(rng, 400),
            reorder: some_of(rng, 400),
            lose_request: some_of(rng, 1_500),
            kill_server: some_of(rng, 200),
            kill_client: some_of(rng, 200),
            fail_persist: some_of(rng, 400),
            partition: some_of(rng, 1_500),
            skew: some_of(rng, 1_000),
            // Rarer than the others: what they excuse is excused for the rest of a seed.
            restore: if rng.u32(0..4) == 0 { 1_000 } else { 0 },
            replace: if rng.u32(0..8) == 0 { 300 } else { 0 },
            // Deriving keys takes as long as half a seed.
            remove: if rng.u32(0..8) == 0 { 300 } else { 0 },
            seconds: if rng.bool() { 10_000 } else { 0 },
            full_disk: some_of(rng, 1_000),
            groups: if rng.bool() { rng.u32(2_000..=6_000) } else { 0 },
            delay: (1, if rng.bool() { 50 } else { 4_000 }),
        }
    }
}

fn some_of(rng: &mut Rng, chance: u32) -> u32 {
    if rng.bool() { rng.u32(1..=chance) } else { 0 }
}
