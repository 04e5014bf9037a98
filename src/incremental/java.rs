//! Keys as Debezium stores them: `Object[]`, serialised by Java, in hexadecimal digits.
//!
//! Source: Java Object Serialization Specification, "Object Serialization Stream Protocol"; serial
//! version numbers of the classes from the recording `signals.on` and the JDK's sources.

use super::key::{Key, KeyValue};

const MAGIC: [u8; 4] = [0xAC, 0xED, 0, 5];
const NULL: u8 = 0x70;
const REFERENCE: u8 = 0x71;
const CLASS: u8 = 0x72;
const OBJECT: u8 = 0x73;
const STRING: u8 = 0x74;
const ARRAY: u8 = 0x75;
const END_BLOCK: u8 = 0x78;
const LONG_STRING: u8 = 0x7C;
const FIRST_HANDLE: u32 = 0x007E_0000;
/// The flag of classes that Java serialises by their fields.
const SERIALIZABLE: u8 = 2;

/// A class: name, serial version, and the type of its field `value` where it has one.
type Class = (&'static str, u64, Option<u8>);
const OBJECTS: Class = ("[Ljava.lang.Object;", 0x90CE_589F_1073_296C, None);
const NUMBER: Class = ("java.lang.Number", 0x86AC_951D_0B94_E08B, None);
const SHORT: Class = ("java.lang.Short", 0x684D_3713_3460_DA52, Some(b'S'));
const INTEGER: Class = ("java.lang.Integer", 0x12E2_A0A4_F781_8738, Some(b'I'));
const LONG: Class = ("java.lang.Long", 0x3B8B_E490_CC8F_23DF, Some(b'J'));

/// Writes a key; without one, Java's null.
pub(super) fn encode(key: Option<&Key>) -> String {
    let mut writer = Writer { out: MAGIC.to_vec(), classes: Vec::new(), handles: 0 };
    match key {
        None => writer.out.push(NULL),
        Some(key) => writer.array(key),
    }
    writer.out.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Writer {
    out: Vec<u8>,
    /// Classes that were described, with their handles.
    classes: Vec<(&'static str, u32)>,
    handles: u32,
}

impl Writer {
    fn array(&mut self, key: &Key) {
        self.out.push(ARRAY);
        self.class(OBJECTS, None);
        self.handles += 1;
        let length = u32::try_from(key.0.len()).unwrap_or(u32::MAX);
        self.out.extend_from_slice(&length.to_be_bytes());
        for value in &key.0 {
            match value {
                KeyValue::Short(number) => self.object(SHORT, &number.to_be_bytes()),
                KeyValue::Int(number) => self.object(INTEGER, &number.to_be_bytes()),
                KeyValue::Long(number) => self.object(LONG, &number.to_be_bytes()),
                KeyValue::Text(text) => self.string(text),
            }
        }
    }

    fn object(&mut self, class: Class, value: &[u8]) {
        self.out.push(OBJECT);
        self.class(class, Some(NUMBER));
        self.handles += 1;
        self.out.extend_from_slice(value);
    }

    fn class(&mut self, class: Class, parent: Option<Class>) {
        let (name, version, field) = class;
        if let Some((_, handle)) = self.classes.iter().find(|(known, _)| *known == name) {
            self.out.push(REFERENCE);
            self.out.extend_from_slice(&(FIRST_HANDLE + handle).to_be_bytes());
            return;
        }
        self.out.push(CLASS);
        self.utf(name);
        self.out.extend_from_slice(&version.to_be_bytes());
        self.classes.push((name, self.handles));
        self.handles += 1;
        self.out.extend_from_slice(&[SERIALIZABLE, 0, u8::from(field.is_some())]);
        if let Some(field) = field {
            self.out.push(field);
            self.utf("value");
        }
        self.out.push(END_BLOCK);
        match parent {
            Some(parent) => self.class(parent, None),
            None => self.out.push(NULL),
        }
    }

    fn string(&mut self, text: &str) {
        let bytes = modified_utf8(text);
        match u16::try_from(bytes.len()) {
            Ok(length) => {
                self.out.push(STRING);
                self.out.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => {
                self.out.push(LONG_STRING);
                self.out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            }
        }
        self.out.extend_from_slice(&bytes);
        self.handles += 1;
    }

    fn utf(&mut self, name: &'static str) {
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        self.out.extend_from_slice(&length.to_be_bytes());
        self.out.extend_from_slice(name.as_bytes());
    }
}

/// Java's UTF-8: each UTF-16 unit by itself, and zero as two bytes.
fn modified_utf8(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let [high, low] = unit.to_be_bytes();
        match unit {
            1..=0x7F => out.push(low),
            0 | 0x80..=0x7FF => {
                out.extend([0xC0 | (high << 2) | (low >> 6), 0x80 | (low & 0x3F)]);
            }
            0x800.. => out.extend([
                0xE0 | (high >> 4),
                0x80 | ((high & 0x0F) << 2) | (low >> 6),
                0x80 | (low & 0x3F),
            ]),
        }
    }
    out
}

fn from_modified_utf8(bytes: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().map(|byte| u16::from(*byte));
    while let Some(first) = rest.next() {
        let mut follow = || rest.next().filter(|byte| byte & 0xC0 == 0x80).map(|byte| byte & 0x3F);
        units.push(match first {
            0..=0x7F => first,
            0xC0..=0xDF => (first & 0x1F) << 6 | follow()?,
            0xE0..=0xEF => (first & 0x0F) << 12 | follow()? << 6 | follow()?,
            _ => return None,
        });
    }
    String::from_utf16(&units).ok()
}

/// Reads a key: the outer `None` when the text is none that we know.
#[expect(clippy::option_option, reason = "null is a value here")]
pub(super) fn decode(hex: &str) -> Option<Option<Key>> {
    let digits: Vec<u8> =
        hex.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    let mut reader = Reader { rest: &bytes, handles: Vec::new() };
    let is_stream = rest.is_empty() && reader.take(4)? == MAGIC;
    let key = if is_stream { reader.key()? } else { return None };
    reader.rest.is_empty().then_some(key)
}

struct Reader<'a> {
    rest: &'a [u8],
    /// What the handles stand for; only classes are ever referred to again by numbers.
    handles: Vec<Option<u8>>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn utf(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.number()?);
        self.take(usize::from(length))
    }

    #[expect(clippy::option_option, reason = "null is a value here")]
    fn key(&mut self) -> Option<Option<Key>> {
        match self.byte()? {
            NULL => return Some(None),
            ARRAY => {}
            _ => return None,
        }
        self.class()?;
        self.handles.push(None);
        let length = u32::from_be_bytes(self.number()?);
        let mut values = Vec::new();
        for _ in 0..length {
            values.push(self.value()?);
        }
        Some(Some(Key(values)))
    }

    fn value(&mut self) -> Option<KeyValue> {
        let text = match self.byte()? {
            OBJECT => {
                let field = self.class()??;
                self.handles.push(None);
                return Some(match field {
                    b'S' => KeyValue::Short(i16::from_be_bytes(self.number()?)),
                    b'I' => KeyValue::Int(i32::from_be_bytes(self.number()?)),
                    b'J' => KeyValue::Long(i64::from_be_bytes(self.number()?)),
                    _ => return None,
                });
            }
            STRING => self.utf()?,
            LONG_STRING => {
                let length = u64::from_be_bytes(self.number()?);
                self.take(usize::try_from(length).ok()?)?
            }
            _ => return None,
        };
        self.handles.push(None);
        from_modified_utf8(text).map(KeyValue::Text)
    }

    /// Reads a class; gives the type of its only field, if it has one.
    #[expect(clippy::option_option, reason = "a class without fields is one, too")]
    fn class(&mut self) -> Option<Option<u8>> {
        match self.byte()? {
            NULL => return Some(None),
            REFERENCE => {
                let handle = u32::from_be_bytes(self.number()?).checked_sub(FIRST_HANDLE)?;
                return self.handles.get(usize::try_from(handle).ok()?).copied();
            }
            CLASS => {}
            _ => return None,
        }
        self.utf()?;
        self.take(8)?;
        let own = self.handles.len();
        self.handles.push(None);
        let [_, high, low] = self.number()?;
        let field = match u16::from_be_bytes([high, low]) {
            0 => None,
            1 => {
                let field = self.byte()?;
                self.utf()?;
                Some(field)
            }
            _ => return None,
        };
        *self.handles.get_mut(own)? = field;
        if self.byte()? != END_BLOCK {
            return None;
        }
        self.class()?;
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From the recording `signals.on`.
    const SIX: &str = concat!(
        "aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c020000787000000001",
        "737200116a6176612e6c616e672e496e746567657212e2a0a4f781873802000149000576616c7565787200",
        "106a6176612e6c616e672e4e756d62657286ac951d0b94e08b020000787000000006",
    );

    #[test]
    fn recorded_keys_go_both_ways() {
        let six = Key(vec![KeyValue::Int(6)]);
        assert_eq!(encode(Some(&six)), SIX);
        assert_eq!(decode(SIX), Some(Some(six)));
        assert_eq!(encode(None), "aced000570");
        assert_eq!(decode("aced000570"), Some(None));
    }

    #[test]
    fn second_object_refers_to_the_class_of_the_first() {
        let key = Key(vec![KeyValue::Int(1), KeyValue::Text("é\0😀".to_owned()), KeyValue::Int(2)]);
        let text = encode(Some(&key));
        assert!(text.ends_with("7371007e000200000002"), "{text}");
        assert_eq!(decode(&text), Some(Some(key)));
    }

    #[test]
    fn cut_and_foreign_texts_are_refused() {
        assert_eq!(decode("zz"), None);
        for end in (0..SIX.len()).filter(|end| SIX.is_char_boundary(*end)) {
            assert_eq!(decode(&SIX[..end]), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn keys_come_back(values in proptest::collection::vec(prop_oneof![
            any::<i16>().prop_map(KeyValue::Short),
            any::<i32>().prop_map(KeyValue::Int),
            any::<i64>().prop_map(KeyValue::Long),
            any::<String>().prop_map(KeyValue::Text),
        ], 0..6)) {
            let key = Key(values);
            prop_assert_eq!(decode(&encode(Some(&key))), Some(Some(key)));
        }
    }
}
