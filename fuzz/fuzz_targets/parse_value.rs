//! The text of one value, read as every type under every setting.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static FIELDS: LazyLock<Vec<minicdc::value::Field>> =
    LazyLock::new(minicdc::value::samples::fields);

fuzz_target!(|text: &[u8]| {
    for field in FIELDS.iter() {
        let _any_error_will_do = field.write(text, &mut Vec::new());
    }
});
