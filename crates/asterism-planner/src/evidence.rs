//! What the leader knows of the hosts' lives, and what follows from it.
//!
//! Three witnesses are weighed: our own OVSDB session to a host, what the other hosts' BFD says of it, and whether we
//! are the ones who are cut off. No single one of them gives a host up: a management network that fails must not move a
//! star whose tunnels live, and a controller that reaches nobody must not move anything.

use std::{collections::BTreeMap, fmt, time::Duration};

use asterism_model::HostId;

use crate::Tick;

/// The leader's view of all hosts at one moment. Not replicated: a new leader gathers its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    pub hosts: BTreeMap<HostId, HostEvidence>,
}

/// The leader's view of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEvidence {
    pub session: SessionEvidence,
    /// What this host's BFD says of the way to its peers. Counted only while the session is up.
    pub paths: BTreeMap<HostId, Path>,
}

/// The OVSDB session to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvidence {
    Up {
        since: Tick,
    },
    /// Down since it was lost, or since this controller began to lead.
    Down {
        since: Tick,
        why: String,
    },
}

/// The way from one host to another, over all tunnels between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// BFD is up on one tunnel at least.
    Up,
    /// BFD was up, and is down on all tunnels.
    Down { since: Tick },
    /// BFD was never up: the other end is not there yet, or never was.
    Unknown,
}

/// How long evidence must last before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graces {
    /// No session, and every peer lost it: a switch that is restarted is back within this.
    pub death: Duration,
    /// A session, but every peer lost it: longer, since the host itself says that it lives.
    pub fabric: Duration,
    /// No session, and no peer has a word on it: longer than a session takes to be made again.
    pub silence: Duration,
    /// How long a preferred center must have been able before it takes over from one that works.
    pub fail_back: Duration,
}

impl Default for Graces {
    fn default() -> Self {
        Self {
            death: Duration::from_millis(500),
            fabric: Duration::from_millis(1500),
            silence: Duration::from_secs(10),
            fail_back: Duration::from_secs(10),
        }
    }
}

/// What the evidence says of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// May be elected.
    Able { since: Tick },
    /// Stays what it is; is not elected.
    Doubtful(String),
    /// Is replaced where it is center.
    Dead(String),
}

impl Verdict {
    pub fn is_able(&self) -> bool {
        matches!(self, Self::Able { .. })
    }

    pub fn is_dead(&self) -> bool {
        matches!(self, Self::Dead(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Able { .. } => f.write_str("able"),
            Self::Doubtful(why) => write!(f, "doubtful: {why}"),
            Self::Dead(why) => write!(f, "dead: {why}"),
        }
    }
}

/// The verdicts on all hosts, and when to judge again if nothing else happens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdicts {
    hosts: BTreeMap<HostId, Verdict>,
    pub judge_again: Option<Tick>,
}

impl Verdicts {
    /// A host without evidence is one that this leader has not tried yet.
    pub fn of(&self, host: HostId) -> &Verdict {
        static UNTRIED: std::sync::LazyLock<Verdict> =
            std::sync::LazyLock::new(|| Verdict::Doubtful("not tried yet".into()));
        self.hosts.get(&host).unwrap_or(&UNTRIED)
    }
}

/// What the other hosts say of one host.
#[derive(Debug, Default)]
struct Testimony {
    /// Peers that have a way to it.
    up: usize,
    /// Peers whose session is up that lost their way to it, with the time of the last loss.
    lost: usize,
    lost_since: Tick,
    /// One of the peers counted in `lost`.
    last_peer: Option<HostId>,
}

