//! The database of a pool: rows by class and reference, with the generations that events are made of.
//!
//! Pure and deterministic: references and uuids come from a seed. It keeps relations on both sides (`relations`),
//! remembers deletions for a while (`changes`) and forgets rows that refer to nothing (`garbage`). It checks no
//! rule of the API: that is what `calls` does before it writes.

mod changes;
mod expression;
mod garbage;
mod ids;
mod relations;
mod table;

use std::collections::BTreeMap;

pub(crate) use changes::{Changes, Subscription};
pub(crate) use expression::Expression;
pub use ids::Ids;
pub use table::Row;
use table::Table;

use crate::{
    datamodel::{Class, Version, class, classes},
    value::{NULL, Value},
};

/// All rows of a pool. A clone is a backup.
#[derive(Clone, Debug)]
pub struct Database {
    version: Version,
    generation: u64,
    tables: BTreeMap<&'static str, Table>,
    ids: Ids,
}

impl Database {
    /// An empty database.
    pub fn new(version: Version, seed: u64) -> Database {
        let tables = classes().iter().map(|class| (class.name.as_str(), Table::default())).collect();
        Database { version, generation: 0, tables, ids: Ids::new(seed) }
    }

    /// The number of the last change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The version whose records it keeps.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Makes a row, with defaults for the fields that are not given. Answers its reference.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn create<'a>(&mut self, class: &str, fields: impl IntoIterator<Item = (&'a str, Value)>) -> String {
        let reference = self.ids.reference();
        let uuid = self.ids.uuid();
        self.create_as(class, &reference, [("uuid", Value::text(uuid))].into_iter().chain(fields));
        reference
    }

    /// Makes a row with a reference that the caller chose.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn create_as<'a>(
        &mut self,
        class: &str,
        reference: &str,
        fields: impl IntoIterator<Item = (&'a str, Value)>,
    ) {
        let class = known(class);
        self.generation += 1;
        let mut row = Row::new(class, self.version, self.generation);
        for (field, value) in fields {
            row.put(field, value);
        }
        self.table_mut(class).insert(reference, row);
        self.link(&class.name, reference);
    }

    /// Whether the row is there.
    pub fn has(&self, class: &str, reference: &str) -> bool {
        self.row(class, reference).is_some()
    }

    /// A row.
    pub fn row(&self, class: &str, reference: &str) -> Option<&Row> {
        self.tables.get(class)?.get(reference)
    }

    /// All rows of a class, in the order of their references.
    pub fn rows(&self, class: &str) -> impl Iterator<Item = (&str, &Row)> {
        self.tables.get(class).into_iter().flat_map(Table::iter)
    }

    /// All references of a class.
    pub fn refs(&self, class: &str) -> Vec<String> {
        self.rows(class).map(|(reference, _)| reference.to_owned()).collect()
    }

    /// The value of a field; `Null` where the row or the field is missing.
    pub fn get(&self, class: &str, reference: &str, field: &str) -> &Value {
        self.row(class, reference).map_or(&Value::Null, |row| row.get(field))
    }

    /// The text of a field; empty where the row or the field is missing.
    pub fn text(&self, class: &str, reference: &str, field: &str) -> &str {
        self.get(class, reference, field).as_text()
    }

    /// The truth of a field; false where the row or the field is missing.
    pub fn is_true(&self, class: &str, reference: &str, field: &str) -> bool {
        self.get(class, reference, field).is_true()
    }

    /// The members of a set of texts.
    pub fn texts(&self, class: &str, reference: &str, field: &str) -> Vec<String> {
        self.get(class, reference, field).as_texts()
    }

    /// The first row of a class that has the value in the field.
    pub fn find(&self, class: &str, field: &str, value: &Value) -> Option<String> {
        self.rows(class).find(|(_, row)| row.get(field) == value).map(|(reference, _)| reference.to_owned())
    }

    /// The row of a class that has the name label.
    pub fn find_by_name(&self, class: &str, name: &str) -> Option<String> {
        self.find(class, "name_label", &Value::text(name))
    }

    /// Writes a field. Where the value is the same already nothing happens, and no event either.
    pub fn set(&mut self, class: &str, reference: &str, field: &str, value: Value) {
        let class = known(class);
        let Some(row) = self.row(&class.name, reference) else { return };
        if !row.has(field) || *row.get(field) == value {
            return;
        }
        self.generation += 1;
        let is_relation = relations::is_relation(&class.name, field);
        if is_relation {
            self.unlink(&class.name, reference);
        }
        let generation = self.generation;
        if let Some(row) = self.table_mut(class).get_mut(reference) {
            row.put(field, value);
            row.modified = generation;
        }
        if is_relation {
            self.link(&class.name, reference);
        }
    }

    /// Marks a row as changed, though nothing about it is.
    pub fn touch(&mut self, class: &str, reference: &str) {
        let class = known(class);
        self.generation += 1;
        let generation = self.generation;
        if let Some(row) = self.table_mut(class).get_mut(reference) {
            row.modified = generation;
        }
    }

    /// Deletes a row. References to it elsewhere stay, and dangle.
    pub fn destroy(&mut self, class: &str, reference: &str) {
        let class = known(class);
        if !self.has(&class.name, reference) {
            return;
        }
        self.generation += 1;
        self.unlink(&class.name, reference);
        let generation = self.generation;
        self.table_mut(class).remove(reference, generation);
    }

    /// A row as calls answer it, its fields in the data model's order.
    pub fn record(&self, class: &str, reference: &str) -> Option<Value> {
        let row = self.row(class, reference)?;
        let fields = known(class).fields_of(self.version);
        Some(Value::Map(fields.map(|field| (field.name.clone(), row.get(&field.name).clone())).collect()))
    }

    /// The reference of the pool's one row.
    pub fn pool(&self) -> String {
        self.rows("pool").next().map_or_else(|| NULL.to_owned(), |(reference, _)| reference.to_owned())
    }

    /// The reference of the master.
    pub fn master(&self) -> String {
        self.text("pool", &self.pool(), "master").to_owned()
    }

    /// Whether the pool holds a host for alive.
    pub fn is_live(&self, host: &str) -> bool {
        self.is_true("host_metrics", self.text("host", host, "metrics"), "live")
    }

    /// Where new references, uuids and MACs come from.
    pub fn ids(&mut self) -> &mut Ids {
        &mut self.ids
    }

    /// How many rows each class has, for `valid_ref_counts`: the classes that are not simulated have none.
    pub(crate) fn counts(&self) -> Vec<(String, usize)> {
        let count = |name: &str| {
            let table = self.tables.iter().find(|(class, _)| class.eq_ignore_ascii_case(name));
            // xapi has a session of its own, which has no row here.
            table.map_or(0, |(_, table)| table.len()) + usize::from(name == "session")
        };
        changes::COUNTED.iter().map(|name| ((*name).to_owned(), count(name))).collect()
    }

    /// What a restart of the master's xapi forgets: sessions, and which rows were deleted.
    pub(crate) fn forget_what_a_restart_forgets(&mut self) {
        for reference in self.refs("session") {
            self.destroy("session", &reference);
        }
        for table in self.tables.values_mut() {
            table.forget_deletions();
        }
    }

    /// Takes over where another database's names stand, so that a backup gives none out twice.
    pub(crate) fn continue_ids(&mut self, other: &Database) {
        self.ids = other.ids.clone();
    }

    /// Makes a row look as if it had been there before the first change: xapi makes its own host's rows so early.
    pub(crate) fn backdate(&mut self, class: &str, reference: &str) {
        if let Some(row) = self.table_mut(known(class)).get_mut(reference) {
            row.created = 0;
        }
    }

    fn table_mut(&mut self, class: &'static Class) -> &mut Table {
        self.tables.entry(&class.name).or_default()
    }
}

/// The class of a name that our own code wrote.
fn known(name: &str) -> &'static Class {
    class(name).unwrap_or_else(|| panic!("there is no class {name} in the data model"))
}
