//! What can be changed about a column, and the property names that say so.

use std::fmt;

/// A change to one column's values or schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnMapper {
    /// `column.truncate.to.<n>.chars`: texts and bytes are cut off.
    Truncate {
        /// UTF-16 units or bytes that stay.
        length: usize,
    },
    /// `column.mask.with.<n>.chars`: texts become asterisks.
    Mask {
        /// How many.
        length: usize,
    },
    /// `column.propagate.source.type`: the declared type becomes parameters of the schema.
    SourceType,
    /// `column.mask.hash.…`: texts become a salted digest.
    Hash(ColumnHash),
}

/// How a text is hashed.
#[derive(Clone, PartialEq, Eq)]
pub struct ColumnHash {
    /// The digest.
    pub algorithm: HashAlgorithm,
    /// Goes into the digest before the text.
    pub salt: String,
    /// As what the text goes into it.
    pub form: HashedForm,
}

// By hand, as who knows the salt can try texts.
impl fmt::Debug for ColumnHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ColumnHash")
            .field("algorithm", &self.algorithm)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

/// Digests by their Java name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum HashAlgorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512Trunc224,
    Sha512Trunc256,
}

impl HashAlgorithm {
    fn from_java(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "MD5" => Self::Md5,
            "SHA" | "SHA1" | "SHA-1" => Self::Sha1,
            "SHA-224" => Self::Sha224,
            "SHA-256" => Self::Sha256,
            "SHA-384" => Self::Sha384,
            "SHA-512" => Self::Sha512,
            "SHA-512/224" => Self::Sha512Trunc224,
            "SHA-512/256" => Self::Sha512Trunc256,
            _ => return None,
        })
    }
}

/// What is hashed behind the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashedForm {
    /// Version 1: the text as Java serialises it.
    JavaObject,
    /// Version 2: the text in UTF-8.
    Utf8,
}

impl ColumnMapper {
    /// The change that a property's name describes; the property's value says for which columns.
    #[must_use]
    pub fn from_property(name: &str) -> Option<Self> {
        let length = |rest: &str| {
            let digits = rest.strip_suffix(".chars")?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i32>().ok().filter(|_| is_number).and_then(|n| usize::try_from(n).ok())
        };
        if let Some(rest) = name.strip_prefix("column.truncate.to.") {
            return length(rest).map(|length| Self::Truncate { length });
        }
        if let Some(rest) = name.strip_prefix("column.mask.with.") {
            return length(rest).map(|length| Self::Mask { length });
        }
        let rest = name.strip_prefix("column.mask.hash.")?;
        let (form, rest) = match rest.strip_prefix("v2.") {
            Some(rest) => (HashedForm::Utf8, rest),
            None => (HashedForm::JavaObject, rest),
        };
        let (algorithm, salt) = rest.split_once(".with.salt.")?;
        let algorithm = HashAlgorithm::from_java(algorithm)?;
        Some(Self::Hash(ColumnHash { algorithm, salt: salt.to_owned(), form }))
            .filter(|_| !salt.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_names_say_what_is_changed() {
        let mapper = ColumnMapper::from_property;
        assert_eq!(
            mapper("column.truncate.to.20.chars"),
            Some(ColumnMapper::Truncate { length: 20 })
        );
        assert_eq!(mapper("column.mask.with.0.chars"), Some(ColumnMapper::Mask { length: 0 }));
        let hash = |form| {
            let algorithm = HashAlgorithm::Sha256;
            Some(ColumnMapper::Hash(ColumnHash { algorithm, salt: "a.B".to_owned(), form }))
        };
        assert_eq!(mapper("column.mask.hash.SHA-256.with.salt.a.B"), hash(HashedForm::JavaObject));
        assert_eq!(mapper("column.mask.hash.v2.sha-256.with.salt.a.B"), hash(HashedForm::Utf8));
    }

    #[test]
    fn other_names_say_nothing() {
        for name in [
            "column.truncate.to.x.chars",
            "column.truncate.to.-1.chars",
            "column.truncate.to.+1.chars",
            "column.mask.with.3",
            "column.mask.hash.SHA-256.with.salt.",
            "column.mask.hash.ROT13.with.salt.x",
            "column.include.list",
        ] {
            assert_eq!(ColumnMapper::from_property(name), None, "{name}");
        }
    }

    #[test]
    fn salt_is_not_printed() {
        let mapper = ColumnMapper::from_property("column.mask.hash.MD5.with.salt.pepper");
        assert!(!format!("{mapper:?}").contains("pepper"));
    }
}
