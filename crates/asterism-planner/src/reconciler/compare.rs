//! Compares hosts with their targets and sends the differences, as far as no ring can come of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use asterism_model::{BridgeOwner, HostId, HostTarget, NetworkId, Operation, PortRole, PrivateNetwork};

use super::{Action, Phase, Reconciler, holding::layout, proposals::Report};
use crate::{
    Tick,
    diff::diff_within,
    moves::{Peers, Want},
    scope::Scope,
    target::Targets,
};

impl Reconciler {
    pub(super) fn step_lanes(&mut self, now: Tick) {
        let (state, budget) = (Arc::clone(&self.state), Arc::clone(&self.budget));
        let mut targets = None;
        // What one lane sends or gives up may let another go on.
        while let Some(host) = self.due.pop_first() {
            if self.lanes.get(&host).is_some_and(|lane| !lane.agenda.is_empty() && is_ready(&lane.phase)) {
                self.step_lane(
                    host,
                    targets.get_or_insert_with(|| Targets::with(&state, Arc::clone(&budget))),
                    now,
                );
            }
        }
    }

    /// Compares one host with its target, and sends the difference.
    fn step_lane(&mut self, host: HostId, targets: &Targets<'_>, now: Tick) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        let Some(picture) = lane.picture.clone() else { return };
        let Phase::Ready { fence: stored } = lane.phase else { return };
        let scope = lane.agenda.take();
        let mut target = targets.part(host, networks(&self.state, &scope).into_iter());
        let withheld = self.withhold(host, &mut target);
        let found = diff_within(&scope, &target, &picture);
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        let is_news = lane.note(&scope, withheld, found.conflicts);
        lane.agenda = found.scope;
        if found.diff.is_empty() {
            let is_clean = !picture.bridges.values().any(|bridge| {
                bridge.owner != BridgeOwner::Pool && bridge.network.is_some() || !bridge.ports.is_empty()
            });
            self.forget_if_clean(host, is_clean, now);
        } else {
            let fence = lane.send(self.leadership, &target, now + self.settings.answer);
            self.ledger.add(host, lane.holding.sent());
            self.touch_waiting(&scope);
            let diff = Box::new(found.diff);
            self.actions.push_back(Action::Transact { host, stored, fence, diff, picture });
        }
        if is_news {
            self.replan_by(now + self.settings.plan_delay);
        }
        self.contest(host, &scope);
    }

    fn forget_if_clean(&mut self, host: HostId, is_clean: bool, now: Tick) {
        let is_leaving = self.state.hosts().get(&host).is_some_and(|host| !host.is_member());
        if is_leaving && is_clean && self.proposals.try_report(host, Report::End, &self.settings, now) {
            let epoch = self.leadership.epoch;
            self.actions.push_back(Action::Propose(Operation::ForgetHost { host, epoch }));
        }
    }

    /// Takes out of the target what must wait for other hosts.
    fn withhold(&self, host: HostId, target: &mut HostTarget) -> Peers {
        let mut withheld = Peers::new();
        for bridge in target.bridges.values_mut() {
            let network = bridge.network;
            let tunnels = bridge
                .ports
                .values()
                .flat_map(|port| port.tunnels.iter().map(move |tunnel| (port.role, tunnel.peer)));
            let wants: BTreeMap<HostId, Want> =
                tunnels.map(|(role, peer)| (peer, self.want(network, host, role, peer))).collect();
            let mut waiting = self.ledger.withheld(network, host, &layout(bridge), &wants);
            if self.contested.contains(&network) {
                let can_wait = wants.iter().filter(|(_, want)| **want >= Want::Spare);
                waiting.extend(can_wait.map(|(peer, _)| *peer));
            }
            if !waiting.is_empty() {
                for port in bridge.ports.values_mut() {
                    port.tunnels.retain(|tunnel| !waiting.contains(&tunnel.peer));
                }
                bridge.ports.retain(|_, port| !port.tunnels.is_empty());
                withheld.insert(network, waiting);
            }
        }
        withheld
    }

    fn want(&self, network: NetworkId, host: HostId, role: PortRole, peer: HostId) -> Want {
        let lane = self.lanes.get(&host);
        let answers = self.answers(peer);
        let works = || answers || lane.is_some_and(|lane| lane.is_up(peer));
        match self.ledger.may_have(network, host, peer) {
            true if works() => match role {
                PortRole::Uplink => Want::Lead,
                PortRole::Downlink => Want::Keep,
            },
            true => Want::Spare,
            false if answers => Want::Link,
            false => Want::Prepare,
        }
    }

