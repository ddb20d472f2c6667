//! What the unit tests share: states from scripts, evidence from a few words, and renderings for eyes.

#[path = "../tests/support/mod.rs"]
pub mod support;

use std::collections::BTreeMap;

use asterism_model::{HostId, NetworkState};

use crate::{Evidence, HostEvidence, Path, SessionEvidence, Tick};

/// The state after a script in the model's language, a cluster and an epoch before it.
pub fn state(script: &str) -> NetworkState {
    support::model::World::of(&format!("init lab\nclaim c1\n{script}")).state
}

/// One host a line: `h1 up 0: h2 up 10, h3 down 4000`, `h2 lost 500`, `h3 awaited 0`, with `halted` behind it where its pool
/// says so; times in milliseconds.
pub fn evidence(text: &str) -> Evidence {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Evidence { hosts: lines.map(host_evidence).collect(), ..Evidence::default() }
}

/// All hosts of a state answer since the beginning, but for those that the text is about.
pub fn evidence_of(state: &NetworkState, text: &str) -> Evidence {
    let mut hosts: BTreeMap<HostId, HostEvidence> = state
        .hosts()
        .keys()
        .map(|host| (*host, HostEvidence::new(SessionEvidence::Up { since: Tick(0) })))
        .collect();
    hosts.extend(evidence(text).hosts);
    Evidence { hosts, ..Evidence::default() }
}

fn host_evidence(line: &str) -> (HostId, HostEvidence) {
    let (host, paths) = line.split_once(':').unwrap_or((line, ""));
    let words: Vec<&str> = host.split_whitespace().collect();
    let since = tick(words[2]);
    let why = || "no answer".to_owned();
    let session = match words[1] {
        "up" => SessionEvidence::Up { since },
        "lost" => SessionEvidence::Down { since, why: why() },
        "awaited" => SessionEvidence::Awaited { since, why: why() },
        other => panic!("a session is not `{other}`"),
    };
    let paths = paths.split(',').map(str::trim).filter(|path| !path.is_empty()).map(path).collect();
    let is_down_in_pool = words.get(3) == Some(&"halted");
    (host_id(words[0]), HostEvidence { paths, is_down_in_pool, ..HostEvidence::new(session) })
}

fn path(text: &str) -> (HostId, Path) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let since = tick(words[2]);
    let path = match words[1] {
        "up" => Path::Up { since },
        "down" => Path::Down { since },
        "pending" => Path::Pending { since },
        other => panic!("a path is not `{other}`"),
    };
    (host_id(words[0]), path)
}

/// `h7`
pub fn host_id(text: &str) -> HostId {
    HostId(text.strip_prefix('h').unwrap().parse().unwrap())
}

fn tick(text: &str) -> Tick {
    Tick(text.parse().unwrap())
}
