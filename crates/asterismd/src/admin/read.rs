//! Lists and topologies: the replicated state, with what the leader sees on the hosts.

use std::sync::Arc;

use asterism_api::{ApiError, convert, v1};
use asterism_model::{BfdState, HostId, NetworkState, PrivateNetwork};
use asterism_planner::{Verdicts, judge, links::Fabric, members::Members};
use asterism_raft::{Peer, View};

use super::{AdminService, live};
use crate::leader::{LeaderView, LeadingView};

/// Where a read is answered.
pub(super) enum Reading {
    Here(View),
    At(Peer),
}

impl AdminService {
    pub(super) fn mark(&self, view: &View) -> v1::ReadMark {
        v1::ReadMark {
            index: view.index,
            revision: view.state.revision(),
            node: self.node.0,
            is_leader: self.leader_view().leading.is_some(),
        }
    }

    pub(super) fn leader_view(&self) -> Arc<LeaderView> {
        self.view.borrow().clone()
    }

    pub(super) fn verdicts(&self, leading: &LeadingView) -> Verdicts {
        judge(&leading.evidence, &self.graces, self.clock.tick())
    }

    pub(super) fn pools(
        &self,
        view: &View,
        request: &v1::ListPoolsRequest,
    ) -> Result<v1::ListPoolsResponse, ApiError> {
        let pools = convert::list_pools(&view.state, request)?;
        Ok(v1::ListPoolsResponse {
            mark: Some(self.mark(view)),
            pools: pools.into_iter().map(|pool| convert::pool(&view.state, pool)).collect(),
        })
    }

    pub(super) fn hosts(
        &self,
        view: &View,
        request: &v1::ListHostsRequest,
    ) -> Result<v1::ListHostsResponse, ApiError> {
        let shown = self.leader_view();
        let hosts = convert::list_hosts(&view.state, request)?.into_iter().map(|host| {
            let lane = shown.leading.as_ref().and_then(|leading| leading.lane(host.id));
            v1::Host {
                status: lane.map(|lane| live::host_status(&view.state, lane, &self.clock)),
                ..convert::host(&view.state, host)
            }
        });
        Ok(v1::ListHostsResponse { mark: Some(self.mark(view)), hosts: hosts.collect() })
    }

    pub(super) fn networks(
        &self,
        view: &View,
        request: &v1::ListNetworksRequest,
    ) -> Result<v1::ListNetworksResponse, ApiError> {
        let shown = self.leader_view();
        let networks = convert::list_networks(&view.state, request.network.as_ref())?;
        let networks = networks.into_iter().map(|network| {
            let status = shown.leading.as_ref().map(|leading| network_status(&view.state, leading, network));
            v1::Network { status, ..convert::network(&view.state, network) }
        });
        Ok(v1::ListNetworksResponse { mark: Some(self.mark(view)), networks: networks.collect() })
    }

    pub(super) fn topologies(
        &self,
        view: &View,
        request: &v1::GetTopologyRequest,
    ) -> Result<v1::GetTopologyResponse, ApiError> {
        let shown = self.leader_view();
        let verdicts = shown.leading.as_ref().map(|leading| self.verdicts(leading));
        let networks = convert::list_networks(&view.state, request.network.as_ref())?;
        let topologies = networks.into_iter().map(|network| {
            let mut topology = convert::topology(&view.state, network);
            topology.links = links(&view.state, shown.leading.as_ref(), network);
            if let (Some(leading), Some(verdicts)) = (&shown.leading, &verdicts) {
                add_health(&view.state, leading, verdicts, &mut topology);
            }
            topology
        });
        Ok(v1::GetTopologyResponse { mark: Some(self.mark(view)), topologies: topologies.collect() })
    }
}

fn add_health(state: &NetworkState, leading: &LeadingView, verdicts: &Verdicts, topology: &mut v1::Topology) {
    for member in topology.stars.iter_mut().flat_map(|star| &mut star.members) {
        let host = member.host.parse().ok().and_then(|label| state.host_named(&label));
        if let Some(host) = host {
            member.health = live::health(verdicts.of(host.id), leading.lane(host.id)).into();
        }
    }
}

/// A network's links with what BFD says of each.
fn links(state: &NetworkState, leading: Option<&LeadingView>, network: &PrivateNetwork) -> Vec<v1::Link> {
    let mut links: Vec<v1::Link> = ends(state, network)
        .map(|(from, to, is_backup)| {
            let end = |host, peer| {
                leading.map_or(BfdState::Unknown, |leading| live::end_state(leading, network.id, host, peer))
            };
            let (at_from, at_to) = (end(from, to), end(to, from));
            v1::Link {
                from: state.host_label(from),
                to: state.host_label(to),
                state: live::link_state(live::both_ends(at_from, at_to)).into(),
                state_at_from: live::link_state(at_from).into(),
                state_at_to: live::link_state(at_to).into(),
                is_backup,
            }
        })
        .collect();
    links.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
    links
}

/// Each link from the end whose uplink it is, and whether it stands by.
pub(super) fn ends(
    state: &NetworkState,
    network: &PrivateNetwork,
) -> impl Iterator<Item = (HostId, HostId, bool)> {
    let members = Members::of(state);
    let links = Fabric::of(&members, network).map(|fabric| fabric.links()).unwrap_or_default();
    links.into_iter().flat_map(|(from, uplinks)| {
        uplinks.into_iter().enumerate().map(move |(place, to)| (from, to, place > 0))
    })
}

fn network_status(
    state: &NetworkState,
    leading: &LeadingView,
    network: &PrivateNetwork,
) -> v1::NetworkStatus {
    let hosts: Vec<HostId> = state.members_of(network).map(|host| host.id).collect();
    let programmed = hosts
        .iter()
        .filter(|host| leading.lane(**host).is_some_and(|lane| lane.settled_at.is_some()))
        .count();
    let links: Vec<BfdState> = ends(state, network)
        .map(|(from, to, _)| {
            let end = |host, peer| live::end_state(leading, network.id, host, peer);
            live::both_ends(end(from, to), end(to, from))
        })
        .collect();
    v1::NetworkStatus {
        hosts: live::count(hosts.len()),
        hosts_programmed: live::count(programmed),
        links: live::count(links.len()),
        links_up: live::count(links.iter().filter(|link| **link == BfdState::Up).count()),
    }
}
