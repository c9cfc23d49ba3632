//! `sotto_fuzzing::uploads`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sotto_fuzzing::uploads(data);
});
