//! Labels of enumerations as they were when they were first seen.

use super::{PgType, Table, TypeKind};
use crate::oid::Oid;
use std::collections::HashMap;
use std::sync::Arc;

/// What a run knows of enumerations. Debezium reads all types at its start, and later only those
/// that it does not know: a label added meanwhile shows in values, and in schemas after a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnumLabels(HashMap<Oid, Vec<String>>);

impl EnumLabels {
    /// Takes note of an enumeration, unless it is known.
    pub fn learn(&mut self, oid: Oid, labels: Vec<String>) {
        self.0.entry(oid).or_insert(labels);
    }

    /// Gives the types of a table the labels that were seen first.
    pub fn apply(&mut self, table: &mut Table) {
        for column in &mut table.columns {
            if let Some(changed) = self.first_seen(&column.pg_type) {
                column.pg_type = changed;
            }
        }
    }

    /// The type with other labels, if it has others.
    fn first_seen(&mut self, pg_type: &PgType) -> Option<Arc<PgType>> {
        let kind = match &pg_type.kind {
            TypeKind::Enum { labels } => {
                let known = self.0.entry(pg_type.oid).or_insert_with(|| labels.clone());
                (known != labels).then(|| TypeKind::Enum { labels: known.clone() })?
            }
            TypeKind::Array { element } => TypeKind::Array { element: self.first_seen(element)? },
            TypeKind::Domain { base, typmod } => {
                TypeKind::Domain { base: self.first_seen(base)?, typmod: *typmod }
            }
            _ => return None,
        };
        Some(Arc::new(PgType { kind, ..pg_type.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relation::{Column, ReplicaIdentity};

    fn pg_type(oid: u32, kind: TypeKind) -> Arc<PgType> {
        Arc::new(PgType { oid: Oid(oid), schema: String::new(), name: "t".to_owned(), kind })
    }

    fn table(labels: &[&str]) -> Table {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let mood = pg_type(16_400, TypeKind::Enum { labels });
        let array = pg_type(16_401, TypeKind::Array { element: mood.clone() });
        let column = |pg_type: &Arc<PgType>| Column {
            name: "c".to_owned(),
            pg_type: pg_type.clone(),
            typmod: -1,
            nullable: true,
            default: None,
            generated: false,
        };
        Table {
            oid: Oid(1),
            schema: "public".to_owned(),
            name: "t".to_owned(),
            columns: vec![column(&mood), column(&array)],
            key: Vec::new(),
            replica_identity: ReplicaIdentity::Default,
        }
    }

    #[test]
    fn labels_stay_those_of_the_start() {
        let mut known = EnumLabels::default();
        known.learn(Oid(16_400), vec!["sad".to_owned(), "ok".to_owned()]);
        let mut changed = table(&["blue", "ok", "happy"]);
        known.apply(&mut changed);
        assert_eq!(changed, table(&["sad", "ok"]));
    }

    #[test]
    fn new_type_is_learnt_when_it_first_comes() {
        let mut known = EnumLabels::default();
        let mut first = table(&["x"]);
        known.apply(&mut first);
        assert_eq!(first, table(&["x"]));
        let mut later = table(&["x", "y"]);
        known.apply(&mut later);
        assert_eq!(later, table(&["x"]));
    }
}
