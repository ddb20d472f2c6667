//! What `event.from` answers: for each object at most one event since a generation, with its present record.
//!
//! Pure. It is a view of the state, not a log: changes coalesce, an object that was made and deleted since never was, and
//! deletions that were forgotten are missing without a word. Waiting is done in `calls::event`.

use super::Database;
use crate::value::Value;

/// The classes of `valid_ref_counts`, in lower case: all of xapi's, also those that are not simulated.
pub(super) const COUNTED: &[&str] = &[
    "vdi_nbd_server_info",
    "user",
    "tunnel",
    "task",
    "subject",
    "sr_stat",
    "session",
    "secret",
    "role",
    "probe_result",
    "pool_update",
    "pool_patch",
    "pool",
    "network_sriov",
    "network",
    "message",
    "host_patch",
    "host_metrics",
    "host_crashdump",
    "host_cpu",
    "host",
    "event",
    "data_source",
    "crashdump",
    "console",
    "blob",
    "auth",
    "vusb",
    "vtpm",
    "vm_metrics",
    "vm_guest_metrics",
    "vm_appliance",
    "vmss",
    "vmpp",
    "vm",
    "vlan",
    "vif_metrics",
    "vif",
    "vgpu_type",
    "vgpu",
    "vdi",
    "vbd_metrics",
    "vbd",
    "usb_group",
    "sr",
    "sm",
    "sdn_controller",
    "repository",
    "pvs_site",
    "pvs_server",
    "pvs_proxy",
    "pvs_cache_storage",
    "pusb",
    "pif_metrics",
    "pif",
    "pgpu",
    "pci",
    "pbd",
    "lvhd",
    "gpu_group",
    "feature",
    "diagnostics",
    "dr_task",
    "cluster_host",
    "cluster",
    "certificate",
    "bond",
];

/// What a client wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// Everything.
    All,
    /// A class, in lower case.
    Class(String),
    /// One object of a class, in lower case.
    Object(String, String),
    /// Text that means nothing: no error, and no events.
    Nothing,
}

/// The events since a generation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Changes {
    /// As answered: adds, then mods, then deletions.
    pub(crate) events: Vec<Value>,
    /// The latest change among them; what was asked for if there is none.
    pub(crate) generation: u64,
}

impl Subscription {
    pub(crate) fn parse(text: &str) -> Subscription {
        let text_low = text.to_ascii_lowercase();
        match text.split('/').collect::<Vec<_>>()[..] {
            ["*"] => Subscription::All,
            ["" | "*", ..] => Subscription::Nothing,
            [_] => Subscription::Class(text_low),
            [class, reference] => Subscription::Object(class.to_ascii_lowercase(), reference.to_owned()),
            _ => Subscription::Nothing,
        }
    }

    fn covers(&self, class: &str, reference: &str) -> bool {
        match self {
            Subscription::All => true,
            Subscription::Class(name) => name == class,
            Subscription::Object(name, object) => name == class && object == reference,
            Subscription::Nothing => false,
        }
    }
}

impl Database {
    /// What changed after a generation, as far as somebody subscribed to it.
    pub(crate) fn changes(&self, subscriptions: &[Subscription], since: u64) -> Changes {
        let (mut adds, mut mods, mut deletions) = (Vec::new(), Vec::new(), Vec::new());
        let mut latest = since;
        // Sessions are secret: they make no events.
        for (class, table) in self.tables.iter().filter(|(class, _)| **class != "session") {
            let name = class.to_ascii_lowercase();
            let is_wanted = |reference: &str| subscriptions.iter().any(|one| one.covers(&name, reference));
            for (reference, row) in table.iter().filter(|(_, row)| row.modified > since) {
                if !is_wanted(reference) {
                    continue;
                }
                latest = latest.max(row.modified);
                let record = self.record(class, reference);
                if row.created > since {
                    adds.push(event(&name, "add", reference, row.created, record));
                } else {
                    mods.push(event(&name, "mod", reference, row.modified, record));
                }
            }
            // An object that was made after the generation is not known to whoever asks.
            let gone = table.deletions().filter(|gone| gone.deleted > since && gone.created <= since);
            for gone in gone.filter(|gone| is_wanted(&gone.reference)) {
                latest = latest.max(gone.deleted);
                deletions.push(event(&name, "del", &gone.reference, gone.deleted, None));
            }
        }
        let events = adds.into_iter().chain(mods).chain(deletions).collect();
        Changes { events, generation: latest }
    }
}

