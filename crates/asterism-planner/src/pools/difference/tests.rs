//! Each kind of difference of a pool, and that calling what is asked for ends with nothing to ask for.

use asterism_model::{HostId, PoolId, TunnelStatus};
use expect_test::{Expect, expect};

use super::*;
use crate::{
    pools::pool_target,
    testing::{state, support::pool::FakePool},
};

const POOL: &str = "
    xapi-pool x1
    inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2 c#3@10.0.0.3";

/// With one network, which has a VNI.
const CARRYING: &str = "
    network n x1:xenbr1
    adopt n1:vni=7:p1=h1:center=p1";

struct Story {
    state: NetworkState,
    pool: FakePool,
}

impl Story {
    fn of(script: &str) -> Self {
        let state = state(&format!("{POOL}{script}"));
        let xapi = state.pools()[&PoolId(1)].xapi().unwrap();
        let pool = FakePool::of(xapi.inventory.as_ref().unwrap());
        Self { state, pool }
    }

    /// After all that was asked for was done.
    fn settled(script: &str) -> Self {
        let mut story = Self::of(script);
        story.settle();
        story
    }

    fn difference(&self) -> PoolDifference {
        let status = |_: HostId, _| Some(TunnelStatus { is_active: true, error: String::new() });
        let target = pool_target(&self.state, PoolId(1), status).unwrap();
        difference(&self.state, &target, &self.pool.shows)
    }

    /// Does what is asked for, one call at a time, until nothing is.
    fn settle(&mut self) {
        for _ in 0..100 {
            let Some(call) = self.difference().calls.into_iter().next() else { return };
            assert_eq!(self.pool.call(&call), asterism_model::CallOutcome::Done, "{call}");
        }
        panic!("it never ends: {:?}", self.pool.done);
    }

    fn network(&mut self) -> &mut ObservedPoolNetwork {
        self.pool.shows.networks.values_mut().next().unwrap()
    }

    /// What is asked for after an edit, and how often something is called until nothing is.
    fn check(mut self, expected: Expect) {
        let found = self.difference();
        let before = self.pool.done.len();
        self.settle();
        let calls = found.calls.iter().map(|call| format!("{call}\n"));
        let obstacles = found.obstacles.iter().map(|obstacle| format!("! {obstacle}\n"));
        let count = format!("{} calls in all\n", self.pool.done.len() - before);
        expected.assert_eq(&calls.chain(obstacles).chain([count]).collect::<String>());
    }
}

