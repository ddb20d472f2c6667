//! Pools behind a XAPI, with real hosts: what befalls such a pool, one event at a time, under constant probing.
//!
//! In each case the network is right afterwards, nobody loses more than the event itself explains, and nothing is made anew
//! that was right before. The table of events in docs/TESTING.md has the figures of these tests' own output.

use std::time::Duration;

use asterism_lab::probe::{Flow, Mark, Probe};
use asterism_lab::{HostName, Lab, Result, TRANSPORT_BRIDGE, wait};

use crate::stage::{self, Before, CALM, PATIENCE, end_to_end};

/// Pools 1 and 2 are behind a XAPI, pool 3 is static; two hosts each.
const POOLS: [u8; 3] = [1, 2, 3];
const BLUE: &str = "blue";

/// Three controllers, the pools, the network over all of them and a VM on each host.
fn cluster() -> Result<Lab> {
    let mut lab = Lab::builder().pools(3).xapi_pools(2).hosts(2).controllers(3).build()?;
    lab.found_cluster()?;
    let attached: Vec<String> = POOLS.iter().map(|pool| lab.attachment(*pool)).collect();
    let attached = attached.iter().flat_map(|pool| ["--pool", pool]);
    let words: Vec<&str> =
        ["network", "create", BLUE, "--wait", "verified"].into_iter().chain(attached).collect();
    lab.asterctl_ok(&words)?;
    let hosts = stage::hosts(&lab);
    stage::add_vms(&mut lab, BLUE, &hosts)?;
    Ok(lab)
}

/// What a pool's XAPI has for our network.
#[derive(Debug, PartialEq, Eq)]
struct Objects {
    networks: usize,
    tunnels: usize,
    /// Tunnels whose status says that the host is joined.
    active: usize,
    /// Tunnels whose bridge is on the host.
    plugged: usize,
    controllers: usize,
}

impl Objects {
    fn of(lab: &Lab, pool: u8) -> Result<Self> {
        let database = lab.xapi(pool)?.simulator().database();
        let ours = |reference: &&str| {
            database.get("network", reference, "other_config").get("asterism-network").is_some()
        };
        let networks: Vec<String> =
            database.refs("network").iter().map(String::as_str).filter(ours).map(str::to_owned).collect();
        let tunnels = database.refs("tunnel");
        let is_active = |tunnel: &&String| {
            database
                .get("tunnel", tunnel, "status")
                .get("active")
                .is_some_and(|active| active.as_text() == "true")
        };
        let is_plugged = |tunnel: &&String| {
            database.is_true("PIF", database.text("tunnel", tunnel, "access_PIF"), "currently_attached")
        };
        Ok(Self {
            networks: networks.len(),
            tunnels: tunnels.len(),
            active: tunnels.iter().filter(is_active).count(),
            plugged: tunnels.iter().filter(is_plugged).count(),
            controllers: database.refs("SDN_controller").len(),
        })
    }

    /// Of one network that reaches so many hosts.
    fn whole(hosts: usize) -> Self {
        Self { networks: 1, tunnels: hosts, active: hosts, plugged: hosts, controllers: 1 }
    }

    /// Waits until a pool has these.
    fn wait(self, lab: &Lab, pool: u8) -> Result<()> {
        wait::until(format!("the objects of p{pool}"), PATIENCE, || {
            let seen = Self::of(lab, pool).map_err(|error| error.chain())?;
            if seen == self { Ok(()) } else { Err(format!("{seen:?}, expected {self:?}")) }
        })
    }
}

/// Methods that write, as far as controllers called them since the calls were last forgotten.
fn writes(lab: &Lab, pool: u8) -> Result<Vec<String>> {
    const READS: &[&str] = &["session.", "event.", "system.", "host.get_", "pool.certificate_list"];
    let is_read = |method: &str| {
        READS.iter().any(|read| method.starts_with(read))
            || method.contains(".get_")
            || method.ends_with("get_all_records")
    };
    let calls = lab.xapi(pool)?.simulator().calls();
    Ok(calls.into_iter().map(|call| call.method).filter(|method| !is_read(method)).collect())
}

/// Says the worst that pairs saw, for the table.
fn tell(event: &str, probe: &Probe, since: Mark, which: impl Fn(&Flow) -> bool) -> u64 {
    let report = probe.report(since).only(which);
    let lost = report.flows.iter().map(|flow| flow.lost()).max().unwrap_or(0);
    let gap = report.longest_gap();
    eprintln!("XAPI EVENT {event}: longest gap {} ms, {lost} lost of a pair at most", gap.as_millis());
    lost
}

fn not_of(host: HostName) -> impl Fn(&Flow) -> bool {
    let vm = format!("{BLUE}-{}", host.flat());
    move |flow| flow.from != vm && flow.to != vm
}

