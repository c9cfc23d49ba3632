//! Several tabs of one browser profile: one leads and owns the engine, the others are live views of it.
//!
//! Pure, as the engine is: the host elects the leader (Web Locks), carries [`Talk`] between the tabs (BroadcastChannel) and says who is
//! gone. [`View`] is every tab's own side, the leader's too; [`Desk`] stands before the leader's engine.
//!
//! What belongs to one tab: which room is open there and how much of it, the text in its composer, dialogs and forms. What belongs to
//! the profile and is the same in all tabs: phase, rooms, connection, notices, what is stored. A sign-in or a password change that is
//! under way belongs to the profile too, and is lost with its leader: its next step answers `not_ready`.
//!
//! A command is asked again of the next leader when no answer came. All can be, because doing them twice is doing them once: a text and
//! a new group are known by their ids ([`View::asked`] gives them, the engine remembers them).

mod desk;
mod view;

use core::fmt;

use serde::{Deserialize, Serialize};
use sotto_client_api::{FromWorker, ToWorker};
use sotto_protocol::{ErrorCode, Millis};

use crate::random;

pub use desk::Desk;
pub use view::View;

/// A tab, by a number that it draws when it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TabId([u8; 16]);

impl TabId {
    /// A fresh one.
    ///
    /// # Errors
    /// `unsupported` without a source of randomness.
    pub fn draw() -> Result<Self, ErrorCode> {
        Ok(Self(random::bytes()?))
    }
}

impl fmt::Display for TabId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A time of leadership. Later ones are higher, and every write of an earlier one is refused by the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Term(pub u64);

impl Term {
    /// The term that follows the stored one. Times, so that it also follows one that was wiped with everything else.
    #[must_use]
    pub fn after(stored: Option<Self>, now: Millis) -> Self {
        Self(stored.map_or(now, |stored| now.max(stored.0.saturating_add(1))))
    }
}

/// What tabs say to each other.
#[derive(Debug, Serialize, Deserialize)]
pub enum Talk {
    /// Who leads?
    Who,
    /// The tab that says so, in this term.
    Leads(Term),
    /// A command for the leader of this term.
    Ask {
        /// Whose.
        term: Term,
        /// Who asks.
        tab: TabId,
        /// What.
        message: ToWorker,
    },
    /// From the leader of this term.
    Tell {
        /// Whose.
        term: Term,
        /// To whom; `None` for all.
        to: Option<TabId>,
        /// What.
        message: FromWorker,
    },
}

#[cfg(test)]
mod tests {
    use super::Term;

    #[test]
    fn terms_rise_whatever_the_clock_says() {
        assert_eq!(Term::after(None, 1_000), Term(1_000));
        assert_eq!(Term::after(Some(Term(900)), 1_000), Term(1_000));
        assert_eq!(Term::after(Some(Term(5_000)), 1_000), Term(5_001));
        assert_eq!(Term::after(Some(Term(1_000)), 1_000), Term(1_001));
    }
}
