//! What the planner would do now, and what differs on the hosts.

use std::collections::{BTreeMap, BTreeSet};

use asterism_api::v1::{self, planned_choice::Subject};
use asterism_model::{HostId, NetworkState, NextPool, PoolId, PrivateNetwork, Star, StarPlan, TopologyPlan};
use asterism_planner::{Targets, plan};
use asterism_raft::View;

use super::{AdminService, explain::finding};

impl AdminService {
    pub(super) fn plan(&self, view: &View) -> v1::Plan {
        let shown = self.leader_view();
        let state = &view.state;
        let evidence = shown.leading.as_ref().map(|leading| leading.evidence.clone()).unwrap_or_default();
        let planned = plan(state, &evidence, &self.graces, self.clock.tick());
        let lanes = shown.leading.iter().flat_map(|leading| &leading.lanes);
        let targets = Targets::of(state);
        let hosts = lanes.filter_map(|lane| {
            let found = lane.drift(&targets)?;
            let changes = [found.lines, found.conflicts].concat();
            (!changes.is_empty()).then(|| v1::PlannedHost { host: state.host_label(lane.host), changes })
        });
        v1::Plan {
            mark: Some(self.mark(view)),
            choices: planned
                .changes
                .iter()
                .filter_map(|(id, change)| Some((state.networks().get(id)?, change)))
                .flat_map(|(network, change)| choices(state, network, change))
                .collect(),
            hosts: hosts.collect(),
            report: planned
                .findings
                .iter()
                .map(|found| {
                    let network = state.networks().get(&found.network());
                    let name = network
                        .map_or_else(|| found.network().to_string(), |network| network.name.to_string());
                    finding("planner", format!("network {name}: {}", found.describe(state)), Vec::new())
                })
                .collect(),
        }
    }
}

/// What would change in one network, in the order in which operators think of it.
fn choices(state: &NetworkState, network: &PrivateNetwork, change: &TopologyPlan) -> Vec<v1::PlannedChoice> {
    let before = state.topologies().get(&network.id);
    let label = |pool: Option<PoolId>| pool.map(|pool| state.pool_label(pool));
    let choice = |subject: Subject, from: Option<String>, to: Option<String>, cause: v1::Cause| {
        let network = network.name.to_string();
        v1::PlannedChoice { network, subject: subject.into(), pool: None, from, to, cause: cause.into() }
    };
    let mut choices = Vec::new();
    if before.is_none() {
        choices.push(choice(Subject::Vni, None, Some(change.vni.to_string()), v1::Cause::First));
    }
    let from = before.and_then(|before| before.pool_center.as_ref()).map(|choice| choice.holder);
    let to = change.pool_center.map(|(pool, _)| pool);
    if from != to {
        let cause = change.pool_center.map_or(v1::Cause::Unspecified, |(_, cause)| cause.into());
        choices.push(choice(Subject::PoolCenter, label(from), label(to), cause));
    }
    let pool_of = |next: Option<NextPool>| next.map(|next| next.pool);
    let (from, to) = (pool_of(before.and_then(|before| before.next_pool)), pool_of(change.next_pool));
    if from != to {
        let cause = change.next_pool.map_or(v1::Cause::Unspecified, |next| next.cause.into());
        choices.push(choice(Subject::NextPool, label(from), label(to), cause));
    }
    let no_stars = BTreeMap::new();
    let stars = before.map_or(&no_stars, |before| &before.stars);
    let pools: BTreeSet<PoolId> = stars.keys().chain(change.stars.keys()).copied().collect();
    for pool in pools {
        for (subject, from, to, cause) in star_choices(stars.get(&pool), change.stars.get(&pool)) {
            let host = |host: Option<HostId>| host.map(|host| state.host_label(host));
            let choice = choice(subject, host(from), host(to), cause);
            choices.push(v1::PlannedChoice { pool: label(Some(pool)), ..choice });
        }
    }
    choices
}

type HostChoice = (Subject, Option<HostId>, Option<HostId>, v1::Cause);

fn star_choices(before: Option<&Star>, after: Option<&StarPlan>) -> Vec<HostChoice> {
    let none = v1::Cause::Unspecified;
    let all = [
        (
            Subject::StarCenter,
            before.map(|star| star.center.holder),
            after.map(|star| star.center),
            after.map_or(none, |star| star.cause.into()),
        ),
        (Subject::Standby, before.and_then(|star| star.standby), after.and_then(|star| star.standby), none),
        (
            Subject::NextCenter,
            before.and_then(|star| star.next).map(|next| next.host),
            after.and_then(|star| star.next).map(|next| next.host),
            after.and_then(|star| star.next).map_or(none, |next| next.cause.into()),
        ),
        (
            Subject::Drained,
            before.and_then(|star| star.drained).map(|drain| drain.host),
            after.and_then(|star| star.drained).map(|drain| drain.host),
            none,
        ),
    ];
    all.into_iter().filter(|(_, from, to, _)| from != to).collect()
}