/// Judges every host. Pure: the same evidence at the same time gives the same verdicts.
pub fn judge(evidence: &Evidence, graces: &Graces, now: Tick) -> Verdicts {
    let mut verdicts = Verdicts::default();
    if !evidence.hosts.values().any(|host| matches!(host.session, SessionEvidence::Up { .. })) {
        let cut_off = Verdict::Doubtful("no host answers this controller".into());
        verdicts.hosts = evidence.hosts.keys().map(|host| (*host, cut_off.clone())).collect();
        return verdicts;
    }
    let testimonies: BTreeMap<HostId, Testimony> =
        evidence.hosts.keys().map(|host| (*host, testimony_on(*host, evidence))).collect();
    let mut judge_again: Vec<Tick> = Vec::new();
    for (host, seen) in &evidence.hosts {
        let testimony = &testimonies[host];
        let mut from = |start: Tick, grace: Duration, dead: String| {
            if now >= start + grace {
                Verdict::Dead(dead)
            } else {
                judge_again.push(start + grace);
                Verdict::Doubtful(dead)
            }
        };
        let verdict = match &seen.session {
            SessionEvidence::Down { why, .. } if testimony.up > 0 => {
                Verdict::Doubtful(format!("no OVSDB session ({why}), but its tunnels are up"))
            }
            SessionEvidence::Down { since, why } if testimony.lost > 0 => from(
                (*since).max(testimony.lost_since),
                graces.death,
                format!("no OVSDB session ({why}), and its tunnels are down"),
            ),
            SessionEvidence::Down { since, why } => {
                from(*since, graces.silence, format!("no OVSDB session ({why}), and no host knows of it"))
            }
            SessionEvidence::Up { since } if testimony.up > 0 || testimony.lost == 0 => {
                Verdict::Able { since: *since }
            }
            SessionEvidence::Up { .. } if testimony.lost >= 2 => from(
                testimony.lost_since,
                graces.fabric,
                "it answers, but all its tunnels to living hosts are down".into(),
            ),
            SessionEvidence::Up { since } => {
                // With a single tunnel down, one end is as suspect as the other, unless the other lost more.
                let peer = testimony.last_peer.and_then(|peer| testimonies.get(&peer));
                if peer.is_some_and(|peer| peer.up == 0 && peer.lost >= 2) {
                    Verdict::Able { since: *since }
                } else {
                    Verdict::Doubtful("it answers, but its only tunnel is down".into())
                }
            }
        };
        verdicts.hosts.insert(*host, verdict);
    }
    verdicts.judge_again = judge_again.into_iter().min();
    verdicts
}

fn testimony_on(host: HostId, evidence: &Evidence) -> Testimony {
    let mut testimony = Testimony::default();
    for (peer, path) in paths_between(host, evidence) {
        let peer_answers =
            evidence.hosts.get(&peer).is_some_and(|peer| matches!(peer.session, SessionEvidence::Up { .. }));
        match path {
            Path::Up => testimony.up += 1,
            Path::Down { since } if peer_answers => {
                testimony.lost += 1;
                testimony.lost_since = testimony.lost_since.max(since);
                testimony.last_peer = Some(peer);
            }
            // A peer that is silent itself has lost everybody: its death is no word on this host.
            Path::Down { .. } | Path::Unknown => {}
        }
    }
    testimony
}

/// The state of the way between a host and each peer, as far as the two ends answer us. BFD is up at both ends or at
/// none, so that a loss seen at one end is a loss: the switch at the other may be dead and its last word still stand.
fn paths_between(host: HostId, evidence: &Evidence) -> BTreeMap<HostId, Path> {
    let mut paths = BTreeMap::new();
    let own =
        evidence.hosts.get(&host).into_iter().filter(|own| matches!(own.session, SessionEvidence::Up { .. }));
    let own = own.flat_map(|own| own.paths.iter().map(|(peer, path)| (*peer, *path)));
    let others =
        evidence.hosts.iter().filter(|(_, other)| matches!(other.session, SessionEvidence::Up { .. }));
    let others = others.filter_map(|(peer, other)| other.paths.get(&host).map(|path| (*peer, *path)));
    for (peer, path) in own.chain(others) {
        paths.entry(peer).and_modify(|known| *known = merge(*known, path)).or_insert(path);
    }
    paths
}

fn merge(one: Path, other: Path) -> Path {
    match (one, other) {
        (Path::Down { since }, Path::Down { since: later }) => Path::Down { since: since.max(later) },
        (Path::Down { since }, Path::Up | Path::Unknown)
        | (Path::Up | Path::Unknown, Path::Down { since }) => Path::Down { since },
        (Path::Up, Path::Up | Path::Unknown) | (Path::Unknown, Path::Up) => Path::Up,
        (Path::Unknown, Path::Unknown) => Path::Unknown,
    }
}
