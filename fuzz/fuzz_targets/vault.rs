//! `sotto_fuzzing::vault`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sotto_fuzzing::vault(data);
});
