//! Open files: every connection is one, and many systems allow a process few of them until it asks for more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::SocketLimits;

/// Files that sync connections must leave for everything else: listener, database, requests.
const SPARE: u64 = 256;

/// Asks for as many files as the system allows at most; gives the limits of sync connections with those that can't have a file taken off.
pub(crate) fn raise(limits: SocketLimits) -> SocketLimits {
    let allowed = getrlimit(Resource::Nofile);
    let most = Rlimit { current: allowed.maximum, maximum: allowed.maximum };
    let files = if setrlimit(Resource::Nofile, most).is_ok() { allowed.maximum } else { allowed.current };
    let fitting = fitting(limits, files);
    if fitting.total < limits.total {
        tracing::warn!(files, sockets = fitting.total, "the system allows fewer open files than SOTTO_LIMIT_SOCKETS needs");
    }
    fitting
}

/// Without files for them, connections hang that nobody counts: those of requests, too.
fn fitting(limits: SocketLimits, files: Option<u64>) -> SocketLimits {
    let room = files.map_or(usize::MAX, |files| usize::try_from(files.saturating_sub(SPARE).max(1)).unwrap_or(usize::MAX));
    SocketLimits { total: limits.total.min(room), ..limits }
}
