//! What goes wrong, and when: planned before the run as data, so that a failing run can be tried again with less of it.

use std::{fmt, str::FromStr, time::Duration};

use super::{Dice, Time};

/// One fault of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub at: Time,
    /// Until it is mended; faults that are over at once have none.
    pub lasts: Duration,
    pub kind: FaultKind,
    /// Whom it hits: places are counted round over what there is. Of replicas, an even `other` means whoever leads.
    pub place: usize,
    pub other: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.lasts.as_millis();
        write!(f, "{} {} ({}/{}) for {millis} ms", self.at, self.kind, self.place, self.other)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident $name:literal $weight:literal,)+) => {
        /// What can go wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FaultKind {
            $($(#[$doc])* $variant,)+
        }

        impl FaultKind {
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// How often it comes up among others.
            fn weight(self) -> u64 {
                match self {
                    $(Self::$variant => $weight,)+
                }
            }
        }
    };
}

kinds! {
    /// A replica's process ends; it comes back with its snapshot and its log.
    Kill "kill" 8,
    /// A replica's process stops, and goes on as if nothing had been.
    Pause "pause" 8,
    /// Every replica ends at once.
    KillAll "kill-all" 1,
    /// A replica is cut off from the others; it still reaches the hosts.
    Isolate "isolate" 8,
    /// Two replicas are cut off from one another: with a third between them, a bridge.
    CutPair "cut-pair" 4,
    /// Another replica is elected though nothing is wrong.
    Transfer "transfer" 5,
    /// Whoever is deposed hears of it late.
    SlowNews "slow-news" 4,
    /// A replica's clock jumps; as long as it lasts it is that much off.
    ClockJump "clock-jump" 2,
    /// A replica applies what is committed late.
    SlowApply "slow-apply" 3,
    /// A host loses power, and is switched on again.
    PowerOff "power-off" 8,
    /// The same, and its database is empty then.
    Reinstall "reinstall" 4,
    /// A host's `ovsdb-server` hangs: it takes requests and answers them later.
    Freeze "freeze" 6,
    /// A whole host hangs, its switch too.
    Dark "dark" 5,
    /// A host's management is cut off from one replica, or from all.
    CutManagement "cut-management" 6,
    /// A host's transport is cut: it answers, and no frame passes.
    CutTransport "cut-transport" 5,
    /// Nothing passes between two hosts.
    CutLink "cut-link" 6,
    /// A host's database is emptied while its machine runs.
    Empty "empty" 3,
    /// A host's database is put back to an earlier one.
    Restore "restore" 2,
    /// A host answers slowly.
    Slow "slow" 5,
    /// A host's connections break before answers come.
    Reset "reset" 5,
    /// Somebody removes a row of ours, or changes one.
    Edit "edit" 4,
    /// What is told to a leader is told twice.
    Twice "twice" 2,
    /// A pool's XAPI takes calls and answers none.
    PoolHang "pool-hang" 3,
    /// A pool's XAPI is away.
    PoolAway "pool-away" 4,
    /// A pool's XAPI refuses what it is asked for.
    PoolRefuse "pool-refuse" 2,
    /// Another master takes over, with an earlier database.
    PoolRestore "pool-restore" 3,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|kind| kind.name() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("`{text}` is not a fault: expected some of {}", names.join(", "))
        })
    }
}

/// Plans faults of these kinds for the first phase, which ends at `until`.
pub fn plan(seed: u64, kinds: &[FaultKind], until: Time) -> Vec<Fault> {
    let mut dice = Dice::of(seed, "faults");
    let weighted: Vec<(u64, FaultKind)> = kinds.iter().map(|kind| (kind.weight(), *kind)).collect();
    if weighted.is_empty() {
        return Vec::new();
    }
    let count = dice.between(2, 16);
    let mut faults: Vec<Fault> = (0..count)
        .map(|_| {
            // Half of them close to another one: what is hard comes of two things at once.
            let at = Time(dice.between(2_000_000, until.0));
            let lasts = match dice.below(4) {
                0 => dice.millis(20, 500),
                1 | 2 => dice.millis(500, 6_000),
                _ => dice.millis(6_000, 25_000),
            };
            let (place, other) = (dice.index(1 << 16), dice.index(1 << 16));
            Fault { at, lasts, kind: dice.choose(&weighted), place, other }
        })
        .collect();
    for late in 1..faults.len() {
        if dice.chance(40) {
            faults[late].at = Time(faults[late - 1].at.0 + dice.below(1_500_000)).min(until);
        }
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}
