//! What the story saw, chapter by chapter, and the one table in the end.
//!
//! Pure but for the printing.

use std::fmt::Write as _;
use std::time::Duration;

use asterism_lab::probe::{ProbeReport, ProbeTotals};

/// Pairs named where packets were lost.
const WORST_SHOWN: usize = 3;

/// What one chapter saw.
#[derive(Debug, Default)]
pub(super) struct Chapter {
    /// Of the pairs of VMs that should have been spared, or that should heal.
    probes: ProbeTotals,
    /// Rows changed on hosts where none had to change.
    rows_needless: usize,
    /// Rows changed where that was needed.
    rows_needed: usize,
    /// How long what the chapter is about took.
    took: Option<(&'static str, Duration)>,
    /// Promises that did not hold, in words.
    broken: Vec<String>,
    notes: Vec<String>,
}

impl Chapter {
    pub(super) fn new(probes: &ProbeReport) -> Self {
        let worst: Vec<String> = probes.worst(WORST_SHOWN).into_iter().map(ToString::to_string).collect();
        let notes = if worst.is_empty() { Vec::new() } else { vec![format!("worst: {}", worst.join("; "))] };
        Self { notes, ..Self::of_totals(probes.totals()) }
    }

    fn of_totals(probes: ProbeTotals) -> Self {
        Self { probes, ..Self::default() }
    }

    /// No probe may be lost.
    #[must_use]
    pub(super) fn nothing_lost(self) -> Self {
        let lost = self.probes.lost;
        self.promise(lost == 0, || format!("{lost} packets lost, promised 0"))
    }

    /// No pair may have been without an answer for longer.
    #[must_use]
    pub(super) fn no_gap_above(self, limit: Duration) -> Self {
        let gap = self.probes.longest_gap;
        self.promise(gap <= limit, || {
            format!("a gap of {} ms, promised {} ms at most", gap.as_millis(), limit.as_millis())
        })
    }

    /// No row may have changed: `changes` in words, one each.
    #[must_use]
    pub(super) fn no_row_changed(mut self, changes: &[String]) -> Self {
        self.rows_needless = changes.len();
        self.promise(changes.is_empty(), || format!("rows changed that need not: {}", changes.join("; ")))
    }

    /// Rows that had to change.
    #[must_use]
    pub(super) fn rows_needed(mut self, count: usize) -> Self {
        self.rows_needed = count;
        self
    }

    /// What took how long, and how long it may take (`None`: shown, not promised).
    #[must_use]
    pub(super) fn took(mut self, what: &'static str, time: Duration, at_most: Option<Duration>) -> Self {
        self.took = Some((what, time));
        match at_most {
            Some(limit) => self.promise(time <= limit, || {
                format!("{what} took {} ms, promised {} ms", time.as_millis(), limit.as_millis())
            }),
            None => self,
        }
    }

    #[must_use]
    pub(super) fn promise(mut self, held: bool, otherwise: impl FnOnce() -> String) -> Self {
        if !held {
            self.broken.push(otherwise());
        }
        self
    }

    #[must_use]
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// A few lines to read while the story goes on.
    pub(super) fn summary(&self) -> String {
        let mut text = format!("   probes: {}", self.probes);
        if let Some((what, time)) = self.took {
            let _ = write!(text, "\n   {what}: {}", milliseconds(time));
        }
        for note in &self.notes {
            let _ = write!(text, "\n   {note}");
        }
        for broken in &self.broken {
            let _ = write!(text, "\n   BROKEN: {broken}");
        }
        text
    }

    fn cells(&self) -> [String; 6] {
        let (what, took) = self
            .took
            .map_or((String::new(), String::new()), |(what, time)| (what.to_owned(), milliseconds(time)));
        let probed = self.probes.pairs > 0;
        let figure = |text: String| if probed { text } else { "-".into() };
        [
            figure(format!("{}/{}", self.probes.lost, self.probes.sent)),
            figure(milliseconds(self.probes.longest_gap)),
            format!("{} + {}", self.rows_needed, self.rows_needless),
            took,
            what,
            if self.broken.is_empty() { "held".into() } else { "BROKEN".into() },
        ]
    }
}

/// The whole story.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<(String, [String; 6])>,
    broken: Vec<String>,
}

const HEAD: [&str; 7] = ["WHAT HAPPENED", "LOST/SENT", "LONGEST GAP", "ROWS", "TIME", "OF WHAT", "PROMISE"];

impl Report {
    pub(super) fn add(&mut self, title: &str, chapter: Chapter) {
        self.rows.push((title.to_owned(), chapter.cells()));
        self.broken.extend(chapter.broken.into_iter().map(|broken| format!("{title}: {broken}")));
    }

    pub(super) fn fail(&mut self, title: &str, error: &anyhow::Error) {
        let [a, b, c, d, e] = ["-", "-", "-", "", ""].map(str::to_owned);
        self.rows.push((title.to_owned(), [a, b, c, d, e, "FAILED".into()]));
        self.broken.push(format!("{title}: {error:#}"));
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn all_held(&self) -> bool {
        self.broken.is_empty()
    }

    #[expect(clippy::print_stdout, reason = "the table is what the demonstration is for")]
    pub(super) fn print(&self, untold: usize, took: Duration) {
        println!("\n{}", self.table());
        println!(
            "LOST/SENT: probes between VMs, one each 10 ms and pair. ROWS: OVSDB rows changed where needed + where not \
             (fence apart)."
        );
        for broken in &self.broken {
            println!("BROKEN  {broken}");
        }
        let verdict = match (self.all_held(), untold) {
            (true, 0) => "every promise held".to_owned(),
            (_, 0) => format!("{} promises broke", self.broken.len()),
            (_, untold) => format!("{} promises broke, {untold} chapters were not told", self.broken.len()),
        };
        println!("{verdict} (the whole story took {:.0} s)", took.as_secs_f64());
    }

    fn table(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|(title, cells)| match column {
                0 => title.len(),
                column => cells[column - 1].len(),
            });
            cells.chain([HEAD[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        let line = |cells: Vec<&str>| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        let mut text = line(HEAD.to_vec());
        for (title, cells) in &self.rows {
            text += &line(std::iter::once(title.as_str()).chain(cells.iter().map(String::as_str)).collect());
        }
        text
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probes(lost: u64) -> ProbeTotals {
        ProbeTotals {
            pairs: 1,
            sent: 100,
            lost,
            longest_gap: Duration::from_millis(10 * lost),
            ..Default::default()
        }
    }

    #[test]
    fn a_broken_promise_is_told_and_fails_the_story() {
        let mut report = Report::default();
        report.add("calm", Chapter::of_totals(probes(0)).nothing_lost().no_row_changed(&[]));
        assert!(report.all_held());
        let limit = Some(Duration::from_secs(1));
        let slow =
            Chapter::of_totals(probes(3)).nothing_lost().took("healing", Duration::from_secs(2), limit);
        report.add("storm", slow);
        assert!(!report.all_held());
        assert_eq!(
            report.broken,
            ["storm: 3 packets lost, promised 0", "storm: healing took 2000 ms, promised 1000 ms"]
        );
        assert_eq!(
            report.table(),
            "WHAT HAPPENED  LOST/SENT  LONGEST GAP  ROWS   TIME     OF WHAT  PROMISE\n\
             calm           0/100      0 ms         0 + 0                    held\n\
             storm          3/100      30 ms        0 + 0  2000 ms  healing  BROKEN\n"
        );
    }
}
