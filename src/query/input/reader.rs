//! A record of one table, read as a change of a row.

use super::encoding::Encoding;
use super::schema::{Column, Discovery, row_fields, split};
use super::{InputRecord, json};
use crate::query::expr::convert;
use crate::query::value::{Type, Value};

/// A row of which values can be missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PartialRow {
    /// The wanted columns; NULL where a value is missing.
    pub values: Vec<Value>,
    /// Positions of values that PostgreSQL did not send, since they did not change.
    pub unavailable: Vec<usize>,
}

/// What a record says about the rows of its table.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// The row of a key is this one now.
    Put {
        /// The key's JSON.
        key: &'a [u8],
        /// The row.
        row: PartialRow,
    },
    /// There is no row of this key any more.
    Remove {
        /// The key's JSON.
        key: &'a [u8],
    },
    /// A row without a key came, went, or changed.
    Change {
        /// The row that goes.
        before: Option<PartialRow>,
        /// The row that comes.
        after: Option<PartialRow>,
    },
    /// The table was emptied.
    Truncate,
    /// Nothing that concerns rows.
    Nothing,
}

/// A record that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A column changed its type to one that the query was not made for.
    #[error("column \"{column}\" was {from} when the query began, and is {to} now")]
    TypeChanged {
        /// Its name.
        column: String,
        /// The type that the query counts on.
        from: Type,
        /// The type that records bring now.
        to: Type,
    },
    /// A value that is not written as its type wants it.
    #[error("column \"{column}\": {json} is no {ty}")]
    Value {
        /// The column.
        column: String,
        /// The JSON, shortened.
        json: String,
        /// Its type.
        ty: Type,
    },
    /// A row without a key changed, and the record does not say which one.
    #[error("a row without a key was changed, and the record does not hold the old row")]
    NoBefore,
    /// A value was not sent, and no earlier row of the key has it.
    #[error("column \"{column}\" was not sent, and no earlier record of this row has it")]
    NeverSent {
        /// The column.
        column: String,
    },
}

impl InputError {
    /// What to do next.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TypeChanged { .. } | Self::Value { .. } => {
                "start the query again; without schemas in the records, types are guessed from \
                 the first ones: cast in SQL, or capture with value.converter.schemas.enable=true"
            }
            Self::NoBefore => {
                "give the table a primary key, or: ALTER TABLE … REPLICA IDENTITY FULL; then \
                 capture it anew"
            }
            Self::NeverSent { .. } => {
                "the topic does not begin with a snapshot of the table: capture it anew, or set \
                 REPLICA IDENTITY FULL"
            }
        }
    }
}

/// Where a member of a row goes.
#[derive(Debug, Clone)]
struct Field {
    /// Its name, as JSON writes it.
    name: Box<str>,
    /// Position of the wanted column, and how it is written now.
    wanted: Option<(usize, Encoding)>,
}

/// Reads the records of one table, decoding the wanted columns only.
///
/// Remembers the schema of the last record: it is most of its bytes, and nearly always the same.
#[derive(Debug)]
pub struct Reader {
    wanted: Vec<Column>,
    placeholder: String,
    /// Start of a value up to its payload, for which `fields` holds.
    prefix: Box<[u8]>,
    key_prefix: Box<[u8]>,
    fields: Vec<Field>,
    has_fields: bool,
    inferred: Vec<(String, Encoding)>,
}

impl Reader {
    /// A reader of these columns; `placeholder` stands for values that were not sent.
    #[must_use]
    pub fn new(wanted: Vec<Column>, discovery: &Discovery, placeholder: &str) -> Self {
        Self {
            wanted,
            placeholder: placeholder.to_owned(),
            prefix: Box::default(),
            key_prefix: Box::default(),
            fields: Vec::new(),
            has_fields: false,
            inferred: discovery.fields().to_vec(),
        }
    }

