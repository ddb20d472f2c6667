//! All rows of a host's database, comparable before and after: what did anybody *write*?
//!
//! Columns that the switch itself counts and reports are left out: those that the schema marks `ephemeral`, and the few
//! that `ovs-vswitchd` keeps for itself. [`RowSnapshot::diff`] compares two snapshots, [`Journal`] reads the database's own log of
//! transactions, which also shows a row that was rewritten with what it held already.

mod diff;
mod journal;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::Value;

use crate::address::HostName;
use crate::error::{LabError, Result};
use crate::tool::Tool;

pub use diff::{Change, RowChange, RowDiff};
pub use journal::{Journal, JournalEntry};

/// Key of `external_ids` on the root row under which the controllers keep their fence.
pub const FENCE_KEY: &str = "asterism-fence";

/// Key of `external_ids` that makes a row the controllers'; its value is the network's id.
const NETWORK_KEY: &str = "asterism-network";

/// Columns that `ovs-vswitchd` writes though the schema keeps them on disk: configuration acknowledged, bond state,
/// versions and types that it reports, port numbers that it picked.
const WRITTEN_BY_SWITCH: &[&str] = &[
    "cur_cfg",
    "next_cfg", // counted up by every `ovs-vsctl` that waits, the laboratory's own included
    "ofport",
    "error",
    "bond_active_slave",
    "cfm_flap_count",
    "ovs_version",
    "db_version",
    "system_type",
    "system_version",
    "datapath_types",
    "datapath_version",
    "iface_types",
    "dpdk_initialized",
    "dpdk_version",
];

/// Tables that the switch fills by itself.
const TABLES_OF_SWITCH: &[&str] = &["Datapath", "CT_Zone", "CT_Timeout_Policy"];

/// A row: column to value, as OVSDB writes it in JSON (RFC 7047 section 5.1).
pub type Row = BTreeMap<String, Value>;

/// Every row of a host's database that somebody other than the switch may have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSnapshot {
    pub host: HostName,
    /// Table, then row UUID.
    pub tables: BTreeMap<String, BTreeMap<String, Row>>,
}

impl RowSnapshot {
    /// Number of rows in all tables.
    pub fn len(&self) -> usize {
        self.tables.values().map(BTreeMap::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Far ends of the tunnels that the controllers made for a network.
    pub fn tunnels(&self, network: u32) -> BTreeSet<Ipv4Addr> {
        let number = network.to_string();
        let interfaces = self.tables.get("Interface").into_iter().flat_map(BTreeMap::values);
        let ours = interfaces.filter(|row| pair(row, "external_ids", NETWORK_KEY) == Some(&number));
        ours.filter_map(|row| pair(row, "options", "remote_ip")?.parse().ok()).collect()
    }

    /// What is not the controllers': without the rows that carry their key, and in the root row without the list of
    /// bridges, which grows with theirs, and without the fence.
    #[must_use]
    pub fn foreign(mut self) -> Self {
        for rows in self.tables.values_mut() {
            rows.retain(|_, row| pair(row, "external_ids", NETWORK_KEY).is_none());
        }
        for root in self.tables.get_mut("Open_vSwitch").into_iter().flat_map(BTreeMap::values_mut) {
            root.remove("bridges");
            if let Some(pairs) = root.get_mut("external_ids").and_then(|map| map.get_mut(1)?.as_array_mut()) {
                pairs.retain(|pair| pair.get(0).and_then(Value::as_str) != Some(FENCE_KEY));
            }
        }
        self
    }

    /// What changed from here to `after`.
    pub fn diff(&self, after: &Self) -> RowDiff {
        diff::diff(self, after)
    }
}

/// Value of a key in a column that holds a map: `["map", [[key, value], ...]]` (RFC 7047 section 5.1).
fn pair<'a>(row: &'a Row, column: &str, key: &str) -> Option<&'a str> {
    let mut pairs = row.get(column)?.get(1)?.as_array()?.iter();
    pairs.find(|pair| pair.get(0).and_then(Value::as_str) == Some(key))?.get(1)?.as_str()
}

