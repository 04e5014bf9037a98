//! `topic.naming.strategy` and its options.

use super::error::ConfigError;
use super::load::broken_pattern;
use super::values::Values;
use crate::envelope::{KeyField, TopicNaming};
use crate::relation::{Rewrite, RewriteError};

const STRATEGY: &str = "topic.naming.strategy";

/// What the class does that is set.
pub(super) fn naming(values: &Values) -> Result<TopicNaming, ConfigError> {
    let class = values.text(STRATEGY);
    let name = class.rsplit('.').next().unwrap_or(class);
    let mut naming = TopicNaming {
        table_only: name.starts_with("Default"),
        unicode: name.contains("Unicode"),
        ..TopicNaming::default()
    };
    if !name.contains("Regex") {
        return Ok(naming);
    }
    for needs in ["topic.regex", "topic.replacement"] {
        if !values.is_set(needs) {
            let (value, origin) = (class.to_owned(), values.origin(STRATEGY));
            return Err(ConfigError::Needs { key: STRATEGY, value, origin, needs });
        }
    }
    naming.rewrite = Some(rewrite(values, "topic.regex", "topic.replacement")?);
    if values.is_true("topic.key.enforce.uniqueness") {
        let (regex, replacement) = ("topic.key.field.regex", "topic.key.field.replacement");
        if values.is_set(regex) && !values.is_set(replacement) {
            let (value, origin) = (values.text(regex).to_owned(), values.origin(regex));
            return Err(ConfigError::Needs { key: regex, value, origin, needs: replacement });
        }
        let rewrite = values.is_set(regex).then(|| rewrite(values, regex, replacement));
        let name = values.text("topic.key.field.name").to_owned();
        naming.key_field = Some(KeyField { name, rewrite: rewrite.transpose()? });
    }
    Ok(naming)
}

fn rewrite(values: &Values, regex: &str, replacement: &str) -> Result<Rewrite, ConfigError> {
    Rewrite::new(values.text(regex), values.text(replacement)).map_err(|error| match error {
        RewriteError::Expression(source) => {
            broken_pattern(values, regex, values.text(regex), &source)
        }
        RewriteError::Replacement => ConfigError::Invalid {
            key: replacement.to_owned(),
            value: values.text(replacement).to_owned(),
            origin: values.origin(replacement),
            rule: "$n and ${name} of groups that the expression has, and \\ before $ and \\"
                .to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use crate::config::Overrides;
    use crate::config::resolve;

    fn named(settings: &[&str]) -> Result<TopicNaming, String> {
        let set = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let overrides = Overrides { set, ..Overrides::default() };
        let resolved = resolve(&overrides, &Environment::default());
        resolved.map(|r| r.config.envelope.naming).map_err(|error| error.to_string())
    }

    const REGEX: &str = "topic.naming.strategy=io.debezium.schema.SchemaRegexTopicNamingStrategy";

    #[test]
    fn classes_differ_in_schema_unicode_and_routing() {
        let class = |name| format!("topic.naming.strategy=io.debezium.schema.{name}");
        let unicode = named(&[&class("DefaultUnicodeTopicNamingStrategy")]).unwrap();
        assert!(unicode.unicode && unicode.table_only && unicode.rewrite.is_none());
        assert_eq!(named(&[]).unwrap(), TopicNaming::default());
        let routed = named(&[REGEX, "topic.regex=(.*)_\\d", "topic.replacement=$1"]).unwrap();
        assert_eq!(routed.rewrite.unwrap().apply("a_1").as_deref(), Some("a"));
        assert_eq!(routed.key_field.unwrap().name, "__dbz__physicalTableIdentifier");
    }

    #[test]
    fn what_is_missing_or_broken_is_named() {
        let error = named(&[REGEX, "topic.regex=a"]).unwrap_err();
        assert!(error.ends_with("needs topic.replacement"), "{error}");
        let error = named(&[REGEX, "topic.regex=a(", "topic.replacement=b"]).unwrap_err();
        assert!(error.starts_with("topic.regex: invalid regular expression"), "{error}");
        let error = named(&[REGEX, "topic.regex=a", "topic.replacement=$1"]).unwrap_err();
        assert!(error.starts_with("topic.replacement: invalid value"), "{error}");
    }
}
