//! From decimal digits to the bytes of Java's `BigInteger.toByteArray`.

use super::json::write_bytes;

/// As many digits as an `i64` always holds.
pub(super) const WORD_DIGITS_MAX: usize = 18;

/// As many digits as an `i128` always holds.
pub(super) const SMALL_DIGITS_MAX: usize = 38;

/// Writes an integer as Connect bytes.
pub(super) fn write_word(value: i64, out: &mut Vec<u8>) {
    write_bytes(shortest(&value.to_be_bytes()), out);
}

/// Writes up to [`SMALL_DIGITS_MAX`] digits (0 to 9, most significant first) as Connect bytes.
pub(super) fn write_small(negative: bool, digits: impl Iterator<Item = u8>, out: &mut Vec<u8>) {
    let magnitude = digits.fold(0_i128, |value, digit| value * 10 + i128::from(digit));
    let value = if negative { -magnitude } else { magnitude };
    write_bytes(shortest(&value.to_be_bytes()), out);
}

/// Writes any number of digits as Connect bytes; `count` is how many there are.
pub(super) fn write_big(
    negative: bool,
    digits: impl Iterator<Item = u8>,
    count: usize,
    out: &mut Vec<u8>,
) {
    /// The most digits that fit in one step of a 64-bit word.
    const STEP: u32 = 18;
    // log2(10) < 3.33 bits a digit.
    let mut words: Vec<u64> = Vec::with_capacity(count / 19 + 2);
    let mut chunk = 0_u64;
    let mut length = 0;
    for digit in digits {
        chunk = chunk * 10 + u64::from(digit);
        length += 1;
        if length == STEP {
            multiply_add(&mut words, 10_u64.pow(STEP), chunk);
            (chunk, length) = (0, 0);
        }
    }
    multiply_add(&mut words, 10_u64.pow(length), chunk);
    // One more word makes room for the sign.
    words.push(0);
    if negative {
        negate(&mut words);
    }
    let bytes: Vec<u8> = words.iter().rev().flat_map(|word| word.to_be_bytes()).collect();
    write_bytes(shortest(&bytes), out);
}

/// `words = words * factor + addend`, least significant word first.
pub(super) fn multiply_add(words: &mut Vec<u64>, factor: u64, addend: u64) {
    let mut carry = u128::from(addend);
    for word in words.iter_mut() {
        carry += u128::from(*word) * u128::from(factor);
        *word = low_word(carry);
        carry >>= 64;
    }
    if carry > 0 {
        words.push(low_word(carry));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low 64 bits are what is wanted")]
const fn low_word(value: u128) -> u64 {
    value as u64
}

/// Sign and decimal digits of a big-endian two's complement number, without leading zeros.
pub(super) fn decimal_digits(bytes: &[u8]) -> (bool, Vec<u8>) {
    let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    let padding = bytes.len().next_multiple_of(8) - bytes.len();
    let padded: Vec<u8> = std::iter::repeat_n(fill, padding).chain(bytes.iter().copied()).collect();
    let (chunks, _) = padded.as_chunks::<8>();
    let mut words: Vec<u64> = chunks.iter().rev().map(|chunk| u64::from_be_bytes(*chunk)).collect();
    if negative {
        negate(&mut words);
    }
    let mut digits = Vec::new();
    while words.iter().any(|word| *word != 0) {
        let mut rest = 0_u128;
        for word in words.iter_mut().rev() {
            let value = rest << 64 | u128::from(*word);
            *word = low_word(value / 10);
            rest = value % 10;
        }
        digits.push(b'0' + u8::try_from(rest).unwrap_or(0));
    }
    if digits.is_empty() {
        digits.push(b'0');
    }
    digits.reverse();
    (negative, digits)
}

/// Two's complement.
fn negate(words: &mut [u64]) {
    let mut carry = true;
    for word in words {
        let (value, overflow) = (!*word).overflowing_add(u64::from(carry));
        (*word, carry) = (value, overflow);
    }
}

/// Big-endian two's complement without the bytes that only repeat the sign.
fn shortest(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [first, second, ..] = rest {
        let repeats = match first {
            0x00 => *second < 0x80,
            0xff => *second >= 0x80,
            _ => false,
        };
        if !repeats {
            break;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    rest
}
