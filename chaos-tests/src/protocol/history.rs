//! What clients did and were told, and whether that can have been one state after another.
//!
//! The state is a function of the log, so an operation's place is its index in the log: a history is linearizable when that
//! order agrees with real time, every acknowledged write is in the log, every refused one is not, and a read shows the state of
//! its index.

use std::collections::{BTreeMap, BTreeSet};

/// Virtual nanoseconds.
pub(super) type Moment = u64;

/// One operation that was answered.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub begun: Moment,
    pub ended: Moment,
    pub index: u64,
    pub is_write: bool,
}

/// What became of the pools that clients added; each name is used by one write alone.
#[derive(Debug, Default)]
pub(super) struct History {
    pub done: Vec<Done>,
    /// Told that they are in.
    pub acknowledged: BTreeSet<String>,
    /// Told that they are not, and never will be.
    pub refused: BTreeSet<String>,
    /// By index, the digest of the state there, and who had it first.
    pub states: BTreeMap<u64, (String, u64)>,
    /// Who led each term.
    pub leaders: BTreeMap<u64, u64>,
}

impl History {
    /// A replica has this state at this index.
    pub fn state(&mut self, node: u64, index: u64, digest: String) -> Result<(), String> {
        let (known, first) = self.states.entry(index).or_insert_with(|| (digest.clone(), node));
        if *known == digest {
            return Ok(());
        }
        Err(format!("at index {index}, {first} has state {known} and {node} has {digest}"))
    }

    /// A replica says that it leads a term.
    pub fn leads(&mut self, node: u64, term: u64) -> Result<(), String> {
        let leader = *self.leaders.entry(term).or_insert(node);
        if leader == node { Ok(()) } else { Err(format!("{leader} and {node} both lead term {term}")) }
    }

    /// What ended before something else began comes before it in the log.
    pub fn order(&self) -> Result<(), String> {
        let mut by_end: Vec<&Done> = self.done.iter().collect();
        by_end.sort_by_key(|done| (done.ended, done.index));
        let mut by_begin: Vec<&Done> = self.done.iter().collect();
        by_begin.sort_by_key(|done| (done.begun, done.index));
        let mut ended = by_end.into_iter().peekable();
        let mut latest: Option<&Done> = None;
        for later in by_begin {
            while let Some(earlier) = ended.next_if(|earlier| earlier.ended < later.begun) {
                if latest.is_none_or(|latest| earlier.index > latest.index) {
                    latest = Some(earlier);
                }
            }
            let Some(latest) = latest else { continue };
            let is_behind = later.index < latest.index || (later.is_write && later.index == latest.index);
            if is_behind {
                return Err(format!(
                    "{later:?} came after {latest:?} was answered, and is before it in the log"
                ));
            }
        }
        Ok(())
    }

    /// The final state has what was acknowledged, and nothing that was refused.
    pub fn settle(&self, present: &BTreeSet<String>) -> Result<(), String> {
        let lost: Vec<&String> = self.acknowledged.difference(present).collect();
        if !lost.is_empty() {
            return Err(format!("acknowledged and lost: {lost:?}"));
        }
        let risen: Vec<&String> = self.refused.intersection(present).collect();
        if risen.is_empty() { Ok(()) } else { Err(format!("refused for good and there: {risen:?}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(begun: u64, ended: u64, index: u64, is_write: bool) -> Done {
        Done { begun, ended, index, is_write }
    }

    fn order(done: Vec<Done>) -> Result<(), String> {
        History { done, ..History::default() }.order()
    }

    #[test]
    fn what_overlaps_may_come_in_either_order() {
        assert_eq!(order(vec![done(0, 10, 7, true), done(5, 20, 6, true)]), Ok(()));
    }

    #[test]
    fn a_read_may_show_no_less_than_what_ended_before_it_began() {
        assert_eq!(order(vec![done(0, 10, 7, true), done(11, 20, 7, false)]), Ok(()));
        assert!(order(vec![done(0, 10, 7, true), done(11, 20, 6, false)]).is_err());
        assert!(order(vec![done(0, 10, 9, false), done(11, 20, 8, false)]).is_err());
    }

    #[test]
    fn two_writes_have_a_place_each() {
        assert!(order(vec![done(0, 10, 7, true), done(11, 20, 7, true)]).is_err());
    }

    #[test]
    fn a_state_is_one_for_all() {
        let mut history = History::default();
        assert_eq!(history.state(1, 5, "a".into()), Ok(()));
        assert_eq!(history.state(2, 5, "a".into()), Ok(()));
        assert!(history.state(3, 5, "b".into()).is_err());
    }
}
