//! What the server's process takes of the machine, as the kernel counts it.

use std::fs;

use super::Server;

pub const MEGABYTE: u64 = 1 << 20;

/// The server's memory since a moment.
pub struct Memory<'s> {
    server: &'s Server,
    before: u64,
}

impl<'s> Memory<'s> {
    /// Begins to count: from what belongs to the process now (PSS).
    pub fn watch(server: &'s Server) -> Self {
        // The mark of the most memory ever is set back, where the kernel lets us; if it doesn't, more is counted than there was.
        let _ = fs::write(format!("/proc/{}/clear_refs", server.id()), "5");
        Self { server, before: kilobytes(server, "smaps_rollup", "Pss:") }
    }

    /// By how much it has grown at its highest (RSS, which is no less than PSS ever was, and which no sampling misses).
    pub fn grown(&self) -> u64 {
        kilobytes(self.server, "status", "VmHWM:").saturating_sub(self.before)
    }

    /// By how much it is larger now (PSS).
    pub fn more_now(&self) -> u64 {
        kilobytes(self.server, "smaps_rollup", "Pss:").saturating_sub(self.before)
    }
}

/// In bytes.
fn kilobytes(server: &Server, file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/{file}", server.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
