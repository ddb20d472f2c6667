//! Which tunnels follow from the choices, and which way each of them leads.

use expect_test::{Expect, expect};

use super::*;
use crate::testing::state;

/// The links of the one network of a state, with ranks.
fn check(script: &str, expected: Expect) {
    let state = state(script);
    let members = Members::of(&state);
    let network = state.networks().values().next().unwrap();
    let mut out = String::new();
    match Fabric::of(&members, network) {
        None => out += "no topology\n",
        Some(fabric) => {
            for host in state.hosts().values() {
                let rank = fabric.rank(host).map_or_else(|| "no rank".to_owned(), |rank| rank.to_string());
                let (up, down) = (fabric.uplinks(host), fabric.downlinks(host));
                out += &format!("{} {rank}, up {up:?}, down {down:?}\n", host.id);
            }
            out += if fabric.is_whole() { "whole\n" } else { "not whole\n" };
        }
    }
    expected.assert_eq(&out);
}

const POOLS: &str = "
    pool p1
    pool p2
    pool p3
    host p1/a 10.0.1.1
    host p1/b 10.0.1.2
    host p2/c 10.0.2.1
    host p2/d 10.0.2.2
    host p3/e 10.0.3.1
    network n p1 p2";

#[test]
fn a_network_without_choices_has_no_links() {
    check(
        POOLS,
        expect![[r#"
        no topology
    "#]],
    );
}

#[test]
fn leaves_lead_to_their_center_and_centers_to_the_root() {
    check(
        &format!("{POOLS}\nadopt n1:vni=1:p1=h2:p2=h3:center=p1"),
        expect![[r#"
        h1 leaf, up [h2], down []
        h2 root, up [], down [h1, h3]
        h3 star-center, up [h2], down [h4]
        h4 leaf, up [h3], down []
        h5 no rank, up [], down []
        whole
    "#]],
    );
}

#[test]
fn a_pool_without_a_star_is_on_its_own() {
    check(
        &format!("{POOLS}\nadopt n1:vni=1:p1=h1:center=p1"),
        expect![[r#"
        h1 root, up [], down [h2]
        h2 leaf, up [h1], down []
        h3 no rank, up [], down []
        h4 no rank, up [], down []
        h5 no rank, up [], down []
        whole
    "#]],
    );
}

#[test]
fn a_center_that_leaves_has_no_links_any_more() {
    check(
        &format!("{POOLS}\nadopt n1:vni=1:p1=h1:p2=h3:center=p1\nremove p2/c"),
        expect![[r#"
        h1 root, up [], down [h2]
        h2 leaf, up [h1], down []
        h3 no rank, up [], down []
        h4 leaf, up [], down []
        h5 no rank, up [], down []
        not whole
    "#]],
    );
}

#[test]
fn a_pool_that_leaves_the_network_has_no_links_any_more() {
    check(
        &format!("{POOLS}\nadopt n1:vni=1:p1=h1:p2=h3:center=p1\nupdate n remove=p1"),
        expect![[r#"
        h1 no rank, up [], down []
        h2 no rank, up [], down []
        h3 star-center, up [], down [h4]
        h4 leaf, up [h3], down []
        h5 no rank, up [], down []
        not whole
    "#]],
    );
}
