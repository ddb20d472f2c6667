//! Who differs from whom. Pure.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::NodeId;

/// What a replica tells of itself; nothing of one that does not answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Of the program. Two versions may write one state in two ways.
    pub version: String,
    /// By index.
    pub digests: BTreeMap<u64, String>,
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// No two replicas have a digest of the same entry.
    Unknown,
    /// All that can be compared are equal; the last entry at which they were.
    Agreed { index: u64 },
    /// This replica differs from a majority that agrees, all of its own version.
    OddOneOut { index: u64 },
    /// Others differ from the majority; or there is none, and these are all that were compared.
    Differ { index: u64, odd: Vec<NodeId> },
}

/// Compares at the last entry for which a majority told a digest; failing that, at the last for which two did. `told` has
/// every member of the cluster.
pub fn judge(own: NodeId, told: &BTreeMap<NodeId, Told>) -> Agreement {
    let majority = told.len() / 2 + 1;
    let indexes: BTreeSet<u64> = told.values().flat_map(|told| told.digests.keys().copied()).collect();
    let at = |index: u64| told.iter().filter(move |(_, told)| told.digests.contains_key(&index));
    let last_with = |count: usize| indexes.iter().rev().copied().find(|index| at(*index).count() >= count);
    let differs = |index: &u64| {
        let digests: BTreeSet<&String> = at(*index).filter_map(|(_, told)| told.digests.get(index)).collect();
        digests.len() > 1
    };
    // What differed once stays so: an old difference that is still told counts as much as a new one.
    let found = indexes.iter().rev().copied().find(differs);
    let Some(index) = found.or_else(|| last_with(majority.max(2))).or_else(|| last_with(2)) else {
        return Agreement::Unknown;
    };
    if found.is_none() {
        return Agreement::Agreed { index };
    }
    let mut groups: BTreeMap<&String, Vec<NodeId>> = BTreeMap::new();
    for (node, told) in at(index) {
        if let Some(digest) = told.digests.get(&index) {
            groups.entry(digest).or_default().push(*node);
        }
    }
    let Some(right) = groups.values().find(|group| group.len() >= majority) else {
        return Agreement::Differ { index, odd: at(index).map(|(node, _)| *node).collect() };
    };
    let odd: Vec<NodeId> = at(index).map(|(node, _)| *node).filter(|node| !right.contains(node)).collect();
    let version = told.get(&own).map(|told| &told.version);
    let is_one_version = right.iter().all(|node| told.get(node).map(|told| &told.version) == version);
    if odd.contains(&own) && is_one_version {
        return Agreement::OddOneOut { index };
    }
    Agreement::Differ { index, odd }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1: 10=a 20=b` for each replica; `1 v2: ..` is one of another version.
    fn check(own: u64, replicas: &[&str], expected: Agreement) {
        let told = replicas.iter().map(|text| {
            let (who, digests) = text.split_once(':').unwrap();
            let (node, version) = who.split_once(' ').unwrap_or((who, "v1"));
            let digests = digests.split_whitespace().map(|pair| {
                let (index, digest) = pair.split_once('=').unwrap();
                (index.parse().unwrap(), digest.to_owned())
            });
            (NodeId(node.parse().unwrap()), Told { version: version.to_owned(), digests: digests.collect() })
        });
        let told: BTreeMap<NodeId, Told> = told.collect();
        assert_eq!(judge(NodeId(own), &told), expected, "{replicas:?}");
    }

    fn differ(index: u64, odd: &[u64]) -> Agreement {
        Agreement::Differ { index, odd: odd.iter().copied().map(NodeId).collect() }
    }

    #[test]
    fn nothing_is_said_of_what_cannot_be_compared() {
        check(1, &["1: 10=a"], Agreement::Unknown);
        check(1, &["1: 10=a", "2: 20=b", "3:"], Agreement::Unknown);
    }

    #[test]
    fn equal_states_agree_at_the_last_entry_that_a_majority_tells() {
        check(1, &["1: 10=a 20=b", "2: 10=a 20=b", "3: 10=a"], Agreement::Agreed { index: 20 });
        check(1, &["1: 10=a 20=b 30=c", "2: 10=a 20=b", "3: 20=b"], Agreement::Agreed { index: 20 });
        check(1, &["1: 10=a", "2: 10=a", "3:", "4:", "5:"], Agreement::Agreed { index: 10 });
    }

    #[test]
    fn the_odd_one_knows_it_and_the_others_name_it() {
        let replicas = ["1: 10=a 20=b", "2: 10=a 20=b", "3: 10=a 20=x"];
        check(3, &replicas, Agreement::OddOneOut { index: 20 });
        check(1, &replicas, differ(20, &[3]));
        let replicas = ["1: 10=a 20=b 30=c", "2: 10=a 20=b 30=c", "3: 10=x"];
        check(3, &replicas, Agreement::OddOneOut { index: 10 });
    }

    #[test]
    fn without_a_majority_nobody_is_odd() {
        check(1, &["1: 10=a", "2: 10=b", "3:"], differ(10, &[1, 2]));
        check(1, &["1: 10=a", "2: 10=b", "3: 10=c"], differ(10, &[1, 2, 3]));
        check(1, &["1: 10=a", "2: 10=b"], differ(10, &[1, 2]));
        check(5, &["1: 10=a", "2: 10=a", "3:", "4:", "5: 10=b"], differ(10, &[1, 2, 5]));
    }

    #[test]
    fn two_versions_are_for_people_to_judge() {
        check(3, &["1: 10=a", "2: 10=a", "3 v2: 10=x"], differ(10, &[3]));
    }
}
