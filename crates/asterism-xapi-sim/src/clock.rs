//! The pool's clock: dates for records, and how long xapi's long waits take here.
//!
//! Time begins on 2026-01-01 whenever the simulator starts, so that records are the same in each run. Waits that take
//! minutes in a real pool are divided by a factor; dates pass faster by the same factor.

use std::time::{Duration, Instant};

/// 2026-01-01T00:00:00Z in seconds since 1970.
const BEGINNING: u64 = 1_767_225_600;
const SECONDS_PER_DAY: u64 = 86_400;

#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    factor: f64,
}

impl Clock {
    pub(crate) fn new(factor: f64) -> Clock {
        Clock { started: Instant::now(), factor: factor.max(f64::MIN_POSITIVE) }
    }

    /// How long something of xapi's takes here.
    pub(crate) fn scaled(&self, real: Duration) -> Duration {
        real.div_f64(self.factor)
    }

    /// Time since the simulator started, as the tests' own clocks see it.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The date in the pool.
    pub(crate) fn date(&self) -> String {
        date(self.seconds())
    }

    /// The date in the pool, in seconds since 1970.
    pub(crate) fn seconds(&self) -> u64 {
        BEGINNING + self.started.elapsed().mul_f64(self.factor).as_secs()
    }
}

/// Seconds since 1970 as `20261122T13:15:46Z`. The days' arithmetic is Howard Hinnant's `civil_from_days`.
fn date(seconds: u64) -> String {
    let (days, second) = (seconds / SECONDS_PER_DAY + 719_468, seconds % SECONDS_PER_DAY);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_xapi_writes_them() {
        assert_eq!(date(0), "19700101T00:00:00Z");
        assert_eq!(date(BEGINNING), "20260101T00:00:00Z");
        assert_eq!(date(951_782_400 + 3661), "20000229T01:01:01Z");
    }

    #[test]
    fn long_waits_are_short_here() {
        assert_eq!(Clock::new(100.0).scaled(Duration::from_secs(600)), Duration::from_secs(6));
    }
}
