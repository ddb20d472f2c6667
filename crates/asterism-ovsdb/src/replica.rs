//! A copy of the rows that a server monitors for us, kept by its updates.
//!
//! Pure. Sound or gone: an update that does not fit the copy (a change to a row that it lacks, a second birth of one
//! that it has) is an error, after which the copy must be thrown away and fetched again.

use std::collections::BTreeMap;

use asterism_model::RowUuid;
use serde_json::{Map, Value};

use crate::{
    row::Row,
    schema::{Columns, Schema, Table},
    value::ValueError,
};

/// All monitored rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replica {
    tables: BTreeMap<Table, BTreeMap<RowUuid, Row>>,
}

/// Which of the two forms an update has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateForm {
    /// `<table-updates>` (RFC 7047 §4.1.6): whole rows, before and after.
    Whole,
    /// `<table-updates2>` (ovsdb-server(7) 4.1.14): differences.
    Differences,
}

/// An update that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplicaError {
    #[error("{change} of row {row} of table {table}, which the copy {state}")]
    Unsound { change: &'static str, row: RowUuid, table: &'static str, state: &'static str },
    #[error("an update is malformed: {0}")]
    Malformed(String),
    #[error("column {column} of row {row} of table {table} is malformed")]
    Column {
        column: &'static str,
        row: RowUuid,
        table: &'static str,
        #[source]
        source: ValueError,
    },
}

impl Replica {
    /// The rows of a table, by uuid.
    pub fn rows(&self, table: Table) -> impl Iterator<Item = (RowUuid, &Row)> {
        self.tables.get(&table).into_iter().flatten().map(|(uuid, row)| (*uuid, row))
    }

    pub fn row(&self, table: Table, uuid: RowUuid) -> Option<&Row> {
        self.tables.get(&table)?.get(&uuid)
    }

    /// The one row of table Open_vSwitch; `None` until `ovs-vsctl init` has made it.
    pub fn root(&self) -> Option<(RowUuid, &Row)> {
        self.rows(Table::OpenVswitch).next()
    }

    /// Applies one update. After an error the copy is worthless.
    pub fn apply(&mut self, schema: &Schema, form: UpdateForm, updates: &Value) -> Result<(), ReplicaError> {
        for (name, rows) in object(updates, "updates")? {
            let (table, columns) = schema
                .table(name)
                .ok_or_else(|| ReplicaError::Malformed(format!("table {name} is not monitored")))?;
            let context = Context { table, columns };
            let copy = self.tables.entry(table).or_default();
            for (uuid, update) in object(rows, name)? {
                let uuid = uuid.parse().map_err(|error| ReplicaError::Malformed(format!("{error}")))?;
                match form {
                    UpdateForm::Whole => context.apply_whole(copy, uuid, update)?,
                    UpdateForm::Differences => context.apply_difference(copy, uuid, update)?,
                }
            }
        }
        // Two copies of the same rows are equal, whatever each once held.
        self.tables.retain(|_, rows| !rows.is_empty());
        Ok(())
    }
}

/// The table that an update is about.
struct Context<'a> {
    table: Table,
    columns: &'a Columns,
}

type Rows = BTreeMap<RowUuid, Row>;

impl Context<'_> {
    /// `<row-update>`: `new` alone is a birth, `old` alone a death, both a change.
    fn apply_whole(&self, copy: &mut Rows, uuid: RowUuid, update: &Value) -> Result<(), ReplicaError> {
        match (update.get("old"), update.get("new")) {
            (None, Some(new)) => self.insert(copy, uuid, self.read_row(uuid, new)?),
            (Some(_), None) => self.delete(copy, uuid),
            (Some(_), Some(new)) => {
                let row = self.read_row(uuid, new)?;
                *self.known(copy, uuid)? = row.without_empty(self.columns);
                Ok(())
            }
            (None, None) => Err(ReplicaError::Malformed(format!("row {uuid}: neither `old` nor `new`"))),
        }
    }

    /// `<row-update2>`: one member, which names what happened.
    fn apply_difference(&self, copy: &mut Rows, uuid: RowUuid, update: &Value) -> Result<(), ReplicaError> {
        let mut members = object(update, "row update")?.iter();
        match (members.next(), members.next()) {
            (Some((kind, row)), None) => match kind.as_str() {
                "initial" | "insert" => self.insert(copy, uuid, self.read_row(uuid, row)?),
                "delete" => self.delete(copy, uuid),
                "modify" => {
                    let difference = self.read_row(uuid, row)?;
                    self.known(copy, uuid)?.change(self.columns, difference);
                    Ok(())
                }
                other => Err(ReplicaError::Malformed(format!("row {uuid}: `{other}` is no kind of update"))),
            },
            _ => Err(ReplicaError::Malformed(format!("row {uuid}: expected one kind of update"))),
        }
    }

    fn insert(&self, copy: &mut Rows, uuid: RowUuid, row: Row) -> Result<(), ReplicaError> {
        match copy.insert(uuid, row.without_empty(self.columns)) {
            None => Ok(()),
            Some(_) => Err(self.unsound("insertion", uuid, "has already")),
        }
    }

    fn delete(&self, copy: &mut Rows, uuid: RowUuid) -> Result<(), ReplicaError> {
        copy.remove(&uuid).map(drop).ok_or_else(|| self.unsound("deletion", uuid, "lacks"))
    }

    fn known<'r>(&self, copy: &'r mut Rows, uuid: RowUuid) -> Result<&'r mut Row, ReplicaError> {
        copy.get_mut(&uuid).ok_or_else(|| self.unsound("change", uuid, "lacks"))
    }

    /// A row as an update gives it.
    fn read_row(&self, uuid: RowUuid, json: &Value) -> Result<Row, ReplicaError> {
        Row::read(self.columns, object(json, "row")?).map_err(|(column, source)| ReplicaError::Column {
            column,
            row: uuid,
            table: self.table.name(),
            source,
        })
    }

    fn unsound(&self, change: &'static str, row: RowUuid, state: &'static str) -> ReplicaError {
        ReplicaError::Unsound { change, row, table: self.table.name(), state }
    }
}

