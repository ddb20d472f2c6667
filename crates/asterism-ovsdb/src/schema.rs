//! Which tables and columns of the Open_vSwitch database are read, and what a given server has of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The database's name (ovs-vswitchd.conf.db(5)).
pub const DATABASE: &str = "Open_vSwitch";

/// The tables that are read. Others are the switch's own business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    OpenVswitch,
    Bridge,
    Port,
    Interface,
}

impl Table {
    pub const ALL: [Self; 4] = [Self::OpenVswitch, Self::Bridge, Self::Port, Self::Interface];

    pub fn name(self) -> &'static str {
        match self {
            Self::OpenVswitch => "Open_vSwitch",
            Self::Bridge => "Bridge",
            Self::Port => "Port",
            Self::Interface => "Interface",
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Without these nothing can be said of a host. All are in OVS 2.5.
    fn required(self) -> &'static [&'static str] {
        match self {
            Self::OpenVswitch => &["external_ids", "bridges"],
            Self::Bridge => &["name", "datapath_type", "external_ids", "ports"],
            Self::Port => &["name", "interfaces", "external_ids"],
            Self::Interface => &["name", "type", "options", "bfd", "bfd_status", "external_ids"],
        }
    }

    /// Read where the server has them: `mtu_request` and `protected` came after OVS 2.5, the others before it. Without
    /// these a host has single uplinks, or does not say which of several it uses.
    fn optional(self) -> &'static [&'static str] {
        match self {
            Self::OpenVswitch => &["ovs_version"],
            Self::Bridge => &[],
            Self::Port => &["bond_active_slave", "bond_mode", "lacp", "other_config", "protected"],
            Self::Interface => &["error", "mac_in_use", "mtu_request"],
        }
    }
}

/// Whether a column's difference (ovsdb-server(7) 4.1.14) is its new value or what to toggle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// At most one element.
    Single,
    /// A set or a map of several.
    Several,
}

/// The columns that are read of one table.
pub type Columns = BTreeMap<&'static str, ColumnKind>;

/// The columns that are read from one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    tables: BTreeMap<Table, Columns>,
}

/// The server's database is not one that we can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema has no column {column} in table {table}: expected Open vSwitch 2.5 or later")]
    Missing { table: &'static str, column: &'static str },
    #[error("the schema's column {column} of table {table} has no readable type")]
    Type { table: &'static str, column: &'static str },
}

impl Schema {
    /// Reads the answer to `get_schema` (RFC 7047 §3.2).
    pub fn from_json(json: &Value) -> Result<Self, SchemaError> {
        let mut tables = BTreeMap::new();
        for table in Table::ALL {
            let columns = &json["tables"][table.name()]["columns"];
            let mut kinds = BTreeMap::new();
            for &column in table.required().iter().chain(table.optional()) {
                match columns.get(column) {
                    Some(definition) => {
                        let kind = column_kind(&definition["type"])
                            .ok_or(SchemaError::Type { table: table.name(), column })?;
                        kinds.insert(column, kind);
                    }
                    None if table.optional().contains(&column) => {}
                    None => return Err(SchemaError::Missing { table: table.name(), column }),
                }
            }
            tables.insert(table, kinds);
        }
        Ok(Self { tables })
    }

    pub fn has(&self, table: Table, column: &str) -> bool {
        self.tables.get(&table).is_some_and(|columns| columns.contains_key(column))
    }

    /// The table of that name, and its columns, if it is one that we read.
    pub(crate) fn table(&self, name: &str) -> Option<(Table, &Columns)> {
        let table = Table::by_name(name)?;
        self.tables.get(&table).map(|columns| (table, columns))
    }

    /// `<monitor-requests>` (RFC 7047 §4.1.5): all rows of our tables, all columns that are there.
    pub(crate) fn monitor_requests(&self) -> Value {
        let requests: Map<String, Value> = self
            .tables
            .iter()
            .map(|(table, columns)| {
                let columns: Vec<_> = columns.keys().collect();
                (table.name().to_owned(), json!([{ "columns": columns }]))
            })
            .collect();
        requests.into()
    }
}

/// Reads `<type>` (RFC 7047 §3.2): an atomic type's name, or an object whose `max` is 1 where it is left out.
fn column_kind(json: &Value) -> Option<ColumnKind> {
    match json {
        Value::String(_) => Some(ColumnKind::Single),
        Value::Object(members) => match members.get("max") {
            None => Some(ColumnKind::Single),
            Some(max) if max == 1 => Some(ColumnKind::Single),
            Some(_) => Some(ColumnKind::Several),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_column_is_named() {
        let error = Schema::from_json(&json!({"tables": {}})).unwrap_err();
        assert_eq!(error, SchemaError::Missing { table: "Open_vSwitch", column: "external_ids" });
    }

    #[test]
    fn only_what_may_hold_several_is_toggled() {
        let kind = |json| column_kind(&json).unwrap();
        assert_eq!(kind(json!("string")), ColumnKind::Single);
        assert_eq!(kind(json!({"key": "string", "min": 0, "max": 1})), ColumnKind::Single);
        assert_eq!(kind(json!({"key": "string"})), ColumnKind::Single);
        assert_eq!(kind(json!({"key": "string", "min": 0, "max": "unlimited"})), ColumnKind::Several);
        assert_eq!(column_kind(&json!(1)), None);
    }
}