    pub(super) fn answers(&self, host: HostId) -> bool {
        self.lanes.get(&host).is_some_and(|lane| lane.evidence.answers())
    }

    /// Notes where a link between hosts that answer is withheld though nothing is under way that could make room for it.
    /// Then ports over which nothing comes, to hosts that do not answer, are given up in that network: what these hosts
    /// may still hold is all that stands in the way.
    fn contest(&mut self, host: HostId, scope: &Scope) {
        let Some(lane) = self.lanes.get(&host) else { return };
        let withheld: BTreeSet<NetworkId> = lane
            .withheld
            .iter()
            .filter(|(network, _)| scope.contains(**network))
            .filter(|(_, peers)| peers.iter().any(|peer| self.answers(*peer) && self.ledger.is_known(*peer)))
            .map(|(network, _)| *network)
            .collect();
        let over: Vec<NetworkId> = self
            .contested
            .iter()
            .filter(|network| scope.contains(**network) && !self.is_withheld_anywhere(**network))
            .copied()
            .collect();
        for network in over {
            self.contested.remove(&network);
            self.touch_waiting(&Scope::Networks([network].into()));
        }
        for network in withheld {
            let is_open =
                |holder: &HostId| self.lanes.get(holder).is_some_and(|lane| lane.awaits_outcome(network));
            let holders: Vec<HostId> = self.ledger.holders(network).collect();
            if !holders.iter().any(is_open) && self.contested.insert(network) {
                for holder in holders {
                    self.touch(holder, Scope::Networks([network].into()));
                }
            }
        }
    }

    fn is_withheld_anywhere(&self, network: NetworkId) -> bool {
        let lanes = self.lanes.values().filter(|lane| lane.evidence.answers());
        lanes.filter_map(|lane| lane.withheld.get(&network)).flatten().any(|peer| self.answers(*peer))
    }

    /// Has a host compared again.
    pub(super) fn touch(&mut self, host: HostId, scope: Scope) {
        if let Some(lane) = self.lanes.get_mut(&host).filter(|_| !scope.is_empty()) {
            lane.agenda.extend(scope);
            self.due.insert(host);
        }
    }

    /// Has those compared again that wait for others in these networks.
    pub(super) fn touch_waiting(&mut self, scope: &Scope) {
        for (host, lane) in self.lanes.iter_mut().filter(|(_, lane)| !lane.withheld.is_empty()) {
            let networks: BTreeSet<NetworkId> =
                lane.withheld.keys().filter(|network| scope.contains(**network)).copied().collect();
            if !networks.is_empty() {
                lane.agenda.extend(Scope::Networks(networks));
                self.due.insert(*host);
            }
        }
    }

    /// Has those compared again who wait for others, or who may have something to give up for those: which ports are worth
    /// keeping has changed.
    pub(super) fn touch_contested(&mut self) {
        self.touch_waiting(&Scope::All);
        let holders: Vec<(HostId, NetworkId)> = self
            .contested
            .iter()
            .flat_map(|network| self.ledger.holders(*network).map(|holder| (holder, *network)))
            .collect();
        for (holder, network) in holders {
            self.touch(holder, Scope::Networks([network].into()));
        }
    }

    /// Tells the ledger what a host may hold, and those who wait for that.
    pub(super) fn learn(&mut self, host: HostId) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        let Some(mut scope) = lane.holding.take_news() else { return };
        scope.extend(match lane.holding.layouts() {
            Some((shown, sent)) => {
                let shown = self.strangers.rename(shown, &self.state);
                let sent = self.strangers.rename(sent, &self.state);
                self.ledger.learn(host, &shown, &sent)
            }
            None => self.ledger.forget(host),
        });
        self.touch_waiting(&scope);
    }
}

fn is_ready(phase: &Phase) -> bool {
    matches!(phase, Phase::Ready { .. })
}

fn networks<'a>(state: &'a asterism_model::NetworkState, scope: &Scope) -> Vec<&'a PrivateNetwork> {
    match scope {
        Scope::All => state.networks().values().collect(),
        Scope::Networks(ids) => ids.iter().filter_map(|id| state.networks().get(id)).collect(),
    }
}
