//! Says a thing once: what is wrong with each peer, until it changes.

use std::{collections::BTreeMap, sync::Mutex};

use asterism_model::NodeId;

#[derive(Default)]
pub struct Notes {
    problems: Mutex<BTreeMap<NodeId, String>>,
}

/// What is new about a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Nothing,
    Problem,
    Recovered,
}

impl Notes {
    /// Notes how it stands with a peer, and tells whether that is worth a line in the log.
    pub fn note(&self, node: NodeId, problem: Option<&str>) -> News {
        let mut problems = self.problems.lock().expect("no code panics while it holds the lock");
        match problem {
            Some(problem) if problems.get(&node).is_some_and(|known| known == problem) => News::Nothing,
            Some(problem) => {
                problems.insert(node, problem.to_owned());
                News::Problem
            }
            None if problems.remove(&node).is_some() => News::Recovered,
            None => News::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_said_once_and_its_end_once() {
        let notes = Notes::default();
        let node = NodeId(2);
        let said: Vec<News> =
            [Some("a"), Some("a"), Some("b"), None, None].map(|p| notes.note(node, p)).into();
        assert_eq!(said, [News::Problem, News::Nothing, News::Problem, News::Recovered, News::Nothing]);
    }
}