fn object<'v>(json: &'v Value, what: &str) -> Result<&'v Map<String, Value>, ReplicaError> {
    json.as_object().ok_or_else(|| ReplicaError::Malformed(format!("{what}: expected an object")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ROW: &str = "00000000-0000-0000-0000-000000000001";

    fn schema() -> Schema {
        let several = json!({"type": {"key": "string", "min": 0, "max": "unlimited"}});
        let column = |name: &str| match name {
            "name" | "type" | "datapath_type" | "error" => json!({"type": "string"}),
            _ => several.clone(),
        };
        let names = [
            "external_ids",
            "bridges",
            "name",
            "datapath_type",
            "ports",
            "interfaces",
            "type",
            "options",
            "bfd",
            "bfd_status",
            "error",
        ];
        let columns: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), column(name))).collect();
        let tables: Map<String, Value> =
            Table::ALL.iter().map(|table| (table.name().to_owned(), json!({ "columns": columns }))).collect();
        Schema::from_json(&json!({ "tables": tables })).unwrap()
    }

    fn after(form: UpdateForm, updates: &[Value]) -> Result<Replica, ReplicaError> {
        let (schema, mut replica) = (schema(), Replica::default());
        for update in updates {
            replica.apply(&schema, form, &json!({"Interface": {ROW: update}}))?;
        }
        Ok(replica)
    }

    fn uuid() -> RowUuid {
        ROW.parse().unwrap()
    }

    #[test]
    fn differences_lead_where_whole_rows_lead() {
        let map = |pairs: Value| json!(["map", pairs]);
        let whole = [
            json!({"new": {"name": "i", "error": "no", "options": map(json!([["a", "1"], ["b", "2"]]))}}),
            json!({"old": {}, "new": {"name": "i", "error": ["set", []], "options": map(json!([["b", "3"], ["c", "4"]]))}}),
        ];
        let differences = [
            json!({"initial": {"name": "i", "error": "no", "options": map(json!([["a", "1"], ["b", "2"]]))}}),
            json!({"modify": {"error": ["set", []], "options": map(json!([["a", "1"], ["b", "3"], ["c", "4"]]))}}),
        ];
        let replica = after(UpdateForm::Whole, &whole).unwrap();
        assert_eq!(after(UpdateForm::Differences, &differences).unwrap(), replica);
        let row = replica.row(Table::Interface, uuid()).unwrap();
        assert_eq!(row.pairs("options").collect::<Vec<_>>(), [("b", "3"), ("c", "4")]);
        assert_eq!(row.text("error"), "");
    }

    #[test]
    fn sets_are_toggled_by_element() {
        let set = |names: &[&str]| json!(["set", names]);
        let updates = [
            json!({"insert": {"options": set(&["a", "b"])}}),
            json!({"modify": {"options": set(&["b", "c"])}}),
        ];
        let expected = after(UpdateForm::Differences, &[json!({"insert": {"options": set(&["a", "c"])}})]);
        assert_eq!(after(UpdateForm::Differences, &updates), expected);
    }

    #[test]
    fn an_update_that_does_not_fit_is_unsound() {
        let unsound =
            |form, updates: &[Value]| matches!(after(form, updates), Err(ReplicaError::Unsound { .. }));
        assert!(unsound(UpdateForm::Whole, &[json!({"old": {}, "new": {}})]));
        assert!(unsound(UpdateForm::Whole, &[json!({"old": {}})]));
        assert!(unsound(UpdateForm::Whole, &[json!({"new": {}}), json!({"new": {}})]));
        assert!(unsound(UpdateForm::Differences, &[json!({"modify": {}})]));
        assert!(unsound(UpdateForm::Differences, &[json!({"delete": null})]));
        assert!(unsound(UpdateForm::Differences, &[json!({"initial": {}}), json!({"insert": {}})]));
    }

    #[test]
    fn malformed_updates_are_refused() {
        let refused = |form, update| after(form, &[update]).is_err();
        assert!(refused(UpdateForm::Whole, json!({})));
        assert!(refused(UpdateForm::Differences, json!({"reborn": {}})));
        assert!(refused(UpdateForm::Differences, json!({"insert": {}, "delete": null})));
        assert!(refused(UpdateForm::Whole, json!({"new": {"options": ["map", [["a"]]]}})));
        let foreign = json!({"Manager": {}});
        assert!(Replica::default().apply(&schema(), UpdateForm::Whole, &foreign).is_err());
    }

    fn arb_json() -> impl Strategy<Value = Value> {
        let word = prop::sample::select(vec![
            "old",
            "new",
            "initial",
            "insert",
            "modify",
            "delete",
            "set",
            "map",
            "uuid",
            "name",
            "options",
            ROW,
            "Interface",
            "Bridge",
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i8>().prop_map(Value::from),
            word.clone().prop_map(Value::from)
        ];
        leaf.prop_recursive(5, 32, 3, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..3)
                    .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_update_makes_it_panic(updates in prop::collection::vec((arb_json(), any::<bool>()), 1..4)) {
            let (schema, mut replica) = (schema(), Replica::default());
            for (update, whole) in updates {
                let form = if whole { UpdateForm::Whole } else { UpdateForm::Differences };
                let of_a_row = json!({"Interface": {ROW: update}});
                for update in [&update, &of_a_row] {
                    // Either is fine, as long as it is an answer.
                    drop(replica.apply(&schema, form, update));
                }
            }
        }
    }
}
