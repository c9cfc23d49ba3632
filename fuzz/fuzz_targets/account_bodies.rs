//! `sotto_fuzzing::account_bodies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sotto_fuzzing::account_bodies(data);
});
