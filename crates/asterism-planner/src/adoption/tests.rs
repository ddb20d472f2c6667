//! What the plugin made is found, taken over as it stands, and handed back.

use asterism_model::{
    ClusterId, NetworkId, ObjectRef, ObservedTunnel, PluginPort, PoolBridge, PoolNetworkKey, RowUuid,
};

use super::*;
use crate::{
    diff::diff,
    pools::{difference, pool_target},
    target,
    testing::{
        self,
        support::host::{apply_diff, empty},
    },
};

const UUID: u128 = 0xa0;
const PLUGIN: XapiUuid = XapiUuid(0xf0);

const TWO_POOLS: &str = "xapi-pool p1
xapi-pool p2
inventory p1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2 c#3@10.0.0.3,xenbr1=10.1.0.3
inventory p2 a#4@10.0.0.4,xenbr2=10.1.0.4 b#5@10.0.0.5,xenbr2=10.1.0.5";

/// A place where the plugin was at work.
struct Place {
    state: NetworkState,
    pools: BTreeMap<PoolId, ObservedPool>,
    hosts: BTreeMap<HostId, ObservedHost>,
    last_row: u128,
}

impl Place {
    /// With these tunnels, `1>2` an end on host 1 that leads to host 2.
    fn of(script: &str, tunnels: &str) -> Self {
        let state = testing::state(script);
        let mut place = Self { pools: BTreeMap::new(), hosts: BTreeMap::new(), state, last_row: 1000 };
        let state = place.state.clone();
        for pool in state.pools().values() {
            place.pools.insert(pool.id, place.pool(pool.id));
        }
        for host in state.hosts().values() {
            let ends = tunnels.split_whitespace().filter_map(|end| end.split_once('>'));
            let peers =
                ends.filter(|(from, _)| *from == host.id.0.to_string()).map(|(_, to)| to.parse().unwrap());
            let rows = place.host(host, peers.collect());
            place.hosts.insert(host.id, rows);
        }
        place
    }

    fn pool(&self, pool: PoolId) -> ObservedPool {
        let hosts = self.state.hosts_of(pool);
        let tunnels = hosts.map(|host| {
            let made = ObservedTunnel {
                tunnel: ObjectRef(format!("t{}", host.id.0)),
                access_pif: ObjectRef(format!("a{}", host.id.0)),
                is_attached: true,
                transport: host.transports.keys().next().cloned(),
                protocol: Some(Encapsulation::Vxlan),
                status: BTreeMap::new(),
            };
            (host.xapi.as_ref().unwrap().uuid, made)
        });
        let network = PluginNetwork {
            uuid: XapiUuid(UUID + u128::from(pool.0)),
            label: "my net!".into(),
            bridge: format!("xapi{}", pool.0),
            mtu: 1400,
            plugin: PLUGIN,
            encapsulation: Some("vxlan".into()),
            vni: Some("77".into()),
            is_encrypted: false,
            preferred_center: None,
            has_our_key: false,
            tunnels: tunnels.collect(),
        };
        ObservedPool {
            plugin_networks: BTreeMap::from([(ObjectRef("n".into()), network)]),
            ..ObservedPool::default()
        }
    }

    fn host(&mut self, host: &Host, peers: Vec<u32>) -> ObservedHost {
        let mut ports = BTreeMap::new();
        for (number, peer) in peers.into_iter().enumerate() {
            let remote = &self.state.hosts()[&HostId(peer)];
            let remote = remote.transports.values().next().unwrap().address;
            self.last_row += 2;
            let bridge = format!("xapi{}", host.pool.0);
            let options = [("key", "77".to_owned()), ("remote_ip", remote.to_string())];
            let port = PluginPort {
                name: format!("{bridge}_port{number}"),
                is_marked: true,
                interface: RowUuid(self.last_row),
                interface_name: format!("{bridge}_iface{number}"),
                kind: "vxlan".into(),
                options: options.map(|(key, value)| (key.to_owned(), value)).into(),
            };
            ports.insert(RowUuid(self.last_row + 1), port);
        }
        let bridge = PoolBridge {
            name: format!("xapi{}", host.pool.0),
            networks: vec![XapiUuid(UUID + u128::from(host.pool.0))],
            ports,
        };
        ObservedHost {
            // The row's number is the network's, by which what is handed back is known again.
            pool_bridges: BTreeMap::from([(RowUuid(UUID + u128::from(host.pool.0)), bridge)]),
            ..empty()
        }
    }

    fn find(&self) -> Vec<Found> {
        find(&Sight {
            state: &self.state,
            pools: self.pools.iter().map(|(id, pool)| (*id, pool)).collect(),
            hosts: self.hosts.iter().map(|(id, host)| (*id, host)).collect(),
            asked: self.pools.keys().copied().collect(),
            names: BTreeMap::new(),
            only: BTreeSet::new(),
        })
    }

