//! Arrays of every element type.

use super::ValueError;
use super::converter::Converter;
use super::json::write_string;

const MALFORMED: ValueError = ValueError::Malformed { what: "array" };

/// Deeper than PostgreSQL's limit of six dimensions.
const DEPTH_MAX: usize = 8;

/// How the elements of an array are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ArrayConverter {
    /// Writes one element.
    pub(super) element: Converter,
    /// Between elements: `;` for box, else `,`.
    pub(super) delimiter: u8,
    /// False when the element schema is required, so that a NULL spoils the whole array.
    pub(super) nulls: bool,
    /// What stands for an inner array: its text, or null.
    pub(super) nested_text: bool,
    /// True when an element that cannot be converted becomes null and the others stay.
    pub(super) forgiving: bool,
    /// True when NaN and infinity spoil the whole array, whatever the element could make of them.
    pub(super) finite: bool,
}

/// One element as the text has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element<'a> {
    Null,
    /// A word without quotes.
    Plain(&'a [u8]),
    /// The inside of quotes, escapes still in it when the flag is set.
    Quoted(&'a [u8], bool),
    /// An inner array with its braces.
    Nested(&'a [u8]),
}

impl ArrayConverter {
    /// Writes `{1,2,NULL}` as a JSON array; bounds such as `[2:4]=` are not kept.
    pub(super) fn write(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
        let mut reader = Reader::new(text, self.delimiter)?;
        out.push(b'[');
        let mut first = true;
        while let Some(element) = reader.next()? {
            if !first {
                out.push(b',');
            }
            first = false;
            self.write_element(element, out)?;
        }
        out.push(b']');
        Ok(())
    }

    fn write_element(&self, element: Element<'_>, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match element {
            Element::Null if self.nulls => {
                out.extend_from_slice(b"null");
                Ok(())
            }
            Element::Null => {
                Err(ValueError::OutOfRange { what: "NULL", target: "a required array element" })
            }
            Element::Plain(text) | Element::Quoted(text, false) => self.write_text(text, out),
            Element::Quoted(text, true) => self.write_text(&unescape(text), out),
            Element::Nested(text) if self.nested_text => write_string(text, out),
            Element::Nested(_) => {
                out.extend_from_slice(b"null");
                Ok(())
            }
        }
    }

    fn write_text(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
        if self.finite && matches!(text, b"NaN" | b"Infinity" | b"-Infinity") {
            return Err(ValueError::OutOfRange { what: "NaN or infinity", target: "an array" });
        }
        let start = out.len();
        match self.element.write(text, out) {
            Err(_) if self.forgiving => {
                out.truncate(start);
                out.extend_from_slice(b"null");
                Ok(())
            }
            result => result,
        }
    }
}

/// Takes the backslashes off.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(if byte == b'\\' { bytes.next().copied().unwrap_or(byte) } else { byte });
    }
    plain
}

/// Walks through the outermost dimension.
struct Reader<'a> {
    rest: &'a [u8],
    delimiter: u8,
    first: bool,
}

impl<'a> Reader<'a> {
    /// Steps over bounds and the opening brace.
    fn new(text: &'a [u8], delimiter: u8) -> Result<Self, ValueError> {
        let text = match text {
            [b'[', ..] => {
                let equals = text.iter().position(|byte| *byte == b'=').ok_or(MALFORMED)?;
                text.get(equals + 1..).unwrap_or_default()
            }
            _ => text,
        };
        let rest = text.strip_prefix(b"{").ok_or(MALFORMED)?;
        Ok(Self { rest, delimiter, first: true })
    }

    /// The next element; `None` behind the closing brace.
    fn next(&mut self) -> Result<Option<Element<'a>>, ValueError> {
        match self.rest {
            b"}" => return Ok(None),
            [byte, rest @ ..] if !self.first && *byte == self.delimiter => self.rest = rest,
            _ if self.first => {}
            _ => return Err(MALFORMED),
        }
        self.first = false;
        let (element, rest) = match self.rest {
            [b'"', rest @ ..] => quoted(rest)?,
            [b'{', ..] => nested(self.rest)?,
            rest => self.plain(rest)?,
        };
        self.rest = rest;
        Ok(Some(element))
    }

    fn plain(&self, text: &'a [u8]) -> Result<(Element<'a>, &'a [u8]), ValueError> {
        let ends = |byte: &u8| *byte == self.delimiter || *byte == b'}';
        let end = text.iter().position(ends).filter(|end| *end > 0).ok_or(MALFORMED)?;
        let (word, rest) = text.split_at(end);
        let null = word.eq_ignore_ascii_case(b"null");
        Ok((if null { Element::Null } else { Element::Plain(word) }, rest))
    }
}

