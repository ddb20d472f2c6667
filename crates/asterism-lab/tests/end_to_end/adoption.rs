//! A private network that Xen Orchestra's plugin made, over two pools with a XAPI, comes to Asterism and goes back, and its VMs
//! notice nothing.

use std::collections::BTreeSet;

use asterism_lab::probe::{Mark, Probe, ProbePlan};
use asterism_lab::{BridgeRef, HostName, Lab, Result, TRANSPORT_BRIDGE, VmSpec, wait};
use asterism_xapi_sim::Value;

use crate::stage::{self, PATIENCE, end_to_end};

const POOLS: [u8; 2] = [1, 2];
/// What XAPI calls the first bridge that it names itself.
const BRIDGE: &str = "xapi0";
const LABEL: &str = "blue";
const UUID: &str = "7f5c3b1e-0000-4000-8000-000000000001";
const VNI: &str = "23";
/// To which all others of both pools lead.
const CENTER: HostName = HostName::new(1, 2);
const CONTROLLER: &str = "xo:sdn-controller:private-network-uuid";

/// What the plugin does when a user makes a network.
fn make_as_plugin(lab: &Lab) -> Result<()> {
    for pool in POOLS {
        let xapi = lab.xapi(pool)?.simulator().clone();
        let call = |method: &str, arguments: Vec<Value>| {
            xapi.call(method, arguments).unwrap_or_else(|failure| panic!("{method}: {failure:?}"))
        };
        let keys = [
            ("automatic", "false"),
            (CONTROLLER, UUID),
            ("xo:sdn-controller:vni", VNI),
            ("xo:sdn-controller:encapsulation", "vxlan"),
        ];
        let record = Value::Map(vec![
            ("MTU".to_owned(), Value::Int(1400)),
            ("name_description".to_owned(), Value::text("")),
            ("name_label".to_owned(), Value::text(LABEL)),
            ("other_config".to_owned(), Value::map(keys)),
        ]);
        let network = call("network.create", vec![record]);
        let (transport, database) = (Value::text(TRANSPORT_BRIDGE), xapi.database());
        let transport = database.find("network", "bridge", &transport).expect("a transport");
        let pifs = database.texts("network", &transport, "PIFs");
        drop(database);
        for pif in pifs {
            call("tunnel.create", vec![Value::text(pif), network.clone(), Value::text("vxlan")]);
        }
        call("SDN_controller.introduce", vec![Value::text("pssl"), Value::text(""), Value::Int(0)]);
    }
    let others = stage::hosts(lab).into_iter().filter(|host| *host != CENTER);
    for (number, host) in others.enumerate() {
        add_port(lab, host, 1, CENTER)?;
        add_port(lab, CENTER, number + 1, host)?;
    }
    Ok(())
}

fn add_port(lab: &Lab, host: HostName, number: usize, peer: HostName) -> Result<()> {
    let (port, interface) = (format!("{BRIDGE}_port{number}"), format!("{BRIDGE}_iface{number}"));
    let line = format!(
        "-- --id=@i create Interface name={interface} type=vxlan options:remote_ip={} options:key={VNI} \
         -- --id=@p create Port name={port} interfaces=@i other_config:\"{CONTROLLER}\"={UUID} \
         -- add Bridge {BRIDGE} ports @p",
        peer.transport()
    );
    lab.host(host)?.vsctl().run(&line).map(drop)
}

fn add_vms(lab: &mut Lab) -> Result<()> {
    for host in stage::hosts(lab) {
        let vm = stage::vm(LABEL, 0, host);
        lab.add_vm(VmSpec { bridge: BridgeRef::Named(BRIDGE.into()), ..vm })?;
    }
    Ok(())
}

/// The uuids of all ports and interfaces, with their hosts.
fn rows(lab: &Lab) -> Result<BTreeSet<(HostName, String, String)>> {
    let mut rows = BTreeSet::new();
    for (host, shown) in lab.rows()? {
        for table in ["Port", "Interface"] {
            let uuids = shown.tables.get(table).into_iter().flat_map(|rows| rows.keys());
            rows.extend(uuids.map(|uuid| (host, table.to_owned(), uuid.clone())));
        }
    }
    Ok(rows)
}

/// How many rows of a table on a host carry this, as `ovs-vsctl find` has it.
fn count(lab: &Lab, host: HostName, table: &str, what: &str) -> Result<usize> {
    let found = lab.host(host)?.vsctl().run(&format!("--bare --columns=_uuid find {table} {what}"))?;
    Ok(found.lines().filter(|line| !line.is_empty()).count())
}

fn key(lab: &Lab, pool: u8, key: &str) -> Result<Option<String>> {
    let xapi = lab.xapi(pool)?.simulator().clone();
    let network = xapi.network(LABEL);
    let database = xapi.database();
    Ok(database.get("network", &network, "other_config").get(key).map(|value| value.as_text().to_owned()))
}

/// No pair missed two probes since: a switch that takes up new settings may drop one that is in it at that moment, on a machine
/// that has much else to do.
fn assert_no_gap(what: &str, probe: &Probe, since: Mark) {
    let report = probe.report(since);
    eprintln!("ADOPTION {what}: {} lost of {}", report.lost(), report.sent());
    let worst = report.flows.iter().map(|flow| flow.lost()).max().unwrap_or(0);
    assert!(worst <= 1 && report.duplicates() == 0, "{what}: {report}");
}

