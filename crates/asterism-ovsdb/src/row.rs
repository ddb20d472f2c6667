//! One row of a monitored table, read by column.
//!
//! Pure. Changed by [`crate::replica`] alone.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::RowUuid;
use serde_json::{Map, Value};

use crate::{
    schema::{ColumnKind, Columns},
    value::{Atom, Datum, ValueError},
};

/// A row: the monitored columns that are not empty. What was never set and what was emptied read alike, and are alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row(BTreeMap<&'static str, Datum>);

impl Row {
    /// A `string` column, or an optional one; empty if unset.
    pub fn text(&self, column: &str) -> &str {
        self.first(column).and_then(text_of).unwrap_or_default()
    }

    /// An optional `integer` column.
    pub fn integer(&self, column: &str) -> Option<i64> {
        match self.first(column)? {
            Atom::Integer(integer) => Some(*integer),
            Atom::Real(_) | Atom::Boolean(_) | Atom::String(_) | Atom::Uuid(_) => None,
        }
    }

    /// A `boolean` column; false if unset, which a server may leave out.
    pub fn boolean(&self, column: &str) -> bool {
        self.first(column) == Some(&Atom::Boolean(true))
    }

    /// A column of references.
    pub fn uuids(&self, column: &str) -> impl Iterator<Item = RowUuid> {
        self.set(column).into_iter().flatten().filter_map(|atom| match atom {
            Atom::Uuid(uuid) => Some(*uuid),
            Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) | Atom::String(_) => None,
        })
    }

    /// One value of a column that maps strings to strings.
    pub fn get(&self, column: &str, key: &str) -> Option<&str> {
        self.pairs(column).find_map(|(found, value)| (found == key).then_some(value))
    }

    /// All of a column that maps strings to strings.
    pub fn pairs(&self, column: &str) -> impl Iterator<Item = (&str, &str)> {
        let map = match self.0.get(column) {
            Some(Datum::Map(map)) => Some(map),
            Some(Datum::Set(_)) | None => None,
        };
        map.into_iter().flatten().filter_map(|(key, value)| Some((text_of(key)?, text_of(value)?)))
    }

    /// Reads `<row>` (RFC 7047 §5.1), as it is; on failure, which column it is.
    pub(crate) fn read(
        columns: &Columns,
        json: &Map<String, Value>,
    ) -> Result<Self, (&'static str, ValueError)> {
        let mut row = Self::default();
        for (name, json) in json {
            // Columns that were not asked for are no concern of ours.
            let Some((&column, _)) = columns.get_key_value(name.as_str()) else { continue };
            row.0.insert(column, Datum::from_json(json).map_err(|error| (column, error))?);
        }
        Ok(row)
    }

    /// Without the columns that are empty. A single text that is empty is its column's default; among several it would
    /// be an element like others.
    pub(crate) fn without_empty(mut self, columns: &Columns) -> Self {
        self.0.retain(|column, datum| match (columns.get(column), datum) {
            (_, Datum::Map(map)) => !map.is_empty(),
            (Some(ColumnKind::Several) | None, Datum::Set(set)) => !set.is_empty(),
            (Some(ColumnKind::Single), Datum::Set(set)) => set.iter().any(|atom| !is_default(atom)),
        });
        self
    }

    /// Applies a difference (ovsdb-server(7) 4.1.14).
    pub(crate) fn change(&mut self, columns: &Columns, difference: Self) {
        for (column, change) in difference.0 {
            match (columns.get(column), self.0.get_mut(column)) {
                (Some(ColumnKind::Several), Some(value)) => toggle(value, change),
                (Some(ColumnKind::Single) | None, _) | (Some(ColumnKind::Several), None) => {
                    self.0.insert(column, change);
                }
            }
        }
        *self = std::mem::take(self).without_empty(columns);
    }

    fn first(&self, column: &str) -> Option<&Atom> {
        self.set(column)?.first()
    }

    fn set(&self, column: &str) -> Option<&BTreeSet<Atom>> {
        match self.0.get(column)? {
            Datum::Set(set) => Some(set),
            Datum::Map(_) => None,
        }
    }
}

/// What a column that must have a value has before one is set (RFC 7047 §5.2.1), as far as columns that are read go. The
/// dialects differ in whether they tell it.
fn is_default(atom: &Atom) -> bool {
    *atom == Atom::Boolean(false) || text_of(atom) == Some("")
}

fn text_of(atom: &Atom) -> Option<&str> {
    match atom {
        Atom::String(text) => Some(text),
        Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) | Atom::Uuid(_) => None,
    }
}

/// Applies a difference to a set or map of several: elements of a set that are in both go, others come; a pair of a map goes if it is there alike, else its value is the new one.
fn toggle(value: &mut Datum, change: Datum) {
    match (value, change) {
        (Datum::Set(set), Datum::Set(change)) => {
            for atom in change {
                if !set.remove(&atom) {
                    set.insert(atom);
                }
            }
        }
        (Datum::Map(map), Datum::Map(change)) => {
            for (key, new) in change {
                if map.get(&key) == Some(&new) {
                    map.remove(&key);
                } else {
                    map.insert(key, new);
                }
            }
        }
        // A column does not change between set and map; an empty one may be written as either.
        (value, change) => *value = change,
    }
}
