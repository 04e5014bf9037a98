//! JSON as a tree whose leaves keep the text they were written in.
//!
//! Two texts that give equal trees are equal byte by byte: white space between tokens is an error,
//! strings keep their escapes and numbers their digits.

use std::fmt;

/// A JSON value; object members stay in order, names keep quotes and escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    /// Number, `true`, `false`, `null`, or a string with its quotes.
    Scalar(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0 };
        let value = parser.value()?;
        if parser.at < text.len() {
            return Err(parser.unexpected("the end"));
        }
        Ok(value)
    }

    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(quoted, _)| unquoted(quoted) == Some(name)).map(|(_, value)| value)
    }

    pub(super) fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else { return None };
        let found = members.iter_mut().find(|(quoted, _)| unquoted(quoted) == Some(name));
        found.map(|(_, value)| value)
    }

    /// The content of a string without escapes, or a number as it stands; nothing for `null`.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(raw) if raw == "null" => None,
            Self::Scalar(raw) => Some(unquoted(raw).unwrap_or(raw)),
            Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The text of a string with its escapes resolved.
    pub(super) fn string(&self) -> Option<String> {
        let Self::Scalar(raw) = self else { return None };
        raw.starts_with('"').then(|| serde_json::from_str(raw).ok()).flatten()
    }
}

fn unquoted(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(raw) => f.write_str(raw),
            Self::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{name}:{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self, wanted: &str) -> String {
        let rest: String = self.text[self.at..].chars().take(20).collect();
        format!("expected {wanted} at byte {}, found {rest:?}", self.at)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected(&char::from(byte).to_string())) }
    }

    fn value(&mut self) -> Result<Json, String> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => Ok(Json::Scalar(self.string()?)),
            _ => self.word(),
        }
    }

    fn object(&mut self) -> Result<Json, String> {
        self.expect(b'{')?;
        let mut members = Vec::new();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            members.push((name, self.value()?));
            if !self.take(b',') {
                self.expect(b'}')?;
                return Ok(Json::Object(members));
            }
        }
    }

    fn array(&mut self) -> Result<Json, String> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            if !self.take(b',') {
                self.expect(b']')?;
                return Ok(Json::Array(items));
            }
        }
    }

    /// A string with its quotes and escapes.
    fn string(&mut self) -> Result<String, String> {
        let from = self.at;
        self.expect(b'"')?;
        loop {
            match self.peek() {
                None => return Err(self.unexpected("the end of a string")),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(self.text[from..self.at].to_owned())
    }

    /// A number, or one of the three words.
    fn word(&mut self) -> Result<Json, String> {
        let rest = &self.text[self.at..];
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        if serde_json::from_str::<serde::de::IgnoredAny>(word).is_err() {
            return Err(self.unexpected("a value"));
        }
        self.at += end;
        Ok(Json::Scalar(word.to_owned()))
    }
}

#[test]
fn json_gives_back_every_byte() {
    let texts = [
        r#"{"a":[1.0E10,-0,"x\"\u00e9\\",null],"b":{},"c":[],"":true}"#,
        "1.50",
        r#""text""#,
        "null",
    ];
    for text in texts {
        assert_eq!(Json::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn json_refuses_white_space_and_leftovers() {
    for text in ["", " 1", "{\"a\": 1}", "[1, 2]", "{}x", "{\"a\":1", "\"a", "[1,]", "tru"] {
        assert!(Json::parse(text).is_err(), "{text}");
    }
}
