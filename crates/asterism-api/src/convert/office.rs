//! What a host is in its networks beside a leaf: what must go to others before it can be taken down unnoticed.

use asterism_model::{Host, NetworkState, PrivateNetwork, Rank, Topology};

use crate::v1;

/// Its offices in order of the networks' names, without what they wait for.
pub fn offices(state: &NetworkState, host: &Host) -> Vec<v1::Office> {
    let networks = state.networks().values().filter(|network| network.pools.contains_key(&host.pool));
    let mut offices: Vec<v1::Office> = networks.filter_map(|network| office(state, network, host)).collect();
    offices.sort_by(|a, b| a.network.cmp(&b.network));
    offices
}

fn office(state: &NetworkState, network: &PrivateNetwork, host: &Host) -> Option<v1::Office> {
    let topology: &Topology = state.topologies().get(&network.id)?;
    let star = topology.stars.get(&host.pool)?;
    let center = star.center.holder;
    let next = star.next.map(|next| next.host);
    let rank = topology.rank(host.id, host.pool).filter(|rank| *rank != Rank::Leaf);
    let coming = || topology.rank(center, host.pool).filter(|_| next == Some(host.id));
    Some(v1::Office {
        network: network.name.to_string(),
        rank: v1::Rank::from(rank.or_else(coming)?).into(),
        is_coming: rank.is_none(),
        successor: next.filter(|_| center == host.id).map(|next| state.host_label(next)),
        waiting_for: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use asterism_model::{
        Cause, ClusterId, Command, HostId, HostRef, NextCenter, NodeId, Operation, PoolAttachmentSpec,
        StarPlan, TopologyPlan, Vni,
    };

    use super::*;
    use crate::convert::host::host as shown;

    /// A network over pool `p` of four hosts, of which h1 is center, h2 its standby, and h3 is to become center.
    fn lab() -> NetworkState {
        let mut state = NetworkState::default();
        let name = |text: &str| text.parse().unwrap();
        let mut operations = vec![
            Operation::InitCluster { cluster: ClusterId(1), name: name("c") },
            Operation::ClaimEpoch { node: NodeId(1) },
            Operation::AddPool { name: name("p") },
        ];
        for host in 1..=4_u8 {
            let address = std::net::IpAddr::from([10, 0, 0, host]);
            operations.push(Operation::AddHost {
                pool: name("p"),
                host: asterism_model::HostSpec {
                    name: name(&format!("h{host}")),
                    ovsdb: asterism_model::OvsdbEndpoint::Tcp((address, 6640).into()),
                    datapath: asterism_model::Datapath::System,
                    transports: BTreeMap::from([(
                        "lan".parse().unwrap(),
                        asterism_model::Transport { address, mtu: 1500 },
                    )]),
                },
            });
        }
        let attachment = PoolAttachmentSpec { transport: "lan".parse().unwrap(), preferred_host: None };
        operations.push(Operation::CreateNetwork(asterism_model::NetworkSpec {
            name: name("blue"),
            encapsulation: asterism_model::Encapsulation::Vxlan,
            mtu: None,
            vni: None,
            resilience: asterism_model::Resilience::Dual,
            detection: asterism_model::Detection::Normal,
            pools: BTreeMap::from([(name("p"), attachment)]),
            preferred_pool: None,
        }));
        for operation in operations {
            apply(&mut state, operation);
        }
        let star = StarPlan {
            standby: Some(HostId(2)),
            next: Some(NextCenter { host: HostId(3), cause: Cause::Moved }),
            ..StarPlan::around(HostId(1), Cause::First)
        };
        let pool = *state.pools().keys().next().unwrap();
        let plan = TopologyPlan {
            vni: Vni::MIN,
            stars: BTreeMap::from([(pool, star)]),
            pool_center: Some((pool, Cause::First)),
            next_pool: None,
        };
        let network = *state.networks().keys().next().unwrap();
        let changes = BTreeMap::from([(network, plan)]);
        let based_on = state.revision();
        apply(&mut state, Operation::AdoptTopology { epoch: 1, based_on, changes });
        state
    }

    fn apply(state: &mut NetworkState, operation: Operation) {
        let at = state.clock();
        let reply = state.apply(&Command { caller: None, request: None, at, operation });
        assert!(matches!(reply, asterism_model::Reply::Applied { .. }), "{reply:?}");
    }

    #[test]
    fn a_host_has_the_offices_that_it_holds_or_is_to_hold() {
        let state = lab();
        let of = |host: &str| {
            let label: HostRef = format!("p/{host}").parse().unwrap();
            let shown = shown(&state, state.host_named(&label).unwrap());
            let office = |office: &v1::Office| (office.rank(), office.is_coming, office.successor.clone());
            shown.offices.iter().map(office).collect::<Vec<_>>()
        };
        assert_eq!(of("h1"), [(v1::Rank::Root, false, Some("p/h3".to_owned()))]);
        assert_eq!(of("h2"), [(v1::Rank::RootStandby, false, None)]);
        assert_eq!(of("h3"), [(v1::Rank::Root, true, None)]);
        assert_eq!(of("h4"), []);
    }

    #[test]
    fn a_topology_shows_what_is_under_way() {
        let state = lab();
        let network = state.networks().values().next().unwrap();
        let shown = crate::convert::topology(&state, network);
        let star = &shown.stars[0];
        assert_eq!(star.standby.as_deref(), Some("p/h2"));
        assert_eq!(
            star.next.as_ref().map(|next| (next.host.as_str(), next.cause())),
            Some(("p/h3", v1::Cause::Moved))
        );
        assert_eq!(star.drain, None);
    }
}
