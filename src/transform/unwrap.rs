//! `io.debezium.transforms.ExtractNewRecordState`: the new row alone instead of the envelope.

use super::connect::{Datum, Derived, Field, Members, Schema, with_members};
use super::error::SettingError;
use super::event::Event;
use super::options::Options;
use std::sync::Arc;

/// `delete.tombstone.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletes {
    Drop,
    Tombstone,
    Rewrite,
    RewriteWithTombstone,
    DeleteToTombstone,
}

#[derive(Debug)]
pub(super) struct Unwrap {
    deletes: Deletes,
    route_by: Option<String>,
    fields: Vec<Reference>,
    headers: Vec<Reference>,
    drop_header: Option<String>,
    derived: Derived,
}

/// A member of the envelope that becomes a field or a header.
#[derive(Debug, PartialEq, Eq)]
struct Reference {
    /// The struct that holds it; `None` for the envelope itself.
    parent: Option<String>,
    field: String,
    new_name: String,
}

impl Unwrap {
    pub(super) fn new(options: &mut Options<'_>) -> Result<Self, SettingError> {
        let deletes = options.word(
            "delete.tombstone.handling.mode",
            Deletes::Tombstone,
            &[
                ("drop", Deletes::Drop),
                ("tombstone", Deletes::Tombstone),
                ("rewrite", Deletes::Rewrite),
                ("rewrite-with-tombstone", Deletes::RewriteWithTombstone),
                ("delete-to-tombstone", Deletes::DeleteToTombstone),
            ],
        )?;
        // Without effect here: JsonConverter writes the default for null in any case, and no
        // transform that is built in makes a header that lists fields.
        options.flag("replace.null.with.default", true)?;
        options.flag("drop.fields.from.key", false)?;
        options.flag("drop.fields.keep.schema.compatible", true)?;
        Ok(Self {
            deletes,
            route_by: options.text("route.by.field").map(str::to_owned),
            fields: references(options, "add.fields", "add.fields.prefix")?,
            headers: references(options, "add.headers", "add.headers.prefix")?,
            drop_header: options.text("drop.fields.header.name").map(str::to_owned),
            derived: Derived::default(),
        })
    }

    /// False when the record is dropped.
    pub(super) fn apply(&mut self, event: &mut Event<'_>) -> Result<bool, String> {
        if event.is_tombstone() {
            for header in self.headers.iter().filter(|header| header.field == "op") {
                event.add_header(&header.new_name, &Schema::plain("string", false), "\"d\"")?;
            }
            return Ok(self.deletes == Deletes::RewriteWithTombstone);
        }
        if !event.is_envelope() {
            return Ok(true);
        }
        let Some(envelope) = event.value.take() else { return Ok(true) };
        let members = Members::read(&envelope.payload);
        for header in &self.headers {
            if let Some((schema, json)) = header.find(&envelope.schema, &members)? {
                event.add_header(&header.new_name, &schema, json)?;
            }
        }
        let (before, after) = (members.get("before"), members.get("after"));
        let is_delete = after == "null";
        if is_delete && before == "null" {
            return Ok(false); // TRUNCATE
        }
        let (image, row) = if is_delete { ("before", before) } else { ("after", after) };
        if is_delete && self.deletes == Deletes::Drop {
            return Ok(false);
        }
        let row_schema = envelope.schema.field(image).ok_or("its envelope has no row")?;
        if let Some(field) = &self.route_by {
            route(event, field, row_schema, row)?;
        }
        if let Some(header) = self.drop_header.as_ref().filter(|header| event.has_header(header)) {
            return Err(format!("header {header} holds no list of fields"));
        }
        event.value = match self.deletes {
            Deletes::Tombstone if is_delete => {
                Some(Datum { schema: Arc::clone(row_schema), payload: "null".to_owned() })
            }
            Deletes::DeleteToTombstone if is_delete => None,
            _ => Some(self.row(&envelope.schema, row_schema, row, &members, is_delete)?),
        };
        Ok(true)
    }

