//! The plan of faults, drawn before the run, so that it can be shrunk.

use std::{collections::BTreeSet, fmt, time::Duration};

use super::network::Weather;
use crate::sim::Dice;

/// Something that befalls the cluster, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Since the beginning.
    pub at: Duration,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// These lose power (or, without `power`, their processes are killed), and boot again later.
    Crash {
        nodes: BTreeSet<u64>,
        power: bool,
        back_after: Duration,
    },
    /// A disk fails from the next write or sync on; the machine is booted again a second after it stopped.
    Disk {
        node: u64,
        on_sync: bool,
    },
    /// Messages go no longer from the first to the second of each pair. Replaces what was cut before.
    Cut {
        ways: BTreeSet<(u64, u64)>,
        shape: &'static str,
    },
    /// All ways are there again.
    Join,
    Storm(Weather),
    Calm,
    /// Leadership is handed to this one, whoever leads.
    Transfer {
        to: u64,
    },
    /// This one makes a snapshot now.
    Snapshot {
        node: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} ms {:?}", self.at.as_millis(), self.kind)
    }
}

/// Draws the faults of a first phase that is so long.
pub(super) fn plan(dice: &mut Dice, replicas: u64, phase: Duration) -> Vec<Fault> {
    let mut plan = Vec::new();
    let mut at = Duration::from_millis(1_500);
    loop {
        at += dice.millis(50, 2_500);
        if at >= phase {
            return plan;
        }
        plan.push(Fault { at, kind: draw(dice, replicas) });
    }
}

fn draw(dice: &mut Dice, replicas: u64) -> FaultKind {
    let node = dice.between(1, replicas);
    let back_after = dice.millis(100, 4_000);
    match dice.choose(&[(4, 0), (2, 1), (2, 2), (1, 3), (5, 4), (3, 5), (3, 6), (2, 7), (2, 8), (2, 9)]) {
        0 => FaultKind::Crash { nodes: [node].into(), power: true, back_after },
        1 => FaultKind::Crash { nodes: [node].into(), power: false, back_after },
        2 => {
            let nodes = (1..=replicas).filter(|_| dice.chance(50)).collect();
            FaultKind::Crash { nodes, power: dice.chance(70), back_after }
        }
        3 => FaultKind::Crash { nodes: (1..=replicas).collect(), power: true, back_after },
        4 => cut(dice, replicas),
        5 => FaultKind::Join,
        6 => FaultKind::Storm(Weather {
            lost_percent: dice.between(0, 30),
            twice_percent: dice.between(0, 10),
            slow_ms: dice.between(4, 400),
        }),
        7 => FaultKind::Calm,
        8 => {
            if dice.chance(50) {
                FaultKind::Transfer { to: node }
            } else {
                FaultKind::Snapshot { node }
            }
        }
        _ => FaultKind::Disk { node, on_sync: dice.chance(50) },
    }
}

fn cut(dice: &mut Dice, replicas: u64) -> FaultKind {
    let all: Vec<u64> = (1..=replicas).collect();
    let one = dice.between(1, replicas);
    let pairs = |is_cut: &dyn Fn(u64, u64) -> bool| -> BTreeSet<(u64, u64)> {
        let all = all.iter().flat_map(|from| all.iter().map(|to| (*from, *to)));
        all.filter(|(from, to)| from != to && is_cut(*from, *to)).collect()
    };
    let (ways, shape) = match dice.below(5) {
        0 => (pairs(&|from, to| from == one || to == one), "one alone"),
        1 => (pairs(&|from, _| from == one), "one is not heard"),
        2 => (pairs(&|_, to| to == one), "one does not hear"),
        3 => {
            let side: BTreeSet<u64> = all.iter().copied().filter(|_| dice.chance(50)).collect();
            (pairs(&|from, to| side.contains(&from) != side.contains(&to)), "two sides")
        }
        // Two sides that meet in one: what keeps a deposed leader's lease alive for ever, if nobody probes.
        _ => {
            let side: BTreeSet<u64> = all.iter().copied().filter(|_| dice.chance(50)).collect();
            let is_cut =
                |from: u64, to: u64| from != one && to != one && side.contains(&from) != side.contains(&to);
            (pairs(&is_cut), "a bridge")
        }
    };
    FaultKind::Cut { ways, shape }
}
