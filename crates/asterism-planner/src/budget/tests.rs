//! Tunnels are counted right, and intervals keep the budget.

use proptest::prelude::*;

use super::*;
use crate::{
    Targets,
    testing::{state, support::model::generate::reachable_state},
};

proptest! {
    #[test]
    fn counts_by_pool_and_head_are_those_of_the_targets(state in reachable_state()) {
        let targets = Targets::of(&state);
        let budget = Budget::of(targets.members());
        for host in state.hosts().keys() {
            let mut counted = Sessions::default();
            for bridge in targets.host(*host).bridges.values() {
                let tunnels = bridge.ports.values().map(|port| port.tunnels.len()).sum::<usize>();
                let tunnels = u32::try_from(tunnels).unwrap();
                match state.networks()[&bridge.network].detection {
                    Detection::Normal => counted.normal += tunnels,
                    Detection::Fast => counted.fast += tunnels,
                }
            }
            prop_assert_eq!(budget.host(*host).sessions, counted, "{}", host);
        }
    }

    #[test]
    fn a_host_keeps_its_budget_until_the_last_step(normal in 0..3000_u32, fast in 0..3000_u32, budget in 100..10_000_u32) {
        let load = BfdLoad::of(Sessions { normal, fast }, budget);
        prop_assert!(load.packets_per_second() <= u64::from(budget) || load.normal_ms == 10_000);
        prop_assert!(load.fast_ms <= load.normal_ms);
        let more = BfdLoad::of(Sessions { normal: normal + 1, fast }, budget);
        prop_assert!(more.normal_ms >= load.normal_ms && more.fast_ms >= load.fast_ms, "more tunnels are never faster");
    }
}

#[test]
fn fast_tunnels_are_slowed_down_first_and_then_all_together() {
    let steps = |normal, fast| {
        let load = BfdLoad::of(Sessions { normal, fast }, 4000);
        (load.normal_ms, load.fast_ms, load.packets_per_second())
    };
    assert_eq!(steps(1, 0), (100, 15, 10));
    assert_eq!(steps(400, 0), (100, 15, 4000));
    assert_eq!(steps(401, 0), (150, 150, 2674));
    assert_eq!(steps(0, 60), (100, 15, 4000));
    assert_eq!(steps(0, 61), (100, 20, 3050));
    assert_eq!(steps(300, 50), (100, 50, 4000));
    assert_eq!(steps(399, 10), (150, 150, 2727));
}

#[test]
fn a_center_is_slower_than_its_leaves_where_it_has_more_tunnels() {
    let state = state(
        "settings bfd=100
        pool p1
        host p1/a 10.0.1.1
        host p1/b 10.0.1.2
        host p1/c 10.0.1.3
        host p1/d 10.0.1.4
        network n p1 resilience=dual detection=fast
        adopt n1:vni=1:p1=h1+h2:center=p1",
    );
    let budget = Budget::of(&Members::of(&state));
    let interval = |host: u32| budget.host(HostId(host)).interval(Detection::Fast);
    assert_eq!([interval(1), interval(2), interval(3)], [30, 30, 20]);
}
