//! Compares two snapshots of one host and says what differs, in numbers and in words.
//!
//! Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::{FENCE_KEY, Row, RowSnapshot};
use crate::address::HostName;

/// What happened to one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Inserted,
    Deleted,
    /// Column, value before, value after.
    Changed(Vec<(String, Value, Value)>),
}

/// One row that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    pub table: String,
    pub uuid: String,
    /// Its `name` column where it has one.
    pub name: Option<String>,
    pub change: Change,
}

/// All rows of one host that are not as they were, by table and UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowDiff {
    pub host: HostName,
    pub rows: Vec<RowChange>,
}

impl RowDiff {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Without what every new leader writes: a root row of which only the fence differs counts as unchanged.
    #[must_use]
    pub fn without_fence(mut self) -> Self {
        self.rows.retain(|row| !is_fence_only(row));
        self
    }
}

impl fmt::Display for RowDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return write!(f, "{}: no row changed", self.host);
        }
        write!(f, "{}: {} rows changed", self.host, self.rows.len())?;
        for row in &self.rows {
            write!(f, "\n  {row}")?;
        }
        Ok(())
    }
}

impl fmt::Display for RowChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or(&self.uuid);
        match &self.change {
            Change::Inserted => write!(f, "{} {name}: inserted", self.table),
            Change::Deleted => write!(f, "{} {name}: deleted", self.table),
            Change::Changed(columns) => {
                write!(f, "{} {name}:", self.table)?;
                for (column, before, after) in columns {
                    write!(f, " {column} {before} -> {after}")?;
                }
                Ok(())
            }
        }
    }
}

pub(super) fn diff(before: &RowSnapshot, after: &RowSnapshot) -> RowDiff {
    let none = BTreeMap::new();
    let names: BTreeSet<&String> = before.tables.keys().chain(after.tables.keys()).collect();
    let mut rows = Vec::new();
    for table in names {
        let old = before.tables.get(table).unwrap_or(&none);
        let new = after.tables.get(table).unwrap_or(&none);
        let uuids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for uuid in uuids {
            let (old, new) = (old.get(uuid), new.get(uuid));
            if let Some(change) = compare(old, new) {
                let name =
                    new.or(old).and_then(|row| row.get("name")).and_then(Value::as_str).map(str::to_owned);
                rows.push(RowChange { table: table.clone(), uuid: uuid.clone(), name, change });
            }
        }
    }
    RowDiff { host: after.host, rows }
}

fn compare(old: Option<&Row>, new: Option<&Row>) -> Option<Change> {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(_)) => return Some(Change::Inserted),
        (Some(_), None) => return Some(Change::Deleted),
        (None, None) => return None,
    };
    let columns: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let value = |row: &Row, column: &str| row.get(column).cloned().unwrap_or(Value::Null);
    let changed: Vec<_> = columns
        .into_iter()
        .map(|column| (column.clone(), value(old, column), value(new, column)))
        .filter(|(_, old, new)| old != new)
        .collect();
    (!changed.is_empty()).then_some(Change::Changed(changed))
}

fn is_fence_only(row: &RowChange) -> bool {
    let Change::Changed(columns) = &row.change else { return false };
    let [(column, before, after)] = columns.as_slice() else { return false };
    row.table == "Open_vSwitch" && column == "external_ids" && without_fence(before) == without_fence(after)
}

/// The pairs of `["map", [[key, value], ...]]` but the fence's.
fn without_fence(map: &Value) -> Vec<Value> {
    let pairs = map.get(1).and_then(Value::as_array).cloned().unwrap_or_default();
    pairs.into_iter().filter(|pair| pair.get(0).and_then(Value::as_str) != Some(FENCE_KEY)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot(rows: &[(&str, &str, Value)]) -> RowSnapshot {
        let mut tables: BTreeMap<String, BTreeMap<String, Row>> = BTreeMap::new();
        for (table, uuid, row) in rows {
            let row = row.as_object().unwrap().clone().into_iter().collect();
            tables.entry((*table).into()).or_default().insert((*uuid).into(), row);
        }
        RowSnapshot { host: HostName::new(1, 1), tables }
    }

    #[test]
    fn each_kind_of_change_is_named() {
        let before = snapshot(&[
            ("Port", "a", json!({"name": "gone"})),
            ("Port", "b", json!({"name": "kept", "tag": 1})),
            ("Port", "c", json!({"name": "same"})),
        ]);
        let after = snapshot(&[
            ("Port", "b", json!({"name": "kept", "tag": 2})),
            ("Port", "c", json!({"name": "same"})),
            ("Bridge", "d", json!({"name": "new"})),
        ]);
        assert_eq!(
            before.diff(&after).to_string(),
            "p1/h1: 3 rows changed\n  Bridge new: inserted\n  Port gone: deleted\n  Port kept: tag 1 -> 2"
        );
    }

    #[test]
    fn a_root_row_whose_fence_alone_moved_counts_as_unchanged() {
        let root = |fence: &str, id: &str| {
            let ids = json!(["map", [["asterism-fence", fence], ["system-id", id]]]);
            snapshot(&[("Open_vSwitch", "r", json!({"external_ids": ids}))])
        };
        assert!(root("c:1:1", "x").diff(&root("c:2:9", "x")).without_fence().is_empty());
        assert_eq!(root("c:1:1", "x").diff(&root("c:2:9", "y")).without_fence().len(), 1);
        assert_eq!(root("c:1:1", "x").diff(&root("c:2:9", "x")).len(), 1, "unless one asks for it");
    }
}
