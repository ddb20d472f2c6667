//! From evidence to a verdict on each host.
//!
//! No single witness gives a host up: a management network that fails must not move a star whose tunnels live, and a
//! controller that reaches nobody must not move anything. BFD is up at both ends of a tunnel or at none, so that a loss
//! that one end reports is a loss: the switch at the other may be dead, and its last word still stand. Whoever goes on to
//! contradict a loss is not believed in anything: two hosts that died together would vouch for each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use asterism_model::HostId;

use crate::{Evidence, Graces, HostEvidence, Path, SessionEvidence, Tick};

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
    /// The hosts that are given up, and why.
    pub fn dead(&self) -> impl Iterator<Item = (HostId, &str)> {
        self.hosts.iter().filter_map(|(host, verdict)| match verdict {
            Verdict::Dead(why) => Some((*host, why.as_str())),
            Verdict::Able { .. } | Verdict::Doubtful(_) => None,
        })
    }

    /// A host without evidence is one that this leader has not tried yet.
    pub fn of(&self, host: HostId) -> &Verdict {
        static UNTRIED: std::sync::LazyLock<Verdict> =
            std::sync::LazyLock::new(|| Verdict::Doubtful("not tried yet".into()));
        self.hosts.get(&host).unwrap_or(&UNTRIED)
    }
}

/// Judges every host. Pure: the same evidence at the same time gives the same verdicts.
pub fn judge(evidence: &Evidence, graces: &Graces, now: Tick) -> Verdicts {
    if !evidence.hosts.values().any(HostEvidence::answers) {
        let cut_off = Verdict::Doubtful("no host answers this controller".into());
        let hosts = evidence.hosts.keys().map(|host| (*host, cut_off.clone())).collect();
        return Verdicts { hosts, judge_again: None };
    }
    let mut court = Court {
        evidence,
        graces,
        now,
        testimonies: BTreeMap::new(),
        stale: BTreeSet::new(),
        judge_again: BTreeSet::new(),
    };
    court.find_stale();
    court.hear();
    let hosts = evidence.hosts.iter().map(|(host, seen)| (*host, court.verdict(*host, seen))).collect();
    Verdicts { hosts, judge_again: court.judge_again.first().copied() }
}

/// What the tunnels say of one host.
#[derive(Debug, Clone, Copy, Default)]
struct Testimony {
    /// Since when the longest-lived way to a peer has been up.
    up_since: Option<Tick>,
    /// How many ways to witnesses are up.
    up: usize,
    /// Peers that answer and lost their way to it.
    lost: usize,
    /// The last of these losses.
    lost_since: Tick,
    /// One of the peers counted in `lost`.
    last_peer: Option<HostId>,
    /// The last way that was made and has not been up yet.
    pending_since: Option<Tick>,
}

/// The way between two hosts, after hearing both ends.
enum Way {
    Up { since: Tick },
    Lost { since: Tick },
    Pending { since: Tick },
}

struct Court<'a> {
    evidence: &'a Evidence,
    graces: &'a Graces,
    now: Tick,
    testimonies: BTreeMap<HostId, Testimony>,
    /// Hosts that answer, as it seems, and whose last word is old.
    stale: BTreeSet<HostId>,
    judge_again: BTreeSet<Tick>,
}

