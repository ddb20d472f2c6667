//! Whose target may differ between two states.

use proptest::{collection, prelude::*};

use super::*;
use crate::{Targets, testing::support::model::generate};

proptest! {
    /// A host that is not named has the same target in both states, and in a network that is not named the same bridge.
    #[test]
    fn what_is_not_named_has_not_changed(
        history in generate::history(),
        more in collection::vec(generate::step(), 1..8),
    ) {
        let mut before = NetworkState::default();
        for step in history {
            before.apply(&step.command(&before));
        }
        let mut after = before.clone();
        for step in more {
            after.apply(&step.command(&after));
        }
        let (old, new) = (Targets::of(&before), Targets::of(&after));
        let found = affected((&before, old.budget()), (&after, new.budget()));
        for host in before.hosts().keys().chain(after.hosts().keys()) {
            let (mut old, mut new) = (old.host(*host).bridges, new.host(*host).bridges);
            let scope = found.get(host).cloned().unwrap_or_else(Scope::none);
            old.retain(|network, _| !scope.contains(*network));
            new.retain(|network, _| !scope.contains(*network));
            prop_assert_eq!(old, new, "{} is affected, and only {:?} is named", host, scope);
        }
    }
}
