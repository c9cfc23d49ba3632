//! `sotto_fuzzing::content`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sotto_fuzzing::content(data);
});