#[test]
fn a_network_spans_pools_behind_a_xapi_and_static_ones_and_goes_without_a_trace() {
    end_to_end!(|| {
        let mut lab = cluster()?;
        for pool in [1, 2] {
            Objects::whole(2).wait(&lab, pool)?;
        }
        let probe = stage::probe(&lab)?;

        // A leader that dies is followed by one that finds all as it shall be.
        let before = Before::look(&lab)?;
        let calm = probe.mark();
        for pool in [1, 2] {
            lab.xapi(pool)?.simulator().clear_calls();
        }
        let leader = lab.wait_for_leader(PATIENCE)?;
        lab.controller_mut(leader)?.kill()?;
        lab.wait_for_new_epoch(&before.fences, PATIENCE)?;
        probe.wait_until_calm(calm, CALM, PATIENCE, |_| true)?;
        before.assert_untouched(&lab)?;
        stage::assert_nothing_lost(&probe, calm);
        for pool in [1, 2] {
            assert_eq!(writes(&lab, pool)?, Vec::<String>::new(), "p{pool}");
        }
        lab.controller_mut(leader)?.start()?;

        // A pool keeps a network in which VMs run; it goes when they do.
        let idle: Vec<HostName> =
            POOLS.iter().flat_map(|pool| [1, 2].map(|host| HostName::new(*pool, host))).collect();
        idle.iter().filter(|host| host.pool != 1).try_for_each(|host| lab.unplug_vms(*host))?;
        lab.asterctl_ok(&["network", "delete", BLUE])?;
        wait::until("the pool with VMs says why its network stays", PATIENCE, || {
            let shown = lab.asterctl_ok(&["pool", "show", "p1"]).map_err(|error| error.chain())?;
            if shown.contains("VIF_IN_USE") { Ok(()) } else { Err(shown) }
        })?;
        idle.iter().filter(|host| host.pool == 1).try_for_each(|host| lab.unplug_vms(*host))?;
        for pool in [1, 2] {
            Objects { networks: 0, tunnels: 0, active: 0, plugged: 0, controllers: 1 }.wait(&lab, pool)?;
        }
        Ok(())
    });
}

#[test]
fn a_host_that_reboots_is_plugged_and_joined_again() {
    end_to_end!(|| {
        let mut lab = cluster()?;
        let probe = stage::probe(&lab)?;
        let centers = lab.star_centers(BLUE)?;
        for (what, host) in [("center reboots", centers["p1"]), ("leaf reboots", other_of(centers["p2"]))] {
            let mark = probe.mark();
            lab.reboot_host(host)?;
            // Its VMs are started at once, which plugs the network: before or after the controllers do.
            lab.replug_vms(host)?;
            probe.wait_until_calm(mark, CALM, PATIENCE, |_| true)?;
            tell(&format!("{what}, others"), &probe, mark, not_of(host));
            Objects::whole(2).wait(&lab, host.pool)?;
        }
        Ok(())
    });
}

#[test]
fn toolstacks_masters_and_old_databases_cost_no_packet() {
    end_to_end!(|| {
        let lab = cluster()?;
        let probe = stage::probe(&lab)?;
        Objects::whole(2).wait(&lab, 1)?;
        let start = probe.mark();
        let before = Before::look(&lab)?;

        let quiet = |lab: &Lab, event: &str, mark: Mark| -> Result<()> {
            Objects::whole(2).wait(lab, 1)?;
            probe.wait_until_calm(mark, CALM, PATIENCE, |_| true)?;
            tell(event, &probe, mark, |_| true);
            Ok(())
        };
        let xapi = lab.xapi(1)?.simulator().clone();
        let mark = probe.mark();
        xapi.restart_toolstack("h1");
        quiet(&lab, "toolstack of the master restarts", mark)?;
        let mark = probe.mark();
        xapi.expire_sessions();
        quiet(&lab, "sessions expire", mark)?;
        let mark = probe.mark();
        xapi.hand_over_mastership("h2");
        quiet(&lab, "another master, in good order", mark)?;
        before.assert_untouched(&lab)?;
        stage::assert_nothing_lost(&probe, start);

        // A second network, which the backup does not know; then a slave seizes the mastership with that backup.
        xapi.back_up();
        let attached = lab.attachment(1);
        lab.asterctl_ok(&["network", "create", "green", "--pool", &attached, "--wait", "verified"])?;
        let mark = probe.mark();
        xapi.seize_mastership("h1");
        xapi.recover_slaves();
        Objects { networks: 2, tunnels: 4, active: 4, plugged: 4, controllers: 1 }.wait(&lab, 1)?;
        tell("a slave seizes the mastership with an old database", &probe, mark, |_| true);
        stage::assert_no_outage(&probe, mark, |_| true);
        lab.asterctl_ok(&["network", "delete", "green"])?;
        Ok(())
    });
}

