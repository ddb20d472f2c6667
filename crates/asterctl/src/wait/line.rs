//! A line of progress: rewritten in place on a terminal, else now and then one more. None while it is quick.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use tokio::time::Instant;

use crate::output;

/// What takes no longer needs no progress.
const QUIET: Duration = Duration::from_secs(1);
/// Between two lines where lines stay: a log is no place for every step.
const BETWEEN_LINES: Duration = Duration::from_secs(2);

pub struct ProgressLine {
    /// What there is to tell.
    current: Option<String>,
    /// What was told last.
    told: Option<String>,
    told_at: Option<Instant>,
    is_terminal: bool,
    quiet_until: Instant,
}

impl Default for ProgressLine {
    fn default() -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { current: None, told: None, told_at: None, is_terminal, quiet_until: Instant::now() + QUIET }
    }
}

impl ProgressLine {
    /// When to [`speak`](Self::speak) though nothing is new.
    pub fn quiet_until(&self) -> Instant {
        let after_last = self.told_at.filter(|_| !self.is_terminal).map(|told_at| told_at + BETWEEN_LINES);
        after_last.map_or(self.quiet_until, |after_last| after_last.max(self.quiet_until))
    }

    /// How far it is now; told at once after the silence.
    pub fn show(&mut self, line: String) {
        self.current = Some(line);
        if Instant::now() >= self.quiet_until() {
            self.speak();
        }
    }

    /// Tells how far it is, if that is news.
    pub fn speak(&mut self) {
        // Once is enough to end the silence.
        self.quiet_until = self.quiet_until.min(Instant::now());
        let Some(line) = self.current.as_ref().filter(|line| self.told.as_ref() != Some(*line)) else {
            return;
        };
        if self.is_terminal {
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r\x1b[2K{line}").and_then(|()| err.flush());
        } else {
            output::notice(line);
        }
        self.told = Some(line.clone());
        self.told_at = Some(Instant::now());
    }

    /// Takes the rewritten line away.
    pub fn end(&self) {
        if self.is_terminal && self.told.is_some() {
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r\x1b[2K").and_then(|()| err.flush());
        }
    }
}
