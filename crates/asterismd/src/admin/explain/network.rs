//! One network: who is center and standby and why, what was seen of the one before, what moves and what it waits for.

use asterism_api::v1;
use asterism_model::{Cause, DrainExtent, NetworkState, PrivateNetwork, Resilience, Star, Timestamp};
use asterism_planner::{
    BfdLoad, Evidence, Explanation, budget,
    explain::{Candidate, PoolExplanation},
};

use super::{AdminService, finding, mtu::mtu_finding, statement, way_up};
use crate::{admin::bfd, leader::LeadingView};

impl AdminService {
    pub(super) fn explain_network(&self, state: &NetworkState, network: &PrivateNetwork) -> Vec<v1::Finding> {
        let shown = self.leader_view();
        let leading = shown.leading.as_ref();
        let evidence: Evidence = leading.map(|leading| leading.evidence.clone()).unwrap_or_default();
        let explained =
            asterism_planner::explain(state, network.id, &evidence, &self.graces, self.clock.tick());
        let Some(explained) = explained else { return Vec::new() };
        let mut findings = vec![self.root_finding(state, &explained)];
        let place = Place { state, leading, network };
        findings.extend(explained.pools.iter().map(|pool| self.pool_finding(&place, pool)));
        findings.push(bfd_finding(state, &explained));
        findings.extend(mtu_finding(state, network));
        findings.extend(explained.findings.iter().map(|text| statement("planner", text.clone())));
        if explained.will_change {
            findings.push(statement("will_change", "the planner is about to choose otherwise"));
        }
        findings
    }

    fn root_finding(&self, state: &NetworkState, explained: &Explanation<'_>) -> v1::Finding {
        let topology = explained.topology;
        let vni =
            topology.map_or_else(|| "no VNI yet".to_owned(), |topology| format!("VNI {}", topology.vni));
        let text = match topology.and_then(|topology| topology.pool_center.as_ref()) {
            None => format!("{vni}; no pool-center: no pool has a star-center"),
            Some(choice) => {
                let pool = state.pool_label(choice.holder);
                format!("{vni}; pool-center {pool}, {}", self.office(choice.cause, choice.since))
            }
        };
        let next = topology.and_then(|topology| topology.next_pool).map(|next| {
            let drained =
                if next.is_drained { "; traffic is led away from the root and its standby" } else { "" };
            let pool = state.pool_label(next.pool);
            statement("move", format!("moves to {pool}: {}{drained}", why_next(next.cause)))
        });
        finding("pool_center", text, next.into_iter().collect())
    }

    fn pool_finding(&self, place: &Place<'_>, pool: &PoolExplanation<'_>) -> v1::Finding {
        let Place { state, network, .. } = place;
        let name = state.pool_label(pool.pool);
        let mut because = Vec::new();
        let text = match pool.star {
            None => format!("pool {name}: no star-center"),
            Some(star) => {
                let center = &star.center;
                let evidence = center.evidence.as_ref();
                because
                    .extend(evidence.map(|seen| statement("evidence", format!("of the one before: {seen}"))));
                because.extend(standby_finding(state, network, star));
                because.extend(move_findings(state, star));
                let office = self.office(center.cause, center.since);
                format!("pool {name}: star-center {}, {office}", state.host_label(center.holder))
            }
        };
        let candidates = pool.candidates.iter().enumerate();
        because.extend(candidates.map(|(turn, candidate)| place.describe(pool, candidate, turn)));
        finding("star_center", text, because)
    }

    fn office(&self, cause: Cause, since: Timestamp) -> String {
        let seconds = self.clock.wall().0.saturating_sub(since.0) / 1000;
        format!("{}, for {seconds} s", why(cause))
    }
}

/// Where candidates are looked at.
struct Place<'a> {
    state: &'a NetworkState,
    leading: Option<&'a LeadingView>,
    network: &'a PrivateNetwork,
}

