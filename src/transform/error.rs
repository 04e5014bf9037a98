//! What can be wrong with transforms: their settings before the start, a record later.

/// A setting of a transform or of a predicate does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// A list names something that has no type, or a required option is not there.
    #[error("{key} is missing")]
    Missing {
        /// The property.
        key: String,
    },
    /// The class is none of those that are built in.
    #[error("{key}: unknown class \"{class}\", expected {known}")]
    Class {
        /// The property.
        key: String,
        /// Its value.
        class: String,
        /// The known classes.
        known: String,
    },
    /// The transform has no such option.
    #[error("{key} is no option of {class}, which has {known}")]
    Option {
        /// The property.
        key: String,
        /// Class of the transform.
        class: &'static str,
        /// Its options.
        known: String,
    },
    /// The value breaks the option's rule.
    #[error("{key}: invalid value \"{value}\": expected {rule}")]
    Value {
        /// The property.
        key: String,
        /// Its value.
        value: String,
        /// What is allowed.
        rule: String,
    },
    /// A key belongs to no transform and no predicate.
    #[error("{key} is set, but {list} does not name \"{alias}\"")]
    Unnamed {
        /// The property.
        key: String,
        /// `transforms` or `predicates`.
        list: &'static str,
        /// The name that is missing from the list.
        alias: String,
    },
    /// One list names the same thing twice.
    #[error("{list} names \"{alias}\" twice")]
    Twice {
        /// `transforms` or `predicates`.
        list: &'static str,
        /// The name.
        alias: String,
    },
    /// `negate` turns round a predicate that is not there.
    #[error("{key} needs a predicate")]
    Negate {
        /// The property.
        key: String,
    },
}

impl SettingError {
    /// The property that is to blame.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Missing { key }
            | Self::Class { key, .. }
            | Self::Option { key, .. }
            | Self::Value { key, .. }
            | Self::Unnamed { key, .. }
            | Self::Negate { key } => key,
            Self::Twice { list, .. } => list,
        }
    }

    /// The list that the property belongs to.
    #[must_use]
    pub fn list(&self) -> &'static str {
        if self.key().starts_with("predicates") { "predicates" } else { "transforms" }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { key } => format!("set {key}, or take the name out of its list"),
            Self::Class { .. } => {
                "take it out of its list, or transform the topic with what reads it".to_owned()
            }
            Self::Option { key, .. } => format!("leave {key} out"),
            Self::Value { key, .. } => format!("change {key}"),
            Self::Unnamed { list, alias, .. } => format!("add {alias} to {list}"),
            Self::Twice { list, .. } => format!("name each once in {list}"),
            Self::Negate { key } => {
                format!("set {}predicate too", key.trim_end_matches("negate"))
            }
        }
    }
}

/// A record could not be transformed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// Key or value is not JSON with a schema.
    #[error("record of {topic} cannot be taken apart")]
    Malformed {
        /// The topic before the transforms.
        topic: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The record does not have what the transform needs.
    #[error("{transform} cannot transform a record of {topic}: {reason}")]
    Unfit {
        /// Name of the transform in `transforms`.
        transform: String,
        /// The topic before the transforms.
        topic: String,
        /// What is missing, without values.
        reason: String,
    },
}

impl TransformError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } => None,
            Self::Unfit { transform, .. } => Some(format!(
                "nothing behind this record was confirmed; change the settings \
                 transforms.{transform}.*, or keep the transform from such records with a predicate"
            )),
        }
    }
}
