//! JSON as bytes: members of objects found without copies, allocations or a tree.
//!
//! This skips what nobody asks for instead of checking it: text that is no JSON yields no members
//! or odd ones, which then cannot be read as values. Nothing panics.

use std::borrow::Cow;

/// Reads forward through JSON text.
#[derive(Debug, Clone, Copy)]
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` and the space before it.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Steps over a string; its inside is returned as it is written.
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let from = self.at;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += found;
            if self.peek()? == b'"' {
                let inside = self.text.get(from..self.at);
                self.at += 1;
                return inside;
            }
            self.at += 2;
        }
    }

    /// Steps over any value, and returns its text.
    fn value(&mut self) -> Option<&'a str> {
        self.skip_space();
        let from = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => self.skip_nested()?,
            _ => {
                let rest = self.text.as_bytes().get(from..)?;
                let end =
                    |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                self.at += rest.iter().position(end).unwrap_or(rest.len());
            }
        }
        self.text.get(from..self.at).filter(|text| !text.is_empty())
    }

    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// The members of an object: names as they are written, values as their text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Members<'a> {
    cursor: Cursor<'a>,
    started: bool,
}

/// The members of an object; `None` for anything else.
pub(super) fn members(object: &str) -> Option<Members<'_>> {
    let mut cursor = Cursor { text: object, at: 0 };
    cursor.take(b'{')?;
    Some(Members { cursor, started: false })
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if std::mem::replace(&mut self.started, true) {
            self.cursor.take(b',')?;
        }
        let name = self.cursor.string()?;
        self.cursor.take(b':')?;
        Some((name, self.cursor.value()?))
    }
}

/// The text of a string: `None` when `json` is none, or holds what is no text.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(json).ok().map(Cow::Owned)
}

/// A name as it is meant; one with escapes is rare.
pub(super) fn name(raw: &str) -> Cow<'_, str> {
    if raw.contains('\\') {
        let quoted = format!("\"{raw}\"");
        if let Ok(name) = serde_json::from_str(&quoted) {
            return Cow::Owned(name);
        }
    }
    Cow::Borrowed(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_are_found_as_they_are_written() {
        let json = r#" {"a" : 1.50,"b\n":{"x": ["}", 2]} , "c":"\"\\", "d":null} "#;
        let found: Vec<_> = members(json).unwrap().collect();
        let expected =
            [("a", "1.50"), ("b\\n", r#"{"x": ["}", 2]}"#), ("c", r#""\"\\""#), ("d", "null")];
        assert_eq!(found, expected);
        assert_eq!(members("{}").unwrap().count(), 0);
        assert!(members("[1]").is_none());
        assert_eq!(name("b\\n"), "b\n");
        assert_eq!(text(r#""é\u00e9""#).unwrap(), "éé");
        assert_eq!(text("12"), None);
    }

    proptest! {
        #[test]
        fn any_text_has_members_or_not(text in "\\PC*|[{}\\[\\]:,\"\\\\a1 ]*") {
            if let Some(found) = members(&text) {
                prop_assert!(found.count() <= text.len());
            }
        }

        #[test]
        fn members_of_valid_json_are_all_found(
            pairs in proptest::collection::vec(("[a-z\\\\\"é]{0,4}", "\\PC{0,8}"), 0..6),
        ) {
            let mut object = serde_json::Map::new();
            for (name, value) in pairs {
                object.insert(name, serde_json::json!([value, {"x": value}, value]));
            }
            let json = serde_json::Value::from(object.clone()).to_string();
            let found: Vec<_> = members(&json).unwrap().collect();
            prop_assert_eq!(found.len(), object.len());
            for ((found, value), (expected, json)) in found.iter().zip(&object) {
                prop_assert_eq!(&*name(found), expected.as_str());
                prop_assert_eq!(*value, json.to_string());
            }
        }
    }
}
