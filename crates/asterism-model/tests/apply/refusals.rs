//! Every refusal there is: what brings it about, and its sentence.

use std::collections::BTreeSet;

use asterism_model::{NetworkState, Operation, Refusal, Reply, encode_state};
use expect_test::expect;

use crate::support::{World, script};

/// What each case begins with: two pools, three hosts, two networks.
const LAB: &str = "
    init lab
    claim c1
    session
    pool p1
    pool p2
    pool p3
    host p1/a lan=10.0.0.1 san=10.1.0.1
    host p1/b lan=10.0.0.2 san=10.1.0.2
    host p2/a lan=10.0.1.1 san=fd00::1
    network n1 p1:lan:b p2 vni=7
    network n2 p3
";

const CASES: &[&str] = &[
    "init other",
    "s9#1 pool p4",
    "s1#5 pool p4",
    "pool p1",
    "remove-pool p9",
    "remove-pool p1",
    "remove-pool p3",
    "enable p1/z",
    "enable p3/z",
    "host p1/a 10.0.0.9",
    "host p1/c 10.0.0.9 ovsdb=unix:db.sock",
    "host p1/c 10.0.0.9 ovsdb=ssl:10.0.0.1",
    "host p1/c 10.0.0.1 ovsdb=tcp:10.0.0.9",
    "host p1/c 127.0.0.1",
    "host p1/c ovsdb=tcp:10.0.0.9",
    "host p1/c 10.0.0.9/100",
    "host p1/c san=10.1.0.9",
    "remove p1/b",
    "update n9",
    "network n1 p1",
    "network n3",
    "network n3 p1 prefer=p2",
    "network n3 p1 p2:wan",
    "network n3 p1:san p2:san",
    "network n3 p1 mtu=1500",
    "network n3 p1 encap=gre mtu=1500",
    "network n3 p1 mtu=500",
    "network n3 p1 vni=7",
    "update n1 set=p1 remove=p1",
    "adopt epoch=0",
    "adopt based=0",
    "adopt n1:vni=8",
    "move n1 p1/a",
    "move n1 p1/b",
    "move n2 p1/b",
    "move-pool n1 p2",
    "settings bfd=99",
    "settings bfd=1000001 mode=read-only",
];

/// The same of a pool behind a XAPI.
const XAPI: &str = "
    init lab
    claim c1
    xapi-pool x1
    inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2,disabled
    pool p1
    network n1 x1:xenbr1
    xapi-pool x2
    inventory x2 a#3@10.0.0.3
    remove-pool x2
";

const XAPI_CASES: &[&str] = &[
    "xapi-pool x3 uuid=49",
    "xapi-pool x1",
    "access p1",
    "host x1/c 10.0.0.9",
    "inventory x1 uuid=7",
    "remove x1/a",
    "network n2 x1:xenbr9",
    "network n2 x1:xenbr1 encap=geneve",
    "network n2 x2:xenbr1",
    "move n1 x1/b",
    "access x1 address=-",
];

/// The same of networks that Xen Orchestra's plugin made.
const ADOPTED: &str = "
    init lab
    claim c1
    xapi-pool x1
    xapi-pool x2
    inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
    inventory x2 a#3@10.0.0.3,xenbr1=10.1.0.3
    network n1 x1:xenbr1
    take n2 vni=8 one-star x1:10:xapi0:xenbr1:b x2:11:xapi0:xenbr1:a
    take n3 vni=9 x1:12:xapi1:xenbr1:a
    update n3 set=x2:xenbr1
    take n4 vni=10 x1:13:xapi2:xenbr1:a
    update n4 resilience=dual
    take n5 vni=11 x1:14:xapi3:xenbr1:a
    release n5
    take n6 vni=12 x1:15:xapi4:xenbr1:a
    adopt n6:vni=12:p1=h1+h2:center=p1
";

const ADOPTED_CASES: &[&str] = &[
    "take n9 vni=13 x1:10:xapi9:xenbr1:b",
    "take n9 vni=13 x1:19:xapi/9:xenbr1:b",
    "take n9 vni=13 center=x2 x1:19:xapi9:xenbr1:b",
    "release n1",
    "release n3",
    "release n4",
    "release n6",
    "move-pool n2 x2",
    "update n5 mtu=1300",
];

