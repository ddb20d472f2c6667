//! One class's rows, and the deletions that it remembers.
//!
//! Pure. Which changes are events is decided in `changes`.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    datamodel::{Class, Version},
    value::Value,
};

/// Deletions are remembered until there are so many ...
const DELETIONS_MAX: usize = 511;
/// ... and then cut to the newest of this number, and the one that came: so a real xapi loses 247 of 600
/// (`tests/wire/05-events.jsonl`).
const DELETIONS_KEPT: usize = 256;

/// One object.
#[derive(Clone, Debug)]
pub struct Row {
    fields: BTreeMap<&'static str, Value>,
    /// The generation that made it.
    pub created: u64,
    /// The generation that changed it last.
    pub modified: u64,
}

/// An object that was.
#[derive(Clone, Debug)]
pub(super) struct Deletion {
    pub(super) reference: String,
    pub(super) created: u64,
    pub(super) deleted: u64,
}

/// The rows of a class.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<String, Row>,
    deletions: VecDeque<Deletion>,
}

impl Row {
    pub(super) fn new(class: &'static Class, version: Version, generation: u64) -> Row {
        let fields =
            class.fields_of(version).map(|field| (field.name.as_str(), field.default.clone())).collect();
        Row { fields, created: generation, modified: generation }
    }

    /// The value of a field; `Null` where this version has no such field.
    pub fn get(&self, field: &str) -> &Value {
        self.fields.get(field).unwrap_or(&Value::Null)
    }

    /// The text of a field.
    pub fn text(&self, field: &str) -> &str {
        self.get(field).as_text()
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Writes a field, if this version has it.
    pub(super) fn put(&mut self, field: &str, value: Value) {
        if let Some(place) = self.fields.get_mut(field) {
            *place = value;
        }
    }
}

impl Table {
    pub(super) fn get(&self, reference: &str) -> Option<&Row> {
        self.rows.get(reference)
    }

    pub(super) fn get_mut(&mut self, reference: &str) -> Option<&mut Row> {
        self.rows.get_mut(reference)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().map(|(reference, row)| (reference.as_str(), row))
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn deletions(&self) -> impl Iterator<Item = &Deletion> {
        self.deletions.iter()
    }

    pub(super) fn insert(&mut self, reference: &str, row: Row) {
        self.rows.insert(reference.to_owned(), row);
    }

    pub(super) fn remove(&mut self, reference: &str, generation: u64) {
        let Some(row) = self.rows.remove(reference) else { return };
        if self.deletions.len() + 1 >= DELETIONS_MAX {
            self.deletions.truncate(DELETIONS_KEPT);
        }
        let deletion =
            Deletion { reference: reference.to_owned(), created: row.created, deleted: generation };
        self.deletions.push_front(deletion);
    }

    pub(super) fn forget_deletions(&mut self) {
        self.deletions.clear();
    }
}
