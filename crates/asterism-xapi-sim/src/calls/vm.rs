//! VMs: starting, stopping and moving, with what that does to their VIFs and to the PIFs of their networks.

use super::{
    Call,
    vif::{local_pif, plug, unplug},
    void,
};
use crate::{
    database::Database,
    failure::{Answer, Failure},
    pool::Pool,
    value::{NULL, Value},
};

/// `VM.domid` of a VM that does not run.
const NO_DOMAIN: i64 = -1;

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    let vm = || call.object("VM", 0);
    let done = |result: Result<(), Failure>| result.and_then(|()| void());
    Some(match name {
        "start" => vm().and_then(|vm| {
            let host = choose_host(call.pool, &vm)?;
            done(start(call.pool, &vm, &host))
        }),
        "start_on" => vm().and_then(|vm| done(start(call.pool, &vm, &call.object("host", 1)?))),
        "hard_shutdown" | "clean_shutdown" | "shutdown" => vm().and_then(|vm| done(stop(call.pool, &vm))),
        "pool_migrate" => vm().and_then(|vm| done(migrate(call.pool, &vm, &call.object("host", 1)?))),
        "destroy" => vm().and_then(|vm| destroy(call.pool, &vm)),
        "assert_can_boot_here" => vm().and_then(|vm| {
            let host = call.object("host", 1)?;
            done(call.pool.read(|database| check_networks(database, &vm, &host)))
        }),
        _ => return None,
    })
}

/// Starts a VM on a host: bridges, ports, then the records.
pub(crate) fn start(pool: &Pool, vm: &str, host: &str) -> Result<(), Failure> {
    pool.read(|database| {
        check_state(database, vm, "Halted")?;
        check_networks(database, vm, host)
    })?;
    let (vifs, domain) = pool.read(|database| (database.texts("VM", vm, "VIFs"), next_domain(database)));
    for vif in &vifs {
        plug(pool, vif, host, domain)?;
    }
    pool.write(|database| {
        for vif in &vifs {
            database.set("VIF", vif, "currently_attached", Value::Bool(true));
        }
        database.set("VM", vm, "domid", Value::Int(domain));
        database.set("VM", vm, "power_state", Value::text("Running"));
        database.set("VM", vm, "resident_on", Value::text(host));
    });
    Ok(())
}

/// Stops a VM.
pub(crate) fn stop(pool: &Pool, vm: &str) -> Result<(), Failure> {
    pool.read(|database| check_state(database, vm, "Running"))?;
    let (host, domain) = running_on(pool, vm);
    let vifs = pool.read(|database| database.texts("VM", vm, "VIFs"));
    for vif in
        vifs.iter().filter(|vif| pool.read(|database| database.is_true("VIF", vif, "currently_attached")))
    {
        unplug(pool, vif, &host, domain)?;
    }
    pool.write(|database| {
        for vif in &vifs {
            database.set("VIF", vif, "currently_attached", Value::Bool(false));
        }
        halt(database, vm);
    });
    Ok(())
}

/// Moves a running VM: its ports are at both hosts for a while, and `resident_on` changes near the end.
pub(crate) fn migrate(pool: &Pool, vm: &str, host: &str) -> Result<(), Failure> {
    pool.read(|database| {
        check_state(database, vm, "Running")?;
        check_networks(database, vm, host)
    })?;
    let (source, old_domain) = running_on(pool, vm);
    let (vifs, domain) = pool.read(|database| (database.texts("VM", vm, "VIFs"), next_domain(database)));
    pool.write(|database| {
        let task = database.ids().reference();
        database.set("VM", vm, "current_operations", Value::map([(task, "pool_migrate")]));
    });
    let moved = vifs.iter().try_for_each(|vif| plug(pool, vif, host, domain));
    if moved.is_ok() {
        pool.write(|database| {
            database.set("VM", vm, "domid", Value::Int(domain));
            database.set("VM", vm, "resident_on", Value::text(host));
        });
        for vif in &vifs {
            if let Err(failure) = unplug(pool, vif, &source, old_domain) {
                tracing::warn!(%failure, "a port stays at the source of a migration");
            }
        }
    }
    pool.write(|database| database.set("VM", vm, "current_operations", Value::map([("", ""); 0])));
    moved
}

/// What the database says of a VM whose host died.
pub(crate) fn halt(database: &mut Database, vm: &str) {
    database.set("VM", vm, "domid", Value::Int(NO_DOMAIN));
    database.set("VM", vm, "power_state", Value::text("Halted"));
    database.set("VM", vm, "resident_on", Value::null_ref());
}

fn destroy(pool: &Pool, vm: &str) -> Answer {
    pool.write(|database| {
        check_state(database, vm, "Halted")?;
        for vif in database.texts("VM", vm, "VIFs") {
            database.destroy("VIF", &vif);
        }
        database.destroy("VM", vm);
        void()
    })
}

fn running_on(pool: &Pool, vm: &str) -> (String, i64) {
    pool.read(|database| {
        (database.text("VM", vm, "resident_on").to_owned(), database.get("VM", vm, "domid").as_int())
    })
}

fn choose_host(pool: &Pool, vm: &str) -> Result<String, Failure> {
    pool.read(|database| {
        let is_able = |host: &String| database.is_true("host", host, "enabled") && database.is_live(host);
        let hosts: Vec<_> = database.refs("host").into_iter().filter(is_able).collect();
        let found = hosts.into_iter().find(|host| check_networks(database, vm, host).is_ok());
        found.ok_or_else(|| Failure::new("NO_HOSTS_AVAILABLE", [""; 0]))
    })
}

fn check_state(database: &Database, vm: &str, wanted: &str) -> Result<(), Failure> {
    let found = database.text("VM", vm, "power_state");
    if found == wanted {
        return Ok(());
    }
    Err(Failure::new("VM_BAD_POWER_STATE", [vm, &wanted.to_lowercase(), &found.to_lowercase()]))
}

/// Each network of a VM needs a PIF on the host, or none anywhere: then all its running VMs are on one host.
fn check_networks(database: &Database, vm: &str, host: &str) -> Result<(), Failure> {
    for vif in database.texts("VM", vm, "VIFs") {
        let network = database.text("VIF", &vif, "network");
        let is_shared = database.get("network", network, "other_config").get("assume_network_is_shared")
            == Some(&Value::text("true"));
        if is_shared || !database.is_true("network", network, "managed") {
            continue;
        }
        let has_pif = local_pif(database, network, host).is_some();
        let is_internal = database.texts("network", network, "PIFs").is_empty();
        if has_pif || (is_internal && !is_used_elsewhere(database, network, host)) {
            continue;
        }
        return Err(Failure::new("VM_REQUIRES_NETWORK", [vm, network]));
    }
    Ok(())
}

fn is_used_elsewhere(database: &Database, network: &str, host: &str) -> bool {
    database.texts("network", network, "VIFs").iter().any(|vif| {
        let resident_on = database.text("VM", database.text("VIF", vif, "VM"), "resident_on");
        database.is_true("VIF", vif, "currently_attached") && resident_on != host && resident_on != NULL
    })
}

fn next_domain(database: &Database) -> i64 {
    let used = database.rows("VM").map(|(_, row)| row.get("domid").as_int());
    used.max().unwrap_or(0).max(0) + 1
}
