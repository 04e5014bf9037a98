//! Which topics a person means, and the shortest name that tells a topic from the others.

/// Letters that a topic name can have.
fn is_legal(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// A name that does not lead to one topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Several topics end in this name.
    #[error("\"{name}\" is the end of {} topics: {}", .topics.len(), .topics.join(", "))]
    Ambiguous {
        /// As typed.
        name: String,
        /// The topics, sorted.
        topics: Vec<String>,
    },
    /// No topic has or ends in this name.
    #[error("no topic is named \"{name}\" or ends in it; {}", what_there_is(.topics))]
    Unknown {
        /// As typed.
        name: String,
        /// What there is, sorted, internal topics left out.
        topics: Vec<String>,
    },
}

/// Topics that an error message lists before it only counts.
const LISTED_MAX: usize = 20;

fn what_there_is(topics: &[String]) -> String {
    if topics.is_empty() {
        return "there is no topic yet".to_owned();
    }
    let listed = topics.get(..LISTED_MAX).unwrap_or(topics).join(", ");
    let more = topics.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        format!("there are {listed} and {more} more")
    } else {
        format!("there are {listed}")
    }
}

impl NameError {
    /// True when the name could never do; false when there is just no such topic (yet).
    #[must_use]
    pub const fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Ambiguous { .. })
    }

    /// What to type instead.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Ambiguous { topics, .. } => {
                Some(format!("name one of them: minicdc tail {}", topics.first()?))
            }
            Self::Unknown { topics, .. } if topics.is_empty() => Some(
                "capture first (minicdc capture --slot dbserver1), or wait for it with --wait; \
                 --log-dir or --brokers says where to look"
                    .to_owned(),
            ),
            Self::Unknown { .. } => Some(
                "name one of these, '*' for all of them, or wait for it with --wait".to_owned(),
            ),
        }
    }
}

/// True for topics that `'*'` leaves out: those of Kafka itself and the one that holds positions.
/// Debezium's heartbeat topics begin with two underscores, too, but are not internal.
#[must_use]
pub fn is_internal(topic: &str, offset_topic: &str) -> bool {
    topic == offset_topic || (topic.starts_with("__") && !topic.starts_with("__debezium-heartbeat"))
}

/// The topic that `name` means among `topics`: itself, or the one that ends in `.name`.
///
/// Characters that no topic has count as the `_` that stands for them in topic names.
///
/// # Errors
///
/// [`NameError`] when there is no such topic or more than one.
pub fn resolve(name: &str, topics: &[String], offset_topic: &str) -> Result<String, NameError> {
    let sanitised: String = name.chars().map(|c| if is_legal(c) { c } else { '_' }).collect();
    for wanted in [name, sanitised.as_str()] {
        if let Some(topic) = topics.iter().find(|topic| *topic == wanted) {
            return Ok(topic.clone());
        }
        let mut found: Vec<&String> = topics.iter().filter(|t| ends_in(t, wanted)).collect();
        found.sort();
        match found.as_slice() {
            [] => {}
            [topic] => return Ok((*topic).clone()),
            several => {
                let topics = several.iter().map(|topic| (*topic).clone()).collect();
                return Err(NameError::Ambiguous { name: name.to_owned(), topics });
            }
        }
    }
    let mut topics: Vec<String> =
        topics.iter().filter(|topic| !is_internal(topic, offset_topic)).cloned().collect();
    topics.sort();
    Err(NameError::Unknown { name: name.to_owned(), topics })
}

/// True when `name` is one or more whole parts at the end of `topic`, but not all of it.
pub(super) fn ends_in(topic: &str, name: &str) -> bool {
    !name.is_empty() && topic.strip_suffix(name).is_some_and(|front| front.ends_with('.'))
}

/// The fewest parts from the end of `topic` that no other topic ends in.
#[must_use]
pub fn short(topic: &str, topics: &[&str]) -> String {
    let mut at = topic.len();
    while let Some(dot) = topic.get(..at).and_then(|front| front.rfind('.')) {
        let name = topic.get(dot + 1..).unwrap_or(topic);
        if !name.is_empty()
            && !topics
                .iter()
                .any(|other| *other != topic && (ends_in(other, name) || *other == name))
        {
            return name.to_owned();
        }
        at = dot;
    }
    topic.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Vec<String> {
        [
            "dbserver1.public.orders",
            "dbserver1.audit.orders",
            "dbserver1.public.customers",
            "dbserver1.public.my_table",
            "dbserver1.transaction",
            "plain",
            "__consumer_offsets",
            "minicdc-offsets",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    #[test]
    fn a_name_is_a_topic_or_whole_parts_at_its_end() {
        #[rustfmt::skip] // one case a line
        let cases = [
            ("customers", "dbserver1.public.customers"),
            ("public.orders", "dbserver1.public.orders"),
            ("dbserver1.audit.orders", "dbserver1.audit.orders"),
            ("transaction", "dbserver1.transaction"),
            ("plain", "plain"),
            ("my table", "dbserver1.public.my_table"),
            ("__consumer_offsets", "__consumer_offsets"),
        ];
        for (name, topic) in cases {
            assert_eq!(resolve(name, &topics(), "minicdc-offsets").unwrap(), topic);
        }
    }

    #[test]
    fn ambiguous_name_lists_the_candidates() {
        let error = resolve("orders", &topics(), "minicdc-offsets").unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"orders\" is the end of 2 topics: dbserver1.audit.orders, dbserver1.public.orders"
        );
        assert_eq!(error.hint().unwrap(), "name one of them: minicdc tail dbserver1.audit.orders");
    }

    #[test]
    fn unknown_name_lists_what_there_is_but_nothing_internal() {
        for name in ["order", "rders", "", "public", ".orders"] {
            let error = resolve(name, &topics(), "minicdc-offsets").unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "no topic is named \"{name}\" or ends in it; there are \
                     dbserver1.audit.orders, dbserver1.public.customers, \
                     dbserver1.public.my_table, dbserver1.public.orders, dbserver1.transaction, \
                     plain"
                )
            );
        }
        let error = resolve("orders", &[], "minicdc-offsets").unwrap_err();
        assert!(error.to_string().ends_with("there is no topic yet"), "{error}");
        assert!(error.hint().unwrap().contains("--wait"));
        let many: Vec<String> = (10..60).map(|n| format!("s.t{n}")).collect();
        let error = resolve("x", &many, "").unwrap_err();
        assert!(error.to_string().ends_with("s.t29 and 30 more"), "{error}");
    }

    #[test]
    fn heartbeats_are_not_internal() {
        assert!(is_internal("__consumer_offsets", "o"));
        assert!(is_internal("o", "o"));
        assert!(!is_internal("__debezium-heartbeat.dbserver1", "o"));
        assert!(!is_internal("dbserver1.public.orders", "o"));
    }

    #[test]
    fn short_name_has_as_many_parts_as_it_needs() {
        let topics = topics();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        assert_eq!(short("dbserver1.public.customers", &topics), "customers");
        assert_eq!(short("dbserver1.public.orders", &topics), "public.orders");
        assert_eq!(short("plain", &topics), "plain");
        assert_eq!(short("a.b.orders", &["b.orders", "a.b.orders", "orders"]), "a.b.orders");
        assert_eq!(short("odd.", &["odd."]), "odd.");
    }
}
