//! The key at which a chunk begins or ends.

use std::fmt;

/// One value of a key. Debezium stores keys as Java objects of its own mapping; the whole numbers
/// are those that matter, everything else is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// `int2`.
    Short(i16),
    /// `int4`.
    Int(i32),
    /// `int8`.
    Long(i64),
    /// The text output of any other type.
    Text(String),
}

impl KeyValue {
    /// From a type's name and a value's text; text that is no number stays text.
    #[must_use]
    pub fn new(type_name: &str, text: &str) -> Self {
        let number = match type_name {
            "int2" => text.parse().ok().map(Self::Short),
            "int4" => text.parse().ok().map(Self::Int),
            "int8" => text.parse().ok().map(Self::Long),
            _ => None,
        };
        number.unwrap_or_else(|| Self::Text(text.to_owned()))
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(number) => number.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::Long(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Values of all columns of a key, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(pub Vec<KeyValue>);

impl fmt::Display for Key {
    /// As Debezium's notifications write it: `x3,3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            value.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_written_as_in_notifications() {
        let key = Key(vec![KeyValue::new("text", "x3"), KeyValue::new("int8", "-3")]);
        assert_eq!(key.0[1], KeyValue::Long(-3));
        assert_eq!(key.to_string(), "x3,-3");
        assert_eq!(KeyValue::new("int4", "many"), KeyValue::Text("many".to_owned()));
    }
}
