//! The database's own log: every transaction that `ovsdb-server` kept, in order.
//!
//! The strictest witness of "nothing was written": a row that was rewritten with what it held already does not show in
//! a snapshot, but its transaction may show here. Reads `conf.db` (ovsdb(5), `OVSDB JSON LENGTH SHA1` before each record).

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::{FENCE_KEY, TABLES_OF_SWITCH, WRITTEN_BY_SWITCH};
use crate::error::{LabError, Result};

/// One transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// What the client said it was doing (`ovs-vsctl: ...`), if anything.
    pub comment: Option<String>,
    /// `table.column` of everything written, `table.*` for a row inserted or deleted.
    pub written: BTreeSet<String>,
    fence_only: bool,
}

impl JournalEntry {
    /// Written by the switch for itself.
    pub fn is_of_switch(&self) -> bool {
        self.written.iter().all(|place| {
            let (table, column) = place.split_once('.').unwrap_or((place, ""));
            TABLES_OF_SWITCH.contains(&table) || WRITTEN_BY_SWITCH.contains(&column)
        })
    }

    /// A leader's claim and nothing else.
    pub fn is_fence_only(&self) -> bool {
        self.fence_only
    }
}

impl fmt::Display for JournalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written: Vec<_> = self.written.iter().map(String::as_str).collect();
        write!(f, "{} ({})", self.comment.as_deref().unwrap_or("no comment"), written.join(", "))
    }
}

/// The log as it stood at one moment.
#[derive(Clone, Debug)]
pub struct Journal {
    entries: Vec<JournalEntry>,
}

impl Journal {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read(file).map_err(|source| {
            LabError::io(format!("reading the database file {}", file.display()), source)
        })?;
        let entries = parse(&String::from_utf8_lossy(&text))
            .map_err(|problem| LabError::Unreadable { what: file.display().to_string(), problem })?;
        Ok(Self { entries })
    }

    /// Transactions kept after `earlier`.
    ///
    /// # Errors
    /// When the log was made anew in between (a reboot, or compaction): then nothing can be said.
    pub fn since(&self, earlier: &Self) -> Result<&[JournalEntry]> {
        let known = earlier.entries.len();
        if self.entries.get(..known) == Some(&earlier.entries) {
            return Ok(&self.entries[known..]);
        }
        Err(LabError::Unreadable { what: "database log".into(), problem: "it was made anew since".into() })
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Records after the first, which is the schema. A record that is still being written ends the list.
fn parse(text: &str) -> Result<Vec<JournalEntry>, String> {
    let mut rest = text;
    let mut records = Vec::new();
    while let Some((header, body)) = rest.split_once('\n') {
        let length: usize = header
            .strip_prefix("OVSDB JSON ")
            .and_then(|words| words.split(' ').next()?.parse().ok())
            .ok_or_else(|| format!("not an OVSDB log header: {header:.60}"))?;
        let Some(record) = body.get(..length) else { break };
        records.push(serde_json::from_str::<Value>(record).map_err(|error| error.to_string())?);
        rest = &body[length..];
    }
    let transactions = records.iter().skip(1).filter_map(Value::as_object);
    Ok(transactions.map(entry).collect())
}

fn entry(record: &Map<String, Value>) -> JournalEntry {
    let mut written = BTreeSet::new();
    let mut fence_only = true;
    for (table, rows) in record.iter().filter(|(key, _)| !key.starts_with('_')) {
        for row in rows.as_object().into_iter().flatten().map(|(_, row)| row) {
            let Some(columns) = row.as_object() else {
                written.insert(format!("{table}.*")); // null: the row was deleted
                fence_only = false;
                continue;
            };
            written.extend(columns.keys().map(|column| format!("{table}.{column}")));
            fence_only &= table == "Open_vSwitch"
                && columns.iter().all(|(column, value)| column == "external_ids" && only_fence(value));
        }
    }
    let comment = record.get("_comment").and_then(Value::as_str).map(str::to_owned);
    fence_only &= !written.is_empty();
    JournalEntry { comment, written, fence_only }
}

/// A difference of maps that names the fence alone.
fn only_fence(difference: &Value) -> bool {
    let pairs = difference.get(1).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    !pairs.is_empty() && pairs.iter().all(|pair| pair.get(0).and_then(Value::as_str) == Some(FENCE_KEY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(records: &[&str]) -> String {
        records.iter().map(|record| format!("OVSDB JSON {} 00\n{record}\n", record.len() + 1)).collect()
    }

    #[test]
    fn the_schema_is_no_transaction_and_a_half_written_record_ends_the_list() {
        let mut text = log(&["{}", r#"{"_comment":"c","Port":{"u":{"name":"x"}}}"#]);
        text.push_str("OVSDB JSON 500 00\n{\"Port\"");
        let entries = parse(&text).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].to_string(), "c (Port.name)");
    }

    #[test]
    fn a_claim_is_told_from_a_write() {
        let claim =
            r#"{"_is_diff":true,"Open_vSwitch":{"r":{"external_ids":["map",[["asterism-fence","c:2:1"]]]}}}"#;
        let write = r#"{"_is_diff":true,"Open_vSwitch":{"r":{"external_ids":["map",[["asterism-fence","c:2:1"],["k","v"]]]}}}"#;
        let switch = r#"{"Open_vSwitch":{"r":{"cur_cfg":4}}}"#;
        let entries = parse(&log(&["{}", claim, write, switch])).unwrap();
        let kinds: Vec<_> =
            entries.iter().map(|entry| (entry.is_fence_only(), entry.is_of_switch())).collect();
        assert_eq!(kinds, [(true, false), (false, false), (false, true)]);
    }
}