impl Place<'_> {
    fn describe(&self, pool: &PoolExplanation<'_>, candidate: &Candidate, turn: usize) -> v1::Finding {
        let host = candidate.host;
        let mut words = vec![candidate.standing.clone()];
        words.extend(candidate.rank.map(|rank| rank.to_string()));
        words.push(offices(candidate));
        if candidate.is_preferred {
            words.push("preferred".into());
        }
        let is_head = |star: &Star| star.center.holder == host || star.standby == Some(host);
        if candidate.may_be_elected && !pool.star.is_some_and(is_head) {
            words.push(format!("number {} in line", turn + 1));
        }
        if candidate.lacks_bonds {
            words.push("its Open vSwitch has no bonds, and so it has one uplink".into());
        }
        words.extend(way_up(self.state, self.leading, self.network.id, host, &candidate.uplinks));
        statement("candidate", format!("{}: {}", self.state.host_label(host), words.join("; ")))
    }
}

fn standby_finding(state: &NetworkState, network: &PrivateNetwork, star: &Star) -> Option<v1::Finding> {
    let text = match (star.standby, network.resilience) {
        (Some(standby), Resilience::Dual) => {
            format!("standby {}: takes over by itself", state.host_label(standby))
        }
        (Some(standby), Resilience::Single) => {
            format!("standby {} for as long as a move takes", state.host_label(standby))
        }
        (None, Resilience::Dual) => "no standby: when the center dies, an election mends it".to_owned(),
        (None, Resilience::Single) => return None,
    };
    Some(statement("standby", text))
}

fn move_findings(state: &NetworkState, star: &Star) -> Vec<v1::Finding> {
    let next = star.next.map(|next| {
        statement("move", format!("moves to {}: {}", state.host_label(next.host), why_next(next.cause)))
    });
    let drain = star.drained.map(|drain| {
        let host = state.host_label(drain.host);
        let whose = match drain.extent {
            DrainExtent::Announced => {
                return statement("drain", format!("traffic is about to be led away from {host}"));
            }
            DrainExtent::Standby => "its standby's traffic",
            DrainExtent::All => "the traffic of all below",
            DrainExtent::Cut => "all below, which it has no tunnels to for now",
        };
        statement("drain", format!("{whose} is led away from {host}"))
    });
    next.into_iter().chain(drain).collect()
}

/// How fast its hosts find a dead tunnel, and who of them is slowed by a budget.
fn bfd_finding(state: &NetworkState, explained: &Explanation<'_>) -> v1::Finding {
    let detection = explained.network.detection;
    let wanted = budget::wanted_ms(detection);
    let candidates = explained.pools.iter().flat_map(|pool| &pool.candidates);
    let is_slow = |bfd: &BfdLoad| bfd.sessions(detection) > 0 && bfd.interval(detection) > wanted;
    let slowed: Vec<v1::Finding> = candidates
        .filter(|candidate| is_slow(&candidate.bfd))
        .filter_map(|candidate| {
            let load = bfd::convert(state, candidate.bfd)?;
            let label = state.host_label(candidate.host);
            Some(statement("bfd_budget", format!("{label}: {}", bfd::describe(&load))))
        })
        .collect();
    let slower = match slowed.len() {
        0 => "on every tunnel".to_owned(),
        1 => "but slower on 1 host, to keep its budget".to_owned(),
        hosts => format!("but slower on {hosts} hosts, to keep their budgets"),
    };
    finding("bfd", format!("{detection} detection: BFD every {wanted} ms, {slower}"), slowed)
}

fn why(cause: Cause) -> &'static str {
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

/// Why somebody else is about to hold an office.
fn why_next(cause: Cause) -> &'static str {
    match cause {
        Cause::First => "there is none",
        Cause::Preferred => "the operator prefers it, and it is able",
        Cause::Disabled => "the holder is disabled",
        Cause::Removed => "the holder takes part no longer",
        Cause::Dead => "the holder is given up as dead",
        Cause::CutOff => "the holder has lost its way to the root",
        Cause::Moved => "the operator asked for it",
    }
}

/// What decides between able hosts: how much each bears.
fn offices(candidate: &Candidate) -> String {
    let stars = match candidate.stars {
        1 => "center of 1 star".to_owned(),
        stars => format!("center of {stars} stars"),
    };
    match candidate.standbys {
        0 => stars,
        standbys => format!("{stars}, standby of {standbys}"),
    }
}
