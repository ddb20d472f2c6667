//! Chance, all of it from one seed.
//!
//! Each actor throws dice of its own, seeded by the run's seed and the actor's name: what one actor does more or less often
//! does not change what falls to the others.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _, rngs::ChaCha8Rng};
use sha2::{Digest as _, Sha256};

/// One actor's dice.
pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn of(seed: u64, actor: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(actor.as_bytes());
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// From 0 to `count` - 1; 0 where there is no choice.
    pub fn below(&mut self, count: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(count);
        u64::try_from(wide >> 64).expect("the high half of a product of two 64-bit numbers has 64 bits")
    }

    pub fn index(&mut self, count: usize) -> usize {
        let below = self.below(u64::try_from(count).unwrap_or(u64::MAX));
        usize::try_from(below).unwrap_or(0)
    }

    /// Both ends included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn micros(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.between(low, high))
    }

    pub fn millis(&mut self, low: u64, high: u64) -> Duration {
        self.micros(low * 1000, high * 1000)
    }

    pub fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        items.get(self.index(items.len())).copied()
    }

    /// By weight.
    pub fn choose<T: Copy>(&mut self, weighted: &[(u64, T)]) -> T {
        let all = weighted.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(all);
        for (weight, item) in weighted {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *item,
            }
        }
        weighted.first().expect("there is something to choose from").1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_throw_equally_and_actors_differently() {
        let throw = |seed, actor| {
            let mut dice = Dice::of(seed, actor);
            [dice.below(1000), dice.below(1000), dice.below(1000)]
        };
        assert_eq!(throw(1, "a"), throw(1, "a"));
        assert_ne!(throw(1, "a"), throw(1, "b"));
        assert_ne!(throw(1, "a"), throw(2, "a"));
    }

    #[test]
    fn a_range_is_reached_at_both_ends_and_nowhere_else() {
        let mut dice = Dice::of(7, "range");
        let thrown: std::collections::BTreeSet<u64> = (0..200).map(|_| dice.between(3, 5)).collect();
        assert_eq!(thrown, [3, 4, 5].into());
    }
}
