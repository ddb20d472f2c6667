//! How long to wait before the next search for a master.
//!
//! Pure: the chance is an argument.

use std::time::Duration;

/// Doubles from `first` to `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

impl Backoff {
    /// The pause after `failures` failed attempts in a row, at least 1. `chance` in 0..1 takes up to half of it away,
    /// so that pools lost together are not searched together.
    pub fn pause(&self, failures: u32, chance: f64) -> Duration {
        // 2^20 times any sensible first pause is beyond any longest one.
        let doublings = failures.saturating_sub(1).min(20);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        full.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        let pauses: Vec<u128> = (0..7).map(|failures| backoff.pause(failures, 0.0).as_millis()).collect();
        assert_eq!(pauses, [100, 100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.pause(u32::MAX, 1.0), Duration::from_millis(500));
    }
}
