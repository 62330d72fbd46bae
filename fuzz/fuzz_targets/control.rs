#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fire_tests::fuzz::control(bytes));
