//! A snapshot file as it is shown.

use std::path::Path;

use asterism_model::backup::Backup;
use serde::Serialize;

use super::{View, time};
use crate::output::table::pairs;

#[derive(Debug, Serialize)]
pub struct SnapshotView {
    pub file: String,
    pub bytes: usize,
    pub cluster_id: String,
    pub cluster: String,
    pub taken_at: String,
    /// Whose state it is.
    pub node: u64,
    pub members: Vec<String>,
    pub index: u64,
    pub term: u64,
    pub epoch: u64,
    pub revision: u64,
    pub digest: String,
    pub program: String,
    pub pools: usize,
    pub hosts: usize,
    pub networks: usize,
}

impl SnapshotView {
    pub fn new(file: &Path, bytes: usize, backup: &Backup) -> Self {
        let head = &backup.head;
        Self {
            file: file.display().to_string(),
            bytes,
            cluster_id: head.cluster.id.to_string(),
            cluster: head.cluster.name.to_string(),
            taken_at: time(head.taken_at.0),
            node: head.node.0,
            members: head.members.iter().map(|(node, address)| format!("{}={address}", node.0)).collect(),
            index: head.index,
            term: head.term,
            epoch: head.epoch,
            revision: head.revision,
            digest: head.digest.clone(),
            program: head.program.clone(),
            pools: head.pools,
            hosts: head.hosts,
            networks: head.networks,
        }
    }
}

impl View for SnapshotView {
    const KIND: &'static str = "Snapshot";
    const COLUMNS: &'static [&'static str] = &["FILE", "TAKEN", "CLUSTER", "INDEX"];

    fn cells(&self) -> Vec<String> {
        vec![self.file.clone(), self.taken_at.clone(), self.cluster.clone(), self.index.to_string()]
    }

    fn text(&self) -> String {
        let Self { pools, hosts, networks, .. } = self;
        pairs(&[
            ("file", format!("{}, {} bytes, whole", self.file, self.bytes)),
            ("cluster", format!("{} ({})", self.cluster, self.cluster_id)),
            ("taken", format!("{} by node {}, version {}", self.taken_at, self.node, self.program)),
            ("state", format!("{pools} pools, {hosts} hosts, {networks} networks")),
            (
                "at",
                format!(
                    "index {}, term {}, epoch {}, revision {}",
                    self.index, self.term, self.epoch, self.revision
                ),
            ),
            ("digest", self.digest.clone()),
            ("members", self.members.join(" ")),
        ])
    }
}
