//! Who heard which broadcast how often. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Copies of every frame at every listener.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Name and network of each VM.
    vms: Vec<(String, String)>,
    /// (listener, sender): copies, by the frame's number.
    copies: BTreeMap<(usize, usize), Vec<u8>>,
    calls: usize,
}

/// What became of the frames of a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Frames that one VM could hear from another of its network.
    pub expected: u64,
    /// Of these, heard once at least.
    pub heard: u64,
    /// Copies beyond the first.
    pub twice: u64,
    /// Heard in another network.
    pub strange: u64,
    /// The pair that heard most often twice, in words.
    pub worst: Option<String>,
}

impl Tally {
    pub(super) fn new(vms: Vec<(String, String)>) -> Self {
        Self { vms, copies: BTreeMap::new(), calls: 0 }
    }

    /// Every VM has called once more.
    pub(super) fn called(&mut self) {
        self.calls += 1;
    }

    /// How often every VM has called.
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    pub(super) fn heard(&mut self, listener: usize, sender: usize, number: usize) {
        // A number far ahead of the calls is nobody's frame.
        if number > self.calls + 1 {
            return;
        }
        let copies = self.copies.entry((listener, sender)).or_default();
        if copies.len() <= number {
            copies.resize(number + 1, 0);
        }
        copies[number] = copies[number].saturating_add(1);
    }

    /// Of the calls from number `from` on, between VMs that `which` chooses.
    pub(super) fn since(&self, from: usize, which: impl Fn(&str) -> bool) -> Heard {
        let mut sum = Heard::default();
        let mut most = 0;
        let chosen: Vec<usize> = (0..self.vms.len()).filter(|vm| which(&self.vms[*vm].0)).collect();
        for listener in &chosen {
            for sender in chosen.iter().filter(|sender| *sender != listener) {
                let copies = self.copies.get(&(*listener, *sender)).and_then(|all| all.get(from..));
                let copies = copies.unwrap_or_default();
                let heard = copies.iter().filter(|copies| **copies > 0).count() as u64;
                if self.vms[*listener].1 != self.vms[*sender].1 {
                    sum.strange += heard;
                    continue;
                }
                let twice = copies.iter().map(|copies| u64::from(copies.saturating_sub(1))).sum();
                sum.expected += self.calls.saturating_sub(from) as u64;
                sum.heard += heard;
                sum.twice += twice;
                if twice > most {
                    most = twice;
                    let (from, to) = (&self.vms[*sender].0, &self.vms[*listener].0);
                    sum.worst = Some(format!("{to} heard {from} {twice} times too often"));
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a` and `b` of one network, `c` of another.
    fn tally() -> Tally {
        let vm = |name: &str, network: &str| (name.to_owned(), network.to_owned());
        let mut tally = Tally::new(vec![vm("a", "blue"), vm("b", "blue"), vm("c", "red")]);
        for number in 0..4 {
            tally.called();
            tally.heard(1, 0, number);
        }
        tally
    }

    #[test]
    fn each_frame_once_is_as_it_shall_be() {
        let heard = tally().since(1, |_| true);
        assert_eq!((heard.expected, heard.heard, heard.twice, heard.strange), (6, 3, 0, 0));
        assert_eq!(heard.worst, None);
    }

    #[test]
    fn a_second_copy_and_a_stranger_are_counted() {
        let mut tally = tally();
        tally.heard(1, 0, 2);
        tally.heard(2, 0, 3);
        let heard = tally.since(0, |_| true);
        assert_eq!((heard.twice, heard.strange), (1, 1));
        assert_eq!(heard.worst.as_deref(), Some("b heard a 1 times too often"));
        assert_eq!(tally.since(3, |_| true).twice, 0, "frames before are another event's");
        assert_eq!(tally.since(0, |vm| vm != "b").twice, 0, "the dead are not asked");
    }

    #[test]
    fn a_number_from_nowhere_is_ignored() {
        let mut tally = tally();
        tally.heard(1, 0, 4_000_000_000);
        assert_eq!(tally.since(0, |_| true).heard, 4);
    }
}
