//! Which pictures are worth a comparison.

use asterism_model::{HostTarget, RowUuid};
use proptest::prelude::*;

use super::*;
use crate::{
    diff::{diff, diff_within},
    scope::Scope,
    target,
    testing::{
        state,
        support::{host::empty, observed::observed},
    },
};

const SCRIPT: &str = "
    pool p
    host p/a 10.0.0.1
    host p/b 10.0.0.2
    network n p
    network m p
    network o p
    adopt n1:vni=1:p1=h1:center=p1 n2:vni=2:p1=h2:center=p1 n3:vni=3:p1=h1:center=p1";

fn wanted() -> HostTarget {
    target(&state(SCRIPT), HostId(1))
}

proptest! {
    /// What a comparison finds in the networks that are not named, it found before.
    #[test]
    fn what_is_not_named_compares_as_before(before in observed(wanted()), after in observed(wanted())) {
        // Rows that are alike in both are the same rows, as the uuids are counted up.
        let scope = changed(&before, &after);
        let networks: BTreeSet<NetworkId> =
            (1..8).map(NetworkId).filter(|network| !scope.contains(*network)).collect();
        let rest = Scope::Networks(networks.clone());
        let mut wanted = wanted();
        wanted.bridges.retain(|network, _| networks.contains(network));
        prop_assert_eq!(diff_within(&rest, &wanted, &before), diff_within(&rest, &wanted, &after));
    }

    #[test]
    fn nothing_is_named_where_nothing_changed(rows in observed(wanted())) {
        let mut flapped = rows.clone();
        for port in flapped.bridges.values_mut().flat_map(|bridge| bridge.ports.values_mut()) {
            for interface in port.interfaces.values_mut() {
                interface.bfd_state = BfdState::Up;
            }
        }
        flapped.foreign_names.insert("vif1.0".into());
        prop_assert_eq!(changed(&rows, &flapped), Scope::none());
        prop_assert_eq!(held(&rows), held(&flapped));
    }
}

#[test]
fn a_name_that_may_be_in_our_way_is_a_reason_to_look_at_everything() {
    let before = ObservedHost { root: RowUuid(1), ..empty() };
    let mut after = before.clone();
    after.foreign_names.insert("at1-2".into());
    assert_eq!(changed(&before, &after), Scope::All);
    assert_ne!(diff(&wanted(), &before).conflicts, diff(&wanted(), &after).conflicts);
}

/// What a way is after a picture with that state, given what it was.
fn way(state: BfdState, before: Option<Option<Path>>) -> Path {
    let mut rows = ObservedHost { root: RowUuid(1), ..empty() };
    let target = wanted();
    let found = diff(&target, &rows).diff;
    rows = crate::testing::support::observed::carry_out(&rows, &found);
    for port in rows.bridges.values_mut().flat_map(|bridge| bridge.ports.values_mut()) {
        port.interfaces.values_mut().for_each(|interface| interface.bfd_state = state);
    }
    let before = before.map(|path| path.into_iter().map(|path| (HostId(2), path)).collect());
    paths(&rows, before.as_ref(), Tick(9))[&HostId(2)]
}

#[test]
fn a_way_remembers_since_when_it_is_what_it_is() {
    let since = Tick(3);
    let known = |path| Some(Some(path));
    assert_eq!(way(BfdState::Up, known(Path::Up { since })), Path::Up { since });
    assert_eq!(way(BfdState::Up, known(Path::Down { since })), Path::Up { since: Tick(9) });
    assert_eq!(way(BfdState::Down, known(Path::Up { since })), Path::Down { since: Tick(9) });
    assert_eq!(way(BfdState::Down, known(Path::Down { since })), Path::Down { since });
    // Never up since it was made.
    assert_eq!(way(BfdState::Down, Some(None)), Path::Pending { since: Tick(9) });
    assert_eq!(way(BfdState::Down, known(Path::Pending { since })), Path::Pending { since });
    // The switch was restarted, and says nothing yet.
    assert_eq!(way(BfdState::Unknown, known(Path::Up { since })), Path::Down { since: Tick(9) });
}

#[test]
fn a_way_that_is_down_at_a_new_leaders_first_look_was_up_before() {
    assert_eq!(way(BfdState::Down, None), Path::Down { since: Tick(9) });
    assert_eq!(way(BfdState::Unknown, None), Path::Pending { since: Tick(9) });
}
