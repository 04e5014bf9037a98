//! Values that a column rule changes: cut off, masked or hashed.
//!
//! A rule works on the Java value that a converter makes; here on the JSON that stands for it.

use super::ValueError;
use super::bytea::write_binary;
use super::converter::Converter;
use super::json::write_str;
use super::{BinaryMode, Schema, SchemaKind};
use crate::relation::{Column, ColumnHash, ColumnMapper, HashAlgorithm, HashedForm, SourceType};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use std::fmt::Write as _;

/// A converter whose values are changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MappedConverter {
    pub(super) inner: Converter,
    pub(super) change: Change,
}

impl MappedConverter {
    pub(super) fn write(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
        if let Change::Constant(json) = &self.change {
            out.extend_from_slice(json);
            return Ok(());
        }
        let start = out.len();
        self.inner.write(text, out)?;
        let json = out.split_off(start);
        self.change.apply(&json, out)
    }
}

/// What happens to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It is replaced, NULL too.
    Constant(Box<[u8]>),
    /// A string keeps its first UTF-16 units.
    CutText(usize),
    /// Bytes, in base64, are cut off.
    CutBytes(usize),
    /// A string becomes its digest, cut to the length of the column.
    Hash(ColumnHash, Option<usize>),
}

impl Change {
    /// The change a rule makes to a column's values, if any.
    pub(super) fn new(
        mapper: &ColumnMapper,
        source: &SourceType<'_>,
        schema: &Schema,
        converter: &Converter,
    ) -> Option<Self> {
        match mapper {
            ColumnMapper::Truncate { length } if cuts(source, *length) => match converter {
                Converter::Bytea(BinaryMode::Bytes)
                | Converter::Unknown(BinaryMode::Bytes)
                | Converter::UnknownGeometry(BinaryMode::Bytes) => Some(Self::CutBytes(*length)),
                _ if schema.kind == SchemaKind::String => Some(Self::CutText(*length)),
                _ => None,
            },
            ColumnMapper::Mask { length } if source.is_character => {
                let mut json = Vec::new();
                write_str(&"*".repeat(*length), &mut json);
                Some(Self::Constant(json.into()))
            }
            ColumnMapper::Hash(hash) if source.is_character => {
                let length = source.length.and_then(|length| usize::try_from(length).ok());
                Some(Self::Hash(hash.clone(), length.filter(|length| *length > 0)))
            }
            _ => None,
        }
    }

    /// Appends what becomes of a value that is not NULL.
    pub(super) fn apply(&self, json: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
        if let Self::Constant(constant) = self {
            out.extend_from_slice(constant);
            return Ok(());
        }
        let malformed = |_| ValueError::Malformed { what: "text" };
        let text: String = serde_json::from_slice(json).map_err(malformed)?;
        match self {
            Self::Constant(_) => {}
            Self::CutText(length) => write_cut(&text, *length, out),
            Self::CutBytes(length) => {
                let malformed = |_| ValueError::Malformed { what: "bytea" };
                let bytes = BASE64_STANDARD.decode(&text).map_err(malformed)?;
                let kept = bytes.get(..*length).unwrap_or(&bytes);
                write_binary(kept, BinaryMode::Bytes, out);
            }
            Self::Hash(hash, length) => {
                let digest = hash_text(hash, &text);
                write_str(cut(&digest, length.unwrap_or(usize::MAX)), out);
            }
        }
        Ok(())
    }
}

/// What the rule adds to the parameters of the column's schema.
pub(super) fn parameters(
    mapper: &ColumnMapper,
    column: &Column,
    source: &SourceType<'_>,
) -> Vec<(&'static str, String)> {
    match mapper {
        ColumnMapper::Truncate { length } if cuts(source, *length) => {
            vec![("truncateLength", length.to_string())]
        }
        ColumnMapper::Truncate { .. } => Vec::new(),
        // Also of columns that a mask leaves as they are.
        ColumnMapper::Mask { .. } | ColumnMapper::Hash(_) => vec![("masked", "true".to_owned())],
        ColumnMapper::SourceType => {
            let mut parameters =
                vec![("__debezium.source.column.type", source.name.to_uppercase())];
            if let Some(length) = source.length {
                parameters.push(("__debezium.source.column.length", length.to_string()));
            }
            if let Some(scale) = source.scale {
                parameters.push(("__debezium.source.column.scale", scale.to_string()));
            }
            parameters.push(("__debezium.source.column.name", column.name.clone()));
            parameters
        }
    }
}

