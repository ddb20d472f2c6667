//! Holds the hosts to the state, in the API's words; the planner looks.

use asterism_api::{ApiError, convert, v1};
use asterism_model::NetworkState;
use asterism_planner::verify::{self, Kind, Problem, Severity};
use asterism_raft::View;

use super::{AdminService, live};

/// Longest list of problems that is sent: more than anybody reads, and within a message however ill a cluster is.
const MAX_PROBLEMS: usize = 1000;

impl AdminService {
    /// Only the leader can tell.
    pub(super) fn verification(
        &self,
        view: &View,
        request: &v1::VerifyRequest,
    ) -> Result<v1::Verification, ApiError> {
        let state = &view.state;
        let only = match &request.network {
            Some(name) => Some(convert::find_network(state, &convert::parse_name("network", name)?)?.id),
            None => None,
        };
        let shown = self.leader_view();
        let Some(leading) = &shown.leading else {
            return Err(ApiError::Busy("this replica was elected a moment ago and begins to look".into()));
        };
        let seen = verify::View {
            evidence: &leading.evidence,
            graces: &self.graces,
            now: self.clock.tick(),
            lanes: &leading.lanes,
            findings: &leading.findings,
        };
        let found = verify::verify(state, seen, only);
        let count = |severity: Severity| live::count(found.count(severity));
        let mut problems: Vec<v1::Problem> =
            found.problems.iter().map(|problem| told(state, problem)).collect();
        problems.sort_by(|a, b| {
            let key = |it: &v1::Problem| (it.severity, it.network.clone(), it.host.clone(), it.peer.clone());
            key(a).cmp(&key(b))
        });
        problems.truncate(MAX_PROBLEMS);
        Ok(v1::Verification {
            mark: Some(self.mark(view)),
            problems,
            broken: count(Severity::Broken),
            degraded: count(Severity::Degraded),
            coming_up: count(Severity::ComingUp),
            notes: count(Severity::Note),
            networks: live::count(found.networks),
            hosts: live::count(found.hosts),
            links: live::count(found.links),
        })
    }
}

fn told(state: &NetworkState, problem: &Problem) -> v1::Problem {
    let network = problem.network.map(|id| match state.networks().get(&id) {
        Some(network) => network.name.to_string(),
        None => id.to_string(),
    });
    v1::Problem {
        network,
        host: problem.host.map(|host| state.host_label(host)),
        peer: problem.peer.map(|peer| state.host_label(peer)),
        kind: kind(problem.kind).into(),
        severity: severity(problem.severity).into(),
        text: problem.text.clone(),
    }
}

fn severity(severity: Severity) -> v1::problem::Severity {
    match severity {
        Severity::Broken => v1::problem::Severity::Broken,
        Severity::Degraded => v1::problem::Severity::Degraded,
        Severity::ComingUp => v1::problem::Severity::ComingUp,
        Severity::Note => v1::problem::Severity::Note,
    }
}

fn kind(kind: Kind) -> v1::problem::Kind {
    match kind {
        Kind::Unreachable => v1::problem::Kind::Unreachable,
        Kind::Dead => v1::problem::Kind::Dead,
        Kind::Blocked => v1::problem::Kind::Blocked,
        Kind::Drift => v1::problem::Kind::Drift,
        Kind::Changing => v1::problem::Kind::Changing,
        Kind::LinkDown => v1::problem::Kind::LinkDown,
        Kind::ComingUp => v1::problem::Kind::ComingUp,
        Kind::CutOff => v1::problem::Kind::CutOff,
        Kind::NoCenter => v1::problem::Kind::NoCenter,
        Kind::NoStandby => v1::problem::Kind::NoStandby,
        Kind::OneUplink => v1::problem::Kind::OneUplink,
        Kind::InterfaceError => v1::problem::Kind::InterfaceError,
        Kind::Moving => v1::problem::Kind::Moving,
    }
}