    fn apply(&mut self, operation: Operation) {
        let reply =
            self.state.apply(&Command { caller: None, request: None, at: self.state.clock(), operation });
        assert!(matches!(reply, Reply::Applied { .. }), "{reply:?}");
    }

    fn adopt(&mut self) {
        let specs = self.find().into_iter().map(|found| found.spec.expect("it can be adopted"));
        let networks = specs.collect();
        self.apply(Operation::AdoptNetworks { networks });
    }

    /// Brings all hosts to their targets; what was told of each step.
    fn settle(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        for (host, rows) in &mut self.hosts {
            for _ in 0..4 {
                let found = diff(&target(&self.state, *host), rows);
                told.extend(lines(&found.diff).into_iter().map(|line| format!("{host} {line}")));
                if found.diff.is_empty() {
                    break;
                }
                *rows = apply_diff(rows, &found.diff, &mut self.last_row).unwrap();
            }
            assert!(diff(&target(&self.state, *host), rows).diff.is_empty(), "{host} does not settle");
        }
        told
    }

    /// All ports' rows, with their interfaces' rows.
    fn rows(&self) -> BTreeSet<(HostId, RowUuid, RowUuid)> {
        let mut rows = BTreeSet::new();
        for (host, seen) in &self.hosts {
            for bridge in seen.bridges.values() {
                let ports = bridge.ports.iter();
                rows.extend(
                    ports.flat_map(|(port, it)| it.interfaces.keys().map(|row| (*host, *port, *row))),
                );
                rows.extend(bridge.plugin_ports.iter().map(|(port, it)| (*host, *port, it.interface)));
            }
            for bridge in seen.pool_bridges.values() {
                rows.extend(bridge.ports.iter().map(|(port, it)| (*host, *port, it.interface)));
            }
        }
        rows
    }
}

#[test]
fn a_star_over_two_pools_is_taken_over_and_handed_back_without_a_row_made_or_removed() {
    let mut place = Place::of(TWO_POOLS, "1>2 2>1 2>3 3>2 2>4 4>2 2>5 5>2");
    let before = place.rows();
    let found = place.find();
    let spec = found[0].spec.as_ref().unwrap();
    assert_eq!((spec.name.as_str(), spec.shape, spec.pool_center.as_str()), ("my-net", Shape::OneStar, "p1"));
    assert_eq!(spec.pools[&"p1".parse::<Name>().unwrap()].center.as_str(), "b");
    assert_eq!(found[0].hosts.len(), 5);
    place.adopt();
    let told = place.settle();
    assert!(told.iter().all(|line| line.contains("adopted")), "{told:?}");
    assert_eq!(place.rows(), before);
    assert!(place.find().is_empty(), "it is found no more");

    // Nobody is elected anew.
    let evidence = testing::evidence_of(&place.state, "");
    let plan = crate::plan(&place.state, &evidence, &crate::Graces::default(), crate::Tick(1000));
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);

    place.apply(Operation::ReleaseNetwork { network: "my-net".parse().unwrap() });
    let told = place.settle();
    assert!(told.iter().all(|line| line.ends_with("released")), "{told:?}");
    assert_eq!(place.rows(), before);
    assert!(place.settle().is_empty(), "what was handed back is nobody's business");
    let network = NetworkId(1);
    assert!(place.hosts.values().all(|host| host.bridges.values().all(|it| it.network != Some(network))));
}

#[test]
fn a_plan_of_both_uplinks_adds_to_what_was_taken_over() {
    let mut place = Place::of(TWO_POOLS, "1>2 2>1 2>3 3>2 2>4 4>2 2>5 5>2");
    place.adopt();
    place.settle();
    let before = place.rows();
    let change = asterism_model::NetworkChange {
        resilience: Some(asterism_model::Resilience::Dual),
        ..Default::default()
    };
    place.apply(Operation::UpdateNetwork { network: "my-net".parse().unwrap(), change });
    let evidence = testing::evidence_of(&place.state, "");
    let plan = crate::plan(&place.state, &evidence, &crate::Graces::default(), crate::Tick(1000));
    let (epoch, based_on) = (place.state.epoch(), plan.based_on);
    let standbys = plan.changes.values().flat_map(|it| it.stars.values()).filter_map(|it| it.standby);
    assert_eq!(standbys.collect::<Vec<_>>(), [HostId(1)], "the one star has one middle");
    place.apply(Operation::AdoptTopology { epoch, based_on, changes: plan.changes });
    place.settle();
    assert!(place.rows().is_superset(&before), "no tunnel was touched");
    for (host, rows) in &place.hosts {
        let uplinks = rows.bridges.values().flat_map(|it| it.ports.values()).map(|it| it.interfaces.len());
        let most = uplinks.max().unwrap_or_default();
        assert_eq!(most, if *host == HostId(2) || *host == HostId(1) { 1 } else { 2 }, "{host}");
    }
}

