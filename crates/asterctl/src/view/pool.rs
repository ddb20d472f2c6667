//! A pool as it is shown.

use asterism_api::v1;
use serde::Serialize;

use super::View;
use crate::output::table::{names, pairs};

#[derive(Debug, Serialize)]
pub struct PoolView {
    pub name: String,
    pub id: u32,
    /// `pool/host`.
    pub hosts: Vec<String>,
    pub networks: Vec<String>,
}

impl From<v1::Pool> for PoolView {
    fn from(pool: v1::Pool) -> Self {
        let v1::Pool { id, name, hosts, networks } = pool;
        Self { name, id, hosts, networks }
    }
}

impl View for PoolView {
    const KIND: &'static str = "Pool";
    const COLUMNS: &'static [&'static str] = &["POOL", "HOSTS", "NETWORKS"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.hosts.len().to_string(), names(&self.networks)]
    }

    fn text(&self) -> String {
        pairs(&[
            ("pool", self.name.clone()),
            ("id", self.id.to_string()),
            ("hosts", names(&self.hosts)),
            ("networks", names(&self.networks)),
        ])
    }
}