impl Court<'_> {
    /// A host that has lost a way says so at once, as its peer does. One that still calls it up after a while has not
    /// spoken since: its switch is dead, or it is dark and its session has not noticed.
    fn find_stale(&mut self) {
        for (host, its) in self.evidence.hosts.iter().filter(|(_, its)| its.answers()) {
            let lost = its.paths.iter().filter_map(|(peer, path)| match path {
                Path::Up { .. } => self.evidence.hosts.get(peer).filter(|far| far.answers())?.paths.get(host),
                Path::Down { .. } | Path::Pending { .. } => None,
            });
            let first = lost
                .filter_map(|path| match path {
                    Path::Down { since } => Some(*since),
                    Path::Up { .. } | Path::Pending { .. } => None,
                })
                .min();
            if first.is_some_and(|since| self.has_passed(since + self.graces.death)) {
                self.stale.insert(*host);
            }
        }
        // Whoever sees none but these up would have lost them too, if it could tell.
        let sees_no_other = |its: &HostEvidence| {
            let mut up = its.paths.iter().filter(|(_, path)| matches!(path, Path::Up { .. })).peekable();
            up.peek().is_some() && up.all(|(peer, _)| self.stale.contains(peer))
        };
        let answering = self.evidence.hosts.iter().filter(|(_, its)| its.answers());
        let misled: Vec<HostId> =
            answering.filter(|(_, its)| sees_no_other(its)).map(|(host, _)| *host).collect();
        self.stale.extend(misled);
    }

    /// Hears every pair of hosts with a tunnel between them once.
    fn hear(&mut self) {
        for (one, its) in self.evidence.hosts.iter().filter(|(_, its)| its.answers()) {
            for (other, path) in &its.paths {
                let far = self.evidence.hosts.get(other).filter(|far| far.answers());
                let far_path = far.and_then(|far| far.paths.get(one));
                if far_path.is_some() && other < one {
                    // Heard already, from the other end.
                    continue;
                }
                match (far, far_path) {
                    (Some(_), Some(far_path)) => {
                        if let Some(way) = self.merge(*path, *far_path) {
                            self.note(*one, *other, &way);
                            self.note(*other, *one, &way);
                        }
                    }
                    // The other end answers and has no port: what BFD says here is our own doing.
                    (Some(_), None) => {}
                    // Nobody vouches for himself: the one may be dead too, and this its last word.
                    (None, _) => {
                        if let Some(way) = one_sided(*path) {
                            self.note(*other, *one, &way);
                        }
                    }
                }
            }
        }
    }

    /// Both ends answer.
    fn merge(&mut self, one: Path, other: Path) -> Option<Way> {
        Some(match (one, other) {
            (Path::Down { since }, Path::Down { since: later }) => Way::Lost { since: since.max(later) },
            (Path::Down { since }, Path::Up { .. } | Path::Pending { .. })
            | (Path::Up { .. } | Path::Pending { .. }, Path::Down { since }) => Way::Lost { since },
            (Path::Up { since }, Path::Up { since: later }) => Way::Up { since: since.max(later) },
            (Path::Up { since }, Path::Pending { .. }) | (Path::Pending { .. }, Path::Up { since }) => {
                Way::Up { since }
            }
            (Path::Pending { since }, Path::Pending { since: later }) => {
                let since = since.max(later);
                if self.has_passed(since + self.graces.come_up) {
                    Way::Lost { since: since + self.graces.come_up }
                } else {
                    Way::Pending { since }
                }
            }
        })
    }

    /// Notes what a way says of one of its ends.
    fn note(&mut self, host: HostId, peer: HostId, way: &Way) {
        let answers = |host: HostId| self.evidence.hosts.get(&host).is_some_and(HostEvidence::answers);
        let is_news = match (way, self.evidence.hosts.get(&host).map(|seen| &seen.session)) {
            // A way that was down long before the session was lost says nothing of why it was lost.
            (Way::Lost { since: lost }, Some(SessionEvidence::Down { since, .. })) => {
                *lost + self.graces.silence >= *since
            }
            (Way::Lost { .. }, Some(SessionEvidence::Up { .. } | SessionEvidence::Awaited { .. }) | None)
            | (Way::Up { .. } | Way::Pending { .. }, _) => true,
        };
        // A peer that is silent itself has lost everybody, and one whose word is old vouches for nobody.
        let is_witness = answers(peer) && !self.stale.contains(&peer);
        let testimony = self.testimonies.entry(host).or_default();
        match *way {
            Way::Up { since } if is_witness => {
                testimony.up += 1;
                testimony.up_since = Some(testimony.up_since.map_or(since, |known| known.min(since)));
            }
            Way::Up { .. } => {}
            Way::Lost { since } if is_witness && is_news => {
                testimony.lost += 1;
                testimony.lost_since = testimony.lost_since.max(since);
                testimony.last_peer = Some(peer);
            }
            Way::Lost { .. } => {}
            Way::Pending { since } => testimony.pending_since = testimony.pending_since.max(Some(since)),
        }
    }

    fn verdict(&mut self, host: HostId, seen: &HostEvidence) -> Verdict {
        let testimony = self.testimonies.get(&host).copied().unwrap_or_default();
        let verdict = if seen.answers() && self.stale.contains(&host) {
            self.weigh_stale(testimony)
        } else {
            self.weigh(seen, testimony)
        };
        let given_up = seen.given_up.as_ref().filter(|_| testimony.up_since.is_none() && !verdict.is_dead());
        let verdict = given_up.map_or(verdict, |why| Verdict::Dead(why.clone()));
        match (verdict, &seen.barred) {
            (Verdict::Able { .. }, Some(why)) => Verdict::Doubtful(why.clone()),
            (verdict, _) => verdict,
        }
    }

    /// The session seems to be up, and the host has not spoken since its peers lost it. One that has not spoken either may
    /// still call it up: most of them count.
    fn weigh_stale(&mut self, testimony: Testimony) -> Verdict {
        let Testimony { up, lost, lost_since, .. } = testimony;
        if lost >= 2 && lost > up {
            let why = "its last word is old, and its tunnels to living hosts are down";
            self.dead_from(lost_since + self.graces.fabric, why.into())
        } else {
            Verdict::Doubtful("its last word is old".into())
        }
    }

    fn weigh(&mut self, seen: &HostEvidence, testimony: Testimony) -> Verdict {
        let Testimony { up_since, lost, lost_since, last_peer, pending_since, .. } = testimony;
        let graces = *self.graces;
        match &seen.session {
            SessionEvidence::Down { why, .. } | SessionEvidence::Awaited { why, .. }
                if up_since.is_some() =>
            {
                Verdict::Doubtful(format!("no OVSDB session ({why}), but its tunnels are up"))
            }
            // Its pool alone is not believed: its database may be an old one.
            SessionEvidence::Down { why, .. } | SessionEvidence::Awaited { why, .. }
                if seen.is_down_in_pool =>
            {
                Verdict::Dead(format!("no OVSDB session ({why}), and its pool says that it is down"))
            }
            SessionEvidence::Down { since, why } if lost > 0 => self.dead_from(
                (*since).max(lost_since) + graces.death,
                format!("no OVSDB session ({why}), and its tunnels are down"),
            ),
            SessionEvidence::Awaited { since, why } if lost > 0 => self.dead_from(
                (*since + graces.contact).max(lost_since + graces.death),
                format!("no OVSDB session ({why}), and its tunnels are down"),
            ),
            SessionEvidence::Down { since, why } | SessionEvidence::Awaited { since, why } => self.dead_from(
                *since + graces.silence,
                format!("no OVSDB session ({why}), and no host knows of it"),
            ),
            SessionEvidence::Up { since } if up_since.is_some() || lost == 0 => {
                // A way that is up proves it; one that may yet come up leaves it open.
                Verdict::Able { since: up_since.or(pending_since).map_or(*since, |open| open.max(*since)) }
            }
            SessionEvidence::Up { .. } if lost >= 2 => self.dead_from(
                lost_since + graces.fabric,
                "it answers, but all its tunnels to living hosts are down".into(),
            ),
            SessionEvidence::Up { since } => {
                // With a single tunnel down, one end is as suspect as the other, unless the other lost more.
                let peer = last_peer.and_then(|peer| self.testimonies.get(&peer));
                if peer.is_some_and(|peer| peer.up_since.is_none() && peer.lost >= 2) {
                    Verdict::Able { since: *since }
                } else {
                    Verdict::Doubtful("it answers, but its only tunnel is down".into())
                }
            }
        }
    }

    fn dead_from(&mut self, at: Tick, why: String) -> Verdict {
        if self.has_passed(at) { Verdict::Dead(why) } else { Verdict::Doubtful(why) }
    }

    /// Whether that moment has come; if not, it is a moment to judge again.
    fn has_passed(&mut self, at: Tick) -> bool {
        let has = self.now >= at;
        if !has {
            self.judge_again.insert(at);
        }
        has
    }
}

/// The other end does not answer.
fn one_sided(path: Path) -> Option<Way> {
    match path {
        Path::Up { since } => Some(Way::Up { since }),
        Path::Down { since } => Some(Way::Lost { since }),
        // Nobody can say whether the other end is there.
        Path::Pending { .. } => None,
    }
}

#[cfg(test)]
mod tests;
