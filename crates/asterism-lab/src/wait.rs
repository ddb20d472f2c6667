//! Waiting for a state: poll a condition until it holds or its deadline passes.
//!
//! The only place of the laboratory that sleeps. A wait has a name, a deadline, and remembers what it saw last,
//! so that a test that runs out of time says what was missing.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::{LabError, Result};

/// First pause between two looks; grows by half each time up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(2);
/// Longest pause: short enough that a wait adds little to what it waits for.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// Polls `look` until it gives a value. `look` answers `Err(why not yet)` to be asked again.
///
/// # Errors
/// [`LabError::Deadline`] with the last reason when `deadline` has passed. `look` is asked at least once, and
/// once more after the deadline, so that a starved machine does not fail a state that did come.
pub fn until<T>(
    what: impl Into<String>,
    deadline: Duration,
    look: impl FnMut() -> Result<T, String>,
) -> Result<T> {
    poll(what.into(), deadline, (PAUSE_FIRST, PAUSE_MAX), look)
}

/// The same with a steady pause between two looks, for looks that cost something.
///
/// # Errors
/// As [`until`].
pub fn until_every<T>(
    what: impl Into<String>,
    deadline: Duration,
    pause: Duration,
    look: impl FnMut() -> Result<T, String>,
) -> Result<T> {
    poll(what.into(), deadline, (pause, pause), look)
}

/// Lets time pass that is itself what is tried out (a fault that lasts a minute); never in place of a wait for a state.
pub fn pause(time: Duration) {
    thread::sleep(time);
}

fn poll<T>(
    what: String,
    deadline: Duration,
    (first, most): (Duration, Duration),
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T> {
    let start = Instant::now();
    let mut pause = first;
    loop {
        let expired = start.elapsed() >= deadline;
        match look() {
            Ok(value) => return Ok(value),
            Err(last) if expired => {
                return Err(LabError::Deadline { what, deadline, last });
            }
            Err(_) => thread::sleep(pause),
        }
        pause = (pause * 3 / 2).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_runs_out_says_what_it_saw_last() {
        let error = until::<()>("the moon", Duration::from_millis(5), || Err("a cloud".into())).unwrap_err();
        assert_eq!(error.to_string(), "the moon: not within 5ms; last seen: a cloud");
    }

    #[test]
    fn a_state_that_holds_at_once_needs_one_look() {
        let mut looks = 0;
        until("now", Duration::ZERO, || {
            looks += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(looks, 1);
    }
}
