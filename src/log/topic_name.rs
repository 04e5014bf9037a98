//! Topic names and the directories they get.

use super::error::LogError;
use std::path::{Path, PathBuf};

/// Kafka's limit; with `-0` behind it the name still fits a directory entry of 255 bytes.
const NAME_LEN_MAX: usize = 249;

/// The one partition each topic has here, as Kafka writes it behind the topic's name.
const PARTITION_SUFFIX: &str = "-0";

/// Directory of the topic's only partition.
///
/// # Errors
///
/// [`LogError::TopicName`] for names that Kafka refuses; none of the others can leave `dir`.
pub(super) fn topic_dir(dir: &Path, topic: &str) -> Result<PathBuf, LogError> {
    match defect(topic) {
        None => Ok(dir.join(format!("{topic}{PARTITION_SUFFIX}"))),
        Some(reason) => Err(LogError::TopicName { topic: topic.to_owned(), reason }),
    }
}

/// The topic whose directory has this name; `None` if it is no topic's directory.
pub(super) fn topic_of(dir_name: &str) -> Option<&str> {
    dir_name.strip_suffix(PARTITION_SUFFIX).filter(|topic| defect(topic).is_none())
}

fn defect(topic: &str) -> Option<&'static str> {
    let legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    match topic {
        "" => Some("it is empty"),
        "." | ".." => Some("it is a directory"),
        _ if topic.len() > NAME_LEN_MAX => Some("it is longer than 249 characters"),
        _ if !topic.bytes().all(legal) => Some("it has a character Kafka does not allow"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_name_that_kafka_allows_gets_a_directory_and_comes_back() {
        for topic in ["a", "dbserver1.public.orders", "...", "x-0", &"n".repeat(249)] {
            let dir = topic_dir(Path::new("/log"), topic).unwrap();
            assert_eq!(dir.parent(), Some(Path::new("/log")));
            assert_eq!(topic_of(dir.file_name().unwrap().to_str().unwrap()), Some(topic));
        }
    }

    #[test]
    fn topic_name_that_kafka_refuses_is_an_error() {
        for topic in ["", ".", "..", "a/b", "../x", "ä", "a b", "a\0", &"n".repeat(250)] {
            let error = topic_dir(Path::new("/log"), topic).unwrap_err();
            assert!(matches!(error, LogError::TopicName { .. }), "{topic:?}");
        }
    }

    #[test]
    fn directory_of_another_kind_is_no_topic() {
        for name in ["lock", "offsets", "orders-1", "-0", "lost+found-0"] {
            assert_eq!(topic_of(name), None, "{name}");
        }
    }
}
