#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &[u8])| drop(minicdc::pgoutput::decode(input.1, input.0)));
