//! What may differ from the recordings, each with its reason. The one place for that.

use asterism_xapi_sim::{Simulator, Value};

/// Exchanges whose answers are not compared.
const WHOLE: &[(&str, u64, &str)] = &[(
    "05-events.jsonl",
    133,
    "the parameter names xapi's own number of the session; ours names the session",
)];

/// Fields whose values are not compared, only their types.
const VALUES: &[(&str, &str)] = &[
    ("host.cpu_info", "of the harness's processor"),
    ("pool.cpu_info", "of the harness's processor"),
    ("host.software_version", "the harness's build, where ours names a product"),
    ("pool.restrictions", "of licences, which nothing here looks at"),
    ("host.allowed_operations", "not kept here: of all objects only VIFs tell what may be done with them"),
    ("host.edition", "of licences"),
    ("host.license_server", "of licences"),
    ("host.virtual_hardware_platform_versions", "the harness's hosts differ in it"),
    ("network.name_description", "the harness's physical networks have one"),
    ("vm.name_label", "the harness names its control domain after itself"),
    ("pif.MTU", "the harness's network daemon says 1500 of every bridge; here it is the network's"),
    ("task.backtrace", "ours has no OCaml"),
    ("task.current_operations", "cancelling a finished task leaves a mark that means nothing"),
    ("event.next[0].timestamp", "the recording's clock"),
    ("event.next[0].snapshot.name_description", "the harness's physical networks have one"),
];

/// Fields of VMs whose values are not compared: nothing of them concerns networks, and the harness chose them.
const VM_VALUES: &[&str] = &[
    "HVM_boot_policy",
    "VCPUs_at_startup",
    "VCPUs_max",
    "actions_after_reboot",
    "allowed_operations",
    "consoles",
    "domain_type",
    "domarch",
    "generation_id",
    "memory_dynamic_max",
    "memory_dynamic_min",
    "memory_overhead",
    "memory_static_max",
    "memory_target",
    "name_description",
    "other_config",
    "user_version",
];

/// Classes of `valid_ref_counts` that are not simulated.
pub(super) const NOT_COUNTED: &[&str] = &["console", "vm_metrics", "vif_metrics"];

/// Why an exchange is not compared.
pub(super) fn whole(file: &str, number: u64) -> Option<&'static str> {
    WHOLE.iter().find(|(name, line, _)| *name == file && *line == number).map(|(_, _, reason)| *reason)
}

/// Why the values of a field are not compared; `place` is the class, perhaps an index, and the field.
pub(super) fn value(place: &str) -> Option<&'static str> {
    if place
        .strip_prefix("vm.")
        .is_some_and(|field| VM_VALUES.contains(&field.split('.').next().unwrap_or(field)))
    {
        return Some("the harness chose it");
    }
    VALUES
        .iter()
        .find(|(name, _)| place == *name || place.starts_with(&format!("{name}.")))
        .map(|(_, reason)| *reason)
}

/// Takes away what a real pool has and the recorded one had not: control domains of slaves,
/// PIFs that were plugged, and wires.
pub(super) fn make_like_the_recorded_pool(simulator: &Simulator) {
    let hosts = ["h2", "h3"].map(|name| simulator.host(name));
    simulator.edit(|database| {
        for host in hosts {
            let domain = database.text("host", &host, "control_domain").to_owned();
            database.destroy("VM", &domain);
            database.set("host", &host, "control_domain", Value::null_ref());
        }
        for pif in database.refs("PIF") {
            database.set("PIF", &pif, "igmp_snooping_status", Value::text("unknown"));
            let metrics = database.text("PIF", &pif, "metrics").to_owned();
            database.set("PIF_metrics", &metrics, "carrier", Value::Bool(false));
            database.set("PIF_metrics", &metrics, "speed", Value::Int(0));
        }
    });
}

/// Synchronous calls have short-lived tasks in xapi; some of them show as deletions of what nobody knows.
pub(super) fn is_passing_task(event: &serde_json::Value, names: &crate::names::Names) -> bool {
    event["class"] == "task"
        && event["operation"] == "del"
        && names.ours(event["ref"].as_str().unwrap()).is_none()
}
