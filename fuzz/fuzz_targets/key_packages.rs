//! `sotto_fuzzing::key_packages`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sotto_fuzzing::key_packages(data);
});