#[test]
fn a_xapi_that_is_away_or_hangs_holds_up_its_own_pool_alone() {
    end_to_end!(|| {
        let mut lab = cluster()?;
        let probe = stage::probe(&lab)?;
        let before = Before::look(&lab)?;
        let mark = probe.mark();
        let xapi = lab.xapi(1)?.simulator().clone();
        xapi.stop_toolstack("h1");
        xapi.freeze_host("h2");
        let attached = lab.attachment(2);
        lab.asterctl_ok(&["network", "create", "green", "--pool", &attached, "--wait", "verified"])?;
        lab.asterctl_ok(&["network", "delete", "green"])?;
        let shown = lab.asterctl_ok(&["pool", "show", "p1"])?;
        eprintln!("{shown}");
        wait::until("p2 is as before", PATIENCE, || {
            let seen = Objects::of(&lab, 2).map_err(|error| error.chain())?;
            if seen == Objects::whole(2) { Ok(()) } else { Err(format!("{seen:?}")) }
        })?;
        stage::assert_no_outage(&probe, mark, |_| true);
        before.assert_fences_kept(&lab)?;
        xapi.thaw_host("h2");
        xapi.start_toolstack("h1");
        Objects::whole(2).wait(&lab, 1)?;

        // The center of a pool whose XAPI is away dies: its hosts are joined by another.
        xapi.stop_toolstack("h1");
        xapi.stop_toolstack("h2");
        let center = lab.star_centers(BLUE)?["p1"];
        let mark = probe.mark();
        lab.kill_host(center)?;
        let living = stage::living(&lab);
        probe.wait_until_calm(mark, CALM, PATIENCE, |flow| living(flow))?;
        tell("the center dies while XAPI is away", &probe, mark, stage::living(&lab));
        Ok(())
    });
}

#[test]
fn a_transport_that_gets_another_address_is_followed() {
    end_to_end!(|| {
        let lab = cluster()?;
        let probe = stage::probe(&lab)?;
        let leaf = other_of(lab.star_centers(BLUE)?["p1"]);
        let (old, new) = (leaf.transport(), std::net::Ipv4Addr::new(10, 20, 1, 77));
        let mark = probe.mark();
        let netns = lab.host(leaf)?.netns();
        let lines =
            format!("addr del {old}/16 dev {TRANSPORT_BRIDGE}\naddr add {new}/16 dev {TRANSPORT_BRIDGE}\n");
        netns.ip("changing the transport's address", lines)?;
        let xapi = lab.xapi(1)?.simulator();
        let (label, network) = (format!("h{}", leaf.host), "Pool-wide network associated with eth0");
        // As DHCP has it: none for a moment, then another.
        xapi.set_address(&label, network, None);
        xapi.set_address(&label, network, Some((new.into(), 16)));
        probe.wait_until_calm(mark, CALM, PATIENCE, |_| true)?;
        tell("a transport gets another address, others", &probe, mark, not_of(leaf));
        tell("a transport gets another address, its own VM", &probe, mark, |flow| !not_of(leaf)(flow));
        Objects::whole(2).wait(&lab, 1)?;
        Ok(())
    });
}

#[test]
fn a_vm_moves_within_its_pool_and_to_others() {
    end_to_end!(|| {
        let mut lab = cluster()?;
        let probe = stage::probe(&lab)?;
        let vm = format!("{BLUE}-p1h1");
        for (what, to) in [
            ("within its pool", HostName::new(1, 2)),
            ("to another pool behind a XAPI", HostName::new(2, 1)),
            ("to a static pool", HostName::new(3, 2)),
        ] {
            let mark = probe.mark();
            lab.move_vm(&vm, to)?;
            probe.wait_until_calm(mark, CALM, PATIENCE, |_| true)?;
            tell(&format!("a VM moves {what}, its own pairs"), &probe, mark, |flow| {
                flow.from == vm || flow.to == vm
            });
            tell(&format!("a VM moves {what}, others"), &probe, mark, |flow| {
                flow.from != vm && flow.to != vm
            });
        }
        Ok(())
    });
}

