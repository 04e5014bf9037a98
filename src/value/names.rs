//! `field.name.adjustment.mode` and `schema.name.adjustment.mode`: names that Avro accepts.

use super::NameAdjustment;
use std::borrow::Cow;

impl NameAdjustment {
    /// The name of a field, in which a dot is illegal.
    #[must_use]
    pub fn field_name(self, name: &str) -> Cow<'_, str> {
        self.adjust(name, legal)
    }

    /// The name of a schema, in which dots stay.
    #[must_use]
    pub fn schema_name(self, name: &str) -> Cow<'_, str> {
        self.adjust(name, |unit| unit == u16::from(b'.') || legal(unit))
    }

    /// Replaces each UTF-16 unit that is not legal; a digit may not come first.
    fn adjust(self, name: &str, legal: impl Fn(u16) -> bool) -> Cow<'_, str> {
        if self == Self::None {
            return Cow::Borrowed(name);
        }
        let mut adjusted = String::with_capacity(name.len() + 8);
        for (position, unit) in name.encode_utf16().enumerate() {
            let character = u8::try_from(unit).map_or(' ', char::from);
            let first = position == 0;
            match self {
                Self::AvroUnicode if character == '_' => adjusted.push_str("_u005f"),
                _ if legal(unit) && (!first || starts(unit)) => adjusted.push(character),
                // Avro keeps a leading digit behind the underscore.
                Self::Avro if first && character.is_ascii_digit() => {
                    adjusted.push('_');
                    adjusted.push(character);
                }
                Self::AvroUnicode => {
                    // Two digits get two zeros, three get none: that is Debezium's padding.
                    let zeros = if unit <= 0xff { "00" } else { "" };
                    adjusted.push_str(&format!("_u{zeros}{unit:x}"));
                }
                _ => adjusted.push('_'),
            }
        }
        Cow::Owned(adjusted)
    }
}

/// `[A-Za-z0-9_]`
fn legal(unit: u16) -> bool {
    u8::try_from(unit).is_ok_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `[A-Za-z_]`
fn starts(unit: u16) -> bool {
    u8::try_from(unit).is_ok_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_recorded() {
        #[rustfmt::skip] // identifiers_avro.avro_unicode
        let cases = [
            ("1st", "_u0031st", "_1st"), ("a-b", "a_u002db", "a_b"), ("a.c", "a_u002ec", "a_c"), ("q\"uote", "q_u0022uote", "q_uote"),
            ("ключ", "_u43a_u43b_u44e_u447", "____"), ("☃", "_u2603", "_"), ("_x", "_u005fx", "_x"), ("select", "select", "select"),
            ("back\\slash", "back_u005cslash", "back_slash"), ("ïd", "_u00efd", "_d"),
        ];
        for (name, unicode, avro) in cases {
            assert_eq!(NameAdjustment::AvroUnicode.field_name(name), unicode);
            assert_eq!(NameAdjustment::Avro.field_name(name), avro);
            assert_eq!(NameAdjustment::None.field_name(name), name);
        }
        let schema = "dbserver1.My_Schema.ta_ble.Key";
        assert_eq!(
            NameAdjustment::AvroUnicode.schema_name(schema),
            "dbserver1.My_u005fSchema.ta_u005fble.Key"
        );
        assert_eq!(NameAdjustment::Avro.schema_name("a.b-c.Key"), "a.b_c.Key");
    }
}
