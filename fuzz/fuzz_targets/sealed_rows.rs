//! `sotto_fuzzing::sealed_rows`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sotto_fuzzing::sealed_rows(data);
});
