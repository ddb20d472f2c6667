//! Lists and topologies: the replicated state, with what the leader sees on the hosts.

use std::{collections::BTreeMap, sync::Arc};

use asterism_api::{ApiError, convert, v1};
use asterism_model::{BfdState, HostId, Mode, NetworkState, PrivateNetwork};
use asterism_planner::{Finding, Targets, Verdicts, judge, links::Fabric, members::Members};
use asterism_raft::{Peer, View};

use super::{AdminService, bfd, live, pool_status};
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

    pub(super) fn settings(&self, view: &View) -> v1::GetSettingsResponse {
        let settings = convert::settings(view.state.settings());
        v1::GetSettingsResponse { mark: Some(self.mark(view)), settings: Some(settings) }
    }

    pub(super) fn pools(
        &self,
        view: &View,
        request: &v1::ListPoolsRequest,
    ) -> Result<v1::ListPoolsResponse, ApiError> {
        let shown = self.leader_view();
        let pools = convert::list_pools(&view.state, request)?.into_iter().map(|pool| {
            let mut message = convert::pool(&view.state, pool);
            let health = shown.leading.as_ref().and_then(|leading| leading.pools.get(&pool.id));
            if let (Some(xapi), Some(health)) = (&mut message.xapi, health) {
                pool_status::add(&view.state, health, &self.clock, xapi);
            }
            message
        });
        Ok(v1::ListPoolsResponse { mark: Some(self.mark(view)), pools: pools.collect() })
    }

    pub(super) fn hosts(
        &self,
        view: &View,
        request: &v1::ListHostsRequest,
    ) -> Result<v1::ListHostsResponse, ApiError> {
        let shown = self.leader_view();
        let (state, leading) = (&view.state, shown.leading.as_ref());
        let targets = Targets::of(state);
        let hosts = convert::list_hosts(state, request)?.into_iter().map(|host| {
            let lane = leading.and_then(|leading| leading.lane(host.id));
            let mut message = convert::host(state, host);
            message.status = lane.map(|lane| live::host_status(&targets, lane, &self.clock));
            message.bfd = bfd::load(&targets, host.id);
            if let Some(health) = leading.and_then(|leading| leading.pools.get(&host.pool)) {
                pool_status::label(health, &mut message.transports);
            }
            for office in &mut message.offices {
                let network = office.network.parse().ok().and_then(|name| state.network_named(&name));
                if let (Some(leading), Some(network)) = (leading, network) {
                    office.waiting_for = live::office_waits(state, leading, network.id, host).join("; ");
                }
            }
            message
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
                let findings = leading.findings.iter().filter(|found| found.network() == network.id);
                let waiting = findings.filter(|found| matches!(found, Finding::Waiting { .. }));
                topology.waiting = waiting.map(|found| found.describe(&view.state).to_string()).collect();
                if view.state.settings().mode == Mode::ReadOnly && is_moving(&topology) {
                    topology.waiting.push(live::READ_ONLY.into());
                }
                add_uplinks(&mut topology);
                add_health(&view.state, leading, verdicts, &mut topology);
            }
            topology
        });
        Ok(v1::GetTopologyResponse { mark: Some(self.mark(view)), topologies: topologies.collect() })
    }
}

fn is_moving(topology: &v1::Topology) -> bool {
    topology.next_pool.is_some()
        || topology.stars.iter().any(|star| star.next.is_some() || star.drain.is_some())
}

/// Which uplink each host uses, as its links say.
fn add_uplinks(topology: &mut v1::Topology) {
    let used = topology.links.iter().filter(|link| link.is_active == Some(true));
    let used: BTreeMap<&str, &str> = used.map(|link| (link.from.as_str(), link.to.as_str())).collect();
    for member in topology.stars.iter_mut().flat_map(|star| &mut star.members) {
        member.active_uplink = used.get(member.host.as_str()).map(|to| (*to).to_owned());
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
            let end = |host, peer| leading.and_then(|leading| live::end(leading, network.id, host, peer));
            let (near, far) = (end(from, to), end(to, from));
            let state_of = |end: Option<live::End<'_>>| end.map_or(BfdState::Unknown, |end| end.state());
            let (at_from, at_to) = (state_of(near), state_of(far));
            v1::Link {
                from: state.host_label(from),
                to: state.host_label(to),
                state: live::link_state(live::both_ends(at_from, at_to)).into(),
                state_at_from: live::link_state(at_from).into(),
                state_at_to: live::link_state(at_to).into(),
                is_backup,
                is_active: near.and_then(|end| end.is_active()),
                interval_ms: near.into_iter().chain(far).map(|end| end.interval_ms()).max().unwrap_or(0),
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

pub(crate) fn network_status(
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
            let end = |host, peer| {
                live::end(leading, network.id, host, peer).map_or(BfdState::Unknown, |end| end.state())
            };
            live::both_ends(end(from, to), end(to, from))
        })
        .collect();
    v1::NetworkStatus {
        hosts: live::count(hosts.len()),
        hosts_programmed: live::count(programmed),
        links: live::count(links.len()),
        links_up: live::count(links.iter().filter(|link| live::is_up(**link)).count()),
    }
}
