//! Java's regular expressions and replacement texts in the options of transforms.

use super::error::SettingError;
use crate::relation::{JavaRegex, Rewrite, RewriteError, regex_reason};

/// An expression that matches whole texts only.
pub(super) fn whole(key: &str, pattern: &str) -> Result<JavaRegex, SettingError> {
    JavaRegex::whole(pattern).map_err(|error| broken(key, pattern, &error))
}

/// Compiles expression and replacement; `keys` are the properties that hold them.
pub(super) fn rewrite(
    keys: (&str, &str),
    pattern: &str,
    replacement: &str,
) -> Result<Rewrite, SettingError> {
    Rewrite::new(pattern, replacement).map_err(|error| match error {
        RewriteError::Expression(error) => broken(keys.0, pattern, &error),
        RewriteError::Replacement => SettingError::Value {
            key: keys.1.to_owned(),
            value: replacement.to_owned(),
            rule: "$n and ${name} of groups that the expression has, and \\ before $ and \\"
                .to_owned(),
        },
    })
}

fn broken(key: &str, pattern: &str, error: &fancy_regex::Error) -> SettingError {
    let reason = regex_reason(error);
    SettingError::Value {
        key: key.to_owned(),
        value: pattern.to_owned(),
        rule: format!("a regular expression: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_told_with_its_property() {
        let error = rewrite(("transforms.r.regex", "p"), "a(b", "").unwrap_err();
        assert!(
            error.to_string().starts_with("transforms.r.regex: invalid value \"a(b\""),
            "{error}"
        );
        assert_eq!(rewrite(("r", "p"), "a", "$1").unwrap_err().key(), "p");
    }
}
