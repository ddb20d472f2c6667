//! Virtual time. Nothing in a simulation reads a clock.

use std::{fmt, ops::Add, time::Duration};

use asterism_planner::Tick;

/// Microseconds since the simulation began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(pub u64);

impl Time {
    pub fn millis(millis: u64) -> Self {
        Self(millis * 1000)
    }

    /// As the reconciler counts.
    pub fn tick(self) -> Tick {
        Tick(self.0 / 1000)
    }

    /// The first moment that is not before a tick.
    pub fn of(tick: Tick) -> Self {
        Self(tick.0.saturating_mul(1000))
    }

    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
