//! The two clocks of a replica, read here and nowhere else.

use std::time::Duration;

use asterism_model::Timestamp;
use asterism_planner::Tick;
use tokio::time::Instant;

/// Wall-clock time for commands, monotonic time for waiting.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    started_at: Timestamp,
}

impl Clock {
    pub fn start() -> Self {
        Self { started: Instant::now(), started_at: wall() }
    }

    /// When the process started.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// What goes into commands. May jump, as the machine's clock does; the replicated state never goes back.
    pub fn wall(&self) -> Timestamp {
        wall()
    }

    /// What the reconciler measures by.
    pub fn tick(&self) -> Tick {
        let elapsed = self.started.elapsed().as_millis();
        Tick(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    /// When that tick is.
    pub fn instant(&self, tick: Tick) -> Instant {
        self.started + Duration::from_millis(tick.0)
    }

    /// How long ago a moment is.
    pub fn since(&self, instant: Instant) -> Duration {
        Instant::now().saturating_duration_since(instant)
    }

    /// A tick of the past as wall-clock time, for people.
    pub fn wall_at(&self, tick: Tick) -> Timestamp {
        let ago = u64::try_from(self.tick().since(tick).as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.wall().0.saturating_sub(ago))
    }
}

#[allow(clippy::disallowed_methods)] // the one place that reads the wall clock
fn wall() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
