//! `sotto_fuzzing::page_messages`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sotto_fuzzing::page_messages(data);
});
