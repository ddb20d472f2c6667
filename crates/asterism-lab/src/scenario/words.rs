//! The nouns of the scenario language: what a file says, once it is read. How it is written stands in [`super::parse`].
//!
//! Pure data. Who is meant by `center` or `leaf` is found out only when a step is taken ([`super::roles`]).

use std::fmt;
use std::time::Duration;

use crate::address::HostName;

/// One file: a laboratory, what is done in it, and what is promised of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The file's name without its ending.
    pub name: String,
    /// The comment at the head of the file, in one line.
    pub about: String,
    /// Takes too long, or too much of the machine, for `make test`.
    pub is_bench_only: bool,
    pub size: LabSize,
    pub steps: Vec<Step>,
}

impl Scenario {
    /// The events under observation, in their order.
    pub fn measures(&self) -> impl Iterator<Item = &Measure> {
        self.steps
            .iter()
            .filter_map(|step| if let Verb::Measure(measure) = &step.verb { Some(measure) } else { None })
    }

    /// The same without promises that are a matter of how fast the machine is: these belong to benchmarks.
    #[must_use]
    pub fn without_figures(mut self) -> Self {
        for step in &mut self.steps {
            if let Verb::Measure(measure) = &mut step.verb {
                measure.promises.retain(|promise| !promise.is_figure());
                measure.promises.iter_mut().for_each(Promise::forgive_strays);
            }
        }
        self
    }
}

/// What the laboratory consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabSize {
    pub pools: u8,
    pub hosts: u8,
    pub controllers: u8,
}

/// What a line says, and where it stands, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub line: usize,
    pub verb: Verb,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    Network(NetworkWords),
    /// A VM on each host that has none yet, in the first network or in all.
    Vms {
        in_all: bool,
    },
    /// A name for a host, chosen by its role now.
    Let {
        name: String,
        who: Who,
    },
    Host(HostVerb, Who),
    Path(Cable, Who, Who),
    Cable(Cable, CableOf, Who),
    Controllers(Power),
    Drain(Who),
    Undrain(Who),
    MoveCenter(Who),
    MovePoolCenter(PoolWord),
    /// Options of `asterctl network update`, without the dashes.
    Set(Vec<(String, String)>),
    Grow {
        pool: u8,
        hosts: u8,
    },
    /// Every host sends by the uplink that its rank prefers.
    Steer,
    Sleep {
        short: Duration,
        long: Duration,
    },
    /// Until every network has all its offices filled by living hosts, nothing moves, and all tunnels between them are up.
    WaitSettled,
    Measure(Measure),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkWords {
    pub name: String,
    pub pools: Vec<u8>,
    /// More than one: `name1` to `nameN`, all alike.
    pub count: u16,
    /// Options of `asterctl network create`, without the dashes.
    pub options: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostVerb {
    Kill,
    Revive,
    Reboot,
    Freeze,
    Thaw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cable {
    Cut,
    Mend,
}

/// Which of a host's two cables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CableOf {
    Transport,
    Management,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    Stop,
    Start,
}

/// A host, by name or by what it is to the first network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Host(HostName),
    /// By a name given with `let`.
    Named(String),
    Root,
    RootStandby,
    Center(PoolWord),
    Standby(PoolWord),
    /// The first living host that holds no office.
    Leaf(PoolWord),
}

/// A pool, by number or by what it is to the first network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoolWord {
    Number(u8),
    /// The first that is not the pool-center.
    Outer,
    /// The pool-center.
    Inner,
}

/// An event under observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    pub title: String,
    /// Where it stands on the axis of a curve: a number of hosts, or of networks.
    pub at: Option<u32>,
    pub steps: Vec<Step>,
    pub promises: Vec<Promise>,
}

impl Measure {
    /// Whether the event ends with a wait until all is settled.
    pub fn waits(&self) -> bool {
        self.steps.iter().any(|step| step.verb == Verb::WaitSettled)
    }
}

/// What is promised of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promise {
    /// No pair of living VMs is without an answer for so long.
    Gap { below: Duration },
    /// No pair of living VMs loses more probes.
    Lost { at_most: u64 },
    /// Nobody writes anything into any database, fences apart.
    NoRows,
    /// Rows change on hosts of these pools, and on these hosts, only.
    RowsOnlyOf(Vec<Place>),
    /// A frame arrives at most once at each VM, at none of another network, and some of each arrive.
    BroadcastsOnce,
    /// All offices are filled again, and all tunnels up, so soon after the event began.
    Settled { within: Duration },
}

impl Promise {
    /// Whether a slow machine can break it. That nothing at all is lost holds on any, but for strays.
    fn is_figure(&self) -> bool {
        match self {
            Self::Gap { .. } | Self::Settled { .. } => true,
            Self::Lost { at_most } => *at_most > 0,
            // While a switch turns from one uplink to another a frame may come over both; a ring brings it by the thousand.
            Self::BroadcastsOnce => true,
            Self::NoRows | Self::RowsOnlyOf(_) => false,
        }
    }

    /// Where nothing shall be lost, a busy machine may still drop a frame on its way through half a dozen queues. What an
    /// outage costs is at least what BFD takes to see it, which is thirty probes.
    fn forgive_strays(&mut self) {
        const STRAYS: u64 = 2;
        if let Self::Lost { at_most } = self {
            *at_most = (*at_most).max(STRAYS);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Pool(PoolWord),
    Host(Who),
}

impl fmt::Display for PoolWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "p{number}"),
            Self::Outer => f.write_str("outer"),
            Self::Inner => f.write_str("inner"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => write!(f, "{name}"),
            Self::Named(name) => f.write_str(name),
            Self::Root => f.write_str("root"),
            Self::RootStandby => f.write_str("root-standby"),
            Self::Center(pool) => write!(f, "center {pool}"),
            Self::Standby(pool) => write!(f, "standby {pool}"),
            Self::Leaf(pool) => write!(f, "leaf {pool}"),
        }
    }
}
