//! One host: whether it lives and how that is known, what the leader does about it, what it is in each of its networks.

use asterism_api::{convert, v1};
use asterism_model::{Host, NetworkState, PrivateNetwork, Uplinks, pool::Standing};
use asterism_planner::{Targets, links::Fabric};

use super::{AdminService, finding, statement, way_up};
use crate::{
    admin::{bfd, live},
    leader::LeadingView,
};

impl AdminService {
    pub(super) fn explain_host(&self, state: &NetworkState, host: &Host) -> Vec<v1::Finding> {
        let shown = self.leader_view();
        let leading = shown.leading.as_ref();
        let mut findings = Vec::new();
        if let Some(leading) = leading {
            let verdict = self.verdicts(leading).of(host.id).to_string();
            findings.push(statement("verdict", format!("{}: {verdict}", state.host_label(host.id))));
            findings.extend(standing(host).map(|text| statement("standing", text)));
            if let Some(lane) = leading.lane(host.id) {
                let waiting = live::waiting_for(state, lane);
                let waiting = if waiting.is_empty() { "nothing".to_owned() } else { waiting };
                findings.push(statement("lane", format!("{}, waiting for: {waiting}", lane.phase)));
            }
        }
        let targets = Targets::of(state);
        if let Some(load) = bfd::load(&targets, host.id) {
            findings.push(statement("bfd", format!("BFD: {}", bfd::describe(&load))));
        }
        if host.uplinks == Uplinks::One {
            findings.push(statement(
                "uplinks",
                "its Open vSwitch has no active-backup bonds: one uplink in each network, mended by elections",
            ));
        }
        let offices = convert::host(state, host).offices;
        let spans = state.networks().values().filter(|network| network.pools.contains_key(&host.pool));
        findings.extend(spans.map(|network| {
            let office = offices.iter().find(|office| office.network == network.name.as_str());
            place_in(&targets, leading, network, host, office)
        }));
        findings
    }
}

/// What an operator asked of the host, where that keeps it from an office.
fn standing(host: &Host) -> Option<&'static str> {
    match host.standing {
        Standing::Enabled => None,
        Standing::Disabled => {
            Some("drained: carries its networks and holds no office until `asterctl host undrain`")
        }
        Standing::Leaving => Some("leaving: forgotten once nothing of Asterism's is left on it"),
    }
}

fn place_in(
    targets: &Targets<'_>,
    leading: Option<&LeadingView>,
    network: &PrivateNetwork,
    host: &Host,
    office: Option<&v1::Office>,
) -> v1::Finding {
    let state = targets.members().state();
    let fabric = Fabric::of(targets.members(), network);
    let rank = fabric.as_ref().and_then(|fabric| fabric.rank(host));
    let uplinks = fabric.as_ref().map(|fabric| fabric.uplinks(host)).unwrap_or_default();
    let mut words = vec![
        rank.map_or_else(|| "no place: its pool has no star-center".to_owned(), |rank| rank.to_string()),
    ];
    words.extend(way_up(state, leading, network.id, host.id, &uplinks));
    let because = office.map(|office| office_findings(state, leading, network, host, office));
    finding("place", format!("network {}: {}", network.name, words.join("; ")), because.unwrap_or_default())
}

/// What is under way about an office of the host's, and what that waits for.
fn office_findings(
    state: &NetworkState,
    leading: Option<&LeadingView>,
    network: &PrivateNetwork,
    host: &Host,
    office: &v1::Office,
) -> Vec<v1::Finding> {
    let coming = office.is_coming.then(|| statement("move", "becomes star-center"));
    let successor = office.successor.as_ref();
    let going = successor.map(|successor| statement("move", format!("hands its star over to {successor}")));
    let waits = leading.map(|leading| live::office_waits(state, leading, network.id, host));
    let waits = waits.into_iter().flatten().map(|text| statement("planner", text));
    coming.into_iter().chain(going).chain(waits).collect()
}
