//! Include and exclude lists for the prefixes of logical decoding messages.

use super::filter::FilterError;
use super::pattern::Patterns;

/// Decides by `message.prefix.include.list` and `message.prefix.exclude.list`: comma-separated
/// regular expressions, case-insensitive, that must match the whole prefix. An include list makes
/// the exclude list void.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    include: Patterns,
    exclude: Patterns,
}

impl MessageFilter {
    /// Compiles the two lists; an empty list sets no condition.
    ///
    /// # Errors
    ///
    /// [`FilterError`] names the property and the pattern that is no regular expression.
    pub fn new(include: &str, exclude: &str) -> Result<Self, FilterError> {
        Ok(Self {
            include: Patterns::parse("message.prefix.include.list", include)?,
            exclude: Patterns::parse("message.prefix.exclude.list", exclude)?,
        })
    }

    /// True when messages of this prefix are captured.
    #[must_use]
    pub fn matches(&self, prefix: &str) -> bool {
        Patterns::choose(&self.include, &self.exclude, prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_must_match_as_a_whole() {
        let filter = MessageFilter::new("tx.*,audit", "").unwrap();
        assert!(filter.matches("tx2") && filter.matches("TX") && filter.matches("audit"));
        assert!(!filter.matches("nontx") && !filter.matches("audit.log") && !filter.matches(""));
    }

    #[test]
    fn include_list_makes_the_exclude_list_void() {
        let filter = MessageFilter::new("a", "a,b").unwrap();
        assert!(filter.matches("a") && !filter.matches("c"));
        let filter = MessageFilter::new("", "a,b").unwrap();
        assert!(!filter.matches("a") && filter.matches("c"));
        assert!(MessageFilter::default().matches(""));
    }

    #[test]
    fn broken_pattern_is_named() {
        let error = MessageFilter::new("", "a,(").unwrap_err();
        assert_eq!(
            (error.property.as_str(), error.pattern.as_str()),
            ("message.prefix.exclude.list", "(")
        );
    }
}
