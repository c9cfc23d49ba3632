//! Prints how many milliseconds one derivation of a new password's keys takes on this machine: `make bench` compares it with
//! the same in the browser's worker.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use sotto_client::kdf;
use sotto_protocol::limits;

fn main() -> Result<(), sotto_protocol::ErrorCode> {
    let params = kdf::default_params([7; limits::KDF_SALT]);
    let start = Instant::now();
    kdf::derive("correct horse battery staple", &params)?;
    println!("{:.1}", start.elapsed().as_secs_f64() * 1000.0);
    Ok(())
}
