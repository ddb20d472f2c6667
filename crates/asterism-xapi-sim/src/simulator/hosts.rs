//! What befalls hosts: they join, are disabled, crash, reboot, leave; their toolstack restarts.

use std::{sync::Arc, time::Instant};

use super::{HostSpec, PoolSpec, Simulator, StartError, machine, rows};
use crate::{
    calls::{create_tunnel_rows, destroy_host, pif, tell_host_of_controller},
    clock::Clock,
    database::Database,
    pool::{Condition, Pool},
    simulator::mastership,
    value::Value,
};

impl Simulator {
    /// A host joins and is enabled.
    ///
    /// # Errors
    /// If its ports or its certificate cannot be had.
    pub fn add_host(&self, spec: &HostSpec) -> Result<(), StartError> {
        self.join_host(spec)?;
        self.set_enabled(&spec.name, true);
        Ok(())
    }

    /// A host joins and stays disabled: first its row, then its PIFs, then it lives, then the master's tunnels are copied
    /// to it, unplugged.
    ///
    /// # Errors
    /// If its ports or its certificate cannot be had.
    pub fn join_host(&self, spec: &HostSpec) -> Result<(), StartError> {
        let pool = &self.0.pool;
        let date = pool.clock.date();
        let host = pool.change(|state| {
            let host = rows::host_row(&mut state.database, spec, &date);
            let master = state.database.master();
            let address = state.machines.get(&master).map(|machine| machine.address.clone());
            state.machines.insert(host.clone(), machine(spec, address));
            host
        });
        let door = self.0.ports.open_one(pool, &host, spec)?;
        self.doors().insert(spec.name.clone(), door);
        self.edit(|database| rows::report_software(database, &host));
        self.edit(|database| {
            rows::interfaces(database, &host, spec);
            rows::control_domain(database, &host, &spec.name);
        });
        if let Some(agent_host) = pool.agent_host(&host) {
            pool.agent.started(&agent_host);
        }
        self.edit(|database| rows::set_live(database, &host, true));
        self.raise_bridges(&host);
        self.edit(|database| copy_tunnels(database, &host));
        tell_host_of_controller(pool, &host);
        Ok(())
    }

    /// Enables a host, or puts it into maintenance.
    ///
    /// # Panics
    /// If the pool has no host of that name; so do all methods that name one.
    pub fn set_enabled(&self, name: &str, is_enabled: bool) {
        let host = self.host(name);
        self.edit(|database| database.set("host", &host, "enabled", Value::Bool(is_enabled)));
    }

    /// Says whether the pool holds a host for alive, whatever the host does.
    pub fn set_live(&self, name: &str, is_live: bool) {
        let host = self.host(name);
        self.edit(|database| rows::set_live(database, &host, is_live));
    }

    /// A host crashes or loses power: it is silent at once, and held for alive until 600 s have passed.
    pub fn crash_host(&self, name: &str) {
        let host = self.host(name);
        self.machine(&host, |machine| {
            machine.condition = Condition::Crashed;
            machine.heartbeat = Instant::now();
        });
        self.tell_stopped(&host);
    }

    /// Only the XAPI of a host hangs, as when its dom0 is too busy: its switch works on.
    pub fn freeze_host(&self, name: &str) {
        let host = self.host(name);
        self.machine(&host, |machine| {
            machine.condition = Condition::Crashed;
            machine.heartbeat = Instant::now();
        });
    }

    /// A frozen host goes on.
    pub fn thaw_host(&self, name: &str) {
        let host = self.host(name);
        self.machine(&host, |machine| machine.condition = Condition::Up);
        self.edit(|database| rows::set_live(database, &host, true));
    }

    /// A host shuts down in good order: its VMs stop, and it is disabled and held for dead at once.
    pub fn shut_down_host(&self, name: &str) {
        let host = self.host(name);
        self.edit(|database| {
            database.set("host", &host, "enabled", Value::Bool(false));
            halt_vms(database, &host);
            rows::set_live(database, &host, false);
        });
        self.stop_xapi(&host, name);
        self.tell_stopped(&host);
    }

    /// A host starts after it crashed or was shut down: its OVSDB is empty, so it lives, its access PIFs are found
    /// unplugged, its interfaces' bridges come up, its switch is told of the controller, and at last it is enabled.
    pub fn boot_host(&self, name: &str) {
        let pool = &self.0.pool;
        let host = self.host(name);
        if let Some(agent_host) = pool.agent_host(&host) {
            pool.agent.started(&agent_host);
        }
        self.edit(|database| {
            database.set("host", &host, "enabled", Value::Bool(false));
            halt_vms(database, &host);
        });
        self.start_xapi(&host);
        self.edit(|database| rows::set_live(database, &host, true));
        self.edit(|database| {
            for pif in database.texts("host", &host, "PIFs") {
                database.set("PIF", &pif, "currently_attached", Value::Bool(false));
            }
        });
        self.raise_bridges(&host);
        tell_host_of_controller(pool, &host);
        self.set_enabled(name, true);
    }

    /// A host reboots in good order.
    pub fn reboot_host(&self, name: &str) {
        self.shut_down_host(name);
        self.boot_host(name);
    }

    /// The toolstack of a host stops: its connections end, and new ones are closed. The switch is left alone.
    pub fn stop_toolstack(&self, name: &str) {
        let host = self.host(name);
        self.stop_xapi(&host, name);
    }

    /// The toolstack of a host starts: bridges and the switch's settings are seen to again. If the host is master, all
    /// sessions and all memory of deletions are gone.
    pub fn start_toolstack(&self, name: &str) {
        let host = self.host(name);
        self.start_xapi(&host);
        self.raise_bridges(&host);
        tell_host_of_controller(&self.0.pool, &host);
    }

