//! How many files this process and those that it starts may have open.

use std::fs;
use std::process::Command;

/// Allows as many as the system does at most; whether these are enough for `count` here, and again in the server.
pub fn allow(count: usize) -> bool {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let most = line.split_whitespace().nth(1).unwrap();
    let own = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &own, &format!("--nofile={most}:{most}")]).status().unwrap();
    raised.success() && most.parse().map_or(true, |most: usize| most >= count)
}
