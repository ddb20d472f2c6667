//! Limits and pauses, each with its reason.

use std::time::Duration;

use crate::Graces;

/// See the fields.
#[derive(Debug, Clone)]
pub struct Settings {
    pub graces: Graces,
    /// How long a claim, a transaction or a proposal may stay unanswered before it is unknown. Longer than the shell's own
    /// deadlines, so that this one fires only if the shell is wedged.
    pub answer: Duration,
    /// How long a picture may lag behind what was applied.
    pub look: Duration,
    /// Pause after a refusal; doubled with each in a row up to `longest_pause`.
    pub shortest_pause: Duration,
    pub longest_pause: Duration,
    /// How long news is gathered before it is planned upon: a host that dies takes many tunnels down at nearly one time.
    pub plan_delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            graces: Graces::default(),
            answer: Duration::from_secs(15),
            look: Duration::from_secs(5),
            shortest_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(30),
            plan_delay: Duration::from_millis(10),
        }
    }
}

impl Settings {
    /// The pause after so many failures in a row before this one.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        self.shortest_pause.saturating_mul(1 << failures.min(16)).min(self.longest_pause)
    }

    /// The same of a pool's calls, which cost its hosts more.
    pub(crate) fn pool_pause(&self, failures: u32) -> Duration {
        const FIRST: u32 = 3;
        self.pause(failures.saturating_add(FIRST))
    }
}
