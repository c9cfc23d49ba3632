//! Prints how many milliseconds Argon2id takes on this machine with the parameters of a new password, by the server's
//! implementation (AVX2 where the machine has it): `make bench` compares the browser's worker with it.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use argon2::{Algorithm, Argon2, Params, Version};
use sotto_protocol::limits;

fn main() -> Result<(), argon2::Error> {
    let params = Params::new(limits::KDF_MEMORY_KIB, limits::KDF_PASSES, limits::KDF_LANES, Some(32))?;
    let mut key = [0; 32];
    let start = Instant::now();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(b"correct horse battery staple", &[7; 16], &mut key)?;
    println!("{:.1}", start.elapsed().as_secs_f64() * 1000.0);
    Ok(())
}