#[test]
fn a_pool_that_carries_nothing_is_left_as_it_is() {
    Story::of("").check(expect![[r#"
        0 calls in all
    "#]]);
}

#[test]
fn a_network_is_made_with_all_that_it_needs() {
    let mut story = Story::of(CARRYING);
    story.settle();
    expect![[r#"
        install sdn-controller-ca.pem
        introduce an SDN controller
        create network n with bridge ast1
        create a tunnel on host 00000000-0000-0000-0000-000000000001
        set a tunnel's status on host 00000000-0000-0000-0000-000000000001
        create a tunnel on host 00000000-0000-0000-0000-000000000002
        set a tunnel's status on host 00000000-0000-0000-0000-000000000002"#]]
    .assert_eq(&story.pool.done.join("\n"));
}

#[test]
fn what_is_there_is_left_alone() {
    Story::settled(CARRYING).check(expect![[r#"
        0 calls in all
    "#]]);
}

#[test]
fn objects_that_the_pool_forgot_are_made_again() {
    let mut story = Story::settled(CARRYING);
    story.network().tunnels.remove(&XapiUuid(2));
    story.pool.shows.controllers.clear();
    story.check(expect![[r#"
        introduce an SDN controller
        create a tunnel on host 00000000-0000-0000-0000-000000000002
        3 calls in all
    "#]]);
}

#[test]
fn a_rebooted_host_is_plugged_once_it_is_enabled() {
    let mut story = Story::settled(CARRYING);
    story.network().tunnels.get_mut(&XapiUuid(1)).unwrap().is_attached = false;
    let host = story.pool.shows.hosts.get_mut(&XapiUuid(1)).unwrap();
    host.is_enabled = false;
    assert_eq!(story.difference().calls, []);
    story.pool.shows.hosts.get_mut(&XapiUuid(1)).unwrap().is_enabled = true;
    story.check(expect![[r#"
        plug a tunnel's PIF on host 00000000-0000-0000-0000-000000000001
        1 calls in all
    "#]]);
}

#[test]
fn a_host_that_is_not_live_is_called_for_nothing() {
    let mut story = Story::of(CARRYING);
    story.pool.shows.hosts.get_mut(&XapiUuid(1)).unwrap().is_live = false;
    story.check(expect![[r#"
        install sdn-controller-ca.pem
        create network n with bridge ast1
        5 calls in all
    "#]]);
}

#[test]
fn label_mtu_status_and_transport_follow_the_state() {
    let mut story = Story::settled(CARRYING);
    let network = story.network();
    network.label = "renamed".into();
    network.mtu = 9000;
    network.tunnels.get_mut(&XapiUuid(1)).unwrap().status.insert("active".into(), "false".into());
    network.tunnels.get_mut(&XapiUuid(2)).unwrap().transport = None;
    story.check(expect![[r#"
        change network n
        set a tunnel's status on host 00000000-0000-0000-0000-000000000001
        destroy a tunnel on host 00000000-0000-0000-0000-000000000002
        5 calls in all
    "#]]);
}

#[test]
fn a_deleted_network_goes_with_its_tunnels() {
    let mut story = Story::settled(CARRYING);
    story.state = state(&format!("{POOL}{CARRYING}\ndelete n"));
    story.check(expect![[r#"
        destroy a tunnel on host 00000000-0000-0000-0000-000000000001
        destroy a tunnel on host 00000000-0000-0000-0000-000000000002
        3 calls in all
    "#]]);
}

#[test]
fn a_deleted_network_stays_while_something_needs_it() {
    let mut story = Story::settled(CARRYING);
    story.state = state(&format!("{POOL}{CARRYING}\ndelete n"));
    story.network().plugged_vifs = 2;
    story.pool.shows.hosts.get_mut(&XapiUuid(2)).unwrap().is_live = false;
    story.check(expect![[r#"
        destroy a tunnel on host 00000000-0000-0000-0000-000000000001
        ! network n1 is deleted, and stays in the pool until host 00000000-0000-0000-0000-000000000002 is live again
        ! network n1 is deleted, and stays in the pool while 2 VIFs are plugged into it
        1 calls in all
    "#]]);
}

#[test]
fn networks_of_other_clusters_and_of_later_leaders_are_left_alone() {
    let mut story = Story::settled(CARRYING);
    let ours = story.network().clone();
    for key in ["00000000000000000000000000000001/1", "0000000000000000000000000000a57e/2", "nonsense"] {
        let foreign = ObservedPoolNetwork { key: key.into(), ..ours.clone() };
        story.pool.shows.networks.insert(ObjectRef(key.into()), foreign);
    }
    story.check(expect![[r#"
        0 calls in all
    "#]]);
}

#[test]
fn what_stands_in_the_way_is_said() {
    let mut story = Story::of(&format!("{CARRYING}\nnetwork m x1:xenbr1"));
    let shows = &mut story.pool.shows;
    shows.authority = ObservedAuthority::Other;
    shows.controllers.push(asterism_model::ObservedController {
        controller: ObjectRef("other".into()),
        protocol: "ssl".into(),
        address: "10.9.9.9".into(),
    });
    shows.foreign_bridges.insert("ast1".into());
    shows.hosts.get_mut(&XapiUuid(2)).unwrap().transports.clear();
    story.check(expect![[r#"
        create network m with bridge ast2
        ! the pool trusts the certificates of another SDN controller: its `sdn-controller-ca.pem` is not this cluster's
        ! the pool's hosts dial an SDN controller at 10.9.9.9 (ssl) instead of listening: forget it with `xe sdn-controller-forget`
        ! network n1: another network of the pool has bridge ast1
        3 calls in all
    "#]]);
}
