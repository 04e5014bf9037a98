//! The text of one value, read as every type under every setting.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static FIELDS: LazyLock<Vec<minicdc::value::Field>> = LazyLock::new(minicdc::value::samples::fields);

fuzz_target!(|text: &[u8]| {
    FIELDS.iter().for_each(|field| drop(field.write(text, &mut Vec::new())));
});