/// Reads all rows through a host's local socket.
pub(crate) fn snapshot(host: HostName, socket: &Path) -> Result<RowSnapshot> {
    let text = Tool::new("ovsdb-client")
        .args(["--timeout=15", "--format=json", "dump"])
        .arg(format!("unix:{}", socket.display()))
        .arg("Open_vSwitch")
        .run(format!("dumping the rows of {host}"))?;
    let schema = Tool::new("ovsdb-client")
        .args(["--timeout=15", "get-schema"])
        .arg(format!("unix:{}", socket.display()))
        .arg("Open_vSwitch")
        .run(format!("reading the schema of {host}"))?;
    parse(host, &text, &ephemeral_columns(&schema)?)
}

/// `ovsdb-client dump --format=json`: one object per table with `caption`, `headings` and `data`, one after another.
fn parse(host: HostName, text: &str, ephemeral: &BTreeSet<(String, String)>) -> Result<RowSnapshot> {
    let unreadable = |problem: String| LabError::Unreadable { what: format!("row dump of {host}"), problem };
    let mut tables = BTreeMap::new();
    for table in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let table = table.map_err(|error| unreadable(error.to_string()))?;
        let name = table["caption"].as_str().and_then(|caption| caption.strip_suffix(" table"));
        let name = name.ok_or_else(|| unreadable(format!("a table without a name: {}", table["caption"])))?;
        if TABLES_OF_SWITCH.contains(&name) {
            continue;
        }
        let headings: Vec<&str> =
            table["headings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut rows = BTreeMap::new();
        for cells in table["data"].as_array().into_iter().flatten().filter_map(Value::as_array) {
            let mut row: Row =
                headings.iter().map(|heading| (*heading).to_owned()).zip(cells.iter().cloned()).collect();
            let uuid = row.remove("_uuid").map(|uuid| text_of(&uuid)).unwrap_or_default();
            row.retain(|column, _| {
                column != "_version"
                    && !WRITTEN_BY_SWITCH.contains(&column.as_str())
                    && !ephemeral.contains(&(name.to_owned(), column.clone()))
            });
            rows.insert(uuid, row);
        }
        tables.insert(name.to_owned(), rows);
    }
    Ok(RowSnapshot { host, tables })
}

/// (table, column) of every column that the schema does not keep on disk: counters and state.
fn ephemeral_columns(schema: &str) -> Result<BTreeSet<(String, String)>> {
    let schema: Value = serde_json::from_str(schema)
        .map_err(|error| LabError::Unreadable { what: "OVSDB schema".into(), problem: error.to_string() })?;
    let tables = schema["tables"].as_object().into_iter().flatten();
    let columns = tables.flat_map(|(table, body)| {
        let columns = body["columns"].as_object().into_iter().flatten();
        columns
            .filter(|(_, column)| column["ephemeral"] == Value::Bool(true))
            .map(|(column, _)| (table.clone(), column.clone()))
    });
    Ok(columns.collect())
}

/// `["uuid", "..."]` as the bare text.
fn text_of(value: &Value) -> String {
    value.get(1).and_then(Value::as_str).map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: Value) -> Row {
        value.as_object().unwrap().clone().into_iter().collect()
    }

    #[test]
    fn what_carries_the_key_is_the_controllers_and_all_else_is_foreign() {
        let key = json!(["map", [["asterism-network", "7"]]]);
        let options = json!(["map", [["key", "5"], ["remote_ip", "10.20.1.2"]]]);
        let ours = row(json!({"external_ids": key, "options": options}));
        let foreign = row(json!({"external_ids": ["map", []], "options": options}));
        let root = |ids: Value| row(json!({"bridges": ["set", []], "external_ids": ids}));
        let fenced = root(json!(["map", [["asterism-fence", "c:1:1"], ["system-id", "x"]]]));
        let tables = [
            ("Interface", BTreeMap::from([("a".to_owned(), ours), ("b".to_owned(), foreign.clone())])),
            ("Open_vSwitch", BTreeMap::from([("r".to_owned(), fenced)])),
        ];
        let tables = tables.map(|(name, rows)| (name.to_owned(), rows)).into();
        let snapshot = RowSnapshot { host: HostName::new(1, 1), tables };
        assert_eq!(snapshot.tunnels(7), BTreeSet::from([Ipv4Addr::new(10, 20, 1, 2)]));
        assert_eq!(snapshot.tunnels(8), BTreeSet::new());
        let left = snapshot.foreign().tables;
        assert_eq!(left["Interface"], BTreeMap::from([("b".to_owned(), foreign)]));
        assert_eq!(left["Open_vSwitch"]["r"], row(json!({"external_ids": ["map", [["system-id", "x"]]]})));
    }
}
