//! Forgets rows that refer to what is no more, as xapi does every 30 seconds.
//!
//! Pure. A host that is destroyed leaves its PIFs, metrics and tunnels behind; they dangle until this runs.

use super::Database;

/// Rows that go when what they refer to is gone.
const DEPENDENTS: &[(&str, &str, &str)] = &[
    ("PIF", "host", "host"),
    ("PIF", "network", "network"),
    ("tunnel", "access_PIF", "PIF"),
    ("tunnel", "transport_PIF", "PIF"),
    ("VLAN", "untagged_PIF", "PIF"),
    ("Bond", "master", "PIF"),
    ("VIF", "VM", "VM"),
    ("VIF", "network", "network"),
];

/// Metrics that go when nothing refers to them.
const METRICS: &[(&str, &str)] = &[("host_metrics", "host"), ("PIF_metrics", "PIF")];

impl Database {
    /// Deletes all rows that depend on one that is gone, and metrics of nothing.
    pub fn collect_garbage(&mut self) {
        for (class, field, other) in DEPENDENTS {
            let is_gone = |reference: &String| !self.has(other, self.text(class, reference, field));
            let dangling: Vec<String> = self.refs(class).into_iter().filter(is_gone).collect();
            for reference in dangling {
                self.destroy(class, &reference);
            }
        }
        for (metrics, owner) in METRICS {
            let used: Vec<&str> = self.rows(owner).map(|(_, row)| row.text("metrics")).collect();
            let unused: Vec<String> = self
                .refs(metrics)
                .into_iter()
                .filter(|reference| !used.contains(&reference.as_str()))
                .collect();
            for reference in unused {
                self.destroy(metrics, &reference);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{database::Database, datamodel::Version, value::Value};

    #[test]
    fn what_a_destroyed_host_leaves_behind_goes_later() {
        let mut database = Database::new(Version::V23_4, 1);
        let metrics = database.create("host_metrics", []);
        let host = database.create("host", [("metrics", Value::text(&metrics))]);
        let network = database.create("network", []);
        let fields = [("network", Value::text(&network)), ("host", Value::text(&host))];
        let pif = database.create("PIF", fields);
        let fields = [("access_PIF", Value::text(&pif)), ("transport_PIF", Value::text(&pif))];
        let tunnel = database.create("tunnel", fields);
        database.collect_garbage();
        assert!(database.has("tunnel", &tunnel), "nothing dangles yet");
        database.destroy("host", &host);
        assert!(database.has("PIF", &pif) && database.has("host_metrics", &metrics));
        database.collect_garbage();
        assert!(!database.has("PIF", &pif) && !database.has("host_metrics", &metrics));
        assert!(!database.has("tunnel", &tunnel));
        assert!(database.has("network", &network));
    }
}