/// Reads up to the closing quote.
fn quoted(text: &[u8]) -> Result<(Element<'_>, &[u8]), ValueError> {
    let mut escaped = false;
    let mut at = 0;
    loop {
        match text.get(at).ok_or(MALFORMED)? {
            b'\\' => {
                escaped = true;
                at += 2;
            }
            b'"' => {
                let (inside, rest) = text.split_at(at);
                return Ok((Element::Quoted(inside, escaped), rest.get(1..).unwrap_or_default()));
            }
            _ => at += 1,
        }
    }
}

/// Reads an inner array up to its closing brace.
fn nested(text: &[u8]) -> Result<(Element<'_>, &[u8]), ValueError> {
    let mut depth = 0;
    let mut at = 0;
    loop {
        match text.get(at).ok_or(MALFORMED)? {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'"' => {
                let (_, rest) = quoted(text.get(at + 1..).unwrap_or_default())?;
                at = text.len() - rest.len();
                continue;
            }
            _ => {}
        }
        at += 1;
        if depth > DEPTH_MAX {
            return Err(MALFORMED);
        }
        if depth == 0 {
            let (inside, rest) = text.split_at(at);
            return Ok((Element::Nested(inside), rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn converter(element: Converter) -> ArrayConverter {
        let nested_text = element == Converter::Text;
        ArrayConverter {
            element,
            delimiter: b',',
            nulls: true,
            nested_text,
            forgiving: false,
            finite: false,
        }
    }

    fn write(array: &ArrayConverter, text: &str) -> Result<String, ValueError> {
        let mut out = Vec::new();
        array.write(text.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn elements_as_recorded() {
        let text = converter(Converter::Text);
        #[rustfmt::skip] // types_array.default
        let cases = [
            (r#"{a,"b,c",NULL,"NULL",""}"#, r#"["a","b,c",null,"NULL",""]"#), ("{}", "[]"), ("{null}", "[null]"),
            (r#"{"q\"uo","ba\\ck","{br}"," sp ",ünï}"#, r#"["q\"uo","ba\\ck","{br}"," sp ","ünï"]"#),
            ("{\"nl\nx\"}", r#"["nl\nx"]"#), (r#"{{a,"}"},{c,NULL}}"#, r#"["{a,\"}\"}","{c,NULL}"]"#),
        ];
        for (input, expected) in cases {
            assert_eq!(write(&text, input).as_deref(), Ok(expected), "{input}");
        }
        let int = converter(Converter::Int { digits_max: 10 });
        assert_eq!(write(&int, "[2:4]={1,2,3}").as_deref(), Ok("[1,2,3]"));
        assert_eq!(write(&int, "{{1,2},{3,4}}").as_deref(), Ok("[null,null]"));
        assert_eq!(write(&int, "[0:1][1:1]={{1},{2}}").as_deref(), Ok("[null,null]"));
        let boxes = ArrayConverter { delimiter: b';', ..text };
        assert_eq!(
            write(&boxes, "{(1,1),(0,0);(2,2),(0,0)}").as_deref(),
            Ok(r#"["(1,1),(0,0)","(2,2),(0,0)"]"#)
        );
    }

    #[test]
    fn null_spoils_an_array_of_required_elements() {
        let required = ArrayConverter { nulls: false, ..converter(Converter::Text) };
        assert_eq!(write(&required, "{sad}").as_deref(), Ok(r#"["sad"]"#));
        assert!(write(&required, "{sad,NULL}").is_err());
    }

    #[test]
    fn broken_arrays_are_errors() {
        let text = converter(Converter::Text);
        for input in [
            "",
            "{",
            "a",
            "{a",
            "{a,}",
            "{,a}",
            "{\"a}",
            "{a}b",
            "{{a}",
            "[1:2]",
            "{\"a\"b}",
            "{{{{{{{{{{",
        ] {
            assert_eq!(write(&text, input), Err(MALFORMED), "{input}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_array_or_an_error(text in "[\\[\\]{}\",\\\\=:0-9a NUL]{0,40}") {
            if let Ok(json) = write(&converter(Converter::Text), &text) {
                prop_assert!(serde_json::from_str::<Vec<Option<String>>>(&json).is_ok(), "{}", json);
            }
        }

        #[test]
        fn quoted_text_comes_back(items in proptest::collection::vec("\\PC{0,8}", 0..6)) {
            let quote = |item: &String| format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""));
            let text = format!("{{{}}}", items.iter().map(quote).collect::<Vec<_>>().join(","));
            let json = write(&converter(Converter::Text), &text).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), items);
        }
    }
}