    /// The columns that are decoded.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.wanted
    }

    /// Reads one record. What is no change of a row is [`Event::Nothing`].
    ///
    /// # Errors
    ///
    /// [`InputError`] for a row that cannot be read as the query expects it.
    pub fn read<'a>(&mut self, record: InputRecord<'a>) -> Result<Event<'a>, InputError> {
        let key = record.key.map(|key| key_payload(&mut self.key_prefix, key));
        let Some(value) = record.value else {
            return Ok(key.map_or(Event::Nothing, |key| Event::Remove { key }));
        };
        let Some(payload) = self.payload(value)? else { return Ok(Event::Nothing) };
        let Some(members) = json::members(payload) else { return Ok(Event::Nothing) };
        let (mut op, mut before, mut after, mut is_envelope) = (None, None, None, false);
        for (name, json) in members {
            match name {
                "op" => op = Some(json),
                "before" => (before, is_envelope) = (Some(json), true),
                "after" => (after, is_envelope) = (Some(json), true),
                "source" | "message" => is_envelope = true,
                _ => {}
            }
        }
        let (before, after) = (before.filter(is_row), after.filter(is_row));
        match op.filter(|_| is_envelope) {
            Some("\"c\"" | "\"r\"") => self.change(key, None, after),
            Some("\"u\"") => match key {
                None if before.is_none() => Err(InputError::NoBefore),
                key => self.change(key, before, after),
            },
            Some("\"d\"") => match (key, before) {
                (Some(key), _) => Ok(Event::Remove { key }),
                (None, None) => Err(InputError::NoBefore),
                (None, before) => self.change(None, before, None),
            },
            Some("\"t\"") => Ok(Event::Truncate),
            Some(_) => Ok(Event::Nothing),
            None if is_envelope => Ok(Event::Nothing),
            None => self.unwrapped(key, payload),
        }
    }

    /// A row that `ExtractNewRecordState` took out of its envelope.
    fn unwrapped<'a>(&mut self, key: Option<&'a [u8]>, row: &str) -> Result<Event<'a>, InputError> {
        let is_deleted = json::members(row)
            .is_some_and(|mut members| members.any(|member| member == ("__deleted", "\"true\"")));
        match (key, is_deleted) {
            (Some(key), true) => Ok(Event::Remove { key }),
            (None, true) => self.change(None, Some(row), None),
            (key, false) => self.change(key, None, Some(row)),
        }
    }

    fn change<'a>(
        &mut self,
        key: Option<&'a [u8]>,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<Event<'a>, InputError> {
        match (key, after) {
            (Some(key), Some(after)) => Ok(Event::Put { key, row: self.row(after)? }),
            (Some(_), None) => Ok(Event::Nothing),
            (None, after) => {
                let before = before.map(|row| self.row(row)).transpose()?;
                let after = after.map(|row| self.row(row)).transpose()?;
                Ok(Event::Change { before, after })
            }
        }
    }

    /// The payload of a value; learns the schema when it is another one.
    fn payload<'a>(&mut self, value: &'a [u8]) -> Result<Option<&'a str>, InputError> {
        if !self.prefix.is_empty()
            && let Some(rest) = value.strip_prefix(&*self.prefix)
            && let Some(payload) = rest.strip_suffix(b"}")
        {
            return Ok(std::str::from_utf8(payload).ok());
        }
        let Ok(text) = std::str::from_utf8(value) else { return Ok(None) };
        let split = split(text);
        if let Some(fields) = split.schema.and_then(row_fields).filter(|fields| !fields.is_empty())
        {
            self.learn(&fields)?;
            let prefix = text.strip_suffix('}').and_then(|text| text.strip_suffix(split.payload));
            self.prefix = prefix.unwrap_or_default().as_bytes().into();
        } else if !self.has_fields || !self.prefix.is_empty() {
            let inferred = std::mem::take(&mut self.inferred);
            self.learn(&inferred)?;
            self.inferred = inferred;
            self.prefix = Box::default();
        }
        Ok(Some(split.payload))
    }

    fn learn(&mut self, fields: &[(String, Encoding)]) -> Result<(), InputError> {
        self.fields.clear();
        for (name, encoding) in fields {
            let position = self.wanted.iter().position(|column| column.name == *name);
            if let Some(column) = position.and_then(|position| self.wanted.get(position))
                && !convert::is_possible(encoding.ty(), column.ty)
            {
                let (column, from) = (column.name.clone(), column.ty);
                return Err(InputError::TypeChanged { column, from, to: encoding.ty() });
            }
            let name = serde_json::Value::from(name.as_str()).to_string();
            let name = name.trim_start_matches('"').strip_suffix('"').unwrap_or_default().into();
            self.fields
                .push(Field { name, wanted: position.map(|position| (position, *encoding)) });
        }
        self.has_fields = true;
        Ok(())
    }

    /// Decodes the wanted columns of a row; those that it does not have are NULL.
    fn row(&self, row: &str) -> Result<PartialRow, InputError> {
        let mut values = vec![Value::Null; self.wanted.len()];
        let mut unavailable = Vec::new();
        for (index, (name, json)) in json::members(row).into_iter().flatten().enumerate() {
            // Writers keep the order of the schema.
            let field = match self.fields.get(index) {
                Some(field) if *field.name == *name => Some(field),
                _ => self.fields.iter().find(|field| *field.name == *name),
            };
            let Some((position, encoding)) = field.and_then(|field| field.wanted) else { continue };
            let Some(column) = self.wanted.get(position) else { continue };
            if json.len() >= self.placeholder.len()
                && encoding.is_unavailable(json, &self.placeholder)
            {
                unavailable.push(position);
                continue;
            }
            let value = encoding
                .decode(json)
                .and_then(|value| convert::convert(value, encoding.ty(), column.ty))
                .ok_or_else(|| InputError::Value {
                    column: column.name.clone(),
                    json: json.chars().take(60).collect(),
                    ty: column.ty,
                })?;
            if let Some(slot) = values.get_mut(position) {
                *slot = value;
            }
        }
        Ok(PartialRow { values, unavailable })
    }
}

fn is_row(json: &&str) -> bool {
    *json != "null"
}

/// The key's JSON without its schema.
fn key_payload<'a>(prefix: &mut Box<[u8]>, key: &'a [u8]) -> &'a [u8] {
    if !prefix.is_empty()
        && let Some(payload) = key.strip_prefix(&**prefix).and_then(|rest| rest.strip_suffix(b"}"))
    {
        return payload;
    }
    let Ok(text) = std::str::from_utf8(key) else { return key };
    let split = split(text);
    if split.schema.is_some() {
        let before = text.strip_suffix('}').and_then(|text| text.strip_suffix(split.payload));
        *prefix = before.unwrap_or_default().as_bytes().into();
    }
    split.payload.as_bytes()
}
