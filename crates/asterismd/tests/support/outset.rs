//! The certificates that a cluster under test starts with.

use std::path::Path;

use asterism_model::NodeId;
use asterism_pki::{Outset, Subject};
use asterismd::clock::Clock;

/// As `asterctl pki init` makes them for these nodes, with an admin called admin.
pub fn make(dir: &Path, ids: impl IntoIterator<Item = u64>) {
    let node = |id| Subject::Node { node: NodeId(id), addresses: vec!["127.0.0.1".to_owned()] };
    let nodes = ids.into_iter().map(node).collect();
    let now = i64::try_from(Clock::start().wall().0 / 1000).unwrap();
    Outset { nodes, admin: "admin".parse().unwrap(), days: 30 }.make(dir, now).unwrap();
}