    /// The toolstack of a host restarts.
    pub fn restart_toolstack(&self, name: &str) {
        self.stop_toolstack(name);
        self.start_toolstack(name);
    }

    /// Takes a host out of the pool: it, its PIFs and its tunnels go at once, its metrics with the garbage. It becomes the
    /// master of a pool of its own, with the same password, at the same address.
    pub fn eject_host(&self, name: &str) {
        let host = self.host(name);
        let pool = &self.0.pool;
        self.tell_stopped(&host);
        self.set_enabled(name, false);
        let uuid = self.edit(|database| {
            let uuid = database.text("host", &host, "uuid").to_owned();
            for pif in database.texts("host", &host, "PIFs") {
                for tunnel in database.texts("PIF", &pif, "tunnel_access_PIF_of") {
                    database.destroy("tunnel", &tunnel);
                }
                database.destroy("PIF", &pif);
            }
            rows::set_live(database, &host, false);
            uuid
        });
        if let Err(failure) = destroy_host(pool, &host) {
            tracing::warn!(%failure, "an ejected host's row stays");
        }
        let door = self.doors().get(name).cloned().expect("each host has a door");
        let (alone, own) = self.standalone(&HostSpec::new(name, door.address), &uuid);
        door.cut();
        door.move_to(Arc::clone(&alone), own.clone());
        pool.change(|state| state.machines.remove(&host));
        if let Some(agent_host) = alone.agent_host(&own) {
            alone.agent.started(&agent_host);
        }
        self.0.others.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(alone);
    }

    /// Ends all connections to a host, whatever they do.
    pub fn reset_connections(&self, name: &str) {
        if let Some(door) = self.doors().get(name) {
            door.cut();
        }
    }

    /// Plugs a host's interfaces, bonds and VLANs, as xapi does when it starts. Access PIFs of tunnels are left alone.
    pub(super) fn raise_bridges(&self, host: &str) {
        let pool = &self.0.pool;
        let pifs = pool.read(|database| {
            let is_lazy = |pif: &String| {
                let is_slave =
                    !["", crate::value::NULL].contains(&database.text("PIF", pif, "bond_slave_of"));
                is_slave || pif::tunnel_of(database, pif).is_some()
            };
            let pifs = database.texts("host", host, "PIFs");
            pifs.into_iter().filter(|pif| !is_lazy(pif)).collect::<Vec<_>>()
        });
        for pif in pifs {
            if let Err(failure) = pif::plug(pool, &pif) {
                tracing::warn!(%failure, "a PIF stays unplugged");
            }
        }
    }

    fn stop_xapi(&self, host: &str, name: &str) {
        self.machine(host, |machine| machine.condition = Condition::Stopped);
        self.reset_connections(name);
    }

    fn start_xapi(&self, host: &str) {
        self.0.pool.change(|state| {
            if state.database.master() == host {
                state.database.forget_what_a_restart_forgets();
                state.bridges = 0;
            }
            mastership::find_master(state, host);
            if let Some(machine) = state.machines.get_mut(host) {
                machine.condition = Condition::Up;
                machine.heartbeat = Instant::now();
            }
        });
    }

    pub(super) fn cut_connections(&self, host: &str) {
        let name = self.0.pool.lock().machines.get(host).map(|machine| machine.name.clone());
        self.reset_connections(&name.unwrap_or_default());
    }

    fn tell_stopped(&self, host: &str) {
        if let Some(agent_host) = self.0.pool.agent_host(host) {
            self.0.pool.agent.stopped(&agent_host);
        }
    }

    /// A pool of one host, which keeps its uuid.
    fn standalone(&self, host: &HostSpec, uuid: &str) -> (Arc<Pool>, String) {
        let seed = self.0.pool.write(|database| database.ids().next());
        let spec = PoolSpec { name: String::new(), hosts: vec![host.clone()], seed, ..self.0.spec.clone() };
        let clock = Clock::new(spec.time_factor);
        let (mut database, hosts) = rows::pool(&spec, &clock.date());
        let own = hosts[0].clone();
        database.set("host", &own, "uuid", Value::text(uuid));
        let state = super::state(&spec, database, &hosts);
        (Arc::new(Pool::new(Arc::clone(&self.0.pool.agent), clock, spec.version, state)), own)
    }
}

/// For each tunnel of the master, one on the host's PIF of the same transport network, unplugged.
fn copy_tunnels(database: &mut Database, host: &str) {
    let master = database.master();
    let tunnels: Vec<(String, String, String)> = database
        .rows("tunnel")
        .filter(|(_, row)| database.text("PIF", row.text("access_PIF"), "host") == master)
        .map(|(_, row)| {
            let network_of = |pif: &str| database.text("PIF", row.text(pif), "network").to_owned();
            (network_of("access_PIF"), network_of("transport_PIF"), row.text("protocol").to_owned())
        })
        .collect();
    for (network, transport_network, protocol) in tunnels {
        let pifs = database.texts("network", &transport_network, "PIFs");
        let transport = pifs.into_iter().find(|pif| database.text("PIF", pif, "host") == host);
        if let Some(transport) = transport {
            create_tunnel_rows(database, &transport, &network, &protocol);
        }
    }
}

fn halt_vms(database: &mut Database, host: &str) {
    for vm in database.texts("host", host, "resident_VMs") {
        if database.is_true("VM", &vm, "is_control_domain") {
            continue;
        }
        for vif in database.texts("VM", &vm, "VIFs") {
            database.set("VIF", &vif, "currently_attached", Value::Bool(false));
        }
        crate::calls::halt_vm(database, &vm);
    }
}