#[test]
fn a_network_of_xen_orchestra_is_adopted_and_released_under_traffic() {
    end_to_end!(|| {
        let mut lab = Lab::builder().pools(2).xapi_pools(2).hosts(2).controllers(3).build()?;
        make_as_plugin(&lab)?;
        add_vms(&mut lab)?;
        lab.found_cluster()?;
        let probe = lab.probe(&ProbePlan::new().all_pairs(lab.vms(), stage::TICK))?;
        probe.wait_until_calm(probe.mark(), stage::CALM, PATIENCE, |_| true)?;

        // The pools get our CA, since their hosts listen for controllers: then all hosts can be seen.
        let adopt = ["adopt", "--pool", "p1", "--pool", "p2"];
        wait::until("a dry run that finds the network", PATIENCE, || {
            let shown = lab.asterctl(&adopt).map_err(|error| error.chain())?;
            if shown.status.success() && shown.stdout.contains("adopted as") {
                eprintln!("{}", shown.stdout);
                Ok(())
            } else {
                Err(format!("{}{}", shown.stdout, shown.stderr))
            }
        })?;
        let checked = lab.asterctl(&["pool", "check", "p1"])?.stdout;
        assert!(checked.contains("1 network of Xen Orchestra"), "{checked}");
        let alone = lab.asterctl(&["adopt", "--pool", "p1", "--yes"])?;
        assert!(alone.stderr.contains("add --pool p2"), "{}", alone.stderr);
        lab.xapi(2)?.simulator().set_pool_key("xo:clientInfo:abc", Some("{}"));
        let yes = [adopt.as_slice(), &["--yes"]].concat();
        wait::until("the plugin's sign is respected", PATIENCE, || {
            let shown = lab.asterctl(&adopt).map_err(|error| error.chain())?;
            if shown.status.success() { Err(shown.stdout) } else { Ok(()) }
        })?;
        let refused = lab.asterctl(&yes)?;
        assert!(refused.stderr.contains("looks active"), "{}", refused.stderr);

        let (start, before) = (probe.mark(), rows(&lab)?);
        let taken = [yes.as_slice(), &["--plugin-is-off", "p2", "--wait", "verified"]].concat();
        eprintln!("{}", lab.asterctl_ok(&taken)?);
        let end = probe.mark();
        probe.wait_until_calm(end, stage::CALM, PATIENCE, |_| true)?;
        assert_no_gap("adopted", &probe, start);
        assert_eq!(rows(&lab)?, before, "no port or interface was made or removed");
        let id = lab.network(LABEL)?.id;
        let ours = format!("external_ids:asterism-network={id}");
        let its = format!("other_config:\"{CONTROLLER}\"={UUID}");
        for host in stage::hosts(&lab) {
            let ports = if host == CENTER { 3 } else { 1 };
            assert_eq!((count(&lab, host, "Port", &ours)?, count(&lab, host, "Port", &its)?), (ports, 0));
        }
        for pool in POOLS {
            wait::until("the pool's network has our key", PATIENCE, || {
                let ours = key(&lab, pool, "asterism-network").map_err(|error| error.chain())?;
                ours.map(drop).ok_or_else(|| format!("p{pool} has none"))
            })?;
        }
        let root = lab.star_centers(LABEL)?["p1"];
        assert_eq!(root, CENTER);

        let mark = probe.mark();
        lab.asterctl_ok(&["network", "update", LABEL, "--resilience", "dual", "--wait", "verified"])?;
        probe.wait_until_calm(probe.mark(), stage::CALM, PATIENCE, |_| true)?;
        assert_no_gap("dual", &probe, mark);
        assert!(rows(&lab)?.is_superset(&before), "tunnels that were there are");
        let refused = lab.asterctl(&["release", LABEL])?;
        assert!(refused.stderr.contains("--resilience single"), "{}", refused.stderr);

        let mark = probe.mark();
        lab.asterctl_ok(&["network", "update", LABEL, "--resilience", "single", "--wait", "verified"])?;
        wait::until("no standby is left, and the network is released", PATIENCE, || {
            lab.asterctl_ok(&["release", LABEL]).map(drop).map_err(|error| error.chain())
        })?;
        wait::until("the network is gone from here", PATIENCE, || {
            let networks = lab.asterctl_ok(&["network", "list"]).map_err(|error| error.chain())?;
            if networks.contains(LABEL) { Err(networks) } else { Ok(()) }
        })?;
        probe.wait_until_calm(probe.mark(), stage::CALM, PATIENCE, |_| true)?;
        assert_no_gap("single and released", &probe, mark);
        assert_eq!(rows(&lab)?, before, "as the plugin left it");
        for host in stage::hosts(&lab) {
            let ports = if host == CENTER { 3 } else { 1 };
            assert_eq!((count(&lab, host, "Port", &ours)?, count(&lab, host, "Port", &its)?), (0, ports));
            let marks = count(&lab, host, "Interface", &ours)? + count(&lab, host, "Bridge", &ours)?;
            assert_eq!(marks, 0, "{host}");
        }
        for pool in POOLS {
            assert_eq!(key(&lab, pool, "asterism-network")?, None);
            assert_eq!(key(&lab, pool, CONTROLLER)?.as_deref(), Some(UUID));
        }
        Ok(())
    });
}
