//! Turns a [`HostDiff`] into one guarded transaction.
//!
//! Pure. In this order: the guard on the stored fence, a `wait` for each row that the diff relies on, the new fence,
//! then the removals, the additions, the changes in place. A `mutate` of a row that has vanished counts 0 rows and is no
//! error in OVSDB, and a port inserted for it would vanish silently; the `wait`s make the whole transaction fail instead.
//!
//! Names are compared when all is done, and rows that nothing refers to any more are gone by then: a name that one row
//! gives up may be given to a new one in the same transaction, in any order. So does an interface move between ports.
//!
//! *Invariant:* no row is named that is not ours, except that the list of ports of a foreign bridge loses a port of
//! ours, and that what Xen Orchestra's plugin left on the bridge of an adopted network is taken over. A diff that names one is refused here, whoever made it.

mod adoption;
mod bridge;
mod port;

use std::collections::BTreeSet;

use asterism_model::{Fence, HostDiff, NetworkId, RowUuid, target::NETWORK_KEY};
use serde_json::{Value, json};

use crate::{
    fencing::{guard, raise, this},
    observe::is_ours,
    replica::Replica,
    row::Row,
    schema::{Schema, Table},
    transaction::{Transaction, insert, wait},
    value::{map_json, uuid_json},
};

/// A diff that the rows at hand contradict: it was made from an older picture, or is no diff of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    #[error("{what} is gone")]
    Gone { what: String },
    #[error("{what} is not ours")]
    Foreign { what: String },
    #[error("bridge {bridge} holds port {port}, which is not ours")]
    InUse { bridge: String, port: String },
    #[error("{what} is not one of port {port}")]
    NoMember { what: String, port: String },
    #[error("the server's schema has no column {column} in table {table}")]
    NoColumn { table: &'static str, column: &'static str },
}

/// The transaction that carries out `diff`, guarded on `stored`, leaving `fence` behind.
///
/// `replica` must not be older than the picture that the diff was made from.
pub fn transaction(
    replica: &Replica,
    schema: &Schema,
    root: RowUuid,
    stored: Fence,
    fence: Fence,
    diff: &HostDiff,
) -> Result<Transaction, ChangeRefusal> {
    let (checks, writes, claimed) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut builder = Builder { replica, schema, root, claimed, checks, writes, named: 0 };
    builder.add_diff(diff)?;
    let mut transaction = Transaction::guarded_by(guard(root, stored));
    for (purpose, check) in builder.checks {
        transaction.push(purpose, check);
    }
    raise(&mut transaction, root, stored, fence);
    for (purpose, write) in builder.writes {
        transaction.push(purpose, write);
    }
    Ok(transaction)
}

struct Builder<'a> {
    replica: &'a Replica,
    schema: &'a Schema,
    root: RowUuid,
    /// Bridges that become ours by this transaction.
    claimed: BTreeSet<RowUuid>,
    /// Conditions on rows as they are before any write.
    checks: Vec<(String, Value)>,
    writes: Vec<(String, Value)>,
    /// How many rows were inserted; makes their `uuid-name`s.
    named: usize,
}

impl Builder<'_> {
    fn add_diff(&mut self, diff: &HostDiff) -> Result<(), ChangeRefusal> {
        for claim in &diff.claim_bridges {
            self.claim_bridge(claim)?;
        }
        for claim in &diff.claim_ports {
            self.claim_port(claim)?;
        }
        for removal in &diff.remove_strays {
            self.remove_stray(removal)?;
        }
        for removal in &diff.remove_ports {
            self.remove_port(removal)?;
        }
        for removal in &diff.remove_bridges {
            self.remove_bridge(removal)?;
        }
        for bridge in &diff.add_bridges {
            self.add_bridge(bridge)?;
        }
        for addition in &diff.add_ports {
            self.add_port(addition)?;
        }
        for change in &diff.change_bridges {
            self.change_bridge(change)?;
        }
        for change in &diff.change_ports {
            self.change_port(change)?;
        }
        for change in &diff.change_interfaces {
            self.change_interface(change)?;
        }
        for release in &diff.release_bridges {
            self.release_bridge(release)?;
        }
        Ok(())
    }

    /// Inserts a row and gives the reference to it.
    fn insert(&mut self, table: Table, label: &str, row: Value) -> Value {
        let name = format!("row{}", self.named);
        self.named += 1;
        self.write(format!("inserting {} {label}", table.name()), insert(table, &name, row));
        json!(["named-uuid", name])
    }

    fn check(&mut self, purpose: String, operation: Value) {
        self.checks.push((purpose, operation));
    }

    fn write(&mut self, purpose: String, operation: Value) {
        self.writes.push((purpose, operation));
    }

    fn knows(&self, table: Table, column: &str) -> bool {
        self.schema.has(table, column)
    }

    fn require(&self, table: Table, column: &'static str) -> Result<(), ChangeRefusal> {
        if self.knows(table, column) {
            Ok(())
        } else {
            Err(ChangeRefusal::NoColumn { table: table.name(), column })
        }
    }

    /// Demands that the row is there under the name that the diff knows it by.
    fn check_name(&mut self, table: Table, row: RowUuid, name: &str) {
        let purpose = format!("that {} {name} is there", table.name());
        self.check(purpose, wait(table, this(row), json!({ "name": name })));
    }

    /// Demands that the row is there under its name, and carries this network.
    fn check_network(&mut self, table: Table, row: RowUuid, name: &str, network: NetworkId) {
        let carries = json!([["_uuid", "==", uuid_json(row)], ["external_ids", "includes", mark(network)]]);
        let what = table.name().to_lowercase();
        self.check(
            format!("that {what} {name} is there and carries network {network}"),
            wait(table, carries, json!({ "name": name })),
        );
    }

    /// The row, if it is there and ours.
    fn ours(&self, table: Table, row: RowUuid, what: &str) -> Result<&Row, ChangeRefusal> {
        let row =
            self.replica.row(table, row).ok_or_else(|| ChangeRefusal::Gone { what: what.to_owned() })?;
        if is_ours(row) { Ok(row) } else { Err(ChangeRefusal::Foreign { what: what.to_owned() }) }
    }

    /// Demands that the interface is there, and is ours itself or of a port that `owns` it.
    fn belongs(
        &self,
        interface: RowUuid,
        name: &str,
        owns: impl Fn(&Row) -> bool,
    ) -> Result<(), ChangeRefusal> {
        let what = || format!("interface {name}");
        let row = self
            .replica
            .row(Table::Interface, interface)
            .ok_or_else(|| ChangeRefusal::Gone { what: what() })?;
        let mut ports = self.replica.rows(Table::Port).map(|(_, port)| port);
        let belongs = is_ours(row)
            || ports.any(|port| owns(port) && port.uuids("interfaces").any(|held| held == interface));
        if belongs { Ok(()) } else { Err(ChangeRefusal::Foreign { what: what() }) }
    }
}

/// What makes a row ours.
fn mark(network: NetworkId) -> Value {
    map_json([(NETWORK_KEY, network.0.to_string())])
}
