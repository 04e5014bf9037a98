//! Zigzag variable-length integers, as Protocol Buffers and Kafka write them.

/// Bytes that `value` takes.
pub(super) const fn len(value: i64) -> usize {
    // 7 bits a byte; `| 1` because 0 takes a byte too.
    (64 - (zigzag(value) | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends `value`.
pub(super) fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        out.push(low_byte(rest) | 0x80);
        rest >>= 7;
    }
    out.push(low_byte(rest));
}

/// Takes one value off the front; `None` when the bytes end before it or it has more than 64 bits.
pub(super) fn take(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    let mut rest = *bytes;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        rest = tail;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            *bytes = rest;
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn low_byte(value: u64) -> u8 {
    (value & 0xff) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn varint_bytes_are_those_of_the_protobuf_manual() {
        let cases: [(i64, &[u8]); 6] = [
            (0, &[0]),
            (-1, &[1]),
            (1, &[2]),
            (-2, &[3]),
            (75, &[0x96, 0x01]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ];
        for (value, bytes) in cases {
            let mut out = Vec::new();
            put(&mut out, value);
            assert_eq!((out.as_slice(), len(value)), (bytes, bytes.len()), "{value}");
        }
    }

    #[test]
    fn varint_of_more_than_64_bits_or_without_end_is_refused() {
        for bytes in [[0x80; 9].as_slice(), &[0xff; 10], &[0xff; 11], &[]] {
            assert_eq!(take(&mut &*bytes), None, "{bytes:?}");
        }
        let two = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(take(&mut two.as_slice()), None);
    }

    proptest! {
        #[test]
        fn varint_comes_back_with_the_length_foretold(value: i64, shift in 0_u32..64) {
            let value = value >> shift;
            let mut out = Vec::new();
            put(&mut out, value);
            prop_assert_eq!(out.len(), len(value));
            let mut rest = out.as_slice();
            prop_assert_eq!(take(&mut rest), Some(value));
            prop_assert!(rest.is_empty());
        }
    }
}
