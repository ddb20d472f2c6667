//! The rows that a pool and a host begin with.
//!
//! Pure: writes a database, tells nobody.

use std::net::IpAddr;

use super::spec::{HostSpec, InterfaceSpec, PoolSpec};
use crate::{database::Database, value::Value};

/// A pool's rows, with those of all its hosts. Answers the references of the hosts.
pub(super) fn pool(spec: &PoolSpec, date: &str) -> (Database, Vec<String>) {
    let mut database = Database::new(spec.version, spec.seed);
    let hosts: Vec<String> = spec.hosts.iter().map(|host| host_row(&mut database, host, date)).collect();
    // xapi makes its own host before it counts changes: a client that begins hears of it as changed, not as new.
    let metrics = database.text("host", &hosts[0], "metrics").to_owned();
    database.backdate("host", &hosts[0]);
    database.backdate("host_metrics", &metrics);
    let fields = [
        ("name_label", Value::text(&spec.name)),
        ("master", Value::text(&hosts[0])),
        ("default_SR", Value::null_ref()),
        ("suspend_image_SR", Value::null_ref()),
        ("crash_dump_SR", Value::null_ref()),
        ("ha_cluster_stack", Value::text("xhad")),
        ("other_config", Value::map([("memory-ratio-hvm", "0.25"), ("memory-ratio-pv", "0.25")])),
    ];
    database.create("pool", fields);
    for (host, spec) in hosts.iter().zip(&spec.hosts) {
        report_software(&mut database, host);
        interfaces(&mut database, host, spec);
        control_domain(&mut database, host, &spec.name);
        set_live(&mut database, host, true);
        database.set("host", host, "enabled", Value::Bool(true));
        for pif in database.texts("host", host, "PIFs") {
            database.set("PIF", &pif, "currently_attached", Value::Bool(true));
        }
    }
    (database, hosts)
}

/// A host's row as it is when it joins: disabled, not live, without PIFs, and not telling of Open vSwitch yet.
pub(super) fn host_row(database: &mut Database, spec: &HostSpec, date: &str) -> String {
    let fields = [("live", Value::Bool(false)), ("last_updated", Value::Date(date.to_owned()))];
    let metrics = database.create("host_metrics", fields);
    let minor = database.version().api_minor();
    database.create(
        "host",
        [
            ("name_label", Value::text(&spec.name)),
            ("name_description", Value::text("Default install")),
            ("API_version_major", Value::Int(2)),
            ("API_version_minor", Value::Int(minor)),
            ("API_version_vendor", Value::text("XenSource")),
            ("enabled", Value::Bool(false)),
            ("sched_policy", Value::text("credit")),
            ("supported_bootloaders", Value::texts(["pygrub", "eliloader"])),
            ("hostname", Value::text(&spec.name)),
            ("address", Value::text(spec.address.to_string())),
            ("metrics", Value::text(metrics)),
            ("ssl_legacy", Value::Bool(false)),
        ],
    )
}

/// What a host tells of itself once its xapi runs.
pub(super) fn report_software(database: &mut Database, host: &str) {
    let software = Value::map(database.version().software());
    database.set("host", host, "software_version", software);
}

/// The PIFs of a host's interfaces, unplugged, and networks for those that are the first of theirs.
pub(super) fn interfaces(database: &mut Database, host: &str, spec: &HostSpec) {
    for interface in &spec.interfaces {
        let is_management = interface.address.is_some_and(|(address, _)| address == spec.address);
        add_interface(database, host, interface, is_management);
    }
}

