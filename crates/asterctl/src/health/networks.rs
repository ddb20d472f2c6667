//! Hosts, pools and networks, as the leader sees them and as `verify` judges them.

use std::collections::BTreeSet;

use asterism_api::v1::{self, problem::Kind};

use super::{Check, Facts, Severity, Symptom};

pub(super) fn examine(facts: &Facts) -> Vec<Symptom> {
    let seen = match &facts.seen {
        Ok(seen) => seen,
        Err(why) => return unknown(why),
    };
    let problems = &seen.verification.problems;
    let mut found: Vec<Symptom> = problems.iter().map(problem).collect();
    // Said once, by whoever says more of it.
    let told: BTreeSet<&str> = problems.iter().filter_map(|it| it.host.as_deref()).collect();
    let silent = facts.hosts.iter().filter(|host| !told.contains(host.name.as_str()));
    found.extend(silent.filter_map(host));
    found.extend(facts.pools.iter().filter_map(pool));
    found
}

/// Only the leader can tell.
fn unknown(why: &str) -> Vec<Symptom> {
    [(Check::Hosts, "hosts"), (Check::Pools, "pools"), (Check::Networks, "networks")]
        .map(|(check, about)| {
            let what = format!("can't be told without a leader: {why}");
            Symptom::new(check, Severity::Unknown, about, what).remedy("mend the cluster first")
        })
        .into()
}

fn problem(problem: &v1::Problem) -> Symptom {
    use v1::problem::Severity as Told;
    let severity = match problem.severity() {
        Told::Broken => Severity::Critical,
        Told::Degraded => Severity::Warning,
        Told::ComingUp | Told::Note | Told::Unspecified => Severity::Note,
    };
    let check = match problem.kind() {
        Kind::Unreachable
        | Kind::Blocked
        | Kind::Drift
        | Kind::Changing
        | Kind::InterfaceError
        | Kind::Dead
        | Kind::OneUplink => Check::Hosts,
        Kind::LinkDown
        | Kind::ComingUp
        | Kind::CutOff
        | Kind::NoCenter
        | Kind::NoStandby
        | Kind::Moving
        | Kind::Unspecified => Check::Networks,
    };
    let host = problem.host.as_ref().map(|host| format!("host {host}"));
    let network = problem.network.as_ref().map(|network| format!("network {network}"));
    let about = if check == Check::Hosts { host.or(network) } else { network.or(host) };
    Symptom::new(check, severity, about.unwrap_or_default(), problem.text.clone()).remedy(remedy(problem))
}

fn remedy(problem: &v1::Problem) -> String {
    let host = problem.host.as_deref().unwrap_or("POOL/HOST");
    let network = problem.network.as_deref().unwrap_or("NETWORK");
    match problem.kind() {
        Kind::Unreachable => format!(
            "look whether {host} is up and its ovsdb-server listens; `asterctl explain {host}`; OPERATIONS: A host does not answer"
        ),
        Kind::Dead => format!("look after {host}; its offices were given to others"),
        Kind::Blocked => "OPERATIONS: A host is `blocked`, and `the name ... is taken`".to_owned(),
        Kind::Drift => format!("`asterctl explain {host}` says why nothing is done about it"),
        Kind::InterfaceError => format!("look at the log of ovs-vswitchd on {host}"),
        Kind::LinkDown | Kind::CutOff => {
            format!("look at the transport network and its firewall; `asterctl topology {network}`")
        }
        Kind::NoCenter => {
            format!("undrain a host of that pool, or bring one back; `asterctl explain {network}`")
        }
        Kind::NoStandby => "add a host to the pool, or undrain one".to_owned(),
        Kind::OneUplink => "upgrade its Open vSwitch to one that has active-backup bonds".to_owned(),
        Kind::ComingUp | Kind::Changing | Kind::Moving => "ask again in a moment".to_owned(),
        Kind::Unspecified => String::new(),
    }
}

fn host(host: &v1::Host) -> Option<Symptom> {
    let status = host.status.as_ref()?;
    let about = format!("host {}", host.name);
    let told = |severity, what: String| Symptom::new(Check::Hosts, severity, about, what);
    if status.phase() == v1::LanePhase::Blocked {
        let what = format!("it may not be written to: {}", status.waiting_for);
        return Some(told(Severity::Critical, what).remedy("OPERATIONS: A host is `blocked`"));
    }
    if status.session() == v1::Session::Lost {
        let what = format!("its OVSDB does not answer: {}", status.last_error);
        return Some(told(Severity::Warning, what).remedy("OPERATIONS: A host does not answer"));
    }
    None
}

fn pool(pool: &v1::Pool) -> Option<Symptom> {
    let status = pool.xapi.as_ref()?.status.as_ref()?;
    let about = format!("pool {}", pool.name);
    if status.session() == v1::Session::Lost {
        let what = format!("its XAPI does not answer, networks go on: {}", status.last_error);
        let remedy = format!(
            "`asterctl pool check {}`; OPERATIONS: A XCP-ng pool does not answer, or is refused",
            pool.name
        );
        return Some(Symptom::new(Check::Pools, Severity::Warning, about, what).remedy(remedy));
    }
    let waits = status.waiting_for.join("; ");
    (!waits.is_empty()).then(|| {
        Symptom::new(Check::Pools, Severity::Note, about, format!("waits for: {waits}"))
            .remedy(format!("`asterctl pool show {}`", pool.name))
    })
}
