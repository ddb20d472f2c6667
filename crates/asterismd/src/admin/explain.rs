//! What the planner would do, and why things are as they are.

use std::collections::BTreeSet;

use asterism_api::{ApiError, FieldError, convert, v1};
use asterism_model::{Cause, Host, HostDiff, NetworkState, PoolId, PrivateNetwork, Topology, TopologyPlan};
use asterism_planner::{
    Evidence, Explanation, diff,
    explain::{Candidate, Holder, PoolExplanation},
    links::Fabric,
    members::Members,
    plan, target,
};
use asterism_raft::View;

use super::{AdminService, live};

impl AdminService {
    pub(super) fn plan(&self, view: &View) -> v1::Plan {
        let shown = self.leader_view();
        let state = &view.state;
        let evidence = shown.leading.as_ref().map(|leading| leading.evidence.clone()).unwrap_or_default();
        let planned = plan(state, &evidence, &self.graces, self.clock.tick());
        let lanes = shown.leading.iter().flat_map(|leading| &leading.lanes);
        let hosts = lanes.filter_map(|lane| {
            let difference = diff(&target(state, lane.host), lane.picture.as_deref()?);
            let changes: Vec<String> = changed_rows(&difference.diff)
                .into_iter()
                .chain(difference.conflicts.iter().map(ToString::to_string))
                .collect();
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

    pub(super) fn explanation(
        &self,
        view: &View,
        request: &v1::ExplainRequest,
    ) -> Result<v1::Explanation, ApiError> {
        let findings = match &request.subject {
            Some(v1::explain_request::Subject::Network(name)) => {
                let network = convert::find_network(&view.state, &convert::parse_name("network", name)?)?;
                self.explain_network(&view.state, network)
            }
            Some(v1::explain_request::Subject::Host(label)) => {
                let host = convert::find_host(&view.state, &convert::parse_host("host", label)?)?;
                self.explain_host(&view.state, host)
            }
            None => {
                return Err(FieldError::new("subject", "there is none: expected a network or a host").into());
            }
        };
        Ok(v1::Explanation { mark: Some(self.mark(view)), findings })
    }

    fn explain_network(&self, state: &NetworkState, network: &PrivateNetwork) -> Vec<v1::Finding> {
        let evidence = self.evidence();
        let explained =
            asterism_planner::explain(state, network.id, &evidence, &self.graces, self.clock.tick());
        let Some(explained) = explained else { return Vec::new() };
        let mut findings = vec![root_finding(state, &explained)];
        findings.extend(explained.pools.iter().map(|pool| self.pool_finding(state, pool)));
        findings.extend(explained.findings.iter().map(|text| finding("planner", text.clone(), Vec::new())));
        if explained.will_change {
            findings.push(finding(
                "will_change",
                "the planner is about to choose otherwise".into(),
                Vec::new(),
            ));
        }
        findings
    }

    fn pool_finding(&self, state: &NetworkState, pool: &PoolExplanation) -> v1::Finding {
        let name = state.pool_label(pool.pool);
        let text = match &pool.center {
            None => format!("pool {name}: no star-center"),
            Some(center) => {
                let holder = state.host_label(center.holder);
                format!("pool {name}: star-center {holder}, {}", self.office(center))
            }
        };
        let candidates = pool.candidates.iter().enumerate().map(|(place, candidate)| {
            let is_center = pool.center.as_ref().map(|center| center.holder) == Some(candidate.host);
            let is_preferred = pool.preferred == Some(candidate.host);
            finding("candidate", describe(state, candidate, place, is_center, is_preferred), Vec::new())
        });
        finding("star_center", text, candidates.collect())
    }

    fn office<T>(&self, holder: &Holder<T>) -> String {
        let seconds = self.clock.wall().0.saturating_sub(holder.since.0) / 1000;
        format!("{}, for {seconds} s", because(holder.cause))
    }

    fn explain_host(&self, state: &NetworkState, host: &Host) -> Vec<v1::Finding> {
        let shown = self.leader_view();
        let mut findings = Vec::new();
        if let Some(leading) = &shown.leading {
            let verdict = self.verdicts(leading).of(host.id).to_string();
            findings.push(finding(
                "verdict",
                format!("{}: {verdict}", state.host_label(host.id)),
                Vec::new(),
            ));
            if let Some(lane) = leading.lane(host.id) {
                let waiting = live::waiting_for(state, lane);
                let waiting = if waiting.is_empty() { "nothing".to_owned() } else { waiting };
                findings.push(finding("lane", format!("{}, waiting for: {waiting}", lane.phase), Vec::new()));
            }
        }
        let spans = state.networks().values().filter(|network| network.pools.contains_key(&host.pool));
        findings.extend(spans.map(|network| place_in(state, network, host)));
        findings
    }

    fn evidence(&self) -> Evidence {
        self.leader_view().leading.as_ref().map(|leading| leading.evidence.clone()).unwrap_or_default()
    }
}

fn root_finding(state: &NetworkState, explained: &Explanation) -> v1::Finding {
    let vni = explained.vni.map_or_else(|| "no VNI yet".to_owned(), |vni| format!("VNI {vni}"));
    let text = match &explained.pool_center {
        None => format!("{vni}; no pool-center: no pool has a star-center"),
        Some(choice) => {
            format!("{vni}; pool-center {}, {}", state.pool_label(choice.holder), because(choice.cause))
        }
    };
    finding("pool_center", text, Vec::new())
}

fn because(cause: Cause) -> &'static str {
    match cause {
        Cause::First => "elected when there was none",
        Cause::Preferred => "preferred by the operator",
        Cause::Disabled => "elected when the one before was disabled",
        Cause::Removed => "elected when the one before was removed",
        Cause::Dead => "elected when the one before was given up as dead",
        Cause::CutOff => "elected when the one before lived and had lost its way to the root",
        Cause::Moved => "moved there by the operator",
    }
}

fn describe(
    state: &NetworkState,
    candidate: &Candidate,
    place: usize,
    is_center: bool,
    is_preferred: bool,
) -> String {
    let mut words = vec![candidate.standing.clone()];
    if let Some(rank) = candidate.rank {
        words.push(rank.to_string());
    }
    words.push(match candidate.stars {
        1 => "center of 1 star".to_owned(),
        stars => format!("center of {stars} stars"),
    });
    if is_preferred {
        words.push("preferred".into());
    }
    if candidate.may_be_elected && !is_center {
        words.push(format!("number {} in line", place + 1));
    }
    let uplinks: Vec<String> = candidate.uplinks.iter().map(|uplink| state.host_label(*uplink)).collect();
    if !uplinks.is_empty() {
        words.push(format!("uplink to {}", uplinks.join(", then ")));
    }
    format!("{}: {}", state.host_label(candidate.host), words.join("; "))
}

fn place_in(state: &NetworkState, network: &PrivateNetwork, host: &Host) -> v1::Finding {
    let members = Members::of(state);
    let fabric = Fabric::of(&members, network);
    let rank = fabric.as_ref().and_then(|fabric| fabric.rank(host));
    let uplinks = fabric.as_ref().map(|fabric| fabric.uplinks(host)).unwrap_or_default();
    let uplinks: Vec<String> = uplinks.into_iter().map(|uplink| state.host_label(uplink)).collect();
    let text = match (rank, uplinks.as_slice()) {
        (None, _) => "no place: its pool has no star-center".to_owned(),
        (Some(rank), []) => rank.to_string(),
        (Some(rank), uplinks) => format!("{rank}, uplink to {}", uplinks.join(", then ")),
    };
    finding("place", format!("network {}: {text}", network.name), Vec::new())
}

fn choices(state: &NetworkState, network: &PrivateNetwork, change: &TopologyPlan) -> Vec<v1::PlannedChoice> {
    use v1::planned_choice::Subject;
    let before = state.topologies().get(&network.id);
    let choice = |subject: Subject, pool: Option<PoolId>, from: Option<String>, to: Option<String>, cause| {
        v1::PlannedChoice {
            network: network.name.to_string(),
            subject: subject.into(),
            pool: pool.map(|pool| state.pool_label(pool)),
            from,
            to,
            cause: v1::Cause::into(cause),
        }
    };
    let mut choices = Vec::new();
    if before.is_none() {
        choices.push(choice(Subject::Vni, None, None, Some(change.vni.to_string()), v1::Cause::First));
    }
    let root_before = before.and_then(|before| before.pool_center.as_ref()).map(|choice| choice.holder);
    let root_after = change.pool_center.map(|(pool, _)| pool);
    if root_before != root_after {
        let cause = change.pool_center.map_or(v1::Cause::Unspecified, |(_, cause)| cause.into());
        let label = |pool: Option<PoolId>| pool.map(|pool| state.pool_label(pool));
        choices.push(choice(Subject::PoolCenter, None, label(root_before), label(root_after), cause));
    }
    let stars_before = |pool: &PoolId| before.and_then(|before: &Topology| before.stars.get(pool));
    let pools: BTreeSet<PoolId> = before
        .into_iter()
        .flat_map(|before| before.stars.keys())
        .chain(change.stars.keys())
        .copied()
        .collect();
    for pool in pools {
        let from = stars_before(&pool).map(|star| star.center.holder);
        let to = change.stars.get(&pool);
        if from != to.map(|star| star.center) {
            let cause = to.map_or(v1::Cause::Unspecified, |star| star.cause.into());
            let label = |host| state.host_label(host);
            choices.push(choice(
                Subject::StarCenter,
                Some(pool),
                from.map(label),
                to.map(|star| label(star.center)),
                cause,
            ));
        }
    }
    choices
}

/// A diff in words, one row each.
fn changed_rows(diff: &HostDiff) -> Vec<String> {
    let mut rows = Vec::new();
    for bridge in &diff.add_bridges {
        rows.push(format!("+ bridge {}", bridge.name));
        rows.extend(bridge.ports.keys().map(|port| format!("+ port {port} on {}", bridge.name)));
    }
    rows.extend(diff.remove_bridges.iter().map(|removal| format!("- bridge {}", removal.name)));
    rows.extend(
        diff.add_ports.iter().map(|added| format!("+ port {} on {}", added.port.name, added.bridge_name)),
    );
    rows.extend(
        diff.remove_ports.iter().map(|removed| format!("- port {} on {}", removed.name, removed.bridge_name)),
    );
    rows.extend(diff.change_bridges.iter().map(|change| format!("~ bridge {}", change.name)));
    rows.extend(diff.change_ports.iter().map(|change| format!("~ port {}", change.name)));
    rows.extend(diff.change_interfaces.iter().map(|change| format!("~ interface {}", change.tunnel.name)));
    rows
}

fn finding(rule: &str, text: String, because: Vec<v1::Finding>) -> v1::Finding {
    v1::Finding { rule: rule.to_owned(), text, because }
}