#[test]
fn what_is_done_behind_our_back_is_made_good() {
    end_to_end!(|| {
        let lab = cluster()?;
        let probe = stage::probe(&lab)?;
        let xapi = lab.xapi(1)?.simulator().clone();
        let leaf = other_of(lab.star_centers(BLUE)?["p1"]);
        let label = format!("h{}", leaf.host);

        let mark = probe.mark();
        lab.unplug_vms(leaf)?;
        let unplugged = xapi.unplug_pif(&label, BLUE);
        assert!(unplugged.is_ok(), "{unplugged:?}");
        wait::until("the PIF is plugged again", PATIENCE, || {
            let seen = Objects::of(&lab, 1).map_err(|error| error.chain())?;
            if seen.plugged == 2 { Ok(()) } else { Err(format!("{seen:?}")) }
        })?;
        lab.replug_vms(leaf)?;
        probe.wait_until_calm(mark, CALM, PATIENCE, |_| true)?;
        tell("a PIF is unplugged, others", &probe, mark, not_of(leaf));
        Objects::whole(2).wait(&lab, 1)?;

        let mark = probe.mark();
        for host in [HostName::new(1, 1), HostName::new(1, 2)] {
            lab.unplug_vms(host)?;
        }
        let destroyed = xapi.destroy_network(BLUE);
        assert!(destroyed.is_ok(), "{destroyed:?}");
        Objects::whole(2).wait(&lab, 1)?;
        for host in [HostName::new(1, 1), HostName::new(1, 2)] {
            lab.replug_vms(host)?;
        }
        probe.wait_until_calm(mark, CALM, PATIENCE, |_| true)?;
        tell("the network is destroyed in XAPI, pair of other pools", &probe, mark, |flow| {
            !flow.from.contains("p1h") && !flow.to.contains("p1h")
        });
        Ok(())
    });
}

#[test]
fn hosts_join_and_are_ejected() {
    end_to_end!(|| {
        let mut lab = cluster()?;
        let probe = stage::probe(&lab)?;
        let mark = probe.mark();
        let joined = lab.add_host(1)?;
        Objects::whole(3).wait(&lab, 1)?;
        stage::add_vms(&mut lab, BLUE, &[joined])?;
        lab.wait_for_ping(&format!("{BLUE}-{}", joined.flat()), &format!("{BLUE}-p3h1"), PATIENCE)?;
        tell("a host joins", &probe, mark, |_| true);
        stage::assert_no_outage(&probe, mark, |_| true);

        let mark = probe.mark();
        lab.eject_host(joined)?;
        wait::until("the ejected host is said to be unlisted", PATIENCE, || {
            let events = lab.asterctl_ok(&["events"]).map_err(|error| error.chain())?;
            if events.contains("no longer listed") { Ok(()) } else { Err(events) }
        })?;
        Objects::whole(2).wait(&lab, 1)?;
        probe.wait_until_calm(mark, Duration::from_secs(2), PATIENCE, |_| true)?;
        tell("a host is ejected", &probe, mark, |_| true);
        Ok(())
    });
}

#[test]
fn a_pool_leaves_a_network_and_the_cluster_and_comes_back() {
    end_to_end!(|| {
        let lab = cluster()?;
        let probe = stage::probe(&lab)?;
        Objects::whole(2).wait(&lab, 1)?;
        let mark = probe.mark();
        let others = |flow: &Flow| !flow.from.contains("p1h") && !flow.to.contains("p1h");
        for host in [HostName::new(1, 1), HostName::new(1, 2)] {
            lab.unplug_vms(host)?;
        }
        lab.asterctl_ok(&["network", "update", BLUE, "--remove-pool", "p1"])?;
        Objects { networks: 0, tunnels: 0, active: 0, plugged: 0, controllers: 1 }.wait(&lab, 1)?;
        lab.asterctl_ok(&["pool", "remove", "p1"])?;
        wait::until("the pool is gone with its hosts", PATIENCE, || {
            let pools = lab.asterctl_ok(&["pool", "list"]).map_err(|error| error.chain())?;
            if pools.contains("p1") { Err(pools) } else { Ok(()) }
        })?;
        stage::assert_no_outage(&probe, mark, others);

        lab.register_xapi_pool(1)?;
        let attached = lab.attachment(1);
        lab.asterctl_ok(&["network", "update", BLUE, "--pool", &attached, "--wait", "verified"])?;
        for host in [HostName::new(1, 1), HostName::new(1, 2)] {
            lab.replug_vms(host)?;
        }
        probe.wait_until_calm(mark, CALM, PATIENCE, |_| true)?;
        Objects::whole(2).wait(&lab, 1)?;

        // A smaller MTU is written to the pool's network, and nothing is made anew for it.
        lab.xapi(1)?.simulator().clear_calls();
        lab.asterctl_ok(&["network", "update", BLUE, "--mtu", "1300"])?;
        wait::until("the network's MTU is written", PATIENCE, || {
            let calls = writes(&lab, 1).map_err(|error| error.chain())?;
            if calls.iter().any(|method| method == "network.set_MTU") {
                Ok(())
            } else {
                Err(format!("{calls:?}"))
            }
        })?;
        assert!(
            writes(&lab, 1)?.iter().all(|method| method.starts_with("network.set_")),
            "{:?}",
            writes(&lab, 1)?
        );
        Ok(())
    });
}

/// The other host of a pool of two.
fn other_of(host: HostName) -> HostName {
    HostName::new(host.pool, 3 - host.host)
}