fn event(class: &str, operation: &str, reference: &str, id: u64, snapshot: Option<Value>) -> Value {
    let mut entries = vec![
        ("id".to_owned(), Value::text(id.to_string())),
        ("timestamp".to_owned(), Value::text("0.0")),
        ("class".to_owned(), Value::text(class)),
        ("operation".to_owned(), Value::text(operation)),
        ("ref".to_owned(), Value::text(reference)),
    ];
    entries.extend(snapshot.map(|snapshot| ("snapshot".to_owned(), snapshot)));
    Value::Map(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datamodel::Version;

    #[test]
    fn many_changes_of_an_object_are_one_event_with_its_last_state() {
        let (mut database, network) = with_network();
        let since = database.generation();
        database.set("network", &network, "name_label", Value::text("a"));
        database.set("network", &network, "name_label", Value::text("b"));
        let changes = database.changes(&all(), since);
        assert_eq!(shown(&changes), ["mod network"]);
        assert_eq!(changes.events[0].get("snapshot").unwrap().get("name_label"), Some(&Value::text("b")));
        assert_eq!(changes.generation, database.generation());
    }

    #[test]
    fn an_unchanged_value_is_no_event() {
        let (mut database, network) = with_network();
        database.set("network", &network, "name_label", Value::text("a"));
        let since = database.generation();
        database.set("network", &network, "name_label", Value::text("a"));
        assert_eq!(database.changes(&all(), since), Changes { events: vec![], generation: since });
    }

    #[test]
    fn what_was_made_and_changed_is_one_add() {
        let (mut database, network) = with_network();
        database.set("network", &network, "name_label", Value::text("a"));
        assert_eq!(shown(&database.changes(&all(), 0)), ["add network"]);
    }

    #[test]
    fn what_was_made_and_deleted_never_was() {
        let (mut database, network) = with_network();
        database.destroy("network", &network);
        assert_eq!(database.changes(&all(), 0), Changes { events: vec![], generation: 0 });
    }

    #[test]
    fn a_deletion_has_no_snapshot_and_reaches_also_who_never_saw_the_object() {
        let (mut database, network) = with_network();
        let since = database.generation();
        database.destroy("network", &network);
        let changes = database.changes(&all(), since);
        assert_eq!(shown(&changes), ["del network"]);
        assert_eq!(changes.events[0].get("snapshot"), None);
    }

    #[test]
    fn adds_come_first_and_deletions_last() {
        let (mut database, first) = with_network();
        let second = database.create("network", []);
        let since = database.generation();
        database.destroy("network", &first);
        database.set("network", &second, "name_label", Value::text("x"));
        database.create("network", []);
        assert_eq!(shown(&database.changes(&all(), since)), ["add network", "mod network", "del network"]);
    }

    #[test]
    fn a_token_of_the_future_yields_nothing() {
        let (mut database, network) = with_network();
        database.set("network", &network, "name_label", Value::text("a"));
        assert_eq!(database.changes(&all(), 9_999), Changes { events: vec![], generation: 9_999 });
    }

    #[test]
    fn the_token_is_the_latest_change_reported_not_the_databases() {
        let (mut database, network) = with_network();
        let since = database.generation();
        database.touch("network", &network);
        let reported = database.generation();
        database.create("PIF", []);
        let networks = [Subscription::parse("Network")];
        assert_eq!(database.changes(&networks, since).generation, reported);
    }

    #[test]
    fn a_flood_of_deletions_loses_the_oldest_without_a_word() {
        let mut database = Database::new(Version::V23_4, 1);
        let networks: Vec<String> = (0..600).map(|_| database.create("network", [])).collect();
        let since = database.generation();
        for network in &networks {
            database.destroy("network", network);
        }
        let heard = database.changes(&all(), since).events.len();
        assert!((256..512).contains(&heard), "{heard} of 600 deletions are remembered");
        let last = database.changes(&all(), since).events[0].get("ref").cloned();
        assert_eq!(last, Some(Value::text(networks.last().unwrap())));
    }

    #[test]
    fn subscriptions_are_read_as_xapi_reads_them() {
        assert_eq!(Subscription::parse("*"), Subscription::All);
        assert_eq!(Subscription::parse("PIF"), Subscription::Class("pif".to_owned()));
        assert_eq!(Subscription::parse("PIF/X"), Subscription::Object("pif".to_owned(), "X".to_owned()));
        for nonsense in ["", "a/b/c", "*/x"] {
            assert_eq!(Subscription::parse(nonsense), Subscription::Nothing, "{nonsense}");
        }
    }

    fn with_network() -> (Database, String) {
        let mut database = Database::new(Version::V23_4, 1);
        let network = database.create("network", []);
        (database, network)
    }

    fn all() -> [Subscription; 1] {
        [Subscription::All]
    }

    fn shown(changes: &Changes) -> Vec<String> {
        let text = |event: &Value, key| event.get(key).unwrap().as_text().to_owned();
        changes
            .events
            .iter()
            .map(|event| format!("{} {}", text(event, "operation"), text(event, "class")))
            .collect()
    }
}
