//! `sotto_fuzzing::api_bodies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sotto_fuzzing::api_bodies(data);
});