/// The PIF of one interface.
pub(super) fn add_interface(
    database: &mut Database,
    host: &str,
    interface: &InterfaceSpec,
    is_management: bool,
) -> String {
    let network = database.find_by_name("network", &interface.network).unwrap_or_else(|| {
        let bridge = interface.device.replacen("eth", "xenbr", 1);
        let fields = [
            ("name_label", Value::text(&interface.network)),
            ("bridge", Value::text(bridge)),
            ("MTU", Value::Int(interface.mtu)),
        ];
        database.create("network", fields)
    });
    let metrics =
        database.create("PIF_metrics", [("carrier", Value::Bool(true)), ("speed", Value::Int(10_000))]);
    let mac = database.ids().mac();
    let pif = database.create(
        "PIF",
        [
            ("device", Value::text(&interface.device)),
            ("network", Value::text(network)),
            ("host", Value::text(host)),
            ("MAC", Value::text(mac)),
            ("MTU", Value::Int(interface.mtu)),
            ("VLAN", Value::Int(-1)),
            ("metrics", Value::text(metrics)),
            ("physical", Value::Bool(true)),
            ("currently_attached", Value::Bool(false)),
            ("management", Value::Bool(is_management)),
            ("properties", Value::map([("gro", "on")])),
        ],
    );
    set_address(database, &pif, interface.address);
    pif
}

/// A PIF's address, static, or none.
pub(super) fn set_address(database: &mut Database, pif: &str, address: Option<(IpAddr, u8)>) {
    let (mut mode, mut ip, mut netmask) = ("None", String::new(), String::new());
    let (mut mode_6, mut ips_6) = ("None", Vec::new());
    match address {
        Some((IpAddr::V4(address), prefix)) => {
            let bits = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            (mode, ip, netmask) = ("Static", address.to_string(), std::net::Ipv4Addr::from(bits).to_string());
        }
        Some((IpAddr::V6(address), prefix)) => {
            (mode_6, ips_6) = ("Static", vec![format!("{address}/{prefix}")])
        }
        None => {}
    }
    database.set("PIF", pif, "ip_configuration_mode", Value::text(mode));
    database.set("PIF", pif, "IP", Value::text(ip));
    database.set("PIF", pif, "netmask", Value::text(netmask));
    database.set("PIF", pif, "ipv6_configuration_mode", Value::text(mode_6));
    database.set(
        "PIF",
        pif,
        "primary_address_type",
        Value::text(if mode_6 == "None" { "IPv4" } else { "IPv6" }),
    );
    database.set("PIF", pif, "IPv6", Value::texts(ips_6));
}

/// The VM that a host's own system is.
pub(super) fn control_domain(database: &mut Database, host: &str, name: &str) {
    let label = format!("Control domain on host: {name}");
    let vm = vm_row(database, &label);
    database.set("VM", &vm, "is_control_domain", Value::Bool(true));
    database.set("VM", &vm, "domid", Value::Int(0));
    database.set("VM", &vm, "power_state", Value::text("Running"));
    database.set("VM", &vm, "affinity", Value::text(host));
    database.set("VM", &vm, "resident_on", Value::text(host));
    database.set("host", host, "control_domain", Value::text(vm));
}

/// A halted VM without VIFs.
pub(super) fn vm_row(database: &mut Database, name: &str) -> String {
    let metrics = database.ids().reference();
    database.create(
        "VM",
        [
            ("name_label", Value::text(name)),
            ("power_state", Value::text("Halted")),
            ("domid", Value::Int(-1)),
            ("resident_on", Value::null_ref()),
            ("affinity", Value::null_ref()),
            ("metrics", Value::text(metrics)),
            ("guest_metrics", Value::null_ref()),
            ("memory_static_max", Value::Int(1 << 30)),
            ("VCPUs_max", Value::Int(1)),
            ("VCPUs_at_startup", Value::Int(1)),
            ("actions_after_shutdown", Value::text("destroy")),
            ("actions_after_reboot", Value::text("restart")),
            ("actions_after_crash", Value::text("destroy")),
        ],
    )
}

/// Whether the pool holds a host for alive.
pub(super) fn set_live(database: &mut Database, host: &str, is_live: bool) {
    let metrics = database.text("host", host, "metrics").to_owned();
    database.set("host_metrics", &metrics, "live", Value::Bool(is_live));
}