/// True when a value of the type can be longer than `length`.
fn cuts(source: &SourceType<'_>, length: usize) -> bool {
    source.length.is_none_or(|limit| usize::try_from(limit).is_ok_and(|limit| limit > length))
}

/// Writes the first `length` UTF-16 units. Java cuts a character beyond U+FFFF in two, and Jackson
/// then escapes the half that is left.
fn write_cut(text: &str, length: usize, out: &mut Vec<u8>) {
    let kept = cut(text, length);
    write_str(kept, out);
    if let Some(next) = text.get(kept.len()..).and_then(|rest| rest.chars().next())
        && kept.encode_utf16().count() < length
        && let [high, _] = next.encode_utf16(&mut [0; 2])
    {
        out.pop();
        out.extend_from_slice(format!("\\u{high:04X}\"").as_bytes());
    }
}

/// The characters that fit into `length` UTF-16 units.
fn cut(text: &str, length: usize) -> &str {
    let mut units = 0;
    for (at, character) in text.char_indices() {
        units += character.len_utf16();
        if units > length {
            return text.get(..at).unwrap_or(text);
        }
    }
    text
}

/// The digest of salt and text in hexadecimal.
fn hash_text(hash: &ColumnHash, text: &str) -> String {
    let mut bytes = hash.salt.clone().into_bytes();
    match hash.form {
        HashedForm::Utf8 => bytes.extend_from_slice(text.as_bytes()),
        HashedForm::JavaObject => write_java_object(text, &mut bytes),
    }
    match hash.algorithm {
        HashAlgorithm::Md5 => hex(&Md5::digest(&bytes)),
        HashAlgorithm::Sha1 => {
            hex(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &bytes).as_ref())
        }
        HashAlgorithm::Sha224 => hex(&Sha224::digest(&bytes)),
        HashAlgorithm::Sha256 => hex(&Sha256::digest(&bytes)),
        HashAlgorithm::Sha384 => hex(&Sha384::digest(&bytes)),
        HashAlgorithm::Sha512 => hex(&Sha512::digest(&bytes)),
        HashAlgorithm::Sha512Trunc224 => hex(&Sha512_224::digest(&bytes)),
        HashAlgorithm::Sha512Trunc256 => hex(&Sha512_256::digest(&bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// A `java.lang.String` as ObjectOutputStream writes it: the stream's head, the tag of a string or
/// of a long one, its length in bytes, and its modified UTF-8.
///
/// Source: Java Object Serialization Specification, chapter 6.
fn write_java_object(text: &str, out: &mut Vec<u8>) {
    let mut encoded = Vec::with_capacity(text.len());
    write_modified_utf8(text, &mut encoded);
    out.extend_from_slice(&[0xAC, 0xED, 0x00, 0x05]);
    match u16::try_from(encoded.len()) {
        Ok(length) => {
            out.push(0x74);
            out.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            out.push(0x7C);
            out.extend_from_slice(&(encoded.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&encoded);
}

/// Java's own UTF-8: NUL takes two bytes, and a character beyond U+FFFF is two surrogates of three
/// bytes each.
fn write_modified_utf8(text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        match character {
            '\0' => out.extend_from_slice(&[0xC0, 0x80]),
            '\u{1_0000}'.. => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let [high, low] = unit.to_be_bytes();
                    out.push(0xE0 | high >> 4);
                    out.push(0x80 | (high & 0x0F) << 2 | low >> 6);
                    out.push(0x80 | low & 0x3F);
                }
            }
            _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests;
