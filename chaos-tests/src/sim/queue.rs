//! What is going to happen, in order of time; what falls on one moment happens in the order in which it was put there.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use super::Time;

/// A queue of events.
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Due<E>>>,
    last: u64,
}

struct Due<E> {
    at: Time,
    place: u64,
    event: E,
}

impl<E> Due<E> {
    fn key(&self) -> (Time, u64) {
        (self.at, self.place)
    }
}

impl<E> PartialEq for Due<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Due<E> {}

impl<E> PartialOrd for Due<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Due<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), last: 0 }
    }
}

impl<E> Queue<E> {
    pub fn put(&mut self, at: Time, event: E) {
        self.last += 1;
        self.heap.push(Reverse(Due { at, place: self.last, event }));
    }

    pub fn take(&mut self) -> Option<(Time, E)> {
        self.heap.pop().map(|Reverse(due)| (due.at, due.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_as_they_were_put() {
        let mut queue = Queue::default();
        for (at, event) in [(5, "c"), (1, "a"), (5, "d"), (2, "b")] {
            queue.put(Time(at), event);
        }
        let order: Vec<&str> = std::iter::from_fn(|| queue.take()).map(|(_, event)| event).collect();
        assert_eq!(order, ["a", "b", "c", "d"]);
    }
}
