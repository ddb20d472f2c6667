//! What `asterctl -o json` answers, as far as the laboratory reads it, and the fence that a host keeps.
//!
//! Pure. Fields that are not read are not named.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `asterctl cluster status -o json`.
#[derive(Clone, Debug, Deserialize)]
pub struct ClusterStatus {
    pub cluster_id: Option<String>,
    pub leader: Option<u64>,
    pub replicas: Vec<ReplicaStatus>,
}

/// One replica, as the one that answered sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct ReplicaStatus {
    pub node: u64,
    /// Absent while it cannot be asked.
    pub status: Option<ReplicaState>,
}

/// How far a replica is.
#[derive(Clone, Debug, Deserialize)]
pub struct ReplicaState {
    pub role: String,
    pub applied_index: u64,
    /// Counts the changes of the state: equal before and after, nothing was changed.
    pub revision: u64,
    pub digest: String,
    pub epoch: u64,
}

/// `asterctl host show -o json`.
#[derive(Deserialize)]
pub(crate) struct HostAnswer {
    pub(crate) status: Option<HostStatus>,
}

/// A host as the leader sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct HostStatus {
    pub session: String,
    /// What the leader does with it: `settled`, `writing` ...
    pub phase: String,
    pub target: String,
    pub ovs_version: String,
}

/// `asterctl network show -o json`.
#[derive(Clone, Debug, Deserialize)]
pub struct NetworkStatus {
    pub id: u32,
    pub name: String,
    pub vni: Option<u32>,
    pub mtu: u16,
    pub root: Option<String>,
    pub pools: BTreeMap<String, serde_json::Value>,
}

/// `asterctl topology NETWORK -o json`.
#[derive(Clone, Debug, Deserialize)]
pub struct TopologyStatus {
    pub root: Option<String>,
    pub stars: Vec<StarStatus>,
    pub links: Vec<LinkStatus>,
}

/// One pool of it.
#[derive(Clone, Debug, Deserialize)]
pub struct StarStatus {
    pub pool: String,
    pub center: Option<Holder>,
    /// `pool/host`.
    pub standby: Option<String>,
}

/// Who holds a place.
#[derive(Clone, Debug, Deserialize)]
pub struct Holder {
    pub holder: String,
}

/// A tunnel.
#[derive(Clone, Debug, Deserialize)]
pub struct LinkStatus {
    pub from: String,
    pub to: String,
    pub state: String,
}

/// What a host keeps of the last leader that wrote to it: `<cluster>:<epoch>:<revision>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    pub cluster: String,
    pub epoch: u64,
    pub revision: u64,
}

impl Fence {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (cluster, epoch, revision) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { cluster: cluster.into(), epoch: epoch.parse().ok()?, revision: revision.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_read_and_garbage_is_not() {
        let fence = Fence { cluster: "c0ffee".into(), epoch: 3, revision: 41 };
        assert_eq!(Fence::parse("c0ffee:3:41"), Some(fence));
        assert_eq!(Fence::parse("c0ffee:3"), None);
        assert_eq!(Fence::parse("c0ffee:x:1"), None);
    }
}