#[test]
fn an_end_that_leads_nowhere_goes_last_and_a_lost_mark_is_told() {
    let mut place = Place::of(TWO_POOLS, "1>2 2>1 2>3 3>2 2>4 4>2 2>5 5>2 3>1");
    for bridge in place.hosts.get_mut(&HostId(1)).unwrap().pool_bridges.values_mut() {
        bridge.ports.values_mut().for_each(|port| port.is_marked = false);
    }
    let found = place.find();
    let told = |host: u32| found[0].hosts.iter().find(|(it, _)| *it == HostId(host)).unwrap().1.join("\n");
    assert!(told(1).contains("its mark is lost"), "{}", told(1));
    assert!(told(3).contains("- port xapi1_port1"), "{}", told(3));
    place.adopt();
    let told = place.settle();
    let of_third: Vec<&String> = told.iter().filter(|line| line.starts_with("h3")).collect();
    assert_eq!(of_third.len(), 3, "{of_third:?}");
    assert!(of_third[2].contains("- port xapi1_port1"), "{of_third:?}");
}

#[test]
fn what_is_no_star_is_refused_by_its_links() {
    let found = Place::of(TWO_POOLS, "1>2 2>1 3>4 4>3 4>5 5>4").find();
    assert!(found[0].spec.is_none());
    assert!(
        found[0].problems[0].starts_with("its tunnels are no star: p1/a - p1/b"),
        "{:?}",
        found[0].problems
    );
}

#[test]
fn a_star_of_stars_is_known_as_one() {
    let found = Place::of(TWO_POOLS, "1>2 2>1 2>3 3>2 4>5 5>4 2>5 5>2").find();
    let spec = found[0].spec.as_ref().unwrap();
    assert_eq!((spec.shape, spec.pool_center.as_str()), (Shape::Stars, "p1"));
    assert_eq!(spec.pools[&"p2".parse::<Name>().unwrap()].center.as_str(), "b");
    assert!(found[0].hosts.iter().all(|(_, lines)| lines.iter().all(|line| line.contains("adopted"))));
}

#[test]
fn refusals_name_what_does_not_fit() {
    let star = "1>2 2>1 2>3 3>2 2>4 4>2 2>5 5>2";
    type Spoil = fn(&mut Place);
    let cases: [(Spoil, &str); 5] = [
        (|it| it.network(1).is_encrypted = true, "it is encrypted"),
        (|it| it.network(1).vni = Some("0".into()), "VNI"),
        (|it| drop(it.hosts.remove(&HostId(3))), "host p1/c does not answer"),
        (|it| it.network(2).tunnels.clear(), "pool p2 has no tunnel object"),
        (
            |it| {
                let tunnels = &mut it.network(1).tunnels;
                tunnels.values_mut().next().unwrap().transport = Some("xenbr9".parse().unwrap());
            },
            "on several transports, xenbr1 and xenbr9",
        ),
    ];
    for (spoil, expected) in cases {
        let mut place = Place::of(TWO_POOLS, star);
        spoil(&mut place);
        let found = place.find();
        assert!(found[0].spec.is_none(), "{expected}");
        let problems = &found[0].problems;
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
    }
}

#[test]
fn the_pools_own_network_is_marked_and_unmarked_and_never_made() {
    let mut place = Place::of(TWO_POOLS, "1>2 2>1 2>3 3>2 2>4 4>2 2>5 5>2");
    place.adopt();
    let pool = PoolId(1);
    let calls = |place: &Place, shows: &ObservedPool| {
        let target = pool_target(&place.state, pool, |_, _| None).unwrap();
        let mut calls = difference(&place.state, &target, shows).calls;
        calls.retain(|call| call.to_string().contains("network"));
        calls.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut shows = place.pools[&pool].clone();
    assert_eq!(calls(&place, &shows), ["mark network n"]);
    let found = &shows.plugin_networks[&ObjectRef("n".into())];
    let cluster: ClusterId = place.state.cluster().unwrap().id;
    let marked = asterism_model::ObservedPoolNetwork {
        uuid: found.uuid,
        key: PoolNetworkKey { cluster, network: NetworkId(1) }.to_string(),
        label: found.label.clone(),
        bridge: found.bridge.clone(),
        mtu: found.mtu,
        tunnels: found.tunnels.clone(),
        plugged_vifs: 0,
    };
    shows.networks.insert(ObjectRef("n".into()), marked);
    assert_eq!(calls(&place, &shows), Vec::<String>::new(), "its label is left alone");
    place.apply(Operation::ReleaseNetwork { network: "my-net".parse().unwrap() });
    assert_eq!(calls(&place, &shows), ["unmark network n"]);
    shows.networks.clear();
    assert_eq!(calls(&place, &shows), Vec::<String>::new());
}

impl Place {
    fn network(&mut self, pool: u32) -> &mut PluginNetwork {
        let pool = self.pools.get_mut(&PoolId(pool)).unwrap();
        pool.plugin_networks.values_mut().next().unwrap()
    }
}