#[test]
fn each_refusal_says_what_is_wrong_and_what_would_be_valid() {
    let said: Vec<String> =
        cases().iter().map(|(case, refusal)| format!("{case}\n    {refusal}\n")).collect();
    expect![[r#"
        (empty) pool p1
            the cluster is not initialised: run `asterctl cluster init` first
        (256 pools) pool p1
            no more than 256 pools are supported
        (last epoch) claim c1
            the last epoch number is used up, and none is given out twice
        init other
            the cluster is initialised already, as `lab`
        s9#1 pool p4
            session s9 is unknown or has expired: the outcome of its requests can't be told; look, then open a new session
        s1#5 pool p4
            request 5 is out of sequence: expected 1, or a retry of the one before
        pool p1
            pool: the name `p1` is taken; choose another
        remove-pool p9
            pool: there is no pool `p9`; pools: p1, p2, p3
        remove-pool p1
            pool `p1` still has hosts: a, b; remove them first
        remove-pool p3
            pool `p3` is part of networks: n2; delete them or remove the pool from them first
        enable p1/z
            host: there is no host `p1/z`; hosts of that pool: a, b
        enable p3/z
            host: there is no host `p3/z`; there are no hosts of that pool
        host p1/a 10.0.0.9
            host: the name `p1/a` is taken; choose another
        host p1/c 10.0.0.9 ovsdb=unix:db.sock
            ovsdb: nobody can answer at unix:db.sock; expected tcp:IP[:PORT], ssl:IP[:PORT] or unix:/PATH of a host
        host p1/c 10.0.0.9 ovsdb=ssl:10.0.0.1
            ovsdb: ssl:10.0.0.1:6640 is the endpoint of host `p1/a` already; a host is in one pool only
        host p1/c 10.0.0.1 ovsdb=tcp:10.0.0.9
            transport `lan`: the address 10.0.0.1 is that of host `p1/a` already
        host p1/c 127.0.0.1
            transport `lan`: 127.0.0.1 can't carry tunnels; expected the host's own unicast address
        host p1/c ovsdb=tcp:10.0.0.9
            transport: a host needs at least one, as NAME=ADDRESS
        host p1/c 10.0.0.9/100
            transport `lan`: MTU 100 is out of range; expected 1280 to 65535 bytes
        host p1/c san=10.1.0.9
            transport: network `n1` needs transport `lan`, which host `p1/c` does not have; other transports: san
        remove p1/b
            host `p1/b` is the preferred center of networks: n1; change that first
        update n9
            network: there is no network `n9`; networks: n1, n2
        network n1 p1
            network: the name `n1` is taken; choose another
        network n3
            pools: a network needs at least one pool
        network n3 p1 prefer=p2
            pool `p2` is not part of network `n3`; its pools: p1
        network n3 p1 p2:wan
            transport: network `n3` needs transport `wan`, which host `p2/a` does not have; other transports: lan, san
        network n3 p1:san p2:san
            transport: host `p2/a` has an IPv6 address on it and others of network `n3` have not; all need the same IP version
        network n3 p1 mtu=1500
            mtu: the 1500 of network `n3` are more than transport `lan` of host `p1/a` carries: its MTU of 1500 less 50 bytes of vxlan leaves 1450
        network n3 p1 encap=gre mtu=1500
            mtu: the 1500 of network `n3` are more than transport `lan` of host `p1/a` carries: its MTU of 1500 less 42 bytes of gre leaves 1458
        network n3 p1 mtu=500
            mtu: 500 is too small; expected 576 bytes at least
        network n3 p1 vni=7
            vni: 7 is taken by network `n1`; choose another, or leave it out to have one allocated
        update n1 set=p1 remove=p1
            pools: `p1` is to be both set and removed; name it once
        adopt epoch=0
            epoch 0 is not the current one, 1: another controller leads
        adopt based=0
            planned upon revision 0, and the state is at 8: plan again
        adopt n1:vni=8
            the plan for network `n1` breaks an invariant: VNI 8 is not the one asked for
        move n1 p1/a
            network `n1` prefers star-center `p1/b` in that pool and would go back to it; change the preference with `asterctl network update` first
        move n1 p1/b
            pool `p1` of network `n1` has no star-center yet; see `asterctl explain n1` for what it waits for
        move n2 p1/b
            pool `p1` is not part of network `n2`; its pools: p3
        move-pool n1 p2
            pool `p2` of network `n1` has no star-center yet; see `asterctl explain n1` for what it waits for
        settings bfd=99
            bfd-budget: 99 is out of range; expected 100 to 1000000
        settings bfd=1000001 mode=read-only
            bfd-budget: 1000001 is out of range; expected 100 to 1000000
        (xapi) xapi-pool x3 uuid=49
            pool: `x1` is the same pool, 00000000-0000-0000-0000-000000000031; a pool is added once
        (xapi) xapi-pool x1
            pool: `x1` is the same pool, 00000000-0000-0000-0000-000000000031; a pool is added once
        (xapi) access p1
            pool: `p1` is a static one, without a XAPI
        (xapi) host x1/c 10.0.0.9
            pool `x1`: its XAPI lists its hosts; add the host to the pool there, and it appears here
        (xapi) inventory x1 uuid=7
            pool `x1`: an inventory of another pool, 00000000-0000-0000-0000-000000000007, is not taken for its own
        (xapi) remove x1/a
            host `x1/a` is listed by its pool's XAPI; eject it from the pool there, or drain it with `asterctl host drain x1/a`
        (xapi) network n2 x1:xenbr9
            transport: no host of pool `x1` has an address on `xenbr9`; other transports: xenbr1
        (xapi) network n2 x1:xenbr1 encap=geneve
            encapsulation: pool `x1` is behind a XAPI, which has no tunnels of geneve; expected vxlan or gre
        (xapi) network n2 x2:xenbr1
            pool: `x2` is leaving; it can be added again once it is gone
        (xapi) move n1 x1/b
            host `x1/b` is disabled in its pool, or not listed there, and so no center
        (xapi) access x1 address=-
            addresses: a pool's XAPI needs at least one
        (adopted) take n9 vni=13 x1:10:xapi9:xenbr1:b
            pool `x1`: its network 00000000-0000-0000-0000-00000000000a carries network `n2` already; each is adopted once
        (adopted) take n9 vni=13 x1:19:xapi/9:xenbr1:b
            pool `x1`: `xapi/9` is no bridge of a pool's network; expected 1 to 15 letters and digits
        (adopted) take n9 vni=13 center=x2 x1:19:xapi9:xenbr1:b
            pool-center: `x2` is not one of the pools of network `n9`; its pools: x1
        (adopted) release n1
            network `n1` was not adopted from Xen Orchestra, and there is nobody to release it to; see `asterctl network delete`
        (adopted) release n3
            network `n3` was given pools since it was adopted: x2; remove them with `asterctl network update` first
        (adopted) release n4
            resilience: network `n4` has two uplinks on its hosts, and Xen Orchestra knows one; run `asterctl network update n4 --resilience single` first
        (adopted) release n6
            network `n6` still has standbys, or a center on the move; release it when `asterctl topology n6` shows none
        (adopted) move-pool n2 x2
            network `n2` is one star over the hosts of all of its pools; its pool-center moves only when its star has no host left
        (adopted) update n5 mtu=1300
            network `n5` is being released; it can't be changed any more
        (leaving) enable p1/a
            host `p1/a` is leaving; it can be added again once it is gone
        (twin) network n3 p1 p3:wan
            transport: hosts p1/a, p3/a would carry network `n3` from one address, 10.0.0.1; each needs its own
        (disabled) move n1 p1/b
            host `p1/b` is disabled, and so no center; `asterctl host undrain p1/b` makes it one that may be
        (preferring p1) move-pool n1 p2
            network `n1` prefers pool-center `p1` and would go back to it; change the preference with `asterctl network update` first
        (c4 invited, c2 retired) invite c2 10.9.0.2:7400
            node c2 was removed from this cluster, and its id is used up; choose one that was never used
        (c4 invited, c2 retired) invite c4 10.9.0.5:7400
            node c4 is to join already, at 10.9.0.4:7400; remove it first, and choose another id for the new one
        (another cluster's) restore
            the snapshot is of another cluster, `other` (00000000000000000000000000000009); a cluster's state is restored from its own alone
    "#]].assert_eq(&said.concat());
}

#[test]
fn there_is_a_case_of_every_refusal() {
    let met: BTreeSet<String> = cases().iter().map(|(_, refusal)| variant(refusal)).collect();
    let declared = include_str!("../../src/refusal.rs");
    let (_, body) = declared.split_once("pub enum Refusal {").unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let all: BTreeSet<String> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .map(variant_in)
        .collect();
    assert!(all.len() > 30, "{all:?}");
    assert_eq!(met, all);
}

#[test]
fn long_lists_are_cut() {
    let mut world = World::of("init lab");
    for pool in 0..11 {
        world.execute(Operation::AddPool { name: format!("pool{pool}").parse().unwrap() });
    }
    expect!["pool: there is no pool `p1`; pools: pool0, pool1, pool2, pool3, pool4, pool5, pool6, pool7 and 3 more"].assert_eq(&refuse(&mut world.state, "remove-pool p1").to_string());
}

/// All cases, those included that need more than a line.
fn cases() -> Vec<(String, Refusal)> {
    let mut cases = vec![
        ("(empty) pool p1".to_owned(), refuse(&mut NetworkState::default(), "pool p1")),
        ("(256 pools) pool p1".to_owned(), refuse(&mut full(), "pool p1")),
        ("(last epoch) claim c1".to_owned(), refuse(&mut at_last_epoch(), "claim c1")),
    ];
    for case in CASES {
        cases.push(((*case).to_owned(), refuse(&mut World::of(LAB).state, case)));
    }
    for case in XAPI_CASES {
        cases.push((format!("(xapi) {case}"), refuse(&mut World::of(XAPI).state, case)));
    }
    for case in ADOPTED_CASES {
        cases.push((format!("(adopted) {case}"), refuse(&mut World::of(ADOPTED).state, case)));
    }
    let mut leaving = World::of(&format!("{LAB}\nremove p1/a")).state;
    cases.push(("(leaving) enable p1/a".to_owned(), refuse(&mut leaving, "enable p1/a")));
    let mut twin = World::of(&format!("{LAB}\nhost p3/a lan=10.0.2.1 wan=10.0.0.1")).state;
    cases.push(("(twin) network n3 p1 p3:wan".to_owned(), refuse(&mut twin, "network n3 p1 p3:wan")));
    let mut disabled = World::of(&format!("{LAB}\ndisable p1/b")).state;
    cases.push(("(disabled) move n1 p1/b".to_owned(), refuse(&mut disabled, "move n1 p1/b")));
    let mut preferring = World::of(&format!("{LAB}\nupdate n1 prefer=p1")).state;
    cases.push(("(preferring p1) move-pool n1 p2".to_owned(), refuse(&mut preferring, "move-pool n1 p2")));
    let mut invited = World::of(&format!("{LAB}\ninvite c4 10.9.0.4:7400\nretire c2")).state;
    for case in ["invite c2 10.9.0.2:7400", "invite c4 10.9.0.5:7400"] {
        cases.push((format!("(c4 invited, c2 retired) {case}"), refuse(&mut invited, case)));
    }
    let backup = Box::new(World::of("init other id=9").state.for_restore());
    let restore = Operation::RestoreState { state: backup, members: BTreeSet::new() };
    if let Reply::Refused(refusal) = World::of(LAB).execute(restore) {
        cases.push(("(another cluster's) restore".to_owned(), refusal));
    }
    cases
}

fn full() -> NetworkState {
    let mut world = World::of("init lab");
    for pool in 0..256 {
        world.execute(Operation::AddPool { name: format!("pool{pool}").parse().unwrap() });
    }
    world.state
}

fn at_last_epoch() -> NetworkState {
    let mut stored: serde_json::Value =
        serde_json::from_slice(&encode_state(&World::of("init lab").state)).unwrap();
    stored["value"]["epoch"] = u64::MAX.into();
    serde_json::from_value(stored["value"].clone()).unwrap()
}

fn refuse(state: &mut NetworkState, line: &str) -> Refusal {
    match state.apply(&script::parse(line, state)) {
        Reply::Refused(refusal) => refusal,
        applied @ Reply::Applied { .. } => panic!("`{line}` was not refused: {applied:?}"),
    }
}

fn variant(refusal: &Refusal) -> String {
    variant_in(&format!("{refusal:?}"))
}

fn variant_in(text: &str) -> String {
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned()
}
