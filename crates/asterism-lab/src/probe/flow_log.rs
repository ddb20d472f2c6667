//! Every probe of one flow: when it left, and when it was answered.
//!
//! Pure: times are offsets from the start of the probing, given by the caller.

use std::time::Duration;

use super::report::FlowReport;
use super::{Flow, GRACE};

/// One probe. Eight bytes of time each way are little beside what a run costs otherwise (100 probes a second and flow).
#[derive(Clone, Copy, Debug)]
struct Record {
    sent: Duration,
    /// First answer within [`GRACE`], after sending.
    round_trip: Option<Duration>,
    answers: u32,
}

/// The log of one flow.
#[derive(Debug)]
pub(super) struct FlowLog {
    pub(super) flow: Flow,
    records: Vec<Record>,
    /// (when, how many) probes the prober was too late to send.
    skips: Vec<(Duration, u32)>,
}

impl FlowLog {
    pub(super) fn new(flow: Flow) -> Self {
        Self { flow, records: Vec::new(), skips: Vec::new() }
    }

    /// Notes a probe; gives its sequence number.
    pub(super) fn sent(&mut self, at: Duration) -> u32 {
        self.records.push(Record { sent: at, round_trip: None, answers: 0 });
        u32::try_from(self.records.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn skipped(&mut self, count: u32) {
        if count > 0 {
            let at = self.records.last().map_or(Duration::ZERO, |record| record.sent);
            self.skips.push((at, count));
        }
    }

    pub(super) fn answered(&mut self, sequence: u32, at: Duration) {
        let index = usize::try_from(sequence).unwrap_or(usize::MAX);
        let Some(record) = self.records.get_mut(index) else { return };
        let round_trip = at.saturating_sub(record.sent);
        if round_trip <= GRACE {
            record.answers += 1;
            record.round_trip.get_or_insert(round_trip);
        }
    }

    /// What became of the probes sent in `[from, to)`.
    pub(super) fn report(&self, (from, to): (Duration, Duration)) -> FlowReport {
        let start = self.records.partition_point(|record| record.sent < from);
        let end = self.records.partition_point(|record| record.sent < to).max(start);
        let records = &self.records[start..end];
        let answered = records.iter().filter(|record| record.round_trip.is_some()).count();
        let duplicates = records.iter().map(|record| u64::from(record.answers.saturating_sub(1))).sum();
        let skipped =
            self.skips.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, n)| u64::from(*n)).sum();
        let (gap_start, longest_gap) = longest_gap(records, to);
        FlowReport {
            flow: self.flow.clone(),
            sent: records.len() as u64,
            received: answered as u64,
            duplicates,
            skipped,
            longest_gap,
            gap_after: gap_start.saturating_sub(from),
            round_trip_max: records.iter().filter_map(|record| record.round_trip).max(),
        }
    }

    /// Since when, at or after `from`, no probe was lost, if that is `calm` long by now. Probes still on their way (the
    /// last unanswered ones, younger than [`GRACE`]) count as lost: calm is what was seen, not what may be hoped.
    pub(super) fn calm_since(&self, from: Duration, calm: Duration) -> Option<Duration> {
        let start = self.records.partition_point(|record| record.sent < from);
        let records = &self.records[start..];
        let last = records.iter().rposition(|record| record.round_trip.is_some())?;
        let records = &records[..=last];
        let first = records.iter().rposition(|record| record.round_trip.is_none()).map_or(0, |lost| lost + 1);
        let (first, last) = (records[first].sent, records[last].sent);
        (last - first >= calm).then_some(first)
    }
}

/// Longest time without an answered probe: from the sending of a first lost probe to that of the next answered one. Gives
/// its beginning and its length; nothing lost: zero and zero.
fn longest_gap(records: &[Record], end: Duration) -> (Duration, Duration) {
    let mut longest = (Duration::ZERO, Duration::ZERO);
    let mut open: Option<Duration> = None;
    let mut close = |since: Duration, at: Duration| {
        let length = at.saturating_sub(since);
        if length > longest.1 {
            longest = (since, length);
        }
    };
    for record in records {
        match (record.round_trip, open) {
            (None, None) => open = Some(record.sent),
            (None, Some(_)) | (Some(_), None) => {}
            (Some(_), Some(since)) => {
                close(since, record.sent);
                open = None;
            }
        }
    }
    if let Some(since) = open {
        close(since, end);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Probes each 10 ms from 0; `x` is answered after 1 ms, `2` twice, `.` never.
    fn log(pattern: &str) -> FlowLog {
        let mut log = FlowLog::new(Flow { from: "a".into(), to: "b".into(), interval: ms(10) });
        for (at, mark) in (0..).step_by(10).zip(pattern.chars()) {
            let sequence = log.sent(ms(at));
            let answers = match mark {
                'x' => 1,
                '2' => 2,
                _ => 0,
            };
            (0..answers).for_each(|_| log.answered(sequence, ms(at + 1)));
        }
        log
    }

    #[test]
    fn losses_duplicates_and_the_longest_gap_are_counted() {
        let report = log("xx..x...x2").report((ms(0), ms(100)));
        assert_eq!((report.sent, report.received, report.lost(), report.duplicates), (10, 5, 5, 1));
        assert_eq!((report.gap_after, report.longest_gap), (ms(50), ms(30)));
    }

    #[test]
    fn a_window_counts_what_was_sent_in_it() {
        let report = log("..xxxx..").report((ms(20), ms(60)));
        assert_eq!((report.sent, report.lost(), report.longest_gap), (4, 0, ms(0)));
    }

    #[test]
    fn a_gap_that_has_not_ended_counts_to_the_end() {
        assert_eq!(log("xx...").report((ms(0), ms(50))).longest_gap, ms(30));
    }

    #[test]
    fn an_answer_after_the_grace_is_a_loss() {
        let mut log = log("");
        let sequence = log.sent(ms(0));
        log.answered(sequence, GRACE + ms(1));
        assert_eq!(log.report((ms(0), ms(1))).lost(), 1);
    }

    #[test]
    fn calm_begins_after_the_last_loss_and_must_have_lasted() {
        let log = log("xx..xxxxxx.");
        assert_eq!(log.calm_since(ms(0), ms(50)), Some(ms(40)));
        assert_eq!(log.calm_since(ms(60), ms(30)), Some(ms(60)));
        assert_eq!(log.calm_since(ms(0), ms(60)), None);
    }
}
