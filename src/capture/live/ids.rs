//! Ids and times as Debezium's signal rows and notifications have them.

use ring::rand::{SecureRandom as _, SystemRandom};

/// A random UUID.
///
/// Source: RFC 9562, section 5.4.
pub(super) fn random_uuid() -> String {
    let mut bytes = [0; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    debug_assert!(filled.is_ok(), "the system has random numbers");
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A time as Java's `Instant` writes it: no more groups of three digits than it takes.
pub(super) fn instant(unix_ns: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_nanosecond(i128::from(unix_ns)) else {
        return String::new();
    };
    let seconds = time.strftime("%Y-%m-%dT%H:%M:%S");
    match unix_ns.rem_euclid(1_000_000_000) {
        0 => format!("{seconds}Z"),
        ns if ns % 1_000_000 == 0 => format!("{seconds}.{:03}Z", ns / 1_000_000),
        ns if ns % 1_000 == 0 => format!("{seconds}.{:06}Z", ns / 1_000),
        ns => format!("{seconds}.{ns:09}Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_is_of_version_4() {
        let id = random_uuid();
        assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'));
        assert_ne!(id, random_uuid());
    }

    #[test]
    fn instants_are_written_as_java_writes_them() {
        assert_eq!(instant(1_795_578_207_149_526_234), "2026-11-25T03:43:27.149526234Z");
        assert_eq!(instant(1_795_578_207_149_526_000), "2026-11-25T03:43:27.149526Z");
        assert_eq!(instant(1_795_578_207_100_000_000), "2026-11-25T03:43:27.100Z");
        assert_eq!(instant(1_795_578_207_000_000_000), "2026-11-25T03:43:27Z");
    }
}
