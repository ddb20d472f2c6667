//! What one run saw of an event, and whether its promises held. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tally::Heard;
use super::words::{Measure, Place, Promise};
use crate::address::HostName;

/// The figures of one event in one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub title: String,
    /// Where it stands on the axis of a curve.
    pub at: Option<u32>,
    /// Time of day (UTC) at which the event began, to find it in logs.
    pub began: String,
    /// Whom it befell, in words.
    pub hosts: Vec<String>,
    /// Pairs of VMs whose hosts lived throughout.
    pub pairs: usize,
    /// The longest time for which one of them had no answer.
    pub gap_ms: u64,
    /// Probes lost by the pair that lost most.
    pub lost: u64,
    pub lost_of_all: u64,
    /// Probes answered more than once.
    pub answered_twice: u64,
    /// Which pairs lost most, in words.
    pub worst: Vec<String>,
    pub broadcasts: Heard,
    /// Rows that are not as they were, by host.
    pub rows: BTreeMap<String, usize>,
    /// From the beginning of the event until all was settled; `None` where nobody waited.
    pub settled_ms: Option<u64>,
    /// The longest time for which the machine did not let the witnesses run.
    pub stall_ms: u64,
    /// Processor time of a host's switch, in the mean of all, in hundredths of a processor.
    pub switch_percent: f64,
    /// Promises that did not hold, in words.
    pub broken: Vec<String>,
}

impl Measured {
    pub fn rows_of_all(&self) -> usize {
        self.rows.values().sum()
    }
}

/// What is looked at beside the figures.
#[derive(Clone, Debug, Default)]
pub(super) struct Writes {
    /// Rows that differ, in words.
    pub(super) rows: Vec<(HostName, String)>,
    /// Transactions of others than the switch, in words.
    pub(super) transactions: Vec<(HostName, String)>,
}

/// Sentences about promises that did not hold. `concerned`: whether a host is in these places.
///
/// A time is judged with the machine's own stall taken off: a witness that did not run saw nothing.
pub(super) fn broken(
    measure: &Measure,
    seen: &Measured,
    writes: &Writes,
    concerned: impl Fn(&[Place], HostName) -> bool,
) -> Vec<String> {
    let judge = |promise: &Promise| {
        let stalled = if seen.stall_ms > 0 {
            format!(" (the machine stalled for {} ms)", seen.stall_ms)
        } else {
            String::new()
        };
        let late = |what: &str, ms: u64, limit: u128| {
            (u128::from(ms.saturating_sub(seen.stall_ms)) >= limit)
                .then(|| format!("{what} {ms} ms, promised less than {limit} ms{stalled}"))
        };
        match promise {
            Promise::Gap { below } => late("a gap of", seen.gap_ms, below.as_millis()),
            Promise::Settled { within } => match seen.settled_ms {
                Some(ms) => late("settled after", ms, within.as_millis()),
                None => Some("never settled".to_owned()),
            },
            Promise::Lost { at_most } => (seen.lost > *at_most).then(|| {
                format!(
                    "a pair lost {} probes, promised {at_most} at most: {}",
                    seen.lost,
                    seen.worst.join("; ")
                )
            }),
            Promise::NoRows => {
                first(&writes.rows, |_| true).or_else(|| first(&writes.transactions, |_| true))
            }
            Promise::RowsOnlyOf(places) => first(&writes.rows, |host| !concerned(places, host)),
            Promise::BroadcastsOnce => broadcasts(&seen.broadcasts, seen.answered_twice),
        }
    };
    measure.promises.iter().filter_map(judge).collect()
}

/// How many rows there are on hosts that `which` chooses, and the first few.
fn first(rows: &[(HostName, String)], which: impl Fn(HostName) -> bool) -> Option<String> {
    const NAMED: usize = 3;
    let needless: Vec<&(HostName, String)> = rows.iter().filter(|(host, _)| which(*host)).collect();
    let some: Vec<String> = needless.iter().take(NAMED).map(|(host, row)| format!("{host}: {row}")).collect();
    (!needless.is_empty()).then(|| format!("{} writes that need not be: {}", needless.len(), some.join("; ")))
}

fn broadcasts(heard: &Heard, answered_twice: u64) -> Option<String> {
    if heard.expected > 0 && heard.heard == 0 {
        return Some(format!("of {} broadcasts, none was heard", heard.expected));
    }
    let twice = heard.twice + answered_twice;
    if twice > 0 {
        let worst = heard.worst.as_deref().unwrap_or("a probe was answered twice");
        return Some(format!("{twice} frames came twice: {worst}"));
    }
    (heard.strange > 0).then(|| format!("{} broadcasts were heard in another network", heard.strange))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn judge(promise: Promise, seen: &Measured, writes: &Writes) -> Vec<String> {
        let measure = Measure { title: "x".into(), at: None, steps: Vec::new(), promises: vec![promise] };
        broken(&measure, seen, writes, |_, host| host.pool == 2)
    }

    #[test]
    fn a_gap_is_judged_without_the_machines_own_stall() {
        let promise = || Promise::Gap { below: Duration::from_millis(500) };
        let seen = |gap_ms, stall_ms| Measured { gap_ms, stall_ms, ..Measured::default() };
        assert!(judge(promise(), &seen(499, 0), &Writes::default()).is_empty());
        assert!(judge(promise(), &seen(700, 300), &Writes::default()).is_empty());
        assert_eq!(
            judge(promise(), &seen(800, 300), &Writes::default()),
            ["a gap of 800 ms, promised less than 500 ms (the machine stalled for 300 ms)"]
        );
    }

    #[test]
    fn rows_are_needless_where_nothing_was_to_change() {
        let row = |host: &str| (host.parse().unwrap(), "Port x: deleted".to_owned());
        let writes = Writes { rows: vec![row("p2/h1"), row("p3/h1")], transactions: Vec::new() };
        assert_eq!(
            judge(Promise::RowsOnlyOf(Vec::new()), &Measured::default(), &writes),
            ["1 writes that need not be: p3/h1: Port x: deleted"]
        );
        let rewritten = Writes { rows: Vec::new(), transactions: writes.rows };
        assert_eq!(judge(Promise::NoRows, &Measured::default(), &rewritten).len(), 1, "rewritten as it was");
        assert!(judge(Promise::NoRows, &Measured::default(), &Writes::default()).is_empty());
    }

    #[test]
    fn silence_is_no_proof_that_broadcasts_come_once() {
        let promise = || Promise::BroadcastsOnce;
        let seen = |heard: Heard| Measured { broadcasts: heard, ..Measured::default() };
        let deaf = Heard { expected: 9, ..Heard::default() };
        assert_eq!(judge(promise(), &seen(deaf), &Writes::default()), ["of 9 broadcasts, none was heard"]);
        let fine = Heard { expected: 9, heard: 9, ..Heard::default() };
        assert!(judge(promise(), &seen(fine.clone()), &Writes::default()).is_empty());
        assert_eq!(judge(promise(), &seen(Heard { twice: 2, ..fine }), &Writes::default()).len(), 1);
    }
}
