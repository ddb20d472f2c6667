//! Relations between classes, kept on both sides: a reference here, a set of references there.
//!
//! Pure. Writing any reference of a row takes the row out of all its sets and puts it into all of them again, as xapi's
//! database does; each object at the other end counts as changed, also one whose set is the same afterwards.

use super::{Database, known};
use crate::value::Value;

/// A reference and the set that mirrors it.
struct Relation {
    class: &'static str,
    field: &'static str,
    other_class: &'static str,
    other_field: &'static str,
}

const fn relation(
    class: &'static str,
    field: &'static str,
    other_class: &'static str,
    other_field: &'static str,
) -> Relation {
    Relation { class, field, other_class, other_field }
}

const RELATIONS: &[Relation] = &[
    relation("PIF", "host", "host", "PIFs"),
    relation("PIF", "network", "network", "PIFs"),
    relation("PIF", "bond_slave_of", "Bond", "slaves"),
    relation("VIF", "network", "network", "VIFs"),
    relation("VIF", "VM", "VM", "VIFs"),
    relation("VM", "resident_on", "host", "resident_VMs"),
    relation("tunnel", "access_PIF", "PIF", "tunnel_access_PIF_of"),
    relation("tunnel", "transport_PIF", "PIF", "tunnel_transport_PIF_of"),
    relation("Bond", "master", "PIF", "bond_master_of"),
    relation("VLAN", "tagged_PIF", "PIF", "VLAN_slave_of"),
    relation("task", "subtask_of", "task", "subtasks"),
    relation("Certificate", "host", "host", "certificates"),
];

/// Whether another object mirrors the field.
pub(super) fn is_relation(class: &str, field: &str) -> bool {
    RELATIONS.iter().any(|relation| relation.class == class && relation.field == field)
}

impl Database {
    /// Puts a row into the sets of the objects that it refers to.
    pub(super) fn link(&mut self, class: &str, reference: &str) {
        self.mirror(class, reference, |members, reference| members.insert(0, Value::text(reference)));
    }

    /// Takes a row out of the sets of the objects that it refers to.
    pub(super) fn unlink(&mut self, class: &str, reference: &str) {
        self.mirror(class, reference, |members, reference| {
            members.retain(|member| member.as_text() != reference);
        });
    }

    fn mirror(&mut self, class: &str, reference: &str, change: impl Fn(&mut Vec<Value>, &str)) {
        let generation = self.generation;
        for relation in RELATIONS.iter().filter(|relation| relation.class == class) {
            let other = self.text(class, reference, relation.field).to_owned();
            let Some(row) = self.table_mut(known(relation.other_class)).get_mut(&other) else { continue };
            let mut members = row.get(relation.other_field).members().to_vec();
            change(&mut members, reference);
            row.put(relation.other_field, Value::Set(members));
            row.modified = generation;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{database::Database, datamodel::Version, value::Value};

    #[test]
    fn a_reference_shows_at_both_ends_and_changes_both() {
        let mut database = Database::new(Version::V23_4, 1);
        let network = database.create("network", []);
        let made = database.generation();
        let pif = database.create("PIF", [("network", Value::text(&network))]);
        assert_eq!(database.texts("network", &network, "PIFs"), std::slice::from_ref(&pif));
        assert!(database.row("network", &network).unwrap().modified > made);
        database.destroy("PIF", &pif);
        assert!(database.texts("network", &network, "PIFs").is_empty());
    }

    #[test]
    fn writing_one_reference_counts_as_a_change_of_all_that_the_row_refers_to() {
        let mut database = Database::new(Version::V23_4, 1);
        let network = database.create("network", []);
        let host = database.create("host", []);
        let fields = [("network", Value::text(&network)), ("host", Value::text(&host))];
        let pif = database.create("PIF", fields);
        let bond = database.create("Bond", []);
        let before = database.generation();
        database.set("PIF", &pif, "bond_slave_of", Value::text(&bond));
        for (class, reference) in [("network", &network), ("host", &host), ("Bond", &bond)] {
            assert!(database.row(class, reference).unwrap().modified > before, "{class}");
        }
    }

    #[test]
    fn a_reference_to_nothing_is_kept() {
        let mut database = Database::new(Version::V23_4, 1);
        let network = database.create("network", []);
        let pif = database.create("PIF", [("network", Value::text(&network))]);
        database.destroy("network", &network);
        assert_eq!(database.text("PIF", &pif, "network"), network);
    }
}
