//! What each call needs. A call that is not listed needs an admin; a test walks the services and finds those that are missing.

use asterism_model::AccessRole::{self, Admin, Operator, Viewer};

/// Who may make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Whoever has this role or a greater one.
    Role(AccessRole),
    /// Replicas, in their own name.
    Node,
    /// Both.
    NodeOr(AccessRole),
}

/// The service of replicas among themselves. It checks besides that each is the node that it says.
const RAFT: &str = "/asterism.raft.v1.Raft/";
const ADMIN: &str = "/asterism.admin.v1.Admin/";

/// The calls of the admin service.
const CALLS: &[(&str, Need)] = &[
    // Replicas ask one another how they are.
    ("GetClusterStatus", Need::NodeOr(Viewer)),
    // What it commits changes nothing, so that monitoring may ask.
    ("Probe", Need::Role(Viewer)),
    ("GetMetrics", Need::Role(Viewer)),
    ("ListPools", Need::Role(Viewer)),
    ("ListHosts", Need::Role(Viewer)),
    ("ListNetworks", Need::Role(Viewer)),
    ("GetTopology", Need::Role(Viewer)),
    ("GetPlan", Need::Role(Viewer)),
    ("GetSettings", Need::Role(Viewer)),
    ("Explain", Need::Role(Viewer)),
    ("Verify", Need::Role(Viewer)),
    ("WhatIf", Need::Role(Viewer)),
    ("WatchEvents", Need::Role(Viewer)),
    ("Await", Need::Role(Viewer)),
    // It tells who works on the cluster, and from where.
    ("ListAudit", Need::Role(Operator)),
    ("Write", Need::Role(Operator)),
    ("AddXapiPool", Need::Role(Operator)),
    ("ChangeXapiAccess", Need::Role(Operator)),
    // It changes nothing, and dials where it is told to.
    ("CheckPool", Need::Role(Operator)),
    ("Adopt", Need::Role(Operator)),
    ("InitCluster", Need::Role(Admin)),
    ("ChangeMembers", Need::Role(Admin)),
    ("TransferLeadership", Need::Role(Admin)),
    // The whole state, with sealed passwords in it.
    ("SaveSnapshot", Need::Role(Admin)),
    ("RestoreSnapshot", Need::Role(Admin)),
    ("ReportDenied", Need::Node),
];

/// Calls that change nothing and are not held to the rate of writes.
const READS: &[&str] = &[
    "GetClusterStatus",
    "Probe",
    "GetMetrics",
    "ListPools",
    "ListHosts",
    "ListNetworks",
    "GetTopology",
    "GetPlan",
    "GetSettings",
    "Explain",
    "Verify",
    "WhatIf",
    "WatchEvents",
    "Await",
    "ListAudit",
    "CheckPool",
    "SaveSnapshot",
];

/// Services that say no more than that the replica is there, and what it can be asked.
const OPEN: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/"];

/// What the call to this path needs.
pub fn need(path: &str) -> Need {
    if path.starts_with(RAFT) {
        return Need::Node;
    }
    if OPEN.iter().any(|service| path.starts_with(service)) {
        return Need::NodeOr(Viewer);
    }
    let listed = path.strip_prefix(ADMIN).and_then(|method| CALLS.iter().find(|(name, _)| *name == method));
    listed.map_or(Need::Role(Admin), |(_, need)| *need)
}

/// Whether it may change something, as far as is known.
pub fn is_change(path: &str) -> bool {
    path.strip_prefix(ADMIN).is_some_and(|method| !READS.contains(&method))
}

/// The last part of a path: `Write`.
pub fn method(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use asterism_api::v1;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    fn methods() -> Vec<String> {
        let files = FileDescriptorSet::decode(v1::FILE_DESCRIPTOR_SET).unwrap().file;
        let services = files.into_iter().flat_map(|file| file.service);
        let methods = services.filter(|service| service.name() == "Admin").flat_map(|service| service.method);
        methods.map(|method| method.name().to_owned()).collect()
    }

    #[test]
    fn every_call_of_the_admin_service_is_listed_and_no_other() {
        let mut declared = methods();
        let mut listed: Vec<String> = CALLS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert!(declared.len() >= 17, "{declared:?}");
        declared.sort();
        listed.sort();
        assert_eq!(listed, declared, "say in CALLS what each call needs");
    }

    #[test]
    fn what_a_viewer_may_call_changes_nothing() {
        for (name, need) in CALLS {
            let path = format!("{ADMIN}{name}");
            let is_for_viewers = matches!(need, Need::Role(Viewer) | Need::NodeOr(Viewer));
            assert!(!is_for_viewers || !is_change(&path), "{name}");
        }
    }

    #[test]
    fn what_is_not_listed_needs_an_admin() {
        for path in ["/asterism.admin.v1.Admin/RemoveEverything", "/other.Service/Call", "", "/"] {
            assert_eq!(need(path), Need::Role(Admin), "{path}");
        }
        assert!(is_change("/asterism.admin.v1.Admin/RemoveEverything"));
    }
}