    /// The row with `__deleted` and the fields of `add.fields`.
    fn row(
        &mut self,
        envelope: &Arc<Schema>,
        row_schema: &Arc<Schema>,
        row: &str,
        members: &Members<'_>,
        is_delete: bool,
    ) -> Result<Datum, String> {
        let rewrites = matches!(self.deletes, Deletes::Rewrite | Deletes::RewriteWithTombstone);
        let mut added = Vec::new();
        if rewrites {
            let deleted = if is_delete { "\"true\"" } else { "\"false\"" };
            added.push(("__deleted", Schema::plain("string", true), deleted));
        }
        for field in &self.fields {
            if let Some((schema, json)) = field.find(envelope, members)? {
                added.push((&field.new_name, schema, json));
                let is_new = row_schema.field(&field.new_name).is_none()
                    && added.iter().filter(|(name, ..)| *name == field.new_name).count() == 1;
                if !is_new {
                    return Err(format!("it would have two fields {}", field.new_name));
                }
            }
        }
        let payload = with_members(row, added.iter().map(|(name, _, json)| (*name, *json)));
        let schema = self.derived.get(row_schema, "", || {
            let mut fields = row_schema.fields.clone();
            fields.extend(added.into_iter().map(|(name, schema, _)| Field::new(name, schema)));
            row_schema.copied(fields, false)
        });
        Ok(Datum { schema, payload })
    }
}

fn route(event: &mut Event<'_>, field: &str, schema: &Schema, row: &str) -> Result<(), String> {
    if schema.field(field).is_none_or(|schema| schema.kind != "string") {
        return Err(format!("it has no field {field} with a string"));
    }
    let topic = Members::read(row).string(field).unwrap_or_default();
    if !topic.trim().is_empty() {
        event.topic = topic.into();
    }
    Ok(())
}

fn references(
    options: &mut Options<'_>,
    name: &'static str,
    prefix: &'static str,
) -> Result<Vec<Reference>, SettingError> {
    let list = options.text_or(name, "");
    let prefix = options.raw(prefix).unwrap_or("__");
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    let references = names.map(|text| {
        Reference::parse(text, prefix).ok_or_else(|| {
            options.invalid(
                name,
                text,
                "members of the envelope such as op, source.ts_ms or lsn:LSN",
            )
        })
    });
    references.collect()
}

impl Reference {
    fn parse(text: &str, prefix: &str) -> Option<Self> {
        let (path, alias) = match text.split_once(':') {
            Some((path, alias)) if !alias.contains(':') => (path, Some(alias)),
            Some(_) => return None,
            None => (text, None),
        };
        let (parent, field) = match path.split_once('.') {
            // Java takes the first two parts.
            Some((parent, rest)) => (Some(parent), rest.split('.').next().unwrap_or_default()),
            None => (None, path),
        };
        let own_name =
            parent.map_or_else(|| field.to_owned(), |parent| format!("{parent}_{field}"));
        let parent = parent.or(match field {
            "id" | "data_collection_order" | "total_order" => Some("transaction"),
            "op" | "ts_ms" | "ts_us" | "ts_ns" => None,
            "updateDescription" => Some("updateDescription"),
            _ => Some("source"),
        });
        Some(Self {
            parent: parent.map(str::to_owned),
            field: field.to_owned(),
            new_name: format!("{prefix}{}", alias.unwrap_or(&own_name)),
        })
    }

    /// Schema and JSON of the member; nothing when there is none of this name.
    fn find<'a>(
        &self,
        envelope: &Schema,
        members: &Members<'a>,
    ) -> Result<Option<(Schema, &'a str)>, String> {
        let parent = match &self.parent {
            None => None,
            Some(parent) => {
                let schema = envelope.field(parent);
                Some((parent, schema.ok_or_else(|| format!("its envelope has no {parent}"))?))
            }
        };
        let in_parent = parent.and_then(|(parent, schema)| {
            let json = Members::read(members.get(parent)).get(&self.field);
            Some((schema.field(&self.field)?, json))
        });
        let found =
            in_parent.or_else(|| Some((envelope.field(&self.field)?, members.get(&self.field))));
        let Some((schema, json)) = found else { return Ok(None) };
        if schema.kind == "struct" {
            return Err(format!("{} is a whole struct", self.field));
        }
        Ok(Some((schema.copied(Vec::new(), true), json)))
    }
}
