//! Segment files of the embedded log: as they come, and with a first batch whose checksum is right,
//! for no fuzzer would find that by itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use minicdc::log::decode_batches;

fuzz_target!(|segment: Vec<u8>| {
    let (topic, mut records) = ("orders".into(), Vec::new());
    let _any_defect_will_do = decode_batches(&topic, &segment, &mut records);
    let mut batch = segment;
    if let (Ok(length), 61..) = (i32::try_from(batch.len() - batch.len().min(12)), batch.len()) {
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        batch[16] = 2;
        let checksum = crc32c::crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&checksum.to_be_bytes());
        let _any_defect_will_do = decode_batches(&topic, &batch, &mut records);
    }
});
