//! How many changes one caller may ask for in a second: a runaway script must not fill the log of all replicas.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use asterism_api::ApiError;
use asterism_planner::Tick;

/// Callers that are remembered; the one that was quiet for longest is forgotten first, and starts with a full bucket again.
const CALLERS: usize = 1024;

/// A bucket of tokens for each caller: filled at the rate, two seconds' worth deep.
#[derive(Clone)]
pub struct WriteRate {
    per_second: u64,
    buckets: Arc<Mutex<BTreeMap<String, Bucket>>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// In thousandths of a change, since ticks are milliseconds.
    millis: u64,
    at: Tick,
}

impl WriteRate {
    pub fn new(per_second: u64) -> Self {
        Self { per_second, buckets: Arc::default() }
    }

    /// Takes one change.
    ///
    /// # Errors
    /// `RateLimited`: too many came before.
    pub fn take(&self, caller: &str, now: Tick) -> Result<(), ApiError> {
        let full = self.per_second.saturating_mul(2 * 1000);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bucket = buckets.get(caller).copied().unwrap_or(Bucket { millis: full, at: now });
        let passed = u64::try_from(now.since(bucket.at).as_millis()).unwrap_or(u64::MAX);
        bucket.millis = full.min(bucket.millis.saturating_add(passed.saturating_mul(self.per_second)));
        bucket.at = now;
        let left = bucket.millis.checked_sub(1000);
        bucket.millis = left.unwrap_or(bucket.millis);
        if buckets.len() >= CALLERS && !buckets.contains_key(caller) {
            let quietest = buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(name, _)| name.clone());
            quietest.and_then(|name| buckets.remove(&name));
        }
        buckets.insert(caller.to_owned(), bucket);
        match left {
            Some(_) => Ok(()),
            None => Err(ApiError::RateLimited(format!(
                "{caller} asks for more than {} changes a second; ask slower, or raise `limits.writes_per_second`",
                self.per_second
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_the_rate_holds() {
        let rate = WriteRate::new(10);
        let taken = |tick: u64| (0..100).filter(|_| rate.take("a", Tick(tick)).is_ok()).count();
        assert_eq!((taken(0), taken(50), taken(100), taken(1100)), (20, 0, 1, 10));
        assert!(rate.take("b", Tick(1100)).is_ok(), "another caller has a bucket of its own");
    }

    #[test]
    fn callers_are_forgotten_and_memory_is_bounded() {
        let rate = WriteRate::new(1);
        for caller in 0..2 * CALLERS {
            rate.take(&caller.to_string(), Tick(caller as u64)).unwrap();
        }
        assert_eq!(rate.buckets.lock().unwrap().len(), CALLERS);
    }
}
